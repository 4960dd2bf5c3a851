"""The straight line: YAML -> Study -> Trials -> TrainResults -> DataFrame -> Tables.

`python runner.py` is the command `butfor`.
"""

from __future__ import annotations

if not __package__:
    __package__ = "butfor"

import runpy
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ValidationError

from .core.engine.arithmetic import STOCK, started_with
from .core.engine.bundles import ENGINES
from .core.engine.checkpoints import CHECKPOINTS, ask_to_keep, begin_to_keep, remove_checkpoint
from .core.engine.data_lints import lint_data
from .core.engine.devices import CPU, check_device
from .core.engine.estimate import estimate
from .core.engine.evidence.apart import Apart, is_complete
from .core.engine.evidence.apart import look as look_at
from .core.engine.evidence.before import evidence_before, identity_of
from .core.engine.prepare import Prepared
from .core.engine.prepare import prepare as prepare_study
from .core.engine.rehearse import rehearse
from .core.engine.work import Shelf, Work, groups, perform
from .core.errors import Finding, PluginError, StudyError, nearest
from .core.evidence_records import evidence_identities, keep_evidence, kept_evidence
from .core.interrupts import telling
from .core.leases import Lease
from .core.predictions import PREDICTIONS
from .core.records import Entry
from .core.session import Session
from .core.specs import ExecutorSpec
from .core.store import UNFINISHED, Store, store_of
from .core.study.layers import load_text
from .core.study.lints import lint
from .core.study.study import MAX_TRIALS, Study, declared_plugins
from .core.study.tree import at
from .core.study.trial import plugin_digests
from .registry import assemble, core_digest
from .reports.exported.samples import Truth
from .reports.looked import remembered
from .reports.rebuild import write_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from .core.catalogue import Catalogue
    from .core.engine.estimate import Cost
    from .core.engine.evidence.apart import Errand
    from .core.evidence import Evidence
    from .core.results import TrainResult

_shelf = Shelf()


def read_study(path: Path, *, num_seeds: int | None = None, max_trials: int = MAX_TRIALS) -> tuple[Study, Catalogue]:
    """The study in a file, and the catalogue with the plugins that it names. Raises StudyError, PluginError."""
    try:
        text = load_text(path)
    except OSError as error:
        raise StudyError(Finding(f"cannot be read: {error.strerror or error}", str(path), code="BF106")) from None
    declared = declared_plugins(text, str(path))
    try:
        catalogue = catalogue_with(tuple(str(file) for file, _ in declared))
    except PluginError as error:
        named = next((node for file, node in declared if f"plugin file {file} " in str(error)), None)
        if named is None:
            raise
        raise StudyError(at(named.place, str(error), "plugins", code="BF117")) from error
    study = Study.parse(text, catalogue, str(path), num_seeds=num_seeds, max_trials=max_trials)
    lost = [f"plugin {name} could not be imported: {reason}" for name, reason in catalogue.failures.items()]
    told = (*(Finding(said, code="BF118", severity="warning") for said in lost), *study.warnings)
    return replace(study, warnings=told), catalogue


@cache
def catalogue_with(files: tuple[str, ...]) -> Catalogue:
    """The catalogue, with these single-file plugins."""
    return assemble([Path(file) for file in files])


def prepare(
    study: Study,
    catalogue: Catalogue,
    max_trials: int = MAX_TRIALS,
    *,
    engine: str = ENGINES[0],
    arithmetic: str = STOCK,
    device: str = CPU,
) -> Prepared:
    """The trials of a study, checked against its data. Raises StudyError with every problem, or for the `device`."""
    check_device(device)
    return prepare_study(study, catalogue, system(engine, arithmetic, device), max_trials, _shelf)


def rehearsed(study: Study, catalogue: Catalogue) -> tuple[Finding, ...]:
    """Warnings and notes of a study that `prepare` has accepted, and what one step of every cell on its data shows."""
    return (*lint(study), *lint_data(study, _shelf), *rehearse(study, catalogue, _shelf))


def evidence(study: Study, catalogue: Catalogue) -> tuple[Evidence, ...]:
    """Whether each ablation of a study that `prepare` has accepted can take effect, seen on a few rows."""
    return evidence_before(study, catalogue, _shelf)


