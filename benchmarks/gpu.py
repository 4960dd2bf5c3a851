"""A step on a GPU: what it costs with 1 row to 1,024, with and without its graph, and whether bits depend on the rows.

`.venv/bin/python benchmarks/gpu.py --workload small`

Measured with the device's own events, over steps that follow each other. `--device cpu` tries the script without one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from butfor.benchmarks import machine, ours
from butfor.benchmarks.report import Section, keep
from butfor.benchmarks.workloads import WORKLOADS, Workload, write_study
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.devices import CPU, CUDA, DEVICES, computing_on, why_not_here
from butfor.core.engine.feed import Feeds
from butfor.core.engine.loop import fit
from butfor.core.engine.model import System
from butfor.core.engine.noise import ServedNoise
from butfor.core.engine.row_update import recipe, update
from butfor.core.engine.slots import LEAST
from butfor.core.engine.stack import RowStep, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from butfor.core.engine.feed import Feed

ROWS = (1, 16, 64, 256, 1024)
STEPS = 50
"""Of each measurement."""
ALWAYS = 10**6
"""Passes ahead, so that the pass is traced, and on a GPU captured."""


@dataclass
class Rows:
    """Trials of one structure that differ in their seeds, ready to step together."""

    first: Assignment
    feeds: Feeds
    number: int
    graph: bool

    def __post_init__(self) -> None:
        settings, fold = self.first.settings, self.first.fold
        self.feed: Feed = self.feeds.feed(fold, settings.modalities, standardised=settings.dataset.standardise)
        systems = [System(settings, self.feeds.data, seed, fold.name) for seed in range(self.number)]
        program = System(settings, self.feeds.data, 0, fold.name).to(self.feeds.device)
        self.size = self.feed.batch_size(settings.train.batch_size)
        self.stack = Stack(self.number, program, self.feed, self.size)
        for row, system in enumerate(systems):
            self.stack.rows.load(row, system)
            self.stack.admit(row, settings.modalities)
            self.stack.set_row(row, settings.train.epochs, system.weights(settings.train.epochs))
        self.keys = [ServedNoise(seed, fold.name, "noise").keys for seed in range(self.number)]
        self.batches = [self._batches(seed) for seed in range(self.number)]

    def _batches(self, seed: int) -> list[Tensor]:
        return list(self.feed.training_rows(0, self.size, seed, self.first.fold.name))

    def fill(self, step: int) -> None:
        """The samples and the noise of a step."""
        rows = [batches[step % len(batches)] for batches in self.batches]
        self.stack.fill(
            RowStep(row, self.feed, samples, self.feed.recorded[samples], self.keys[row], step)
            for row, samples in enumerate(rows)
        )

    def compute(self, step: int) -> None:
        """Its forward and backward pass and its update."""
        train = self.first.settings.train
        self.stack.step(lambda: ALWAYS if self.graph else 0)
        update(self.stack.rows, ((row, recipe(train, train.lr, fresh=step == 0)) for row in range(self.number)))

    def both(self, step: int) -> None:
        """A whole step."""
        self.fill(step)
        self.compute(step)


def seconds(work: Callable[[int], None], device: str, steps: int) -> float:
    """Seconds of one of `steps` that follow each other, by the events of a GPU or by the clock."""
    for step in range(4):  # the second one is traced, and captured
        work(step)
    if device == CPU:
        start = time.perf_counter()
        for step in range(steps):
            work(step)
        return (time.perf_counter() - start) / steps
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begun.record()
    for step in range(steps):
        work(step)
    ended.record()
    torch.cuda.synchronize()
    return float(begun.elapsed_time(ended)) / 1000 / steps


def alone(first: Assignment, feeds: Feeds) -> float:
    """Seconds of a step of one trial by itself, with its share of validation: the second of two runs."""
    for _ in range(2):
        result = fit(first, feeds.data, feeds)
    return result.seconds / int(result.provenance["steps"])


def weights(first: Assignment, feeds: Feeds, number: int) -> Tensor:
    """(rows, size) weights after three steps of so many trials."""
    rows = Rows(first, feeds, number, graph=False)
    for step in range(3):
        rows.both(step)
    return rows.stack.rows.weights.cpu()


def measured(
    workload: Workload, folder: Path, *, device: str, rows: Sequence[int] = ROWS, steps: int = STEPS
) -> Section:
    """A row for every number of rows, with and without a graph."""
    section = Section(f"A step on {device}: {workload.name}")
    if reason := why_not_here(device):
        section.notes.append(f"not measured: {reason}")
        return section
    ready = ours.read(write_study(folder, workload, trials=300, epochs=3, patience=None))
    trial = ready.prepared().trials[ready.of_structure()[0]]
    folds = ready.shelf.folds(trial.cell.settings.dataset, trial.cell.settings.splits, trial.cell.folder)
    first = Assignment("", trial.cell.key, trial.cell.settings, 0, folds[0])
    with computing_on(device):
        feeds = Feeds(ready.data(), device=device)
        one, few = alone(first, feeds), weights(first, feeds, max(LEAST, min(rows)))
        for number in rows:
            same = "yes" if torch.equal(weights(first, feeds, number)[: len(few)], few[:number]) else "no"
            for graph in (False, True):
                section.rows.append(_row(Rows(first, feeds, number, graph), device, steps, one) | {"bits": same})
    section.notes.append(f"bits: whether rows have those of a stack of {len(few)}; one at a time: {1e6 * one:.0f} us")
    return section


def _row(trials: Rows, device: str, steps: int, one: float) -> dict[str, str | float]:
    whole = seconds(trials.both, device, steps) / trials.number
    passes = seconds(trials.compute, device, steps) / trials.number
    return {
        "rows": trials.number,
        "graph": "yes" if trials.graph else "no",
        "us a trial's step": 1e6 * whole,
        "of which pass and update": 1e6 * passes,
        "over one at a time": one / whole,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", choices=WORKLOADS, action="append", help="may be said several times")
    parser.add_argument("--device", choices=DEVICES, default=CUDA)
    parser.add_argument("--rows", type=int, action="append", help="may be said several times")
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()
    about = machine.described()
    if torch.cuda.is_available():
        about["GPU"] = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as folder:
        sections = [
            measured(WORKLOADS[name], Path(folder), device=asked.device, rows=asked.rows or ROWS, steps=asked.steps)
            for name in asked.workload or ["small"]
        ]
    print(keep("gpu", about, sections))


if __name__ == "__main__":
    main()
