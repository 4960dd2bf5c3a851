"""Components and comparisons: a row for each system, its levels or ticks, its metrics, counts and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..sheet import Cell, Column, Sheet
from . import parts

if TYPE_CHECKING:
    from ..row import Row
    from ..table import Table


def listed(table: Table) -> Sheet:
    """Label, components, then each metric with its delta, n where rows differ in it, costs; published rows last."""
    factors = tuple(factor for factor in table.factors if _has_column(table, factor))
    columns = [Column("System", "left")]
    columns += [Column(factor, "center" if _is_component(table, factor) else "left") for factor in factors]
    for metric in table.metrics:
        columns += parts.metric_columns(table, metric)
    counted = parts.is_counted(table)
    columns += [Column("n", "right")] if counted else []
    columns += parts.cost_columns(table)
    marks = {metric.name: parts.marks(metric, table.rows) for metric in table.metrics}
    rows = []
    for index, row in enumerate(table.rows):
        cells = [Cell(row.shown), *_levels(row, factors)]
        for metric in table.metrics:
            cells += parts.metric_cells(table, row, metric, marks[metric.name][index])
        cells += [parts.count_cell(row)] if counted else []
        rows.append((*cells, *parts.cost_cells(table, row.cell)))
    published = [
        _published(table, number, len(factors), counted=counted) for number in range(len(table.settings.reference))
    ]
    set_apart = len(rows) > 1 and table.rows[0].baseline
    return Sheet(
        table.name,
        table.caption,
        tuple(columns),
        (*rows, *published),
        table.notes,
        set_apart,
        tail=len(published),
        siunitx=table.settings.format.siunitx,
    )


def _published(table: Table, number: int, factors: int, *, counted: bool) -> tuple[Cell, ...]:
    row = table.settings.reference[number]
    cells = [parts.published_label(row), *(Cell("") for _ in range(factors))]
    for metric in table.metrics:
        cells += parts.published_cells(table, row, metric)
    return (*cells, *([Cell("")] if counted else []), *parts.published_costs(table, row))


def _levels(row: Row, factors: tuple[str, ...]) -> list[Cell]:
    return [parts.level_cell(row.levels.get(factor), factor in row.levels) for factor in factors]


def _is_component(table: Table, factor: str) -> bool:
    levels = [row.levels[factor] for row in table.rows if factor in row.levels]
    return bool(levels) and all(isinstance(level, bool) for level in levels)


def _has_column(table: Table, factor: str) -> bool:
    """Components always; a lone factor of other levels is what the labels say already. None in a plain comparison."""
    if table.settings.layout == "comparison":
        return False
    return _is_component(table, factor) or len(table.factors) > 1
