"""What a study would cost, for a person and for a program. An estimate, and said to be one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.study.plan import Plan

_MINUTE, _HOUR = 60, 3600
_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


class Cost(Protocol):
    """What one trial of a cell costs, as the engine measured it."""

    @property
    def parameters(self) -> int:
        """Numbers that are trained."""

    @property
    def flops(self) -> int:
        """Operations of one row forward."""

    @property
    def seconds(self) -> float:
        """Of one trial on one core."""

    @property
    def bytes(self) -> int:
        """On the disk."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of a plan's cells and the trials that are still to be trained."""

    plan: Plan
    cells: Mapping[str, Cost]
    """{key of the cell: cost of one trial}."""
    pending: Mapping[str, int]
    """{key of the cell: trials still to train}, of the cells that were asked for."""
    jobs: int
    """Cores that would train."""

    def of_cell(self, key: str) -> dict[str, Any]:
        """Keys of a cell in `plan --json`."""
        cost = self.cells[key]
        return {"parameters": cost.parameters, "flops": cost.flops, "seconds": round(cost.seconds, 3)}

    def total(self) -> dict[str, Any]:
        """`estimate` in `plan --json`: seconds and bytes of all trials that are still to be trained."""
        work = sum(self.cells[key].seconds * number for key, number in self.pending.items())
        room = sum(self.cells[key].bytes * number for key, number in self.pending.items())
        return {"jobs": self.jobs, "core_seconds": round(work, 1), "seconds": round(work / self.jobs, 1), "bytes": room}

    def text(self) -> str:
        """A line for each cell, and what they come to together."""
        rows = [("parameters", "FLOPs a row", "a trial", "trials", "cell")]
        labels = {cell.key: cell.label for cell in self.plan.cells}
        for key, number in self.pending.items():
            cost = self.cells[key]
            counts = (f"{cost.parameters:,}", scaled(cost.flops), duration(cost.seconds), str(number))
            rows.append((*counts, plain(labels[key])))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ["  ".join([*(text.rjust(w) for text, w in zip(row[:4], widths, strict=True)), row[4]]) for row in rows]
        total = self.total()
        cores = f"{self.jobs} core{'s' if self.jobs > 1 else ''}"
        told = f"about {duration(total['seconds'])} on {cores}, {size(total['bytes'])} on the disk"
        return "\n".join([*lines, f"estimate: {told}; every epoch of every trial, one trial at a time on each core"])


def duration(seconds: float) -> str:
    """`3.2 s`, `4 min`, `2.5 h`."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"


def size(number: float) -> str:
    """`12.3 MB`."""
    for unit in _UNITS[:-1]:
        if number < _STEP:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _STEP
    return f"{number:.1f} {_UNITS[-1]}"


def scaled(number: float) -> str:
    """`1.3 M` for 1,300,000."""
    for unit in ("", "k", "M", "G"):
        if number < _STEP:
            return f"{number:.3g} {unit}".strip()
        number /= _STEP
    return f"{number:.3g} T"
