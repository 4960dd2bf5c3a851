"""`butfor table`: the tables again, from stored results."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import Out, found


class Format(StrEnum):
    """How `table` prints."""

    markdown = "markdown"
    latex = "latex"
    html = "html"
    csv = "csv"
    json = "json"


@app.command()
def table(
    design: Annotated[str | None, typer.Argument(help="A design; all of them if none is named.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="The study.", metavar="FILE")] = None,
    out: Out = Path("results"),
    format_: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.markdown,
) -> None:
    """Print the tables again from stored results; trains nothing and needs no torch.

    Example: butfor table components --file ablations.yaml --format latex
    """
    from ..reports import rebuild

    plan = rebuild.read_plan(found(file), out)
    typer.echo(rebuild.text(rebuild.tables(plan, out, [design] if design else ()), format_.value), nl=False)
