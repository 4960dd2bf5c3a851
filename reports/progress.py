"""Progress while trials run: a live bar on a terminal, one plain line a trial in a pipe. Always on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from .text import plain

if TYPE_CHECKING:
    from types import TracebackType

    from ..core.results import TrainResult
    from ..core.study.plan import Plan

_LONGEST = 40
"""Letters of a label beside the bar."""


class Progress:
    """Tells of each finished trial. Use as a context; hand `finished` to the runner."""

    def __init__(self, plan: Plan, pending: int, known: int, *, quiet: bool) -> None:
        self._labels = {cell.key: cell.label for cell in plan.cells}
        self._shown = plan.metrics[0].name if plan.metrics else ""
        self._total = pending
        self._count = 0
        self._quiet = quiet
        self._bar: Bar | None = None
        if not quiet and sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            times = (TimeElapsedColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, *times, console=Console(stderr=True), transient=True)
        self._say(f"{plan.study}: {self._total} trials to train, {known} already in the store")

    def __enter__(self) -> Self:
        """Start the bar."""
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("training", total=self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the bar; what was printed above it stays."""
        if self._bar is not None:
            self._bar.stop()

    def finished(self, result: TrainResult) -> None:
        """One trial has ended and is stored."""
        self._count += 1
        label = plain(self._labels.get(result.cell, result.cell))
        what = f"{label}, seed {result.seed}, fold {result.fold}"
        value = result.metrics.get("valid", {}).get(self._shown)
        told = f"{result.state}: {result.message}" if result.message else result.state
        told += f", valid {self._shown} {value:.3f}" if value is not None else ""
        if self._bar is not None:
            self._bar.update(self._task, completed=self._count, description=escape(label[:_LONGEST]))
            if result.state == "done":
                return
        self._say(f"[{self._count}/{self._total}] {what}: {told} ({result.seconds:.1f} s)")

    def _say(self, line: str) -> None:
        if self._quiet:
            return
        clean = plain(line)
        if self._bar is not None:
            self._bar.console.print(escape(clean), highlight=False)
        else:
            print(clean, file=sys.stderr, flush=True)  # noqa: T201 - progress in a pipe
