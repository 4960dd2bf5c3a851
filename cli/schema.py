"""`butfor schema`: what an editor needs to know of study files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from .app import app
from .options import File, found

if TYPE_CHECKING:
    from pathlib import Path


@app.command()
def schema(file: File = None) -> None:
    """Print the JSON Schema of study files, made from what is installed and from the `plugins` that FILE names.

    Example: butfor schema ablations.yaml > butfor.schema.json
    """
    typer.echo(schema_text(found(file)))


def schema_text(path: Path) -> str:
    """The schema for a study. Raises StudyError, PluginError where its plugins cannot be loaded."""
    from .. import runner
    from ..core.errors import StudyError
    from ..core.study.layers import declared_plugins, load_text
    from ..core.study.locate import read
    from ..core.study.schema import study_schema

    try:
        text = load_text(path)
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror}") from None
    catalogue = runner.catalogue_with(tuple(str(one) for one, _ in declared_plugins(text, str(path))))
    try:
        tree = read(text, str(path))
    except StudyError:
        tree = None
    return json.dumps(study_schema(catalogue, tree), indent=1, ensure_ascii=False)
