"""What a study means, written down: its cells, designs and trials as plain data that reports can read without torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..conditions import Condition, split_under
from ..specs import Settings
from .table_settings import Cost, FormatSettings, Layout, PublishedRow

DesignKind = Literal["leave_one_out", "one_at_a_time", "factorial", "ladder", "subsets", "zip", "cells"]
Level = str | float | int | bool | None
DEFAULT_METRICS = 4
"""Columns of a table that names none."""


class SequentialSettings(Settings):
    """Looking at the results and adding seeds until they settle, without more false positives for it."""

    method: Literal["group", "anytime"] = "group"
    """`group`: the planned looks share alpha equally. `anytime`: p and interval hold at every number of seeds, for the
    paired t over seeds; tables over folds or with signed ranks share alpha all the same."""
    first: int = Field(default=5, ge=5)
    """Seeds at the first look; below 5 nothing is tested."""
    step: int = Field(default=5, ge=1)
    """Seeds that are added for each further look."""
    max_seeds: int = Field(default=20, ge=5)
    """Seeds at the last look; what has not settled by then stays so."""
    also: tuple[Annotated[int, Field(ge=5)], ...] = ()
    """Further numbers of seeds at which was looked, as by a run without `--until-settled`; each shares alpha too."""

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> SequentialSettings:
        if self.max_seeds < self.first:
            raise ValueError(f"max_seeds {self.max_seeds} is less than the {self.first} seeds of the first look")
        return self


class StatisticsSettings(Settings):
    """How the rows of a table are compared with the baseline."""

    test: Literal["auto", "paired_t", "nadeau_bengio", "wilcoxon", "welch", "pooled_t", "none"] = "auto"
    """`paired_t` and `wilcoxon` (signed ranks): over seeds, folds averaged first. `nadeau_bengio`: corrected resampled
    t over folds, seeds averaged first. `welch` and `pooled_t` (one spread for all rows): runs that nothing pairs.
    `auto`: over folds where there are several, else over seeds. `none`: no test."""
    correction: Literal["holm", "hommel", "bonferroni", "fdr_bh", "none"] = "holm"
    """For many comparisons. `fdr_bh` (Benjamini-Hochberg) holds the share of false findings, not the chance of any."""
    family: Literal["column", "table", "study"] = "table"
    """What the correction is over: the rows of each metric by itself, the whole table, or all tables of the study."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance of a false positive; intervals hold 1 - alpha."""
    margin: Annotated[float, Field(gt=0)] | dict[str, Annotated[float, Field(gt=0)]] | None = None
    """The smallest difference that matters, in the metric's own unit (.01, not 1, for a rate in percent): a number for
    all metrics of the table or {metric: number}. With it a row may be called equivalent."""
    power: float = Field(default=0.8, gt=0, lt=1)
    """Chance of finding what the notes call detectable, or of settling with the seeds that they name."""
    sequential: SequentialSettings | None = None
    """Set where seeds are added by results (`run --until-settled`); null for a fixed number of seeds."""
    columns: tuple[Literal["interval", "p", "p_adjusted", "wins", "superiority", "effect", "verdict"], ...] = (
        "interval",
        "p_adjusted",
        "verdict",
    )
    """What a printed table shows beside the difference; CSV and JSON have all of it."""

    def margin_of(self, metric: str) -> float | None:
        """The margin of a metric, of an area under it too; None for none."""
        metric = metric.partition("@")[0]
        return self.margin.get(metric) if isinstance(self.margin, dict) else self.margin


class TableSettings(Settings):
    """A table that the study asks for."""

    design: str
    """The design whose cells are the rows."""
    metrics: tuple[str, ...] = ()
    """Columns; empty takes the metrics of the selection and the first few of each task."""
    split: str = "test"
    """Which part of the data the metrics are of."""
    caption: str = ""
    """Text above the table; empty makes one."""
    decimals: int = Field(default=3, ge=0, le=8)
    """Digits behind the point; with `percent`, metrics that are no rates get two more."""
    percent: bool = False
    """Multiply rates (accuracy, F1) by 100."""
    statistics: StatisticsSettings = StatisticsSettings()
    """How rows are compared with the baseline."""
    layout: Layout = "auto"
    """`components` (ticks), `comparison` (systems by metrics, by data sets where there are several), `sweep` (the
    ordered numbers of one setting), `factorial` (a cross table), `robustness` (tests under missing or noisy
    modalities); `auto` is components or comparison, as the design is."""
    factor: str = ""
    """The setting of a sweep; the factor whose levels are the columns of a cross table or of several data sets. Empty
    where there is only one that can be meant; the last one of a cross table."""
    along: Literal["rows", "columns"] = "rows"
    """Where the values of a sweep stand."""
    format: FormatSettings = FormatSettings()
    """How numbers are printed."""
    costs: tuple[Cost, ...] = ()
    """Columns of what a system costs: trained parameters, FLOPs of one row forward, seconds and memory of a trial."""
    reference: tuple[PublishedRow, ...] = ()
    """Rows of published numbers; never tested against."""

    @model_validator(mode="after")
    def _said_once(self) -> TableSettings:
        for name in ("decimals", "percent"):
            said, beside = getattr(self.format, name), getattr(self, name)
            if said is not None and beside not in (said, type(self).model_fields[name].default):
                raise ValueError(f"`{name}` is {beside} here and {said} in `format`; say it once")
        if self.along != "rows" and self.layout != "sweep":
            raise ValueError("`along` is read by the layout sweep; name it as `layout`")
        crossed = self.layout == "factorial" or self.along == "columns"
        if crossed and (self.costs or self.reference):
            raise ValueError("`costs` and `reference` need rows that are systems; a cross table has none")
        if self.layout == "robustness" and self.reference:
            raise ValueError(
                "`reference` has no tests under missing or noisy modalities; make a table of another layout for it"
            )
        return self

    @property
    def places(self) -> int:
        """Digits behind the point."""
        return self.decimals if self.format.decimals is None else self.format.decimals

    @property
    def in_percent(self) -> bool:
        """Whether rates are multiplied by 100."""
        return self.percent if self.format.percent is None else self.format.percent


