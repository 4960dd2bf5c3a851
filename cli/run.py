"""`butfor run`: train what is missing, print the tables."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import StudyError
from .app import app
from .options import (
    DONE,
    SOME_FAILED,
    Arithmetic,
    Compile,
    Device,
    File,
    MaxTrials,
    NoStack,
    Only,
    Out,
    Seeds,
    arithmetic_of,
    found,
    means_of,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ..core.engine.prepare import Prepared
    from ..core.errors import Finding
    from ..core.evidence import Evidence
    from ..core.study.plan import TableSettings


@app.command()
def run(
    context: typer.Context,
    file: File = None,
    out: Out = Path("results"),
    only: Only = None,
    seeds: Seeds = None,
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0 is one a core, on a GPU one.", metavar="N")] = 0,
    executor: Annotated[str, typer.Option(help="How trials run: an executor plugin.", metavar="NAME")] = "local",
    time_limit: Annotated[float, typer.Option(min=0, help="Seconds that a trial may take.", metavar="S")] = 0.0,
    memory_limit: Annotated[int, typer.Option(min=0, help="Memory that a worker may take.", metavar="MIB")] = 0,
    isolate: Annotated[bool, typer.Option("--isolate", help="A process of its own for every work.")] = False,
    max_trials: MaxTrials = 10_000,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Train again what is not done.")] = False,
    no_stack: NoStack = False,
    compiling: Compile = False,
    arithmetic: Arithmetic = "stock",
    device: Device = "cpu",
    until_settled: Annotated[
        bool, typer.Option("--until-settled", help="Add seeds where a row is not settled, corrected for the looking.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Train nothing, and exit with 1, on a warning.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only tables.")] = False,
) -> None:
    """Train every cell that is not in the store yet, and print the tables.

    Example: butfor run ablations.yaml --only components --seeds 5
    """
    if executor == "local" and not out.exists():
        context.with_resource(_early(arithmetic))
    from .. import runner
    from ..reports import rebuild
    from ..reports.evidence.collect import refresh
    from ..reports.evidence.said import sentences
    from ..reports.looked import remembered, still_paid_for
    from ..reports.progress import Progress

    study, catalogue = runner.read_study(found(file), num_seeds=seeds, max_trials=max_trials)
    if until_settled:
        most = _most_seeds(study.tables, seeds)
        study, catalogue = runner.read_study(found(file), num_seeds=most, max_trials=max_trials)
    means = means_of(no_stack=no_stack, compiling=compiling, arithmetic=arithmetic, device=device)
    if memory_limit and device != "cpu":
        raise StudyError(
            f"--memory-limit --device {device}: a GPU takes address space at will; leave one of the two out"
        )
    limits = {"time_limit": time_limit, "memory_limit": memory_limit, "isolate": isolate}
    workers = jobs or int(device != "cpu" and executor == "local")
    chosen = runner.executor_named(executor, catalogue, jobs=workers, logs=str(out / "logs"), **limits)
    prepared = runner.prepare(study, catalogue, max_trials, **means)
    if until_settled:
        _check_settling(prepared, only or ())
    asked = runner.asked(prepared, only or ())
    pending = runner.pending(asked, out, retry_failed=retry_failed)
    looking = chosen if executor == "serial" else runner.executor_named("local", catalogue, memory_limit=memory_limit)
    with runner.ready(prepared, chosen, pending):
        proof = runner.kept_proof(prepared, out, executor=looking)
        warnings = (*study.warnings, *prepared.warnings, *_odd(prepared, asked, proof, refuse=bool(pending)))
        warn(warnings)
        if strict and warnings:
            raise typer.Exit(SOME_FAILED)
        for look, part in enumerate(_looks(prepared, out, only or ()) if until_settled else (prepared,)):
            prepared, again = part, retry_failed and not look
            asked = runner.asked(prepared, only or ())
            pending = runner.pending(asked, out, retry_failed=again)
            with Progress(prepared.plan, len(pending), len(asked) - len(pending), quiet=quiet) as progress:
                states = runner.run(
                    prepared, pending, out, executor=chosen, replace_failed=again, finished=progress.finished
                )
    plan = remembered(prepared.plan, out)
    evidence = refresh(plan, out)
    tables = rebuild.tables(plan, out, only or ())
    typer.echo(rebuild.text(tables, "markdown"), nl=False)
    if not quiet:
        wanted = set(asked)
        cells = {trial.cell for trial in plan.trials if trial.key in wanted}
        for sentence in sentences(plan, evidence, cells):
            typer.echo(sentence, err=True)
    paid = "" if until_settled else still_paid_for(prepared.plan, plan)
    if paid:
        typer.echo(paid, err=True)
    typer.echo(f"written to {rebuild.write(tables, plan, out)}", err=True)
    raise typer.Exit(DONE if all(states.get(key) == "done" for key in asked) else SOME_FAILED)


@contextmanager
def _early(arithmetic: str) -> Iterator[None]:
    """Inside, the process that workers are forked from loads what we load, while we do: there is something to train."""
    from ..core.engine.arithmetic import started_with
    from ..plugins.executors.local import LocalSpec

    with ExitStack() as stack:
        with started_with(arithmetic_of(arithmetic)):
            stack.enter_context(LocalSpec().ready("butfor.runner"))
        yield


def _most_seeds(tables: Iterable[TableSettings], seeds: int | None) -> int:
    from ..reports.settle import most_seeds

    if seeds is not None:
        raise StudyError(
            "--until-settled decides on the seeds itself, by `sequential` of the tables: leave --seeds out"
        )
    return most_seeds(tables)


def _check_settling(prepared: Prepared, only: Collection[str]) -> None:
    from ..reports.settle import check

    check(prepared.plan, only)


def _looks(prepared: Prepared, out: Path, only: Collection[str]) -> Iterator[Prepared]:
    """What is to be trained for each look at the results."""
    from ..reports.settle import looks

    for plan in looks(prepared.plan, out, only):
        keys = {trial.key for trial in plan.trials}
        trials = tuple(trial for trial in prepared.trials if trial.key in keys)
        yield replace(prepared, plan=plan, trials=trials)


def _odd(prepared: Prepared, asked: Collection[str], proof: Iterable[Evidence], *, refuse: bool) -> list[Finding]:
    """What is odd about the ablations that are asked for.

    Raises StudyError where one is none, if we are to `refuse` to train it.
    """
    from ..core.study.proof import findings_of

    wanted = set(asked)
    cells = {trial.cell.key for trial in prepared.trials if trial.key in wanted}
    found = findings_of(prepared.study, [one for one in proof if one.cell in cells])
    wrong = [finding for finding in found if finding.severity == "error"]
    if wrong and refuse:
        raise StudyError(wrong)
    return wrong + [finding for finding in found if finding.severity == "warning"]
