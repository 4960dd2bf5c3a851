"""One core, one thread, one process: what a training step costs, ours beside the DataLoader loop.

`.venv/bin/python benchmarks/steps.py --workload small --repeats 5`

Every contender trains the same trials for 1 epoch and for several; the difference is the cost of training (steps, and
the validation after each epoch), the rest is what a trial costs besides.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

import torch

from butfor.benchmarks import equality, loops, machine, ours
from butfor.benchmarks.measure import interleaved, ratio, timed
from butfor.benchmarks.report import Section, keep
from butfor.benchmarks.workloads import BATCH, SIZES, WORKLOADS, Workload, write_study

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from butfor.benchmarks.equality import Done
    from butfor.benchmarks.measure import Cost
    from butfor.core.dataset import Dataset

    Trainer = Callable[[ours.Ready], tuple[list[Done], float | None, str]]

LOOP = "DataLoader loop"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one contender in one repeat."""

    short: Cost
    """Of all its trials with one epoch."""
    long: Cost
    """With several."""
    steps: tuple[int, int]
    """Of both."""
    slots: float | None
    done: list[Done]
    """Every trial of the long run."""
    alone: str = ""
    """Which trials a stack did not take, and why."""

    @property
    def trial(self) -> float:
        """Seconds of CPU of one whole trial of the long run."""
        return self.long.cpu / len(self.done)


def step_cost(found: Sequence[Figures], kind: Literal["cpu", "wall"]) -> float:
    """Seconds of one step and its share of validation: what the longer runs cost more, medians of all repeats.

    Not a number where the machine was so noisy that they cost less.
    """
    short, long = (median(getattr(cost, kind) for cost in costs) for costs in _both(found))
    more = found[0].steps[1] - found[0].steps[0]
    return (long - short) / more if long > short else float("nan")


def _both(found: Sequence[Figures]) -> tuple[list[Cost], list[Cost]]:
    return [one.short for one in found], [one.long for one in found]


@dataclass(frozen=True)
class Pair:
    """The same study with one epoch and with several."""

    short: ours.Ready
    long: ours.Ready

    def run(self, train: Trainer) -> Figures:
        """Train both; the difference is what epochs cost."""
        (before, *_), short = timed(partial(train, self.short))
        (done, slots, alone), long = timed(partial(train, self.long))
        return Figures(
            short, long, (sum(one.steps for one in before), sum(one.steps for one in done)), slots, done, alone
        )


def of_loop(ready: ours.Ready, count: int) -> tuple[list[Done], None, str]:
    """The first `count` trials by the loop."""
    peers = ready.for_peers(ready.of_structure()[:count])
    return equality.of_peer([loops.train_trial(peer, ready.data()) for peer in peers], peers), None, ""


def of_ours(ready: ours.Ready, count: int, backend: str) -> tuple[list[Done], float | None, str]:
    """The first `count` trials by ours."""
    results = ours.train(ready, ready.of_structure()[:count], backend)
    return equality.of_ours(results), ours.slot_use(results), ours.alone(results, backend)


def measured(
    workload: Workload,
    folder: Path,
    *,
    repeats: int,
    epochs: int,
    stack: int,
    trials: int = 300,
    batch: int = BATCH,
    backends: Collection[str] = tuple(ours.BACKENDS),
) -> Section:
    """One workload: a row a contender."""
    torch.set_num_threads(1)
    pair = Pair(
        *(
            ours.read(write_study(folder, workload, trials=trials, epochs=num, patience=None, batch=batch))
            for num in (1, epochs)
        )
    )
    trainers: dict[str, Trainer] = {LOOP: partial(of_loop, count=1)}
    for backend in backends:
        count = stack if ours.BACKENDS[backend].stacks else 1
        trainers[backend] = partial(of_ours, count=count, backend=backend)
    for train in trainers.values():
        train(pair.short)  # the first pass of anything is slower
    peak = machine.sgemm_peak()
    figures = interleaved({name: partial(pair.run, train) for name, train in trainers.items()}, repeats)
    peer = pair.long.for_peers(pair.long.of_structure()[:1])[0]
    parameters = figures[LOOP][0].done[0].parameters
    limits = _Limits.of(peer, pair.long.data(), parameters, max(peak, machine.sgemm_peak()))
    section = Section(f"A step on one core: {workload.name}")
    section.rows = [_row(name, found, figures[LOOP], limits) for name, found in figures.items()]
    section.notes = [limits.told(), *_comparisons(figures)]
    return section


