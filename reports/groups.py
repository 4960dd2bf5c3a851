"""What may stand in one column: numbers on the same rows with the same labels. Several data sets have columns each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..core.study.plan import Plan, PlannedCell, PlannedDesign, PlannedRow, TableSettings

_LISTED = 3
_DATA = ("dataset", "splits")


@dataclass(frozen=True, slots=True)
class Groups:
    """The rows of a design by what they are tested on."""

    references: Mapping[str, str]
    """{key of the row: key of the cell that it is held against}; a row that has none is not there."""
    factor: str = ""
    """The factor whose levels are data sets; empty where there is one."""
    apart: Mapping[str, str] = field(default_factory=dict)
    """{key of the row: why it is not comparable with the others of its column}."""
    members: Sequence[Sequence[str]] = ()
    """Keys of the rows that may be ranked among each other."""


def groups_of(plan: Plan, design: PlannedDesign, table: TableSettings, against: str) -> Groups:
    """The rows by the digest of what they are tested on: all together, by a factor, or some of them apart."""
    cells = {cell.key: cell for cell in plan.cells}
    split = table.split.partition("@")[0]
    tested = {key: _tested(cell, split) for key, cell in cells.items()}
    keys = [row.key for row in design.rows]
    seen = {tested.get(row.cell, "") for row in design.rows} | {tested.get(against, "")}
    if len(seen) == 1:
        return Groups(dict.fromkeys(keys, against), members=[keys])
    factor = _telling(design, table, tested)
    if factor:
        return _by_factor(design, factor, against)
    home = tested.get(against, "")
    apart = {
        row.key: _reason(cells[row.cell], cells[against]) for row in design.rows if tested.get(row.cell, "") != home
    }
    here = [key for key in keys if key not in apart]
    return Groups(dict.fromkeys(here, against), apart=apart, members=[here])


def _tested(cell: PlannedCell, split: str) -> str:
    """What its test rows are: their digest where the plan knows it, else the data set and how it was split."""
    if split in cell.tested_on:
        return cell.tested_on[split]
    data = cell.settings.get("dataset")
    name = data.get("name") if isinstance(data, dict) else data
    return json.dumps([name, cell.settings.get("splits")], sort_keys=True, default=str)


def _telling(design: PlannedDesign, table: TableSettings, tested: Mapping[str, str]) -> str:
    """The factor that says which data a row is tested on; empty for none, and where the layout has no room for it."""
    if table.layout not in ("auto", "comparison") or design.kind != "factorial":
        return ""
    for factor in [table.factor] if table.factor else design.factors:
        found: dict[str, set[str]] = {}
        for row in design.rows:
            found.setdefault(json.dumps(row.levels.get(factor)), set()).add(tested.get(row.cell, ""))
        if len(found) > 1 and all(len(some) == 1 for some in found.values()):
            return factor
    return ""


def _by_factor(design: PlannedDesign, factor: str, against: str) -> Groups:
    """Each data set with the row that is as the baseline in all other factors."""
    base = next((row for row in design.rows if row.cell == against), None)
    references: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for row in design.rows:
        members.setdefault(json.dumps(row.levels.get(factor)), []).append(row.key)
        counterpart = next((other for other in design.rows if base and _as(other, base, row, factor)), None)
        if counterpart is not None:
            references[row.key] = counterpart.key
    return Groups(references, factor, members=list(members.values()))


def _as(other: PlannedRow, base: PlannedRow, row: PlannedRow, factor: str) -> bool:
    """Whether `other` is the baseline on the data of `row`."""
    rest = {name: level for name, level in base.levels.items() if name != factor}
    return other.levels.get(factor) == row.levels.get(factor) and all(other.levels.get(n) == v for n, v in rest.items())


def _reason(cell: PlannedCell, base: PlannedCell) -> str:
    """`other test rows: splits.folds 5, not 3`."""
    found = [
        f"{path} {_said(own)}, not {_said(other)}"
        for part in _DATA
        for path, own, other in _apart(cell.settings.get(part), base.settings.get(part), part)
    ]
    more = ", ..." if len(found) > _LISTED else ""
    return f"other test rows or labels ({'; '.join(found[:_LISTED])}{more})" if found else "other test rows or labels"


def _apart(own: object, other: object, path: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(own, dict) and isinstance(other, dict) and own.get("name") == other.get("name"):
        for name in dict.fromkeys([*own, *other]):
            yield from _apart(own.get(name), other.get(name), f"{path}.{name}")
    elif own != other:
        yield path, own, other


def _said(value: object) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    return str(name or value) if value is not None else "none"
