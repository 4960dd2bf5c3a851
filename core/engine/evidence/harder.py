"""A second, harder look at what seems equal: other initial values, other noise, other epochs, and larger numbers.

A limit acts on large values only, a rare event in few batches, a schedule of a part's own in some epochs; and one unit
that happens to be dead hides whatever comes before it. What parts here is not equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .computation import computation
from .subject import Way
from .trace import program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...study.cell import Cell
    from ...study.settings import CellSettings
    from .prober import Prober
    from .trace import Trace

_SCALES = ((1.0, 1.0), (3.0, 1.0), (1.0, 3.0), (10.0, 1.0), (3.0, 3.0), (1.0, 10.0), (10.0, 10.0))
"""Factors of features and of parameters."""
WAYS = tuple(Way(number, *_SCALES[number % len(_SCALES)]) for number in range(1, 15))
"""Each is two batches of training: an event in every fifth batch shows itself in all of them but once in 500 times."""
ANEW = tuple(Way(number) for number in range(21, 25))
"""Other initial values and other noise, and nothing larger."""


def moves_later(prober: Prober, cell: Cell, others: Iterable[CellSettings]) -> bool:
    """Whether any of other settings computes something else than the cell in one of the ways."""
    every = list(others)
    return any(prober.moves(cell, settings, way) for way in WAYS for settings in every)


def seen_again(prober: Prober, cell: Cell, ways: Iterable[Way] = WAYS) -> Iterator[Trace]:
    """The traces of a cell in the ways in which it computes finite numbers."""
    for way in ways:
        found = prober.trace(cell, way=way)
        if found is not None:
            yield found


def parts_later(prober: Prober, first: Cell, other: Cell, kind: str) -> bool:
    """Whether two cells part in one of the ways; `kind` is what of their computation must be equal."""
    if program(first.settings, prober.ground(first).key) == program(other.settings, prober.ground(other).key):
        return False
    for way in WAYS:
        one, two = computation(prober, first, way), computation(prober, other, way)
        if one is None or two is None:
            if one is not two:
                return True
        elif getattr(one, kind) != getattr(two, kind):
            return True
    return False
