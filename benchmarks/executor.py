"""What it costs to run a trial that does nothing: CPU seconds beside the training, ours and others'.

`python benchmarks/executor.py` prints a table. The cost of starting is left out: ours is read between the eighth trial
and the last one, of this process and all that it started; the others' is the difference of a long and a short run. Ours
claims each trial in a store, sends it to a worker, takes the result back and commits it with its predictions.
"""

# ruff: noqa: PLC0415, ANN401 - each contender loads its own packages only, and is handed what it likes

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from butfor.benchmarks.measure import command_cost, descendants
from butfor.benchmarks.peers import PEERS_PYTHON, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

SKIPPED = 8
PACKAGES: dict[str, tuple[str, ...]] = {
    "butfor, warm workers": (),
    "butfor, a stack of 16": (),
    "butfor, a process for each trial": (),
    "Ray Tune": ("ray",),
    "Optuna": ("optuna",),
    "Hydra + joblib": ("hydra-core", "hydra-joblib-launcher", "joblib"),
}


class Meter:
    """CPU and wall seconds from the eighth trial on, of this process and its descendants, ended ones included."""

    def __init__(self, num: int) -> None:
        self.num, self.count = num, 0
        self.first = self.last = (0.0, 0.0)

    def tick(self, _: Any) -> None:
        """A trial has ended."""
        self.count += 1
        if self.count == SKIPPED:
            self.first = self._read()
        if self.count == self.num:
            self.last = self._read()

    def told(self) -> str:
        """Of one trial, as JSON."""
        return json.dumps(
            [(last - first) / (self.num - SKIPPED) for first, last in zip(self.first, self.last, strict=True)]
        )

    def _read(self) -> tuple[float, float]:
        ticks = 0
        for process in [os.getpid(), *descendants(os.getpid())]:
            with contextlib.suppress(OSError):
                said = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                ticks += sum(int(word) for word in said[11:15])
        return ticks / os.sysconf("SC_CLK_TCK"), time.perf_counter()


def butfor(num: int, jobs: int, *, isolate: bool, together: int) -> None:
    """Our store and executor."""
    from butfor.benchmarks.idle import nothing
    from butfor.core.engine.work import Work, WorkTrial
    from butfor.core.leases import Lease
    from butfor.core.records import Entry
    from butfor.core.session import Session
    from butfor.core.store import Store
    from butfor.plugins.executors.local import LocalSpec

    executor, meter = LocalSpec(jobs=jobs, isolate=isolate), Meter(num)
    keys = [f"{number:016x}" for number in range(num)]

    def bundle(wanted: Collection[str]) -> list[Work]:
        trials = [WorkTrial(key, "cell", {}, 0, "0") for key in wanted]
        return [Work(tuple(trials[start : start + together]), "") for start in range(0, len(trials), together)]

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store.sqlite") as store:
        store.enlist("bench", [Entry(key, "cell", 0, "0") for key in keys])
        with Lease(store) as lease:
            session = Session(store, lease, keys, bundle, Path(folder) / "predictions", meter.tick)
            session.complete(partial(executor.run, nothing))
        if list(store.states(keys).values()).count("done") != num:
            raise RuntimeError("a trial is missing")
    print(meter.told())


def ray(num: int, jobs: int) -> None:
    """Ray Tune's function API, a grid of `num`."""
    from ray import init, tune

    with tempfile.TemporaryDirectory() as folder:
        init(num_cpus=jobs, include_dashboard=False, log_to_driver=False)
        trainable = tune.with_resources(lambda _: tune.report({"score": 0.5}), {"cpu": 1})
        tuner = tune.Tuner(
            trainable,
            param_space={"number": tune.grid_search(list(range(num)))},
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        if len(tuner.fit()) != num:
            raise RuntimeError("a trial is missing")


def optuna(num: int, jobs: int) -> None:
    """Optuna in one process with a store on disk; its own advice for more is more processes of the same."""
    import optuna as package

    package.logging.set_verbosity(package.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        study = package.create_study(storage=f"sqlite:///{folder}/study.db")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=num, n_jobs=1)
        if len(study.trials) != num:
            raise RuntimeError(f"a trial is missing ({jobs} jobs)")


def hydra(num: int, jobs: int) -> None:
    """Hydra's multirun with the joblib launcher."""
    import hydra as package

    @package.main(version_base="1.3", config_path=None)
    def app(_: Any) -> float:
        return 0.5

    with tempfile.TemporaryDirectory() as folder:
        launcher = ["--multirun", "hydra/launcher=joblib", f"hydra.launcher.n_jobs={jobs}"]
        sys.argv = [sys.argv[0], *launcher, f"hydra.sweep.dir={folder}", f"+number=range(0,{num})"]
        app()


RUN: dict[str, Callable[[int, int], None]] = {
    "butfor, warm workers": partial(butfor, isolate=False, together=1),
    "butfor, a stack of 16": partial(butfor, isolate=False, together=16),
    "butfor, a process for each trial": partial(butfor, isolate=True, together=1),
    "Ray Tune": ray,
    "Optuna": optuna,
    "Hydra + joblib": hydra,
}


def cost(name: str, few: int, many: int, jobs: int, python: Path) -> tuple[float, float]:
    """CPU and wall seconds of one trial more."""
    command = [str(python) if PACKAGES[name] else sys.executable, __file__, "--one", name, "--jobs", str(jobs)]
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        if not PACKAGES[name]:
            command_cost([*command, "--trials", str(many)], folder=at, log=at / "log")
            cpu, wall = json.loads((at / "log").read_text(encoding="utf-8").splitlines()[-1])
            return cpu, wall
        low, high = (command_cost([*command, "--trials", str(n)], folder=at, log=at / "log") for n in (few, many))
    return (high.cpu - low.cpu) / (many - few), (high.wall - low.wall) / (many - few)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", choices=list(RUN), help="run this contender, and measure nothing")
    parser.add_argument("--only", choices=list(RUN), action="append", help="measure this contender; may be given again")
    parser.add_argument("--trials", type=int, default=200, help="number of trials of the larger run")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=PEERS_PYTHON, help="the Python that has the others")
    told = parser.parse_args()
    if told.one:
        RUN[told.one](told.trials, told.jobs)
        return
    few = min(SKIPPED, told.trials // 2)
    print("| a trial that does nothing | CPU s | wall s |\n|---|---|---|")
    for name in told.only or PACKAGES:
        packages = PACKAGES[name]
        if packages and not told.peers.exists():
            print(f"| {name} | skipped: no Python of the peers at {told.peers} (`make bench-peers`) | |")
            continue
        lacking = [p for p, v in versions(told.peers, packages).items() if v == "missing"] if packages else []
        if lacking:
            print(f"| {name} | skipped: {', '.join(lacking)} not installed | |")
            continue
        found = [cost(name, few, told.trials, told.jobs, told.peers) for _ in range(told.repeats)]
        cpu, wall = (median(values) for values in zip(*found, strict=True))
        print(f"| {name} | {cpu:.4f} | {wall:.4f} |", flush=True)


if __name__ == "__main__":
    main()
