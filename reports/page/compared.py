"""How systems were compared: over what, with which test, corrected how, and what it could have seen."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from ..measured import called
from ..numerals import ABSENT, digits, numeral, scale
from ..statistics.corrections import NAMES
from ..statistics.small_n import FEWEST_FOR_P, detectable
from ..statistics.unpaired import detectable_between
from ..text import plain
from .parts import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.study.plan import Plan
    from ..material import Material
    from ..statistics.compare import Comparison
    from ..statistics.procedure import Procedure
    from ..table import Table

_TESTS = {
    "paired_t": "paired t",
    "nadeau_bengio": "corrected resampled t (Nadeau and Bengio)",
    "wilcoxon": "signed ranks",
    "welch": "Welch's t (nothing pairs the runs)",
    "pooled_t": "t with one spread for all rows (nothing pairs the runs)",
    "none": "none",
}
_DESIGNS = {
    "leave_one_out": "each part removed in turn",
    "one_at_a_time": "one change at a time",
    "factorial": "every combination",
    "ladder": "step by step",
    "subsets": "subsets",
    "zip": "settings varied together",
    "cells": "selected systems",
}


_PAIRED_T = {"paired_t", "nadeau_bengio"}
_NOT_SETTLED = (
    "“Not settled” says that the data do not decide; it is no finding of “no effect”. Only “equivalent” is, and it "
    "needs a margin in the study."
)
_PAIRED = (
    "A difference is paired: both systems were trained with the same seed on the same fold, so they saw the same rows "
    "in the same order."
)
_UNPAIRED = "Nothing pairs these runs: they were trained elsewhere, and no seed means the same in two systems."


def how_compared(material: Material) -> list[Listing]:
    """A row for each table."""
    rows = tuple(_row(table, named) for table, named in material.named)
    if not rows:
        return []
    headings = ("Table", "Design", "Systems", "Over", "Test", "Correction", "Alpha", "Margin", "Detectable")
    return [Listing("Designs and tests", headings, rows)]


def _row(table: Table, named: str) -> tuple[str, ...]:
    settings, procedure = table.statistics.settings, table.statistics.procedure
    known = [score.judged.comparison for row in table.rows for score in row.scores.values() if score.judged]
    units = sorted({one.units for one in known})
    span = ABSENT if not units else f"{units[0]}" if len(units) == 1 else f"{units[0]} to {units[-1]}"
    name = NAMES[settings.correction] if settings.correction != "none" else "none"
    many = f"{name} over {table.statistics.family}" if known else ABSENT
    looks = f", {procedure.looks} looks" if procedure.looks > 1 else ", any time" if procedure.anytime else ""
    margins = [f"{settings.margin_of(m.name):g}" for m in table.metrics[:1] if settings.margin_of(m.name)]
    return (
        named,
        _DESIGNS.get(table.kind, table.kind),
        str(len(table.rows)),
        f"{span} {procedure.unit}s" if units else ABSENT,
        _TESTS[procedure.test] + looks,
        many,
        f"{settings.alpha:g}",
        margins[0] if margins else "none",
        _detectable(table),
    )


def _detectable(table: Table) -> str:
    """The difference in the first metric that is found with the wanted power at the correction's strictest step."""
    settings, procedure = table.statistics.settings, table.statistics.procedure
    if not table.metrics or procedure.anytime:
        return ABSENT
    metric = table.metrics[0]
    known = [(score.n, score.judged.comparison) for row in table.rows if (score := row.scores[metric.name]).judged]
    spread = median(one.sd or 0.0 for _, one in known) if known else 0.0
    level = procedure.level / max(1, table.statistics.family) if settings.correction != "none" else procedure.level
    size = _size(known, procedure, level, settings.power) if spread else None
    if size is None:
        return ABSENT
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    return f"{called(metric)} {numeral(size * spread * factor, places)}"


def _size(known: Sequence[tuple[int, Comparison]], procedure: Procedure, level: float, target: float) -> float | None:
    """In standard deviations: of the most blocks that are paired; of groups of runs what every row would show."""
    if procedure.test in _PAIRED_T:
        count = max(one.units for _, one in known)
        share = procedure.share(count)
        return None if count < FEWEST_FOR_P else detectable(count, alpha=level, target=target, share=share)
    if not procedure.unpaired:
        return None
    sizes = [(own, one.units - own) for own, one in known]
    df = None if procedure.test == "welch" else sum(own - 1 for own, _ in sizes) + sizes[0][1] - 1
    found = [detectable_between(*pair, df=df, alpha=level, target=target) for pair in sizes]
    return max((one for one in found if one is not None), default=None)


def limits(tables: Sequence[Table], plan: Plan) -> list[str]:
    """What may not be concluded."""
    folds = len({trial.fold for trial in plan.trials}) > 1
    said = [_NOT_SETTLED]
    said.append(_PAIRED if plan.paired else _UNPAIRED)
    if plan.imported:
        said.append("How these runs were made is for those to say who made them; here is only what was recorded.")
    elif folds:
        said.append(
            "Over folds a claim is of other rows like these. Folds share most of their training rows; the correction "
            "for that rests on a correlation that no one can estimate from one cross-validation."
        )
    else:
        said.append("Over seeds a claim is of training again on these rows. It is none of other rows or data sets.")
    if any(table.statistics.procedure.test not in {"wilcoxon", "none"} for table in tables):
        said.append("The t tests lean on differences that are near normal; with few of them nobody can check that.")
    tests = ", ".join(plain(split) for split in dict.fromkeys(table.split for table in tables))
    if tests and not plan.imported:
        said.append(f"Weights were selected on validation rows; the figures are of the {tests} split.")
    return said
