"""What the trials of each cell cost, as they were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..core.results import TrainResult


@dataclass(frozen=True, slots=True)
class Spent:
    """The costs of one system; None for what no trial recorded."""

    parameters: int | None = None
    """Numbers that are trained."""
    flops: int | None = None
    """Floating point operations of one row forward, as torch counts them."""
    seconds: float | None = None
    """Mean wall time of a trial, training and tests; in a stack its share of the steps. None for imported runs:
    how long they took to read says nothing of how long they took to train."""
    memory: int | None = None
    """Bytes of weights, gradients, moments and buffers, and of what the forward of one batch keeps for the backward."""


def spent_of(results: Iterable[TrainResult]) -> dict[str, Spent]:
    """{cell: what a trial of it costs}, of the trials that are done; the most where trials differ, but for seconds."""
    done: dict[str, list[TrainResult]] = {}
    for result in results:
        if result.state == "done":
            done.setdefault(result.cell, []).append(result)
    return {
        cell: Spent(
            parameters=_most(some, "parameters"),
            flops=_most(some, "flops"),
            seconds=_mean_seconds(some),
            memory=_most(some, "memory"),
        )
        for cell, some in done.items()
    }


def costs_of(cell: str, spent: Mapping[str, Spent]) -> dict[str, Any]:
    """The costs of a cell as programs read them."""
    own = spent.get(cell, Spent())
    return {"parameters": own.parameters, "flops": own.flops, "seconds": own.seconds, "memory": own.memory}


def _mean_seconds(results: Iterable[TrainResult]) -> float | None:
    known = [result.seconds for result in results if "imported" not in result.provenance]
    return fmean(known) if known else None


def _most(results: Iterable[TrainResult], name: str) -> int | None:
    found = [result.provenance.get(name) for result in results]
    known = [int(value) for value in found if isinstance(value, int | float)]
    return max(known, default=None)
