"""What of two cells is the same: training only, evaluation only, or all until a schedule begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...study.differences import differences
from .answer import answer
from .computation import outputs_of, predict_alike
from .course import weights
from .disturbed import ABSENT, NOISE
from .wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...evidence import Evidence, Question
    from ...study.cell import Cell
    from .computation import Computation, Key
    from .prober import Prober

SAME: Question = "same computation"
_ONLY = {ABSENT: "where a modality is absent in testing", NOISE: "under noise in testing"}


def partly_same(prober: Prober, baseline: Cell, known: Sequence[Computation]) -> Iterator[Evidence]:
    """What is equal in part: each cell with the baseline, and of the others each group once."""
    base, *rest = known
    if base.cell is not baseline:
        yield from _groups(prober, None, known, set())
        return
    told: set[frozenset[str]] = set()
    for one in rest:
        for found in _partly(prober, base, one):
            told.add(frozenset(found.paths))
            yield found
    yield from _groups(prober, base, rest, told)


def _groups(
    prober: Prober, base: Computation | None, cells: Sequence[Computation], told: set[frozenset[str]]
) -> Iterator[Evidence]:
    """Groups of cells that are equal in part, unless what they differ in has been told of in another pair."""
    trained = _alike(cells, lambda one: one.training, base)
    for group in trained:
        yield from _once(group, told, "train the same: {paths} acts only in evaluation", "BF703")
    varied = prober if len({one.dropout for one in cells}) > 1 else None
    for group in _alike(cells, lambda one: _at_first(varied, one), base):
        starts = [_start(prober, group[0], one) for one in group[1:]]
        if all(starts):
            same = f"are the same computation until epoch {min(starts)}: a schedule keeps the difference at zero"
            yield from _once(group, told, same, "", start=min(starts))
    for group in _alike(cells, lambda one: (one.trace.inputs, tuple(one.trace.evaluated.items())), base):
        same = "predict the same in evaluation with equal weights: what differs acts only in training"
        yield from _once(group, told, same, "")


def _alike(
    cells: Sequence[Computation], key: Callable[[Computation], Key], base: Computation | None
) -> list[list[Computation]]:
    """Groups of two or more with one key, but for that of the baseline."""
    groups: dict[Key, list[Computation]] = {}
    for one in cells:
        groups.setdefault(key(one), []).append(one)
    own = None if base is None else key(base)
    return [group for held, group in groups.items() if len(group) > 1 and held != own]


def _at_first(prober: Prober | None, one: Computation) -> Key:
    trace = one.trace
    return (one.around, trace.inputs, tuple(trace.evaluated.items()), _during(prober, one, 0))


def _once(
    group: Sequence[Computation], told: set[frozenset[str]], same: str, code: str, **numbers: int
) -> Iterator[Evidence]:
    """One line for a group; all of its cells but the first have the mark of a finding."""
    first, *rest = (one.cell for one in group)
    paths = tuple({path: None for cell in rest for path in differences(first.resolved, cell.resolved, cell.node)})
    if frozenset(paths) in told:
        return
    told.add(frozenset(paths))
    labels = [f"'{one.cell.label}'" for one in group]
    message = f"{listed(labels[:-1])} and {labels[-1]} {same.format(paths=listed(paths))}"
    for cell in rest if code else rest[:1]:
        own = code if cell is rest[0] else ""
        yield answer(cell, SAME, message, paths, own, mark="½" if code else "", other=first, **numbers)


def _partly(prober: Prober, base: Computation, one: Computation) -> Iterator[Evidence]:
    paths = tuple(one.cell.differs)
    pair = f"'{one.cell.label}' and '{base.cell.label}'"
    if one.training == base.training:
        kinds = _only_tested(base, one)
        how, where = ("train and predict", " or ".join(kinds)) if kinds else ("train", "in evaluation")
        message = f"{pair} {how} the same: {', '.join(paths)} acts only {where}"
        yield answer(one.cell, SAME, message, paths, "BF703", mark="½", other=base.cell)
        return
    start = _start(prober, base, one)
    if start:
        message = f"{pair} are the same computation until epoch {start}: a schedule keeps the difference at zero"
        yield answer(one.cell, SAME, message, paths, other=base.cell, start=start)
    if predict_alike(one.trace, base.trace):
        message = f"with equal weights, {pair} predict the same in evaluation: what differs acts only in training"
        yield answer(one.cell, SAME, message, paths, other=base.cell)


def _only_tested(base: Computation, one: Computation) -> list[str]:
    """Where in tests two cells differ that train alike; nothing where they differ in evaluation of training rows."""
    if outputs_of(one.trace.evaluated, one.live) != outputs_of(base.trace.evaluated, base.live):
        return []
    before, after = dict(base.tested(base.live)), dict(one.tested(one.live))
    return [words for kind, words in _ONLY.items() if before.get(kind) != after.get(kind)]


def _start(prober: Prober, base: Computation, one: Computation) -> int:
    """The first epoch in which two cells differ; 0 where they do from the start on."""
    if one.around != base.around or not predict_alike(one.trace, base.trace):
        return 0
    epochs = one.cell.settings.train.epochs
    prober_of = None if one.dropout == base.dropout else prober
    different = (epoch for epoch in range(epochs) if _during(prober_of, base, epoch) != _during(prober_of, one, epoch))
    return next(different, 0)


def _during(prober: Prober | None, one: Computation, epoch: int) -> Key | None:
    """What a cell computes in one epoch of training; what a schedule holds at zero is not there.

    The prober is needed where modality dropout is to be left out while its rate is zero.
    """
    settings, found = one.cell.settings, one.trace
    dropped = one.dropout
    rate = dropped[0][epoch] if dropped is not None else 0
    if prober is not None and settings.modality_dropout is not None and rate == 0:
        quiet = settings.model_copy(update={"modality_dropout": None})
        plain = prober.trace(one.cell, quiet)
        if plain is None:
            return None
        found = plain
    acting = tuple((t, g, w) for t, g in found.gradients.items() if g and (w := weights(settings, t)[epoch]))
    tasks = frozenset().union(*(found.heads[term] for term, _, _ in acting))
    return (
        found.inputs,
        outputs_of(found.trained, tasks),
        acting,
        (rate, *dropped[1:]) if dropped is not None and rate else None,
    )
