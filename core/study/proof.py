"""Evidence as findings, each where the setting that it is about stands in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fit import place_of
from .locate import locate
from .problems import Problems
from .tree import at, lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..errors import Finding
    from ..evidence import Evidence
    from .cell import Cell
    from .study import Study
    from .tree import Place

CODE = "code"
"""Where a record's details name its code; one without is no finding."""


def findings_of(study: Study, evidence: Iterable[Evidence]) -> tuple[Finding, ...]:
    """A finding for each thing that is wrong or odd, with the cells that share it; how grave it is says its code."""
    problems, cells = Problems(), {cell.key: cell for cell in study.cells}
    for one in evidence:
        code, cell = str(one.details.get(CODE, "")), cells.get(one.cell)
        if code and cell is not None:
            problems.cell = cell.label
            path = one.paths[0] if one.paths else ""
            problems.take([at(_place(study, cell, path), one.message, path, code=code)])
    return tuple(problems.known.values())


def _place(study: Study, cell: Cell, path: str) -> Place:
    """Where the setting was written; of one that the cell has lost, the row that takes it away."""
    if path in cell.differs and lookup(cell.node, path) is None:
        for design in study.designs:
            for row in design.rows:
                around = locate(study.node, ["ablations", design.name, design.kind])[0]
                if row.cell == cell.key and row.label in around.children:
                    return around.children[row.label].head
        shown = [design.name for design in study.designs if any(row.cell == cell.key for row in design.rows)]
        if shown:
            return locate(study.node, ["ablations", shown[0]])[0].head
    return place_of(cell.node, path or "baseline")
