"""`butfor plugins`: what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import found, warn

BroughtBy = Annotated[
    Path | None, typer.Option("--file", "-f", help="A study, for the plugins that it brings.", metavar="FILE")
]


@app.command()
def plugins(
    kind: Annotated[
        str | None, typer.Argument(help="dataset, encoder, fusion, loss or executor.", metavar="KIND")
    ] = None,
    name: Annotated[str | None, typer.Argument(help="One plugin, with its settings.", metavar="NAME")] = None,
    file: BroughtBy = None,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List what is installed, from where; for one plugin, its settings with their defaults.

    Example: butfor plugins fusion gated_uncertainty
    """
    from .. import registry
    from ..core.study.layers import declared_plugins, load_text
    from ..reports import plugin_listing as listing
    from ..reports.text import json_text

    own = declared_plugins(load_text(found(file)), str(file)) if file is not None else []
    catalogue = registry.assemble([path for path, _ in own])
    entries = listing.select(catalogue, kind, name)
    for point, reason in catalogue.failures.items():
        warn([f"plugin {point} could not be imported: {reason}"])
    if json_:
        typer.echo(json_text([listing.plugin_json(kind, entry) for kind, entry in entries]))
        return
    typer.echo(listing.plugin_text(*entries[0]) if name else listing.plugins_text(entries))
