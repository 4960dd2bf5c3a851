"""Cost against quality: parameters, FLOPs and seconds of a trial on one side, the metric on the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.ticker import EngFormatter

from ..costs import duration
from ..measured import about, called, capital, leading
from ..numerals import digits, numeral, scale
from ..spent import Spent, spent_of
from .look import GREY, MOST, PANELS, canvas, look, wrapped
from .picture import Picture
from .series import first_areas, first_of, legend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core.study.plan import PlannedMetric
    from ..material import Material
    from ..row import Row
    from ..table import Table

_WIDE = 30
"""A span of costs by this factor is drawn on a logarithmic axis."""


_AXES = {"parameters": "parameters", "flops": "FLOPs a row", "seconds": "seconds a trial"}
Costs = Mapping[str, Spent]


def pictures(material: Material) -> Iterator[Picture]:
    """One for each table, of its first metric or its areas; none where no cost is known of every system."""
    spent = spent_of(material.results)
    for table, named in material.named:
        found = [row for row in table.rows if row.done and not row.condition]
        if len(found) > 1 and known_costs([spent[row.cell] for row in found[:MOST]]):
            for metric in leading(table)[:PANELS]:
                yield _picture(table, named, metric, found, spent)


def known_costs(spent: Sequence[Spent]) -> dict[str, list[float]]:
    """{cost: that of each system}, of the costs that every one of them has."""
    known = {name: [getattr(one, name) for one in spent] for name in _AXES}
    return {name: costs for name, costs in known.items() if None not in costs and any(costs)}


def _picture(table: Table, named: str, metric: PlannedMetric, found: Sequence[Row], spent: Costs) -> Picture:
    shown = found[:MOST]
    told = " ".join(_told(table, metric, row, spent[row.cell]) for row in shown)
    return Picture(
        "cost",
        table.name,
        f"Cost against {called(metric)}, {table.split} split",
        f"Means over trials, ± sd of the metric; seconds are of training one trial where and how it ran."
        f"{first_of(len(found))}{first_areas(table)}",
        told,
        lambda: _draw(table, metric, shown, spent),
        about(table, named, metric),
    )


def _told(table: Table, metric: PlannedMetric, row: Row, spent: Spent) -> str:
    mean, places = row.scores[metric.name].mean, digits(metric, table.decimals, percent=table.percent)
    value = numeral(None if mean is None else mean * scale(metric, percent=table.percent), places)
    counts = [
        f"{number:,} {word}" for number, word in ((spent.parameters, "parameters"), (spent.flops, "FLOPs")) if number
    ]
    time = [] if spent.seconds is None else [duration(spent.seconds)]
    return f"{row.label}: {', '.join([value, *counts, *time])}."


def _draw(table: Table, metric: PlannedMetric, shown: Sequence[Row], spent: Costs) -> Figure:
    known = known_costs([spent[row.cell] for row in shown])
    figure, panels = canvas(2.6 + 0.12 * len(shown), len(known))
    unit = " (%)" if table.percent and metric.rate else ""
    panels[0].set_ylabel(wrapped(f"{capital(called(metric))}{unit} {'↑' if metric.higher_is_better else '↓'}", 28))
    for panel, (name, costs) in zip(panels, known.items(), strict=False):
        _panel(panel, table, metric, list(zip(shown, costs, strict=True)))
        panel.set_xlabel(_AXES[name])
        if name != "seconds":
            panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        if panel is not panels[0]:
            panel.set_yticklabels([])
    legend(figure, panels[0], [row.label for row in shown], lines=False)
    return figure


def _panel(panel: Axes, table: Table, metric: PlannedMetric, points: Sequence[tuple[Row, float]]) -> None:
    factor = scale(metric, percent=table.percent)
    for number, (row, place) in enumerate(points):
        score, style = row.scores[metric.name], look(number)
        if score.mean is None:
            continue
        spread = None if score.sd is None else score.sd * factor
        panel.errorbar([place], [score.mean * factor], yerr=spread, color=style.colour, ecolor=GREY, elinewidth=0.8,
                       capsize=2, marker=style.marker, ms=6, ls="none")  # fmt: skip
    costs = [place for _, place in points]
    if min(costs) > 0 and max(costs) > _WIDE * min(costs):
        panel.set_xscale("log")
    else:
        panel.set_xlim(0, max(costs) * 1.08 or 1.0)
        panel.locator_params(axis="x", nbins=4)
    panel.locator_params(axis="y", nbins=5)