def evidence_apart(prepared: Prepared, executor: ExecutorSpec) -> tuple[Evidence, ...]:
    """The same, looked for in a process of the executor: what hangs or dies there is told of as evidence."""

    def ask(errands: Iterable[Errand], limit: float) -> Iterator[tuple[Errand, Any]]:
        limited = {"time_limit": limit, "linger": 0.0}
        known = {name: value for name, value in limited.items() if name in type(executor).model_fields}
        return executor.model_copy(update=known).run(look, errands)

    with _shelf.shared(executor.workers()) as data:
        return Apart(ask, prepared.plugins, data).evidence(prepared.study)


def look(errand: Errand) -> Iterator[tuple[Evidence, ...]]:
    """The evidence that an errand asks for, in whatever process this is."""
    return look_at(errand, catalogue_with(errand.plugins), _shelf)


def kept_proof(
    prepared: Prepared, out: Path, *, create: bool = True, executor: ExecutorSpec | None = None
) -> tuple[Evidence, ...]:
    """The same, from the store where it is there for this very study; else looked for, and kept.

    Looked for in processes of the `executor`, else in this one. Without `create`, a store that is not there is not
    made.
    """
    study, catalogue, where = prepared.study, catalogue_with(prepared.plugins), store_of(out)
    if not create and isinstance(where, Path) and not where.exists():
        return evidence(study, catalogue)
    identity, cells = identity_of(study, prepared.trials), [cell.key for cell in study.cells]
    with Store.open(where, check=False) as store:
        known = evidence_identities(store, study.name, "before")
        if all(known.get(cell) == identity for cell in cells):
            return kept_evidence(store, study.name, "before", cells)
    found = evidence_apart(prepared, executor) if executor else evidence(study, catalogue)
    if not is_complete(found):
        return found
    with Store.open(where, check=False) as store:
        keep_evidence(store, study.name, "before", cells, found, identity=identity)
    return found


def costs(study: Study) -> Mapping[str, Cost]:
    """{key of the cell: what one of its trials costs}, from a few real steps of each structure."""
    return estimate(study, _shelf)


def truths(path: Path) -> dict[str, Truth]:
    """{key of the cell: what the rows of its data really are}, of the study in a file. Raises what reading raises."""
    found = {}
    for cell in read_study(path)[0].cells:
        data = _shelf.data(cell.settings.dataset, cell.folder)
        classes = {name: task.classes for name, task in data.tasks.items() if task.kind == "classes"}
        found[cell.key] = Truth(data.targets, data.labelled, data.groups, classes)
    return found


def stacks(prepared: Prepared, keys: Collection[str]) -> list[dict[str, Any]]:
    """How the trials of `keys` are trained: the cells and the number of trials of each stack, or why there is none."""
    catalogue, found = catalogue_with(prepared.plugins), list[dict[str, Any]]()
    for group in (group for work in prepared.work(keys) for group in groups(work, catalogue, _shelf)):
        cells = list(dict.fromkeys(assignment.cell for assignment in group.assignments))
        if found and group.engine == found[-1]["engine"] == "one" and cells == found[-1]["cells"]:
            found[-1]["trials"] += len(group.assignments)
        else:
            told = {"trials": len(group.assignments), "engine": group.engine, "reason": group.reason}
            found.append({"cells": cells, **told})
    return found


def system(engine: str = ENGINES[0], arithmetic: str = STOCK, device: str = CPU) -> dict[str, str]:
    """What besides settings, data and plugins decides the numbers."""
    return {
        "butfor": version("butfor"),
        "core": core_digest(),
        "torch": torch.__version__,
        "device": device,
        "engine": engine,
        **({"arithmetic": arithmetic} if arithmetic != STOCK else {}),
    }


