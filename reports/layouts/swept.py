"""Sweeps: the ordered values of one setting as rows or as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..sheet import Cell, Column, Sheet, grouped
from . import parts

if TYPE_CHECKING:
    from ..sheet import Mark
    from ..table import Table


def swept(table: Table) -> Sheet:
    """A row for each value, or for each series; marks are among all rows of the sweep."""
    turned = table.settings.along == "columns"
    columns, rows, tail = _along_columns(table) if turned else _along_rows(table)
    return Sheet(
        table.name,
        table.caption,
        columns,
        rows,
        table.notes,
        set_apart=False,
        tail=tail,
        siunitx=table.settings.format.siunitx,
        among="metric" if turned else "column",
    )


def _along_rows(table: Table) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...], int]:
    several = len(table.shape.series) > 1
    columns = [Column("System", "left")] if several else []
    columns.append(Column(table.shape.swept, "right" if several else "left"))
    for metric in table.metrics:
        columns += parts.metric_columns(table, metric)
    counted = parts.is_counted(table)
    columns += [*([Column("n", "right")] if counted else []), *parts.cost_columns(table)]
    marks = _marks(table)
    rows = []
    for series in table.shape.series:
        for place, (value, index) in enumerate(series.points):
            row = table.rows[index]
            cells = [Cell("" if place else series.label)] if several else []
            cells.append(Cell(f"{value:g}{' (baseline)' if row.baseline else ''}"))
            for metric in table.metrics:
                cells += parts.metric_cells(table, row, metric, marks[metric.name][index])
            cells += [parts.count_cell(row)] if counted else []
            rows.append((*cells, *parts.cost_cells(table, row.cell)))
    for published in table.settings.reference:
        cells = [parts.published_label(published), *([Cell("")] if several else [])]
        for metric in table.metrics:
            cells += parts.published_cells(table, published, metric)
        cells += [Cell("")] if counted else []
        rows.append((*cells, *parts.published_costs(table, published)))
    return tuple(columns), tuple(rows), len(table.settings.reference)


def _along_columns(table: Table) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...], int]:
    """Series by values; of several metrics each has a row in every series."""
    values = sorted({value for series in table.shape.series for value, _ in series.points})
    columns = [Column("System", "left")] if len(table.shape.series) > 1 else []
    columns.append(Column("Metric", "left"))
    columns += grouped(table.shape.swept, [Column(f"{value:g}", "right") for value in values])
    marks = _marks(table)
    rows = []
    for series in table.shape.series:
        at = dict(series.points)
        for place, metric in enumerate(table.metrics):
            cells = [Cell("" if place else series.label)] if len(table.shape.series) > 1 else []
            cells.append(Cell(parts.title(table, metric)))
            for value in values:
                index = at.get(value)
                cells += (
                    [Cell("–")]
                    if index is None
                    else parts.metric_cells(table, table.rows[index], metric, marks[metric.name][index])[:1]
                )
            rows.append(tuple(cells))
    return tuple(columns), tuple(rows), 0


def _marks(table: Table) -> dict[str, dict[int, Mark]]:
    inside = [index for series in table.shape.series for _, index in series.points]
    rows = [table.rows[index] for index in inside]
    return {metric.name: dict(zip(inside, parts.marks(metric, rows), strict=True)) for metric in table.metrics}
