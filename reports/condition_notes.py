"""What the notes of a table say of tests under conditions: what was taken away or added, and from whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.conditions import parts_of, split_and_condition
from .conditions import in_words
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.study.plan import Plan
    from .table import Table


def condition_notes(plan: Plan, table: Table) -> Iterator[str]:
    """What the split of the table is tested under, and which rows train nothing."""
    split, condition = split_and_condition(table.split)
    if condition and condition in plan.conditions:
        kind, _, which = parts_of(condition)
        left = ", one always left" if kind == "missing" and not which else ""
        yield f"{plain(table.split)}: {plain(split)} rows, {in_words(condition)}{left}; the same in every system."
    at_test = [row for row in table.rows if row.condition]
    if at_test:
        labels = {cell.key: cell.label for cell in plan.cells}
        first = next((row.label for row in table.rows if row.key == at_test[0].cell), labels.get(at_test[0].cell, ""))
        both = any(row.label.endswith(" (retrained)") for row in table.rows)
        more = "; (retrained): another system, trained without it" if both else ""
        yield f"(at test): the trials of “{plain(first)}”, tested with the modality absent from every row{more}."
