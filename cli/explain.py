"""`butfor explain`: one cell, and where each of its values comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app
from .options import File, MaxTrials, found


@app.command()
def explain(
    cell: Annotated[str, typer.Argument(help="Its label in any design, or the beginning of its key.", metavar="CELL")],
    file: File = None,
    max_trials: MaxTrials = 10_000,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say why a cell is there, what differs from the baseline, and where each value comes from.

    Example: butfor explain "w/o KL" ablations.yaml
    """
    from .. import runner
    from ..reports import explanation
    from ..reports.text import json_text

    study, catalogue = runner.read_study(found(file), max_trials=max_trials)
    chosen = explanation.find_cell(study, cell)
    if json_:
        typer.echo(json_text(explanation.explain_json(study, chosen, catalogue)))
    else:
        typer.echo(explanation.explain_text(study, chosen, catalogue))
