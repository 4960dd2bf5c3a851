"""What stands under a table about what its tests could have seen, and how many seeds would settle what is open."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from .numerals import amount, heading
from .statistics.small_n import FEWEST_FOR_P, MOST_SEEDS, detectable, seeds_to_detect, seeds_to_settle

if TYPE_CHECKING:
    from ..core.study.plan import PlannedMetric
    from .statistics.compare import Comparison
    from .table import Table

_LISTED = 8
_FEWEST_FOR_GUESS = 3
"""Seeds from which a number of seeds is guessed."""


def strictest(table: Table) -> float:
    """Alpha of one look at the correction's strictest step."""
    level = table.statistics.procedure.level
    return level if table.statistics.settings.correction == "none" else level / max(1, table.statistics.family)


def detectable_note(table: Table, metric: PlannedMetric) -> str:
    """The smallest difference that these blocks find with the wanted power, at the typical spread of the rows."""
    settings, procedure = table.statistics.settings, table.statistics.procedure
    known = [judged.comparison for row in table.rows if (judged := row.scores[metric.name].judged)]
    if not known or procedure.anytime or procedure.test == "wilcoxon":
        return ""
    count, spread = max(one.units for one in known), median(one.sd or 0.0 for one in known)
    if not spread or count < FEWEST_FOR_P:
        return ""
    size = detectable(count, alpha=strictest(table), target=settings.power, share=procedure.share(count))
    if size is None:
        return ""
    return (
        f"Detectable with power {settings.power:g} at the correction's strictest step: "
        f"{heading(metric.name)} {amount(metric, size * spread, table.decimals, percent=table.percent)}."
    )


def settling_note(table: Table, metric: PlannedMetric) -> str:
    """How many seeds would settle the rows that are not settled; nothing of rows that have as many already."""
    settings, procedure = table.statistics.settings, table.statistics.procedure
    if procedure.unit != "seed" or procedure.anytime:
        return ""
    margin = settings.margin_of(metric.name)
    open_rows = [
        (row.label, judged.comparison)
        for row in table.rows
        if (judged := row.scores[metric.name].judged)
        and judged.verdict in (None, "not settled")
        and judged.comparison.sd
        and judged.comparison.units >= _FEWEST_FOR_GUESS
    ]
    counts = [(label, one.units, _seeds(one, margin, table)) for label, one in open_rows]
    wanted = [
        f"{label} {f'over {MOST_SEEDS}' if count is None else count}"
        for label, units, count in counts
        if count is None or count > units
    ]
    if not wanted:
        return ""
    what = "if the difference is what it looks like" if margin is None else "if the truth is no difference"
    more = f"; and {len(wanted) - _LISTED} more rows" if len(wanted) > _LISTED else ""
    return (
        f"Seeds that would settle {heading(metric.name)} with power {settings.power:g}, {what} (a rough guide, at the "
        f"correction's strictest step): {'; '.join(wanted[:_LISTED])}{more}."
    )


def _seeds(one: Comparison, margin: float | None, table: Table) -> int | None:
    """How many seeds find what was seen, or place it within the margin; None for more than can be promised."""
    alpha, target = strictest(table), table.statistics.settings.power
    if margin is None:
        return seeds_to_detect(one.d_z or 0.0, alpha=alpha, target=target)
    return seeds_to_settle(margin, one.sd or 0.0, alpha=alpha, target=target)
