"""What a system is called where it stands outside of a table: as the tables call it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..text import plain

if TYPE_CHECKING:
    from ...core.study.plan import Plan

_NAMED = 3


def labels_of(plan: Plan) -> dict[str, str]:
    """{cell: its labels in the designs}, its own where it stands in none; a label of several cells with its design."""
    rows = [(row.cell, row.label, design.name) for design in plan.designs for row in design.rows if not row.condition]
    shared = Counter(label for _, label in {(cell, label) for cell, label, _ in rows})
    said: dict[str, dict[str, None]] = {}
    for cell, label, design in rows:
        text = plain(f"{label} ({design})" if shared[label] > 1 else label)
        said.setdefault(cell, {})[text] = None
    return {cell.key: _joined(list(said.get(cell.key, {plain(cell.label): None}))) for cell in plan.cells}


def _joined(labels: list[str]) -> str:
    more = f"; {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return "; ".join(labels[:_NAMED]) + more
