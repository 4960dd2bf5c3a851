"""Robustness: a row for each system, a column for each level of missing or noisy modalities, and their areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..robustness import Measure
from ..sheet import Cell, Column, Sheet, grouped
from . import parts

if TYPE_CHECKING:
    from ..row import Row
    from ..sheet import Mark
    from ..table import Table

_AREA = "AUC"


def robust(table: Table) -> Sheet:
    """For each metric, kind and pattern the levels in order, then the area with its comparison."""
    curves: dict[tuple[str, str], list[Measure]] = {}
    for metric in table.metrics:
        if isinstance(metric, Measure):
            curves.setdefault((metric.metric, metric.curve), []).append(metric)
    columns = [Column("System", "left")]
    for measures in curves.values():
        columns += _columns(table, measures)
    counted = parts.is_counted(table)
    columns += [*([Column("n", "right")] if counted else []), *parts.cost_columns(table)]
    marks = {metric.name: parts.marks(metric, table.rows) for metric in table.metrics}
    rows = []
    for index, row in enumerate(table.rows):
        cells = [Cell(row.shown)]
        for measures in curves.values():
            cells += _cells(table, row, measures, {one.name: marks[one.name][index] for one in measures})
        cells += [parts.count_cell(row)] if counted else []
        rows.append((*cells, *parts.cost_cells(table, row.cell)))
    apart = len(rows) > 1 and table.rows[0].baseline
    siunitx = table.settings.format.siunitx
    return Sheet(table.name, table.caption, tuple(columns), tuple(rows), table.notes, apart, siunitx=siunitx)


def _columns(table: Table, measures: list[Measure]) -> list[Column]:
    kind, _, which = measures[0].curve.partition(":")
    group = f"{parts.title(table, measures[0], measures[0].metric)}, {kind}{' ' + which if which else ''}"
    columns = [Column(f"{one.level:g}", "right") for one in measures if one.level is not None]
    for area in (one for one in measures if one.level is None):
        first, *others = parts.metric_columns(table, area, group)
        columns += [Column(_AREA, first.align), *(Column(c.heading, c.align) for c in others)]
    return grouped(group, columns)


def _cells(table: Table, row: Row, measures: list[Measure], marks: dict[str, Mark]) -> list[Cell]:
    rates = [one for one in measures if one.level is not None]
    cells = [parts.metric_cells(table, row, one, marks[one.name])[0] for one in rates]
    for area in (one for one in measures if one.level is None):
        cells += parts.metric_cells(table, row, area, marks[area.name])
    return cells
