"""Designs to cells: one pure function. Cells with equal settings are one cell, whichever designs ask for them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .plan import PlannedDesign, PlannedRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cell import Cell, CellMaker
    from .designs import Design, Point
    from .problems import Problems


@dataclass(slots=True)
class Expansion:
    """The cells found so far, and where they are used."""

    maker: CellMaker
    problems: Problems
    cells: dict[str, Cell] = field(default_factory=dict)

    def add(self, design: Design) -> PlannedDesign:
        """The rows of a design; its new cells are kept."""
        rows: dict[str, PlannedRow] = {}
        labels: dict[str, str] = {}
        used: set[int] = set()
        for point in design.points(used):
            cell = self.maker.baseline if point.without else self.maker.make(point.label, point.assignments)
            if point.label in labels:
                self._twice(design, point)
            labels.setdefault(point.label, "")
            if cell is None:
                continue
            row = self._row(design, point, cell)
            if row.key in rows:
                self._same(design, point, rows[row.key])
                continue
            rows[row.key] = row
            known = self.cells.setdefault(cell.key, cell)
            self.cells[cell.key] = replace(known, designs=tuple(dict.fromkeys((*known.designs, design.name))))
        self._check_exclusions(design, used)
        return PlannedDesign(name=design.name, kind=design.kind, factors=design.factors, rows=tuple(rows.values()))

    def _row(self, design: Design, point: Point, cell: Cell) -> PlannedRow:
        baseline = self.maker.baseline
        return PlannedRow(
            cell=cell.key,
            label=point.label,
            levels=design.levels(point, cell.has),
            baseline=baseline is not None and cell.key == baseline.key and not point.without,
            without=point.without,
        )

    def _twice(self, design: Design, point: Point) -> None:
        message = f"two rows are labelled '{point.label}'"
        self.problems.add(
            point.place, message, f"ablations.{design.name}", "give each a label of its own", code="BF308"
        )

    def _same(self, design: Design, point: Point, row: PlannedRow) -> None:
        """A row whose cell the design has already: wrong where something was to be left out, else only odd."""
        where = f"ablations.{design.name}"
        if row.baseline and design.kind == "leave_one_out":
            self.problems.add(
                point.place, f"'{point.label}' leaves nothing out: it equals the baseline", where, code="BF307"
            )
        elif not (row.baseline and design.leads):
            message = f"'{point.label}' is the same cell as '{row.label}', and is left out"
            self.problems.add(point.place, message, where, code="BF310")

    def _check_exclusions(self, design: Design, used: set[int]) -> None:
        for number, entry in enumerate(design.exclude):
            if number not in used:
                where = f"ablations.{design.name}.exclude"
                self.problems.add(entry[0].place, "this excludes nothing", where, code="BF311")


def expand_designs(
    maker: CellMaker, problems: Problems, designs: Sequence[Design]
) -> tuple[dict[str, Cell], tuple[PlannedDesign, ...]]:
    """{key: cell}, and the designs with their rows. The baseline is always a cell: all others are compared with it."""
    expansion = Expansion(maker, problems)
    if maker.baseline is not None:
        expansion.cells[maker.baseline.key] = maker.baseline
    planned = tuple(expansion.add(design) for design in designs)
    return expansion.cells, planned
