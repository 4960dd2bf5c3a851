"""Several data sets: a row for each method, and for each data set its metrics, held against its own baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..shapes import word_of
from ..sheet import Cell, Column, Sheet
from . import parts

if TYPE_CHECKING:
    from ...core.study.plan import Level
    from ..row import Row
    from ..sheet import Mark
    from ..table import Table


def across(table: Table) -> Sheet:
    """Methods by data sets by metrics; nothing is ranked or compared from one data set to another."""
    factor = table.shape.across
    others = [name for name in table.factors if name != factor]
    levels = list(dict.fromkeys(row.levels.get(factor) for row in table.rows))
    methods: dict[tuple[Level, ...], dict[Level, Row]] = {}
    for row in table.rows:
        methods.setdefault(tuple(row.levels.get(name) for name in others), {})[row.levels.get(factor)] = row
    columns = [Column(", ".join(others) or "System", "left")]
    for level in levels:
        columns += _columns(table, level)
    marks = _marks(table, levels)
    rows = []
    for method, found in methods.items():
        words = [word_of(name, level) for name, level in zip(others, method, strict=True)]
        cells = [Cell(", ".join(words) or "full")]
        for level in levels:
            own = found.get(level)
            for metric in table.metrics:
                mark: Mark = marks[own.key, metric.name] if own is not None else ""
                cells += parts.metric_cells(table, own, metric, mark)
            cells += parts.cost_cells(table, own.cell if own is not None else "")
        rows.append(tuple(cells))
    rows += _published(table, levels)
    tail = len(table.settings.reference)
    apart = len(methods) > 1 and table.rows[0].baseline
    siunitx = table.settings.format.siunitx
    return Sheet(table.name, table.caption, tuple(columns), tuple(rows), table.notes, apart, tail=tail, siunitx=siunitx)


def _marks(table: Table, levels: list[Level]) -> dict[tuple[str, str], Mark]:
    """{(row, metric): mark}, each among the rows of its data set."""
    found: dict[tuple[str, str], Mark] = {}
    for level in levels:
        rows = _of(table, level)
        for metric in table.metrics:
            found |= zip([(row.key, metric.name) for row in rows], parts.marks(metric, rows), strict=True)
    return found


def _columns(table: Table, level: Level) -> list[Column]:
    name = word_of(table.shape.across, level)
    columns = []
    for metric in table.metrics:
        group = f"{name}: {parts.title(table, metric)}" if table.reference else name
        columns += parts.metric_columns(table, metric, group)
    return columns + parts.cost_columns(table, name)


def _of(table: Table, level: Level) -> list[Row]:
    return [row for row in table.rows if row.levels.get(table.shape.across) == level]


def _published(table: Table, levels: list[Level]) -> list[tuple[Cell, ...]]:
    """Each published row under the data set that it names."""
    rows = []
    for row in table.settings.reference:
        cells = [parts.published_label(row)]
        for level in levels:
            own = row.level == str(level)
            shown = row if own else row.model_copy(update={"values": {}, "parameters": None})
            for metric in table.metrics:
                cells += parts.published_cells(table, shown, metric)
            cells += parts.published_costs(table, shown)
        rows.append(tuple(cells))
    return rows
