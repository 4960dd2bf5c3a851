"""Are two cells the same computation? What seems so is looked at a second time before it is called that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...study.differences import differences
from .answer import answer
from .computation import computation
from .harder import parts_later
from .influence import holder
from .partly import SAME, partly_same
from .wording import told_difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...evidence import Evidence
    from ...study.cell import Cell
    from .computation import Computation, Key
    from .influence import Influences
    from .prober import Prober

_PAIRS = 3
"""Pairs with one difference that are looked at a second time; where none parts, the rest is taken for the same."""


def same_computation(prober: Prober, influences: Influences, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """Every pair of cells that is one computation, and what is equal in part."""
    known = [found for cell in cells if (found := computation(prober, cell)) is not None]
    pairs, doubles = _Pairs(prober, influences), set[str]()
    for kind in ("exact", "effective"):
        groups: dict[Key, list[Computation]] = {}
        for one in known:
            groups.setdefault(getattr(one, kind), []).append(one)
        for first, *rest in groups.values():
            apart = [first.cell]
            for cell in (other.cell for other in rest if other.cell.key not in doubles):
                doubles.add(cell.key)
                yield pairs.told(apart, cell, exact=kind == "exact")
    if known:
        yield from partly_same(prober, cells[0], [one for one in known if one.cell.key not in doubles])


@dataclass
class _Pairs:
    """Judges pairs of cells that seem equal."""

    prober: Prober
    influences: Influences
    _settled: dict[str, int] = field(default_factory=dict)
    """{difference: pairs that were found the same at the second look}."""
    _whole: dict[str, bool] = field(default_factory=dict)
    """{difference: whether the last such pair was the same in what does nothing, too}."""

    def told(self, apart: list[Cell], other: Cell, *, exact: bool) -> Evidence:
        """What there is to say of a cell that seems equal to all in `apart`, which a second look told from each other.

        It joins them where it is apart from all of them.
        """
        for first in apart:
            beyond = self._beyond(first, other)
            if not beyond:
                return self._same(first, other, exact=exact)
        apart.append(other)
        paths = tuple(differences(apart[0].resolved, other.resolved, other.node))
        message = f"'{apart[0].label}' and '{other.label}' compute the same on these rows at first; {beyond}"
        return answer(other, SAME, message, paths, "BF710", other=apart[0])

    def _same(self, first: Cell, other: Cell, *, exact: bool) -> Evidence:
        differs = differences(first.resolved, other.resolved, other.node)
        paths, pair = tuple(differs), f"'{first.label}' and '{other.label}'"
        on_paper = f"on paper they differ in {told_difference(first, other, differs)}"
        if exact and self._wholly(first, other):
            message = f"no effect: cells {pair} are the same computation; {on_paper}"
            return answer(other, SAME, message, paths, "BF701", mark="≡", other=first)
        said = "train and predict the same, what else one of them has does nothing"
        return answer(other, SAME, f"no effect: cells {pair} {said}; {on_paper}", paths, "BF702", mark="⊘", other=first)

    def _beyond(self, first: Cell, other: Cell) -> str:
        """Where the cells part after all, in words; empty where they do not."""
        differs = differences(first.resolved, other.resolved, other.node)
        key = told_difference(first, other, differs)
        if self._settled.get(key, 0) >= _PAIRS:
            return ""
        limits = [path for path in differs if _acts_elsewhere(self.influences, first, other, path)]
        if limits:
            return f"{', '.join(limits)} acts only beyond"
        if parts_later(self.prober, first, other, "effective"):
            return f"in other epochs, with other noise or with larger numbers {', '.join(differs)} acts"
        self._settled[key] = self._settled.get(key, 0) + 1
        return ""

    def _wholly(self, first: Cell, other: Cell) -> bool:
        """Whether nothing parts, not even what does nothing."""
        key = told_difference(first, other, differences(first.resolved, other.resolved, other.node))
        if key not in self._whole or self._settled[key] < _PAIRS:
            self._whole[key] = not parts_later(self.prober, first, other, "exact")
        return self._whole[key]


def _acts_elsewhere(influences: Influences, first: Cell, other: Cell, path: str) -> bool:
    """Whether a number that differs is a limit that these rows do not reach, but others might."""
    area, _, rest = path.partition(".")
    if area not in ("encoder", "fusion", "losses") or rest.endswith((".weight", ".warmup.start", ".warmup.ramp")):
        return False
    for cell in (first, other):
        full = _full(cell, path)
        held, name = holder(cell, full)
        value = getattr(held, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool) and influences.of(cell, full).moved:
            return True
    return False


def _full(cell: Cell, path: str) -> str:
    """`encoder.width` stands for that of every encoder."""
    parts = path.split(".")
    if parts[0] == "encoder" and len(parts) > 1 and parts[1] not in cell.settings.encoder:
        parts.insert(1, cell.settings.modalities[0])
    return ".".join(parts)
