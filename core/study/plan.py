"""What a study means, written down: its cells, designs and trials as plain data that reports can read without torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..specs import Settings

DesignKind = Literal["leave_one_out", "one_at_a_time", "factorial", "ladder", "subsets", "zip", "cells"]
Level = str | float | int | bool | None


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

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> SequentialSettings:
        if self.max_seeds < self.first:
            raise ValueError(f"max_seeds {self.max_seeds} is less than the {self.first} seeds of the first look")
        return self


class StatisticsSettings(Settings):
    """How the rows of a table are compared with the baseline."""

    test: Literal["auto", "paired_t", "nadeau_bengio", "wilcoxon", "none"] = "auto"
    """`paired_t` and `wilcoxon` (signed ranks): over seeds, folds averaged first. `nadeau_bengio`: corrected resampled
    t over folds, seeds averaged first. `auto`: over folds where there are several, else over seeds. `none`: no test."""
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
    columns: tuple[Literal["interval", "p", "p_adjusted", "wins", "effect", "verdict"], ...] = (
        "interval",
        "p_adjusted",
        "verdict",
    )
    """What a printed table shows beside the difference; CSV and JSON have all of it."""

    def margin_of(self, metric: str) -> float | None:
        """The margin of a metric; None for none."""
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
    tables: tuple[TableSettings, ...] = ()
    """Every table: those asked for, else one for each design."""
    trials: tuple[PlannedTrial, ...] = ()
    """Every distinct trial."""
    metrics: tuple[PlannedMetric, ...] = ()
    """The metrics of the tasks, in the order of importance: those of the selection come first."""
    held_out: dict[str, float] = Field(default_factory=dict)
    """{split: rows held out for each row that is trained on} of the baseline's folds; empty where there is one fold."""
