"""What evidence is drawn from: the plan, and the trials that count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...core.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ...core.evidence import Mark, Phase, Question
    from ...core.results import TrainResult
    from ...core.study.plan import Plan, PlannedCell

    Predictions = Mapping[str, NDArray[np.generic]]
    """`SPLIT/rows` and `SPLIT/TASK`, as `core.results.TrainResult` has them."""


@dataclass(frozen=True)
class Seen:
    """A plan and its results."""

    plan: Plan
    results: Sequence[TrainResult]
    """Of all states; only those that are `done` count."""
    read: Callable[[str], Predictions]
    """The predictions of a trial, by its key; empty where they are gone."""

    @cached_property
    def done(self) -> dict[str, list[TrainResult]]:
        """{cell: its trials that count, in the order of the plan}; cells without any are not there."""
        known = {result.key: result for result in self.results if result.state == "done"}
        found: dict[str, list[TrainResult]] = {}
        for trial in self.plan.trials:
            if trial.key in known:
                found.setdefault(trial.cell, []).append(known[trial.key])
        return found

    @cached_property
    def witnesses(self) -> dict[str, TrainResult]:
        """{cell: its trial whose gradients were measured}, however it ended: what made it collapse is worth knowing."""
        looked = (one for one in self.results if any(name.startswith("gradient.") for name in (one.curve or ({},))[0]))
        return {one.cell: one for one in looked if one.cell in self.cells}

    @cached_property
    def cells(self) -> dict[str, PlannedCell]:
        """{key: cell}, in the order of the plan."""
        return {cell.key: cell for cell in self.plan.cells}

    def label(self, cell: str) -> str:
        """How the cell reads, in quotes."""
        return f"'{self.cells[cell].label}'"

    def concerns(self, cell: str, path: str) -> bool:
        """Whether the cell is about the component at `path`: it differs there, or is the baseline."""
        return cell == self.plan.baseline or self.touches(cell, path)

    def touches(self, cell: str, path: str) -> bool:
        """Whether the cell differs from the baseline in the component at `path`, or in something inside it."""
        return any(_within(changed, path) or _within(path, changed) for changed in self.cells[cell].differs)


def _within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}.")


def evidence(
    cell: str,
    question: Question,
    phase: Phase,
    message: str,
    mark: Mark = "",
    *,
    other: str = "",
    paths: Sequence[str] = (),
    code: str = "",
    numbers: Mapping[str, Any] | None = None,
) -> Evidence:
    """A record; `code` is that of the finding that it makes, none for what is only worth knowing."""
    told = ({"code": code} if code else {}) | dict(numbers or {})
    return Evidence(
        cell=cell,
        question=question,
        phase=phase,
        message=message,
        mark=mark,
        other=other,
        paths=tuple(paths),
        details=told,
    )


def listed(names: Sequence[str], most: int = 5) -> str:
    """`a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, what: str) -> str:
    """`1 trial`, `3 trials`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
