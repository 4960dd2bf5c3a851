"""`butfor plan`: what `run` would train."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import app
from .options import Arithmetic, Compile, Device, File, MaxTrials, NoStack, Only, Out, Seeds, found, means_of, warn

if TYPE_CHECKING:
    from ..core.engine.prepare import Prepared
    from ..reports.costs import Costs


@app.command()
def plan(
    file: File = None,
    out: Out = Path("results"),
    only: Only = None,
    seeds: Seeds = None,
    max_trials: MaxTrials = 10_000,
    no_stack: NoStack = False,
    compiling: Compile = False,
    arithmetic: Arithmetic = "stock",
    device: Device = "cpu",
    tree: Annotated[bool, typer.Option("--tree", help="Designs, rows and what sets each apart, as a tree.")] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Parameters, FLOPs, time and disk, from a few real steps of each cell.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what `run` would train, and train nothing.

    Example: butfor plan ablations.yaml --estimate
    """
    from .. import runner
    from ..reports import listing
    from ..reports.text import json_text

    study, catalogue = runner.read_study(found(file), num_seeds=seeds, max_trials=max_trials)
    means = means_of(no_stack=no_stack, compiling=compiling, arithmetic=arithmetic, device=device)
    prepared = runner.prepare(study, catalogue, max_trials, **means)
    warn((*study.warnings, *prepared.warnings))
    keys = runner.asked(prepared, only or ())
    pending = runner.pending(keys, out)
    costs = _costs(prepared, keys, pending) if estimate else None
    stacks = runner.stacks(prepared, keys)
    if json_:
        told = listing.plan_json(prepared.plan, only or (), len(keys), len(pending), costs=costs, stacks=stacks)
        typer.echo(json_text(told))
        return
    typer.echo(listing.plan_text(prepared.plan, only or (), len(keys), len(pending), tree=tree))
    typer.echo(f"\n{listing.stacks_text(prepared.plan, stacks)}")
    if costs is not None:
        typer.echo(f"\n{costs.text()}")


def _costs(prepared: Prepared, keys: list[str], pending: list[str]) -> Costs:
    """What the trials of `keys` cost of which those in `pending` are still to be trained."""
    import os

    from .. import runner
    from ..reports.costs import Costs

    asked, waiting = set(keys), set(pending)
    trials = [trial for trial in prepared.plan.trials if trial.key in asked]
    left = Counter(trial.cell for trial in trials if trial.key in waiting)
    numbers = {trial.cell: left[trial.cell] for trial in trials}
    return Costs(prepared.plan, runner.costs(prepared.study), numbers, os.cpu_count() or 1)
