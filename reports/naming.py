"""How the tables of a study are called, wherever several stand together: no two alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .measured import raw
from .numerals import heading
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .table import Table


def names(tables: Sequence[Table]) -> list[str]:
    """`Published (test1)`: the design, and where several tables are of it, what they differ in."""
    found = []
    for table in tables:
        same = [other for other in tables if other.name == table.name]
        said = ", ".join(part for part in _apart(table, same) if part)
        found.append(f"{heading(table.name)} ({said})" if said else heading(table.name))
    seen: Counter[str] = Counter()
    for place, name in enumerate(found):
        seen[name] += 1
        found[place] = name if seen[name] == 1 else f"{name}, {seen[name]}"
    return found


def _apart(table: Table, same: Sequence[Table]) -> list[str]:
    """What tells a table from the others of its design; its metrics only where layout and split do not."""
    tells = [_layout, _split]
    if sum((_layout(other), _split(other)) == (_layout(table), _split(table)) for other in same) > 1:
        tells.insert(1, _metrics)
    return [tell(table) for tell in tells if len({tell(other) for other in same}) > 1]


def _layout(table: Table) -> str:
    return "" if table.settings.layout == "auto" else table.settings.layout


def _metrics(table: Table) -> str:
    return " and ".join(dict.fromkeys(heading(raw(metric).name) for metric in table.metrics))


def _split(table: Table) -> str:
    return plain(table.split)
