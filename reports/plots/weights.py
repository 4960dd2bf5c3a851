"""Fusion weights: how much of each modality a system kept, on clean rows and under each condition."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from ...core.conditions import split_and_condition
from ..conditions import in_words
from ..numerals import heading
from .look import MOST, canvas, look, wrapped
from .picture import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..material import Material
    from ..row import Row
    from ..table import Table

WEIGHTS = "fusion_weights"
"""In a result's provenance: {split: {modality: mean weight}}, where the fusion gives weights."""
_HALF = 0.36
"""Half the height of a bar; the next one is 1 further down."""
_MOST_BARS = 36
"""Bars of one plot; the page lists all numbers."""
Shares = dict[str, dict[str, float]]
"""{condition: {modality: mean weight}}."""
Weighted = Sequence[tuple["Row", Shares]]


def pictures(material: Material) -> Iterator[Picture]:
    """One for each table in which some system's fusion gives weights; tables that would show the same share theirs."""
    for table, _, found in weighted(material):
        yield _picture(table, found)


def weighted(material: Material) -> Iterator[tuple[Table, str, Weighted]]:
    """Each table with its name and the weights of its systems; once for the same systems on the same split."""
    seen: set[tuple[str, ...]] = set()
    for table, named in material.named:
        rows = [row for row in table.rows if not row.condition]
        found = [(row, shares) for row in rows if (shares := weights_of(material, row.cell, table.split))]
        same = (table.split, *(row.cell for row, _ in found))
        if found and same not in seen:
            yield table, named, found
        seen.add(same)


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


def _picture(table: Table, found: Weighted) -> Picture:
    shown = found[: max(1, min(MOST, _MOST_BARS // max(len(shares) for _, shares in found)))]
    told = " ".join(
        f"{row.label}, {in_words(condition)}: {', '.join(f'{name} {weight:.2f}' for name, weight in weights.items())}."
        for row, shares in shown
        for condition, weights in list(shares.items())[:1]
    )
    more = f" The first {len(shown)} of {len(found)} systems." if len(found) > len(shown) else ""
    return Picture(
        "weights",
        table.name,
        f"Fusion weights by modality, {table.split} split",
        f"Mean weight of each modality over rows and trials, under each condition; a weight is what the fusion used, "
        f"which is not what a modality is worth.{more}",
        told,
        lambda: _draw(shown),
        heading(table.name),
    )


def _draw(shown: Weighted) -> Figure:
    modalities = list(dict.fromkeys(name for _, shares in shown for weights in shares.values() for name in weights))
    bars = [(row.label, condition, weights) for row, shares in shown for condition, weights in shares.items()]
    figure, (panel,) = canvas(0.9 + 0.2 * len(bars))
    _bars(panel, modalities, [weights for _, _, weights in bars])
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


def _bars(panel: Axes, modalities: Sequence[str], bars: Sequence[Mapping[str, float]]) -> None:
    """One bar for each of `bars`, its parts side by side; what is of one modality is one shape, which is small."""
    starts = [0.0] * len(bars)
    for number, name in enumerate(modalities):
        style, parts = look(number + 1), []
        for place, weights in enumerate(bars):
            left, right = starts[place], starts[place] + weights.get(name, 0.0)
            low, high = place - _HALF, place + _HALF
            parts.append(Path([(left, low), (right, low), (right, high), (left, high), (left, low)], closed=True))
            starts[place] = right
        whole = Path.make_compound_path(*parts)
        panel.add_patch(PathPatch(whole, facecolor="white", edgecolor=style.colour, hatch=style.hatch, clip_on=False))


def _patch(number: int) -> Artist:
    style = look(number + 1)
    return Patch(facecolor="white", edgecolor=style.colour, hatch=style.hatch)
