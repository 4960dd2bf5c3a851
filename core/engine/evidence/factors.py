"""What differs between a cell and its baseline, in words, and whether it is one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answer import answer
from .wording import listed, told_difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...evidence import Evidence
    from ...study.cell import Cell


def factors(baseline: Cell, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """One answer for each cell but the baseline."""
    for cell in cells:
        if cell is baseline:
            continue
        count, paths = len(cell.differs), tuple(cell.differs)
        said = f"against '{baseline.label}': {_words(baseline, cell)}"
        told = "one factor" if count == 1 else f"{count} factors at once, their effects are not told apart"
        yield answer(cell, "factors", f"{told}; {said}", paths, other=baseline, factors=count)


def _words(baseline: Cell, cell: Cell) -> str:
    """`without losses.kl; fusion.heads (4, 8)`."""
    gone = [path for path, value in cell.differs.items() if value is None and not cell.has(path)]
    added = [path for path in cell.differs if path not in gone and not baseline.has(path)]
    changed = {path: value for path, value in cell.differs.items() if path not in gone and path not in added}
    parts = [listed(f"without {path}" for path in gone), listed(f"with {path}" for path in added)]
    return "; ".join(part for part in (*parts, told_difference(baseline, cell, changed)) if part)