def asked(prepared: Prepared, only: Collection[str] = ()) -> list[str]:
    """Keys of the trials of the baseline and the designs `only`, or of all. Raises StudyError for an unknown design."""
    designs = {design.name: {row.cell for row in design.rows} for design in prepared.plan.designs}
    for name in only:
        if name not in designs:
            raise StudyError(f"--only {name}: there is no such design; {nearest(name, list(designs))}")
    cells = {prepared.plan.baseline}.union(*(designs[name] for name in only)) if only else None
    return [trial.key for trial in prepared.trials if cells is None or trial.cell.key in cells]


def pending(keys: Collection[str], out: Path, *, retry_failed: bool = False) -> list[str]:
    """Those of `keys` that have not ended yet; with `retry_failed`, also those that are not done."""
    where = store_of(out)
    if isinstance(where, Path) and not where.exists():
        return list(keys)
    with Store.open(where) as store:
        states = store.states(keys)
    ended = {key for key, state in states.items() if (state == "done" if retry_failed else state not in UNFINISHED)}
    return [key for key in keys if key not in ended]


def executor_named(name: str, catalogue: Catalogue, **asked: float | bool | str) -> ExecutorSpec:
    """The executor of that name, with the settings `asked` for that are not zero. Raises StudyError with what is known.

    `logs`, a folder, goes to executors that have the setting.
    """
    entry = catalogue.entries.get(("executor", name))
    if entry is not None and "logs" not in entry.spec.model_fields:
        asked.pop("logs", None)
    settings = {"name": name} | {setting: value for setting, value in asked.items() if value}
    try:
        return catalogue.make(ExecutorSpec, settings)  # type: ignore[type-abstract]  # the catalogue makes a plugin of it
    except ValidationError as error:
        told = [
            f"it has no such setting, leave --{str(problem['loc'][-1]).replace('_', '-')} out"
            if problem["type"] == "extra_forbidden"
            else problem["msg"].removeprefix("Value error, ")
            for problem in error.errors()
        ]
        raise StudyError(f"--executor {name}: {'; '.join(told)}") from None


@contextmanager
def ready(prepared: Prepared, executor: ExecutorSpec, keys: Collection[str]) -> Iterator[None]:
    """Inside, the executor starts what `run` will need of it, while something else goes on. Nothing without `keys`."""
    with ExitStack() as stack:
        if keys:
            with started_with(prepared.arithmetic):
                stack.enter_context(executor.ready(__name__))
        yield


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

    Other runs may share the store: none trains what another has claimed, and each waits for what others train.
    `replace_failed` trains those again that have ended and are not done; nothing replaces one that is.
    """
    write_plan(remembered(prepared.plan, out), out)
    name, every = prepared.study.name, [trial.key for trial in prepared.trials]
    with Store.open(store_of(out)) as store:
        store.enlist(name, entries(prepared, keys))
        store.share(name, every)
        if replace_failed:
            store.reset(keys)
        kept = out / CHECKPOINTS
        workers = executor.workers() if keys else 1

        def ended(result: TrainResult) -> None:
            remove_checkpoint(kept, result.key)
            finished(result)

        begin_to_keep(kept)
        with Lease(store) as lease, telling(partial(ask_to_keep, kept)), _shelf.shared(workers) as data:
            bundle = partial(prepared.work, workers=workers, checkpoints=str(kept.resolve()), data=data)
            session = Session(store, lease, list(keys), bundle, out / PREDICTIONS, ended)
            with started_with(prepared.arithmetic):
                session.complete(lambda works: executor.run(train, works))
        return store.states(every)


def entries(prepared: Prepared, keys: Collection[str]) -> list[Entry]:
    """The trials of `keys` as the store notes them."""
    catalogue, wanted = catalogue_with(prepared.plugins), set(keys)
    machine = system(prepared.engine, prepared.arithmetic, prepared.device)
    told = {cell.key: (dict(cell.resolved), machine | plugin_digests(cell, catalogue)) for cell in prepared.study.cells}
    return [Entry(t.key, t.cell.key, t.seed, t.fold, *told[t.cell.key]) for t in prepared.trials if t.key in wanted]


def train(work: Work) -> Iterator[TrainResult]:
    """The trials of a work, in whatever process this is."""
    return perform(work, catalogue_with(work.plugins), _shelf)


if __name__ == "__main__":
    runpy.run_module("butfor", run_name="__main__")
