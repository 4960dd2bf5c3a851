"""What one table says, in a sentence for its first metric, or for each of its areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..measured import called, leading
from ..numerals import digits, numeral, scale
from ..statistics.small_n import FEWEST_FOR_P, FEWEST_FOR_RANKS
from ..text import plain
from .empty import lost, nothing_compared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.study.plan import PlannedMetric
    from ..claims import JudgedClaim
    from ..judged import Judged
    from ..row import Row
    from ..table import Table

_NAMED = 4
_WORDS = {
    "worse": ("is shown to be worse", "are shown to be worse"),
    "better": ("is shown to be better", "are shown to be better"),
    "equivalent": ("is shown to be equivalent", "are shown to be equivalent"),
    "not settled": ("is not settled", "are not settled"),
    None: ("is not tested", "are not tested"),
}
STANDING = {
    "stands": ("stands", "stand"),
    "contradicted": ("is contradicted", "are contradicted"),
    "not settled": ("is not settled", "are not settled"),
    "cannot be tested": ("cannot be tested", "cannot be tested"),
}


def sentence(table: Table, claims: Sequence[JudgedClaim] = ()) -> str:
    """What a table says of its first metric, or of each area; and of `claims`, those that are about it."""
    done, planned = (sum(number) for number in zip(*((row.done, row.planned) for row in table.rows), strict=True))
    if not done or not table.metrics:
        if failures := lost(table.rows) if not _missing(table) else "":
            return f"There is no answer: {failures}."
        return f"There is no answer yet: {done} of {planned} trials are done."
    return " ".join(_about(table, metric, claims) for metric in leading(table))


def _about(table: Table, metric: PlannedMetric, claims: Sequence[JudgedClaim]) -> str:
    compared = [row for row in table.rows if row.scores[metric.name].judged]
    if compared:
        return _compared(table, metric, compared) + _claimed(table, metric, claims)
    alone = next(row for row in table.rows if row.done)
    own = f"“{alone.label}” has {_article(metric)} {_metric(table, metric)} of {_mean(table, metric, alone)}."
    return f"Nothing can be compared yet: {own}" if _missing(table) else f"{nothing_compared([table])} {own}"


def _missing(table: Table) -> bool:
    return any(row.left_out.get("missing") for row in table.rows)


def _compared(table: Table, metric: PlannedMetric, rows: Sequence[Row]) -> str:
    base = next((row for row in table.rows if row.baseline), None)
    name = _metric(table, metric)
    own = f" ({name} {_mean(table, metric, base)}, {table.split} split)" if base else f" ({name})"
    number = f"{len(rows)} systems" if len(rows) > 1 else "one system"
    said = f"of {number} compared with “{table.reference}”{own}"
    known = [(row, judged) for row in rows if (judged := row.scores[metric.name].judged)]
    if not any(judged.p_adjusted is not None for _, judged in known):
        largest = max(rows, key=lambda row: abs(row.scores[metric.name].delta or 0.0))
        why = _why_no_verdict(table, [judged for _, judged in known])
        return f"{why}: {said}, the largest difference is that of {_named(table, metric, [largest])}."
    parts = []
    for verdict, (one, many) in _WORDS.items():
        hit = [row for row, judged in known if judged.verdict == verdict]
        if hit:
            parts.append(f"{len(hit)} {one if len(hit) == 1 else many}: {_named(table, metric, hit)}")
    text = f"{said}, {'; '.join(parts)}."
    return text[:1].upper() + text[1:]


def _claimed(table: Table, metric: PlannedMetric, claims: Sequence[JudgedClaim]) -> str:
    """What is left of it where it counts among all that was claimed."""
    about = (table.name, table.split, metric.name)
    hit = [one for one in claims if (plain(one.claim.design), one.claim.split, one.claim.metric) == about]
    if not hit:
        return ""
    told = ", ".join(f"“{plain(one.claim.says)}” {STANDING[one.standing][0]}" for one in hit)
    family = f"the table's own family ({table.statistics.family} comparison{'s' * (table.statistics.family > 1)})"
    over = f"all {len(claims)} claims" if len(claims) > 1 else "the one claim"
    return f" That is in {family}; over {over}, {told}."


def _why_no_verdict(table: Table, judged: Sequence[Judged]) -> str:
    procedure = table.statistics.procedure
    if procedure.test == "none":
        return "The study asks for no test"
    units = max(one.comparison.units for one in judged)
    least = FEWEST_FOR_RANKS if procedure.test == "wilcoxon" else FEWEST_FOR_P
    many = f"{units} {procedure.unit}{'s' if units > 1 else ''}"
    return f"With {many} no difference is settled ({least} are the fewest)"


def _named(table: Table, metric: PlannedMetric, rows: Sequence[Row]) -> str:
    """`w/o text (−0.210)`, the largest first."""
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    ordered = sorted(rows, key=lambda row: -abs(row.scores[metric.name].delta or 0.0))
    parts = []
    for row in ordered[:_NAMED]:
        delta = row.scores[metric.name].delta
        parts.append(f"{row.label} ({numeral(None if delta is None else delta * factor, places, signed=True)})")
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(parts) + more


def _metric(table: Table, metric: PlannedMetric) -> str:
    return f"{called(metric)}{' (%)' if table.percent and metric.rate else ''}"


def _article(metric: PlannedMetric) -> str:
    return "an" if called(metric)[:1] in "aAeEiIoO" else "a"


def _mean(table: Table, metric: PlannedMetric, row: Row) -> str:
    score = row.scores[metric.name]
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    text = numeral(None if score.mean is None else score.mean * factor, places)
    return text if score.sd is None else f"{text} ± {numeral(score.sd * factor, places)}"
