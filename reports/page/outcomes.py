"""Trials that failed or are missing, conditions of the test, costs, and what shows that ablations took effect."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING

from ...core.conditions import split_and_condition
from ..blocks import summarise
from ..conditions import in_words
from ..costs import duration, size
from ..numerals import ABSENT, digits, heading, numeral, scale
from ..spent import spent_of
from ..text import plain
from .parts import Listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.evidence import Evidence
    from ..material import Material
    from ..table import Table

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


def not_done(material: Material) -> list[Listing]:
    """Every trial that ended and is not done, and how many of each system are missing."""
    labels = {cell.key: plain(cell.label) for cell in material.plan.cells}
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


def conditions(material: Material) -> list[Listing]:
    """The first metric of each table under every condition of its split."""
    listings = []
    for table in material.tables:
        splits = [name for name in material.splits if split_and_condition(name)[0] == table.split]
        if table.metrics and len(splits) > 1:
            metric = table.metrics[0]
            rows = tuple(
                (row.label, *(_mean_sd(material, table, row.cell, split) for split in splits))
                for row in table.rows
                if not row.condition
            )
            headings = ("System", *(in_words(split_and_condition(split)[1]) for split in splits))
            unit = " (%)" if table.percent and metric.rate else ""
            caption = f"{heading(table.name)}: {heading(metric.name)}{unit} under each condition, {table.split} split"
            listings.append(Listing(caption, headings, rows, tight=True))
    return listings


def _mean_sd(material: Material, table: Table, cell: str, split: str) -> str:
    metric = table.metrics[0]
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    mean, sd, _ = summarise(material.blocks(cell, split, metric.name).values())
    if mean is None:
        return ABSENT
    return numeral(mean * factor, places) + ("" if sd is None else f" ± {numeral(sd * factor, places)}")


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
    rows, spent = [], spent_of(material.results)
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
        rows.append((plain(cell.label), *counts, memory, epochs, time, str(len(trials)), plain(engines)))
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
    labels = {cell.key: plain(cell.label) for cell in material.plan.cells}
    order = {cell: place for place, cell in enumerate(labels)}
    listings = []
    ranked = sorted(found, key=lambda one: (not one.mark, order.get(one.cell, 0)))
    rows = [(labels.get(one.cell, one.cell), one.mark, one.question, one.phase, plain(one.message)) for one in ranked]
    if rows:
        headings = ("System", "Mark", "Question", "Seen", "Answer")
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
