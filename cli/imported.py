"""`butfor import`: runs that were trained elsewhere, for the same statistics, tables and page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import Finding, StudyError
from .app import app
from .options import DONE, Out

if TYPE_CHECKING:
    from ..core.study.plan import Plan, RunCounts


@app.command(name="import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="The mapping (.yaml), the runs with --mapping, or an archive (.zip).", metavar="FILE")
    ],
    mapping: Annotated[
        Path | None, typer.Option(help="How the columns of FILE are to be read.", metavar="MAPPING")
    ] = None,
    out: Out = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no tables.")] = False,
) -> None:
    """Take runs from a CSV, JSON or parquet file, print their tables, and say which conclusions stand.

    A zip that `butfor export --archive` made is put back into --out.

    Later commands take the mapping as their FILE: butfor table --file mapping.yaml

    Example: butfor import runs.csv --mapping mapping.yaml
    """
    import zipfile
    from collections import Counter

    from ..reports import rebuild
    from ..reports.claims import judge_claims
    from ..reports.imported.keep import keep
    from ..reports.imported.study import read_imported

    if file.suffix.lower() == ".zip" or zipfile.is_zipfile(file):
        if mapping is not None:
            raise StudyError(
                Finding("is an archive, which says itself what it holds: leave --mapping out", str(file), code="BF802")
            )
        raise typer.Exit(_restored(file, out))
    is_mapping = file.suffix.lower() in {".yaml", ".yml"}
    if is_mapping is (mapping is not None):
        raise StudyError(_which(file, is_mapping=is_mapping))
    imported = read_imported(mapping or file, None if is_mapping else file)
    new = keep(imported, out)
    plan = imported.plan
    if plan.run_counts is not None:
        typer.echo(_counted(plan, plan.run_counts, new), err=True)
    tables = rebuild.tables(plan, out)
    if not quiet:
        typer.echo(rebuild.text(tables, "markdown"), nl=False)
    if plan.claims:
        standing = Counter(claim.standing for claim in judge_claims(rebuild.frame(plan, out), plan))
        typer.echo(f"claims: {', '.join(f'{number} {word}' for word, number in standing.items())}", err=True)
    typer.echo(f"written to {rebuild.write(tables, plan, out)}", err=True)
    raise typer.Exit(DONE)


def _counted(plan: Plan, counts: RunCounts, new: int) -> str:
    """How many runs there are, and how many of them the tables say nothing about."""
    of = "" if counts.taken == counts.file else f"of {counts.file} "
    systems = f"{len(plan.cells)} systems, {new} of {len(plan.trials)} trials new in the store"
    left = counts.taken - counts.shown
    told = f"{counts.shown} runs stand in tables, {left} in none" if left else "every one stands in a table"
    named = {table.design for table in plan.tables}
    cells = {row.cell for design in plan.designs if design.name in named for row in design.rows}
    if sum(trial.cell in cells for trial in plan.trials) > counts.shown:
        told += "; a run in rows of several designs is a trial of each"
    return f"{plan.study}: {counts.taken} {of}runs of {plan.imported}, {systems}\n{told}"


def _restored(file: Path, out: Path) -> int:
    """An archive of a study, put back."""
    from ..reports.exported.restore import read_archive, restore

    found = read_archive(file)
    path, new = restore(found, out)
    told = f"{found.plan.study}: {len(found.rows)} trials, {new} of them new in the store"
    typer.echo(f"{told}\nits study is {path}: butfor table --file {path} --out {out}", err=True)
    return DONE


def _which(file: Path, *, is_mapping: bool) -> Finding:
    if is_mapping:
        return Finding(
            "is a mapping; give the runs as FILE and this as --mapping, or no --mapping", str(file), code="BF802"
        )
    columns = _columns(file)
    has = f"; it has the columns {', '.join(columns)}" if columns else ""
    return Finding(f"how its columns are to be read is said in a mapping, --mapping{has}", str(file), code="BF802")


def _columns(file: Path) -> tuple[str, ...]:
    """The columns of a file of runs, as far as they can be read."""
    from ..core.study.problems import Problems
    from ..reports.imported.source import read_source

    return read_source(file, Problems()).columns
