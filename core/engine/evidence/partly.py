"""What of two cells is the same: training only, evaluation only, or all until a schedule begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...evidence import Evidence
from .computation import outputs_of, predict_alike
from .course import weights
from .disturbed import ABSENT, NOISE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...evidence import Mark
    from ...study.cell import Cell
    from .computation import Computation, Key
    from .prober import Prober

_ONLY = {ABSENT: "where a modality is absent in testing", NOISE: "under noise in testing"}


def partly_same(prober: Prober, baseline: Cell, known: Sequence[Computation]) -> Iterator[Evidence]:
    """What is equal in part with the baseline."""
    base, *rest = known
    if base.cell is baseline:
        for one in rest:
            yield from _partly(prober, base, one)


def _partly(prober: Prober, base: Computation, one: Computation) -> Iterator[Evidence]:
    paths = tuple(one.cell.differs)
    pair = f"'{one.cell.label}' and '{base.cell.label}'"
    if one.training == base.training:
        kinds = _only_tested(base, one)
        how, where = ("train and predict", " or ".join(kinds)) if kinds else ("train", "in evaluation")
        message = f"{pair} {how} the same: {', '.join(paths)} acts only {where}"
        yield same_evidence(one.cell, base.cell, message, paths, "BF703", mark="½")
        return
    start = _start(prober, base, one)
    if start:
        message = f"{pair} are the same computation until epoch {start}: a schedule keeps the difference at zero"
        yield same_evidence(one.cell, base.cell, message, paths, "", start=start)
    if predict_alike(one.trace, base.trace):
        message = f"with equal weights, {pair} predict the same in evaluation: what differs acts only in training"
        yield same_evidence(one.cell, base.cell, message, paths, "")


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


def same_evidence(
    cell: Cell, other: Cell, message: str, paths: tuple[str, ...], code: str, *, mark: Mark = "", **numbers: int
) -> Evidence:
    """An answer about two cells."""
    return Evidence(
        cell=cell.key,
        question="same computation",
        phase="before",
        message=message,
        mark=mark,
        other=other.key,
        paths=paths,
        details={**({"code": code} if code else {}), **numbers},
    )
