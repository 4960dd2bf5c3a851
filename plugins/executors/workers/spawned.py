"""Workers from fresh interpreters, for a system that cannot fork: slower to start, else the same."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .nursery import ONE_THREAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess


class Spawner:
    """Starts workers with `multiprocessing`'s spawn."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._numbers = itertools.count()
        self._processes: dict[int, SpawnProcess] = {}
        self._life, self._ours = self._context.Pipe(duplex=False)
        """While our end is open, we live."""

    def launch(self) -> None:
        """Nothing: every worker loads what it needs by itself."""

    def start(self, memory_limit: int) -> tuple[int, Connection, Connection]:
        """`(number, link, output)` of a new worker."""
        number = next(self._numbers)
        link, theirs = self._context.Pipe()
        read, write = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_begin, args=(theirs, write, self._life, memory_limit))
        with theirs, write, _one_thread():
            process.start()
        self._processes[number] = process
        return number, link, read

    def signal(self, number: int, order: int) -> None:
        """Send a signal to a worker and all processes of its group."""
        if number in self._processes:
            _signal(self._processes[number], order)

    def waitable(self) -> list[Connection]:
        """Nothing: who has ended is seen by looking."""
        return []

    def ended(self) -> list[tuple[int, int | None]]:
        """(number, exit code) of the workers that have ended since the last call."""
        found: list[tuple[int, int | None]] = []
        for number, process in list(self._processes.items()):
            if process.exitcode is not None:
                del self._processes[number]
                _signal_group(process, _KILL)
                found.append((number, process.exitcode))
        return found

    def close(self) -> None:
        """End every worker now, and with them whatever they started."""
        self._ours.close()
        self._life.close()
        for process in self._processes.values():
            _signal(process, _KILL)
        for process in self._processes.values():
            process.join()
            _signal_group(process, _KILL)
        self._processes.clear()


_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@contextmanager
def _one_thread() -> Iterator[None]:
    """What starts meanwhile reads it from its environment."""
    before = dict(os.environ)
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name in ONE_THREAD:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def _signal(process: SpawnProcess, order: int) -> None:
    """To its group; to itself where it has none yet, or the system knows no groups."""
    if not _signal_group(process, order) and process.is_alive():
        with suppress(OSError):
            os.kill(process.pid or 0, order) if process.pid else None


def _signal_group(process: SpawnProcess, order: int) -> bool:
    if process.pid is None or not hasattr(os, "killpg"):
        return False
    try:
        os.killpg(process.pid, order)
    except OSError:
        return False
    return True


def _begin(link: Connection, output: Connection, life: Connection, memory_limit: int) -> None:
    """In the new process."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    threading.Thread(target=_watch, args=(life,), daemon=True).start()
    from .worker import serve, take_output  # noqa: PLC0415 - torch loads once somebody watches

    if os.name == "posix":
        take_output(os.dup(output.fileno()))
    output.close()
    serve(link, memory_limit)


def _watch(life: Connection) -> None:
    """End this process and its group when the parent is gone."""
    with suppress(EOFError, OSError):
        life.recv_bytes()
    if hasattr(os, "killpg"):
        os.killpg(0, _KILL)
    os._exit(1)
