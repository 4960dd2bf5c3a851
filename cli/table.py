"""`butfor table`: the tables again, from stored results."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import StudyError
from .app import app
from .options import Out, found


class Format(StrEnum):
    """How `table` prints."""

    markdown = "markdown"
    latex = "latex"
    html = "html"
    csv = "csv"
    json = "json"
    xlsx = "xlsx"


@app.command()
def table(
    design: Annotated[str | None, typer.Argument(help="A design; all of them if none is named.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="The study.", metavar="FILE")] = None,
    out: Out = Path("results"),
    format_: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.markdown,
    to: Annotated[Path | None, typer.Option(help="Write to this file instead of printing.", metavar="FILE")] = None,
) -> None:
    """Print the tables again from stored results; trains nothing and needs no torch.

    Example: butfor table components --file ablations.yaml --format latex
    """
    from ..reports import rebuild
    from ..reports.evidence.collect import refresh

    plan = rebuild.read_plan(found(file), out)
    refresh(plan, out)
    made = rebuild.tables(plan, out, [design] if design else ())
    if format_ is Format.xlsx and to is None and sys.stdout.isatty():
        raise StudyError("a workbook is nothing to read on a terminal; name a file: --to tables.xlsx")
    content = rebuild.workbook(made) if format_ is Format.xlsx else rebuild.text(made, format_.value).encode()
    if to is None:
        typer.echo(content if format_ is Format.xlsx else content.decode(), nl=False)
        return
    try:
        to.write_bytes(content)
    except OSError as error:
        raise StudyError(f"--to {to}: cannot be written: {error.strerror or error}") from None
