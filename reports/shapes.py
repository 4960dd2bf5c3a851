"""What a layout needs to know of a design: the series of a sweep, the margins of a cross table, the data sets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.study.labels import short_names, told
from ..core.study.layouts import crossed, named_path, sweep_paths
from .blocks import Summary, summarise
from .setting import setting_of
from .statistics.blocks import complete
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.study.plan import Level, Plan, PlannedCell, PlannedDesign, PlannedRow, TableSettings
    from .gather import Gathered

Point = tuple["Level", ...]
"""Levels of the factors that stand in the rows of a cross table."""
_FEWEST = 2
"""Values that make a series."""


@dataclass(frozen=True, slots=True)
class Series:
    """Rows that differ in the swept setting alone."""

    label: str
    """What else they have in common; empty where there is one series."""
    points: tuple[tuple[float, int], ...]
    """(value of the setting, number of the row), in the order of the values."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a layout is made of besides rows and metrics; only one of the parts is there."""

    across: str = ""
    """The factor whose levels are data sets, each with columns of its own."""
    swept: str = ""
    """The setting of a sweep."""
    series: tuple[Series, ...] = ()
    left_out: tuple[str, ...] = ()
    """Labels of rows that are no part of the sweep."""
    columns: str = ""
    """The factor whose levels are the columns of a cross table."""
    margins: Mapping[str, Mapping[tuple[Point | None, Level], Summary]] = field(default_factory=dict)
    """{metric: {(levels in the rows, level in the columns): summary}}; `EVERY` stands for all levels."""


EVERY = "\0every"
"""In the place of levels: the mean over all of them."""


def shape_of(plan: Plan, made: Gathered, table: TableSettings) -> Shape:
    """The shape that the table's layout needs; an empty one where it needs none, or where the design has none."""
    if made.groups.factor:
        return Shape(across=plain(made.groups.factor))
    if table.layout == "sweep":
        return _sweep(plan, made.design, table)
    if table.layout == "factorial" and crossed(made.design):
        columns = table.factor or made.design.factors[-1]
        margins = {metric.name: _margins(made, metric.name, columns) for metric in made.metrics}
        return Shape(columns=plain(columns), margins=margins)
    return Shape()


def _sweep(plan: Plan, design: PlannedDesign, table: TableSettings) -> Shape:
    cells = {cell.key: cell for cell in plan.cells}
    paths = sweep_paths(design, {key: cell.differs for key, cell in cells.items()})
    path = named_path(table.factor, paths) if table.factor else next(iter(paths), "")
    found: dict[str, list[tuple[float, int]]] = {}
    for index, row in enumerate(design.rows):
        value = value_at(cells[row.cell], path)
        rest = {name: said for name, said in cells[row.cell].differs.items() if name != path}
        if isinstance(value, int | float) and not isinstance(value, bool) and not row.condition:
            found.setdefault(json.dumps(rest, sort_keys=True, default=str), []).append((float(value), index))
    kept = [sorted(points) for points in found.values() if len({value for value, _ in points}) >= _FEWEST]
    inside = {index for points in kept for _, index in points}
    series = tuple(
        Series(_in_common(design.rows[points[0][1]], cells, path, design) if len(kept) > 1 else "", tuple(points))
        for points in kept
    )
    return Shape(
        swept=plain(path),
        series=series,
        left_out=tuple(plain(row.label) for index, row in enumerate(design.rows) if index not in inside),
    )


def value_at(cell: PlannedCell, path: str) -> Any:  # noqa: ANN401 - settings are plain JSON
    """The value of a setting; of `encoder.width`, where all encoders have one, that of the first."""
    if path in cell.differs:
        return cell.differs[path]
    found = setting_of(cell.settings, path)
    head, _, rest = path.partition(".")
    if found is None and head == "encoder" and isinstance(cell.settings.get(head), dict):
        values = [setting_of(one, rest) for one in cell.settings[head].values()]
        return values[0] if values and all(value == values[0] for value in values) else None
    return found


def _in_common(row: PlannedRow, cells: Mapping[str, PlannedCell], path: str, design: PlannedDesign) -> str:
    """`fusion mean`, `w/o kl`, or `baseline`."""
    factor = named_path(path.rpartition(".")[2], design.factors) or path
    if row.levels:
        words = [word_of(name, level) for name, level in row.levels.items() if name not in (factor, path)]
        return plain(", ".join(words))
    rest = {name: value for name, value in cells[row.cell].differs.items() if name != path}
    names = short_names(list(rest))
    return plain(", ".join(f"{names[name]}={told(value)}" for name, value in rest.items())) or "baseline"


def word_of(factor: str, level: Level) -> str:
    """A level as a heading says it: `mean`, `w/o kl`, `kl`."""
    if isinstance(level, bool):
        return factor if level else f"w/o {factor}"
    return f"no {factor}" if level is None else str(level)


def _margins(made: Gathered, metric: str, columns: str) -> dict[tuple[Point | None, Level], Summary]:
    """Means over rows, over columns and over all, in each block first; of common blocks, and only of whole lines."""
    design = made.design
    lines: dict[tuple[Point | None, Level], list[str]] = {}
    for row in design.rows:
        levels = {plain(name): plain(said) if isinstance(said, str) else said for name, said in row.levels.items()}
        point, level = point_of(levels, plain(columns)), levels[plain(columns)]
        places: tuple[tuple[Point | None, Level], ...] = ((point, EVERY), (None, level), (None, EVERY))
        for place in places:
            lines.setdefault(place, []).append(row.key)
    sizes = {len(keys) for place, keys in lines.items() if place[1] == EVERY and place[0] is not None}
    if len(sizes) > 1:
        return {}
    found = {}
    for place, keys in lines.items():
        values = {key: made.values.get((key, metric), {}) for key in keys}
        if all(values.values()):
            means: Sequence[float] = np.asarray(complete(values).values).mean(axis=0).tolist()
            found[place] = summarise(means)
    return found


def point_of(levels: Mapping[str, Level], columns: str) -> Point:
    """The levels of all factors but that of the columns."""
    return tuple(level for name, level in levels.items() if name != columns)
