"""Cross tables: the levels of one factor as columns, of the others as rows, with means over all levels and effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..effect_notes import effect_value
from ..shapes import EVERY, point_of, word_of
from ..sheet import Cell, Column, Sheet, grouped
from ..statistics.factorial import effect_label
from . import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...core.study.plan import Level, PlannedMetric
    from ..row import Row
    from ..shapes import Point
    from ..table import Table

_ALL, _EFFECT = "all", "effect"


def cross(table: Table) -> Sheet:
    """Rows and columns of levels for each metric; the last column and row are means and, with two factors, effects."""
    grid = _Grid(table)
    columns = [Column(name, "center" if grid.is_bool(name) else "left") for name in grid.others]
    for metric in table.metrics:
        columns += grid.columns(metric)
    rows = []
    for point in grid.points:
        cells = [parts.level_cell(level) for level in point]
        for metric in table.metrics:
            cells += grid.line(metric, point)
        rows.append(tuple(cells))
    below = [grid.below(_ALL, grid.means), *([grid.below(_EFFECT, grid.effects)] if grid.has_effects else [])]
    return Sheet(
        table.name,
        table.caption,
        tuple(columns),
        (*rows, *below),
        table.notes,
        set_apart=False,
        tail=len(below),
        siunitx=table.settings.format.siunitx,
        among="metric",
    )


class _Grid:
    """The rows of a table by their levels."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.factor = table.shape.columns
        self.others = [name for name in table.factors if name != self.factor]
        self.levels: list[Level] = list(dict.fromkeys(row.levels[self.factor] for row in table.rows))
        self.at = {(point_of(row.levels, self.factor), row.levels[self.factor]): row for row in table.rows}
        self.points: list[Point] = list(dict.fromkeys(point for point, _ in self.at))
        self.base: Mapping[str, Level] = next(
            (row.levels for row in table.rows if row.baseline), table.rows[0].levels if table.rows else {}
        )
        self.has_effects = any(kinds.get("effects") for kinds in table.effects.values())
        self.marks = {
            metric.name: dict(zip((row.key for row in table.rows), parts.marks(metric, table.rows), strict=True))
            for metric in table.metrics
        }

    def is_bool(self, factor: str) -> bool:
        return all(isinstance(row.levels[factor], bool) for row in self.table.rows)

    @property
    def beside(self) -> bool:
        """Whether the effect of the rows has a column: there is one factor in the rows, and it has effects."""
        return self.has_effects and len(self.others) == 1

    def columns(self, metric: PlannedMetric) -> list[Column]:
        group = f"{parts.title(self.table, metric)} by {self.factor}"
        heads = [word_of(self.factor, level) for level in self.levels] + [_ALL] + ([_EFFECT] if self.beside else [])
        return grouped(group, [Column(head, "right") for head in heads])

    def line(self, metric: PlannedMetric, point: Point) -> list[Cell]:
        """The cells of a row, their mean, and the effect of the row's level."""
        cells = [self._field(metric, self.at.get((point, level))) for level in self.levels]
        cells.append(self._mean(metric, (point, EVERY)))
        return cells + ([self._effect(metric, {self.others[0]: point[0]})] if self.beside else [])

    def means(self, metric: PlannedMetric) -> list[Cell]:
        cells = [self._mean(metric, (None, level)) for level in [*self.levels, EVERY]]
        return cells + ([Cell("")] if self.beside else [])

    def effects(self, metric: PlannedMetric) -> list[Cell]:
        """The effect of each column, and in the corner the interaction where there is one alone."""
        cells = [self._effect(metric, {self.factor: level}) for level in self.levels]
        joint = [one for one in self.table.effects[metric.name].get("effects", ()) if " × " in one.label]
        corner = effect_value(self.table, metric, joint[0]) if len(joint) == 1 else ""
        return [*cells, Cell(""), *([Cell(corner)] if self.beside else [])]

    def below(self, label: str, made: Callable[[PlannedMetric], list[Cell]]) -> tuple[Cell, ...]:
        cells = [Cell(label), *(Cell("") for _ in self.others[1:])]
        for metric in self.table.metrics:
            cells += made(metric)
        return tuple(cells)

    def _field(self, metric: PlannedMetric, row: Row | None) -> Cell:
        mark = self.marks[metric.name][row.key] if row else ""
        return parts.metric_cells(self.table, row, metric, mark)[0]

    def _mean(self, metric: PlannedMetric, place: tuple[Point | None, Level]) -> Cell:
        found = self.table.shape.margins.get(metric.name, {}).get(place)
        return Cell(parts.mean_text(self.table, metric, found.mean if found else None))

    def _effect(self, metric: PlannedMetric, change: Mapping[str, Level]) -> Cell:
        """The effect of a level against that of the baseline; blank for the baseline's own."""
        label = effect_label(change)
        found = [one for one in self.table.effects[metric.name].get("effects", ()) if one.label == label]
        return Cell(effect_value(self.table, metric, found[0]) if found else "")
