"""Methods ranked over data sets: each by its mean on the blocks that all methods have there, then Friedman's test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .numerals import heading, probability
from .shapes import word_of
from .statistics.blocks import complete
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.study.plan import PlannedMetric
    from .blocks import Block
    from .gather import Gathered
    from .statistics.friedman import Friedman
    from .table import Table

_FEWEST_METHODS, _FEWEST_SETS, _FEWEST_FOR_NOTE = 3, 2, 3
_LISTED = 8


def ranked_over(
    values: Mapping[str, Mapping[str, Mapping[Block, float]]], *, higher_is_better: bool, alpha: float
) -> Friedman | None:
    """Friedman's test of `values` {data set: {method: {block: value}}}.

    None below three methods or two data sets, where they have not the same methods, or no block in common.
    """
    methods = list(dict.fromkeys(method for found in values.values() for method in found))
    if len(methods) < _FEWEST_METHODS or len(values) < _FEWEST_SETS:
        return None
    scores = []
    for found in values.values():
        if len(found) < len(methods):
            return None
        shared = complete({method: found[method] for method in methods})
        if not shared.blocks:
            return None
        scores.append(shared.values.mean(axis=-1))
    from .statistics.friedman import friedman  # noqa: PLC0415 - seconds to import, and few tables have data sets

    return friedman(np.array(scores), methods, higher_is_better=higher_is_better, alpha=alpha)


def ranks_of_table(made: Gathered, metric: PlannedMetric, alpha: float) -> Friedman | None:
    """The methods of a table ranked over three or more data sets, each of which has columns of its own."""
    factor = made.groups.factor
    values: dict[str, dict[str, Mapping[Block, float]]] = {}
    for row in made.design.rows if factor else ():
        own = made.values.get((row.key, metric.name))
        method = ", ".join(word_of(name, level) for name, level in row.levels.items() if name != factor)
        of_data = values.setdefault(str(row.levels.get(factor)), {})
        if own:
            of_data[plain(method)] = own
    if len(values) < _FEWEST_FOR_NOTE:
        return None
    return ranked_over(values, higher_is_better=metric.higher_is_better, alpha=alpha)


def ranks_note(table: Table) -> str:
    """Friedman's p, the mean ranks and the critical difference, of the first metric."""
    found = table.over_data_sets
    if found is None:
        return ""
    order = np.argsort(found.ranks, kind="stable").tolist()
    more = f"; and {len(order) - _LISTED} more" if len(order) > _LISTED else ""
    ranks = "; ".join(f"{found.methods[place]} {found.ranks[place]:.2f}" for place in order[:_LISTED])
    p = "too few for a p" if found.p is None else f"p {probability(found.p)}"
    name = heading(table.metrics[0].name)
    return (
        f"Over {found.data_sets} data sets (never over seeds) {name} has the mean ranks {ranks}{more}; 1 is best. "
        f"Friedman's test with the F of Iman and Davenport: {p}; Nemenyi's critical difference "
        f"{found.critical_difference:.2f}."
    )
