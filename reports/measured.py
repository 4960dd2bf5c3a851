"""What a column of a table is of: a metric, or the area under it as a disturbance grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.study.plan import PlannedMetric
from .numerals import heading
from .robustness import Measure, area_values
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .blocks import Block
    from .table import Table

    Blocks = Callable[[str, str], dict[Block, float]]
    """(split, metric as trials name it) -> {(seed, fold): value}."""


def raw(metric: PlannedMetric) -> PlannedMetric:
    """The metric as trials name it: that of a level or an area is the one that both are of."""
    if not isinstance(metric, Measure):
        return metric
    return PlannedMetric(name=metric.metric, higher_is_better=metric.higher_is_better, rate=metric.rate)


def leading(table: Table) -> tuple[PlannedMetric, ...]:
    """What the answer and the plots of one metric are about: the first metric, or every area of a robustness table."""
    areas = tuple(one for one in table.metrics if isinstance(one, Measure) and one.level is None)
    return areas or table.metrics[:1]


def called(metric: PlannedMetric) -> str:
    """`Weighted F1`, or `area under weighted F1 as audio goes missing`."""
    if not isinstance(metric, Measure):
        return heading(metric.name)
    kind, _, which = metric.curve.partition(":")
    names, own = " and ".join(plain(name) for name in which.split("+")), _lowered(heading(metric.metric))
    if metric.level is not None:
        return f"{own} at {plain(kind)} {metric.level:g}{f' of {names}' if names else ''}"
    if kind == "missing":
        return f"area under {own} as {names or 'modalities'} {'go' if '+' in which or not which else 'goes'} missing"
    return f"area under {own} as {plain(kind)}{f' on {names}' if names else ''} grows"


def about(table: Table, named: str, metric: PlannedMetric) -> str:
    """What a plot of one metric is about: the table, and which of its areas where it has several."""
    return f"{named}, {called(metric)}" if len(leading(table)) > 1 else named


def capital(text: str) -> str:
    """`text` as a sentence begins."""
    return text[:1].upper() + text[1:]


def values_of(
    metric: PlannedMetric, columns: Sequence[PlannedMetric], split: str, blocks: Blocks
) -> dict[Block, float]:
    """{(seed, fold): value} behind a score in `metric`; an area is made of the levels among the `columns`."""
    if not isinstance(metric, Measure):
        return blocks(split, metric.name)
    if metric.level is not None:
        return blocks(metric.split, metric.metric)
    same = [
        one for one in columns if isinstance(one, Measure) and (one.metric, one.curve) == (metric.metric, metric.curve)
    ]
    points = {("", one.name): blocks(one.split, one.metric) for one in same if one.level is not None}
    return area_values(same, points).get(("", metric.name), {})


def _lowered(text: str) -> str:
    """A heading inside a sentence; initials stay."""
    first = text.split(" ", maxsplit=1)[0].rstrip(":")
    return text if first.isupper() or any(letter.isdigit() for letter in first) else text[:1].lower() + text[1:]
