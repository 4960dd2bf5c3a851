"""Marks of evidence beside the labels of a table, and the note that says what they mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .proof import LEGEND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.evidence import Mark
    from .table import Table


def with_marks(table: Table, marks: Mapping[str, Mark]) -> Table:
    """The table, each row but the baseline's with its mark {key of the row: mark}; a note for each kind of mark."""
    rows = tuple(row if row.baseline else replace(row, mark=marks.get(row.key, "")) for row in table.rows)
    notes = []
    for mark, words in LEGEND.items():
        labels = list(dict.fromkeys(f"“{row.label}”" for row in rows if row.mark == mark))
        if labels:
            notes.append(f"{mark} {words}: {', '.join(labels)} (see butfor evidence).")
    return replace(table, rows=rows, notes=(*table.notes, *notes)) if notes else table
