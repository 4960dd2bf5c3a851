"""`butfor plugins`: what is installed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .app import app


@app.command()
def plugins(
    kind: Annotated[str | None, typer.Argument(help="dataset, encoder, fusion, loss or executor.")] = None,
    name: Annotated[str | None, typer.Argument(help="One plugin, with its settings.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List what is installed, from where; for one plugin, its settings with their defaults.

    Example: butfor plugins fusion gated_uncertainty
    """
    from .. import registry
    from ..reports import listing

    catalogue = registry.assemble()
    entries = listing.select(catalogue, kind, name)
    for point, reason in catalogue.failures.items():
        typer.echo(f"warning: plugin {point} could not be imported: {reason}", err=True)
    if json_:
        typer.echo(json.dumps([listing.plugin_json(kind, entry) for kind, entry in entries], indent=2))
        return
    typer.echo(listing.plugin_text(*entries[0]) if name else listing.plugins_text(entries))