class PlannedCell(Settings):
    """A cell: one system that is trained over all seeds and folds."""

    key: str
    """Hash of the settings."""
    label: str
    """How it reads in a table."""
    settings: dict[str, Any]
    """Resolved settings, defaults included."""
    differs: dict[str, Any] = Field(default_factory=dict)
    """{path: value} against the baseline."""
    tested_on: dict[str, str] = Field(default_factory=dict)
    """{split: digest of its rows and their labels}: cells that share it may stand in one column. Empty: not known."""


class PlannedRow(Settings):
    """A cell as it stands in one design: a cell that two designs share has a row in each."""

    cell: str
    """Key of the cell."""
    label: str
    """How it reads in this design's table."""
    levels: dict[str, Level] = Field(default_factory=dict)
    """{factor: level}. For components: True kept, False removed. Else the level's label."""
    baseline: bool = False
    """Whether this is the baseline's row."""
    without: tuple[str, ...] = ()
    """Modalities that the trained cell is tested without: the row's values are those of `SPLIT@condition`."""

    @property
    def condition(self) -> str:
        """Name of the condition that the row is tested under; empty for the clean test."""
        return Condition("without", 1.0, self.without, ()).name if self.without else ""

    @property
    def key(self) -> str:
        """The cell, with the condition where there is one: no two rows of a design share it."""
        return split_under(self.cell, self.condition)


class PlannedDesign(Settings):
    """A design and its rows, in the order of the table."""

    name: str
    """The name in the study."""
    kind: DesignKind
    """Which design."""
    factors: tuple[str, ...] = ()
    """Names of the columns that say what varies, in order; those whose levels are all bool print as ticks."""
    rows: tuple[PlannedRow, ...]
    """The baseline's row is marked; it comes first in leave_one_out, one_at_a_time and subsets."""
    pooled: tuple[str, ...] = ()
    """Of imported runs: settings in which runs of one row differ, which the mapping takes for replicates."""


class PlannedTrial(Settings):
    """A cell trained with one seed on one fold."""

    key: str
    """Hash of all that decides the numbers."""
    cell: str
    """Key of the cell."""
    seed: int
    """Trial seed."""
    fold: str
    """Name of the fold."""


class PlannedMetric(Settings):
    """A metric as tables need it."""

    name: str
    """As in the tidy frame."""
    higher_is_better: bool
    """Direction."""
    rate: bool = False
    """Whether it lies in [0, 1] and may be printed as a percentage."""


class PlannedClaim(Settings):
    """A conclusion that somebody drew from imported runs, to be held against them."""

    says: str
    """The conclusion, in words."""
    design: str
    """The design whose rows it is about."""
    metric: str
    """The metric that it is about."""
    split: str
    """The part of the data that it is about."""
    better: str
    """Key of the cell that is said to be better."""
    than: tuple[str, ...]
    """Keys of the cells that it is said to be better than, each of them."""


class RunCounts(Settings):
    """How many runs a file of runs trained elsewhere has, and how many of them anything is said about."""

    file: int
    """Runs in the file."""
    taken: int
    """Those of them that `where` asks for."""
    shown: int
    """Those of them that stand in a row of some table; one that stands in several counts once."""


class Looked(Settings):
    """Trials that were looked at while seeds were added by results: no later plan may forget it."""

    sequential: SequentialSettings
    """How was looked."""
    trials: tuple[str, ...]
    """Keys of the trials."""


class Plan(Settings):
    """The whole study, written next to its results as `plan.json`."""

    study: str
    """Name of the study."""
    source: str = ""
    """The file it was read from."""
    baseline: str
    """Key of the baseline's cell."""
    cells: tuple[PlannedCell, ...]
    """Every distinct cell."""
    designs: tuple[PlannedDesign, ...] = ()
    """Every design."""
    conditions: tuple[str, ...] = ()
    """Names of the conditions that every cell is tested under besides the clean test."""
    tables: tuple[TableSettings, ...] = ()
    """Every table: those asked for, else one for each design."""
    trials: tuple[PlannedTrial, ...] = ()
    """Every distinct trial."""
    metrics: tuple[PlannedMetric, ...] = ()
    """The metrics of the tasks, in the order of importance: those of the selection come first."""
    held_out: dict[str, float] = Field(default_factory=dict)
    """{split: rows held out for each row that is trained on} of the baseline's folds; empty where there is one fold."""
    leaks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """{cell: which groups stand in two parts of a fold of its}; cells without such groups are not there."""
    papers: dict[str, str] = Field(default_factory=dict)
    """{`KIND NAME`: BibTeX} of the parts in use that come from a paper."""
    imported: str = ""
    """Name of the file of runs trained elsewhere that this was made from; empty for a study of butfor's own."""
    run_counts: RunCounts | None = None
    """How many runs that file has, and how many of them stand in tables; None for a study of butfor's own."""
    paired: bool = True
    """Whether a seed on a fold means the same in every cell; false for imported runs without seeds."""
    claims: tuple[PlannedClaim, ...] = ()
    """Conclusions to be held against imported runs."""
    remarks: tuple[str, ...] = ()
    """Sentences that stand under the first table."""
    looked: tuple[Looked, ...] = ()
    """What `run --until-settled` has looked at, in this run or an earlier one."""
