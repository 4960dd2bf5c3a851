"""How the command line ends: exit codes, signals, and no traceback for anything that a user can cause."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from typing import NoReturn

import typer

from ..core.errors import ButforError, StoreError
from .app import app
from .options import BAD_STORE, INTERRUPTED, TERMINATED, WRONG_INPUT


def _terminate(number: int, _: object) -> NoReturn:
    """Leave as Ctrl-C does: what is finished is kept, and the workers end."""
    sys.exit(128 + number)


def _leave(code: int) -> NoReturn:
    """Leave now, without waiting for threads that still wait for workers; what is finished is on the disk."""
    for child in multiprocessing.active_children():
        child.terminate()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command line: every error a user can make ends in a message and an exit code, never a traceback."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    except SystemExit as leaving:
        if leaving.code in (INTERRUPTED, TERMINATED):
            _leave(leaving.code)
        raise
    except StoreError as error:
        typer.echo(f"butfor: {error}", err=True)
        sys.exit(BAD_STORE)
    except ButforError as error:
        typer.echo(str(error), err=True)
        sys.exit(WRONG_INPUT)
