"""Cells that predict the same: to the bit, up to rounding, or in every decision."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ...core.conditions import split_and_condition
from .seen import counted, evidence, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ...core.evidence import Evidence, Mark
    from ...core.results import TrainResult
    from .seen import Predictions, Seen

ROUNDING = 1e-5
"""Values that differ by less, measured by the spread of the values of their task and split, differ by rounding."""
_CLASSES = 2

Place = tuple[int, str]
"""Seed and fold."""


@dataclass(frozen=True)
class Prints:
    """What the trials of one cell predict, as hashes."""

    trials: Mapping[Place, TrainResult]
    hashes: Mapping[Place, Mapping[str, str]]
    """{trial: {`SPLIT/rows` or `SPLIT/TASK`: hash}}."""

    @cached_property
    def tasks(self) -> frozenset[str]:
        """Tasks that every trial predicts."""
        each = [{name.partition("/")[2] for name in found} - {"rows"} for found in self.hashes.values()]
        return frozenset(set.intersection(*each)) if each else frozenset()


def prints(seen: Seen) -> dict[str, Prints]:
    """{cell: hashes of its predictions}; a trial whose predictions are gone is left out."""
    found = {}
    for cell, trials in seen.done.items():
        by_place = {(trial.seed, trial.fold): trial for trial in trials}
        hashes = {place: hashes_of(seen.read(trial.key)) for place, trial in by_place.items()}
        there = {place: names for place, names in hashes.items() if names}
        found[cell] = Prints({place: by_place[place] for place in there}, there)
    return found


def hashes_of(predictions: Predictions) -> dict[str, str]:
    """{name: hash of the array}: equal arrays of one type, equal hashes."""
    return {name: _hash(values) for name, values in predictions.items()}


def _hash(values: NDArray[np.generic]) -> str:
    head = f"{values.dtype} {values.shape}".encode()
    return hashlib.blake2b(head + np.ascontiguousarray(values).tobytes(), digest_size=16).hexdigest()


def same_evidence(seen: Seen, known: Mapping[str, Prints]) -> Iterator[Evidence]:
    """Cells whose predictions are those of a cell before them; and those that change none of the baseline's."""
    order = [seen.plan.baseline, *(cell for cell in known if cell != seen.plan.baseline)]
    twins: dict[str, str] = {}
    only_clean: dict[str, str] = {}
    for first, second in combinations([cell for cell in order if cell in known], 2):
        if second not in twins and _equal(known[first], known[second]):
            if _parted(known[first], known[second]):
                only_clean.setdefault(second, first)
                continue
            twins[second] = first
            yield _twin(seen, known, first, second)
    for second, first in only_clean.items():
        if second not in twins:
            yield _twin(seen, known, first, second)
    baseline = seen.plan.baseline
    for cell in known:
        if baseline in known and cell != baseline and baseline not in (twins.get(cell), only_clean.get(cell)):
            yield from _unchanged(seen, known[baseline], cell, known[cell])


def _shared(one: Prints, other: Prints) -> tuple[list[Place], list[str]]:
    """Trials that both have with the same rows, and tasks that both predict; no trial where any rows differ."""
    places = [place for place in one.hashes if place in other.hashes]
    splits = {name for place in places for name in one.hashes[place] if name.endswith("/rows")}
    alike = all(one.hashes[place].get(name) == other.hashes[place].get(name) for place in places for name in splits)
    return (places if alike else []), sorted(one.tasks & other.tasks)


def _equal(one: Prints, other: Prints) -> bool:
    first = next(iter(one.hashes), None)
    if first is None or first not in other.hashes:
        return False
    ours, theirs = one.hashes[first], other.hashes[first]
    if any(name in theirs and theirs[name] != found for name, found in ours.items()):  # nearly every pair ends here
        return False
    places, tasks = _shared(one, other)
    return bool(places and tasks) and all(
        one.hashes[place][name] == other.hashes[place].get(name)
        for place in places
        for name in one.hashes[place]
        if name.partition("/")[2] in tasks
    )


def _parted(one: Prints, other: Prints, rounding: float = 0.0) -> list[str]:
    """Conditions of the test whose figures tell two cells apart that predict the same on clean tests.

    A metric that differs on the clean test already is of other tasks, or of values, and tells nothing here.
    """
    found: dict[str, None] = {}
    for place in (place for place in one.trials if place in other.trials):
        ours, theirs = one.trials[place].metrics, other.trials[place].metrics
        for name in (name for name in ours if name in theirs):
            split, condition = split_and_condition(name)
            clean, also = ours.get(split, {}), theirs.get(split, {})
            agreed = [m for m in clean if m in also and _alike(clean[m], also[m], rounding)]
            if condition and any(not _alike(ours[name].get(m), theirs[name].get(m), rounding) for m in agreed):
                found[condition] = None
    return list(found)


