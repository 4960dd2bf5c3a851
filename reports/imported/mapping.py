"""How a file of runs is to be read: which columns are settings, seeds, folds and metrics, in a few lines of YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from ...core.catalogue import Catalogue
from ...core.specs import Settings
from ...core.study.grammar import Grammar, Slot
from ...core.study.layers import load_text
from ...core.study.locate import locate, read
from ...core.study.messages import coerced, translate, wrong_kind
from ...core.study.names import folder_problem, name_problem
from ...core.study.plan import DesignKind, TableSettings  # noqa: TC001 - pydantic reads them
from ...core.study.tree import plain

if TYPE_CHECKING:
    from pathlib import Path

    from ...core.study.problems import Problems
    from ...core.study.tree import Node, Place

Value = bool | int | float | str | None
Choice = dict[str, Value | tuple[Value, ...]]
"""{column or setting: the value it must have, or a list of which one}."""
Pick = str | dict[str, Value]
"""A row: its label, or values of settings that no other row has."""


class MetricColumns(Settings):
    """A metric, and the columns that hold it."""

    columns: dict[str, str] = Field(default_factory=dict)
    """{part of the data: column}; left out, the column of the metric's own name holds the part `test`."""
    higher_is_better: bool | None = None
    """Direction; left out, that of butfor's own metric of the name."""
    rate: bool | None = None
    """Whether it lies in [0, 1]; left out, as butfor's own metric of the name."""
    percent: bool = False
    """Whether the file has it in percent; it is divided by 100."""


class LongForm(Settings):
    """A file with a line for each metric of a run, as `butfor export` writes it."""

    metric: str = "metric"
    """The column with names of metrics."""
    value: str = "value"
    """The column with their values."""
    split: str = ""
    """The column with parts of the data; empty where all are of the part `test`."""


class RunsDesign(Settings):
    """Some runs as the rows of a table."""

    kind: DesignKind = "cells"
    """Which design the rows make up, as in a study: `factorial` gives effects and interactions."""
    where: Choice = Field(default_factory=dict)
    """Only the runs with these values."""
    settings: tuple[str, ...] = ()
    """Settings that tell rows apart; runs that differ in others count as replicates. Empty takes all."""
    baseline: Pick | None = None
    """The row that others are held against; left out, that of the study."""
    labels: dict[str, dict[str, Value]] = Field(default_factory=dict)
    """{label: values of settings} of rows that should not be named by what sets them apart."""


class ClaimSettings(Settings):
    """A conclusion that somebody drew from the runs."""

    says: str
    """The conclusion, in words."""
    design: str
    """The design that it is about."""
    metric: str
    """The metric that it is about."""
    better: Pick
    """The row that is said to be better."""
    than: Annotated[
        tuple[Pick, ...], BeforeValidator(lambda value: [value] if isinstance(value, str | dict) else value)
    ] = ()
    """The rows it is said to be better than; left out, every other one."""
    split: str = "test"
    """The part of the data that it is about."""


class ReportedNumbers(Settings):
    """Numbers that were published as one row."""

    says: str
    """What was said of them."""
    numbers: dict[str, dict[str, float]]
    """{part of the data: {metric: number as printed}}."""


