"""`butfor rerun`: train a stored trial again and hold it against what is stored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..reports.text import lines
from .app import app
from .options import DONE, SOME_FAILED, File, MaxTrials, Out, arithmetic_of, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..core.engine.prepare import Prepared
    from ..core.engine.work import Work
    from ..core.results import TrainResult
    from ..core.specs import ExecutorSpec
    from ..core.study.plan import Plan


@app.command()
def rerun(
    key: Annotated[str, typer.Argument(help="Key of a trial, or how it begins.", metavar="KEY")],
    file: File = None,
    out: Out = Path("results"),
    executor: Annotated[str, typer.Option(help="How it runs: an executor plugin.", metavar="NAME")] = "local",
    max_trials: MaxTrials = 10_000,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Train one stored trial again and compare it with the stored result, bit by bit. Changes nothing in the store.

    Exits with 0 where all is equal, with 1 where something differs: then it says what, and what differs in the
    environment.

    Example: butfor rerun 3f9c ablations.yaml
    """
    from .. import runner
    from ..core.engine.arithmetic import started_with
    from ..core.predictions import PREDICTIONS, read_predictions
    from ..core.store import Store, store_of
    from ..reports import again, rebuild

    path = found(file)
    plan = rebuild.read_plan(path, out)
    with Store.open(store_of(out), create=False) as store:
        key = _the_one(key, plan, store.states(trial.key for trial in plan.trials))
        (stored,) = store.load([key])
        row = store.row(key)
    if row["predictions"]:
        stored = replace(stored, predictions=read_predictions(out / PREDICTIONS, key, row["predictions"]))
    identity: dict[str, Any] = json.loads(row["identity"])
    study, catalogue = runner.read_study(path, max_trials=max_trials)
    engine, arithmetic = identity.get("engine", "one"), arithmetic_of(identity.get("arithmetic", "stock"))
    means = {"engine": engine, "arithmetic": arithmetic, "device": identity.get("device", "cpu")}
    prepared = runner.prepare(study, catalogue, max_trials, **means)
    work = _work(prepared, stored, plan)
    with started_with(arithmetic):
        trained = _trained(runner.executor_named(executor, catalogue), runner.train, work)
    now = runner.entries(prepared, [work.trials[0].key])[0].identity
    label = next(cell.label for cell in plan.cells if cell.key == stored.cell)
    told = again.Comparison(
        key,
        f"{label}, seed {stored.seed}, fold {stored.fold}",
        again.compare(stored, trained),
        again.environment(identity, now, stored.provenance, trained.provenance),
    )
    typer.echo(json.dumps(told.as_json(), indent=2) if json_ else lines(told.as_text()))
    raise typer.Exit(SOME_FAILED if told.differences else DONE)


def _the_one(asked: str, plan: Plan, states: dict[str, str]) -> str:
    """The key of the one trial that begins so and has ended. Raises StudyError with what would be right."""
    from ..core.errors import StudyError, nearest
    from ..core.store import UNFINISHED

    keys = [trial.key for trial in plan.trials if trial.key in states]
    matching = [key for key in keys if key.startswith(asked)] if asked else keys
    if not matching:
        raise StudyError(f"study '{plan.study}' has no stored trial '{asked}'; {nearest(asked, keys, most=5)}")
    if len(matching) > 1:
        raise StudyError(f"'{asked}' begins {len(matching)} keys; give more of one: {_some(matching)}")
    if states[matching[0]] in UNFINISHED:
        raise StudyError(f"trial '{matching[0]}' has no result yet: it is {states[matching[0]]}")
    return matching[0]


def _some(keys: Iterable[str], most: int = 5) -> str:
    first = list(keys)
    return ", ".join(first[:most]) + (", ..." if len(first) > most else "")


def _work(prepared: Prepared, stored: TrainResult, plan: Plan) -> Work:
    """The same cell, seed and fold as they stand today, whatever their key is now."""
    from ..core.errors import StudyError

    for trial in prepared.trials:
        if (trial.cell.key, trial.seed, trial.fold) == (stored.cell, stored.seed, stored.fold):
            return prepared.work([trial.key])[0]
    label = next((cell.label for cell in plan.cells if cell.key == stored.cell), stored.cell)
    raise StudyError(
        f"the study has no cell '{label}' with seed {stored.seed} and fold {stored.fold} any more; "
        "give the file as it was when the trial was trained"
    )


def _trained(executor: ExecutorSpec, train: Callable[[Work], Iterable[TrainResult]], work: Work) -> TrainResult:
    """The result of the one trial, a failure included."""
    from ..core.errors import TrainingError
    from ..core.results import TrainResult
    from ..core.session import failure

    outcomes = [outcome for _, outcome in executor.run(train, [work])]
    if not outcomes:
        raise TrainingError(f"executor '{executor.name}' gave no result")
    return outcomes[0] if isinstance(outcomes[0], TrainResult) else failure(work.trials[0], outcomes[0])
