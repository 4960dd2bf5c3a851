"""The columns of a printed table that say how a row compares with the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .numerals import ABSENT, numeral, probability
from .statistics.corrections import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.study.plan import PlannedMetric
    from .judged import Judged
    from .statistics.compare import Comparison
    from .table import Table

TIED = "†"
"""Behind a number that is not told apart from the best of its column."""


@dataclass(frozen=True, slots=True)
class ComparisonColumn:
    """A heading, and the text of a row under it."""

    name: str
    heading: str
    text: Callable[[Judged | None, float, int], str]
    """(comparison, factor of the metric's unit, digits)."""


def comparison_columns(table: Table, metric: PlannedMetric) -> list[ComparisonColumn]:
    """The difference, then what the table's settings ask for; a column that would be empty is not there."""
    settings = table.statistics.settings

    def somewhere(is_known: Callable[[Comparison], object]) -> bool:
        """Looked for up to the first row that has it: this is asked for every row of long tables."""
        return any(is_known(judged.comparison) for row in table.rows if (judged := row.scores[metric.name].judged))

    interval = "interval" in settings.columns and somewhere(lambda one: one.low is not None)
    level = f"{100 * (1 - settings.alpha):g}"
    columns = [ComparisonColumn("delta", f"Δ, {level} % CI" if interval else "Δ", _interval if interval else _delta)]
    tested = somewhere(lambda one: one.p is not None)
    name = NAMES[settings.correction]
    ready = {
        "p": (tested, ComparisonColumn("p", "p", lambda one, *_: _p(one.comparison.p if one else None))),
        "p_adjusted": (
            tested,
            ComparisonColumn(
                "p_adjusted",
                "p" if settings.correction == "none" else f"p ({name})",
                lambda one, *_: _p(one.p_adjusted if one else None),
            ),
        ),
        "wins": (somewhere(lambda one: one.pairs), ComparisonColumn("wins", "wins", _wins)),
        "superiority": (
            somewhere(lambda one: one.superiority is not None),
            ComparisonColumn("superiority", f"P(better), {level} % CI", _superiority),
        ),
        "effect": (
            somewhere(lambda one: one.hedges is not None),
            ComparisonColumn(
                "effect", "g", lambda one, *_: numeral(one.comparison.hedges if one else None, 2, signed=True)
            ),
        ),
        "verdict": (tested, ComparisonColumn("verdict", "verdict", lambda one, *_: (one and one.verdict) or ABSENT)),
    }
    return columns + [ready[name][1] for name in dict.fromkeys(settings.columns) if name in ready and ready[name][0]]


def _delta(judged: Judged | None, factor: float, places: int) -> str:
    return numeral(judged.comparison.delta * factor if judged else None, places, signed=True)


def _interval(judged: Judged | None, factor: float, places: int) -> str:
    """`+0.012 (0.004, 0.020)`, or the difference alone."""
    text = _delta(judged, factor, places)
    if judged is None or judged.comparison.low is None or judged.comparison.high is None:
        return text
    low, high = judged.comparison.low * factor, judged.comparison.high * factor
    return f"{text} ({numeral(low, places)}, {numeral(high, places)})"


def _wins(judged: Judged | None, _factor: float, _places: int) -> str:
    return f"{judged.comparison.wins}/{judged.comparison.pairs}" if judged and judged.comparison.pairs else ABSENT


def _superiority(judged: Judged | None, _factor: float, _places: int) -> str:
    """`0.83 (0.36, 1.00)`."""
    one = judged.comparison.superiority if judged else None
    return ABSENT if one is None else f"{one.share:.2f} ({one.low:.2f}, {one.high:.2f})"


def _p(value: float | None) -> str:
    return ABSENT if value is None else probability(value)
