"""Trials that failed or are missing, costs, and what shows that ablations took effect."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING

from ...core.conditions import split_and_condition
from ..blocks import summarise
from ..costs import duration, size
from ..numerals import ABSENT, heading, numeral
from ..spent import spent_of
from ..text import plain
from .labels import labels_of
from .parts import Listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.evidence import Evidence
    from ..material import Material

_LISTED = 200
_RECORDED = 6
"""Fields of a row of costs up to the last one that trials record."""
_MARKS = {
    "≡": "the same computation as another system",
    "⊘": "did not take effect",
    "½": "took effect in part",
}


def counts(material: Material) -> dict[str, int]:
    """{state: trials}; `missing` is planned and not in the store."""
    states = {result.key: str(result.state) for result in material.results}
    found = Counter(states.get(trial.key, "missing") for trial in material.plan.trials)
    return {state: found[state] for state in ("done", "failed", "diverged", "collapsed", "missing")}


def state(material: Material) -> str:
    """How much of the study is there; of an import also how many runs of the file."""
    found = counts(material)
    shown = ", ".join(f"{number} {name}" for name, number in found.items() if number or name == "done")
    told = f"{shown} of {sum(found.values())} trials"
    runs = material.plan.run_counts
    if runs is None:
        return told
    asked = "" if runs.taken == runs.file else f"{runs.taken} of them asked for, "
    twice = " (a run counts in each design that it stands in)" if sum(found.values()) > runs.shown else ""
    return f"{runs.file} runs in the file, {asked}{runs.shown} in these tables; {told}{twice}"


def not_done(material: Material) -> list[Listing]:
    """Every trial that ended and is not done, and how many of each system are missing."""
    labels = labels_of(material.plan)
    ended = [result for result in material.results if result.state != "done"]
    known = {result.key for result in material.results}
    listings = []
    if ended:
        rows = [
            (labels[r.cell], str(r.seed), plain(r.fold), r.kind or r.state, plain(r.message), plain(r.key))
            for r in ended
        ]
        headings = ("System", "Seed", "Fold", "What", "Why", "Key")
        listings.append(
            Listing(_first("Trials that ended and are not done", rows), headings, tuple(rows[:_LISTED]), frozenset({5}))
        )
    missing = Counter(trial.cell for trial in material.plan.trials if trial.key not in known)
    if missing:
        planned = Counter(trial.cell for trial in material.plan.trials)
        found = tuple((labels[cell], f"{number} of {planned[cell]}") for cell, number in missing.items())
        listings.append(Listing("Trials that are planned and not in the store", ("System", "Missing"), found))
    return listings


def without_tables(material: Material) -> list[Listing]:
    """Every system and the first metrics, of a study that has no table."""
    metrics = material.plan.metrics[:4]
    listings = []
    for split in [name for name in material.splits if not split_and_condition(name)[1]]:
        rows = []
        for cell in material.plan.cells:
            found = [summarise(material.blocks(cell.key, split, metric.name).values()) for metric in metrics]
            texts = [f"{numeral(mean, 3)}{'' if sd is None else f' ± {numeral(sd, 3)}'}" for mean, sd, _ in found]
            rows.append((plain(cell.label), *texts, str(found[0].n if found else 0)))
        headings = ("System", *(heading(metric.name) for metric in metrics), "n")
        listings.append(Listing(f"Means ± sd, {plain(split)} split", headings, tuple(rows)))
    return listings


def costs(material: Material) -> list[Listing]:
    """Parameters, epochs and time of each system's trials; nothing where no trial recorded any of it."""
    rows, spent, labels = [], spent_of(material.results), labels_of(material.plan)
    for cell in material.plan.cells:
        trials = material.by_cell[cell.key]
        if not trials:
            continue
        own = spent[cell.key]
        counts = [ABSENT if number is None else f"{number:,}" for number in (own.parameters, own.flops)]
        memory = ABSENT if own.memory is None else size(own.memory)
        epochs = _mean(result.provenance.get("epochs") for result in trials)
        time = ABSENT if own.seconds is None else duration(own.seconds)
        engines = ", ".join(sorted({str(result.provenance.get("engine", ABSENT)) for result in trials}))
        rows.append((labels[cell.key], *counts, memory, epochs, time, str(len(trials)), plain(engines)))
    if all(field == ABSENT for row in rows for field in row[1:_RECORDED]):
        return []
    headings = ("System", "Parameters", "FLOPs a row", "Memory", "Epochs", "A trial", "Trials done", "Trained as")
    return [
        Listing("Parameters, memory, and means of epochs and time over the trials that are done", headings, tuple(rows))
    ]


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ABSENT
    mean = fmean(known)
    return f"{mean:,.0f}" if mean == round(mean) else f"{mean:,.1f}"


def evidence(material: Material, found: Sequence[Evidence]) -> list[Listing]:
    """What was seen of each system, marks first, and why some are trained one at a time."""
    labels = labels_of(material.plan)
    order = {cell: place for place, cell in enumerate(labels)}
    listings = []
    ranked = sorted(found, key=lambda one: (not one.mark, order.get(one.cell, 0)))
    places: dict[tuple[str, ...], dict[str, None]] = {}
    for one in ranked:
        said = (labels.get(one.cell, one.cell), one.mark, one.question, one.phase, plain(one.message))
        places.setdefault(said, {})[", ".join(map(plain, one.paths))] = None
    rows = [(*said, "; ".join(filter(None, where))) for said, where in places.items()]
    if rows:
        headings = ("System", "Mark", "Question", "Seen", "Answer", "Settings")
        listings.append(Listing(_first("What was seen of each system", rows), headings, tuple(rows[:_LISTED])))
    alone = Counter(
        (labels.get(result.cell, result.cell), plain(str(result.provenance["not_stacked"])))
        for result in material.results
        if result.provenance.get("not_stacked")
    )
    if alone:
        listed = tuple((label, str(number), why) for (label, why), number in sorted(alone.items()))
        listings.append(Listing("Trained one at a time", ("System", "Trials", "Why"), listed))
    return listings


def marks(found: Iterable[Evidence]) -> list[str]:
    """What the marks that occur mean."""
    there = {one.mark for one in found}
    return [f"{mark} {meaning}" for mark, meaning in _MARKS.items() if mark in there]


def _first(caption: str, rows: Sequence[object]) -> str:
    return f"{caption} (the first {_LISTED} of {len(rows)})" if len(rows) > _LISTED else caption
