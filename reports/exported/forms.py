"""A frame as CSV, JSON or parquet."""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pandas.api.types import is_numeric_dtype

from ...core.errors import StudyError
from ..data import guarded
from ..text import json_text

if TYPE_CHECKING:
    import pandas as pd

Form = Literal["csv", "json", "parquet"]


def formed(frame: pd.DataFrame, form: Form) -> bytes:
    """The frame as a file of that form: equal frames, equal bytes. Raises StudyError without pyarrow.

    CSV has unrounded numbers, and texts that a spreadsheet would run begin with an apostrophe; JSON has a list of rows.
    """
    if form == "parquet":
        return _parquet(frame)
    if form == "json":
        rows = [{name: _json(value) for name, value in row.items()} for row in frame.to_dict("records")]
        lines = ",\n".join(json_text(row, indent=None) for row in rows)
        return f"[\n{lines}\n]\n".encode() if rows else b"[]\n"
    safe = frame.copy()
    for name in _texts(safe):
        safe[name] = safe[name].map(lambda value: guarded(value) if isinstance(value, str) else value)
    safe.columns = [guarded(str(name)) for name in safe.columns]
    return str(safe.to_csv(index=False, lineterminator="\n")).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    try:
        from pyarrow import Table, parquet  # noqa: PLC0415 - an extra, read for this alone
    except ImportError:
        raise StudyError("writing parquet needs pyarrow: pip install 'butfor[parquet]'") from None
    plain = frame.copy()
    for name in _texts(plain):
        kinds = {type(value) for value in plain[name] if value is not None}
        if len(kinds) > 1:  # a column of parquet has one type
            plain[name] = plain[name].map(lambda value: None if value is None else json.dumps(value))
    stream = io.BytesIO()
    parquet.write_table(Table.from_pandas(plain, preserve_index=False), stream)
    return stream.getvalue()


def _texts(frame: pd.DataFrame) -> list[str]:
    """Columns that may hold texts."""
    return [str(name) for name in frame.columns if not is_numeric_dtype(frame[name])]


def _json(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
