"""`butfor report`: one page with everything about a study."""

from __future__ import annotations

from pathlib import Path

import typer

from .app import app
from .options import File, Out, found


@app.command()
def report(file: File = None, out: Out = Path("results")) -> None:
    """Write the page of a study, results/STUDY/report.html: one file without scripts that loads nothing.

    It shows what there is, also of a study that is half done: the answer, tables, plots, evidence, what failed, how
    systems were compared, where numbers come from, the commands that make them again, and what to cite.

    Example: butfor report ablations.yaml
    """
    from ..reports import rebuild
    from ..reports.page.page import write_page

    typer.echo(write_page(rebuild.read_plan(found(file), out), out))
