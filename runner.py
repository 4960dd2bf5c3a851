"""The straight line: YAML -> Study -> Trials -> TrainResults -> DataFrame -> Tables.

`python runner.py` is the command `butfor`.
"""

from __future__ import annotations

if not __package__:
    __package__ = "butfor"

import runpy
import traceback
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ValidationError

from .core.engine.prepare import Prepared
from .core.engine.prepare import prepare as prepare_study
from .core.engine.work import Shelf, Work, WorkTrial, perform
from .core.errors import StudyError, nearest
from .core.predictions import write_predictions
from .core.results import TrainResult
from .core.specs import ExecutorSpec
from .core.store import Store
from .core.study.study import MAX_TRIALS, Study, declared_plugins
from .registry import assemble, core_digest
from .reports.rebuild import PREDICTIONS, STORE, write_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from .core.catalogue import Catalogue

_shelf = Shelf()


def read_study(path: Path, *, num_seeds: int | None = None, max_trials: int = MAX_TRIALS) -> tuple[Study, Catalogue]:
    """The study in a file, and the catalogue with the plugins that it names. Raises StudyError, PluginError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: cannot be read: {error}") from None
    catalogue = catalogue_with(tuple(str(file) for file, _ in declared_plugins(text, str(path))))
    study = Study.parse(text, catalogue, str(path), num_seeds=num_seeds, max_trials=max_trials)
    return study, catalogue


@cache
def catalogue_with(files: tuple[str, ...]) -> Catalogue:
    """The catalogue, with these single-file plugins."""
    return assemble([Path(file) for file in files])


def prepare(study: Study, catalogue: Catalogue, max_trials: int = MAX_TRIALS) -> Prepared:
    """The trials of a study, checked against its data. Raises StudyError with every problem."""
    system = {"butfor": version("butfor"), "core": core_digest(), "torch": torch.__version__, "device": "cpu"}
    return prepare_study(study, catalogue, system, max_trials, _shelf)


def asked(prepared: Prepared, only: Collection[str] = ()) -> list[str]:
    """Keys of the trials of the baseline and the designs `only`, or of all. Raises StudyError for an unknown design."""
    designs = {design.name: {row.cell for row in design.rows} for design in prepared.plan.designs}
    for name in only:
        if name not in designs:
            raise StudyError(f"--only {name}: there is no such design; {nearest(name, list(designs))}")
    cells = {prepared.plan.baseline}.union(*(designs[name] for name in only)) if only else None
    return [trial.key for trial in prepared.trials if cells is None or trial.cell.key in cells]


def pending(keys: Collection[str], out: Path, *, retry_failed: bool = False) -> list[str]:
    """Those of `keys` that the store does not have yet; with `retry_failed`, also those that are not done."""
    if not (out / STORE).exists():
        return list(keys)
    with Store.open(out / STORE) as store:
        states = store.states(keys)
    return [key for key in keys if key not in states or (retry_failed and states[key] != "done")]


def executor_named(name: str, jobs: int, catalogue: Catalogue) -> ExecutorSpec:
    """The executor of that name, with that many workers if `jobs` is not 0. Raises StudyError with what is known."""
    settings = {"name": name} | ({"jobs": jobs} if jobs else {})
    try:
        return catalogue.make(ExecutorSpec, settings)  # type: ignore[type-abstract]  # the catalogue makes a plugin of it
    except ValidationError as error:
        unread = "it has no number of workers, leave --jobs out"
        told = [
            unread if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
            for problem in error.errors()
        ]
        raise StudyError(f"--executor {name}: {'; '.join(told)}") from None


def run(
    prepared: Prepared,
    keys: Collection[str],
    out: Path,
    *,
    executor: ExecutorSpec,
    replace_failed: bool = False,
    finished: Callable[[TrainResult], None] = lambda _: None,
) -> Mapping[str, str]:
    """Train the trials of `keys`, store each as it ends, and return the state of every trial of the study.

    `replace_failed` lets a new result take the place of one that was not done; nothing replaces one that was.
    """
    write_plan(prepared.plan, out)
    work = prepared.work(list(keys))
    settings = {cell.key: dict(cell.resolved) for cell in prepared.study.cells}
    every = [trial.key for trial in prepared.trials]
    with Store.open(out / STORE) as store:
        store.share(prepared.study.name, store.states(every))
        with _closed(executor.run(train, work)) as outcomes:
            for result in results(outcomes):
                if result.predictions:
                    write_predictions(out / PREDICTIONS, result.key, result.predictions)
                store.save(result, prepared.study.name, settings[result.cell], replace_failed=replace_failed)
                finished(result)
        return store.states(every)


@contextmanager
def _closed(outcomes: Iterator[tuple[Any, Any]]) -> Iterator[Iterator[tuple[Any, Any]]]:
    """Close the executor's iterator at once when the run is left early, so that its workers end."""
    try:
        yield outcomes
    finally:
        getattr(outcomes, "close", lambda: None)()


def train(work: Work) -> Iterator[TrainResult]:
    """The trials of a work, in whatever process this is."""
    return perform(work, catalogue_with(work.plugins), _shelf)


def results(outcomes: Iterable[tuple[Work, TrainResult | BaseException]]) -> Iterator[TrainResult]:
    """A result for every trial: where a work raised, its trials that had no result yet have failed."""
    ended: set[str] = set()
    for work, outcome in outcomes:
        if isinstance(outcome, TrainResult):
            ended.add(outcome.key)
            yield outcome
        else:
            yield from (failure(trial, outcome) for trial in work.trials if trial.key not in ended)


def failure(trial: WorkTrial, error: BaseException) -> TrainResult:
    """A trial that raised: a result like any other, with the reason."""
    told = "".join(traceback.format_exception(error))
    message = f"{type(error).__name__}: {error}"
    provenance: dict[str, Any] = {"traceback": told}
    return TrainResult(trial.key, trial.cell, trial.seed, trial.fold, "failed", message, provenance=provenance)


if __name__ == "__main__":
    runpy.run_module("butfor", run_name="__main__")
