"""What a table is made of: its design, its values, its metrics and its comparisons, before p are adjusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.conditions import split_under
from ..core.errors import StudyError, nearest
from ..core.study.plan import DEFAULT_METRICS
from .groups import groups_of
from .judged import comparisons, procedure_of
from .recorded import splits_of, values_on
from .robustness import area_values, curves_of, measures_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..core.results import TrainResult
    from ..core.study.plan import Plan, PlannedDesign, PlannedMetric, PlannedRow, TableSettings
    from .blocks import Block
    from .groups import Groups
    from .judged import Place, Values
    from .statistics.compare import Comparison
    from .statistics.procedure import Procedure


@dataclass(frozen=True, slots=True)
class Gathered:
    """A table before its p are adjusted."""

    design: PlannedDesign
    reference: PlannedRow | None
    """The baseline's row in the design, if it has one there."""
    against: str
    """Key of the cell that the others are held against."""
    split: str
    values: Values
    metrics: tuple[PlannedMetric, ...]
    absent: tuple[str, ...]
    """Metrics asked for that no trial has."""
    procedure: Procedure
    found: Mapping[Place, Comparison | None]
    """Every comparison that the table declares; None where no block is common."""
    groups: Groups
    """Which rows may stand in one column, and what each is held against."""


def gather(results: Iterable[TrainResult], plan: Plan, table: TableSettings) -> Gathered:
    """Everything of a table before its p are adjusted. Raises StudyError for what nobody has."""
    design = _design(plan, table)
    done = [result for result in results if result.state == "done"]
    splits = splits_of(done)
    _check_split(table, splits)
    wanted, values = _wanted(done, splits, plan, design, table)
    reference = next((row for row in design.rows if row.baseline), None)
    against = reference.cell if reference else plan.baseline
    cells = [row.key for row in design.rows]
    shown = set(cells)
    have = {metric for cell, metric in values if cell in shown}
    nothing = {result.cell for result in done}.isdisjoint(row.cell for row in design.rows)
    metrics = tuple(metric for metric in wanted if nothing or metric.name in have)
    procedure = procedure_of(plan, table.statistics, [*cells, against], table.split, values)
    groups = groups_of(plan, design, table, against)
    tested = [metric for metric in metrics if getattr(metric, "level", None) is None]
    found: dict[Place, Comparison | None] = {}
    for reference_cell in dict.fromkeys(groups.references.values()):
        held = [cell for cell in cells if groups.references.get(cell) == reference_cell]
        found |= comparisons(
            values, held, tested, reference_cell, split=table.split, procedure=procedure, settings=table.statistics
        )
    absent = tuple(metric.name for metric in wanted if metric not in metrics)
    return Gathered(design, reference, against, table.split, values, metrics, absent, procedure, found, groups)


def _wanted(
    done: Sequence[TrainResult], splits: Sequence[str], plan: Plan, design: PlannedDesign, table: TableSettings
) -> tuple[tuple[PlannedMetric, ...], dict[tuple[str, str], dict[Block, float]]]:
    """The columns, and {(key of the row, column): {block: value}}; for robustness a column is a rate or an area."""
    wanted = _metrics(plan, table)
    if table.layout != "robustness":
        names = [metric.name for metric in wanted]
        return wanted, values_on(done, table.split, names) | _under(done, design, table.split, wanted)
    asked = wanted if table.metrics else wanted[:1]
    measures = measures_of(curves_of(splits, table.split), asked, table.split)
    values: dict[tuple[str, str], dict[Block, float]] = {}
    for split in dict.fromkeys(one.split for one in measures if one.level is not None):
        there = values_on(done, split, [metric.name for metric in asked])
        for measure in (one for one in measures if one.split == split):
            values |= {(cell, measure.name): found for (cell, name), found in there.items() if name == measure.metric}
    return measures, values | area_values(measures, values)


def _design(plan: Plan, table: TableSettings) -> PlannedDesign:
    for design in plan.designs:
        if design.name == table.design:
            return design
    near = nearest(table.design, [design.name for design in plan.designs])
    raise StudyError(f"a table asks for the design '{table.design}', which the study has not; {near}".rstrip("; "))


def _check_split(table: TableSettings, known: Sequence[str]) -> None:
    if known and table.split not in known:
        near = nearest(table.split, known)
        raise StudyError(
            f"the table of '{table.design}' asks for the split '{table.split}', which no trial has; {near}"
        )


def _metrics(plan: Plan, table: TableSettings) -> tuple[PlannedMetric, ...]:
    """The metrics asked for, each once, or the first of the plan."""
    known = {metric.name: metric for metric in plan.metrics}
    for name in table.metrics:
        if name not in known:
            near = nearest(name, list(known))
            words = f"the table of '{table.design}' asks for the metric '{name}', which the study has not; {near}"
            raise StudyError(words.rstrip("; "))
    return tuple(known[name] for name in dict.fromkeys(table.metrics)) or plan.metrics[:DEFAULT_METRICS]


def _under(
    done: Sequence[TrainResult], design: PlannedDesign, split: str, metrics: Sequence[PlannedMetric]
) -> dict[tuple[str, str], dict[Block, float]]:
    """{(key of the row, metric): {(seed, fold): value}} of the rows that are tested under a condition of their own."""
    names = [metric.name for metric in metrics]
    conditions = dict.fromkeys(row.condition for row in design.rows if row.condition)
    values = {condition: values_on(done, split_under(split, condition), names) for condition in conditions}
    return {
        (row.key, name): values[row.condition][row.cell, name]
        for row in design.rows
        if row.condition
        for name in names
        if (row.cell, name) in values[row.condition]
    }
