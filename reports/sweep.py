"""The trend of each series of a sweep: does the metric go up or down with the setting?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .effects import contrasted
from .statistics.corrections import adjusted
from .statistics.trend import slope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.study.plan import PlannedRow, StatisticsSettings
    from .gather import Gathered
    from .shapes import Shape
    from .statistics.contrast import Effect

_FEWEST = 3
"""Values that can show a trend; two are a comparison."""


def trends(
    shape: Shape, rows: Sequence[PlannedRow], made: Gathered, metric: str, settings: StatisticsSettings
) -> tuple[Effect, ...]:
    """A slope, per unit of the setting, for each series of three or more values; p adjusted over the series."""
    found: list[Effect] = []
    for series in shape.series:
        keys = {rows[index].key: value for value, index in series.points}
        if len(keys) >= _FEWEST:
            name = f"{shape.swept}, {series.label}" if series.label else shape.swept
            one = slope(list(keys.values()), name=name)
            found += contrasted(list(keys), one, made.values, metric, made.procedure, correction="none")
    p = adjusted([one.p for one in found], settings.correction)
    return tuple(replace(one, p_adjusted=q) for one, q in zip(found, p, strict=True))
