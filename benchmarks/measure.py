"""Measuring: repeats that take turns, medians and ratios of pairs, and what a command costs with all its children."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

T = TypeVar("T")

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For every contender: two processes of two threads on two cores are many times slower than of one."""
SUBREAPER = 36
"""`PR_SET_CHILD_SUBREAPER` of Linux."""
GRACE = 5.0
"""Seconds that what a command left running has to end by itself; as many again until it is killed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock, seconds of CPU, and the largest sum of memory over all processes (0: not measured)."""

    wall: float
    cpu: float
    memory: int = 0


def timed(work: Callable[[], T]) -> tuple[T, Cost]:
    """Do `work` in this process; what it gave and what it cost."""
    wall, cpu = time.perf_counter(), _own_cpu()
    value = work()
    return value, Cost(time.perf_counter() - wall, _own_cpu() - cpu)


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def interleaved(contenders: Mapping[str, Callable[[], T]], repeats: int) -> dict[str, list[T]]:
    """Every contender once in each repeat, each repeat starting with the next one, so that drift hits all alike."""
    names = list(contenders)
    found: dict[str, list[T]] = {name: [] for name in names}
    for number in range(repeats):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            print(f"  repeat {number + 1} of {repeats}: {name}", file=sys.stderr, flush=True)
            found[name].append(contenders[name]())
    return found


def ratio(over: Sequence[float], under: Sequence[float]) -> tuple[float, float, float]:
    """Median, smallest and largest of the ratios of what stood side by side in one repeat."""
    each = [one / other for one, other in zip(over, under, strict=True)]
    return median(each), min(each), max(each)


def command_cost(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    fine: Collection[int] = (0,),
    more: Mapping[str, str] | None = None,
) -> Cost:
    """Run a command to its end; wall seconds, CPU seconds and peak memory of it and all that it started.

    On Linux, processes that outlive their parent (a fork server, Ray's daemons) become ours to wait for, and what
    nobody waits for is read from /proc while it lives. Elsewhere, children that were waited for are all that counts.
    `more` is for its environment. Raises RuntimeError, with the end of its log, where the exit code is not `fine`.
    """
    others = set(descendants(os.getpid()))
    _adopt_orphans(1)
    before, started = _reaped_cpu(), time.perf_counter()
    with log.open("wb") as sink, _leaving_properly():
        environment = {**os.environ, **ONE_THREAD, **(more or {})}
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
        )
        watch = _Watch(others)
        watch.start()
        try:
            code = process.wait()
        finally:
            wall = time.perf_counter() - started
            watch.stop()
            _end_rest(process, others)
            _adopt_orphans(0)
    if code not in fine:
        told = log.read_text(encoding="utf-8", errors="replace")[-600:]
        raise RuntimeError(f"exit code {code} after {wall:.0f} s: {' '.join(command)}\n{told}")
    return Cost(wall, max(_reaped_cpu() - before, watch.cpu), watch.memory)


@contextlib.contextmanager
def _leaving_properly() -> Iterator[None]:
    """SIGTERM is an exit like any other, so that the command and what it started are ended first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _reaped_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _adopt_orphans(whether: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SUBREAPER, whether, 0, 0, 0)


def _end_rest(process: subprocess.Popen[bytes], others: set[int]) -> None:
    """Give what the command left running some seconds, end it, and wait for whatever became ours."""
    if process.poll() is None:
        process.kill()
        process.wait()
    started = time.monotonic()
    while left := set(descendants(os.getpid())) - others:
        waited = time.monotonic() - started
        for pid in left:
            with contextlib.suppress(ChildProcessError, ProcessLookupError):
                if waited > GRACE:
                    os.kill(pid, signal.SIGTERM if waited < 2 * GRACE else signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
        if waited > 3 * GRACE:
            break
        time.sleep(0.05)


@dataclass
class _Watch:
    """Looks at the descendants of this process twice a second, but for `others`, until it is stopped."""

    others: set[int]
    memory: int = 0
    _seen: dict[tuple[int, str], float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin; on a system without /proc there is nothing to see."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take a last look and end."""
        self._over.set()
        self._thread.join()

    @property
    def cpu(self) -> float:
        """Seconds, of every process that was seen, up to when it was last seen."""
        return sum(self._seen.values())

    def _run(self) -> None:
        while not self._over.wait(0.5):
            self._look()
        self._look()

    def _look(self) -> None:
        memory = 0
        for pid in set(descendants(os.getpid())) - self.others:
            found = _stat(pid)
            if found is not None:
                start, cpu = found
                self._seen[pid, start] = max(self._seen.get((pid, start), 0.0), cpu)
                memory += _memory(pid)
        self.memory = max(self.memory, memory)


def descendants(root: int) -> list[int]:
    """Processes under `root`, at any depth; none where there is no /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, level = [], {root}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found += sorted(level)
    return found


def _stat(pid: int) -> tuple[str, float] | None:
    """When a process started, and its CPU seconds so far; None where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[19], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    """Bytes of a process, shared pages by its share of them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0
