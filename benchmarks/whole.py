"""A whole study on this machine: `butfor run` beside the loops that users write, Ray Tune, Optuna, Hydra with joblib.

`.venv/bin/python benchmarks/whole.py --workload small --trials 60 --epochs 5 --repeats 3`

Each contender is a command that is run to its end: its start-up, its own bookkeeping and its results on disk count.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from butfor.benchmarks import equality, machine, ours
from butfor.benchmarks.measure import Cost, command_cost, interleaved, ratio
from butfor.benchmarks.peer_task import PeerTask, read_results
from butfor.benchmarks.peers import PEERS_PYTHON, Peer, peers, versions
from butfor.benchmarks.report import Section, keep
from butfor.benchmarks.workloads import BATCH, SIZES, WORKLOADS, Workload, write_study

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from butfor.benchmarks.equality import Done

LOOP = "DataLoader loop"


@dataclass(frozen=True, slots=True)
class Run:
    """One contender once."""

    cost: Cost
    done: list[Done]
    slots: float | None = None
    alone: str = ""
    """Which trials a stack did not take, and why."""


@dataclass(frozen=True)
class Contest:
    """The same study for everybody."""

    ready: ours.Ready
    folder: Path
    python: Path
    jobs: int

    def peer(self, peer: Peer) -> Run:
        """A peer trains every trial."""
        task, out = self.folder / "task.pickle", self.folder / "results.json"
        if not task.exists():
            PeerTask(self.ready.data(), tuple(self.ready.for_peers(self.ready.every))).write(task)
        out.unlink(missing_ok=True)
        cost = command_cost(
            peer.command(self.python, task, out), folder=self.folder, log=self.folder / f"{peer.module}.log"
        )
        return Run(cost, equality.of_peer(read_results(out), self.ready.for_peers(self.ready.every)))

    def ours(self, backend: str) -> Run:
        """`butfor run` trains every trial."""
        out = self.folder / "results"
        shutil.rmtree(out, ignore_errors=True)
        command = ours.command(self.ready.path, out, jobs=self.jobs, backend=backend)
        cost = command_cost(
            command, folder=self.folder, log=self.folder / "ours.log", fine=ours.FINE, more=ours.environment(out)
        )
        results = ours.stored(out, self.ready.keys(self.ready.every, backend))
        return Run(cost, equality.of_ours(results), ours.slot_use(results), ours.alone(results, backend))


def measured(
    workload: Workload,
    folder: Path,
    *,
    trials: int,
    epochs: int,
    repeats: int,
    patience: int | None = None,
    batch: int = BATCH,
    jobs: int = 2,
    python: Path = PEERS_PYTHON,
    only: Collection[str] = (),
    backends: Collection[str] = (),
) -> Section:
    """One study: a row a contender, of ours all that this machine has.

    Without `patience` every trial has the same epochs, so that the work is equal.
    """
    ready = ours.read(write_study(folder, workload, trials=trials, epochs=epochs, patience=patience, batch=batch))
    contest = Contest(ready, Path(tempfile.mkdtemp(dir=folder)), python, jobs)
    stopping = f"early stopping, at most {epochs} epochs" if patience else f"{epochs} epochs each"
    section = Section(f"A whole study on {jobs} cores: {workload.name}, {trials} trials, {stopping}")
    runs: dict[str, Callable[[], Run]] = {}
    for name, peer in peers(jobs).items():
        reason = "not asked for" if only and name not in {*only, "loop"} else peer.missing(python)
        if reason:
            section.notes.append(f"{peer.title}: skipped, {reason}")
        else:
            runs[peer.title] = partial(contest.peer, peer)
            if peer.packages:
                told = (f"{package} {number}" for package, number in versions(python, peer.packages).items())
                section.notes.append(f"{peer.title}: {', '.join(told)}")
    runs |= {f"butfor, {backend}": partial(contest.ours, backend) for backend in backends or ours.commands_here()}
    found = interleaved(runs, repeats)
    section.rows = [_row(name, those, found[LOOP], trials) for name, those in found.items()]
    for name, those in found.items():
        section.notes += [f"{name}: NOT STACKED, {those[0].alone}"] if those[0].alone else []
        if name != LOOP:
            same, told = equality.compared(those[0].done, found[LOOP][0].done, fixed=patience is None)
            section.notes.append(f"{name}, work beside the loop's: {'same' if same else 'NOT THE SAME'}; {told}")
    return section


def _row(name: str, found: Sequence[Run], loop: Sequence[Run], trials: int) -> dict[str, Any]:
    wall = [one.cost.wall for one in found]
    times, least, most = ratio([one.cost.wall for one in loop], wall)
    used = [one.slots for one in found if one.slots is not None]
    return {
        "contender": name,
        "over the loop (wall)": times,
        "from - to": f"{least:.2f} - {most:.2f}",
        "over the loop (CPU)": ratio([one.cost.cpu for one in loop], [one.cost.cpu for one in found])[0],
        "wall s": median(wall),
        "CPU s": median(one.cost.cpu for one in found),
        "wall s a trial": median(wall) / trials,
        "peak MB": median(one.cost.memory for one in found) / 1e6,
        "slot use": median(used) if used else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", choices=WORKLOADS, action="append", help="may be said several times")
    parser.add_argument("--trials", type=int, choices=SIZES, default=60)
    parser.add_argument("--epochs", type=int, default=5, help="of every trial; with --patience, at most")
    parser.add_argument("--patience", type=int, help="stop early; without it the work is the same for all")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=peers(), action="append", help="of the peers; the loop is always there")
    parser.add_argument("--backend", choices=ours.COMMANDS, action="append", help="of ours; default: all")
    parser.add_argument("--peers-python", type=Path, default=PEERS_PYTHON)
    asked = parser.parse_args()
    about = machine.described()
    with tempfile.TemporaryDirectory() as folder:
        sections = [
            measured(
                WORKLOADS[name],
                Path(folder),
                trials=asked.trials,
                epochs=asked.epochs,
                patience=asked.patience,
                repeats=asked.repeats,
                jobs=asked.jobs,
                python=asked.peers_python,
                only=asked.only or (),
                backends=asked.backend or (),
            )
            for name in asked.workload or ["small"]
        ]
    print(keep("whole", about, sections))


if __name__ == "__main__":
    main()
