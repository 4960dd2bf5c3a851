"""Ours, as the benchmark calls it. The one place that knows which backends the engine has and how one is chosen."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from butfor import runner
from butfor.core.engine.arithmetic import why_not_here
from butfor.core.engine.work import Shelf, perform
from butfor.core.store import STORE, Store

from .loops import PeerTrial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from butfor.core.catalogue import Catalogue
    from butfor.core.dataset import Dataset
    from butfor.core.engine.prepare import Prepared
    from butfor.core.results import TrainResult
    from butfor.core.study.study import Study


@dataclass(frozen=True, slots=True)
class Backend:
    """A way to train."""

    engine: str
    """As `runner.prepare` calls it."""
    told: tuple[str, ...] = ()
    """What `butfor run` needs to be told to take it."""
    stacks: bool = True
    """Whether it gains by having many trials at once."""
    arithmetic: str = "stock"
    """As `runner.prepare` calls it; another than this process has only for whole commands."""


SINGLE = "one at a time"
"""The backend that trains trial after trial."""
BACKENDS = {
    SINGLE: Backend("one", ("--no-stack",), stacks=False),
    "stack": Backend("stack"),
    "compiled": Backend("compiled", ("--compile",)),
}
COMMANDS = BACKENDS | {
    "stack, AVX-512": Backend("stack", ("--arithmetic", "avx512"), arithmetic="avx512"),
    "compiled, AVX-512": Backend("compiled", ("--compile", "--arithmetic", "avx512"), arithmetic="avx512"),
}
"""Backends of whole commands, whose workers can have another arithmetic than this process."""


def commands_here() -> list[str]:
    """Names of `COMMANDS` whose arithmetic this machine has."""
    return [name for name, backend in COMMANDS.items() if not why_not_here(backend.arithmetic)]


FINE = (0, 1)
"""Exit codes of `butfor run` when every trial has a result: 1 where one collapsed or diverged."""


@dataclass
class Ready:
    """A study that has been read, with its data in memory. Trials go by their numbers: keys tell of the backend."""

    path: Path
    study: Study
    catalogue: Catalogue
    shelf: Shelf
    _prepared: dict[str, Prepared] = field(default_factory=dict)

    def prepared(self, backend: str = SINGLE) -> Prepared:
        """Its trials for a backend. Raises ValueError for one that the engine does not have."""
        if backend not in COMMANDS:
            raise ValueError(f"the engine has no backend '{backend}'; it has {', '.join(COMMANDS)}")
        if backend not in self._prepared:
            told = {"engine": COMMANDS[backend].engine, "arithmetic": COMMANDS[backend].arithmetic}
            self._prepared[backend] = runner.prepare(self.study, self.catalogue, **told)
        return self._prepared[backend]

    def keys(self, numbers: Sequence[int], backend: str) -> list[str]:
        """Keys of some trials."""
        trials = self.prepared(backend).trials
        return [trials[number].key for number in numbers]

    @property
    def every(self) -> list[int]:
        """Numbers of all trials."""
        return list(range(len(self.prepared().trials)))

    def of_structure(self) -> list[int]:
        """Numbers of the trials with the modalities and loss terms of the first cell: one stack can hold them."""
        trials = self.prepared().trials
        first = trials[0].cell.settings
        return [
            number
            for number, trial in enumerate(trials)
            if trial.cell.settings.modalities == first.modalities
            and set(trial.cell.settings.losses) == set(first.losses)
        ]

    def data(self) -> Dataset:
        """The data set, loaded once."""
        cell = self.study.cells[0]
        return self.shelf.data(cell.settings.dataset, cell.folder)

    def for_peers(self, numbers: Sequence[int]) -> list[PeerTrial]:
        """The same trials, for whoever is not ours."""
        found = []
        for trial in (self.prepared().trials[number] for number in numbers):
            settings = trial.cell.settings
            folds = self.shelf.folds(settings.dataset, settings.splits, trial.cell.folder)
            found.append(PeerTrial(settings, trial.seed, next(fold for fold in folds if fold.name == trial.fold)))
        return found


def read(path: Path) -> Ready:
    """Read a study file and load its data."""
    ready = Ready(path, *runner.read_study(path), Shelf())
    ready.data()
    return ready


def train(ready: Ready, numbers: Sequence[int], backend: str) -> list[TrainResult]:
    """Train trials in this process; results in their order. Raises RuntimeError for a failure."""
    keys = ready.keys(numbers, backend)
    works = ready.prepared(backend).work(keys)
    return _whole([result for work in works for result in perform(work, ready.catalogue, ready.shelf)], keys)


def command(path: Path, out: Path, *, jobs: int, backend: str) -> list[str]:
    """The command that a user gives, with its own start-up, store and tables."""
    told = [sys.executable, "-m", "butfor", "run", str(path), "--out", str(out), "--jobs", str(jobs), "--quiet"]
    return [*told, *COMMANDS[backend].told]


def environment(out: Path) -> dict[str, str]:
    """For `command`: results in `out` and not on a server, and nothing known from earlier runs."""
    return {"BUTFOR_STORE": "", "BUTFOR_CACHE": str(out / "cache"), "TORCHINDUCTOR_CACHE_DIR": str(out / "compiled")}


def stored(out: Path, keys: Sequence[str]) -> list[TrainResult]:
    """What `command` left behind, in the order of `keys`. Raises RuntimeError for a failure."""
    with Store.open(out / STORE, create=False) as store:
        return _whole(store.load(keys), keys)


def _whole(results: Sequence[TrainResult], keys: Sequence[str]) -> list[TrainResult]:
    """In the order of `keys`. Raises RuntimeError where one is missing or has failed."""
    bad = [f"{result.state}: {result.message}" for result in results if result.state == "failed"]
    if bad or len(results) != len(keys):
        raise RuntimeError(f"{len(results)} results for {len(keys)} trials; {bad[:1]}")
    place = {key: number for number, key in enumerate(keys)}
    return sorted(results, key=lambda result: place[result.key])


def alone(results: Sequence[TrainResult], backend: str) -> str:
    """Why a stacking backend trained some of them one at a time; empty where it did not."""
    if not COMMANDS[backend].stacks:
        return ""
    lonely = [result for result in results if result.provenance.get("engine") != COMMANDS[backend].engine]
    return f"{len(lonely)} of {len(results)} trials alone: {lonely[0].provenance}" if lonely else ""


def slot_use(results: Sequence[TrainResult]) -> float | None:
    """Share of its slots that held a live trial, of the worst stack.

    A stack tells each trial the share up to that trial's end, and the last ones to end know it best.
    """
    told = [result.provenance["slot_use"] for result in results if "slot_use" in result.provenance]
    return min(told) if told else None
