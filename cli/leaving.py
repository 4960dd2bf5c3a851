"""How the command line ends: exit codes, signals, and no traceback for anything that a user can cause."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import typer

from ..core.errors import ButforError, StoreError, StudyError
from ..core.interrupts import on_signal
from ..reports.text import lines
from .app import app
from .options import BAD_STORE, INTERRUPTED, TERMINATED, WRONG_INPUT

if TYPE_CHECKING:
    from collections.abc import Iterator


def _leave(code: int) -> NoReturn:
    """Leave now, without waiting for threads that still wait for workers; what is finished is on the disk."""
    for child in multiprocessing.active_children():
        child.terminate()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or a pipe that nobody reads
            stream.flush()
    os._exit(code)


def _on_signal(number: int, frame: object) -> None:
    """Comes back only where what is running may end first."""
    on_signal(number, frame)
    with suppress(OSError):
        os.write(2, b"\nbutfor: leaving as soon as the trials that are running have ended; once more leaves now\n")


@contextmanager
def _signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM in two steps; one that is ignored, as under nohup or in the background, stays ignored."""
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, _on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_FEW_LOOKS = 200_000
"""New objects before Python looks for cycles in all that is alive; at its own 700 that is a fifth of a large table."""


def _open_what_is_closed() -> None:
    """Standard streams that were closed lead nowhere, so that no file of ours gets their numbers and their text."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one


def _write_any_text() -> None:
    """A locale that lacks a letter costs that letter, not the run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line: every error a user can make ends in a message and an exit code, never a traceback."""
    _open_what_is_closed()
    _write_any_text()
    gc.set_threshold(_FEW_LOOKS)
    try:
        with _signals():
            app()
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    except SystemExit as leaving:
        if leaving.code in (INTERRUPTED, TERMINATED):
            _leave(leaving.code)
        raise
    except StoreError as error:
        typer.echo(lines(f"butfor: {error}"), err=True)
        sys.exit(BAD_STORE)
    except StudyError as error:
        from ..reports.findings import findings_text

        typer.echo(findings_text(error.findings), err=True)
        sys.exit(WRONG_INPUT)
    except ButforError as error:
        typer.echo(lines(str(error)), err=True)
        sys.exit(WRONG_INPUT)
