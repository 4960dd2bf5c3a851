"""`butfor run`: train what is missing, print the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import DONE, SOME_FAILED, File, MaxTrials, Only, Out, Seeds, found, warn


@app.command()
def run(
    file: File = None,
    out: Out = Path("results"),
    only: Only = None,
    seeds: Seeds = None,
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0 is one for each core.", metavar="N")] = 0,
    executor: Annotated[str, typer.Option(help="How trials run: an executor plugin.", metavar="NAME")] = "local",
    time_limit: Annotated[float, typer.Option(min=0, help="Seconds that a trial may take.", metavar="S")] = 0.0,
    memory_limit: Annotated[int, typer.Option(min=0, help="Memory that a worker may take.", metavar="MIB")] = 0,
    isolate: Annotated[bool, typer.Option("--isolate", help="A process of its own for every work.")] = False,
    max_trials: MaxTrials = 10_000,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Train again what is not done.")] = False,
    no_stack: Annotated[
        bool, typer.Option("--no-stack", help="Train one trial at a time; other trials to the store.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only tables.")] = False,
) -> None:
    """Train every cell that is not in the store yet, and print the tables.

    Example: butfor run ablations.yaml --only components --seeds 5
    """
    from .. import runner
    from ..reports import rebuild
    from ..reports.progress import Progress

    study, catalogue = runner.read_study(found(file), num_seeds=seeds, max_trials=max_trials)
    limits = {"time_limit": time_limit, "memory_limit": memory_limit, "isolate": isolate}
    chosen = runner.executor_named(executor, catalogue, jobs=jobs, logs=str(out / "logs"), **limits)
    prepared = runner.prepare(study, catalogue, max_trials, engine="one" if no_stack else "stack")
    warn((*study.warnings, *prepared.warnings))
    asked = runner.asked(prepared, only or ())
    pending = runner.pending(asked, out, retry_failed=retry_failed)
    with Progress(prepared.plan, len(pending), len(asked) - len(pending), quiet=quiet) as progress:
        states = runner.run(
            prepared, pending, out, executor=chosen, replace_failed=retry_failed, finished=progress.finished
        )
    tables = rebuild.tables(prepared.plan, out, only or ())
    typer.echo(rebuild.text(tables, "markdown"), nl=False)
    typer.echo(f"written to {rebuild.write(tables, prepared.plan, out)}", err=True)
    raise typer.Exit(DONE if all(states.get(key) == "done" for key in asked) else SOME_FAILED)
