"""`butfor status`: how a study stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import File, Out, found


@app.command()
def status(
    file: File = None,
    out: Out = Path("results"),
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say how many trials are done, failed, running and left, for how long, and why the failed ones failed.

    Example: butfor status ablations.yaml --json
    """
    from ..core.store import Store, store_of
    from ..reports import kept_plan, status
    from ..reports.text import json_text

    plan = kept_plan.read_plan(found(file), out)
    with Store.open(store_of(out), create=False) as store:
        told = status.status_of(plan, store)
    typer.echo(json_text(status.as_json(told)) if json_ else status.as_text(told))
