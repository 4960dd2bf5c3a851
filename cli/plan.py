"""`butfor plan`: what `run` would train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import File, MaxTrials, Only, Out, Seeds, found, warn


@app.command()
def plan(
    file: File = None,
    out: Out = Path("results"),
    only: Only = None,
    seeds: Seeds = None,
    max_trials: MaxTrials = 10_000,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what `run` would train, and train nothing.

    Example: butfor plan ablations.yaml --json
    """
    from .. import runner
    from ..reports import listing

    study, catalogue = runner.read_study(found(file), num_seeds=seeds, max_trials=max_trials)
    prepared = runner.prepare(study, catalogue, max_trials)
    warn((*study.warnings, *prepared.warnings))
    if json_:
        typer.echo(
            json.dumps(
                listing.plan_json(prepared.plan, only or (), len(runner.asked(prepared, only or ()))),
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    keys = runner.asked(prepared, only or ())
    typer.echo(listing.plan_text(prepared.plan, only or (), len(keys), len(runner.pending(keys, out))))
