"""What stands under a table about its tests: which, over what, corrected how, and what they could have seen."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from .numerals import digits, heading, numeral, probability, scale, span
from .statistics.corrections import NAMES, named
from .statistics.procedure import looks_of
from .statistics.small_n import (
    FEWEST_FOR_P,
    FEWEST_FOR_RANKS,
    MOST_SEEDS,
    detectable,
    seeds_to_detect,
    seeds_to_settle,
)
from .unpaired_notes import unpaired_notes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..core.study.plan import PlannedMetric, StatisticsSettings
    from .statistics.compare import Comparison
    from .statistics.contrast import Effect
    from .table import Table

WORDS = {"paired_t": "paired t", "wilcoxon": "signed ranks", "nadeau_bengio": "corrected resampled t"}
"""What a test is called."""
_LISTED = 8
_FEWEST_FOR_GUESS = 3
"""Seeds from which a number of seeds is guessed."""


def statistics_notes(table: Table) -> list[str]:
    """Sentences on the comparisons of the table; none where nothing is compared."""
    known = [score.judged.comparison for row in table.rows for score in row.scores.values() if score.judged]
    if not table.reference or not known or table.statistics.procedure.test == "none":
        return []
    if table.statistics.procedure.unpaired:
        effects = (sentence for metric in table.metrics[:1] for sentence in _effects(table, metric))
        return [*unpaired_notes(table), _looks(table), _margin(table), *effects]
    if table.settings.along == "columns" or table.shape.columns:
        return _of_effects(table)
    shown = table.metrics if table.shape.series else table.metrics[:1]
    return [
        _test(table, known),
        _too_few(table, known),
        _looks(table),
        _margin(table),
        *(_detectable(table, metric) for metric in table.metrics[:1]),
        *(_settling(table, metric) for metric in table.metrics[:1]),
        *(sentence for metric in shown for sentence in _effects(table, metric)),
    ]


def _of_effects(table: Table) -> list[str]:
    """The effects alone, where no column holds rows against each other; how they are tested before them."""
    told = [sentence for metric in table.metrics for sentence in _effects(table, metric)]
    some = [effect for kinds in table.effects.values() for found in kinds.values() for effect in found]
    if not any(effect.low is not None for effect in some):
        return told
    settings = table.statistics.settings
    name = WORDS[table.statistics.procedure.test]
    p = "" if settings.correction == "none" else f", {NAMES[settings.correction]} over those of one kind and metric"
    return [f"In brackets: {100 * (1 - settings.alpha):g} % interval ({name}); p: two-sided{p}.", *told]


def _test(table: Table, known: Iterable[Comparison]) -> str:
    """What the brackets are, what p is of, and how it is corrected."""
    settings, procedure = table.statistics.settings, table.statistics.procedure
    shown = {one.units for one in known if one.low is not None}
    if not shown:
        return ""
    over = f"{span(shown)} {procedure.unit}s"
    name = WORDS[procedure.test]
    if procedure.test == "nadeau_bengio":
        over += (
            f", each the mean of its seeds, corrected for shared training rows (Nadeau and Bengio 2003, "
            f"{procedure.held_out:.3g} rows held out for each trained on)"
        )
    if procedure.test == "wilcoxon":
        over += " (signed ranks; Δ is the Hodges-Lehmann estimate)"
    interval = f"In brackets: {100 * (1 - settings.alpha):g} % interval, {name} over {over}."
    if max(shown) < FEWEST_FOR_P:
        return interval
    many = "not corrected"
    if settings.correction != "none":
        where = {"column": " in each column", "table": "", "study": " of the study"}[settings.family]
        many = f"{named(settings.correction, table.statistics.family)}{where}"
    return f"{interval} p: two-sided, {many}, alpha {settings.alpha:g}; intervals are for each row alone."


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


def _looks(table: Table) -> str:
    """How looking more than once was paid for."""
    procedure, wanted = table.statistics.procedure, table.statistics.settings.sequential
    if wanted is None:
        return ""
    if procedure.anytime:
        return (
            "Seeds were added by results: p and intervals hold at every number of seeds (anytime-valid t, Gaussian "
            f"mixture of variance 1), at most {wanted.max_seeds} seeds."
        )
    counts = ", ".join(str(count) for count in looks_of(wanted))
    return (
        f"Seeds were added by results: looks at {counts} seeds share alpha equally (group-sequential, "
        f"{procedure.level:.3g} each); p and intervals are corrected for all {procedure.looks}."
    )


def _margin(table: Table) -> str:
    settings = table.statistics.settings
    found = [(metric, settings.margin_of(metric.name)) for metric in table.metrics]
    parts = [f"{heading(metric.name)} {_amount(table, metric, margin)}" for metric, margin in found if margin]
    if not parts:
        return ""
    return f"Equivalent: shown to differ by less than the margin ({', '.join(parts)}; two one-sided tests)."


def _detectable(table: Table, metric: PlannedMetric) -> str:
    """The smallest difference that these blocks find with the wanted power, at the typical spread of the rows."""
    settings, procedure = table.statistics.settings, table.statistics.procedure
    known = _of(table, metric)
    if not known or procedure.anytime or procedure.test == "wilcoxon":
        return ""
    count, spread = max(one.units for one in known), median(one.sd or 0.0 for one in known)
    level = procedure.level / max(1, table.statistics.family) if settings.correction != "none" else procedure.level
    if not spread or count < FEWEST_FOR_P:
        return ""
    size = detectable(count, alpha=level, target=settings.power, share=procedure.share(count))
    if size is None:
        return ""
    return (
        f"Detectable with power {settings.power:g} at the correction's strictest step: "
        f"{heading(metric.name)} {_amount(table, metric, size * spread)}."
    )


def _settling(table: Table, metric: PlannedMetric) -> str:
    """How many seeds would settle the rows that are not settled."""
    settings, procedure = table.statistics.settings, table.statistics.procedure
    if procedure.unit != "seed" or procedure.anytime:
        return ""
    margin = settings.margin_of(metric.name)
    open_rows = [
        (row.label, judged.comparison)
        for row in table.rows
        if (judged := row.scores[metric.name].judged)
        and judged.verdict == "not settled"
        and judged.comparison.sd
        and judged.comparison.units >= _FEWEST_FOR_GUESS
    ]
    if not open_rows:
        return ""
    parts = [f"{label} {_seeds(one, margin, settings)}" for label, one in open_rows[:_LISTED]]
    what = "if the difference is what it looks like" if margin is None else "if the truth is no difference"
    more = f"; and {len(open_rows) - _LISTED} more rows" if len(open_rows) > _LISTED else ""
    return (
        f"Seeds that would settle {heading(metric.name)} with power {settings.power:g}, {what} (a rough guide, before "
        f"correction): {'; '.join(parts)}{more}."
    )


def _seeds(one: Comparison, margin: float | None, settings: StatisticsSettings) -> str:
    """How many seeds find what was seen, or place it within the margin."""
    alpha, target = settings.alpha, settings.power
    if margin is None:
        count = seeds_to_detect(one.d_z or 0.0, alpha=alpha, target=target)
    else:
        count = seeds_to_settle(margin, one.sd or 0.0, alpha=alpha, target=target)
    return f"over {MOST_SEEDS}" if count is None else str(count)


def _effects(table: Table, metric: PlannedMetric) -> Iterable[str]:
    for kind, found in table.effects.get(metric.name, {}).items():
        listed = "; ".join(effect_text(table, metric, effect) for effect in found[:_LISTED])
        more = f"; and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        procedure = table.statistics.procedure
        over = f"{found[0].units} runs" if procedure.unpaired else f"{found[0].units} {procedure.unit}s that all have"
        yield f"{kind[:1].upper()}{kind[1:]} on {heading(metric.name)}, over {over}: {listed}{more}."


def effect_text(table: Table, metric: PlannedMetric, effect: Effect) -> str:
    """`label +0.012 (0.004, 0.020), 31 %, p 0.012`."""
    return f"{effect.label} {effect_value(table, metric, effect)}"


def effect_value(table: Table, metric: PlannedMetric, effect: Effect) -> str:
    """`+0.012 (0.004, 0.020), 31 %, p 0.012`, with one digit more than the table has."""
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent) + 1
    text = numeral(effect.value * factor, places, signed=True)
    if effect.low is not None and effect.high is not None:
        text += f" ({numeral(effect.low * factor, places)}, {numeral(effect.high * factor, places)})"
    if effect.share is not None:
        text += f", {100 * effect.share:.0f} %"
    return text if effect.p_adjusted is None else f"{text}, p {probability(effect.p_adjusted)}"


def _of(table: Table, metric: PlannedMetric) -> list[Comparison]:
    return [judged.comparison for row in table.rows if (judged := row.scores[metric.name].judged)]


def _amount(table: Table, metric: PlannedMetric, value: float) -> str:
    places = digits(metric, table.decimals, percent=table.percent)
    return numeral(value * scale(metric, percent=table.percent), places)
