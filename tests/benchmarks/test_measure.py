"""Costs count every process of a command, and ratios are of what stood side by side."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from butfor.benchmarks.measure import command_cost, descendants, interleaved, ratio

BURN = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass\n"


def test_each_repeat_begins_with_the_next_contender() -> None:
    order: list[str] = []
    interleaved({name: lambda name=name: order.append(name) for name in "abc"}, 3)
    assert order == [*"abc", *"bca", *"cab"]


def test_a_ratio_is_the_median_of_the_repeats_own_ratios() -> None:
    assert ratio([2.0, 30.0, 4.0], [1.0, 10.0, 4.0]) == (2.0, 1.0, 3.0)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are followed on Linux alone")
def test_the_cpu_of_a_grandchild_that_outlives_its_parent_counts(tmp_path: Path) -> None:
    parent = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BURN.format(seconds=0.6)!r}])\n"
    before = set(descendants(os.getpid()))
    cost = command_cost([sys.executable, "-c", parent], folder=tmp_path, log=tmp_path / "log")
    assert cost.cpu >= 0.6
    assert set(descendants(os.getpid())) <= before


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_memory_of_a_command_is_what_it_holds(tmp_path: Path) -> None:
    hold = "import time\nheld = bytearray(200_000_000)\ntime.sleep(1.5)\n"
    cost = command_cost([sys.executable, "-c", hold], folder=tmp_path, log=tmp_path / "log")
    assert 200e6 < cost.memory < 400e6
    assert cost.cpu < 1.5 <= cost.wall


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are followed on Linux alone")
def test_a_benchmark_that_is_ended_ends_what_it_started(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from butfor.benchmarks.measure import command_cost\n"
        'sleep = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"\n'
        f"here = Path({str(tmp_path)!r}); command_cost([sys.executable, '-c', sleep], folder=here, log=here / 'log')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    log = tmp_path / "log"
    while not (log.exists() and log.read_text().strip()):
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait(30) == 143
    assert not Path("/proc", log.read_text().strip()).exists()


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"exit code 3(.|\n)*too bad"):
        command_cost([sys.executable, "-c", "print('too bad'); exit(3)"], folder=tmp_path, log=tmp_path / "log")
