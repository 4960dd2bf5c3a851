"""Fusion weights: how much of each modality a system kept, on clean rows and under each condition."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from matplotlib.patches import Patch

from ...core.conditions import split_and_condition
from ..conditions import in_words
from .look import MOST, canvas, look, wrapped
from .picture import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..material import Material
    from ..row import Row
    from ..table import Table

WEIGHTS = "fusion_weights"
"""In a result's provenance: {split: {modality: mean weight}}, where the fusion gives weights."""
_MOST_ROWS = 12
Shares = dict[str, dict[str, float]]
"""{condition: {modality: mean weight}}."""


def pictures(material: Material) -> Iterator[Picture]:
    """One for each table in which some system's fusion gives weights."""
    for table in material.tables:
        rows = [row for row in table.rows if not row.condition]
        found = [(row, shares) for row in rows if (shares := weights_of(material, row.cell, table.split))]
        if found:
            yield _picture(table, found)


def weights_of(material: Material, cell: str, split: str) -> Shares:
    """{condition: {modality: mean over trials}} of a split; the clean one is the empty condition."""
    kept: dict[str, dict[str, list[float]]] = {}
    for result in material.by_cell[cell]:
        told: Mapping[str, Mapping[str, float]] = result.provenance.get(WEIGHTS, {})
        for name, weights in told.items():
            base, condition = split_and_condition(name)
            if base == split:
                for modality, weight in weights.items():
                    kept.setdefault(condition, {}).setdefault(modality, []).append(weight)
    return {condition: {name: fmean(values) for name, values in found.items()} for condition, found in kept.items()}


def _picture(table: Table, found: Sequence[tuple[Row, Shares]]) -> Picture:
    shown = found[:_MOST_ROWS]
    told = " ".join(
        f"{row.label}, {in_words(condition)}: {', '.join(f'{name} {weight:.2f}' for name, weight in weights.items())}."
        for row, shares in shown
        for condition, weights in list(shares.items())[:1]
    )
    more = f" The first {_MOST_ROWS} of {len(found)} systems." if len(found) > _MOST_ROWS else ""
    return Picture(
        "weights",
        table.name,
        f"Fusion weights by modality, {table.split} split",
        f"Mean weight of each modality over rows and trials, under each condition; a weight is what the fusion used, "
        f"which is not what a modality is worth.{more}",
        told,
        lambda: _draw(shown),
    )


def _draw(shown: Sequence[tuple[Row, Shares]]) -> Figure:
    modalities = list(dict.fromkeys(name for _, shares in shown for weights in shares.values() for name in weights))
    bars = [(row.label, condition, weights) for row, shares in shown for condition, weights in shares.items()]
    figure, (panel,) = canvas(0.9 + 0.2 * len(bars))
    for place, (_, _, weights) in enumerate(bars):
        _bar(panel, place, modalities, weights)
    alone = all(len(shares) == 1 for _, shares in shown)
    names = [label if alone else f"{wrapped(label, 26, 1)}: {in_words(condition)}" for label, condition, _ in bars]
    panel.set_yticks(range(len(bars)), [wrapped(name, 60, 1) for name in names], fontsize=8)
    panel.set_ylim(len(bars) - 0.5, -0.5)
    panel.set_xlim(0, max(1.0, *(sum(weights.values()) for _, _, weights in bars)))
    panel.set_xlabel("mean weight")
    panel.tick_params(axis="y", length=0)
    handles: list[Artist] = [_patch(number) for number in range(min(MOST, len(modalities)))]
    figure.legend(handles, modalities[:MOST], loc="outside lower center", ncols=min(4, len(modalities)))
    return figure


def _bar(panel: Axes, place: int, modalities: Sequence[str], weights: Mapping[str, float]) -> None:
    start = 0.0
    for number, name in enumerate(modalities):
        width, style = weights.get(name, 0.0), look(number + 1)
        panel.barh(place, width, left=start, height=0.72, facecolor="white", edgecolor=style.colour, hatch=style.hatch)
        start += width


def _patch(number: int) -> Artist:
    style = look(number + 1)
    return Patch(facecolor="white", edgecolor=style.colour, hatch=style.hatch)
