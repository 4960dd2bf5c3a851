"""Trials as they travel to a worker: plain settings that any process can read again, and the training of them."""

from __future__ import annotations

import json
from collections import OrderedDict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from safetensors import SafetensorError

from ..failures import is_out_of_memory
from ..splits import make_folds
from ..study.cell import content_key
from ..study.settings import CellSettings
from .arithmetic import STOCK
from .assignment import Assignment
from .checkpoints import Checkpoints
from .common import common_file, read_common, write_common
from .devices import CPU, computing_on
from .feed import Feeds
from .loop import fit
from .merging import union
from .products import check
from .slots import Slots
from .structure import not_stackable, structure
from .verdicts import why_not_stacked, why_not_together

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ..catalogue import Catalogue
    from ..conditions import Condition
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
    conditions: tuple[Condition, ...] = ()
    """What it is tested under besides the clean test."""
    witness: bool = False
    """Whether it is the trial of its cell whose gradients are measured; whichever it trains with."""
    kept: str = ""
    """What `plain.parted` says of its cell: trials share a program only where it is the same."""


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
    """`stack`, `compiled`, or `one` at a time."""
    code: str = ""
    """Of a stack: a hash of its data and of all code that takes part, under which verdicts of probes are kept."""
    checkpoints: str = ""
    """Folder where long trials are kept from epoch to epoch; empty for none."""
    data: str = ""
    """Folder of data sets that the workers of a run share; empty where each loads its own."""
    arithmetic: str = STOCK
    """What matrix products are computed with."""
    device: str = CPU
    """Where they are trained."""

    def one_at_a_time(self, keys: Collection[str]) -> list[Work]:
        """The trials of `keys`, each as a work of its own."""
        return [replace(self, trials=(trial,)) for trial in self.trials if trial.key in keys]


@dataclass
class Shelf:
    """Loaded data sets and their folds, kept while the same few are asked for again. The oldest goes first."""

    room: int = 4
    common: Path | None = None
    """Folder where other processes find what is loaded here."""
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
            file = None if self.common is None else common_file(self.common, key)
            self._data[key] = read_common(file) if file is not None and file.exists() else spec.load()
        self._data.move_to_end(key)
        return self._data[key]

    @contextmanager
    def shared(self, workers: int) -> Iterator[str]:
        """A folder with every data set that is loaded, for shelves whose `common` it is; empty for a single worker.

        Where it cannot be written, each worker loads its own.
        """
        if workers <= 1:
            yield ""
            return
        with TemporaryDirectory(prefix="butfor-data-") as folder:
            for key, data in self._data.items():
                with suppress(OSError, SafetensorError):
                    write_common(data, common_file(Path(folder), key))
            yield folder

    def folds(self, spec: DatasetSpec, splits: SplitSpec, folder: str) -> tuple[Fold, ...]:
        """Its folds, made once."""
        data = self.data(spec, folder)
        key = _key(folder, spec) + _key("", splits)
        if key not in self._folds:
            self._folds[key] = make_folds(splits, data)
        return self._folds[key]

    def feeds(self, spec: DatasetSpec, folder: str, device: str = CPU) -> Feeds:
        """Its tensors on a device, with what was standardised for folds lately used."""
        data, key = self.data(spec, folder), _key(folder, spec)
        if key not in self._feeds or self._feeds[key].device != device:
            self._feeds[key] = Feeds(data, device=device)
        return self._feeds[key]


def _key(folder: str, spec: DatasetSpec | SplitSpec) -> str:
    return json.dumps([folder, spec.resolved()], sort_keys=True)


def perform(work: Work, catalogue: Catalogue, shelf: Shelf) -> Iterator[TrainResult]:
    """Train the trials of `work`; each result comes as soon as its trial has ended.

    Raises what a trial raised: a stack goes on without the trial and raises at its end. Raises TrainingError where this
    process has another arithmetic than the work, or not its device.
    """
    check(work.arithmetic)
    results = _performed(work, catalogue, shelf)
    while True:
        with computing_on(work.device):  # for each result anew: between two of them a worker is put back
            result = next(results, None)
        if result is None:
            return
        yield result


