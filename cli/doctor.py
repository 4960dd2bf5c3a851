"""`butfor doctor`: is this machine ready?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import app
from .options import DONE, SOME_FAILED, Out

if TYPE_CHECKING:
    from ..core.catalogue import Catalogue


@app.command()
def doctor(
    out: Out = Path("results"),
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Look at Python, torch, plugins, the store and the disk; exit with 1 where something is wrong.

    Example: butfor doctor --out results
    """
    from ..reports import doctor as examination
    from ..reports.text import json_text

    signs = list(examination.examine(out, _catalogue))
    typer.echo(json_text(examination.records(signs)) if json_ else examination.text(signs))
    raise typer.Exit(SOME_FAILED if any(sign.state == "wrong" for sign in signs) else DONE)


def _catalogue() -> Catalogue:
    from .. import registry

    return registry.assemble()
