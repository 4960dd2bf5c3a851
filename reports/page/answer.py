"""The answer in one sentence, and one more for each further table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..claims import judge_claims
from ..numerals import digits, heading, numeral, scale
from ..statistics.small_n import FEWEST_FOR_P, FEWEST_FOR_RANKS
from ..text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..judged import Judged
    from ..material import Material
    from ..row import Row
    from ..table import Table

_NAMED = 4
_STANDING = {
    "stands": ("stands", "stand"),
    "contradicted": ("is contradicted", "are contradicted"),
    "not settled": ("is not settled", "are not settled"),
    "cannot be tested": ("cannot be tested", "cannot be tested"),
}
_WORDS = {
    "worse": ("is shown to be worse", "are shown to be worse"),
    "better": ("is shown to be better", "are shown to be better"),
    "equivalent": ("is shown to be equivalent", "are shown to be equivalent"),
    "not settled": ("is not settled", "are not settled"),
}


def answers(material: Material) -> list[tuple[str, str]]:
    """(name, sentence) of each table; the first is the study's answer."""
    if not material.tables:
        return [("", _without_tables(material))]
    said = list(zip(names(material.tables), map(sentence, material.tables), strict=True))
    return [("", _claimed(material)), *said] if material.plan.claims else said


def names(tables: Sequence[Table]) -> list[str]:
    """How each table is called; where several are of one design, with its split."""
    designs = Counter(table.name for table in tables)
    return [
        f"{heading(table.name)} ({plain(table.split)})" if designs[table.name] > 1 else heading(table.name)
        for table in tables
    ]


def claims(material: Material) -> list[str]:
    """Every conclusion that was drawn from imported runs, with what the runs say of it."""
    return [one.sentence() for one in judge_claims(material.frame, material.plan)]


def _claimed(material: Material) -> str:
    judged = judge_claims(material.frame, material.plan)
    found = Counter(one.standing for one in judged)
    parts = [f"{number} {_STANDING[standing][number > 1]}" for standing, number in found.most_common()]
    return f"Of {len(judged)} conclusions that were drawn from these runs, {', '.join(parts)}."


def sentence(table: Table) -> str:
    """What a table says of its first metric."""
    done, planned = (sum(number) for number in zip(*((row.done, row.planned) for row in table.rows), strict=True))
    if not done or not table.metrics:
        return f"There is no answer yet: {done} of {planned} trials are done."
    compared = [row for row in table.rows if row.scores[table.metrics[0].name].judged]
    if not compared:
        alone = next(row for row in table.rows if row.done)
        return f"Nothing can be compared yet: “{alone.label}” has a {_metric(table)} of {_mean(table, alone)}."
    return _compared(table, compared)


def _compared(table: Table, rows: Sequence[Row]) -> str:
    base = next((row for row in table.rows if row.baseline), None)
    own = f" ({_metric(table)} {_mean(table, base)}, {table.split} split)" if base else f" ({_metric(table)})"
    number = f"{len(rows)} systems" if len(rows) > 1 else "one system"
    said = f"of {number} compared with “{table.reference}”{own}"
    if not any(judged.p_adjusted is not None for row in rows if (judged := _judged(table, row))):
        largest = _named(table, [_largest(table, rows)])
        return f"{_why_no_verdict(table, rows)}: {said}, the largest difference is that of {largest}."
    parts = []
    for verdict, (one, many) in _WORDS.items():
        hit = [row for row in rows if (judged := _judged(table, row)) and judged.verdict == verdict]
        if hit:
            parts.append(f"{len(hit)} {one if len(hit) == 1 else many}: {_named(table, hit)}")
    text = f"{said}, {'; '.join(parts)}."
    return text[:1].upper() + text[1:]


def _why_no_verdict(table: Table, rows: Sequence[Row]) -> str:
    procedure = table.statistics.procedure
    if procedure.test == "none":
        return "The study asks for no test"
    units = max(judged.comparison.units for row in rows if (judged := _judged(table, row)))
    least = FEWEST_FOR_RANKS if procedure.test == "wilcoxon" else FEWEST_FOR_P
    many = f"{units} {procedure.unit}{'s' if units > 1 else ''}"
    return f"With {many} no difference is settled ({least} are the fewest)"


def _largest(table: Table, rows: Sequence[Row]) -> Row:
    return max(rows, key=lambda row: abs(row.scores[table.metrics[0].name].delta or 0.0))


def _judged(table: Table, row: Row) -> Judged | None:
    return row.scores[table.metrics[0].name].judged


def _named(table: Table, rows: Sequence[Row]) -> str:
    """`w/o text (−0.210)`, the largest first."""
    metric = table.metrics[0]
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    ordered = sorted(rows, key=lambda row: -abs(row.scores[metric.name].delta or 0.0))
    parts = []
    for row in ordered[:_NAMED]:
        delta = row.scores[metric.name].delta
        parts.append(f"{row.label} ({numeral(None if delta is None else delta * factor, places, signed=True)})")
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(parts) + more


def _metric(table: Table) -> str:
    metric = table.metrics[0]
    return f"{heading(metric.name)}{' (%)' if table.percent and metric.rate else ''}"


def _mean(table: Table, row: Row) -> str:
    metric, score = table.metrics[0], row.scores[table.metrics[0].name]
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    text = numeral(None if score.mean is None else score.mean * factor, places)
    return text if score.sd is None else f"{text} ± {numeral(score.sd * factor, places)}"


def _without_tables(material: Material) -> str:
    done = sum(len(results) for results in material.by_cell.values())
    return f"The study asks for no table and compares nothing; {done} of {len(material.plan.trials)} trials are done."
