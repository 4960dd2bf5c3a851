"""What really leaves: with a part that is removed, with a modality that is absent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .absence import Absence
from .answer import answer
from .masked import masked
from .removed import counts, gone, moves_any, told
from .unseen import lacks_some
from .wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...evidence import Evidence, Question
    from ...study.cell import Cell
    from .prober import Prober

_LEAVES: Question = "what leaves"


@dataclass
class Leaving:
    """What the prober has seen, in words."""

    prober: Prober

    def look(self, baseline: Cell, cells: Sequence[Cell]) -> Iterator[Evidence]:
        """What leaves with the parts that cells have not, and with modalities that are absent."""
        known = [
            cell for cell in cells if self.prober.trace(cell) is not None and self.prober.absence(cell) is not None
        ]
        if baseline in known:
            yield from self._at_test(baseline)
        for cell in known:
            yield from self._absent(cell)
            if cell is not baseline and baseline in known:
                yield from self._removed(baseline, cell)

    def _absent(self, cell: Cell) -> Iterator[Evidence]:
        found = self.prober.absence(cell) or Absence({}, {}, {})
        varies = any(path.startswith("modality_dropout") for path in cell.differs)
        for name, moved in found.leaks.items():
            message = f"where '{name}' is absent, its values still move {listed(moved)}"
            paths = tuple("fusion" if part == "predictions" else part for part in moved)
            yield answer(cell, _LEAVES, message, paths, "BF706", mark="½" if varies else "", moved=list(moved))
        if found.kept:
            shares = ", ".join(f"{name} {100 * share:.1f} %" for name, share in found.kept.items())
            message = f"an absent modality keeps part of the fusion's weight: {shares}"
            code = "BF707" if lacks_some(self.prober, cell) else ""
            yield answer(cell, _LEAVES, message, ("fusion",), code, mark="½" if varies else "", kept=dict(found.kept))
        for name, reaches in found.ignored.items():
            why = ", only terms" if reaches else " and no term: no result can depend on it"
            yield answer(
                cell,
                "what leaves",
                f"'{name}' reaches no prediction{why}",
                (f"encoder.{name}",),
                "BF708",
                modality=name,
            )
        yield from (answer(cell, _LEAVES, message, (), **places) for message, places in masked(cell.settings, found))

    def _at_test(self, baseline: Cell) -> Iterator[Evidence]:
        """Rows that are tested without modalities and are just as they were."""
        for condition in self.prober.conditions:
            if condition.kind == "without" and self.prober.is_idle_test(baseline, condition):
                names = listed(f"'{name}'" for name in condition.modalities)
                message = f"without {names} at test, no prediction changes"
                yield answer(baseline, _LEAVES, message, ("modalities",), mark="⊘", condition=condition.name)

    def _removed(self, baseline: Cell, cell: Cell) -> Iterator[Evidence]:
        without, instead = gone(baseline, cell)
        found = counts(self.prober, baseline, cell) if without or instead else None
        if found is not None and (without or moves_any(found[1])):
            words, numbers = found
            message = f"{told(without, instead)}: {words}"
            yield answer(cell, _LEAVES, message, tuple(cell.differs), other=baseline, **numbers)
        modalities = [name for name in baseline.settings.modalities if name not in cell.settings.modalities]
        held = self.prober.absence(baseline)
        ignored = held.ignored if held else {}
        for name in modalities:
            if name in ignored:
                message = f"'{name}' is removed, and in '{baseline.label}' it reaches no prediction either"
                yield answer(cell, _LEAVES, message, ("modalities",), mark="⊘", other=baseline)
