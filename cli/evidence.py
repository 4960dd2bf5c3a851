"""`butfor evidence`: whether each ablation took effect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import app
from .options import DONE, SOME_FAILED, File, MaxTrials, Out, found

if TYPE_CHECKING:
    from ..core.engine.prepare import Prepared
    from ..core.evidence import Evidence


@app.command()
def evidence(
    cell: Annotated[
        str | None,
        typer.Argument(help="Its label in any design, or the beginning of its key; without it, all.", metavar="[CELL]"),
    ] = None,
    file: File = None,
    out: Out = Path("results"),
    max_trials: MaxTrials = 10_000,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where a cell has a mark.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say of each cell what shows that its ablation took effect: before, during and after training.

    Example: butfor evidence "w/o KL" ablations.yaml
    """
    from .. import runner
    from ..core.study.proof import findings_of
    from ..reports import explanation, proof
    from ..reports.text import json_text

    if file is None and cell is not None and Path(cell).is_file():
        file, cell = Path(cell), None
    study, catalogue = runner.read_study(found(file), max_trials=max_trials)
    prepared = runner.prepare(study, catalogue, max_trials)
    chosen = [explanation.find_cell(study, cell)] if cell is not None else list(study.cells)
    wanted = {one.key for one in chosen}
    records = [one for one in _all(prepared, out) if one.cell in wanted]
    labels = {one.key: one.label for one in study.cells}
    if json_:
        typer.echo(json_text([proof.as_json(one, labels) for one in records]))
    else:
        typer.echo(proof.as_text(records, labels, [one.key for one in chosen], full=cell is not None))
    grave = {finding.severity for finding in findings_of(study, records)} & {"error", "warning"}
    raise typer.Exit(SOME_FAILED if strict and (grave or any(one.mark for one in records)) else DONE)


def _all(prepared: Prepared, out: Path) -> tuple[Evidence, ...]:
    """Evidence of all phases: what was trained is known only where a run left its plan."""
    from .. import runner
    from ..reports import kept_plan
    from ..reports.evidence.collect import refresh

    before = runner.kept_proof(prepared, out, create=False)
    if not (kept_plan.study_folder(prepared.study.name, out) / kept_plan.PLAN).is_file():
        return before
    return (*before, *refresh(prepared.plan, out))
