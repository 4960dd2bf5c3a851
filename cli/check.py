"""`butfor check`: all that can be known before training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import StudyError, nearest
from .app import app
from .options import DONE, SOME_FAILED, WRONG_INPUT, File, MaxTrials, found

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.errors import Finding


@app.command()
def check(
    file: File = None,
    max_trials: MaxTrials = 10_000,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where there are warnings.")] = False,
    explain: Annotated[
        str | None, typer.Option(help="Say what a code means, and check nothing.", metavar="CODE")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Read a study, build every cell, run a step of each on real data, look what ablations change; train nothing.

    Example: butfor check ablations.yaml --strict
    """
    if explain is not None:
        typer.echo(_explained(explain, json_=json_))
        return
    from ..reports import findings as written
    from ..reports.text import json_text

    findings, cells = _findings(found(file), max_trials)
    if json_:
        typer.echo(json_text([written.finding_json(finding) for finding in findings]))
    else:
        typer.echo("\n".join([*map(written.severe_text, findings), written.summary(findings, cells)]))
    grave = {finding.severity for finding in findings}
    if "error" in grave:
        raise typer.Exit(WRONG_INPUT)
    raise typer.Exit(SOME_FAILED if strict and "warning" in grave else DONE)


def _findings(file: Path, max_trials: int) -> tuple[list[Finding], int]:
    """Everything that is found, errors first, and the number of cells that were looked at."""
    from .. import runner
    from ..core.study.proof import findings_of

    try:
        study, catalogue = runner.read_study(file, max_trials=max_trials)
        runner.prepare(study, catalogue, max_trials)
    except StudyError as error:
        return list(error.findings), 0
    rehearsed = runner.rehearsed(study, catalogue)
    said = {one.path for one in rehearsed if one.code == "BF505"}
    found = findings_of(study, runner.evidence(study, catalogue))
    proof = [one for one in found if not (one.code == "BF712" and one.path in said)]  # the same term is said once
    findings = [*study.warnings, *rehearsed, *proof]
    order = ("error", "warning", "note")
    findings.sort(key=lambda one: (order.index(one.severity), one.file, one.line, one.column))
    return findings, len(study.cells)


def _explained(code: str, *, json_: bool) -> str:
    """What a code means. Raises StudyError where there is no such code."""
    from dataclasses import asdict

    from ..core.study.codes import CODES
    from ..reports.findings import code_text
    from ..reports.text import json_text

    known = CODES.get(code.upper())
    if known is None:
        raise StudyError(
            f"--explain {code}: there is no such code; {nearest(code.upper().replace('O', '0'), list(CODES))}"
        )
    return json_text(asdict(known)) if json_ else code_text(known)
