"""Tables for programs: CSV with plain numbers, and JSON rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .table import Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets read wide ones too


def csv(table: Table) -> str:
    """The numbers of `Table.frame`, unrounded; a text that a spreadsheet would run as a formula gets an apostrophe."""
    frame = table.frame()
    texts = [name for name in frame.columns if frame[name].map(lambda value: isinstance(value, str)).any()]
    for name in texts:
        frame[name] = frame[name].map(lambda value: guarded(value) if isinstance(value, str) else value)
    frame.columns = [guarded(str(name)) for name in frame.columns]
    return str(frame.to_csv(index=False, lineterminator="\n"))


def guarded(text: str) -> str:
    """`text`, or `'text` where it begins like a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def json_rows(tables: Iterable[Table]) -> str:
    """One list of the rows that `Table.records` has; a number that JSON cannot hold is null."""
    rows = [{key: _finite(value) for key, value in row.items()} for table in tables for row in table.records()]
    return json_text(rows) + "\n"


def _finite(value: str | float | None) -> str | float | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
