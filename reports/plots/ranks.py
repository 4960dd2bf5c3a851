"""Critical difference diagram: mean ranks over data sets; a bar joins what is not told apart (Demsar 2006)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from ..data_set_ranks import ranked_over
from ..measured import called
from ..numerals import probability
from .look import GREY, INK, canvas, wrapped
from .picture import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core.study.plan import Level
    from ..blocks import Block
    from ..material import Material
    from ..statistics.friedman import Friedman
    from ..table import Table


def pictures(material: Material) -> Iterator[Picture]:
    """One for each table with three or more methods on the same two or more data sets, of its first metric."""
    for table, named in material.named:
        found = ranked(material, table)
        if found is not None:
            yield _picture(table, named, found)


def ranked(material: Material, table: Table) -> Friedman | None:
    """The methods of a table ranked over its data sets; None where it has not the same methods on several."""
    if not table.metrics:
        return None
    metric, data = table.metrics[0], _data(material, table)
    ties = {name: _levels_by_data(table, data, name) for name in table.factors}
    of_data = [name for name, levels in ties.items() if len(levels) > 1 and all(len(some) == 1 for some in levels)]
    found: dict[str, dict[str, dict[Block, float]]] = {}
    for row in table.rows:
        levels = {name: level for name, level in row.levels.items() if name not in of_data}
        method = ", ".join(
            f"{name} {level}" if isinstance(level, bool) else str(level) for name, level in levels.items()
        )
        values = material.values(table, row, metric)
        if values:
            found.setdefault(data[row.cell], {})[method] = values
    if not of_data:
        return None
    alpha = table.statistics.settings.alpha
    return ranked_over(found, higher_is_better=metric.higher_is_better, alpha=alpha)


def _data(material: Material, table: Table) -> dict[str, str]:
    """{cell: its data set and how it is split}."""
    by_key = {cell.key: cell for cell in material.plan.cells}
    settings = {row.cell: by_key[row.cell].settings for row in table.rows}
    return {
        cell: json.dumps([found.get(part) for part in ("dataset", "splits")], sort_keys=True, default=str)
        for cell, found in settings.items()
    }


def _levels_by_data(table: Table, data: dict[str, str], factor: str) -> list[frozenset[Level]]:
    """The levels that a factor has on each data set: one on each, where it is what chooses among them."""
    found: dict[str, set[Level]] = {}
    for row in table.rows:
        found.setdefault(data[row.cell], set()).add(row.levels.get(factor))
    return [frozenset(some) for some in found.values()]


def _picture(table: Table, named: str, found: Friedman) -> Picture:
    metric = table.metrics[0]
    order = np.argsort(found.ranks, kind="stable")
    told = "; ".join(f"{found.methods[index]} {found.ranks[index]:.2f}" for index in order)
    joined = "; ".join(" and ".join(group) for group in found.groups) or "all are told apart"
    p = "too few data sets for a p" if found.p is None else f"p {probability(found.p)}"
    return Picture(
        "ranks",
        table.name,
        f"Mean ranks of {called(metric)} over {found.data_sets} data sets",
        f"1 is best. Friedman's test with the F of Iman and Davenport: {p}; critical difference of Nemenyi "
        f"{found.critical_difference:.2f}.",
        f"Mean ranks: {told}. Not told apart: {joined}.",
        lambda: _draw(found),
        named,
    )


def _draw(found: Friedman) -> Figure:
    count = len(found.methods)
    half = (count + 1) // 2
    figure, (panel,) = canvas(1.1 + 0.22 * half + 0.12 * len(found.groups))
    panel.set_axis_off()
    low, high = 1.0, float(count)
    panel.plot([low, high], [0, 0], color=INK, lw=1)
    for rank in range(1, count + 1):
        panel.plot([rank, rank], [0, 0.18], color=INK, lw=1)
        panel.text(rank, 0.28, str(rank), ha="center", va="bottom")
    panel.plot([low, low + found.critical_difference], [1.25, 1.25], color=INK, lw=1.2, marker="|", ms=7)
    panel.text(low, 1.4, f"critical difference {found.critical_difference:.2f}", ha="left", va="bottom", fontsize=8)
    for number, group in enumerate(found.groups):
        places = [found.ranks[found.methods.index(method)] for method in group]
        panel.plot([min(places) - 0.04, max(places) + 0.04], [-0.3 - 0.3 * number] * 2, color=INK, lw=3.5)
    _methods(panel, found, half, 0.3 * len(found.groups))
    panel.set_xlim(low - 0.55 * (high - low), max(high + 0.55 * (high - low), low + found.critical_difference))
    return figure


def _methods(panel: Axes, found: Friedman, half: int, below: float) -> None:
    """The better half on the left, the others on the right, each with a line from its rank to its name."""
    low, high = 1.0, float(len(found.methods))
    for place, index in enumerate(np.argsort(found.ranks, kind="stable")):
        left = place < half
        y = -0.6 - below - 0.5 * (place if left else len(found.methods) - 1 - place)
        end = low - 0.08 * (high - low) if left else high + 0.08 * (high - low)
        rank = float(found.ranks[index])
        panel.plot([rank, rank, end], [0, y, y], color=GREY, lw=0.8)
        name = wrapped(found.methods[index], 30, 1)
        panel.text(end, y, f" {name} ", ha="right" if left else "left", va="center", fontsize=8)
