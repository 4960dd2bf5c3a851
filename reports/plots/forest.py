"""Forest plot: each system's difference from the baseline, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..measured import called, capital
from ..numerals import digits, numeral, probability, scale
from .look import BLUE, GREEN, GREY, INK, PALE, PANELS, VERMILLION, canvas, wrapped
from .picture import Picture
from .series import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core.study.plan import PlannedMetric
    from ..material import Material
    from ..row import Row
    from ..statistics.compare import Comparison
    from ..table import Table

VERDICTS = {
    "better": (BLUE, "^", BLUE),
    "worse": (VERMILLION, "v", VERMILLION),
    "equivalent": (GREEN, "s", GREEN),
    "not settled": (INK, "o", "white"),
}
"""{verdict: colour, marker, colour inside it}."""
_LETTERS = 34
_TICKS, _WRAPPED = {1: 6, 2: 5, 3: 3}, {1: 70, 2: 34, 3: 22}
"""{panels: ticks of one, letters of a line below it}."""


def pictures(material: Material) -> Iterator[Picture]:
    """One for each table in which something is compared."""
    for table, named in material.named:
        rows = [row for row in table.rows if any(score.judged for score in row.scores.values())]
        if table.reference and rows:
            yield _picture(table, named, rows)


def _picture(table: Table, named: str, rows: list[Row]) -> Picture:
    metrics = tuple(one for one in table.metrics if any(row.scores[one.name].judged for row in rows))[:PANELS]
    told = " ".join(_told(table, row, metrics[0]) for row in rows)
    return Picture(
        "forest",
        table.name,
        f"Differences from “{table.reference}”, {table.split} split",
        f"Points: mean difference from “{table.reference}”; bars: {_level(table)} % intervals, each for its row alone.",
        f"{capital(called(metrics[0]))}: {told}",
        lambda: _draw(table, rows, metrics),
        named,
    )


def _told(table: Table, row: Row, metric: PlannedMetric) -> str:
    judged = row.scores[metric.name].judged
    if judged is None:
        return f"{row.label}: nothing to compare."
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    one = judged.comparison
    text = f"{row.label} {numeral(one.delta * factor, places, signed=True)}"
    if one.low is not None and one.high is not None:
        text += f" ({numeral(one.low * factor, places)}, {numeral(one.high * factor, places)})"
    tested = "" if judged.p_adjusted is None else f", p {probability(judged.p_adjusted)}, {judged.verdict}"
    return f"{text}{tested}."


def _level(table: Table) -> str:
    return f"{100 * (1 - table.statistics.settings.alpha):g}"


def _draw(table: Table, rows: list[Row], metrics: tuple[PlannedMetric, ...]) -> Figure:
    labels = [wrapped(row.label, _LETTERS, 2) for row in rows]
    lines = sum(label.count("\n") + 1 for label in labels)
    figure, panels = canvas(1.2 + 0.14 * lines + 0.12 * len(rows), len(metrics))
    for panel, metric in zip(panels, metrics, strict=True):
        _panel(panel, table, rows, metric)
        panel.locator_params(axis="x", nbins=_TICKS[len(metrics)])
        panel.set_xlabel(_axis(table, metric, _WRAPPED[len(metrics)]))
        panel.set_yticks(range(len(rows)), labels if panel is panels[0] else [""] * len(rows))
    known = dict.fromkeys(
        judged.verdict
        for row in rows
        for metric in metrics
        if (judged := row.scores[metric.name].judged) and judged.p_adjusted is not None and judged.verdict
    )
    if known:
        handles = [
            panels[0].plot([], [], color=VERDICTS[verdict][0], marker=VERDICTS[verdict][1], mfc=VERDICTS[verdict][2])[0]
            for verdict in known
        ]
        figure.legend(handles, list(known), loc="outside lower center", ncols=len(known))
    return figure


def _panel(panel: Axes, table: Table, rows: list[Row], metric: PlannedMetric) -> None:
    factor = scale(metric, percent=table.percent)
    margin = table.statistics.settings.margin_of(metric.name)
    if margin:
        panel.axvspan(-margin * factor, margin * factor, color=PALE, alpha=0.6, lw=0)
    panel.axvline(0, color=GREY, lw=0.8)
    for (colour, marker, face), some in _by_verdict(rows, metric).items():
        bars = [
            [(one.low * factor, place), (one.high * factor, place)]
            for place, one in some.items()
            if one.low is not None and one.high is not None
        ]
        panel.plot(*joined(*bars), color=colour, lw=1.4, marker="|", ms=5)
        deltas = [one.delta * factor for one in some.values()]
        panel.plot(deltas, list(some), color=colour, marker=marker, ms=6, mfc=face, ls="none")
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)


def _axis(table: Table, metric: PlannedMetric, letters: int) -> str:
    unit = " (%)" if table.percent and metric.rate else ""
    better = "better →" if metric.higher_is_better else "← better"
    return wrapped(f"Δ {called(metric)}{unit}", letters) + f"\n{better}"


def _by_verdict(rows: list[Row], metric: PlannedMetric) -> dict[tuple[str, str, str], dict[int, Comparison]]:
    """{look of a verdict: {place of a row: its comparison}}."""
    found: dict[tuple[str, str, str], dict[int, Comparison]] = {}
    for place, row in enumerate(rows):
        judged = row.scores[metric.name].judged
        if judged is not None:
            said = judged.verdict if judged.p_adjusted is not None else None
            found.setdefault(VERDICTS[said or "not settled"], {})[place] = judged.comparison
    return found
