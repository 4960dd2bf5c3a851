"""What stands under a table about its tests: which, over what, corrected how, and what they could have seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .effect_notes import effect_notes, effects_alone
from .foreseen import detectable_note, settling_note
from .numerals import amount, heading, span
from .statistics.corrections import named
from .statistics.procedure import TEST_NAMES, looks_of
from .statistics.small_n import FEWEST_FOR_P, FEWEST_FOR_RANKS
from .unpaired_notes import unpaired_notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .statistics.compare import Comparison
    from .table import Table


def statistics_notes(table: Table, *, added: bool = False) -> list[str]:
    """Sentences on the comparisons of the table, and on the effects of its design; `added`: seeds were, by results."""
    known = [score.judged.comparison for row in table.rows for score in row.scores.values() if score.judged]
    if table.statistics.procedure.test == "none":
        return []
    if not table.reference or not known:
        return effects_alone(table)
    if table.statistics.procedure.unpaired:
        effects = (sentence for metric in table.metrics[:1] for sentence in effect_notes(table, metric))
        return [*unpaired_notes(table), _looks(table, added=added), _margin(table, known), *effects]
    if table.settings.along == "columns" or table.shape.columns:
        return effects_alone(table)
    shown = table.metrics if table.shape.series else table.metrics[:1]
    return [
        _test(table, known),
        _too_few(table, known),
        _looks(table, added=added),
        _margin(table, known),
        *(detectable_note(table, metric) for metric in table.metrics[:1]),
        *(settling_note(table, metric) for metric in table.metrics[:1]),
        *(sentence for metric in shown for sentence in effect_notes(table, metric)),
    ]


def _test(table: Table, known: Sequence[Comparison]) -> str:
    """What the brackets are, what p is of, and how it is corrected."""
    settings, procedure = table.statistics.settings, table.statistics.procedure
    bracketed = {one.units for one in known if one.low is not None}
    tested = {one.units for one in known if one.p is not None}
    if not bracketed | tested:
        return ""
    over = f"{TEST_NAMES[procedure.test]} over {span(bracketed | tested)} {procedure.unit}s"
    if procedure.test == "nadeau_bengio":
        over += (
            f", each the mean of its seeds, corrected for shared training rows (Nadeau and Bengio 2003, "
            f"{procedure.held_out:.3g} rows held out for each trained on)"
        )
    if procedure.test == "wilcoxon":
        over += " (signed ranks; Δ is the Hodges-Lehmann estimate)"
    interval = f"In brackets: {100 * (1 - settings.alpha):g} % interval, {over}." if bracketed else ""
    if not tested:
        return interval
    many = "not corrected"
    if settings.correction != "none":
        where = {"column": " in each column", "table": "", "study": " of the study"}[settings.family]
        many = f"{named(settings.correction, table.statistics.family)}{where}"
    how = f"p: two-sided, {many}, alpha {settings.alpha:g}"
    alone = "; intervals are for each row alone." if bracketed else f"; {over}."
    flat = ""
    if any(one.p is not None and not one.sd for one in known):
        flat = " Differences without spread: p is what their signs allow."
    return f"{interval} {how}{alone}{flat}".strip()


def _too_few(table: Table, known: Iterable[Comparison]) -> str:
    """Why there is no p."""
    unit = table.statistics.procedure.unit
    least = FEWEST_FOR_RANKS if table.statistics.procedure.test == "wilcoxon" else FEWEST_FOR_P
    short = {one.units for one in known if one.units < least}
    if not short:
        return ""
    if table.statistics.procedure.test == "wilcoxon":
        return f"Signed ranks need {least} {unit}s; with {span(short)} there is no test."
    if max(short) <= 1:  # one observation has no spread
        return f"One {unit} allows no interval."
    few = span(short)
    return f"With {few} {unit}s there is no p and no verdict, at most an interval: {least} {unit}s are the fewest."


def _looks(table: Table, *, added: bool) -> str:
    """How looking more than once is paid for, and whether seeds were added."""
    procedure, wanted = table.statistics.procedure, table.statistics.settings.sequential
    if wanted is None:
        return ""
    were = "Seeds were added by results" if added else "Seeds may be added by results"
    if procedure.anytime:
        return (
            f"{were}: p and intervals hold at every number of seeds (anytime-valid t, Gaussian "
            f"mixture of variance 1), at most {wanted.max_seeds} seeds."
        )
    counts = ", ".join(str(count) for count in looks_of(wanted))
    return (
        f"{were}: looks at {counts} seeds share alpha equally (group-sequential, "
        f"{procedure.level:.3g} each); p and intervals are corrected for all {procedure.looks}."
    )


def _margin(table: Table, known: Iterable[Comparison]) -> str:
    """What equivalent means, where some row could be tested for it."""
    settings = table.statistics.settings
    found = [(metric, settings.margin_of(metric.name)) for metric in table.metrics]
    parts = [
        f"{heading(metric.name)} {amount(metric, margin, table.decimals, percent=table.percent)}"
        for metric, margin in found
        if margin
    ]
    if not parts or all(one.p_equivalent is None for one in known):
        return ""
    return f"Equivalent: shown to differ by less than the margin ({', '.join(parts)}; two one-sided tests)."
