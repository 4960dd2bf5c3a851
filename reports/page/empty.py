"""Why a section has nothing to show: what the study did not ask for, what is still missing, or what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..material import Material
    from ..row import Row
    from ..table import Table

_SAID = 4


def reasons(material: Material) -> Mapping[str, str]:
    """{section: what stands in it where it has nothing else}."""
    return (_of_imported if material.plan.imported else _of_trained)(material)


def _of_trained(material: Material) -> dict[str, str]:
    return {
        "differences": nothing_compared(material.tables),
        "seeds": _no_slopes(material),
        "curves": "No trial is done that kept its course.",
        "robustness": "The study tests clean rows only; `evaluate:` adds missing modalities and noise.",
        "cost": "No trial is done yet.",
        "evidence": "Nothing was recorded on whether the ablations took effect.",
    }


def _of_imported(material: Material) -> dict[str, str]:
    return {
        "differences": nothing_compared(material.tables),
        "seeds": _no_slopes(material),
        "curves": "The file tells of no epochs.",
        "robustness": "The file tells of no test with missing modalities or noise.",
        "cost": "The file tells of no parameters, operations or times.",
        "evidence": "These runs were trained elsewhere: nobody here saw whether an ablation took effect.",
    }


def _no_slopes(material: Material) -> str:
    if any(score.judged for table in material.tables for row in table.rows for score in row.scores.values()):
        return "Nothing pairs these runs: no seed means the same in two systems, so there is no slope to draw."
    return nothing_compared(material.tables)


def nothing_compared(tables: Sequence[Table]) -> str:
    """Why no row of these tables is held against another."""
    rows = [row for table in tables for row in table.rows]
    if not rows:
        return "The study has no table, so nothing is compared."
    missing = {(row.cell, row.left_out.get("missing", 0)) for row in rows}
    if number := sum(count for _, count in missing):
        return f"Nothing is compared yet: {number} trial{'s are' if number > 1 else ' is'} still to be trained."
    if failures := lost(rows):
        return f"Nothing can be compared: {failures}."
    if len(rows) == 1:
        return f"Nothing can be compared: “{rows[0].label}” is the only row."
    return "Nothing can be compared: no two rows have a seed and fold in common."


def lost(rows: Iterable[Row]) -> str:
    """The rows of which no trial is left, and why: `“lr 1e+20”: 2 of 2 trials diverged`."""
    gone = {row.cell: row for row in rows if row.planned and not row.done and not row.left_out.get("missing")}
    told = []
    for row in list(gone.values())[:_SAID]:
        ends = ", ".join(f"{number} of {row.planned} trials {state}" for state, number in row.left_out.items())
        told.append(f"“{row.label}”: {ends}")
    return "; ".join([*told, *([f"{len(gone) - _SAID} more systems"] if len(gone) > _SAID else [])])
