"""A table as texts, marks and headings: what Markdown, LaTeX and HTML share, before any of them escapes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd

from .comparison_columns import TIED, comparison_columns
from .numerals import ABSENT, MINUS, digits, heading, numeral, scale

if TYPE_CHECKING:
    from ..core.study.plan import Level, PlannedMetric
    from .table import Row, Table

Mark = Literal["", "best", "second"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One field: a text, or a number with its spread and rank, or a tick."""

    text: str
    spread: str = ""
    """The sd behind `±`, with a dagger where the number is tied with the best; empty without one."""
    mark: Mark = ""
    """Whether the number is the best or second best of its column."""
    tick: bool | None = None
    """For components: True kept, False removed."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column and what stands above it."""

    heading: str
    """In the row right above the numbers."""
    align: Literal["left", "center", "right"]
    group: str = ""
    """Above the heading, over all neighbours with the same group; empty for none."""
    flat: str = ""
    """The heading where there is only one row of headings; empty for `heading`."""

    @property
    def single(self) -> str:
        """The heading for formats with one row of headings."""
        return self.flat or self.heading


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns and rows of plain text, the label first."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]
    set_apart: bool
    """Whether the first row is the baseline that the others are held against."""

    @property
    def marked(self) -> bool:
        """Whether any number is marked, so that a legend is due."""
        return any(cell.mark for row in self.rows for cell in row)

    def groups(self) -> list[tuple[int, int, str]]:
        """(first column, number of columns, group) of neighbours; a column without a group stands alone."""
        found: list[tuple[int, int, str]] = []
        for index, column in enumerate(self.columns):
            if found and column.group and found[-1][2] == column.group:
                first, width, group = found.pop()
                found.append((first, width + 1, group))
            else:
                found.append((index, 1, column.group))
        return found

    def shown(self) -> pd.DataFrame:
        """Texts as read: `**0.812** ± 0.010`, `_0.801_ ± 0.012`, `✓`; a heading that comes twice names its group."""
        names = [column.single for column in self.columns]
        unique = [
            f"{name} {column.group}" if names.count(name) > 1 and column.group else name
            for name, column in zip(names, self.columns, strict=True)
        ]
        return pd.DataFrame([[_shown(cell) for cell in row] for row in self.rows], columns=unique, dtype=object)


def sheet_of(table: Table) -> Sheet:
    """Label, components, then each metric with its delta, and n where rows differ in it."""
    components = tuple(factor for factor in table.factors if _has_column(table, factor))
    counted = len({(row.done, row.planned) for row in table.rows}) > 1
    columns = [Column("System", "left")]
    columns += [Column(factor, "center" if _is_component(table, factor) else "left") for factor in components]
    for metric in table.metrics:
        columns += _metric_columns(table, metric)
    if counted:
        columns.append(Column("n", "right"))
    marks = {metric.name: _marks(table, metric) for metric in table.metrics}
    rows = []
    for index, row in enumerate(table.rows):
        cells = [Cell(row.label), *(_level(row.levels.get(factor), factor in row.levels) for factor in components)]
        for metric in table.metrics:
            cells += _metric_cells(table, row, metric, marks[metric.name][index])
        if counted:
            cells.append(Cell(f"{row.done}/{row.planned}"))
        rows.append(tuple(cells))
    set_apart = len(rows) > 1 and table.rows[0].baseline
    return Sheet(table.name, table.caption, tuple(columns), tuple(rows), table.notes, set_apart)


def _metric_columns(table: Table, metric: PlannedMetric) -> list[Column]:
    unit = " (%)" if table.percent and metric.rate else ""
    title = f"{heading(metric.name)}{unit} {'↑' if metric.higher_is_better else '↓'}"
    if not table.reference:
        return [Column(title, "right")]
    spread = any(row.scores[metric.name].sd is not None for row in table.rows)
    columns = [Column("mean ± sd" if spread else "value", "right", group=title, flat=title)]
    return columns + [
        Column(column.heading, "left" if column.name == "verdict" else "right", group=title)
        for column in comparison_columns(table, metric)
    ]


def _metric_cells(table: Table, row: Row, metric: PlannedMetric, mark: Mark) -> list[Cell]:
    score, factor = row.scores[metric.name], scale(metric, percent=table.percent)
    places = digits(metric, table.decimals, percent=table.percent)
    spread = "" if score.sd is None else numeral(score.sd * factor, places) + (TIED if score.tied else "")
    cells = [Cell(_mean(table, row, metric), spread, mark)]
    if table.reference:
        cells += [
            Cell("" if row.baseline else column.text(score.judged, factor, places))
            for column in comparison_columns(table, metric)
        ]
    return cells


def _mean(table: Table, row: Row, metric: PlannedMetric) -> str:
    mean, places = row.scores[metric.name].mean, digits(metric, table.decimals, percent=table.percent)
    return ABSENT if mean is None else numeral(mean * scale(metric, percent=table.percent), places)


def _marks(table: Table, metric: PlannedMetric) -> list[Mark]:
    """Best and second best of a column, by the digits shown, so that what reads equal is marked alike."""
    means = [_mean(table, row, metric) for row in table.rows]
    shown = {text: float(text.replace(MINUS, "-")) for text in means if text != ABSENT}
    if sum(text != ABSENT for text in means) <= 1:  # one row alone is neither best nor second
        return [""] * len(means)
    ranks = sorted(shown, key=lambda text: shown[text], reverse=metric.higher_is_better)
    names: dict[str, Mark] = {ranks[0]: "best"}
    if len(ranks) > 1:
        names[ranks[1]] = "second"
    return [names.get(text, "") for text in means]


def _is_component(table: Table, factor: str) -> bool:
    levels = [row.levels[factor] for row in table.rows if factor in row.levels]
    return bool(levels) and all(isinstance(level, bool) for level in levels)


def _has_column(table: Table, factor: str) -> bool:
    """Components always; a lone factor of other levels is what the labels say already."""
    return _is_component(table, factor) or len(table.factors) > 1


def _level(level: Level, concerned: bool) -> Cell:
    if isinstance(level, bool):
        return Cell("✓" if level else "✗", tick=level)
    return Cell(str(level) if level is not None else ABSENT if concerned else "")


def _shown(cell: Cell) -> str:
    frame = {"best": "**", "second": "_", "": ""}[cell.mark]
    spread = f" ± {cell.spread}" if cell.spread else ""
    return f"{frame}{cell.text}{frame}{spread}"
