"""Conclusions that somebody drew from runs, held against those runs: which of them stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..core.study.plan import StatisticsSettings, TableSettings
from .gather import gather
from .judged import spread_of
from .numerals import heading, numeral, probability
from .recorded import recorded
from .statistics.compare import compare
from .statistics.corrections import adjusted, named
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..core.results import TrainResult
    from ..core.study.plan import Plan, PlannedClaim
    from .gather import Gathered
    from .statistics.compare import Comparison

Standing = Literal["stands", "contradicted", "not settled", "cannot be tested"]
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A conclusion and what the runs say of it."""

    claim: PlannedClaim
    better: str
    """Label of the row that is said to be better."""
    rival: str
    """Label of the row that comes nearest to it, or is above it."""
    standing: Standing
    gain: float | None
    """By how much it is better than that rival, in the metric's good direction."""
    low: float | None
    high: float | None
    p_adjusted: float | None
    """Over all claims of the study; that it is better than every one of its rivals."""
    correction: str
    runs: tuple[float, ...]
    """Values of the row that is said to be better, sorted."""

    def sentence(self) -> str:
        """The claim and its verdict, with the numbers."""
        said = f"“{plain(self.claim.says)}”: {self.standing}"
        if self.gain is None:
            return f"{said} ({self.better} and {self.rival} have no runs to compare)."
        interval = "" if self.low is None or self.high is None else f" ({_number(self.low)}, {_number(self.high)})"
        p = "" if self.p_adjusted is None else f", p {probability(self.p_adjusted)} {self.correction}".rstrip()
        where = f"{heading(self.claim.metric)} on {plain(self.claim.split)}"
        gain = numeral(self.gain, _DECIMALS, signed=True)
        return f"{said}: {where}, {self.better} {self._runs()} against {self.rival} {gain}{interval}{p}."

    def _runs(self) -> str:
        if len(self.runs) == 1:
            return "(one run)"
        return f"({len(self.runs)} runs, {_number(self.runs[0])} to {_number(self.runs[-1])})"


@dataclass(frozen=True, slots=True)
class _Found:
    """A claim before its p are adjusted."""

    rival: str
    nearest: Comparison | None
    p_for: float | None
    p_against: float | None
    runs: tuple[float, ...] = ()


def judge_claims(told: pd.DataFrame | Sequence[TrainResult], plan: Plan) -> tuple[JudgedClaim, ...]:
    """Every claim of the plan. A claim to be better than several is tested against each: the largest p counts.

    p are adjusted over all claims of the study, as their table's statistics say.
    """
    settings = plan.tables[0].statistics if plan.tables else StatisticsSettings()
    results = recorded(told) if plan.claims else ()
    found = [_compared(results, plan, claim) for claim in plan.claims]
    stand = adjusted([one.p_for for one in found], settings.correction)
    fall = adjusted([one.p_against for one in found], settings.correction)
    labels = {cell.key: plain(cell.label) for cell in plan.cells}
    name = "" if settings.correction == "none" else f"({named(settings.correction, len(found), 'claim')})"
    judged = []
    for claim, one, p_for, p_against in zip(plan.claims, found, stand, fall, strict=True):
        near = one.nearest
        judged.append(
            JudgedClaim(
                claim=claim,
                better=_label(plan, claim, claim.better, labels),
                rival=_label(plan, claim, one.rival, labels),
                standing=_standing(p_for, p_against, settings.alpha),
                gain=near.delta if near else None,
                low=near.low if near else None,
                high=near.high if near else None,
                p_adjusted=p_for if p_against is None or (p_for or 0.0) <= p_against else p_against,
                correction=name,
                runs=one.runs,
            )
        )
    return tuple(judged)


def claims_notes(results: Sequence[TrainResult], plan: Plan, design: str, split: str) -> list[str]:
    """The claims on one table, each with its verdict."""
    if not any((claim.design, claim.split) == (design, split) for claim in plan.claims):
        return []
    return [
        f"Claimed: {one.sentence()}"
        for one in judge_claims(results, plan)
        if (one.claim.design, one.claim.split) == (design, split)
    ]


def _compared(results: Sequence[TrainResult], plan: Plan, claim: PlannedClaim) -> _Found:
    """The claimed row against each rival, differences turned so that more is better."""
    asked = next(
        (table for table in plan.tables if (table.design, table.split) == (claim.design, claim.split)),
        TableSettings(design=claim.design, split=claim.split, statistics=_statistics(plan)),
    )
    made = gather(results, plan, asked.model_copy(update={"metrics": (claim.metric,)}))
    found = {cell: _turned(made, claim, cell) for cell in claim.than}
    own = made.values.get((claim.better, claim.metric), {})  # noqa: PD011 - a mapping
    runs = tuple(sorted(own.values()))
    known = {cell: one for cell, one in found.items() if one is not None}
    if len(known) < len(found) or not known:
        return _Found(next(cell for cell in found if cell not in known) if found else "", None, None, None)
    rival = min(known, key=lambda cell: known[cell].delta)
    if any(one.p is None for one in known.values()):
        return _Found(rival, known[rival], None, None, runs)
    p_for = max(one.p or 0.0 if one.delta > 0 else 1.0 for one in known.values())
    below = [one.p or 0.0 for one in known.values() if one.delta < 0]
    return _Found(rival, known[rival], p_for, min(1.0, len(known) * min(below)) if below else 1.0, runs)


def _turned(made: Gathered, claim: PlannedClaim, other: str) -> Comparison | None:
    """The claimed row less another one, by the table's test; for a metric that should be small, the other way about."""
    (metric,) = made.metrics or (None,)
    if metric is None:
        return None
    cells = [row.cell for row in made.design.rows]
    values = made.values  # noqa: PD011 - a mapping
    one, two = (values.get((cell, claim.metric), {}) for cell in (claim.better, other))
    if not metric.higher_is_better:
        one, two = two, one
    spread = spread_of(values, cells, claim.metric, made.procedure)
    return compare(one, two, made.procedure, higher_is_better=True, spread=spread)


def _standing(p_for: float | None, p_against: float | None, alpha: float) -> Standing:
    if p_for is None:
        return "cannot be tested"
    if p_for <= alpha:
        return "stands"
    return "contradicted" if p_against is not None and p_against <= alpha else "not settled"


def _statistics(plan: Plan) -> StatisticsSettings:
    return plan.tables[0].statistics if plan.tables else StatisticsSettings()


def _label(plan: Plan, claim: PlannedClaim, cell: str, labels: dict[str, str]) -> str:
    """How the cell reads in the claim's design."""
    rows: Sequence[tuple[str, str]] = [
        (row.cell, row.label) for design in plan.designs if design.name == claim.design for row in design.rows
    ]
    return plain(dict(rows).get(cell, labels.get(cell, cell)))


def _number(value: float) -> str:
    return numeral(value, _DECIMALS)
