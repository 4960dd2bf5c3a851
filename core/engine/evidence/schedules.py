"""Schedules that never bring a part of the difference to its full effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answer import answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...evidence import Evidence, Mark
    from ...specs import Warmup
    from ...study.cell import Cell
    from ...study.settings import CellSettings


def unreached(cells: Sequence[Cell]) -> Iterator[Evidence]:
    """Warm-ups that are not over in the last epoch; a finding where one never begins, a mark where it differs."""
    for cell in cells:
        last = cell.settings.train.epochs - 1
        for path, warmup in _warmups(cell.settings):
            share = warmup.factor(last)
            if share >= 1:
                continue
            reached = f"{100 * share:.0f} %" if share else "nothing"
            message = f"{path} reaches {reached} of its effect in {last + 1} epochs"
            mark, code = _mark(cell, path, share), "" if share else "BF713"
            paths = (f"{path}.warmup",)
            yield answer(cell, "schedule", message, paths, code, mark=mark, share=share, epochs=last + 1)


def _warmups(settings: CellSettings) -> Iterator[tuple[str, Warmup]]:
    yield from ((f"losses.{term}", spec.warmup) for term, spec in settings.losses.items() if spec.weight > 0)
    if settings.modality_dropout is not None and settings.modality_dropout.rate > 0:
        yield "modality_dropout", settings.modality_dropout.warmup


def _mark(cell: Cell, path: str, share: float) -> Mark:
    about = any(differs == path or differs.startswith(f"{path}.") for differs in cell.differs)
    return ("½" if share else "⊘") if about else ""
