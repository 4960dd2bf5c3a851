"""Learning curves: validation metrics, the total loss and each of its terms, epoch by epoch."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..numerals import heading
from ..text import plain
from .look import MOST, canvas
from .picture import Picture
from .series import BANDS, first_of, legend, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core.results import TrainResult
    from ..material import Material
    from ..row import Row
    from ..table import Table

_VALID, _TERM = "valid.", "loss."
_ACROSS = 3


def pictures(material: Material) -> Iterator[Picture]:
    """One for each table; two tables of one design share theirs."""
    seen: set[tuple[str, ...]] = set()
    for table in material.tables:
        rows = [
            row
            for row in table.rows
            if not row.condition and any(result.curve for result in material.by_cell[row.cell])
        ]
        cells = tuple(row.cell for row in rows)
        if rows and cells not in seen:
            seen.add(cells)
            yield _picture(material, table, rows)


def _picture(material: Material, table: Table, rows: Sequence[Row]) -> Picture:
    trials = {row.cell: material.by_cell[row.cell] for row in rows}
    told = " ".join(_told(row, trials[row.cell]) for row in rows[:MOST])
    bands = ", ± sd for validation metrics" if len(rows) <= BANDS else ""
    return Picture(
        "curves",
        table.name,
        "Learning curves",
        f"Means over the trials that still train{bands}; loss terms before their weight.{first_of(len(rows))}",
        told,
        lambda: _draw(rows[:MOST], trials),
        heading(table.name),
    )


def _told(row: Row, trials: Sequence[TrainResult]) -> str:
    epochs = [len(result.curve) for result in trials]
    chosen = [result.selected_epoch + 1 for result in trials]
    return f"{row.label}: {_span(epochs)} epochs, selected {_span(chosen)}."


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _draw(rows: Sequence[Row], trials: Mapping[str, Sequence[TrainResult]]) -> Figure:
    names = _names(result for row in rows for result in trials[row.cell])
    down = ceil(len(names) / _ACROSS)
    figure, panels = canvas(0.5 + 1.75 * down + 0.16 * len(rows), min(_ACROSS, len(names)), down)
    for place, panel in enumerate(panels):
        if place >= len(names):
            panel.set_axis_off()
            continue
        _panel(panel, names[place], [trials[row.cell] for row in rows])
        panel.set_title(_title(names[place]), fontsize=9)
        if place + _ACROSS >= len(names):
            panel.set_xlabel("epoch")
    legend(figure, panels[0], [row.label for row in rows])
    return figure


def _names(trials: Iterator[TrainResult]) -> list[str]:
    """Validation metrics first, then the total, then its terms."""
    found = dict.fromkeys(name for result in trials for epoch in result.curve[:1] for name in epoch)
    valid = [name for name in found if name.startswith(_VALID)]
    return [*valid, *(["loss"] if "loss" in found else []), *(name for name in found if name.startswith(_TERM))]


def _title(name: str) -> str:
    if name.startswith(_VALID):
        return f"{heading(plain(name.removeprefix(_VALID)))} (validation)"
    return f"loss term {plain(name.removeprefix(_TERM))}" if name.startswith(_TERM) else "total loss"


def _panel(panel: Axes, name: str, systems: Sequence[Sequence[TrainResult]]) -> None:
    for number, trials in enumerate(systems):
        kept = [[epoch.get(name, np.nan) for epoch in result.curve] for result in trials]
        longest = max((len(values) for values in kept), default=0)
        by_epoch = [np.array([values[epoch] for values in kept if len(values) > epoch]) for epoch in range(longest)]
        by_epoch = [values[np.isfinite(values)] for values in by_epoch]
        there = [epoch for epoch, values in enumerate(by_epoch) if values.size]
        if there:
            shown = [by_epoch[epoch] for epoch in there]
            line(
                panel,
                number,
                [epoch + 1 for epoch in there],
                shown,
                band=name.startswith(_VALID) and len(systems) <= BANDS,
            )
    panel.locator_params(nbins=5)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