def _alike(one: float | None, other: float | None, rounding: float) -> bool:
    if one is None or other is None:
        return one is other
    return (
        one == other or (math.isnan(one) and math.isnan(other)) or abs(one - other) <= rounding * max(1.0, abs(other))
    )


def _twin(seen: Seen, known: Mapping[str, Prints], first: str, second: str) -> Evidence:
    """That two cells predict the same; without a mark where a test under a condition tells them apart."""
    places, tasks = _shared(known[first], known[second])
    paths, parted = _paths(seen, first, second), _parted(known[first], known[second])
    told = f", though they differ in {listed(paths)}" if paths else ""
    clean = f" on clean tests, and figures differ under {listed(parted)}" if parted else ""
    equal = f"every prediction of {_tasks(tasks)} is to the bit that of {seen.label(first)}"
    return evidence(
        second,
        "same predictions",
        "after",
        f"{equal}{clean}, {_trials(places)}{told}",
        "" if parted else "≡",
        other=first,
        paths=paths,
        code="" if parted else "BF740",
        numbers={"trials": len(places), **({"under": parted} if parted else {})},
    )


def _paths(seen: Seen, first: str, second: str) -> list[str]:
    """Settings that one of two cells changes, and the other not so."""
    one, other = seen.cells[first].differs, seen.cells[second].differs
    return [path for path in {**other, **one} if path not in one or path not in other or one[path] != other[path]]


def _unchanged(seen: Seen, base: Prints, cell: str, own: Prints) -> Iterator[Evidence]:
    """The cell, if its values are those of the baseline up to rounding, or every decision is."""
    places, tasks = _shared(base, own)
    compared = _compared(seen, base, own, places, tasks) if places and tasks else None
    if compared is None:
        return
    largest, decided = compared
    parted = _parted(base, own, ROUNDING)
    numbers = {"trials": len(places), "largest": float(f"{largest:.3g}"), **({"under": parted} if parted else {})}
    paths, baseline = list(seen.cells[cell].differs), seen.plan.baseline
    mark: Mark = "" if parted else "⊘"
    told = f"predictions of {_tasks(tasks)} are those of {seen.label(baseline)} up to rounding, {_trials(places)}"
    if largest > ROUNDING:
        saturated = _saturated(seen, cell, tasks)
        mark = "" if saturated or parted else "½"
        told = (
            f"not one of {decided:,} decisions on {_tasks(tasks)} differs from {seen.label(baseline)}, "
            f"{_trials(places)}; their values do, by {100 * largest:.2g} % of their spread at most"
            + (" (both are right everywhere)" if saturated else "")
        )
    if parted:
        told += f"; on clean tests: figures differ under {listed(parted)}"
    yield evidence(
        cell,
        "same predictions",
        "after",
        told,
        mark,
        other=baseline,
        paths=paths,
        code="BF741" if mark else "",
        numbers=numbers,
    )


def _compared(
    seen: Seen, base: Prints, own: Prints, places: Sequence[Place], tasks: Sequence[str]
) -> tuple[float, int] | None:
    """The largest difference of a value, and how many decisions are equal; None where any decision differs.

    A value of a task without classes is a decision that differs where it differs by more than rounding.
    """
    largest, decided = 0.0, 0
    for place in places:
        ours, theirs = seen.read(own.trials[place].key), seen.read(base.trials[place].key)
        for name in (name for name in theirs if name.partition("/")[2] in tasks):
            mine, others = ours.get(name), theirs[name]
            if mine is None or mine.shape != others.shape:
                return None
            gap = _gap(mine, others)
            if others.ndim != _CLASSES and gap > ROUNDING:
                return None
            if others.ndim == _CLASSES:
                if not np.array_equal(mine.argmax(axis=1), others.argmax(axis=1)):
                    return None
                decided += len(mine)
            largest = max(largest, gap)
    return largest, decided


def _gap(one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    """The largest difference, over the spread of `other`."""
    if not one.size:
        return 0.0
    ours, theirs = one.astype(np.float64), other.astype(np.float64)
    largest = float(np.abs(ours - theirs).max())
    return largest / (float(theirs.std()) or 1.0)


def _saturated(seen: Seen, cell: str, tasks: list[str]) -> bool:
    """Whether every accuracy is 1: then equal decisions show nothing."""
    names = {"accuracy", *(f"{task}.accuracy" for task in tasks)}
    values = [
        value
        for trial in seen.done[cell]
        for metrics in trial.metrics.values()
        for name, value in metrics.items()
        if name in names
    ]
    return bool(values) and min(values) >= 1.0


def _tasks(tasks: list[str]) -> str:
    return listed([f"'{task}'" for task in tasks])


def _trials(places: list[Place]) -> str:
    seeds, folds = {seed for seed, _ in places}, {fold for _, fold in places}
    over = f" ({counted(len(seeds), 'seed')}, {counted(len(folds), 'fold')})" if len(folds) > 1 else ""
    return f"in {counted(len(places), 'trial')}{over}"
