"""A trial as it travels to a worker: plain settings that any process can read again, and the training of it."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..splits import make_folds
from ..study.settings import CellSettings
from .loop import Assignment, fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..catalogue import Catalogue
    from ..dataset import Dataset
    from ..results import TrainResult
    from ..specs import DatasetSpec
    from ..splits import Fold, SplitSpec


@dataclass(frozen=True, slots=True)
class Work:
    """One trial to train. Holds no objects of plugins, so that it can be sent to a process that has not loaded them."""

    key: str
    cell: str
    settings: Mapping[str, Any]
    """Resolved settings of the cell."""
    seed: int
    fold: str
    folder: str
    """Folder that relative paths of the data set start from."""
    plugins: tuple[str, ...] = ()
    """Single-file plugins to load first."""


@dataclass
class Shelf:
    """Loaded data sets and their folds, kept while the same few are asked for again. The oldest goes first."""

    room: int = 4
    _data: OrderedDict[str, Dataset] = field(default_factory=OrderedDict)
    _folds: dict[str, tuple[Fold, ...]] = field(default_factory=dict)

    def data(self, spec: DatasetSpec, folder: str) -> Dataset:
        """The data set, loaded once."""
        key = _key(folder, spec)
        if key not in self._data:
            while len(self._data) >= self.room:
                oldest, _ = self._data.popitem(last=False)
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


def _key(folder: str, spec: DatasetSpec | SplitSpec) -> str:
    return json.dumps([folder, spec.resolved()], sort_keys=True)


def perform(work: Work, catalogue: Catalogue, shelf: Shelf) -> TrainResult:
    """Train one trial."""
    context = {"catalogue": catalogue, "folder": work.folder}
    settings = CellSettings.model_validate(work.settings, context=context)
    folds = shelf.folds(settings.dataset, settings.splits, work.folder)
    fold = next(fold for fold in folds if fold.name == work.fold)
    data = shelf.data(settings.dataset, work.folder)
    return fit(Assignment(work.key, work.cell, settings, work.seed, fold), data)
