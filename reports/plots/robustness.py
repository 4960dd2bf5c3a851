"""Robustness curves: the metric under conditions of growing strength, with a band, for each system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.conditions import parts_of, split_and_condition
from ..measured import raw
from ..numerals import digits, heading, numeral, scale
from .look import MOST, canvas
from .picture import Picture
from .series import BANDS, first_of, legend, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..material import Material
    from ..row import Row
    from ..table import Table

_ACROSS = 3
_AXES = {"missing": "share of rows without {which}", "noise": "noise on {which} (sd)"}
_ALL = "each modality"
Strengths = Mapping[float, str]
"""{level: split}, the clean split at 0."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Conditions that differ in strength alone."""

    kind: str
    which: str
    """Modalities; empty for every one."""
    strengths: Strengths

    @property
    def axis(self) -> str:
        """What its strength is called."""
        return _AXES[self.kind].format(which=self.which or _ALL)


def pictures(material: Material) -> Iterator[Picture]:
    """One for each table whose split was also tested under conditions with a strength, of its first metric.

    Tables that would show the same share theirs.
    """
    seen: set[tuple[object, ...]] = set()
    for table, named in material.named:
        found = sweeps(material.splits, table.split)
        rows = [row for row in table.rows if row.done and not row.condition]
        if table.metrics and found and rows:
            metric = raw(table.metrics[0])
            same = (metric.name, table.split, table.percent, *(row.cell for row in rows))
            if same not in seen:
                yield _picture(material, table, named, rows, found)
            seen.add(same)


def sweeps(splits: Sequence[str], clean: str) -> tuple[Sweep, ...]:
    """Those among `splits` that are conditions of the split `clean`, in order of strength."""
    found: dict[tuple[str, str], dict[float, str]] = {}
    for name in splits:
        split, condition = split_and_condition(name)
        if split != clean or not condition:
            continue
        kind, level, which = parts_of(condition)
        if level is not None and kind in _AXES:
            found.setdefault((kind, which), {0.0: clean})[level] = name
    return tuple(
        Sweep(kind, which, dict(sorted(strengths.items()))) for (kind, which), strengths in sorted(found.items())
    )


def _picture(material: Material, table: Table, named: str, rows: Sequence[Row], found: Sequence[Sweep]) -> Picture:
    metric, shown = raw(table.metrics[0]), rows[:MOST]
    told = " ".join(_told(material, table, row, found) for row in shown)
    spread = " ± sd" if len(shown) <= BANDS else ""
    return Picture(
        "robustness",
        table.name,
        f"{heading(metric.name)} under disturbance, {table.split} split",
        f"Means{spread} over seeds and folds; every system meets the same disturbance.{first_of(len(rows))}",
        told,
        lambda: _draw(material, table, shown, found),
        named,
    )


def _values(material: Material, table: Table, row: Row, split: str) -> list[float]:
    metric = raw(table.metrics[0])
    factor = scale(metric, percent=table.percent)
    return [value * factor for value in material.blocks(row.cell, split, metric.name).values()]


def _told(material: Material, table: Table, row: Row, found: Sequence[Sweep]) -> str:
    places = digits(raw(table.metrics[0]), table.decimals, percent=table.percent)
    parts = []
    for sweep in found:
        last = max(sweep.strengths)
        ends = [_values(material, table, row, sweep.strengths[level]) for level in (0.0, last)]
        if all(ends):
            before, after = (numeral(sum(values) / len(values), places) for values in ends)
            parts.append(f"{before} to {after} ({sweep.axis}: 0 to {last:g})")
    return f"{row.label}: {', '.join(parts) or 'no value'}."


def _draw(material: Material, table: Table, rows: Sequence[Row], found: Sequence[Sweep]) -> Figure:
    across = min(_ACROSS, len(found))
    down = -(-len(found) // across)
    figure, panels = canvas(0.4 + 2.1 * down + 0.16 * len(rows), across, down)
    metric = raw(table.metrics[0])
    for place, panel in enumerate(panels):
        if place >= len(found):
            panel.set_axis_off()
            continue
        _panel(panel, material, table, rows, found[place])
        if place % across == 0:
            unit = " (%)" if table.percent and metric.rate else ""
            panel.set_ylabel(f"{heading(metric.name)}{unit} {'↑' if metric.higher_is_better else '↓'}")
    limits = [panel.get_ylim() for panel in panels[: len(found)]]
    for panel in panels[: len(found)]:
        panel.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    legend(figure, panels[0], [row.label for row in rows])
    return figure


def _panel(panel: Axes, material: Material, table: Table, rows: Sequence[Row], sweep: Sweep) -> None:
    for number, row in enumerate(rows):
        found = {level: _values(material, table, row, split) for level, split in sweep.strengths.items()}
        there = {level: np.array(values) for level, values in found.items() if values}
        if there:
            line(panel, number, list(there), list(there.values()), band=len(rows) <= BANDS)
    panel.set_xlabel(sweep.axis)
    panel.locator_params(nbins=5)
