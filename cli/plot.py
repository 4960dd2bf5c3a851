"""`butfor plot`: the plots of a study as files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import DONE, SOME_FAILED, Only, Out, found


class PlotFormat(StrEnum):
    """As what a plot is written."""

    svg = "svg"
    pdf = "pdf"
    png = "png"


@app.command()
def plot(
    name: Annotated[str | None, typer.Argument(help="A plot; all of them if none is named.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="The study.", metavar="FILE")] = None,
    out: Out = Path("results"),
    only: Only = None,
    format_: Annotated[PlotFormat, typer.Option("--format", help="As what to write them.")] = PlotFormat.svg,
) -> None:
    """Draw the plots of a study from stored results, into results/STUDY/plots; trains nothing and needs no torch.

    NAME is forest, interactions, seeds, curves, robustness, weights, cost or ranks. The files are listed as they are
    written: NAME-DESIGN.svg. Exits with 1 where the study has nothing for the plot.

    Example: butfor plot forest --file ablations.yaml --format pdf
    """
    from ..reports import rebuild
    from ..reports.material import stored
    from ..reports.plots.gallery import NEEDS, gallery
    from ..reports.plots.save import save

    plan = rebuild.read_plan(found(file), out)
    pictures = gallery(stored(plan, out), [name] if name else (), only or ())
    if not pictures:
        typer.echo(f"nothing to draw: {NEEDS[name] if name else 'no trial is done'} is needed", err=True)
    for path in save(pictures, rebuild.study_folder(plan.study, out) / "plots", format_.value):
        typer.echo(path)
    raise typer.Exit(DONE if pictures else SOME_FAILED)
