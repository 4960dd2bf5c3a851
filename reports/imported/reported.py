"""Numbers that were published as one row, looked for in the runs: did one run ever have them all?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .mapping import ReportedNumbers
    from .runs import Run

_LISTED = 3


def looked_for(reported: ReportedNumbers, runs: Sequence[Run]) -> str:
    """Which runs have the numbers, each to the digits that were printed."""
    wanted = [(split, metric, value) for split, found in reported.numbers.items() for metric, value in found.items()]
    having = {one: [run.line.number for run in runs if _has(run, *one)] for one in wanted}
    said = f"“{plain(reported.says)}”"
    together = set.intersection(*(set(lines) for lines in having.values())) if having else set[int]()
    if together:
        return f"Reported: {said}: these are the numbers of one run (line {min(together)})."
    parts = [f"{metric} {value:g} on {split} {_lines(lines)}" for (split, metric, value), lines in having.items()]
    return f"Reported: {said}: no run has these numbers together: {'; '.join(parts)}."


def _has(run: Run, split: str, metric: str, value: float) -> bool:
    found = run.metrics.get(split, {}).get(metric)
    digits = len(repr(value).partition(".")[2])
    return found is not None and abs(found - value) <= 0.5 * 10.0**-digits + 1e-12


def _lines(lines: Sequence[int]) -> str:
    if not lines:
        return "is of no run"
    shown = ", ".join(str(line) for line in lines[:_LISTED]) + (", ..." if len(lines) > _LISTED else "")
    return f"is of line{'s' if len(lines) > 1 else ''} {shown}"
