"""Executors: each outcome as it comes, a bad item costs itself alone, and nothing is left behind."""

import ctypes
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from butfor.core import ExecutorSpec
from butfor.core.errors import TrialFailure
from butfor.plugins.executors.local import LocalSpec
from butfor.plugins.executors.serial import SerialSpec
from butfor.plugins.executors.workers.log import HEAD, TAIL, BoundedLog, log_name


class Unpicklable:
    def __init__(self) -> None:
        self.inner = lambda: 1


class Unreadable:
    def __reduce__(self):
        return int, ("no number",)


def fault(item: str) -> None:  # noqa: C901, PLR0912 - one line for each fault
    match item:
        case "raise":
            raise ValueError("on purpose")
        case "sys.exit":
            sys.exit(3)
        case "os._exit":
            os._exit(4)
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(600)
        case "ignore TERM":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        case "torch memory":
            torch.empty(10**10)
        case "MemoryError":
            raise MemoryError
        case "print":
            for _ in range(50):
                sys.stdout.write("y" * 10**6 + "\n")
        case "close":
            os.closerange(3, 100)
        case "thread":
            threading.Thread(target=time.sleep, args=(600,)).start()


def work(item: str) -> Iterator[object]:
    fault(item)
    if item == "unpicklable":
        yield "first"
        yield Unpicklable()
    if item == "unreadable":
        yield Unreadable()
    if item == "family":
        child = subprocess.Popen(["sleep", "600"])
        runaway = subprocess.Popen(["sleep", "600"], start_new_session=True)
        yield child.pid, runaway.pid
    if item == "threads":
        yield torch.get_num_threads()
    yield os.getpid()


def no_iterable(_: str) -> int:
    return 1


FAULTS = {
    "raise": ("error", "ValueError: on purpose"),
    "sys.exit": ("error", "it asked to exit: sys.exit(3)"),
    "os._exit": ("crashed", "its process left with exit code 4, without an exception"),
    "segfault": ("crashed", "its process was ended by SIGSEGV"),
    "abort": ("crashed", "its process was ended by SIGABRT"),
    "kill": ("crashed", "killed from outside (SIGKILL), as the out-of-memory killer does"),
    "hang": ("timeout", "no result within 2 s; it was ended"),
    "ignore TERM": ("timeout", "no result within 2 s; it was ended"),
    "torch memory": ("out of memory", "can't allocate memory"),
    "MemoryError": ("out of memory", "MemoryError"),
    "close": ("crashed", "its process left with exit code 1"),
    "unpicklable": ("error", "its result, a Unpicklable, cannot be sent to another process"),
    "unreadable": ("error", "its result cannot be read: ValueError"),
}
FINE = ["one", "print", "family", "thread", "threads", "last"]


@dataclass
class Ran:
    outcomes: list[tuple[str, object]]
    times: dict[str, float]
    logs: Path

    def failure(self, item: str) -> TrialFailure:
        (found,) = [o for i, o in self.outcomes if i == item and isinstance(o, TrialFailure)]
        return found

    def of(self, item: str) -> list[object]:
        return [outcome for known, outcome in self.outcomes if known == item]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    logs = tmp_path_factory.mktemp("logs")
    executor = LocalSpec(jobs=2, time_limit=2, memory_limit=4000, logs=str(logs))
    outcomes, times = [], {}
    for item, outcome in executor.run(work, ["one", *FAULTS, *FINE[1:]]):
        outcomes.append((item, outcome))
        times[item] = time.monotonic()
    return Ran(outcomes, times, logs)


@pytest.mark.parametrize("item", FAULTS)
def test_each_way_to_fail_is_told_apart_and_costs_its_item_alone(ran: Ran, item: str) -> None:
    kind, message = FAULTS[item]
    failure = ran.failure(item)
    assert failure.kind == kind
    assert message in failure.message
    assert ran.of(item)[-1] is failure
    log = Path(failure.log).read_text()
    assert log.endswith(f"butfor: {kind}: {failure.message}\n")
    if item not in {"kill", "unreadable", "unpicklable", "close"}:
        assert "in fault" in log


@pytest.mark.parametrize("item", FINE)
def test_items_beside_them_have_their_outcomes(ran: Ran, item: str) -> None:
    assert isinstance(ran.of(item)[-1], int)


def test_what_was_yielded_before_a_fault_is_kept(ran: Ran) -> None:
    assert ran.of("unpicklable")[0] == "first"


def test_workers_have_one_torch_thread(ran: Ran) -> None:
    assert ran.of("threads")[0] == 1


def test_a_log_is_bounded_and_keeps_both_ends(ran: Ran) -> None:
    number = ["one", *FAULTS, *FINE[1:]].index("print")
    log = (ran.logs / f"item_{number}.log").read_bytes()
    assert len(log) < HEAD + TAIL + 100
    assert re.search(rb"\n\.\.\. 49,[\d,]+ bytes are left out here \.\.\.\n", log)


