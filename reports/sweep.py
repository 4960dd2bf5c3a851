"""The trend of each series of a sweep: does the metric go up or down with the setting?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .effects import FEWEST_FOR_TREND, contrasted
from .numerals import heading
from .statistics.corrections import adjusted
from .statistics.trend import slope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.study.plan import PlannedRow, StatisticsSettings
    from .gather import Gathered
    from .shapes import Series, Shape
    from .statistics.contrast import Effect


def trends(
    shape: Shape, rows: Sequence[PlannedRow], made: Gathered, metric: str, settings: StatisticsSettings
) -> tuple[Effect, ...]:
    """A slope, per unit of the setting, for each series of three or more values; p adjusted over the series."""
    found: list[Effect] = []
    for series in shape.series:
        keys = _told(series, rows, made, metric)
        if len(keys) >= FEWEST_FOR_TREND:
            one = slope(list(keys.values()), name=_name(shape, series))
            found += contrasted(list(keys), one, made.values, metric, made.procedure, correction="none")
    p = adjusted([one.p for one in found], settings.correction)
    return tuple(replace(one, p_adjusted=q) for one, q in zip(found, p, strict=True))


def untold_trends(shape: Shape, rows: Sequence[PlannedRow], made: Gathered, metric: str) -> tuple[str, ...]:
    """Why a trend is not told, or is told of fewer values than its series has."""
    found = []
    for series in shape.series:
        keys = _told(series, rows, made, metric)
        gone = "; ".join(f"{value:g}" for value, index in series.points if rows[index].key not in keys)
        if keys and gone and len(series.points) >= FEWEST_FOR_TREND:
            what = f"trend of {_name(shape, series)} on {heading(metric)}"
            short = len(keys) < FEWEST_FOR_TREND
            found.append(
                f"Without a value at {gone} the {what} cannot be told."
                if short
                else f"The {what} is told without {gone}, of which there is no value."
            )
    return tuple(found)


def _told(series: Series, rows: Sequence[PlannedRow], made: Gathered, metric: str) -> dict[str, float]:
    """{row: value of the setting}, of rows that have a value in the metric."""
    return {rows[index].key: value for value, index in series.points if made.values.get((rows[index].key, metric))}


def _name(shape: Shape, series: Series) -> str:
    return f"{shape.swept}, {series.label}" if series.label else shape.swept
