"""How `butfor run` grows with the number of trials, and what a trial costs us outside its training.

`.venv/bin/python benchmarks/growth.py --trials 30 --trials 300`

An epoch is a few steps of large batches here, so that little is left but our own work. Each study is run with 1 epoch
and with several: the straight line through both, at no epochs, is the cost outside training.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from butfor.benchmarks import machine, ours
from butfor.benchmarks.measure import Cost, command_cost, interleaved
from butfor.benchmarks.report import Section, keep
from butfor.benchmarks.workloads import SIZES, WORKLOADS, Workload, write_study

if TYPE_CHECKING:
    from collections.abc import Sequence

EPOCHS = 3
"""Of the longer run."""
LARGE_BATCH = 256
"""Samples of a step; at the whole training part the memory of its first pass would hide that of all else."""


def measured(
    workload: Workload, folder: Path, *, trials: Sequence[int], repeats: int, jobs: int = 2, backend: str | None = None
) -> Section:
    """A row for every number of trials."""
    backend = backend or "stack"
    section = Section(f"Growth with the trials on {jobs} cores: {workload.name}, batches of {LARGE_BATCH}, {backend}")
    for number in trials:
        runs = {
            f"{number} trials, {epochs} epochs": partial(
                _cost, workload, folder, number, epochs, jobs=jobs, backend=backend
            )
            for epochs in (1, EPOCHS)
        }
        short, long = interleaved(runs, repeats).values()
        section.rows.append(_row(number, short, long))
    for fewer, more in pairwise(section.rows):
        more["each further trial"] = (_outside(more) - _outside(fewer)) / (more["trials"] - fewer["trials"])
    section.notes.append("each further trial: the same for the trials that the row has more than the one above")
    section.notes.append("CPU s a trial outside training: reading, planning, start of the workers, building, the final")
    section.notes[-1] += " test, predictions, store and tables, over all trials; the extrapolation to no epochs"
    return section


def _cost(workload: Workload, folder: Path, trials: int, epochs: int, *, jobs: int, backend: str) -> Cost:
    path = write_study(folder, workload, trials=trials, epochs=epochs, patience=None, batch=LARGE_BATCH)
    out = folder / "results"
    shutil.rmtree(out, ignore_errors=True)
    command = ours.command(path, out, jobs=jobs, backend=backend)
    log = folder / "growth.log"
    return command_cost(command, folder=folder, log=log, fine=ours.FINE, more=ours.environment(out))


def _outside(row: dict[str, Any]) -> float:
    return float(row["CPU s a trial outside training"] * row["trials"])


def _row(trials: int, short: Sequence[Cost], long: Sequence[Cost]) -> dict[str, Any]:
    outside = [(EPOCHS * one.cpu - other.cpu) / (EPOCHS - 1) for one, other in zip(short, long, strict=True)]
    wall = median(one.wall for one in short)
    return {
        "trials": trials,
        "wall s": wall,
        "wall s a trial": wall / trials,
        "CPU s": median(one.cpu for one in short),
        "CPU s a trial outside training": median(outside) / trials,
        "peak MB": median(one.memory for one in short) / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", choices=WORKLOADS, default="small")
    parser.add_argument("--trials", type=int, choices=SIZES, action="append", help="may be said several times")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--backend", choices=ours.BACKENDS)
    asked = parser.parse_args()
    about = machine.described()
    with tempfile.TemporaryDirectory() as folder:
        section = measured(
            WORKLOADS[asked.workload],
            Path(folder),
            trials=asked.trials or [30, 300],
            repeats=asked.repeats,
            jobs=asked.jobs,
            backend=asked.backend,
        )
    print(keep("growth", about, [section]))


if __name__ == "__main__":
    main()
