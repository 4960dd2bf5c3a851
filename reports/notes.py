"""What stands above and under a table: how many runs, on which data, compared how, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .condition_notes import condition_notes
from .footnote import statistics_notes
from .layout_notes import layout_notes, spread_note
from .numerals import heading
from .ranking_notes import ranking_notes
from .robustness import Measure
from .text import plain
from .unpaired_notes import origin_notes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ..core.study.plan import DesignKind, Plan, PlannedDesign, PlannedMetric
    from .row import Row
    from .table import Table

_CAPTIONS: dict[DesignKind, str] = {
    "leave_one_out": "each component removed in turn",
    "one_at_a_time": "one change at a time",
    "factorial": "every combination of the factors",
    "ladder": "built up step by step",
    "subsets": "subsets of the modalities",
    "zip": "settings varied together",
    "cells": "selected systems",
}
NOT_DONE = ("failed", "diverged", "collapsed", "missing")
"""Why a trial is left out of every mean; `missing` was planned and never recorded."""
_LISTED = 8
"""So many rows are named in a note; of the others only the number is said."""


def caption_of(design: PlannedDesign, plan: Plan, split: str) -> str:
    """`Components: each component removed in turn (study mosi, test split).`."""
    return f"{heading(plain(design.name))}: {_CAPTIONS[design.kind]} (study {plain(plan.study)}, {plain(split)} split)."


def notes_of(
    plan: Plan, table: Table, *, absent: Sequence[str], lost: Sequence[str] = (), claims: Sequence[str] = ()
) -> tuple[str, ...]:
    """Sentences for the foot of the table; those that have nothing to say are not there.

    `absent`: metrics that no trial has; `lost`: labels of baselines without a finished trial.
    """
    rows = table.rows
    notes = [
        _runs(plan, table),
        *condition_notes(plan, table),
        _pairing(rows, table.reference, unpaired=table.statistics.procedure.unpaired, shown_alone=_rates(table)),
        _lost(table, lost),
        *statistics_notes(table, added=_were_added(plan, table)),
        *ranking_notes(table),
        *layout_notes(table),
        _left_out(rows),
        *(_short(rows, metric) for metric in table.metrics),
        _absent(absent, table.split),
        *(note for design in plan.designs if plain(design.name) == table.name for note in origin_notes(plan, design)),
        *claims,
        *(plan.remarks if plan.tables and (table.name, table.split) == _first(plan) else ()),
    ]
    return tuple(note for note in notes if note)


def _were_added(plan: Plan, table: Table) -> bool:
    """Whether some row has more seeds than the first look, and they came by looking."""
    wanted, cells = table.statistics.settings.sequential, {row.cell for row in table.rows}
    looked = {key for one in plan.looked for key in one.trials}
    seeds: dict[str, set[int]] = {}
    for trial in plan.trials:
        if trial.cell in cells and trial.key in looked:
            seeds.setdefault(trial.cell, set()).add(trial.seed)
    return wanted is not None and max(map(len, seeds.values()), default=0) > wanted.first


def _rates(table: Table) -> set[str] | None:
    """Metrics that are shown and not compared: those at single levels of a condition; None for all of them."""
    if table.shape.columns or table.settings.along == "columns":
        return None
    return {metric.name for metric in table.metrics if isinstance(metric, Measure) and metric.level is not None}


def _first(plan: Plan) -> tuple[str, str]:
    """Name and split of the first table."""
    return plain(plan.tables[0].design), plan.tables[0].split


def _runs(plan: Plan, table: Table) -> str:
    """How many runs a number stands for, and of what."""
    rows, split = table.rows, plain(table.split)
    where = f"{split} split" + ("" if plan.imported else ", at the epoch that validation selected")
    counts = {row.done for row in rows}
    if counts <= {0}:
        return f"No trial is done yet ({split} split)."
    if max(counts) == 1:
        return f"One run per row, so no spread is known; {where}."
    return f"{spread_note(table)} over {_blocks(plan, rows)} ({_n(table)}); {where}."


def _n(table: Table) -> str:
    """`n = 6`, `n as shown`, or, where the layout has no such column, `n = 6, but w/o kl 4/6`."""
    most = max(row.done for row in table.rows)
    fewer = [f"{row.label} {row.done}/{row.planned}" for row in table.rows if row.done != most]
    if not fewer:
        return f"n = {most}"
    has_column = not (table.shape.across or table.shape.columns or table.settings.along == "columns")
    return "n as shown" if has_column else f"n = {most}, but {_listed(fewer)}"


def _lost(table: Table, labels: Sequence[str]) -> str:
    """Baselines without a finished trial, where other rows have some."""
    if not labels or not any(row.done for row in table.rows):
        return ""
    named = "; ".join(f"“{label}”" for label in labels[:_LISTED])
    have = "has" if len(labels) == 1 else "have"
    return f"Nothing is compared{' with it' if table.reference else ''}: {named} {have} no finished trial."


def _blocks(plan: Plan, rows: Sequence[Row]) -> str:
    """`5 seeds × 3 folds`, as planned; words where rows differ in it."""
    cells = {row.cell for row in rows}
    if not plan.paired:
        return "runs"
    trials = [trial for trial in plan.trials if trial.cell in cells]
    seeds, folds = len({trial.seed for trial in trials}), len({trial.fold for trial in trials})
    if any(row.planned != seeds * folds for row in rows):
        return "seeds and folds"
    parts = [f"{number} {word}" for number, word in ((seeds, "seeds"), (folds, "folds")) if number > 1]
    return " × ".join(parts)


def _pairing(rows: Sequence[Row], reference: str, *, unpaired: bool, shown_alone: Collection[str] | None = ()) -> str:
    """What delta means, and where it stands on fewer blocks than were planned; not of metrics `shown_alone`.

    Nothing where there is no delta at all: `shown_alone` is None.
    """
    if not reference or shown_alone is None:
        return ""
    if unpaired:
        return f"Δ: difference of the means from “{reference}”; runs are not paired."
    compared = [row for row in rows if row.done and not row.baseline and not row.apart]
    fewer = {}
    for index, row in enumerate(compared):
        told = [score for name, score in row.scores.items() if name not in shown_alone]
        pairs = min((score.pairs for score in told if score.n), default=0)  # `_short` tells of metrics without any
        if pairs < row.planned:
            fewer[index] = f"{pairs} of {row.planned}"
    if not fewer:
        where = ""
    elif len(fewer) == len(compared) and len(set(fewer.values())) == 1:
        where = f" ({fewer[0]} blocks)"
    else:
        listed = _listed([f"{compared[index].label} {number}" for index, number in fewer.items()])
        where = f"; on fewer blocks than planned: {listed}"
    return f"Δ: mean difference from “{reference}”, paired by seed and fold{where}."


def _left_out(rows: Sequence[Row]) -> str:
    """Trials that no mean holds, by state and by row."""
    hit = [row for row in rows if row.left_out]
    if not hit:
        return ""
    total = {state: sum(row.left_out.get(state, 0) for row in hit) for state in NOT_DONE}
    alone = len(hit) == 1
    where = hit[0].label if alone else _listed([f"{row.label} {_counts(row.left_out)}" for row in hit])
    return f"Left out of every mean: {_counts(total)} ({where})."


def _short(rows: Iterable[Row], metric: PlannedMetric) -> str:
    """A metric that some done trials lack, such as a correlation of a constant."""
    parts = [
        f"{row.label} {row.scores[metric.name].n} of {row.done}" for row in rows if row.scores[metric.name].n < row.done
    ]
    return f"{heading(metric.name)} is defined in fewer trials than are done: {_listed(parts)}." if parts else ""


def _absent(metrics: Sequence[str], split: str) -> str:
    if not metrics:
        return ""
    verb = "has" if len(metrics) == 1 else "have"
    names = ", ".join(heading(name) for name in metrics)
    return f"{names} {verb} no value on the {plain(split)} split (no labels) and no column."


def _counts(states: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in states.items() if number)


def _listed(parts: Sequence[str]) -> str:
    more = f"; and {len(parts) - _LISTED} more rows" if len(parts) > _LISTED else ""
    return "; ".join(parts[:_LISTED]) + more
