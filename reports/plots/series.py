"""Lines with bands: what robustness and learning curves share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..measured import leading
from .look import MOST, PANELS, look, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..table import Table

_POINTS, _FEW_POINTS = 30, 16
"""Points that one line has at most: more cannot be seen; the second where many lines share a panel."""
_MARKERS, _FEW_MARKERS = 4, 2
"""Markers of one line; the second where many lines share a panel."""
BANDS = 4
"""Systems up to which a panel has bands: more of them hide each other."""
_FEWEST_FOR_BAND = 2


def line(
    panel: Axes, number: int, places: Sequence[float], values: Sequence[NDArray[np.float64]], *, band: bool
) -> None:
    """Mean and ± sd of `values` (one array for each place, of whatever trials are there) in the look of `number`."""
    style = look(number)
    many = not band and len(places) > _FEW_POINTS
    kept = thinned(len(places), _FEW_POINTS if many else _POINTS)
    x = np.array([places[index] for index in kept])
    mean = np.array([values[index].mean() for index in kept])
    every = max(1, -(-len(kept) // (_FEW_MARKERS if many else _MARKERS)))
    panel.plot(
        x,
        mean,
        color=style.colour,
        ls=style.line,
        lw=1.4,
        marker=style.marker,
        ms=4,
        markevery=(number % every, every),
        clip_on=False,
    )
    wide = [values[index].std(ddof=1) if values[index].size >= _FEWEST_FOR_BAND else np.nan for index in kept]
    if band and np.isfinite(wide).any():
        panel.fill_between(x, mean - wide, mean + wide, color=style.colour, alpha=0.15, lw=0, clip_on=False)


def thinned(count: int, most: int = _POINTS) -> list[int]:
    """At most `most` places among `count`, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(step * (count - 1) / (most - 1)) for step in range(most)})


def joined(*lines: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """(2, n): x and y of several lines as one, with a gap after each; one element of a drawing in place of many."""
    gap = (float("nan"), float("nan"))
    return np.array([point for each in lines for point in (*each, gap)], dtype=np.float64).reshape(-1, 2).T


def legend(figure: Figure, panel: Axes, names: Sequence[str], *, lines: bool = True) -> None:
    """Below all panels; without `lines` where markers stand alone."""
    handles = []
    for number in range(min(MOST, len(names))):
        style = look(number)
        drawn = style.line if lines else "none"
        handles += panel.plot([], [], color=style.colour, ls=drawn, lw=1.4, marker=style.marker, ms=4)
    labels = [wrapped(name, 40, 2) for name in names[:MOST]]
    columns = 1 if max(map(len, labels)) > 36 else 2 if max(map(len, labels)) > 22 else 4  # noqa: PLR2004 - letters
    figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)), fontsize=8)


def first_areas(table: Table) -> str:
    """What is said where not every area of a table has its plot."""
    count = len(leading(table))
    return f" The first {PANELS} of {count} areas are drawn." if count > PANELS else ""


def first_of(count: int) -> str:
    """What is said where a plot cannot show all its systems."""
    return f" The first {MOST} of {count} systems." if count > MOST else ""
