"""Ctrl-C and SIGTERM in two steps: the first lets what runs come to an end, the second leaves at once.

The command line installs `on_signal`. An executor that can finish what is running does its work inside `postponed` and
looks at `Interrupt.asked`; wherever nobody looks, the first signal leaves at once.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Terminated(SystemExit):
    """Leaving because of a signal; told apart from a plugin's `sys.exit`."""


@dataclass
class Interrupt:
    """Whether somebody wants to leave."""

    asked: int = 0
    """Number of the signal; 0 where there was none."""
    watchers: int = 0
    told: list[Callable[[], None]] = field(default_factory=list)
    """Called at the first signal."""

    def leave(self) -> NoReturn:
        """Leave as the signal says: KeyboardInterrupt, or Terminated with 128 + its number."""
        number, self.asked = self.asked, 0
        _leave(number)


_interrupt = Interrupt()


def on_signal(number: int, _: object = None) -> None:
    """Handler for SIGINT and SIGTERM."""
    if not _interrupt.watchers or _interrupt.asked:
        _interrupt.asked = 0
        _leave(number)
    _interrupt.asked = number
    for tell in _interrupt.told:
        tell()


def _leave(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(128 + number)


@contextmanager
def telling(tell: Callable[[], None]) -> Iterator[None]:
    """Inside, `tell` is called when a first signal is noted: what runs may keep what it has."""
    _interrupt.told.append(tell)
    try:
        yield
    finally:
        _interrupt.told.remove(tell)


@contextmanager
def postponed() -> Iterator[Interrupt]:
    """Inside, the first signal is only noted; whoever is inside looks at `asked` and calls `leave` in good time."""
    _interrupt.watchers += 1
    try:
        yield _interrupt
    finally:
        _interrupt.watchers -= 1
        if not _interrupt.watchers:
            _interrupt.asked = 0
