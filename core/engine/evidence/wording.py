"""Words for settings and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...study.labels import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...study.cell import Cell

_MOST = 5


def told_difference(first: Cell, other: Cell, differs: Mapping[str, Any]) -> str:
    """`fusion.heads (4, 8)`: each path with its value in both cells."""
    return listed(f"{path} ({_value(first, path)}, {_value(other, path)})" for path in differs)


def listed(words: Iterable[str], most: int = _MOST) -> str:
    """`a, b, c and 4 more`."""
    found = list(words)
    more = len(found) - most
    return ", ".join(found[:most]) + (f" and {more} more" if more > 0 else "")


def _value(cell: Cell, path: str) -> str:
    parts = path.split(".")
    if parts[0] == "encoder" and len(parts) > 1 and parts[1] not in cell.resolved["encoder"]:
        parts.insert(1, cell.settings.modalities[0])
    value: Any = cell.resolved
    for part in parts:
        if not isinstance(value, dict) or part not in value:
            return "none"
        value = value[part]
    return str(value.get("name", told(value))) if isinstance(value, dict) else told(value)


def counted(number: int, word: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