def _performed(work: Work, catalogue: Catalogue, shelf: Shelf) -> Iterator[TrainResult]:
    shelf.common = Path(work.data) if work.data else None
    assignments = [_assigned(trial, work, catalogue, shelf) for trial in work.trials]
    feeds = shelf.feeds(assignments[0].settings.dataset, work.folder, work.device)
    checkpoints = Checkpoints(work.checkpoints)
    error: Exception | None = None
    for group in _groups(work, assignments, feeds.data):
        try:
            yield from _trained(group, feeds, checkpoints)
        except Exception as raised:  # noqa: BLE001 - the trials of the other groups are trained all the same
            error = error or raised
    if error is not None:
        raise error


def _trained(group: Group, feeds: Feeds, checkpoints: Checkpoints) -> Iterator[TrainResult]:
    if group.engine != "one":
        slots = Slots(
            group.assignments, feeds, checkpoints=checkpoints, whole=group.whole, compiling=group.engine == "compiled"
        )
        try:
            yield from slots.run()
        except Exception as error:
            if feeds.device == CPU or len(group.assignments) > 1 or not is_out_of_memory(error):
                raise
            group = group._replace(reason="its stack does not fit on the GPU")
        else:
            return
    for assignment in group.assignments:
        yield fit(assignment, feeds.data, feeds, because=group.reason, checkpoints=checkpoints)


class Group(NamedTuple):
    """Trials of a work that are trained in one way."""

    assignments: Sequence[Assignment]
    engine: str
    """`stack`, `compiled`, or `one` at a time."""
    reason: str = ""
    """Why one at a time, where a stack was asked for."""
    whole: CellSettings | None = None
    """The cell whose program the trials share, where they are of several structures."""


def groups(work: Work, catalogue: Catalogue, shelf: Shelf) -> list[Group]:
    """How the trials of `work` are trained: as one stack, as a stack for each structure, or one at a time."""
    assignments = [_assigned(trial, work, catalogue, shelf) for trial in work.trials]
    with computing_on(work.device):
        return _groups(work, assignments, shelf.data(assignments[0].settings.dataset, work.folder))


def _groups(work: Work, assignments: Sequence[Assignment], data: Dataset) -> list[Group]:
    if work.engine == "one":
        return [Group(assignments, "one", not_stackable(assignments[0].settings))]
    kept = {trial.key: trial.kept for trial in work.trials}
    found, alone = list[Group](), list[Group]()
    for told, alike in _by(lambda assignment: kept[assignment.key], assignments).items():
        together = list[Assignment]()
        for program, members in _by(_structure, alike).items():
            key = content_key({"code": work.code, "structure": program, **({"kept": told} if told else {})})
            reason = why_not_stacked(key, members[0], data, work.device)
            if reason:
                alone.append(Group(members, "one", reason))
            else:
                together += members
        found += _joined(work, told, together, data)
    return found + alone


def _joined(work: Work, kept: str, assignments: Sequence[Assignment], data: Dataset) -> list[Group]:
    """All as one stack; or those with the same modalities as one; or a stack for each structure."""
    found = _by(_structure, assignments)
    if len(found) <= 1:
        return [Group(members, work.engine) for members in found.values()]
    whole = union(members[0].settings for members in found.values())
    if whole is not None:
        key = content_key({"code": work.code, "structures": sorted(found), **({"kept": kept} if kept else {})})
        if not why_not_together(key, [members[0] for members in found.values()], whole, data, work.device):
            return [Group(assignments, work.engine, whole=whole)]
    parts = _by(lambda assignment: "+".join(assignment.settings.modalities), assignments)
    parts = found if len(parts) == 1 else parts
    return [group for members in parts.values() for group in _joined(work, kept, members, data)]


def _structure(assignment: Assignment) -> str:
    return structure(assignment.settings)


def _by(name: Callable[[Assignment], str], assignments: Sequence[Assignment]) -> dict[str, list[Assignment]]:
    found: dict[str, list[Assignment]] = {}
    for assignment in assignments:
        found.setdefault(name(assignment), []).append(assignment)
    return found


def _assigned(trial: WorkTrial, work: Work, catalogue: Catalogue, shelf: Shelf) -> Assignment:
    context = {"catalogue": catalogue, "folder": work.folder}
    settings = CellSettings.model_validate(trial.settings, context=context)
    folds = shelf.folds(settings.dataset, settings.splits, work.folder)
    fold = next(fold for fold in folds if fold.name == trial.fold)
    return Assignment(trial.key, trial.cell, settings, trial.seed, fold, trial.conditions, trial.witness)
