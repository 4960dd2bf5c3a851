"""`butfor compare`: two systems row by row, by their stored predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import StudyError
from .app import app
from .options import File, Out, found


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A cell: its label, or how its key begins.", metavar="CELL")],
    second: Annotated[str, typer.Argument(help="The cell to hold it against.", metavar="OTHER")],
    file: File = None,
    out: Out = Path("results"),
    split: Annotated[str, typer.Option(help="Which part of the data.", metavar="PART")] = "test",
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Compare the trained models of two cells on the same rows: McNemar's test and the paired bootstrap.

    Says what holds for these models, seed by seed, not for training again: that is in the tables. Trains nothing.

    Example: butfor compare full "w/o kl" ablations.yaml
    """
    from .. import runner
    from ..core.predictions import PREDICTIONS
    from ..core.store import Store, store_of
    from ..reports import rebuild, sample_pairs
    from ..reports.text import json_text, lines

    path = found(file)
    plan = rebuild.read_plan(path, out)
    cells = sample_pairs.cell_named(plan, first), sample_pairs.cell_named(plan, second)
    if cells[0].key == cells[1].key:
        raise StudyError(f"'{first}' and '{second}' are one cell: there is nothing to compare")
    with Store.open(store_of(out), create=False) as store:
        standing = store.standing(trial.key for trial in plan.trials)
    kept = {key: str(row["predictions"]) for key, row in standing.items() if row["state"] == "done"}
    if not any(kept.values()):
        raise StudyError(f"no predictions are stored of study '{plan.study}'")
    truths = runner.truths(path)
    if cells[0].key not in truths:
        raise StudyError(f"{path} has changed since it was run: it has no cell '{first}' any more; run it again")
    made = sample_pairs.pairs(plan, cells, out / PREDICTIONS, kept, truths[cells[0].key], split=split)
    told = json_text(sample_pairs.as_json(cells, split, made)) if json_ else sample_pairs.as_text(cells, split, made)
    typer.echo(told if json_ else lines(told))
