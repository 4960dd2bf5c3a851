"""Factorial designs: main effects, interactions and Shapley values, all from contrasts within each block."""

from __future__ import annotations

from itertools import combinations, product
from math import factorial as _permutations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ...core.study.plan import Level

    Array = NDArray[np.float64]
_HERE_AND_AWAY = 2  # the levels of a factor that has a Shapley share


class Contrasts(NamedTuple):
    """Named weights on the cells: `weights @ values` has a row for each name and a column for each block."""

    labels: tuple[str, ...]
    weights: Array
    """(m, cells)."""


def main_and_interactions(
    levels: Sequence[Mapping[str, Level]], reference: Mapping[str, Level], *, order: int = 2
) -> Contrasts:
    """Contrasts of the cells with these `levels`, against the `reference` levels, up to interactions of that order.

    Main effect: the change from the reference level, averaged over all combinations of the other factors. Interaction:
    how much that change itself changes with the other factor (difference of differences), averaged likewise. Empty
    where a combination is missing, for then the averages would be of different things.
    """
    order_of = {factor: _levels(levels, factor, reference) for factor in reference}
    place = {tuple(row[factor] for factor in order_of): index for index, row in enumerate(levels)}
    grid = list(product(*order_of.values()))
    if any(point not in place for point in grid):
        return Contrasts((), np.empty((0, len(levels))))
    parts = {
        (factor, level): np.array([_side(row[factor], level, known[0]) for row in levels])
        for factor, known in order_of.items()
        for level in known[1:]
    }
    labels, rows = [], []
    for size in range(1, order + 1):
        for factors in combinations(order_of, size):
            for changed in product(*(order_of[factor][1:] for factor in factors)):
                change = dict(zip(factors, changed, strict=True))
                labels.append(effect_label(change))
                weights = np.ones(len(levels))
                for factor, known in order_of.items():
                    weights *= parts[factor, change[factor]] if factor in change else 1 / len(known)
                rows.append(weights)
    return Contrasts(tuple(labels), np.array(rows).reshape(len(rows), len(levels)))


def effect_label(change: Mapping[str, Level]) -> str:
    """`gate without`, `gate without × fusion mean`."""
    return " × ".join(f"{factor} {_word(level)}" for factor, level in change.items())


def shapley(levels: Sequence[Mapping[str, Level]], reference: Mapping[str, Level]) -> Contrasts:
    """Contrasts whose values are the Shapley values of the components: what each brings, averaged over all orders.

    A component is there at its `reference` level (the full system's) and away at its other one. The values add up to
    full system less empty system. Empty unless every factor has two levels and every combination is there.
    """
    factors = list(reference)
    present = {frozenset(f for f in factors if row[f] == reference[f]): index for index, row in enumerate(levels)}
    if len(present) != 2 ** len(factors) or not all(
        len(_levels(levels, f, reference)) == _HERE_AND_AWAY for f in factors
    ):
        return Contrasts((), np.empty((0, len(levels))))
    rows = np.zeros((len(factors), len(levels)))
    whole = _permutations(len(factors))
    for number, factor in enumerate(factors):
        for without, index in present.items():
            if factor not in without:
                size = len(without)
                share = _permutations(size) * _permutations(len(factors) - size - 1) / whole
                rows[number, present[without | {factor}]] += share
                rows[number, index] -= share
    return Contrasts(tuple(factors), rows)


def _side(level: Level, changed: Level, reference: Level) -> float:
    """On which side of a change from the reference a cell stands."""
    return -1.0 if level == reference else float(level == changed)


def _levels(levels: Sequence[Mapping[str, Level]], factor: str, reference: Mapping[str, Level]) -> list[Level]:
    """The levels of a factor, the reference first."""
    return list(dict.fromkeys([reference[factor], *(row[factor] for row in levels)]))


def _word(level: Level) -> str:
    return (
        {True: "with", False: "without", None: "none"}.get(level, str(level))
        if isinstance(level, bool | None)
        else str(level)
    )
