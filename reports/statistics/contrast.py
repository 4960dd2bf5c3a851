"""Effects that several cells share: a contrast for each block, and from those an interval as for any difference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .compare import estimates
from .corrections import Correction, adjusted
from .small_n import FEWEST_FOR_P
from .unpaired import contrast, pooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .factorial import Contrasts
    from .procedure import Procedure


@dataclass(frozen=True, slots=True)
class Effect:
    """A named effect with its interval; None where blocks are too few."""

    label: str
    value: float
    units: int
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    share: float | None = None
    """Of the difference between full and empty system; for Shapley values only. May be negative, or above 1."""


def effects(
    labels: Sequence[str],
    contrasts: NDArray[np.float64],
    procedure: Procedure,
    *,
    correction: Correction = "holm",
) -> tuple[Effect, ...]:
    """An effect for each row of `contrasts` (m, units), with p adjusted over the m."""
    count = contrasts.shape[-1]
    if not count:
        return ()
    if count <= 1 or procedure.test == "none":  # one block has no spread
        return tuple(Effect(label, float(row.mean()), count) for label, row in zip(labels, contrasts, strict=True))
    found = estimates(contrasts, procedure)
    raw = [None if one is None or count < FEWEST_FOR_P else float(one.p) for one in found]
    return tuple(
        Effect(
            label=label,
            value=float(row.mean() if one is None else one.mean),
            units=count,
            low=None if one is None or not np.isfinite(one.low) else float(one.low),
            high=None if one is None or not np.isfinite(one.high) else float(one.high),
            p=p,
            p_adjusted=q,
        )
        for label, row, one, p, q in zip(labels, contrasts, found, raw, adjusted(raw, correction), strict=True)
    )


def effects_of_runs(
    contrasts: Contrasts, groups: Sequence[Sequence[float]], procedure: Procedure, *, correction: Correction = "holm"
) -> tuple[Effect, ...]:
    """An effect for each contrast of the means of `groups`, runs of the cells that nothing pairs."""
    spread = pooled(groups) if procedure.test == "pooled_t" else None
    found = [contrast(groups, row.tolist(), spread=spread, alpha=procedure.level) for row in contrasts.weights]
    raw = [min(1.0, one.p * procedure.looks) if np.isfinite(one.p) else None for one in found]
    count = sum(len(group) for group in groups)
    return tuple(
        Effect(
            label=label,
            value=one.value,
            units=count,
            low=one.low if np.isfinite(one.low) else None,
            high=one.high if np.isfinite(one.high) else None,
            p=p,
            p_adjusted=q,
        )
        for label, one, p, q in zip(contrasts.labels, found, raw, adjusted(raw, correction), strict=True)
    )


def with_shares(values: Sequence[Effect]) -> tuple[Effect, ...]:
    """Shapley values with the share of each in their sum, full less empty system; none where the sum is zero."""
    whole = sum(effect.value for effect in values)
    return tuple(replace(effect, share=effect.value / whole if whole else None) for effect in values)
