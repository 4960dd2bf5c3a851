"""From a study to its trials: load the data, make the folds, and say everything that is wrong before the first step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from ..conditions import split_and_condition, split_under
from ..errors import DataError, Finding, StudyError, nearest
from ..metrics import metric_names
from ..selection import Selection
from ..splits import held_out, leaks
from ..study.fit import check_against_data, place_of
from ..study.locate import locate
from ..study.problems import Problems
from ..study.published import Known, check_published
from ..study.read_tables import numbers_of
from ..study.tree import at
from ..study.trial import expand, plugin_digests
from .arithmetic import STOCK
from .blame import Parts, check_shapes
from .bundles import bundle
from .conditions import ids_digest
from .devices import CPU
from .model import System
from .plain import parted
from .structure import structure
from .tested import parts_digests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..catalogue import Catalogue
    from ..dataset import Dataset
    from ..splits import Fold
    from ..study.cell import Cell
    from ..study.plan import Plan, PlannedMetric
    from ..study.study import Study
    from ..study.trial import Trial
    from .work import Shelf, Work


@dataclass(frozen=True)
class Prepared:
    """A study that can be trained."""

    study: Study
    trials: tuple[Trial, ...]
    plan: Plan
    plugins: tuple[str, ...]
    """Single-file plugins that workers must load."""
    warnings: tuple[str, ...] = ()
    """What is allowed and odd about the data: groups that stand in two parts of a fold."""

    engine: str = "one"
    """One of `ENGINES`."""
    arithmetic: str = STOCK
    """One of `ARITHMETICS`."""
    device: str = CPU
    """One of `DEVICES`."""
    batch_sizes: Mapping[str, int] = field(default_factory=dict)
    """{key of the trial: rows of its training batches}."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """{key of the cell: what `plain.parted` says}; empty where nothing is stacked."""

    def work(self, keys: Collection[str], workers: int = 1, checkpoints: str = "", data: str = "") -> list[Work]:
        """The trials of `keys`, in works that keep `workers` busy, ready to be sent to them.

        Long trials are kept in the folder `checkpoints` while they train, and go on from there. Workers find data sets
        that are loaded already in the folder `data`.
        """
        wanted = set(keys)
        chosen = [trial for trial in self.trials if trial.key in wanted]
        works = bundle(chosen, self.engine, self.batch_sizes, workers=workers, kept=self.kept)
        told = partial(replace, plugins=self.plugins, arithmetic=self.arithmetic, device=self.device)
        return [told(work, checkpoints=checkpoints, data=data) for work in works]


def prepare(study: Study, catalogue: Catalogue, machine: Mapping[str, str], max_trials: int, shelf: Shelf) -> Prepared:
    """Load what the study names and check every cell against it.

    `machine` tells what besides settings, data and plugins decides the numbers: versions, the device, the `engine`.
    Raises StudyError with every problem: data that cannot be read or split, parts that do not fit them, a selection
    that asks for a metric that nothing trains.
    """
    preparation = _Preparation(study, shelf, catalogue)
    for cell in study.cells:
        preparation.look_at(cell)
    preparation.problems.stop_if_any()
    preparation.check_tables()
    preparation.problems.stop_if_any()
    num = len(study.seeds) * sum(len(preparation.folds[cell.data_key]) for cell in study.cells)
    if num > max_trials:
        raise StudyError(
            Finding(f"{num:,} trials, more than the {max_trials:,} that are allowed", study.source, code="BF312")
        )
    digests = {key: data.digest() for key, data in preparation.data.items()}
    rows = {key: {fold.name: _rows_digest(fold) for fold in folds} for key, folds in preparation.folds.items()}

    def identity(cell: Cell) -> dict[str, str]:
        ids = ids_digest(preparation.data[cell.data_key]) if study.conditions_of(cell) else {}
        return {"data": digests[cell.data_key], **ids, **machine, **plugin_digests(cell, catalogue)}

    trials = expand(study, rows, identity)
    plan = study.plan(trials, preparation.ordered_metrics())
    shared = {"held_out": held_out(preparation.folds[study.baseline.data_key]), "leaks": preparation.leaks()}
    tested = {key: parts_digests(preparation.data[key], folds) for key, folds in preparation.folds.items()}
    planned = {cell.key: tested[cell.data_key] for cell in study.cells}
    cells = tuple(cell.model_copy(update={"tested_on": planned[cell.key]}) for cell in plan.cells)
    plan = plan.model_copy(update=shared | {"cells": cells})
    tests = tuple(preparation.folds[study.baseline.data_key][0].tests)
    engine = machine.get("engine", "one")
    return Prepared(
        study,
        trials,
        with_test_splits(plan, tests),
        catalogue.files,
        preparation.warnings(),
        engine,
        machine.get("arithmetic", STOCK),
        machine.get("device", CPU),
        {trial.key: preparation.batch_size(trial) for trial in trials},
        {} if engine == "one" else parted(study.cells, preparation.data),
    )


def with_test_splits(plan: Plan, tests: tuple[str, ...]) -> Plan:
    """A table of `test` becomes one for each test split, where the data have several or call theirs otherwise."""
    if "test" in tests:
        return plan
    tables = []
    for table in plan.tables:
        split, condition = split_and_condition(table.split)
        splits = tests if split == "test" else (split,)
        tables += [table.model_copy(update={"split": split_under(name, condition)}) for name in splits]
    return plan.model_copy(update={"tables": tuple(tables)})


@dataclass
class _Preparation:
    """What has been loaded and found so far."""

    study: Study
    shelf: Shelf
    catalogue: Catalogue
    data: dict[str, Dataset] = field(default_factory=dict)
    folds: dict[str, tuple[Fold, ...]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    problems: Problems = field(default_factory=Problems)
    metrics: dict[str, PlannedMetric] = field(default_factory=dict)
    selected: dict[str, None] = field(default_factory=dict)
    _tasks: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    def look_at(self, cell: Cell) -> None:
        """Load the cell's data, unless they are loaded, and check the cell against them."""
        if cell.data_key in self.broken:
            return
        if cell.data_key not in self.folds:
            try:
                self.data[cell.data_key] = self.shelf.data(cell.settings.dataset, cell.folder)
                dataset, splits = cell.settings.dataset, cell.settings.splits
                self.folds[cell.data_key] = self.shelf.folds(dataset, splits, cell.folder)
            except DataError as error:
                self._data_error(cell, error)
                return
            except Exception as error:  # noqa: BLE001 - whatever a plugin's `load` raises is told of, not thrown
                told = f"dataset '{cell.settings.dataset.name}' failed to load: {type(error).__name__}: {error}"
                self._data_error(cell, DataError(told))
                return
        tasks = self.data[cell.data_key].tasks
        found = [*_unfit_names(cell, tuple(tasks)), *check_against_data(cell, self.data[cell.data_key])]
        self.problems.take(found)
        if not found:
            self._check_build(cell)

    def batch_size(self, trial: Trial) -> int:
        """Rows of a training batch of the trial."""
        folds = self.folds[trial.cell.data_key]
        rows = next(fold.train for fold in folds if fold.name == trial.fold)
        return min(trial.cell.settings.train.batch_size, len(rows))

    def _data_error(self, cell: Cell, error: DataError) -> None:
        part = "splits" if cell.data_key in self.data else "dataset"
        path = f"{part}.{error.setting}" if error.setting else part
        place = place_of(cell.node, path)
        self.problems.add(place, str(error), path, code="BF409" if part == "splits" else "BF408")
        self.broken.add(cell.data_key)

    def _check_build(self, cell: Cell) -> None:
        """Build each structure once: what only building shows is shown before anything trains."""
        built = structure(cell.settings)
        if built not in self._tasks:
            self._tasks[built] = self._built_tasks(cell)
        names = self._tasks[built]
        if names is None:
            return
        known = metric_names(self.data[cell.data_key].tasks, names)
        try:
            selection = Selection.parse(cell.settings.train.select, known)
        except StudyError as error:
            for finding in error.findings:
                self.problems.add(
                    place_of(cell.node, "train.select"),
                    finding.message,
                    "train.select",
                    finding.remedy,
                    code=finding.code,
                )
            return
        self.selected |= dict.fromkeys(selection.metrics)
        for metric in known:
            self.metrics.setdefault(metric.name, metric)

    def _built_tasks(self, cell: Cell) -> tuple[str, ...] | None:
        """The tasks that a cell's terms train, or None where it cannot be built."""
        try:
            system = System(cell.settings, self.data[cell.data_key], "check")
            check_shapes(system, Parts(cell.settings, self.catalogue))
            return tuple(system.head)
        except StudyError as error:
            blame = Parts(cell.settings, self.catalogue).blamed(error, None)
            for finding in error.findings:
                path, code = finding.path or blame.path, finding.code or "BF411"
                self.problems.add(place_of(cell.node, path), finding.message, path, finding.remedy, code=code)
        except Exception as error:  # noqa: BLE001 - whatever a plugin's `build` raises is told of, not thrown
            blame = Parts(cell.settings, self.catalogue).blamed(error, None)
            first = str(error).strip().partition("\n")[0]
            where = f" ({blame.where})" if blame.where else ""
            told = f"{blame.told} cannot be built: {type(error).__name__}: {first}{where}"
            self.problems.add(place_of(cell.node, blame.path), told, blame.path, code="BF411")
        return None

    def check_tables(self) -> None:
        """Metrics that nothing trains and splits that the data do not have."""
        fold = self.folds[self.study.baseline.data_key][0]
        splits = ["test", "valid", *(name for name in fold.tests if name != "test")]
        conditions = [condition.name for condition in self.study.conditions]
        splits += [
            split_under(name, condition) for condition in conditions for name in dict.fromkeys(("test", *fold.tests))
        ]
        known = Known({one.name: one for one in self.ordered_metrics()}, self.study.designs, tuple(fold.tests))
        for number, table in zip(numbers_of(self.study.tables, self.study.node), self.study.tables, strict=True):
            for name in table.metrics:
                if name not in self.metrics:
                    near = nearest(name, list(self.metrics))
                    place = locate(self.study.node, ["tables", number, "metrics"])[0].place
                    self.problems.add(place, f"unknown metric '{name}'", f"tables.{number}.metrics", near, code="BF314")
            check_published(table, number, self.study.node, known, self.problems)
            if table.split not in splits:
                place = locate(self.study.node, ["tables", number, "split"])[0].place
                message = f"unknown split '{table.split}'"
                self.problems.add(place, message, f"tables.{number}.split", nearest(table.split, splits), code="BF315")

    def warnings(self) -> tuple[str, ...]:
        """Each leak once, whichever cells share the folds."""
        return tuple(dict.fromkeys(warning for some in self.leaks().values() for warning in some))

    def leaks(self) -> dict[str, tuple[str, ...]]:
        """{cell: groups that stand in two parts of a fold of its}."""
        by_data = {
            key: tuple(warning for fold in folds for warning in leaks(self.data[key], fold))
            for key, folds in self.folds.items()
        }
        return {cell.key: by_data[cell.data_key] for cell in self.study.cells if by_data.get(cell.data_key)}

    def ordered_metrics(self) -> tuple[PlannedMetric, ...]:
        """Those of the selection first."""
        order = [name for name in self.selected if name in self.metrics]
        order += [name for name in self.metrics if name not in self.selected]
        return tuple(self.metrics[name] for name in order)


def _unfit_names(cell: Cell, tasks: tuple[str, ...]) -> Iterator[Finding]:
    """Modalities, terms and tasks become names of modules, and torch keeps some words for itself."""
    named = {"modality": cell.settings.modalities, "loss term": tuple(cell.settings.losses), "task": tasks}
    for what, names in named.items():
        for name in names:
            kept = hasattr(nn.ModuleDict, name) or name == "training" or (what == "task" and name == "rows")
            if not name or "." in name or kept:
                path = f"losses.{name}" if what == "loss term" else "dataset"
                place = place_of(cell.node, path)
                yield at(
                    place,
                    f"'{name}' cannot be the name of a {what}: it is kept for other things, or has a dot",
                    path,
                    code="BF410",
                )


def _rows_digest(fold: Fold) -> str:
    total = hashlib.sha256()
    for name, rows in (("train", fold.train), ("valid", fold.valid), *fold.tests.items()):
        total.update(f"{name}/{len(rows)}".encode())
        total.update(rows.tobytes())
    return total.hexdigest()[:16]
