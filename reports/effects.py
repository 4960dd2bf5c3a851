"""Effects that a design is made to show: of factors and their interactions, of steps, of ordered values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .numerals import heading
from .setting import setting_of
from .statistics.blocks import complete
from .statistics.contrast import Effect, effects, effects_of_runs, with_shares
from .statistics.factorial import Contrasts, main_and_interactions, shapley
from .statistics.ladder import steps
from .statistics.trend import slope, slope_on
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core.study.plan import Plan, PlannedDesign, PlannedMetric, StatisticsSettings
    from .judged import Values
    from .statistics.corrections import Correction
    from .statistics.procedure import Procedure

_SHAPLEY = "Shapley values"
FEWEST_FOR_TREND = 3
"""Values that can show a trend; two are a comparison."""
_LISTED = 8


def effects_of(
    values: Values,
    plan: Plan,
    design: PlannedDesign,
    metric: PlannedMetric,
    *,
    procedure: Procedure,
    settings: StatisticsSettings,
    known: Sequence[tuple[str, Sequence[str], Contrasts]] | None = None,
) -> dict[str, tuple[Effect, ...]]:
    """{kind of effect: effects} of one metric, on the blocks that all cells concerned have.

    `effects` and, for components, `Shapley values` of a factorial; `steps` of a ladder; `trend` of one setting with
    three or more numbers. p are adjusted within each kind. `known`: contrasts of the design, if at hand. What cannot be
    made, for want of values, is not there: `untold` says why.
    """
    found: dict[str, tuple[Effect, ...]] = {}
    for kind, cells, contrasts in contrasts_of(plan, design) if known is None else known:
        some, possible = _possible(kind, cells, contrasts, values, metric.name)
        made = contrasted(some, possible, values, metric.name, procedure, correction=settings.correction)
        if kind == _SHAPLEY:
            made = with_shares(made)
        if made:
            found[kind] = (*found.get(kind, ()), *made)
    return found


def untold(
    values: Values,
    design: PlannedDesign,
    metric: PlannedMetric,
    procedure: Procedure,
    known: Sequence[tuple[str, Sequence[str], Contrasts]],
) -> tuple[str, ...]:
    """Why some of the effects of a design, in one metric, are not there; nothing where no cell has a value."""
    labels, found = {row.key: plain(row.label) for row in design.rows}, []
    for kind, cells, contrasts in known:
        gone = [labels.get(cell, cell) for cell in dict.fromkeys(cells) if not values.get((cell, metric.name))]
        if not contrasts.labels or len(gone) == len(set(cells)):
            continue
        some, possible = _possible(kind, cells, contrasts, values, metric.name)
        lost = [plain(label) for label in contrasts.labels if label not in possible.labels]
        what = f"{kind} on {heading(metric.name)}"
        if gone and not lost:
            found.append(f"The {what} is told without {_listed(gone)}, of which there is no value.")
        elif gone:
            which = f": {_listed(lost)}" if possible.labels else ""
            found.append(f"Without a value of {_listed(gone)} these cannot be told: {what}{which}.")
        if possible.labels and not procedure.unpaired and not _common(some, values, metric.name):
            found.append(f"These cannot be told, as their rows have no seed and fold in common: {what}.")
    return tuple(found)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return "; ".join(names[:_LISTED]) + more


def _common(cells: Sequence[str], values: Values, metric: str) -> bool:
    """Whether the cells share a block."""
    return bool(complete({cell: values[cell, metric] for cell in cells}).blocks)


def _possible(
    kind: str, cells: Sequence[str], contrasts: Contrasts, values: Values, metric: str
) -> tuple[Sequence[str], Contrasts]:
    """The contrasts that can be made of cells with values, and these cells.

    A step needs its two rungs and a trend three values, if there were as many; all else is of all cells.
    """
    have = [place for place, cell in enumerate(cells) if values.get((cell, metric))]
    if len(have) == len(cells) or not contrasts.labels:
        return cells, contrasts
    if kind == "trend" and len(have) >= FEWEST_FOR_TREND:
        return [cells[place] for place in have], slope_on(contrasts, have)
    none = Contrasts((), np.empty((0, len(have))))
    if kind != "steps":
        return [cells[place] for place in have], none
    whole = [number for number, row in enumerate(contrasts.weights) if set(np.flatnonzero(row)) <= set(have)]
    used = np.flatnonzero(contrasts.weights[whole].any(axis=0)).tolist()
    labels = tuple(contrasts.labels[number] for number in whole)
    return [cells[place] for place in used], Contrasts(labels, contrasts.weights[whole][:, used])


def contrasted(
    cells: Sequence[str],
    contrasts: Contrasts,
    values: Values,
    metric: str,
    procedure: Procedure,
    *,
    correction: Correction = "holm",
) -> tuple[Effect, ...]:
    """An effect for each contrast of `cells`, on the blocks that all have; none where a cell has no value."""
    by_cell = {cell: values[cell, metric] for cell in cells if values.get((cell, metric))}
    if not contrasts.labels or len(by_cell) < len(cells):
        return ()
    if procedure.unpaired:
        runs = [[*found.values()] for found in by_cell.values()]
        return effects_of_runs(contrasts, runs, procedure, correction=correction)
    units = contrasts.weights @ complete(by_cell).by(procedure.unit)
    return effects(contrasts.labels, units, procedure, correction=correction)


def contrasts_of(plan: Plan, design: PlannedDesign) -> Iterator[tuple[str, Sequence[str], Contrasts]]:
    """(kind, cells, contrasts on them)."""
    cells = [row.key for row in design.rows]
    if design.kind == "factorial":
        levels = [row.levels for row in design.rows]
        reference = next((row.levels for row in design.rows if row.baseline), levels[0] if levels else {})
        if all(set(level) == set(reference) for level in levels):
            yield "effects", cells, main_and_interactions(levels, reference)
            if all(isinstance(value, bool) for level in levels for value in level.values()):
                yield _SHAPLEY, cells, shapley(levels, reference)
    elif design.kind == "ladder" and len(cells) == len(set(cells)):
        yield "steps", cells, steps([row.label for row in design.rows])
    elif design.kind == "one_at_a_time":
        yield from _trends(plan, cells)


def _trends(plan: Plan, cells: Sequence[str]) -> Iterator[tuple[str, Sequence[str], Contrasts]]:
    """A slope for each setting that some cells, and nothing else of theirs, give a number."""
    by_key = {cell.key: cell for cell in plan.cells}
    base = by_key.get(plan.baseline)
    if base is None:
        return
    alone: dict[str, dict[str, float]] = {}
    for cell in cells:
        differs = by_key[cell].differs if cell in by_key else {}
        for path, value in differs.items() if len(differs) == 1 else ():
            if isinstance(value, int | float) and not isinstance(value, bool):
                alone.setdefault(path, {})[cell] = float(value)
    for path, found in alone.items():
        own = setting_of(base.settings, path)
        points = {**({plan.baseline: float(own)} if isinstance(own, int | float) else {}), **found}
        ordered = sorted(points, key=points.__getitem__)
        if len(ordered) >= FEWEST_FOR_TREND:
            yield "trend", ordered, slope([points[cell] for cell in ordered], name=path)
