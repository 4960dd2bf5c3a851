"""What each loss term pulled with, from the curve of the witness of a cell: terms that vanish, and one that is all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from ...core.specs import Warmup
from .seen import counted, evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...core.evidence import Evidence, Mark
    from ...core.results import TrainResult
    from .seen import Seen

VANISHES = 1e-3
"""A term whose share of the gradient norm is below this in every epoch up to the selected one vanishes."""
DOMINATES = 0.99
"""A term whose share is above this in half of these epochs leaves next to nothing to the others."""
_ALL, _INSIDE = "gradient.", "reach."


@dataclass(frozen=True)
class Pull:
    """One term of one witness, epoch by epoch up to the selected one; epochs that hold it at zero are left out."""

    epochs: tuple[int, ...]
    """Their numbers."""
    norms: tuple[float, ...]
    """Of its weighted gradient, over all parameters."""
    inside: tuple[float, ...]
    """Over those of encoders and fusion."""
    shares: tuple[float, ...]
    """Of the sum of the norms of all terms."""


def pulls(trial: TrainResult, losses: Mapping[str, Mapping[str, object]]) -> dict[str, Pull]:
    """{term: its pull} of a witness, up to the selected epoch or the last; without terms that are switched off."""
    last = trial.selected_epoch + 1 or len(trial.curve)
    epochs = [epoch for epoch in trial.curve[:last] if any(name.startswith(_ALL) for name in epoch)]
    found = {}
    for term, settings in losses.items():
        warmup = Warmup.model_validate(settings.get("warmup", {}))
        on = {
            number: epoch
            for number, epoch in enumerate(epochs)
            if settings.get("weight", 1.0) and warmup.factor(number) and math.isfinite(_total(epoch))
        }
        if on:
            found[term] = Pull(
                tuple(on),
                tuple(epoch[f"{_ALL}{term}"] for epoch in on.values()),
                tuple(epoch[f"{_INSIDE}{term}"] for epoch in on.values()),
                tuple(epoch[f"{_ALL}{term}"] / (_total(epoch) or 1.0) for epoch in on.values()),
            )
    return found


def _total(epoch: Mapping[str, float]) -> float:
    return sum(value for name, value in epoch.items() if name.startswith(_ALL))


def pull_evidence(seen: Seen) -> Iterator[Evidence]:
    """Of each cell with a witness: terms without gradient, that vanish, that reach only themselves, that dominate."""
    every = {cell: told.settings.get("losses", {}) for cell, told in seen.cells.items()}
    found = {cell: pulls(trial, every[cell]) for cell, trial in seen.witnesses.items()}
    base = found.get(seen.plan.baseline, {})
    for cell, terms in found.items():
        for term, pull in terms.items():
            yield from _judged(seen, cell, term, pull, terms)
        for term, pull in base.items():
            path = f"losses.{term}"
            if term not in every[cell] and seen.touches(cell, path) and _silent(pull):
                message = f"{path}, which {seen.label(seen.plan.baseline)} has, had no gradient there: {_span(pull)}"
                yield evidence(
                    cell,
                    "gradient share",
                    "during",
                    message,
                    "⊘",
                    other=seen.plan.baseline,
                    paths=(path,),
                    code="BF720",
                )


def _judged(seen: Seen, cell: str, term: str, pull: Pull, terms: Mapping[str, Pull]) -> Iterator[Evidence]:
    path, others = f"losses.{term}", {name: other for name, other in terms.items() if name != term}
    mark: Mark = ""
    if _silent(pull):
        told, code = "no gradient at all", "BF720"
        mark = "⊘" if seen.touches(cell, path) else ""
    elif not others:
        return
    elif not any(pull.inside) and any(any(other.inside) for other in others.values()):
        told, code = "its gradient reaches no encoder and no fusion", "BF724"
    elif max(pull.shares) < VANISHES:
        told, code = f"at most {_percent(max(pull.shares))} of the gradient norm", "BF721"
    elif (share := _beside(pull, others, about=seen.touches(cell, path))) > DOMINATES:
        told, code = f"{_percent(share)} of the gradient norm in the median epoch", "BF721"
    else:
        return
    yield evidence(
        cell,
        "gradient share",
        "during",
        f"{path}: {told}, {_span(pull)}",
        mark,
        paths=(path,),
        code=code if seen.concerns(cell, path) else "",
        numbers={"shares": [float(f"{one:.4g}") for one in pull.shares]},
    )


def _beside(pull: Pull, others: Mapping[str, Pull], *, about: bool) -> float:
    """The median share in the epochs in which others pull; 0 where none does.

    One other that has vanished is told of by itself, unless the cell is about this term.
    """
    beside = [other for other in others.values() if not _silent(other)]
    if not about and len(beside) == 1 and max(beside[0].shares) < VANISHES:
        return 0.0
    epochs = {epoch for other in beside for epoch in other.epochs}
    shares = [share for epoch, share in zip(pull.epochs, pull.shares, strict=True) if epoch in epochs]
    return median(shares) if shares else 0.0


def _silent(pull: Pull) -> bool:
    return not any(pull.norms)


def _span(pull: Pull) -> str:
    return f"in {counted(len(pull.norms), 'epoch')} up to the selected one, on a fixed batch of one trial"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < VANISHES else f"{100 * share:.1f} %"
