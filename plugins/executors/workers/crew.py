"""The parent's side: hands out items, gathers outcomes, and tells apart the ways in which a worker can fail."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import tempfile
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ....core.errors import TrialFailure
from ....core.failures import failure_of
from ....core.interrupts import postponed
from .death import Death, oom_kills
from .log import BoundedLog, log_name, widen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection


_NOTHING = object()
_TICK = 0.25
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_DUMP_TO_TERM, _TERM_TO_KILL, _DEAF_TO_KILL = 0.3, 3.0, 1.0
"""Seconds that a worker has to write its traceback, then to end; and to end when it has let go of its link."""
_CHUNK, _CHUNKS = 2**16, 32
"""A pipe holds no more, and one that prints without end must not keep us."""


@dataclass(frozen=True)
class Rules:
    """How a crew works. The words are those of the spec of `local`."""

    jobs: int
    isolate: bool
    time_limit: float
    memory_limit: int
    linger: float
    logs: str


class Starter(Protocol):
    """Who starts workers and tells when one has ended."""

    def launch(self) -> None:
        """Start what the first worker would have to wait for."""

    def start(self, memory_limit: int) -> tuple[int, Connection, Connection]:
        """`(number, link, output)` of a new worker."""

    def signal(self, number: int, order: int) -> None:
        """Send a signal to a worker and all processes of its group."""

    def waitable(self) -> list[Connection]:
        """What is ready to be read when a worker has ended."""

    def ended(self) -> list[tuple[int, int | None]]:
        """(number, exit code) of the workers that have ended since the last call; None: nobody knows."""

    def close(self) -> None:
        """End every worker now."""


@dataclass(eq=False)
class _Worker:
    """One worker, as the parent sees it."""

    number: int
    link: Connection
    output: Connection
    item: Any = _NOTHING
    log: BoundedLog | None = None
    failure: TrialFailure | None = None
    deadline: float = float("inf")
    orders: deque[tuple[float, int]] = field(default_factory=deque)
    """Signals to send, and when."""
    late: bool = False
    deaf: bool = False
    oom_kills: int = 0
    """Of the whole machine, when the item began."""

    @property
    def busy(self) -> bool:
        return self.item is not _NOTHING


class Crew:
    """The workers of one run."""

    def __init__(self, rules: Rules, work: Callable[[Any], Iterable[Any]], starter: Starter) -> None:
        self.rules = rules
        self.starter = starter
        self.work = pickle.dumps(work)
        self.workers: dict[int, _Worker] = {}
        self.ready: deque[tuple[Any, Any]] = deque()
        self.handed_out = 0
        self._own_logs = ""
        self._keep_own_logs = False

    def run(self, items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (item, outcome) as they come. An item is taken from `items` when a worker is free for it."""
        pending = iter(items)
        with postponed() as interrupt:
            try:
                last = float("inf")
                while True:
                    if interrupt.asked:
                        last = min(last, time.monotonic() + self.rules.linger)
                    else:
                        self._hand_out(pending)
                    if self.ready:
                        yield self.ready.popleft()
                        continue
                    if not any(worker.busy for worker in self.workers.values()) or time.monotonic() > last:
                        break
                    self._turn(min(last, time.monotonic() + _TICK))
                if interrupt.asked:
                    interrupt.leave()
            finally:
                self.close()

    def close(self) -> None:
        """End all workers at once; what they had not finished is lost."""
        self.starter.close()
        for worker in self.workers.values():
            worker.link.close()
            worker.output.close()
            if worker.log is not None:
                worker.log.close(keep=bool(self.rules.logs))
        self.workers.clear()
        if self._own_logs and not self._keep_own_logs:
            shutil.rmtree(self._own_logs, ignore_errors=True)

    def _hand_out(self, pending: Iterator[Any]) -> None:
        """Give an item to every idle worker, and to new ones up to the number of jobs."""
        idle = deque(worker for worker in self.workers.values() if not worker.busy and not worker.orders)
        while idle or sum(worker.busy for worker in self.workers.values()) < self.rules.jobs:
            item = next(pending, _NOTHING)
            if item is _NOTHING:
                return
            try:
                content = pickle.dumps(item)
            except Exception as error:  # noqa: BLE001 - whatever pickling raises costs this item only
                self.ready.append((item, failure_of(error)))
                continue
            worker = idle.popleft() if idle else self._new_worker()
            worker.item = item
            worker.log = BoundedLog(self._log_folder, log_name(item, self.handed_out))
            worker.oom_kills = oom_kills()
            self.handed_out += 1
            with suppress(OSError):  # it has died while it was idle: `ended` tells
                worker.link.send_bytes(content)

    def _new_worker(self) -> _Worker:
        worker = _Worker(*self.starter.start(self.rules.memory_limit))
        if os.name == "posix":
            os.set_blocking(worker.output.fileno(), False)
        widen(worker.output)
        self.workers[worker.number] = worker
        with suppress(OSError):
            worker.link.send_bytes(self.work)
        return worker

    def _turn(self, until: float) -> None:
        """Wait until something happens or it is time for something, and see to it."""
        now = time.monotonic()
        for worker in self.workers.values():
            until = min([until, worker.deadline, *(when for when, _ in worker.orders)])
        hearing = [worker.link for worker in self.workers.values() if not worker.deaf]
        printing = [worker.output for worker in self.workers.values() if not worker.output.closed]
        wait([*hearing, *printing, *self.starter.waitable()], max(0.0, until - now))
        for worker in list(self.workers.values()):
            self._drain(worker)
            self._listen(worker)
            self._check_time(worker)
        for number, code in self.starter.ended():
            if number in self.workers:
                self._bury(self.workers.pop(number), code)

    def _check_time(self, worker: _Worker) -> None:
        now = time.monotonic()
        if now > worker.deadline:
            worker.late, worker.deadline = True, float("inf")
            dump = [(now, signal.SIGQUIT)] if hasattr(signal, "SIGQUIT") else []
            term = now + _DUMP_TO_TERM
            worker.orders.extend([*dump, (term, signal.SIGTERM), (term + _TERM_TO_KILL, _KILL)])
        while worker.orders and worker.orders[0][0] <= now:
            self.starter.signal(worker.number, worker.orders.popleft()[1])

    def _drain(self, worker: _Worker) -> None:
        """Take what it has printed. Without an item it is nobody's."""
        with suppress(BlockingIOError):
            for _ in range(_CHUNKS):
                if worker.output.closed:
                    return
                data = os.read(worker.output.fileno(), _CHUNK)
                if not data:
                    worker.output.close()
                elif worker.log is not None:
                    worker.log.write(data)

    def _listen(self, worker: _Worker) -> None:
        """Take its messages."""
        try:
            while not worker.deaf and worker.link.poll():
                self._hear(worker, worker.link.recv_bytes())
        except (EOFError, OSError):
            worker.deaf = True
            worker.orders.append((time.monotonic() + _DEAF_TO_KILL, _KILL))

    def _hear(self, worker: _Worker, message: bytes) -> None:
        if not worker.busy:
            return
        kind, content = message[:1], memoryview(message)[1:]
        if kind == b"e":
            self._finish(worker, tired=pickle.loads(content))  # noqa: S301 - from our worker
            return
        worker.deadline = self._deadline(worker.item)
        if kind == b"f":
            worker.failure = pickle.loads(content)  # noqa: S301 - from our worker
        elif kind == b"o":
            try:
                self.ready.append((worker.item, pickle.loads(content)))  # noqa: S301 - from our worker
            except Exception as error:  # noqa: BLE001 - a class of a plugin may raise anything here
                told = f"its result cannot be read: {type(error).__name__}: {error}"
                worker.failure = TrialFailure("error", told)
                self._finish(worker, tired=True)

    def _deadline(self, item: object) -> float:
        """When the next outcome of `item` must be there. Trials that train together may take as long as one by one."""
        trials = max(1, len(getattr(item, "trials", ())))
        return time.monotonic() + trials * self.rules.time_limit if self.rules.time_limit else float("inf")

    def _finish(self, worker: _Worker, *, tired: bool) -> None:
        """The item has ended; a worker that is tired ends with it."""
        self._drain(worker)
        item, failure = worker.item, worker.failure
        log = self._close_log(worker, failure)
        worker.item, worker.failure, worker.deadline = _NOTHING, None, float("inf")
        worker.orders.clear()
        if failure is not None:
            failure.log = log
            self.ready.append((item, failure))
        if tired or worker.late or self.rules.isolate:
            self._end(worker)
        worker.late = False

    def _bury(self, worker: _Worker, code: int | None) -> None:
        """It has ended. If it had an item, that has failed: say how."""
        with suppress(OSError):
            self._drain(worker)
        self._listen(worker)
        if worker.busy:
            end = worker.log.end() if worker.log else ""
            death = Death(
                code,
                limit=self.rules.time_limit if worker.late else 0.0,
                cut=worker.deaf and not worker.orders,
                memory=oom_kills() > worker.oom_kills,
            )
            worker.failure = worker.failure or death.failure(end)
            self._finish(worker, tired=False)
        worker.link.close()
        worker.output.close()

    def _end(self, worker: _Worker) -> None:
        """Kill a worker that is done, with all that it started; it takes no more items."""
        worker.orders.append((0.0, _KILL))
        self._check_time(worker)
        worker.orders.append((float("inf"), _KILL))

    def _log_folder(self) -> Path:
        if self.rules.logs:
            return Path(self.rules.logs)
        self._own_logs = self._own_logs or tempfile.mkdtemp(prefix="butfor-logs-")
        return Path(self._own_logs)

    def _close_log(self, worker: _Worker, failure: TrialFailure | None) -> str:
        if worker.log is None:
            return ""
        log, worker.log = worker.log, None
        if failure is not None:
            told = "" if failure.traceback and failure.traceback in log.end() else failure.traceback
            log.write(f"{told}butfor: {failure.kind}: {failure.message}\n".encode(errors="backslashreplace"))
            self._keep_own_logs = True
        return log.close(keep=failure is not None or bool(self.rules.logs))
