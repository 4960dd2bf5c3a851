"""`butfor init` and `butfor new`: the first lines of a study and of a plugin."""

from __future__ import annotations

import keyword
import re
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import StudyError
from .app import app
from .schema import schema_text

if TYPE_CHECKING:
    from collections.abc import Mapping

SKELETONS = Path(__file__).with_name("skeletons")
STUDY, SCHEMA = "ablations.yaml", "butfor.schema.json"


class Kind(StrEnum):
    """What `new` makes."""

    dataset = "dataset"
    encoder = "encoder"
    fusion = "fusion"
    loss = "loss"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where; made if it is not there.", metavar="DIR")] = Path(),
) -> None:
    """Write a study to start from, and the schema that editors check it with. Nothing is overwritten.

    Example: butfor init my-study
    """
    name = re.sub(r"[^\w -]", "-", folder.resolve().name).strip("-_ ")[:80] or "study"
    study = Template((SKELETONS / "study.yaml").read_text(encoding="utf-8")).substitute(name=_quoted(name))
    from .options import SHIPPED

    _write(folder, {STUDY: study, SCHEMA: schema_text(SHIPPED) + "\n"})
    here = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    typer.echo(f"next: {here}butfor run", err=True)


@app.command()
def new(
    kind: Annotated[Kind, typer.Argument(help="What to make.", metavar="KIND")],
    name: Annotated[str, typer.Argument(help="Its name in a study: a word such as my_fusion.", metavar="NAME")],
    folder: Annotated[Path, typer.Option("--dir", help="Where; made if it is not there.", metavar="DIR")] = Path(),
) -> None:
    """Write a plugin that works, and its test: NAME.py and test_NAME.py. Nothing is overwritten.

    Example: butfor new fusion my_fusion
    """
    from .. import registry

    _check_name(name)
    taken = registry.assemble().entries.get((kind.value, name))
    if taken is not None:
        raise StudyError(f"there is a {kind.value} '{name}' already, from {taken.distribution}; choose another name")
    title = name.replace("_", " ").capitalize()
    camel = "".join(part.capitalize() for part in name.split("_"))
    words = {"name": name, "camel": camel, "title": title, "kind": kind.value}
    plugin, test = (
        Template((SKELETONS / f"{part}.txt").read_text(encoding="utf-8")).substitute(words)
        for part in (kind.value, "test")
    )
    _write(folder, {f"{name}.py": plugin, f"test_{name}.py": test})
    typer.echo(
        f"next: python -m pytest {folder / f'test_{name}.py'}, and in a study `plugins: [./{name}.py]`", err=True
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise StudyError(f"'{name}' is no name of a plugin: small letters, digits and _, such as my_fusion")


def _quoted(name: str) -> str:
    return name if re.match(r"[A-Za-z]", name) and name.lower() not in ("null", "true", "false") else f'"{name}"'


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write all files or none. Raises StudyError where one is there already, or where the folder cannot be written."""
    paths = [folder / name for name in texts]
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise StudyError(f"{', '.join(there)}: already there, and nothing is overwritten; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts.values(), strict=True):
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
            typer.echo(str(path))
    except OSError as error:
        raise StudyError(f"{folder}: cannot be written: {error.strerror}") from None
