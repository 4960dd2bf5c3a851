"""Plots as SVG, PDF or PNG: the same bytes whenever the numbers are the same."""

from __future__ import annotations

import io
import re
import secrets
import warnings
from typing import TYPE_CHECKING, Literal

from ...core.errors import StoreError
from ..render import file_names
from .look import house_style
from .svg import tidied

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from .picture import Picture

Format = Literal["svg", "pdf", "png"]
_METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": "butfor", "Producer": "butfor"},
    "png": {"Software": None},
}


def svg(picture: Picture, name: str = "") -> str:
    """One `<svg>` element, to stand alone or in a page; `name` begins every name in it."""
    with house_style():
        text = _saved(picture.draw(), "svg").decode()
    return tidied(text, name or identifier(picture.name), picture.title, picture.description)


def drawn(picture: Picture, form: Format) -> bytes:
    """The plot as a file of that format."""
    if form == "svg":
        return f'<?xml version="1.0" encoding="utf-8"?>\n{svg(picture)}\n'.encode()
    with house_style():
        return _saved(picture.draw(), form, Title=picture.title)


def save(pictures: Sequence[Picture], folder: Path, form: Format) -> list[Path]:
    """Each as NAME.FORM in `folder`, whole or not at all. Raises StoreError where the folder cannot be written."""
    if folder.is_symlink():
        raise StoreError(f"'{folder}' is a symbolic link; plots are written only into the folder of the run")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = file_names(picture.name for picture in pictures)
        return [
            write_whole(folder / f"{name}.{form}", drawn(picture, form))
            for picture, name in zip(pictures, names, strict=True)
        ]
    except OSError as error:
        raise StoreError(f"cannot write plots to '{folder}': {error.strerror or error}") from error


def write_whole(path: Path, content: bytes) -> Path:
    """Write beside, into a file that nobody made before, then put in place."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as stream:
            stream.write(content)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return path


def identifier(name: str) -> str:
    """`name` as the beginning of names in a page."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "plot"


def _saved(figure: Figure, form: Format, **metadata: str) -> bytes:
    kept = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a letter that the font lacks is a box
        figure.savefig(kept, format=form, metadata=_METADATA[form] | metadata)
    return kept.getvalue()
