"""Evidence before training, looked for where an executor says: a part that hangs or dies there costs its own cells."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..structure import structure
from .before import evidence_before
from .unseen import NOT_LOOKED_AT, RAISED, not_looked_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ...catalogue import Catalogue
    from ...evidence import Evidence
    from ...study.cell import Cell
    from ...study.study import Study
    from ..work import Shelf

    Ask = Callable[[Iterable["Errand"], float], Iterator[tuple["Errand", Any]]]
    """Sends errands out, each with so many seconds, and yields each with what came of it."""

LIMIT, LIMIT_OF_A_CELL = 60.0, 2.0
"""Seconds that looking may take, and as many more for each cell; a cell of AttentionRobustV4's size takes 0.2."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Cells to look at, as they travel to another process."""

    study: bytes
    """The study, to be read once the plugins are loaded: its settings are objects of theirs."""
    plugins: tuple[str, ...]
    """Single-file plugins to load first."""
    data: str
    """Folder of data sets that are shared; empty where there is none."""


def look(errand: Errand, catalogue: Catalogue, shelf: Shelf) -> Iterator[tuple[Evidence, ...]]:
    """All evidence before training of the cells of an errand, wherever this is. A run loads its data once."""
    shelf.common = Path(errand.data) if errand.data else None
    study = pickle.loads(errand.study)  # noqa: S301 - pickled by the parent, over a pipe of ours
    yield evidence_before(study, catalogue, shelf, load_again=False)


@dataclass(frozen=True)
class Apart:
    """Looks at a study elsewhere."""

    ask: Ask
    plugins: tuple[str, ...] = ()
    data: str = ""

    def evidence(self, study: Study) -> tuple[Evidence, ...]:
        """All evidence before training; of cells that could not be looked at, that this is so and why."""
        found = self._look(study)
        if not isinstance(found, BaseException):
            return found
        alike: dict[str, list[Cell]] = {}
        for cell in study.cells:
            alike.setdefault(structure(cell.settings), []).append(cell)
        failed = self._failures([cells[0] for cells in alike.values()], study)
        whole = [cell for cells in alike.values() if cells[0].key not in failed for cell in cells]
        told = [
            _unseen(cell, failed[cells[0].key]) for cells in alike.values() if cells[0].key in failed for cell in cells
        ]
        again = self._look(replace(study, cells=tuple(whole))) if failed and whole else ()
        if not failed or isinstance(again, BaseException):
            return tuple(_unseen(cell, found) for cell in study.cells)
        return (*again, *told)

    def _look(self, study: Study) -> tuple[Evidence, ...] | BaseException:
        limit = LIMIT + LIMIT_OF_A_CELL * len(study.cells)
        answers = [answer for _, answer in self.ask([self._errand(study)], limit)]
        return answers[0] if answers else TimeoutError("there was no answer")

    def _failures(self, cells: Sequence[Cell], study: Study) -> dict[str, BaseException]:
        """{key: why} of those of `cells` that cannot be looked at by themselves."""
        errands = {self._errand(replace(study, cells=(cell,), baseline=cell)): cell.key for cell in cells}
        answers = self.ask(list(errands), LIMIT)
        return {errands[errand]: answer for errand, answer in answers if isinstance(answer, BaseException)}

    def _errand(self, study: Study) -> Errand:
        return Errand(pickle.dumps(study), self.plugins, self.data)


def is_complete(found: Iterable[Evidence]) -> bool:
    """Whether every cell could be looked at, or would raise the same again."""
    return all(one.details.get("code") != NOT_LOOKED_AT or RAISED in one.details for one in found)


def _unseen(cell: Cell, failure: BaseException) -> Evidence:
    return not_looked_at(cell, f"whether it can take effect could not be looked at before training: {failure}")
