"""Read `tables`: what each asks for, and whether its design has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from .grammar import Slot
from .kinds import BASELINE
from .layouts import misfit
from .messages import coerced, translate, wrong_kind
from .plan import TableSettings
from .tree import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from .layouts import Differences, Misfit
    from .plan import PlannedDesign
    from .problems import Problems
    from .reading import Reading
    from .tree import Node


def read_tables(
    reading: Reading, designs: Sequence[PlannedDesign], differs: Differences, only: Collection[str]
) -> tuple[TableSettings, ...]:
    """The tables that the study asks for; those of the designs `only` if any are named."""
    root, problems = reading.root, reading.problems
    node = root.children["tables"]
    if not isinstance(node.value, tuple):
        problems.take([wrong_kind(node, "tables", "a list of tables")])
    known = root.within("ablations")
    names = tuple(known.children) if known is not None and known.children else (BASELINE,)
    expanded = {design.name: design for design in designs}
    found = []
    for number, item in enumerate(node.items):
        where = f"tables.{number}"
        table = _table(reading, item, where)
        if table is None:
            continue
        if table.design not in names:
            place = (item.within("design") or item).place
            problems.unknown(place, "design", table.design, names, f"{where}.design", code="BF313")
        elif not only or table.design in only:
            found.append(table)
            if table.design in expanded:
                wrong = misfit(table, expanded[table.design], differs, evaluated=_evaluated(root))
                check_table(item, where, table, wrong, problems)
    return tuple(found)


def numbers_of(tables: Sequence[TableSettings], root: Node) -> tuple[int, ...]:
    """Which entry of `tables` in the file each of those that were read is: some designs may not have been read."""
    node, designs = root.within("tables"), {table.design for table in tables}
    items = node.items if node is not None else ()
    kept = [number for number, item in enumerate(items) if plain(item.children["design"]) in designs]
    return tuple(kept) or tuple(range(len(tables)))


def _table(reading: Reading, item: Node, where: str) -> TableSettings | None:
    slot = Slot((TableSettings,))
    try:
        table = TableSettings.model_validate(plain(item))
    except ValidationError as error:
        for finding in translate(error, item, reading.grammar, slot, ""):
            reading.problems.take([replace(finding, path=f"{where}.{finding.path}".rstrip("."))])
        return None
    for path, node, wanted in coerced(item, table.resolved()):
        reading.problems.take([wrong_kind(node, ".".join((where, *path)), wanted)])
    return table


def check_table(item: Node, where: str, table: TableSettings, wrong: Misfit | None, problems: Problems) -> None:
    """Say why the design cannot be laid out so, and which published numbers are of another part of the data."""
    if wrong is not None:
        place = (item.within(wrong.key) or item).place
        problems.add(place, wrong.message, f"{where}.{wrong.key}", wrong.remedy, code="BF320")
    rows = item.within("reference")
    for number, (row, node) in enumerate(zip(table.reference, rows.items if rows is not None else (), strict=True)):
        if row.split and row.split != table.split:
            told = f"'{row.label}' is of the split '{row.split}' and cannot stand in columns of '{table.split}'"
            remedy = "give it a table of its own split"
            problems.add(
                (node.within("split") or node).place, told, f"{where}.reference.{number}.split", remedy, code="BF320"
            )


def _evaluated(root: Node) -> bool:
    """Whether the study tests under further conditions."""
    said = root.within("evaluate")
    return said is not None and bool(said.children)
