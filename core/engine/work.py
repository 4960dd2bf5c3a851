"""Trials as they travel to a worker: plain settings that any process can read again, and the training of them."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..splits import make_folds
from ..study.settings import CellSettings
from .assignment import Assignment
from .checkpoints import Checkpoints
from .feed import Feeds
from .loop import fit
from .slots import Slots, held_terms
from .structure import not_stackable
from .verdicts import why_not_stacked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..catalogue import Catalogue
    from ..dataset import Dataset
    from ..results import TrainResult
    from ..specs import DatasetSpec
    from ..splits import Fold, SplitSpec


@dataclass(frozen=True, slots=True)
class WorkTrial:
    """One trial of a work."""

    key: str
    cell: str
    settings: Mapping[str, Any]
    """Resolved settings of the cell."""
    seed: int
    fold: str


@dataclass(frozen=True, slots=True)
class Work:
    """Trials to train together, the unit that an executor sends to a worker.

    Holds no objects of plugins, so that it can be sent to a process that has not loaded them.
    """

    trials: tuple[WorkTrial, ...]
    folder: str
    """Folder that relative paths of the data set start from."""
    plugins: tuple[str, ...] = ()
    """Single-file plugins to load first."""
    engine: str = "one"
    """`stack`, or `one` at a time."""
    program: str = ""
    """Of a stack: a hash of its structure and of all code that takes part."""
    checkpoints: str = ""
    """Folder where long trials are kept from epoch to epoch; empty for none."""

    def one_at_a_time(self, keys: Collection[str]) -> list[Work]:
        """The trials of `keys`, each as a work of its own."""
        return [replace(self, trials=(trial,)) for trial in self.trials if trial.key in keys]


@dataclass
class Shelf:
    """Loaded data sets and their folds, kept while the same few are asked for again. The oldest goes first."""

    room: int = 4
    _data: OrderedDict[str, Dataset] = field(default_factory=OrderedDict)
    _folds: dict[str, tuple[Fold, ...]] = field(default_factory=dict)
    _feeds: dict[str, Feeds] = field(default_factory=dict)

    def data(self, spec: DatasetSpec, folder: str) -> Dataset:
        """The data set, loaded once."""
        key = _key(folder, spec)
        if key not in self._data:
            while len(self._data) >= self.room:
                oldest, _ = self._data.popitem(last=False)
                self._feeds.pop(oldest, None)
                self._folds = {name: folds for name, folds in self._folds.items() if not name.startswith(oldest)}
            self._data[key] = spec.load()
        self._data.move_to_end(key)
        return self._data[key]

    def folds(self, spec: DatasetSpec, splits: SplitSpec, folder: str) -> tuple[Fold, ...]:
        """Its folds, made once."""
        data = self.data(spec, folder)
        key = _key(folder, spec) + _key("", splits)
        if key not in self._folds:
            self._folds[key] = make_folds(splits, data)
        return self._folds[key]

    def feeds(self, spec: DatasetSpec, folder: str) -> Feeds:
        """Its tensors, with what was standardised for folds lately used."""
        data = self.data(spec, folder)
        return self._feeds.setdefault(_key(folder, spec), Feeds(data))


def _key(folder: str, spec: DatasetSpec | SplitSpec) -> str:
    return json.dumps([folder, spec.resolved()], sort_keys=True)


def perform(work: Work, catalogue: Catalogue, shelf: Shelf) -> Iterator[TrainResult]:
    """Train the trials of `work`; each result comes as soon as its trial has ended.

    Raises what a trial raised. A stack goes on without the trial and raises at its end.
    """
    assignments = [_assigned(trial, work, catalogue, shelf) for trial in work.trials]
    feeds = shelf.feeds(assignments[0].settings.dataset, work.folder)
    reason = _why_alone(work, assignments, feeds.data)
    checkpoints = Checkpoints(work.checkpoints)
    if work.engine == "stack" and not reason:
        yield from Slots(assignments, feeds, checkpoints=checkpoints).run()
        return
    for assignment in assignments:
        yield fit(assignment, feeds.data, feeds, because=reason, checkpoints=checkpoints)


def why_alone(work: Work, catalogue: Catalogue, shelf: Shelf) -> str:
    """Why the trials of `work` are trained one at a time; empty where they make a stack, or were not asked to."""
    assignments = [_assigned(trial, work, catalogue, shelf) for trial in work.trials]
    return _why_alone(work, assignments, shelf.data(assignments[0].settings.dataset, work.folder))


def _why_alone(work: Work, assignments: Sequence[Assignment], data: Dataset) -> str:
    first = assignments[0]
    if work.engine != "stack":
        return not_stackable(first.settings)
    return why_not_stacked(work.program, first, data, sorted(held_terms(assignments)))


def _assigned(trial: WorkTrial, work: Work, catalogue: Catalogue, shelf: Shelf) -> Assignment:
    context = {"catalogue": catalogue, "folder": work.folder}
    settings = CellSettings.model_validate(trial.settings, context=context)
    folds = shelf.folds(settings.dataset, settings.splits, work.folder)
    fold = next(fold for fold in folds if fold.name == trial.fold)
    return Assignment(trial.key, trial.cell, settings, trial.seed, fold)
