"""Terms that train nothing: of weight above zero, and without gradient for any parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answer import answer
from .harder import seen_again
from .subject import active_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...evidence import Evidence
    from ...study.cell import Cell
    from .prober import Prober


def idle_terms(prober: Prober, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """One answer for each such term of a cell; a mark where the cell is about the term."""
    known: dict[str, bool] = {}
    for cell in cells:
        found = prober.trace(cell)
        if found is None:
            continue
        for term in (term for term in cell.settings.losses if term in active_terms(cell.settings)):
            if found.gradients[term]:
                continue
            key = f"{prober.ground(cell).key} {term} {cell.settings.losses[term].resolved()}"
            if key not in known:
                known[key] = not any(later.gradients[term] for later in seen_again(prober, cell))
            if known[key]:
                yield _evidence(cell, term)


def _evidence(cell: Cell, term: str) -> Evidence:
    path = f"losses.{term}"
    about = any(differs == path or differs.startswith(f"{path}.") for differs in cell.differs)
    message = f"'{term}' trains nothing: no gradient of it reaches any parameter, whatever its weight"
    return answer(cell, "setting without influence", message, (path,), "BF712", mark="⊘" if about else "")
