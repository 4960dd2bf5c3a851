"""How a worker died, in words: the ways are told apart by its exit code and by what we did to it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ....core.failures import failure_from_dump

if TYPE_CHECKING:
    from ....core.errors import FailureKind, TrialFailure

DUMP = "Stack (most recent call first):"
"""What faulthandler writes above a traceback."""
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(frozen=True)
class Death:
    """The end of a worker that had an item."""

    code: int | None
    """Exit code, minus the signal's number where one ended it; None where nobody is left who knows."""
    limit: float = 0.0
    """The time limit in seconds, where we ended it for that."""
    cut: bool = False
    """Whether we ended it because it had closed its connection."""
    memory: bool = False
    """Whether the system has killed a process for want of memory since the item began."""

    def failure(self, printed: str) -> TrialFailure:
        """The failure of its item; `printed` is the end of its log, with the traceback that faulthandler left."""
        dump = printed[printed.rfind(DUMP) :] if DUMP in printed else ""
        return failure_from_dump(*self.told(), dump)

    def told(self) -> tuple[FailureKind, str]:
        """Class and message."""
        if self.limit:
            return "timeout", f"no result within {self.limit:g} s; it was ended"
        if self.code is None:
            return "crashed", "the process that starts the workers was ended from outside"
        if self.code >= 0:
            return "crashed", f"its process left with exit code {self.code}, without an exception"
        if -self.code == _KILL:
            return self._killed()
        return "crashed", f"its process was ended by {_signal_name(-self.code)} ({signal.strsignal(-self.code)})"

    def _killed(self) -> tuple[FailureKind, str]:
        """Three may kill: we, the system for want of memory, and somebody else."""
        if self.cut:
            return "crashed", "it closed its connection to us, and was ended"
        if self.memory:
            return "out of memory", "the system ran out of memory and killed its process"
        return "crashed", "its process was killed from outside (SIGKILL), as the out-of-memory killer does"


def oom_kills() -> int:
    """How many processes the system has killed for want of memory; 0 where it does not say."""
    try:
        said = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in said.splitlines() if line.startswith("oom_kill ")), 0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
