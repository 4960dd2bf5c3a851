"""The process that workers are forked from: it has loaded what they need, and it sees to it that none is left behind.

It holds no threads, forks a worker when it is asked to, passes signals on to the worker's whole group, and tells when a
worker has ended. When the parent is gone, however it went, everything that it ever started is killed.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import pickle
import selectors
import signal
import socket
import struct
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing import spawn
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

REQUEST = struct.Struct("!qqq")
"""Worker, signal (START for a new worker), memory limit in MiB."""
START = 0
SWEEP = -1
"""In place of a signal: end what is left of workers that have ended, and has left their groups."""
READY = -1
"""Number of no worker: the server itself is ready."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CHILDREN = Path("/proc/thread-self/children")
_SWEEPS = 100
_exit = os._exit


def main(descriptor: int) -> None:
    """Serve the parent at the other end of the socket `descriptor`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    link = Connection(os.dup(descriptor))
    workers: dict[int, int] = {}
    try:
        _load(pickle.loads(link.recv_bytes()))  # noqa: S301 - from the parent
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        with socket.socket(fileno=descriptor) as control:
            _Server(link, control, workers).serve()
    except (EOFError, OSError):
        return  # the parent is gone
    finally:
        _end_all(workers)


def _load(told: dict[str, Any]) -> None:
    """Become like the parent, and import what workers will need; what fails here fails again where it tells."""
    import multiprocessing as mp  # noqa: PLC0415 - for the flag alone

    mp.current_process()._inheriting = True  # type: ignore[attr-defined]  # noqa: SLF001 - a main module without a guard starts nothing
    with suppress(Exception):
        spawn.prepare(told["prepare"])
    for name in told["preload"]:
        with suppress(Exception):
            importlib.import_module(name)
    mp.current_process()._inheriting = False  # type: ignore[attr-defined]  # noqa: SLF001 - the module is there, and may start what it likes
    gc.collect()
    gc.freeze()


class _Server:
    """The loop."""

    def __init__(self, link: Connection, control: socket.socket, workers: dict[int, int]) -> None:
        self.link = link
        self.control = control
        self.workers = workers
        """{process: number of the worker}."""
        self.alarm, self.ring = os.pipe()
        for end in (self.alarm, self.ring):
            os.set_blocking(end, False)

    def serve(self) -> None:
        """Until the parent is gone: then EOFError."""
        signal.set_wakeup_fd(self.ring, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.link.send((READY, None))
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ, self.obey)
            selector.register(self.alarm, selectors.EVENT_READ, self.reap)
            while True:
                for key, _ in selector.select():
                    key.data()

    def obey(self) -> None:
        """One request of the parent."""
        said, descriptors, _, _ = socket.recv_fds(self.control, REQUEST.size, 2)
        if len(said) < REQUEST.size:
            raise EOFError
        number, order, memory_limit = REQUEST.unpack(said)
        if order == START:
            self.start(number, memory_limit, *descriptors)
            return
        if order == SWEEP:
            self.sweep()
            return
        for process, known in self.workers.items():
            if known == number:
                _signal_group(process, order)

    def sweep(self) -> None:
        """Kill children that are no workers, and what is handed to us when they end."""
        for _ in range(_SWEEPS):
            if not _kill(set(_children()) - set(self.workers)):
                return
            time.sleep(0.01)
            self.reap()

    def start(self, number: int, memory_limit: int, link: int, output: int) -> None:
        """Fork a worker into a process group of its own."""
        process = os.fork()
        if process == 0:
            self.become_worker(memory_limit, link, output)
        with suppress(OSError):
            os.setpgid(process, process)
        self.workers[process] = number
        os.close(link)
        os.close(output)

    def become_worker(self, memory_limit: int, link: int, output: int) -> None:
        """In the child; never returns."""
        code = 1
        try:
            with suppress(OSError):
                os.setpgid(0, 0)
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.link.close()
            self.control.close()
            os.close(self.alarm)
            os.close(self.ring)
            from .worker import serve, take_output  # noqa: PLC0415 - loaded before the fork; here it costs nothing

            take_output(output)
            serve(Connection(link), memory_limit)
            code = 0
        except BaseException:  # noqa: BLE001 - told in the log of the item
            traceback.print_exc()
        finally:
            _exit(code)

    def reap(self) -> None:
        """Tell of every worker that has ended, after what is left of its group was killed."""
        with suppress(BlockingIOError):
            os.read(self.alarm, 4096)
        for process, status in _ended():
            number = self.workers.pop(process, None)
            if number is not None:
                self.link.send((number, os.waitstatus_to_exitcode(status)))


def _ended() -> list[tuple[int, int]]:
    """(process, status) of the children that have ended. A group is killed while its number cannot be taken again."""
    found = []
    with suppress(ChildProcessError):
        while True:
            if hasattr(os, "waitid"):
                known = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if known is None:
                    break
                _signal_group(known.si_pid, signal.SIGKILL)
                found.append(os.waitpid(known.si_pid, 0))
                continue
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                break
            _signal_group(process, signal.SIGKILL)
            found.append((process, status))
    return found


def _signal_group(process: int, number: int) -> None:
    with suppress(OSError):
        os.killpg(process, number)


def _end_all(workers: dict[int, int]) -> None:
    """Kill every descendant: groups of workers first, then whatever left its group and was handed to us."""
    signal.set_wakeup_fd(-1)
    for process in workers:
        _signal_group(process, signal.SIGKILL)
    while True:
        _kill(_children())
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """Our children, with those that were handed to us; none where the system does not say."""
    try:
        return [int(word) for word in _CHILDREN.read_text(encoding="ascii").split()]
    except OSError:
        return []


def _kill(processes: Collection[int]) -> bool:
    """Kill them and their groups. Whether there was any."""
    for process in processes:
        _signal_group(process, signal.SIGKILL)
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
    return bool(processes)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the socket alone tells of the parent's end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
