"""A table in any format, and all tables of a study as files."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.errors import StoreError, StudyError, nearest
from .data import csv, json_rows
from .html import html, html_page
from .latex import latex, latex_document
from .markdown import markdown
from .table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

__all__ = [
    "FORMATS",
    "csv",
    "html",
    "html_page",
    "json_rows",
    "latex",
    "latex_document",
    "markdown",
    "render",
    "write_tables",
]

FORMATS: dict[str, Callable[[Sequence[Table]], str]] = {
    "markdown": lambda tables: "\n\n".join(markdown(table.sheet()) for table in tables),
    "latex": lambda tables: "\n".join(latex(table.sheet()) for table in tables),
    "html": lambda tables: html_page([table.sheet() for table in tables], _title(tables)),
    "csv": lambda tables: "\n".join(csv(table) for table in tables),
    "json": json_rows,
}
"""{format: what makes it of some tables}. `html` is a page of its own, `latex` is for a paper's own document."""
_ENDINGS = {"markdown": ".md", "latex": ".tex", "html": ".html", "csv": ".csv", "json": ".json"}
_DOCUMENT = "tables"
_LONGEST = 80
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def render(tables: Table | Sequence[Table], style: str = "markdown") -> str:
    """One table or several in one of `FORMATS`, ready to print. Raises StudyError for another format."""
    if style not in FORMATS:
        raise StudyError(f"'{style}' is no format of a table; {nearest(style, list(FORMATS))}")
    return FORMATS[style](_told_apart([tables] if isinstance(tables, Table) else tables))


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Each table in every format as NAME.md, .tex, .html, .csv and .json, and `tables.tex`, which compiles as it is.

    A file appears whole or not at all. Raises StoreError when the folder cannot be written.
    """
    named = _told_apart(tables)
    texts = {f"{table.name}{_ENDINGS[style]}": make([table]) for table in named for style, make in FORMATS.items()}
    texts[f"{_DOCUMENT}.tex"] = latex_document(table.sheet() for table in named)
    if folder.is_symlink():
        raise StoreError(f"'{folder}' is a symbolic link; tables are written only into the folder of the run")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / name, text) for name, text in texts.items()]
    except OSError as error:
        raise StoreError(f"cannot write tables to '{folder}': {error.strerror or error}") from error


def file_names(names: Iterable[str]) -> list[str]:
    """Names that are safe on every system and differ from each other, also where case does not count."""
    taken, safe = {_DOCUMENT}, []
    for name in names:
        stem = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:_LONGEST] or "table"
        stem = f"{stem}-table" if _DEVICES.fullmatch(stem.split(".")[0]) else stem
        unique, again = stem, 2
        while unique.casefold() in taken:
            unique, again = f"{stem}-{again}", again + 1
        taken.add(unique.casefold())
        safe.append(unique)
    return safe


def _told_apart(tables: Sequence[Table]) -> list[Table]:
    """The tables with names that no two share, for files and for references in LaTeX."""
    names = file_names([table.name for table in tables])
    return [replace(table, name=name) for table, name in zip(tables, names, strict=True)]


def _title(tables: Sequence[Table]) -> str:
    return tables[0].name if len(tables) == 1 else "Tables"


def _write(path: Path, text: str) -> Path:
    """Write beside, into a file that nobody made before, then put in place."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return path
