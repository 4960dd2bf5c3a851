"""Metrics of imported runs: their columns, directions and values, of one convention in each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ...core.errors import nearest
from ...core.metrics import METRICS
from ...core.study.plan import PlannedMetric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core.study.problems import Problems
    from .mapping import RunsMapping, Value
    from .runs import Run
    from .source import Line

_KNOWN = {metric.name: metric for metric in METRICS}
_QUOTED = 40
_ONE_PERCENT = 0.01


class Place(NamedTuple):
    """Where a metric of a part of the data stands."""

    metric: str
    split: str
    column: str


def metric_columns(mapping: RunsMapping) -> list[Place]:
    """Every metric of a wide file."""
    if mapping.said.long is not None:
        return []
    return [
        Place(name, split, column)
        for name, one in mapping.metrics.items()
        for split, column in (one.columns or {"test": name}).items()
    ]


def add_metric(mapping: RunsMapping, run: Run, line: Line, place: Place, problems: Problems) -> None:
    """The value of one metric; one that is absent is none."""
    value, column = line.values.get(place.column), place.column
    if value is None:
        return
    if isinstance(value, bool | str):
        line.wrong(problems, f"expected a number, got {short(value)}", column)
        return
    if not finite(value):
        remedy = "leave the field empty where a run has no value"
        line.wrong(problems, f"expected a number, got {short(value)}, which is no finite one", column, remedy)
        return
    asked = mapping.metrics.get(place.metric)
    number = value / 100 if asked and asked.percent else float(value)
    known = _KNOWN.get(place.metric.rpartition(".")[2])
    rate = asked.rate if asked and asked.rate is not None else bool(known and known.rate)
    if rate and not 0 <= number <= 1:
        remedy = "if it is in percent, write `percent: true` beside its columns"
        words = f"{place.metric} is a rate, and {short(value)} is not between 0 and 1"
        line.wrong(problems, words, column, remedy)
        return
    run.metrics.setdefault(place.split, {})[place.metric] = number


def metrics_of(mapping: RunsMapping, runs: Iterable[Run], problems: Problems) -> tuple[PlannedMetric, ...]:
    """The metrics with their directions; those of a long file in the order in which they come."""
    recorded = dict.fromkeys(metric for run in runs for found in run.metrics.values() for metric in found)
    said = mapping.metrics
    found = []
    for name in said or recorded:
        known, one = _KNOWN.get(name.rpartition(".")[2]), said.get(name)
        higher = one.higher_is_better if one else None
        if higher is None and known is None:
            place = mapping.place("metrics", name) if one else mapping.place("metrics")
            words = f"`higher_is_better` is missing: whether more of '{name}' is better cannot be known"
            problems.add(place, words, f"metrics.{name}", nearest(name, list(_KNOWN)), code="")
            continue
        if known and higher is not None and higher is not known.higher_is_better:
            words = f"butfor's own '{name}' is better {'higher' if known.higher_is_better else 'lower'}"
            place, path = mapping.place("metrics", name, "higher_is_better"), f"metrics.{name}.higher_is_better"
            problems.add(place, words, path, "give what the file has another name", code="")
        rate = one.rate if one and one.rate is not None else bool(known and known.rate)
        up = known.higher_is_better if higher is None and known else bool(higher)
        found.append(PlannedMetric(name=name, higher_is_better=up, rate=rate))
    return tuple(found)


def check_percent(mapping: RunsMapping, runs: Iterable[Run], problems: Problems) -> None:
    """Refuse a metric that some parts of the file have in percent and others as a fraction: one column has one unit."""
    for name, one in mapping.metrics.items():
        if not one.percent or one.higher_is_better is False:
            continue
        largest: dict[tuple[str, str], float] = {}
        for run in runs:
            for split, found in run.metrics.items():
                if name in found:
                    part = run.data_set, split
                    largest[part] = max(found[name], largest.get(part, 0.0))
        known = _KNOWN.get(name.rpartition(".")[2])
        small = [" ".join(filter(None, part)) for part, value in largest.items() if 0 < value <= _ONE_PERCENT]
        if small and len(small) < len(largest) and (known is None or known.higher_is_better):
            words = f"in percent, but on {', '.join(small)} no {name} is above 1, as if it were a fraction there"
            path = f"metrics.{name}.percent"
            remedy = "bring the file to one unit, or name two metrics"
            problems.add(mapping.place("metrics", name, "percent"), words, path, remedy, code="")


def finite(value: float) -> bool:
    """Whether it is a number that can be reckoned with: `1e400` and four hundred digits are none."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def short(value: Value) -> str:
    """A value of the file as a message quotes it."""
    told = repr(value)
    return told if len(told) <= _QUOTED else f"{told[:_QUOTED]}..."
