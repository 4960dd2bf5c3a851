"""Per-seed slopes: for each system a panel in which every seed and fold goes from the baseline to it."""

from __future__ import annotations

from math import ceil
from statistics import fmean
from typing import TYPE_CHECKING

from ..measured import about, called, capital, leading
from ..numerals import digits, numeral, scale
from .look import BLUE, GREY, INK, MOST, PANELS, VERMILLION, canvas, wrapped
from .picture import Picture
from .series import first_areas, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core.study.plan import PlannedMetric
    from ..material import Material
    from ..row import Row
    from ..table import Table

_ACROSS = 4
Slopes = list[tuple[float, float]]
"""(baseline, system) of each block that both have."""


def pictures(material: Material) -> Iterator[Picture]:
    """One for each table, of its first metric or its areas; none where nothing pairs the runs."""
    for table, named in material.named if material.plan.paired else ():
        for metric in leading(table)[:PANELS] if table.reference else ():
            found = [(row, _slopes(material, table, metric, row)) for row in table.rows if not row.baseline]
            found = [(row, slopes) for row, slopes in found if slopes]
            if found:
                yield _picture(table, named, metric, found)


def _slopes(material: Material, table: Table, metric: PlannedMetric, row: Row) -> Slopes:
    factor = scale(metric, percent=table.percent)
    against = _reference(material, table, row)
    base = (
        material.values(table, against, metric)
        if against
        else material.values_of(table, material.plan.baseline, metric, table.split)
    )
    own = material.values(table, row, metric)
    return [(base[block] * factor, own[block] * factor) for block in sorted(own) if block in base]


def _reference(material: Material, table: Table, row: Row) -> Row | None:
    """The baseline's row, on the row's own data set where there are several; None where it has no row."""
    data = {cell.key: cell.settings.get("dataset") for cell in material.plan.cells}
    found = sorted(
        (other for other in table.rows if other.baseline), key=lambda other: data[other.cell] != data[row.cell]
    )
    return found[0] if found else None


def _picture(table: Table, named: str, metric: PlannedMetric, found: list[tuple[Row, Slopes]]) -> Picture:
    shown = found[:MOST]
    more = f" The first {MOST} of {len(found)} systems." if len(found) > MOST else ""
    told = " ".join(_told(table, metric, row, slopes) for row, slopes in shown)
    return Picture(
        "seeds",
        table.name,
        f"{capital(called(metric))} seed by seed, {table.split} split",
        f"A line for each seed and fold, from “{table.reference}” on the left to the system on the right; black: the "
        f"mean. Each panel has its own scale.{more}{first_areas(table)}",
        told,
        lambda: _draw(table, metric, shown),
        about(table, named, metric),
    )


def _told(table: Table, metric: PlannedMetric, row: Row, slopes: Slopes) -> str:
    places = digits(metric, table.decimals, percent=table.percent)
    before, after = (fmean(slope[side] for slope in slopes) for side in (0, 1))
    won = sum((b > a) == metric.higher_is_better and b != a for a, b in slopes)
    return f"{row.label}: {numeral(before, places)} to {numeral(after, places)}, better in {won} of {len(slopes)}."


def _draw(table: Table, metric: PlannedMetric, shown: list[tuple[Row, Slopes]]) -> Figure:
    rows = ceil(len(shown) / _ACROSS)
    columns = min(_ACROSS, max(3, len(shown)))
    figure, panels = canvas(0.6 + 1.7 * rows, columns, rows)
    for place, panel in enumerate(panels):
        if place >= len(shown):
            panel.set_axis_off()
            continue
        row, slopes = shown[place]
        _panel(panel, slopes, metric)
        panel.set_title(wrapped(row.label, 18, 2), fontsize=8)
        if place % columns == 0:
            unit = " (%)" if table.percent and metric.rate else ""
            panel.set_ylabel(wrapped(f"{capital(called(metric))}{unit}", 24))
    handles = [
        panels[0].plot([], [], color=colour, ls=line, marker=marker, ms=4)[0]
        for colour, line, marker in (_style(1), _style(-1), (INK, "-", "o"))
    ]
    names = ["better than the baseline", "worse", "mean"]
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _panel(panel: Axes, slopes: Slopes, metric: PlannedMetric) -> None:
    by_style: dict[tuple[str, str, str], Slopes] = {}
    for before, after in slopes:
        by_style.setdefault(_style((after - before) * (1 if metric.higher_is_better else -1)), []).append(
            (before, after)
        )
    for (colour, line, marker), some in by_style.items():
        ends = [[(0.0, before), (1.0, after)] for before, after in some]
        panel.plot(*joined(*ends), color=colour, ls=line, marker=marker, ms=3.5, lw=1, clip_on=False)
    means = [fmean(slope[side] for slope in slopes) for side in (0, 1)]
    panel.plot([0, 1], means, color=INK, lw=2, marker="o", ms=4, clip_on=False)
    panel.set_xlim(-0.25, 1.25)
    panel.set_xticks([0, 1], ["base", "this"])
    panel.locator_params(axis="y", nbins=5)


def _style(gain: float) -> tuple[str, str, str]:
    """Colour, line and marker of a block in which the system gained so much."""
    if not gain:
        return GREY, ":", "o"
    return (BLUE, "-", "^") if gain > 0 else (VERMILLION, "--", "v")
