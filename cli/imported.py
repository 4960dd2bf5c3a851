"""`butfor import`: runs that were trained elsewhere, for the same statistics, tables and page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import Finding, StudyError
from .app import app
from .options import DONE, Out


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

    if zipfile.is_zipfile(file):
        raise typer.Exit(_restored(file, out))
    is_mapping = file.suffix.lower() in {".yaml", ".yml"}
    if is_mapping is (mapping is not None):
        raise StudyError(_which(file, is_mapping=is_mapping))
    imported = read_imported(mapping or file, None if is_mapping else file)
    new = keep(imported, out)
    plan = imported.plan
    counts = f"{len(plan.cells)} systems, {new} of {len(plan.trials)} trials new in the store"
    typer.echo(f"{plan.study}: {imported.runs} runs of {plan.imported}, {counts}", err=True)
    tables = rebuild.tables(plan, out)
    if not quiet:
        typer.echo(rebuild.text(tables, "markdown"), nl=False)
    if plan.claims:
        standing = Counter(claim.standing for claim in judge_claims(rebuild.frame(plan, out), plan))
        typer.echo(f"claims: {', '.join(f'{number} {word}' for word, number in standing.items())}", err=True)
    typer.echo(f"written to {rebuild.write(tables, plan, out)}", err=True)
    raise typer.Exit(DONE)


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
