"""The parent's side of the process that workers are forked from."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from .forks import READY, REQUEST, START, SWEEP

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")
}
"""More threads than cores are many times slower, not faster; read when a library is loaded."""
SERVER_ENDED = None
"""In place of an exit code: the process that forks the workers is gone."""
_PATIENCE = 5.0
_LIBRARIES_OWN = "KMP_"
"""Variables that torch's and scikit-learn's libraries set for themselves when they load, there as here."""


class Nursery:
    """Starts workers by forking a process that has loaded `preload`.

    That process starts with the first worker, or when it is asked for earlier.
    """

    def __init__(self, preload: Sequence[str]) -> None:
        self._preload = ["torch", "torch._dynamo", *preload, f"{__package__}.worker"]
        self._numbers = itertools.count()
        self._alive: set[int] = set()
        self._server: subprocess.Popen[bytes] | None = None
        self.ready = False
        """Whether it has loaded all, and forks at once."""
        self._around: object = None
        self.lent = False
        """Whether a run has it now."""

    def launch(self) -> None:
        """Start that process, if it is not there. It loads while we go on."""
        if self._server is not None:
            return
        ours, theirs = socket.socketpair()
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__package__}.forks import main; main({theirs.fileno()})"
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 - our own code
                [sys.executable, *flags, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={"PYTHONHASHSEED": "0", **os.environ, **ONE_THREAD},
            )
        self.ready, self._around = False, _surroundings()
        self._control = ours
        self._link = Connection(os.dup(ours.fileno()))
        with suppress(OSError):
            self._link.send_bytes(pickle.dumps({"prepare": _preparation(), "preload": self._preload}))

    def is_as_if_new(self) -> bool:
        """Whether a process that starts now would find what this one has found: variables, path, folder."""
        return self._server is None or self._around == _surroundings()

    def start(self, memory_limit: int) -> tuple[int, Connection, Connection]:
        """`(number, link, output)` of a new worker."""
        self.launch()
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        try:
            socket.send_fds(self._control, [REQUEST.pack(number, START, memory_limit)], [theirs.fileno(), write])
        except OSError:
            pass  # the server is gone: `ended` tells
        finally:
            theirs.close()
            os.close(write)
        self._alive.add(number)
        return number, Connection(ours.detach()), Connection(read, writable=False)

    def signal(self, number: int, order: int) -> None:
        """Send a signal to a worker and all processes of its group."""
        with suppress(OSError):
            self._control.sendall(REQUEST.pack(number, order, 0))

    def waitable(self) -> list[Connection]:
        """What is ready to be read when a worker has ended."""
        return [self._link] if self._server else []

    def ended(self) -> list[tuple[int, int | None]]:
        """(number, exit code) of the workers that have ended since the last call."""
        found: list[tuple[int, int | None]] = []
        try:
            while self._server and self._link.poll():
                number, code = self._link.recv()
                if number == READY:
                    self.ready = True
                elif number in self._alive:
                    self._alive.remove(number)
                    found.append((number, code))
        except (EOFError, OSError):
            found += [(number, SERVER_ENDED) for number in self._alive]
            self._alive.clear()
            self.close()
        return found

    def close(self) -> None:
        """End every worker now, and with them whatever they started."""
        if self._server is None:
            return
        server, self._server = self._server, None
        self._alive.clear()
        self._control.close()
        self._link.close()
        try:
            server.wait(_PATIENCE if self.ready else 0)
        except subprocess.TimeoutExpired:
            with suppress(OSError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


class Lent:
    """A nursery that later runs use too: closing it ends the workers, all that they started, and not the nursery."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        nursery.lent = True
        self._own: set[int] = set()
        self.launch, self.signal, self.waitable = nursery.launch, nursery.signal, nursery.waitable

    def start(self, memory_limit: int) -> tuple[int, Connection, Connection]:
        """`(number, link, output)` of a new worker."""
        number, link, output = self._nursery.start(memory_limit)
        self._own.add(number)
        return number, link, output

    def ended(self) -> list[tuple[int, int | None]]:
        """(number, exit code) of the workers that have ended since the last call."""
        found = self._nursery.ended()
        self._own.difference_update(number for number, _ in found)
        return found

    def close(self) -> None:
        """End our workers now, and with them whatever they started."""
        self.ended()
        if not self._nursery.ready:  # none has begun, and what was asked of it is forgotten with it
            self._nursery.close()
        for number in self._own:
            self.signal(number, signal.SIGKILL)
        last = time.monotonic() + _PATIENCE
        while self._own and self._nursery.ready and time.monotonic() < last:
            wait(self.waitable(), last - time.monotonic())
            self.ended()
        self.signal(0, SWEEP)
        self._nursery.lent = False


def _surroundings() -> object:
    """What a process that starts now has from this one."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(_LIBRARIES_OWN)}
    return variables, list(sys.path), _preparation().get("dir")


def _preparation() -> dict[str, Any]:
    """What `multiprocessing.spawn.prepare` needs to make a process like this one."""
    told: dict[str, Any] = {"name": "butfor", "sys_argv": sys.argv, "sys_path": sys.path}
    with suppress(OSError):
        told["dir"] = told["orig_dir"] = os.getcwd()  # noqa: PTH109 - multiprocessing wants a string
    main = sys.modules["__main__"]
    name = getattr(main.__spec__, "name", None)
    path = getattr(main, "__file__", None)
    if name is not None:
        told["init_main_from_name"] = name
    elif path is not None:
        told["init_main_from_path"] = os.path.abspath(path)  # noqa: PTH100 - multiprocessing wants a string
    return told
