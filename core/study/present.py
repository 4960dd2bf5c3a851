"""A study and a cell as notebooks and rich terminals show them: one small table each, every text escaped."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cell import Cell
    from .study import Study

_MOST = 60
"""Rows that are shown; the rest is counted."""

Rows = list[tuple[str, ...]]


def study_rows(study: Study) -> tuple[str, tuple[str, ...], Rows]:
    """Title, columns and rows: a line for each design."""
    seeds = f"{len(study.seeds)} seed{'s' if len(study.seeds) != 1 else ''}"
    title = f"study {study.name}: {len(study.cells)} cells, {seeds}"
    rows = [(design.name, design.kind, str(len(design.rows))) for design in study.designs]
    return title, ("design", "kind", "rows"), _some(rows, 3)


def cell_rows(cell: Cell) -> tuple[str, tuple[str, ...], Rows]:
    """Title, columns and rows: a line for each setting that is not the baseline's, else for each part."""
    differs = dict(cell.differs)
    shown = differs or {key: value for key, value in cell.resolved.items() if key not in ("dataset", "splits", "train")}
    head = "differs" if differs else "setting"
    rows = [(path, "removed" if value is None and differs else _value(value)) for path, value in shown.items()]
    return f"cell {cell.label} ({cell.key})", (head, "value"), _some(rows, 2)


def as_html(title: str, columns: Sequence[str], rows: Rows) -> str:
    """The table as a fragment of HTML."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(field)}</td>' for field in row)}</tr>" for row in rows)
    table = f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="butfor">{table}</div>'


def as_rich(title: str, columns: Sequence[str], rows: Rows) -> Table:
    """The table for a terminal; square brackets in it are no markup."""
    table = Table(title=Text(title), title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(field) for field in row))
    return table


def _some(rows: Sequence[tuple[str, ...]], width: int) -> Rows:
    more = len(rows) - _MOST
    return [*rows[:_MOST], (f"and {more} more", *[""] * (width - 1))] if more > 0 else list(rows)


def _value(value: object) -> str:
    """A component by its name; several by theirs."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if "name" in value:
        return str(value["name"])
    return ", ".join(f"{key}: {_value(one)}" for key, one in value.items())
