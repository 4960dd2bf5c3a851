"""What stands under a table about the effects that its design is made to show, and about those that cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .numerals import digits, heading, numeral, probability, scale, significant
from .statistics.corrections import NAMES
from .statistics.procedure import TEST_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.study.plan import PlannedMetric
    from .statistics.contrast import Effect
    from .table import Table

_LISTED = 8


def effects_alone(table: Table) -> list[str]:
    """The effects, where no column holds rows against each other; how they are tested before them."""
    told = [sentence for metric in table.metrics for sentence in effect_notes(table, metric)]
    some = [effect for kinds in table.effects.values() for found in kinds.values() for effect in found]
    if not any(effect.low is not None for effect in some):
        return told
    settings = table.statistics.settings
    name = TEST_NAMES[table.statistics.procedure.test]
    p = "" if settings.correction == "none" else f", {NAMES[settings.correction]} over those of one kind and metric"
    return [f"In brackets: {100 * (1 - settings.alpha):g} % interval ({name}); p: two-sided{p}.", *told]


def effect_notes(table: Table, metric: PlannedMetric) -> Iterator[str]:
    """A sentence for each kind of effect on a metric, then why some are not there."""
    for kind, found in table.effects.get(metric.name, {}).items():
        listed = "; ".join(
            f"{effect.label} {effect_value(table, metric, effect, is_slope=kind == 'trend')}"
            for effect in found[:_LISTED]
        )
        more = f"; and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        procedure = table.statistics.procedure
        over = f"{found[0].units} runs" if procedure.unpaired else f"{found[0].units} {procedure.unit}s that all have"
        yield f"{kind[:1].upper()}{kind[1:]} on {heading(metric.name)}, over {over}: {listed}{more}."
    yield from table.untold.get(metric.name, ())


def effect_value(table: Table, metric: PlannedMetric, effect: Effect, *, is_slope: bool = False) -> str:
    """`+0.012 (0.004, 0.020), 31 %, p 0.012`, with one digit more than the table has.

    A slope has three digits that count, as it is in a unit of its own.
    """
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent) + 1

    def number(value: float, *, signed: bool = False) -> str:
        if is_slope:
            return significant(value * factor, signed=signed)
        return numeral(value * factor, places, signed=signed)

    text = number(effect.value, signed=True)
    if effect.low is not None and effect.high is not None:
        text += f" ({number(effect.low)}, {number(effect.high)})"
    if effect.share is not None:
        text += f", {100 * effect.share:.0f} %"
    return text if effect.p_adjusted is None else f"{text}, p {probability(effect.p_adjusted)}"