class MappingSettings(Settings):
    """The file that says how runs are to be read."""

    study: str
    """Name of the study, and of its folder of results."""
    runs: str = ""
    """The file of runs (`.csv`, `.tsv`, `.json`, `.jsonl`, `.parquet`), from the folder of this file on."""
    where: Choice = Field(default_factory=dict)
    """Only the lines with these values."""
    settings: Literal["rest"] | tuple[str, ...] | dict[str, str] = "rest"
    """Columns that are settings, or {name: column}; `rest`: every column that is nothing else."""
    ignore: tuple[str, ...] = ()
    """Columns that are no settings, such as notes and times, where the settings are the `rest`."""
    seed: str = ""
    """Column of the seed; empty where none was recorded."""
    fold: str = ""
    """Column of the fold; empty where there is one."""
    label: str = ""
    """Column that names the system; empty names rows by what sets them apart."""
    state: str = ""
    """Column that says how the run ended; empty takes all as `done`."""
    data_set: str = ""
    """Column of the data set; each has rows and a baseline of its own."""
    paired: bool | None = None
    """Whether runs with equal seed and fold saw the same split. Left out: where a seed or fold is recorded."""
    metrics: dict[str, MetricColumns | str] | tuple[str, ...] = ()
    """The metrics, the most important first: names of columns, {name: column}, or {name: MetricColumns}."""
    long: LongForm | None = None
    """Set where the file has a line for each metric."""
    baseline: Pick | None = None
    """The row that the others are held against."""
    designs: dict[str, RunsDesign] = Field(default_factory=dict)
    """The tables' rows; left out, one design `runs` of all runs."""
    tables: tuple[TableSettings, ...] = ()
    """As in a study; left out, one for each design and part of the data."""
    claims: tuple[ClaimSettings, ...] = ()
    """Conclusions to be held against the runs."""
    reported: tuple[ReportedNumbers, ...] = ()
    """Rows of numbers that were published, to be looked for in the runs."""


@dataclass(frozen=True, slots=True)
class RunsMapping:
    """A mapping that was read, and where each of its values stands."""

    said: MappingSettings
    tree: Node
    file: str

    def place(self, *path: str | int) -> Place:
        """Where a value stands, or what is nearest to it."""
        return locate(self.tree, path)[0].place

    @property
    def designs(self) -> dict[str, RunsDesign]:
        """The designs, or the one of all runs."""
        return self.said.designs or {"runs": RunsDesign()}

    @property
    def metrics(self) -> dict[str, MetricColumns]:
        """{metric: its columns}."""
        said = self.said.metrics
        named = said if isinstance(said, dict) else {name: MetricColumns() for name in said}
        return {
            name: MetricColumns(columns={"test": one}) if isinstance(one, str) else one for name, one in named.items()
        }

    @property
    def paired(self) -> bool:
        """Whether blocks of seed and fold may be paired."""
        return bool(self.said.seed or self.said.fold) if self.said.paired is None else self.said.paired


def read_mapping(path: Path, problems: Problems) -> RunsMapping | None:
    """The mapping in a file; None where what is wrong leaves nothing to go on with. Raises StudyError for no YAML."""
    tree = read(load_text(path), str(path))
    try:
        said = MappingSettings.model_validate(plain(tree))
    except ValidationError as error:
        problems.take(translate(error, tree, Grammar(Catalogue({})), Slot((MappingSettings,)), ""))
        return None
    resolved: Any = said.resolved()
    for key in ("where", "baseline", "designs", "claims"):  # values there may be anything
        resolved.pop(key, None)
    problems.take(wrong_kind(node, ".".join(where), wanted) for where, node, wanted in coerced(tree, resolved))
    mapping = RunsMapping(said, tree, str(path))
    _check_names(mapping, problems)
    return mapping


def _check_names(mapping: RunsMapping, problems: Problems) -> None:
    """Names of the study, its designs and tables."""
    said = mapping.said
    if wrong := folder_problem(said.study):
        problems.add(mapping.place("study"), f"{said.study!r} {wrong}", "study", code="BF113")
    for name in said.designs:
        if wrong := name_problem(name):
            problems.add(mapping.place("designs", name), f"{name!r} {wrong}", "designs", code="BF113")
    if not mapping.metrics and said.long is None:
        problems.add(mapping.tree.head, "`metrics` is missing", code="BF110")
    if mapping.said.paired and not (said.seed or said.fold):
        problems.add(
            mapping.place("paired"), "runs can be paired only by a `seed` or `fold` column", "paired", code="BF202"
        )
    for part in ("tables", "claims"):
        for number, item in enumerate(getattr(said, part)):
            if item.design not in mapping.designs:
                place = mapping.place(part, number, "design")
                path = f"{part}.{number}.design"
                problems.unknown(place, "design", item.design, [*mapping.designs], path, code="BF313")