@dataclass(frozen=True, slots=True)
class _Limits:
    """What the machine can do, and the least that a step can cost."""

    peak: float
    flops: int
    optimiser: float
    batch: int

    @classmethod
    def of(cls, peer: loops.PeerTrial, data: Dataset, parameters: int, peak: float) -> _Limits:
        return cls(
            peak,
            machine.step_flops(peer, data),
            machine.optimiser_floor(parameters),
            peer.settings.train.batch_size,
        )

    @property
    def floor(self) -> float:
        return self.flops / self.peak / 1e9 + self.optimiser

    def told(self) -> str:
        products = f"{self.flops / 1e6:.1f} MFLOP at the {self.peak:.0f} GFLOP/s of this machine's sgemm"
        return f"floor of a step: {self.floor * 1e6:.0f} us = {products} + {self.optimiser * 1e6:.0f} us of fused AdamW"


def _row(name: str, found: Sequence[Figures], loop: Sequence[Figures], limits: _Limits) -> dict[str, Any]:
    cpu = step_cost(found, "cpu")
    whole, least, most = ratio([one.trial for one in loop], [one.trial for one in found])
    used = [one.slots for one in found if one.slots is not None]
    trial = median(one.trial for one in found)
    return {
        "contender": name,
        "step over the loop's (CPU)": step_cost(loop, "cpu") / cpu,
        "(wall)": step_cost(loop, "wall") / step_cost(found, "wall"),
        "trial over the loop's (CPU)": whole,
        "from - to": f"{least:.2f} - {most:.2f}",
        "us CPU a step": cpu * 1e6,
        "samples/s a core": limits.batch / cpu,
        "GFLOP/s": limits.flops / cpu / 1e9,
        "of sgemm's peak": limits.flops / cpu / 1e9 / limits.peak,
        "times the floor": cpu / limits.floor,
        "CPU s a trial": trial,
        "besides its epochs": trial - cpu * found[0].steps[1] / len(found[0].done),
        "slot use": median(used) if used else None,
        "trials at once": len(found[0].done),
    }


def _comparisons(figures: dict[str, list[Figures]]) -> list[str]:
    """The first trial of each against the loop's: steps, epochs and parameters have to be equal."""
    first = figures[LOOP][0].done[0]
    told = []
    for name, found in figures.items():
        other = found[0].done[0]
        told += [f"{name}: NOT STACKED, {found[0].alone}"] if found[0].alone else []
        same = (other.steps, other.epochs, other.parameters) == (first.steps, first.epochs, first.parameters)
        work = f"{other.steps} steps, {other.epochs} epochs, {other.parameters} parameters a trial"
        told.append(f"{name}: {work}{'' if same else ', NOT THE SAME WORK AS THE LOOP'}")
    return told


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workload", choices=WORKLOADS, action="append", help="may be said several times")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4, help="of the long run; the short one has 1")
    parser.add_argument("--stack", type=int, default=64, help="trials that a stacking backend gets at once")
    parser.add_argument("--trials", type=int, choices=SIZES, default=300, help="size of the study they are taken from")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options(parser)
    parser.add_argument("--backend", choices=ours.BACKENDS, action="append", help="of ours; default: all")
    asked = parser.parse_args()
    if asked.epochs <= 1:  # the short run has one
        parser.error("--epochs: at least 2, since the short run has 1")
    about = machine.described()
    with tempfile.TemporaryDirectory() as folder:
        sections = [
            measured(
                WORKLOADS[name],
                Path(folder),
                repeats=asked.repeats,
                epochs=asked.epochs,
                stack=asked.stack,
                trials=asked.trials,
                backends=asked.backend or tuple(ours.BACKENDS),
            )
            for name in asked.workload or ["small"]
        ]
    print(keep("steps", about, sections))


if __name__ == "__main__":
    main()
