"""A worker: takes items from its link, works on them, and sends each outcome as soon as it is there.

A message to the parent is one letter and a pickle: `b` an item begins, `o` an outcome, `f` a failure, `e` the item has
ended. Between two outcomes the process is put back into the state in which it began.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import pickle
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from ....core.ambient import Ambient
from ....core.errors import TrialFailure
from ....core.failures import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.connection import Connection

BEGIN, OUTCOME, FAILURE, END = b"b", b"o", b"f", b"e"
_MIB = 2**20
_leave_now = os._exit


def serve(link: Connection, memory_limit: int) -> None:
    """Work until the parent closes the link. `memory_limit`: MiB that may be taken on top of what is in use now."""
    _prepare_signals()
    os.register_at_fork(after_in_child=link.close)
    os._exit = _exit_with_traceback(os.getpid())  # type: ignore[assignment]  # only the name of its parameter differs
    torch.set_num_threads(1)
    _limit_memory(memory_limit)
    ambient = Ambient()
    try:
        work = pickle.loads(link.recv_bytes())  # noqa: S301 - from the parent
        while True:
            item = pickle.loads(link.recv_bytes())  # noqa: S301 - from the parent
            link.send_bytes(BEGIN)
            _perform(work, item, ambient, link)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _perform(
    work: Callable[[Any], Iterable[Any]],
    item: object,
    ambient: Ambient,
    link: Connection,
) -> None:
    """Work on one item and say how it ended, and whether this process is still as it was."""
    changed = ambient.restore()
    failure: TrialFailure | None = None
    try:
        outcomes = iter(work(item))
        changed += ambient.restore()
        for outcome in outcomes:
            message = OUTCOME + _packed(outcome)
            changed += ambient.restore()
            link.send_bytes(message)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except BaseException as error:  # noqa: BLE001 - sys.exit and what else a plugin may raise ends the item, no more
        failure = failure_of(error)
    changed += ambient.restore()
    stuck = ambient.stuck()
    _tell(changed, stuck)
    if failure is not None:
        link.send_bytes(FAILURE + pickle.dumps(failure))
    tired = bool(stuck) or (failure is not None and failure.kind == "out of memory")
    link.send_bytes(END + pickle.dumps(tired))


def _packed(outcome: object) -> bytes:
    try:
        return pickle.dumps(outcome, protocol=pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        told = f"its result, a {type(outcome).__name__}, cannot be sent to another process: {reason}"
        raise TrialFailure("error", told) from error


def _tell(changed: list[str], stuck: list[str]) -> None:
    """Into the log: what the item had left changed. And flush all that it printed."""
    with suppress(Exception):
        if changed:
            sys.stderr.write(f"butfor: put back after this item: {', '.join(dict.fromkeys(changed))}\n")
        if stuck:
            sys.stderr.write(f"butfor: this worker ends, for it cannot put back: {', '.join(stuck)}\n")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if os.name == "posix":
            ctypes.CDLL(None).fflush(None)


def _prepare_signals() -> None:
    """Ctrl-C is for the parent. A crash leaves its traceback in the log, and so does SIGQUIT."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.enable(all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGQUIT, all_threads=False)


def take_output(descriptor: int) -> None:
    """Let everything that this process prints go there."""
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.close(descriptor)
    for number, name in ((1, "stdout"), (2, "stderr")):
        setattr(sys, name, open(number, "w", 1, "utf-8", "backslashreplace", closefd=False))  # noqa: SIM115 - a descriptor that stays open


def _exit_with_traceback(worker: int) -> Callable[[int], NoReturn]:
    def leave(code: int) -> NoReturn:
        """As os._exit, and a worker leaves its traceback."""
        if os.getpid() == worker:
            with suppress(Exception):
                faulthandler.dump_traceback(all_threads=False)
        _leave_now(code)

    return leave


def _limit_memory(limit: int) -> None:
    """Where the system can: refuse address space beyond what is in use now and `limit` MiB."""
    if not limit:
        return
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on every system

        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + limit * _MIB, resource.RLIM_INFINITY))
