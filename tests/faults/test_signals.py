"""Ctrl-C and SIGTERM, once and twice, to the parent and to its group; and kill -9 of the parent: nothing is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FIRST = {"SIGINT to the group": (signal.SIGINT, True, 130), "SIGTERM to the parent": (signal.SIGTERM, False, 143)}
SECOND = {"SIGTERM to the group": (signal.SIGTERM, True, 143), "SIGINT to the parent": (signal.SIGINT, False, 130)}


class Run:
    """`butfor run` in a group of its own, with trials that wait until they are told to go on."""

    def __init__(self, written: Callable[..., Path], family: Any, folder: Path) -> None:
        self.family, self.marks, self.temporary = family, folder / "marks", folder / "tmp"
        self.marks.mkdir()
        self.temporary.mkdir()
        cells = {f"c{n}": f"does: waits, seconds: {n}.5, marks: {self.marks}" for n in range(6)}
        written(folder, **cells)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "butfor", "run", "--jobs", "2", "--only", "parts"],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(self.temporary), "BUTFOR_TEST": family.mark},
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - as on a terminal
        )

    def begun(self) -> int:
        return len(list(self.marks.glob("begun_*")))

    def wait_for_trials(self) -> None:
        until = time.monotonic() + 200
        while self.begun() < 2:
            assert time.monotonic() < until
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.05)

    def send(self, number: signal.Signals, *, group: bool) -> None:
        (os.killpg if group else os.kill)(self.process.pid, number)
        time.sleep(1)

    def ended(self) -> tuple[int, str, float]:
        started = time.monotonic()
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, told, time.monotonic() - started

    def left_behind(self) -> list[Any]:
        """Processes, and temporary files; torch keeps a cache among these."""
        files = [path.name for path in self.temporary.iterdir() if not path.name.startswith("torchinductor")]
        return [*self.family.left(within=5), *files]


@pytest.fixture(scope="module")
def runs(written, family, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Run]]:
    """One for each test, all started at once."""
    names = [("first", name) for name in FIRST] + [("second", name) for name in SECOND]
    started = {name: Run(written, family(), tmp_path_factory.mktemp("run")) for name in names}
    yield started
    for run in started.values():
        run.family.end()


@pytest.mark.parametrize("name", FIRST)
def test_the_first_signal_lets_running_trials_end_and_keeps_them(runs, name: str) -> None:
    run, (number, group, code) = runs["first", name], FIRST[name]
    run.wait_for_trials()
    run.send(number, group=group)
    (run.marks / "go").touch()
    left, told, took = run.ended()
    assert left == code, told
    assert took < 10
    assert "once more leaves now" in told
    assert "Traceback" not in told
    assert told.count(": done") + told.count(": collapsed") >= 2, told
    assert run.begun() == 2
    assert run.left_behind() == []


@pytest.mark.parametrize("name", SECOND)
def test_the_second_signal_leaves_now(runs, name: str) -> None:
    run, (number, group, code) = runs["second", name], SECOND[name]
    run.wait_for_trials()
    run.send(number, group=group)
    assert run.process.poll() is None
    run.send(number, group=group)
    left, told, took = run.ended()
    assert left == code, told
    assert took < 3
    assert "Traceback" not in told
    assert run.left_behind() == []


PARENT = """
import os, subprocess, sys, time
from butfor.plugins.executors.local import LocalSpec

def work(item):
    child = subprocess.Popen(["sleep", "600"])
    if os.fork() == 0:
        time.sleep(600)
    yield os.getpid()
    time.sleep(600)

if __name__ == "__main__":
    for item, outcome in LocalSpec(jobs=1, start=sys.argv[1]).run(work, [1]):
        print("ready", flush=True)
"""


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_when_the_parent_is_killed_its_workers_and_their_children_end(tmp_path: Path, marked, start: str) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, "parent.py", start]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(marked()) >= 4
        process.kill()
        assert marked(within=10) == []
