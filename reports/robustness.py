"""Tests under missing or noisy modalities as figures of a table: one for each level, and the area under each curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.conditions import parts_of, split_and_condition, split_under
from ..core.errors import StudyError
from ..core.study.plan import PlannedMetric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .blocks import Block

_KINDS = ("missing", "noise")
_FEWEST = 2
"""Levels that have an area under them."""


class Measure(PlannedMetric):
    """A metric under a condition, named as in CSV: `weighted_f1@missing:0.3`, `weighted_f1@missing:auc`."""

    metric: str
    """As the study names it."""
    split: str
    """`test@missing:0.3`; of the area `test@missing:auc`."""
    curve: str
    """`missing`, or `missing:audio` for one pattern: what the levels of one curve share."""
    level: float | None = None
    """The rate, or the noise in standard deviations; None for the area."""

    @property
    def kind(self) -> str:
        """`missing` or `noise`: its levels are on the scale of that kind."""
        return self.curve.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Curve:
    """Tests of one kind and pattern at several levels: rates of missing modalities, or severities of noise."""

    name: str
    """`missing`, or `missing:audio`."""
    splits: Mapping[float, str]
    """{level: split}, in order; the clean test is level 0."""


def curves_of(splits: Iterable[str], split: str) -> tuple[Curve, ...]:
    """The curves that tests of `split` make. Raises StudyError where trials were tested, and none of them so."""
    splits = list(splits)
    found: dict[str, dict[float, str]] = {}
    for name in splits:
        base, condition = split_and_condition(name)
        kind, level, which = parts_of(condition) if condition else ("", None, "")
        if base == split and kind in _KINDS and level is not None:
            found.setdefault(f"{kind}:{which}" if which else kind, {})[level] = name
    if splits and not found:
        told = f"no trial was tested on '{split}' with missing or noisy modalities"
        raise StudyError(f"{told}; ask for it with `evaluate: {{missing: {{rates: [0, 0.3, 0.5]}}}}`")
    return tuple(Curve(name, dict(sorted({0.0: split, **levels}.items()))) for name, levels in found.items())


def measures_of(curves: Sequence[Curve], metrics: Sequence[PlannedMetric], split: str) -> tuple[Measure, ...]:
    """Of each metric and curve the area, which is tested, and then each level."""
    return tuple(measure for metric in metrics for curve in curves for measure in _of_curve(curve, metric, split))


def _of_curve(curve: Curve, metric: PlannedMetric, split: str) -> list[Measure]:
    kind, _, which = curve.name.partition(":")
    ending = f":{which}" if which else ""
    shared = metric.model_dump() | {"metric": metric.name, "curve": curve.name}

    def made(said: str, place: str, level: float | None) -> Measure:
        return Measure(**shared | {"name": f"{metric.name}@{kind}:{said}{ending}", "split": place, "level": level})

    area = [made("auc", split_under(split, f"{kind}:auc{ending}"), None)] if len(curve.splits) >= _FEWEST else []
    return [*area, *(made(f"{level:g}", place, level) for level, place in curve.splits.items())]


def area_values(
    measures: Sequence[Measure], values: Mapping[tuple[str, str], Mapping[Block, float]]
) -> dict[tuple[str, str], dict[Block, float]]:
    """{(cell, name of the area): {block: area}} from the values at the levels, on the blocks that have all of them."""
    found: dict[tuple[str, str], dict[Block, float]] = {}
    cells = dict.fromkeys(cell for cell, _ in values)
    for measure in measures:
        if measure.level is not None:
            continue
        rates = [
            one
            for one in measures
            if (one.metric, one.curve) == (measure.metric, measure.curve) and one.level is not None
        ]
        levels = [one.level or 0.0 for one in rates]
        for cell in cells:
            points = [values.get((cell, one.name), {}) for one in rates]
            common = [block for block in points[0] if all(block in point for point in points)]
            if common:
                found[cell, measure.name] = {
                    block: area(levels, [point[block] for point in points]) for block in common
                }
    return found


def area(levels: Sequence[float], values: Sequence[float]) -> float:
    """The area under `values` over `levels` by trapezoids, divided by their width: a mean, in the metric's own unit."""
    x, y = np.asarray(levels, dtype=np.float64), np.asarray(values, dtype=np.float64)
    return float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum() / (x[-1] - x[0]))
