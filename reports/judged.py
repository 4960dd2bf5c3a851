"""The comparisons of a table: each row with its baseline, corrected over all that are declared, with its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.conditions import split_and_condition
from .statistics.compare import Comparison, compare_all
from .statistics.corrections import adjusted
from .statistics.procedure import Procedure, procedure_for
from .statistics.unpaired import pooled
from .statistics.verdict import Verdict, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..core.study.plan import Plan, PlannedMetric, StatisticsSettings
    from .blocks import Block
    from .statistics.unpaired import Spread

    Values = Mapping[tuple[str, str], Mapping[Block, float]]
    """{(cell, metric): {block: value}} of one split."""
    Place = tuple[str, str, str]
    """(split, cell, metric): one comparison, in however many tables it stands."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A comparison among the others of its family."""

    comparison: Comparison
    p_adjusted: float | None = None
    p_equivalent: float | None = None
    """That the difference lies within the margin, adjusted over the same family."""
    verdict: Verdict | None = None
    """None where there is no test: with too few units, or where the study asks for none."""


def procedure_of(
    plan: Plan, settings: StatisticsSettings, cells: Iterable[str], split: str, values: Values
) -> Procedure:
    """The test for the planned blocks of `cells`; for the recorded ones where the plan names no trial."""
    wanted = set(cells)
    blocks = {(trial.seed, trial.fold) for trial in plan.trials if trial.cell in wanted}
    recorded = {block for (cell, _), found in values.items() if cell in wanted for block in found}
    return procedure_for(settings, blocks or recorded, plan.held_out.get(split_and_condition(split)[0]))


def comparisons(
    values: Values,
    cells: Sequence[str],
    metrics: Sequence[PlannedMetric],
    against: str,
    *,
    split: str,
    procedure: Procedure,
    settings: StatisticsSettings,
) -> dict[Place, Comparison | None]:
    """Each of `cells` but the reference with the reference, in each metric; None where no block is common."""
    held = [cell for cell in dict.fromkeys(cells) if cell != against]
    found = {
        metric.name: compare_all(
            {cell: values.get((cell, metric.name), {}) for cell in held},
            values.get((against, metric.name), {}),
            procedure,
            higher_is_better=metric.higher_is_better,
            margin=settings.margin_of(metric.name),
            spread=spread_of(values, [*cells, against], metric.name, procedure),
        )
        for metric in metrics
    }
    return {(split, cell, metric.name): found[metric.name][cell] for cell in held for metric in metrics}


def spread_of(values: Values, cells: Iterable[str], metric: str, procedure: Procedure) -> Spread | None:
    """The spread within rows that all of them share, where the test takes one for all."""
    if procedure.test != "pooled_t":
        return None
    return pooled([[*values.get((cell, metric), {}).values()] for cell in dict.fromkeys(cells)])


def judge(
    own: Mapping[Place, Comparison | None],
    declared: Mapping[Place, Comparison | None],
    metrics: Sequence[PlannedMetric],
    settings: StatisticsSettings,
) -> dict[Place, Judged]:
    """Those of `own` that could be made, adjusted over their column, their table, or all that is `declared`."""
    family = {**declared, **own} if settings.family == "study" else own
    groups = [[place for place in family if place[2] == metric.name] for metric in metrics]
    if settings.family != "column":
        groups = [list(family)]
    found: dict[Place, Judged] = {}
    higher = {metric.name: metric.higher_is_better for metric in metrics}
    for places in groups:
        every = [family[place] for place in places]
        p = adjusted([one.p if one else None for one in every], settings.correction)
        same = adjusted([one.p_equivalent if one else None for one in every], settings.correction)
        for place, one, p_adjusted, p_equivalent in zip(places, every, p, same, strict=True):
            if one is not None and place in own:
                said = verdict(
                    one.delta,
                    p_adjusted,
                    higher_is_better=higher[place[2]],
                    alpha=settings.alpha,
                    equivalence=p_equivalent,
                )
                found[place] = Judged(one, p_adjusted, p_equivalent, said)
    return found


def family_size(own: Mapping[Place, object], declared: Mapping[Place, object], settings: StatisticsSettings) -> int:
    """How many comparisons one correction is over."""
    if settings.family == "study":
        return len({*own, *declared})
    if settings.family == "table":
        return len(own)
    return len({cell for _, cell, _ in own})


def compared_figures(judged: Judged | None) -> dict[str, float | int | str | None]:
    """The figures of a comparison as programs read them, each None where it is not known."""
    one = judged.comparison if judged else None
    above = one.superiority if one else None
    return {
        "delta": one.delta if one else None,
        "ci_low": one.low if one else None,
        "ci_high": one.high if one else None,
        "p": one.p if one else None,
        "p_adjusted": judged.p_adjusted if judged else None,
        "wins": one.wins if one and one.pairs else None,
        "verdict": judged.verdict if judged else None,
        "pairs": one.pairs if one else None,
        "units": one.units if one else None,
        "p_equivalent": judged.p_equivalent if judged else None,
        "d_z": one.d_z if one else None,
        "hedges_g": one.hedges if one else None,
        "superiority": above.share if above else None,
        "superiority_low": above.low if above else None,
        "superiority_high": above.high if above else None,
    }
