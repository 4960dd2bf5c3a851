"""Numbers that were published as one row, looked for in the runs: did one run ever have them all?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .mapping import ReportedNumbers
    from .runs import Run
    from .source import Line

_LISTED = 3


def looked_for(reported: ReportedNumbers, runs: Sequence[Run]) -> str:
    """Which runs have the numbers, each to the digits that were printed."""
    wanted = [(split, metric, value) for split, found in reported.numbers.items() for metric, value in found.items()]
    having = {one: [run.line for run in runs if _has(run, *one)] for one in wanted}
    said = f"“{plain(reported.says)}”"
    whole = next((run.line.name for run in runs if all(_has(run, *one) for one in wanted)), "")
    if whole:
        return f"Reported: {said}: these are the numbers of one run ({whole})."
    parts = [f"{metric} {value:g} on {split} {_lines(lines)}" for (split, metric, value), lines in having.items()]
    return f"Reported: {said}: no run has these numbers together: {'; '.join(parts)}."


def _has(run: Run, split: str, metric: str, value: float) -> bool:
    found = run.metrics.get(split, {}).get(metric)
    digits = len(repr(value).partition(".")[2])
    return found is not None and abs(found - value) <= 0.5 * 10.0**-digits + 1e-12


def _lines(lines: Sequence[Line]) -> str:
    if not lines:
        return "is of no run"
    word = lines[0].name.partition(" ")[0]
    shown = ", ".join(line.name.removeprefix(f"{word} ") for line in lines[:_LISTED])
    return f"is of {word}{'s' if len(lines) > 1 else ''} {shown}{', ...' if len(lines) > _LISTED else ''}"
