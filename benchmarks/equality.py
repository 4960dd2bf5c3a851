"""Whether two contenders did the same work: equal steps, epochs and parameters, and metrics equal within noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from butfor.core.results import TrainResult

    from .loops import PeerTrial

METRICS = ("weighted_f1", "mse")
CHANCE = 0.001
"""Of calling two contenders unequal that are equal, for each metric."""


@dataclass(frozen=True, slots=True)
class Done:
    """What one trial was, whoever trained it."""

    steps: int
    epochs: int
    parameters: int
    draw: tuple[int, str]
    """Its seed and its fold."""
    metrics: tuple[float, ...]
    """`METRICS` of the validation rows at the selected epoch."""


def of_peer(results: Sequence[dict[str, Any]], trials: Sequence[PeerTrial]) -> list[Done]:
    """From `train_trial` of each of the `trials`."""
    return [
        Done(
            one["steps"],
            one["epochs"],
            one["parameters"],
            (trial.seed, trial.fold.name),
            tuple(one["metrics"]["valid"][m] for m in METRICS),
        )
        for one, trial in zip(results, trials, strict=True)
    ]


def of_ours(results: Sequence[TrainResult]) -> list[Done]:
    """From the engine. A trial without metrics counts as not a number, which equals nothing."""
    missing = float("nan")
    return [
        Done(
            result.provenance["steps"],
            len(result.curve),
            result.provenance["parameters"],
            (result.seed, result.fold),
            tuple(result.metrics.get("valid", {}).get(m, missing) for m in METRICS),
        )
        for result in results
    ]


def compared(ours: Sequence[Done], theirs: Sequence[Done], *, fixed: bool = True) -> tuple[bool, str]:
    """Whether the work was the same, and it in words. With early stopping (`fixed` off) epochs may differ."""
    parts = [("parameters", [d.parameters for d in ours], [d.parameters for d in theirs])]
    if fixed:
        parts += [
            ("steps", [d.steps for d in ours], [d.steps for d in theirs]),
            ("epochs", [d.epochs for d in ours], [d.epochs for d in theirs]),
        ]
    same = all(one == other for _, one, other in parts)
    told = [f"{name} {'equal' if one == other else 'DIFFER'} ({sum(one)}, {sum(other)})" for name, one, other in parts]
    for number, name in enumerate(METRICS):
        gap, error, close = _gap(ours, theirs, number)
        same = same and close
        told.append(f"valid {name} differs by {gap:+.4f} ± {error:.4f}{'' if close else ', TOO MUCH'}")
    return same, "; ".join(told)


def _gap(ours: Sequence[Done], theirs: Sequence[Done], metric: int) -> tuple[float, float, bool]:
    """Mean difference, its standard error, and whether noise explains it.

    Trials of one seed and fold share their order of samples, whatever their cell, so they count as one draw.
    """
    gaps: dict[tuple[int, str], list[float]] = {}
    for one, other in zip(ours, theirs, strict=True):
        gaps.setdefault(one.draw, []).append(one.metrics[metric] - other.metrics[metric])
    means = np.array([np.mean(some) for some in gaps.values()])
    if len(means) == 1:
        return float(means[0]), np.inf, bool(np.isfinite(means[0]))
    error = float(means.std(ddof=1) / len(means) ** 0.5)
    limit = float(t.ppf(1 - CHANCE / 2, len(means) - 1)) * error
    return float(means.mean()), error, bool(abs(means.mean()) <= limit)
