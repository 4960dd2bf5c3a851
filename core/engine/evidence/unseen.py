"""Cells that a look raised in, though they run: that they could not be looked at is said, and not passed over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..rehearse import rehearse
from .answer import answer
from .disturbed import ABSENT
from .subject import drops_modalities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...evidence import Evidence
    from ...study.cell import Cell
    from ...study.study import Study
    from .prober import Prober

NOT_LOOKED_AT = "BF711"
RAISED = "raised"
"""Stands in the details where looking again would raise the same again."""


def unseen(prober: Prober, study: Study) -> Iterator[Evidence]:
    """What raised in cells whose rehearsal does not: all of a look, or what an absent modality does."""
    for cell in study.cells:
        failure, absent = prober.failure(cell), prober.unseen_absence(cell)
        if failure is not None and _runs(prober, study, cell):
            told = "whether it can take effect could not be looked at before training"
            yield not_looked_at(cell, f"{told}: {_told(failure)}", raised=type(failure).__name__)
        elif failure is None and absent is not None:
            told = f"what an absent modality does could not be looked at: {_told(absent)}"
            code = NOT_LOOKED_AT if lacks_some(prober, cell) else ""
            yield not_looked_at(cell, told, code, raised=type(absent).__name__)


def lacks_some(prober: Prober, cell: Cell) -> bool:
    """Whether a modality is ever absent: dropped, not in the data, or taken away in a test."""
    ground = prober.ground(cell)
    complete = all(bool(ground.data.present[name].all()) for name in cell.settings.modalities)
    return drops_modalities(cell.settings) or not complete or ABSENT in ground.tested


def not_looked_at(cell: Cell, message: str, code: str = NOT_LOOKED_AT, *, raised: str = "") -> Evidence:
    """That something could not be looked at, with the kind of error that would be raised again."""
    details: dict[str, Any] = {RAISED: raised} if raised else {}
    return answer(cell, "looking", message, tuple(cell.differs), code, **details)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _runs(prober: Prober, study: Study, cell: Cell) -> bool:
    """Whether the rehearsal of a cell finds no error, which would tell all."""
    found = rehearse(replace(study, cells=(cell,)), prober.catalogue, prober.shelf)
    return all(finding.severity != "error" for finding in found)