def test_no_grandchild_outlives_the_run_even_in_a_session_of_its_own(ran: Ran) -> None:
    for process in ran.of("family")[0]:
        assert not Path(f"/proc/{process}").exists()


def test_a_worker_with_a_thread_left_takes_no_more_items(ran: Ran) -> None:
    after = [o for _, o in ran.outcomes[ran.outcomes.index(("thread", ran.of("thread")[0])) + 1 :]]
    assert ran.of("thread")[0] not in after


def streams(item: int) -> Iterator[tuple[int, int]]:
    for _ in range(3):
        time.sleep(0.4)
        yield item, os.getpid()


def test_outcomes_come_one_by_one_warm_workers_serve_again_and_a_limit_counts_from_each() -> None:
    running = LocalSpec(jobs=1, time_limit=0.8).run(streams, [1, 2])
    came, workers = [], set()
    for item, (outcome, worker) in running:
        assert item == outcome
        came.append(time.monotonic())
        workers.add(worker)
    assert len(came) == 6
    assert len(workers) == 1
    assert min(later - earlier for earlier, later in pairwise(came)) > 0.2


def whoami(item: int) -> Iterator[tuple[int, str]]:
    yield os.getpid(), os.environ["OMP_NUM_THREADS"]


def test_isolated_items_have_a_process_each() -> None:
    assert len({pid for _, (pid, _) in LocalSpec(jobs=1, isolate=True).run(whoami, range(3))}) == 3


def spawned(item: str) -> Iterator[object]:
    fault(item)
    yield torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]


def test_spawned_workers_do_the_same() -> None:
    before = dict(os.environ)
    outcomes = dict(LocalSpec(jobs=1, time_limit=3, start="spawn").run(spawned, ["one", "segfault", "hang"]))
    assert outcomes["one"] == (1, "1")
    assert "SIGSEGV" in str(outcomes["segfault"])
    assert outcomes["hang"].kind == "timeout"
    assert dict(os.environ) == before


def sleeps(item: int) -> Iterator[int]:
    if item:
        time.sleep(600)
    yield os.getpid()


def parent(_: str) -> Iterator[int]:
    yield os.getppid()


def family(process: int) -> set[int]:
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return {int(word) for thread in threads for word in thread.read_text(encoding="ascii").split()}


def children() -> set[int]:
    return family(os.getpid())


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="counts the children of a process in /proc")


@linux_only
def test_what_was_made_ready_serves_every_run_of_its_module_and_is_gone_at_the_end() -> None:
    executor, before = LocalSpec(jobs=1), children()
    with executor.ready(__name__), executor.ready(__name__):
        (early,) = children() - before
        other = executor.model_copy(update={"time_limit": 60.0})
        assert [outcome for _, outcome in other.run(parent, ["a", "b"])] == [early, early]
        assert family(early) == set()
        assert [outcome for _, outcome in executor.run(parent, ["c"])] == [early]
    assert children() == before


@linux_only
def test_what_was_made_ready_waits_for_its_own_module() -> None:
    executor, before = LocalSpec(jobs=1), children()
    with executor.ready("json"):
        (early,) = children() - before
        assert [outcome for _, outcome in executor.run(parent, ["one"])] != [early]
        assert early in children()
    assert children() == before


