"""What stands under a table of runs that nothing pairs: the test, its limits, and how many runs it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .foreseen import strictest
from .statistics.corrections import named
from .statistics.procedure import TEST_NAMES
from .statistics.unpaired import FEWEST_DEGREES, runs_to_detect

if TYPE_CHECKING:
    from ..core.study.plan import Plan, PlannedDesign
    from .statistics.compare import Comparison
    from .table import Table

_LISTED = 8
_MOST_RUNS = 1000


def unpaired_notes(table: Table) -> list[str]:
    """Sentences on the comparisons of runs that nothing pairs."""
    known = [
        (row.label, judged.comparison)
        for row in table.rows
        for metric in table.metrics
        if (judged := row.scores[metric.name].judged)
    ]
    return [_test(table, [one for _, one in known]), _without_p(known), _wanted(table)]


def origin_notes(plan: Plan, design: PlannedDesign) -> list[str]:
    """Sentences on runs that were trained elsewhere; none for a study of butfor's own."""
    if not plan.imported:
        return []
    notes = [f"Runs trained elsewhere, read from {plan.imported}: how they were selected and split is not known here."]
    if not plan.paired:
        notes.append(
            "No seed was recorded: rows cannot be taken to have seen the same folds and batches, so no paired test is "
            "possible, and what chance did to each run stays in the difference."
        )
    if design.pooled:
        notes.append(
            f"Runs of one row differ in {', '.join(design.pooled)}; the mapping takes them for replicates, so their "
            "spread holds what those settings do."
        )
    return notes


def _test(table: Table, known: list[Comparison]) -> str:
    settings, procedure = table.statistics.settings, table.statistics.procedure
    if not any(one.low is not None for one in known):
        return "No row and baseline have two runs each, so nothing is known of their spread and no interval is given."
    name = TEST_NAMES[procedure.test]
    interval = f"In brackets: {100 * (1 - settings.alpha):g} % interval, {name} over runs as groups that nothing pairs."
    if not any(one.p is not None for one in known):
        return interval
    where = {"column": " in each column", "table": "", "study": " of the study"}[settings.family]
    many = "not corrected"
    if settings.correction != "none":
        many = f"{named(settings.correction, table.statistics.family)}{where}"
    return f"{interval} p: two-sided, {many}, alpha {settings.alpha:g}; intervals are for each row alone."


def _without_p(known: list[tuple[str, Comparison]]) -> str:
    """Why there is no p."""
    short = list(dict.fromkeys(label for label, one in known if one.p is None))
    if not short:
        return ""
    more = f"; and {len(short) - _LISTED} more rows" if len(short) > _LISTED else ""
    return (
        f"No p and no verdict for {'; '.join(short[:_LISTED])}{more}: fewer than {FEWEST_DEGREES:g} degrees of "
        "freedom, which is what five pairs have."
    )


def _wanted(table: Table) -> str:
    """How many runs of each row would show differences as large as those that were seen."""
    settings = table.statistics.settings
    parts = []
    for row in table.rows:
        judged = row.scores[table.metrics[0].name].judged if table.metrics else None
        if judged and judged.verdict == "not settled" and judged.comparison.d_z:
            own = row.scores[table.metrics[0].name].n
            count = runs_to_detect(judged.comparison.d_z, alpha=strictest(table), target=settings.power)
            if count is None or count > min(own, judged.comparison.units - own):
                parts.append(f"{row.label} {f'over {_MOST_RUNS}' if count is None else count}")
    if not parts:
        return ""
    more = f"; and {len(parts) - _LISTED} more rows" if len(parts) > _LISTED else ""
    return (
        f"Runs of each row that would show the difference seen with power {settings.power:g}, if it is what it looks "
        f"like (a rough guide, at the correction's strictest step): {'; '.join(parts[:_LISTED])}{more}."
    )
