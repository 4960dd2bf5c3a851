"""Tables for programs: CSV with plain numbers, and JSON rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .text import json_text

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import pandas as pd

    from .table import Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets read wide ones too


def csv(table: Table) -> str:
    """The numbers of `Table.frame`, unrounded, and a row for each effect of the design, which has no `cell`.

    A text that a spreadsheet would run as a formula gets an apostrophe.
    """
    from pandas import DataFrame  # noqa: PLC0415 - long to import, and other formats do without

    frame = table.frame()
    effects = table.effects_frame()
    if len(effects):
        columns = [*frame.columns, *(name for name in effects.columns if name not in frame.columns)]
        frame = DataFrame(_rows(frame) + _rows(effects), columns=columns)
    texts = [name for name in frame.columns if frame[name].map(lambda value: isinstance(value, str)).any()]
    for name in texts:
        frame[name] = frame[name].map(lambda value: guarded(value) if isinstance(value, str) else value)
    frame.columns = [guarded(str(name)) for name in frame.columns]
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _rows(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The rows as they are: whole numbers stay whole beside rows that have none."""
    columns = [frame[name].astype(object) for name in frame.columns]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def guarded(text: str) -> str:
    """`text`, or `'text` where it begins like a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def json_rows(tables: Iterable[Table]) -> str:
    """One list of the rows that `Table.records` has; a number that JSON cannot hold is null."""
    rows = [{key: _finite(value) for key, value in row.items()} for table in tables for row in table.records()]
    return json_text(rows) + "\n"


def _finite(value: str | float | None) -> str | float | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