def change(what: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    match what:
        case "variable":
            monkeypatch.setenv("LD_PRELOAD", "")
        case "path":
            monkeypatch.syspath_prepend(str(folder))
        case "folder":
            monkeypatch.chdir(folder)


@linux_only
@pytest.mark.parametrize("what", ["variable", "path", "folder"])
def test_what_was_made_ready_does_not_serve_where_what_it_has_found_is_no_longer_so(
    what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    executor = LocalSpec(jobs=1)
    with executor.ready(__name__):
        before = children()
        with monkeypatch.context() as changed:
            change(what, changed, tmp_path)
            ((_, other),) = executor.run(parent, ["one"])
        ((_, early),) = executor.run(parent, ["one"])
        assert other not in before
        assert early in before


@linux_only
def test_what_was_made_ready_serves_one_run_at_a_time() -> None:
    executor = LocalSpec(jobs=1)
    with executor.ready(__name__):
        before = children()
        first = executor.run(parent, ["one", "two"])
        _, early = next(first)
        ((_, other),) = executor.run(parent, ["one"])
        started = time.perf_counter()
        assert [outcome for _, outcome in first] == [early]
        assert time.perf_counter() - started < 3
        assert early in before
        assert other not in before


def daemon(_: str) -> Iterator[int]:
    """Starts what leaves its group and outlives it."""
    code = "import os, time; os.setsid(); print(os.getpid() if os.fork() == 0 else '', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        yield int(next(line for line in child.stdout if line.strip()))
        child.kill()


@linux_only
def test_what_left_its_group_ends_with_the_run_and_not_later() -> None:
    executor = LocalSpec(jobs=1)
    with executor.ready(__name__):
        ((_, left),) = executor.run(daemon, ["one"])
        until = time.monotonic() + 5
        while Path(f"/proc/{left}").exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert not Path(f"/proc/{left}").exists()
        ((_, early),) = executor.run(parent, ["one"])
        assert early in children()


@linux_only
@pytest.mark.parametrize("loaded", [False, True])
def test_leaving_a_run_early_ends_its_workers_and_what_was_made_ready_serves_the_next(loaded: bool) -> None:
    executor = LocalSpec(jobs=2)
    with executor.ready(__name__):
        if loaded:
            assert len(list(executor.run(parent, ["one"]))) == 1
        running = executor.run(sleeps, range(3))
        _, worker = next(running)
        started = time.perf_counter()
        running.close()
        assert time.perf_counter() - started < 3
        assert not Path(f"/proc/{worker}").exists()
        assert len(list(executor.run(parent, ["one", "two"]))) == 2


@linux_only
def test_a_run_serves_itself_where_what_was_made_ready_was_ended_from_outside() -> None:
    executor, before = LocalSpec(jobs=1), children()
    with executor.ready(__name__):
        (early,) = children() - before
        os.kill(early, signal.SIGKILL)
        first = [outcome for _, outcome in executor.run(parent, ["one"])]
        second = [outcome for _, outcome in executor.run(parent, ["two"])]
    assert early not in first + second
    assert isinstance(second[0], int)


def test_there_is_nothing_to_make_ready_where_nothing_takes_long() -> None:
    for executor in (SerialSpec(), LocalSpec(jobs=1, start="spawn")):
        before = children() if sys.platform == "linux" else set()
        with executor.ready(__name__):
            assert (children() if sys.platform == "linux" else set()) == before


def test_leaving_early_ends_the_workers_at_once(tmp_path: Path) -> None:
    running = LocalSpec(jobs=2).run(sleeps, range(4))
    _, worker = next(running)
    started = time.perf_counter()
    running.close()
    assert time.perf_counter() - started < 3
    assert not Path(f"/proc/{worker}").exists()


def test_items_are_asked_for_when_there_is_a_worker_for_them() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for item in range(4):
            asked.append(item)
            yield item

    running = LocalSpec(jobs=1).run(whoami, items())
    next(running)
    assert len(asked) <= 2
    running.close()


def test_what_cannot_be_sent_to_a_worker_fails_alone() -> None:
    outcomes = list(LocalSpec(jobs=1).run(no_iterable, [Unpicklable(), "text"]))
    assert "pickle" in str(outcomes[0][1])
    assert "'int' object is not iterable" in str(outcomes[1][1])


@pytest.mark.parametrize("executor", [SerialSpec(), LocalSpec()])
def test_no_work_is_no_trouble(executor: ExecutorSpec) -> None:
    assert list(executor.run(work, [])) == []


def test_the_serial_executor_yields_as_it_goes_and_a_bad_item_costs_itself() -> None:
    outcomes = list(SerialSpec().run(work, ["one", "raise", "sys.exit", "MemoryError", "last"]))
    kinds = [getattr(outcome, "kind", "fine") for _, outcome in outcomes]
    assert kinds == ["fine", "error", "error", "out of memory", "fine"]
    assert str(outcomes[1][1]) == "ValueError: on purpose"


def test_a_failure_survives_pickling() -> None:
    failure = TrialFailure("timeout", "too long", "a.log", "fusion 'x'", "trace")
    again = pickle.loads(pickle.dumps(failure))  # noqa: S301 - our own bytes
    assert vars(again) == vars(failure)
    assert str(again) == "too long"


def test_a_log_of_what_fits_is_whole_and_one_without_a_byte_is_no_file(tmp_path: Path) -> None:
    log = BoundedLog(lambda: tmp_path, "a.log")
    text = os.urandom(HEAD + TAIL)
    for start in range(0, len(text), 70_001):
        log.write(text[start : start + 70_001])
    assert Path(log.close(keep=True)).read_bytes() == text
    assert BoundedLog(lambda: tmp_path, "b.log").close(keep=True) == ""
    dropped = BoundedLog(lambda: tmp_path, "c.log")
    dropped.write(b"x")
    assert dropped.close(keep=False) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a.log"]


def test_a_log_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    log = BoundedLog(lambda: tmp_path / "taken", "a.log")
    log.write(b"text")
    assert log.close(keep=True) == "" or not Path(log.path).exists()


@dataclass
class Bundle:
    trials: tuple[object, ...]


@dataclass
class Keyed:
    key: str


def test_logs_are_named_by_trials_and_never_by_what_is_no_name() -> None:
    assert log_name(Bundle((Keyed("ab12"),)), 5) == "ab12.log"
    assert log_name(Bundle((Keyed("ab12"), Keyed("cd"))), 5) == "ab12+1.log"
    assert log_name(Bundle((Keyed("../x"),)), 5) == "item_5.log"
    assert log_name("anything", 5) == "item_5.log"
