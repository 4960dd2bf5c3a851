"""Factorial designs: means of two factors, and a heat map of main effects (diagonal) and interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.colors import LinearSegmentedColormap

from ..measured import about, called, leading
from ..numerals import digits, numeral, probability, scale
from .look import PANELS, canvas, wrapped
from .picture import Picture
from .series import first_areas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core.study.plan import PlannedMetric
    from ..material import Material
    from ..statistics.contrast import Effect
    from ..table import Table

_JOINED = " × "
_BELOW, _ZERO, _ABOVE = "#EC8F4E", "#f7f7f7", "#66AEDC"
"""Vermillion and blue, light enough for dark text on every colour between them."""
_TITLE = 44
"""Letters of a line above a panel."""
Grid = list[list[tuple[float, str] | None]]
"""[row][column]: value and text; None for an empty field."""


def pictures(material: Material) -> Iterator[Picture]:
    """One for each factorial table whose combinations are all there, of its first metric or its areas."""
    for table, named in material.named:
        for metric in leading(table)[:PANELS] if table.kind == "factorial" else ():
            found = {one.label: one for one in table.effects.get(metric.name, {}).get("effects", ())}
            mains = [label for label in found if not _factors_of(label, found)]
            if mains and len(found) > len(mains):
                yield _picture(table, named, metric, found, mains)


def _factors_of(label: str, found: Mapping[str, Effect]) -> tuple[str, str] | None:
    """The two main effects that an interaction is of; None for a main effect."""
    parts = label.split(_JOINED)
    cuts = ((_JOINED.join(parts[:cut]), _JOINED.join(parts[cut:])) for cut in range(1, len(parts)))
    return next(((one, other) for one, other in cuts if one in found and other in found), None)


def _picture(
    table: Table, named: str, metric: PlannedMetric, found: Mapping[str, Effect], mains: Sequence[str]
) -> Picture:
    told = "; ".join(f"{label} {_text(table, metric, one).replace(chr(10), ' ')}" for label, one in found.items())
    return Picture(
        "interactions",
        table.name,
        f"Main effects and interactions on {called(metric)}, {table.split} split",
        "On the diagonal: the change that a factor's level brings, averaged over the others. Below: how much one "
        "change alters the other; zero means that they add up."
        f"{first_areas(table)}",
        f"{told}.",
        lambda: _draw(table, metric, found, mains),
        about(table, named, metric),
    )


def _text(table: Table, metric: PlannedMetric, one: Effect) -> str:
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent) + 1
    text = numeral(one.value * factor, places, signed=True)
    if one.low is not None and one.high is not None:
        text += f"\n({numeral(one.low * factor, places)}, {numeral(one.high * factor, places)})"
    return text if one.p_adjusted is None else f"{text}\np {probability(one.p_adjusted)}"


def _draw(table: Table, metric: PlannedMetric, found: Mapping[str, Effect], mains: Sequence[str]) -> Figure:
    grid: Grid = [[_effect(table, metric, found, row, column) for column in mains] for row in mains]
    means = _means(table, metric)
    size = max(2.6, 0.5 + 0.75 * len(mains))
    figure, panels = canvas(size, 2 if means else 1)
    if means:
        names, across, down, values = means
        panels[0].set_title(wrapped(f"Mean {called(metric)}", _TITLE))
        _map(panels[0], values, across, down, middle=None)
        panels[0].set_xlabel(names[1])
        panels[0].set_ylabel(names[0])
    unit = " (%)" if table.percent and metric.rate else ""
    panels[-1].set_title(wrapped(f"Effects on {called(metric)}{unit}", _TITLE))
    _map(panels[-1], grid, mains, mains, middle=0.0)
    return figure


def _effect(
    table: Table, metric: PlannedMetric, found: Mapping[str, Effect], row: str, column: str
) -> tuple[float, str] | None:
    one = found.get(row) if row == column else found.get(f"{column}{_JOINED}{row}")
    return None if one is None else (one.value, _text(table, metric, one))


def _means(table: Table, metric: PlannedMetric) -> tuple[tuple[str, ...], list[str], list[str], Grid] | None:
    """(factors, levels across, levels down, means) where there are just two factors."""
    if len(table.factors) != len(("down", "across")):
        return None
    down, across = (
        list(dict.fromkeys(_word(row.levels.get(factor)) for row in table.rows)) for factor in table.factors
    )
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    grid: Grid = [[None] * len(across) for _ in down]
    for row in table.rows:
        mean = row.scores[metric.name].mean
        if mean is not None:
            one, other = (_word(row.levels.get(name)) for name in table.factors)
            grid[down.index(one)][across.index(other)] = (mean, numeral(mean * factor, places))
    return table.factors, across, down, grid


def _word(level: object) -> str:
    return {True: "with", False: "without"}[level] if isinstance(level, bool) else str(level)


def _map(panel: Axes, grid: Grid, across: Sequence[str], down: Sequence[str], *, middle: float | None) -> None:
    """Fields in colour, from vermillion over white to blue around `middle`, or from white to blue; with their text."""
    known = [field[0] for row in grid for field in row if field]
    colours = [_BELOW, _ZERO, _ABOVE] if middle is not None else [_ZERO, _ABOVE]
    colour = LinearSegmentedColormap.from_list("butfor", colours)
    reach = max((abs(value - (middle or 0.0)) for value in known), default=0.0) or 1.0
    low, high = (middle - reach, middle + reach) if middle is not None else (min(known), max(known))
    for y, row in enumerate(grid):
        for x, field in enumerate(row):
            if field is None:
                continue
            share = (field[0] - low) / (high - low) if high > low else 0.0
            panel.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=colour(share), lw=0)
            panel.text(x + 0.5, y + 0.5, field[1], ha="center", va="center", fontsize=8)
    panel.set_xlim(0, len(across))
    panel.set_ylim(len(down), 0)
    panel.set_xticks([x + 0.5 for x in range(len(across))], [wrapped(text, 16) for text in across])
    panel.set_yticks([y + 0.5 for y in range(len(down))], [wrapped(text, 16) for text in down])
    panel.tick_params(length=0)
    panel.spines[["left", "bottom"]].set_visible(False)
