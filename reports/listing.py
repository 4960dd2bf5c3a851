"""Plans as text for a person and as JSON for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .text import plain

_SHOWN = 12
"""Conditions that are named; the rest is counted."""

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..core.study.plan import Plan, PlannedCell, PlannedDesign, PlannedRow
    from .costs import Costs


def plan_json(
    plan: Plan,
    only: Collection[str],
    trials: int,
    pending: int | None = None,
    *,
    costs: Costs | None = None,
    stacks: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The plan of the designs `only` (or all), with the keys of design section 7."""
    designs: dict[str, list[str]] = {plan.baseline: []}
    for design in _chosen(plan, only):
        for row in design.rows:
            designs.setdefault(row.cell, []).append(design.name)
    told: dict[str, Any] = {
        "study": plan.study,
        "cells": [
            {
                "key": cell.key,
                "label": cell.label,
                "designs": list(dict.fromkeys(designs[cell.key])),
                "differs": cell.differs,
            }
            | (costs.of_cell(cell.key) if costs is not None else {})
            for cell in plan.cells
            if cell.key in designs
        ],
        "trials": trials,
        "stacks": list(stacks),
        "conditions": list(plan.conditions),
        "at_test": [
            {"design": design.name, "label": row.label, "cell": row.cell, "condition": row.condition}
            for design in _chosen(plan, only)
            for row in design.rows
            if row.condition
        ],
    }
    if pending is not None:
        told |= {"pending": pending, "done": trials - pending}
    return told if costs is None else told | {"estimate": costs.total()}


def _chosen(plan: Plan, only: Collection[str]) -> list[PlannedDesign]:
    return [design for design in plan.designs if not only or design.name in only]


def plan_text(plan: Plan, only: Collection[str], trials: int, pending: int, *, tree: bool = False) -> str:
    """Every cell of the designs `only` (or all) with what differs from the baseline, and how many trials there are."""
    chosen = _chosen(plan, only)
    cells = {cell.key: cell for cell in plan.cells}
    num_cells = len({plan.baseline, *(row.cell for design in chosen for row in design.rows)})
    head = f"study {plain(plan.study)}: {num_cells} cells, {trials} trials, {pending} still to train"
    heads = [head, *_conditions(plan)]
    if tree:
        return "\n".join([*heads, *_tree(chosen, cells, plan.baseline)])
    lines = heads
    for design in chosen:
        lines.append(f"\n{plain(design.name)} ({design.kind}, {len(design.rows)} rows)")
        for row in design.rows:
            differs = ", ".join(_differences(cells[row.cell])) if not row.condition else _tested(row)
            lines.append(f"  {row.cell}  {plain(row.label)}" + (f"  [{differs}]" if differs else ""))
    return "\n".join(lines)


def _conditions(plan: Plan) -> list[str]:
    """What every trial is tested under."""
    number, shown = len(plan.conditions), [plain(name) for name in plan.conditions[:_SHOWN]]
    more = f" and {number - _SHOWN} more" if number > _SHOWN else ""
    word = "condition" if number == 1 else "conditions"
    return [f"every trial is also tested under {number} {word}: {', '.join(shown)}{more}"] if number else []


def _tested(row: PlannedRow) -> str:
    return plain(f"tested without {' and '.join(row.without)}; trains nothing")


def stacks_text(plan: Plan, stacks: Sequence[Mapping[str, Any]]) -> str:
    """How many trials are trained together, and why others are not."""
    together = [stack["trials"] for stack in stacks if stack["engine"] != "one"]
    lines = [f"{sum(together)} trials train as {len(together)} stacks" if together else "no trial is part of a stack"]
    labels = {cell.key: cell.label for cell in plan.cells}
    alone = [stack for stack in stacks if stack["reason"]]
    lines += [f"  one at a time: {plain(labels[s['cells'][0]])}: {plain(s['reason'])}" for s in alone]
    return "\n".join(lines)


def _differences(cell: PlannedCell) -> list[str]:
    return [plain(f"{path}={short(value)}") for path, value in cell.differs.items()]


def _tree(designs: Sequence[PlannedDesign], cells: dict[str, PlannedCell], baseline: str) -> Iterator[str]:
    """Designs, their rows, and under each row what sets it apart, where its cell stands first."""
    seen: set[str] = set()
    for design in designs:
        last = design is designs[-1]
        yield f"{_branch(last)}{plain(design.name)} ({design.kind}, {len(design.rows)} rows)"
        for row in design.rows:
            end = row is design.rows[-1]
            known = " (baseline)" if row.cell == baseline else " (as above)"
            again = known if row.cell in {baseline, *seen} and not row.condition else ""
            label = plain(row.label).removesuffix(" (baseline)")
            yield f"{_trunk(last)}{_branch(end)}{label}{again}  {row.cell}"
            told = [_tested(row)] if row.condition else [] if again else _differences(cells[row.cell])
            yield from (f"{_trunk(last)}{_trunk(end)}{_branch(one is told[-1])}{one}" for one in told)
            seen.add(row.cell)


def _branch(last: bool) -> str:
    return "└── " if last else "├── "


def _trunk(last: bool) -> str:
    return "    " if last else "│   "


def short(value: object) -> str:
    """A value of a cell in a few characters: a component by its name, a list as `a + b`, null as what it does."""
    if isinstance(value, list):
        return " + ".join(map(str, value))
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    return "removed" if value is None else str(value)
