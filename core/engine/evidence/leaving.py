"""What really leaves: with a part that is removed, with a modality that is absent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...evidence import Evidence
from .absence import Absence
from .subject import drops_modalities
from .wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...evidence import Mark
    from ...study.cell import Cell
    from .prober import Prober


@dataclass
class Leaving:
    """What the prober has seen, in words."""

    prober: Prober

    def look(self, baseline: Cell, cells: Sequence[Cell]) -> Iterator[Evidence]:
        """What leaves with the parts that cells have not, and with modalities that are absent."""
        known = [
            cell for cell in cells if self.prober.trace(cell) is not None and self.prober.absence(cell) is not None
        ]
        for cell in known:
            yield from self._absent(cell)
            if cell is not baseline and baseline in known:
                yield from self._removed(baseline, cell)

    def _absent(self, cell: Cell) -> Iterator[Evidence]:
        found = self.prober.absence(cell) or Absence({}, {}, {})
        data = self.prober.ground(cell).data
        happens = drops_modalities(cell.settings) or not all(bool(rows.all()) for rows in data.present.values())
        varies = any(path.startswith("modality_dropout") for path in cell.differs)
        for name, moved in found.leaks.items():
            told = f"where '{name}' is absent, its values still move {listed(moved)}"
            paths = tuple("fusion" if part == "predictions" else part for part in moved)
            yield _evidence(cell, told, paths, "BF706", mark="½" if varies else "", moved=list(moved))
        if found.kept:
            shares = ", ".join(f"{name} {100 * share:.1f} %" for name, share in found.kept.items())
            told = f"an absent modality keeps part of the fusion's weight: {shares}"
            code = "BF707" if happens else ""
            yield _evidence(cell, told, ("fusion",), code, mark="½" if varies else "", kept=dict(found.kept))
        for name, reaches in found.ignored.items():
            told = f"'{name}' reaches no prediction{'' if reaches else ' and no term'}: no result can depend on it"
            yield _evidence(cell, told, (f"encoder.{name}",), "BF708", modality=name)
        if not (found.leaks or found.kept or found.ignored) and len(cell.settings.modalities) > 1:
            told = "an absent modality is masked in every prediction and every term, and has no weight in the fusion"
            yield _evidence(cell, told, (), "")

    def _removed(self, baseline: Cell, cell: Cell) -> Iterator[Evidence]:
        terms = [term for term in baseline.settings.losses if term not in cell.settings.losses]
        modalities = [name for name in baseline.settings.modalities if name not in cell.settings.modalities]
        before, after = self.prober.trace(baseline), self.prober.trace(cell)
        if not (terms or modalities) or not (before and after):
            return
        gone = sum(size for name, size in before.sizes.items() if name not in after.sizes)
        first, second = self.prober.effort(baseline), self.prober.effort(cell)
        parts = [*(f"losses.{term}" for term in terms), *(f"modality {name}" for name in modalities)]
        if first is None or second is None:
            return
        share = 100 * (first.operations - second.operations) / max(first.operations, 1)
        counts = f"{first.operations:,} to {second.operations:,}"
        gone_too = f"{share:.1f} % of a step's operations gone ({counts})"
        told = f"without {listed(parts)}: {counted(gone, 'parameter')} and {gone_too}"
        operations = [first.operations, second.operations]
        yield _evidence(cell, told, tuple(cell.differs), "", other=baseline, parameters=gone, operations=operations)
        held = self.prober.absence(baseline)
        ignored = held.ignored if held else {}
        for name in modalities:
            if name in ignored:
                told = f"'{name}' is removed, and in '{baseline.label}' it reaches no prediction either"
                yield _evidence(cell, told, ("modalities",), "", mark="⊘", other=baseline)


def _evidence(
    cell: Cell,
    message: str,
    paths: tuple[str, ...],
    code: str,
    *,
    mark: Mark = "",
    other: Cell | None = None,
    **numbers: object,
) -> Evidence:
    return Evidence(
        cell=cell.key,
        question="what leaves",
        phase="before",
        message=message,
        mark=mark,
        other=other.key if other else "",
        paths=paths,
        details={**({"code": code} if code else {}), **numbers},
    )
