"""A selection split that is no proxy for the test: validation far above test on every seed.

Features that were fitted on the labels of the validation rows, or rows that stand in both parts, look like this: so
does a test of another kind. What is held against each other is the first metric that the selection reads, by seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from .seen import counted, evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.evidence import Evidence
    from ...core.results import TrainResult
    from ...core.study.plan import PlannedMetric
    from .seen import Seen

FAR = 0.1
"""The mean gap from which a validation score is far above the test's, for a metric where more is better: ten points of
accuracy. Choosing the best of a hundred epochs on a few hundred rows gains two or three."""
FAR_ERROR = 1.5
"""For an error: how many times as large as the validation's the test's is."""
NOISE = 4.0
"""The gap must also be so many standard errors of a mean over so many validation and test rows, at the worst spread."""


@dataclass(frozen=True)
class Gap:
    """Validation against one test split, of one cell."""

    split: str
    metric: str
    valid: float
    test: float
    by_seed: tuple[float, ...]
    """Differences, or log ratios of errors, oriented so that more is validation above test; folds averaged first."""
    least: float
    """What the mean must reach to be far."""
    is_error: bool

    @property
    def far(self) -> bool:
        """Whether validation is far above test on every seed."""
        return mean(self.by_seed) >= self.least and all(gap >= self.least / 2 for gap in self.by_seed)


def proxy_evidence(seen: Seen) -> Iterator[Evidence]:
    """One record a cell and test split; cells that lack what the others share are named where they are clean."""
    gaps = {cell: found for cell, trials in seen.done.items() if (found := gaps_of(seen, trials))}
    for cell, found in gaps.items():
        for gap in (gap for gap in found if gap.far):
            suspects = _suspects(seen, gaps, gap.split)
            yield evidence(
                cell,
                "selection split",
                "after",
                _message(gap, suspects),
                paths=("splits",),
                code="BF742",
                numbers={
                    "split": gap.split,
                    "metric": gap.metric,
                    "valid": round(gap.valid, 6),
                    "test": round(gap.test, 6),
                    "by_seed": [round(value, 6) for value in gap.by_seed],
                    "suspects": suspects,
                },
            )


def gaps_of(seen: Seen, trials: Sequence[TrainResult]) -> list[Gap]:
    """The gap to each test split of the first planned metric that all `trials` have in both."""
    found = []
    splits = [name for name in trials[0].metrics if name != "valid" and "@" not in name]
    for split in splits:
        metric = next((metric for metric in seen.plan.metrics if _everywhere(trials, split, metric.name)), None)
        sizes = _rows(seen, trials, split)
        if metric is not None and sizes is not None:
            found.append(_gap(trials, split, metric, *sizes))
    return found


def _everywhere(trials: Sequence[TrainResult], split: str, metric: str) -> bool:
    values = [trial.metrics.get(part, {}).get(metric, math.nan) for trial in trials for part in ("valid", split)]
    return all(map(math.isfinite, values))


def _rows(seen: Seen, trials: Sequence[TrainResult], split: str) -> tuple[int, int] | None:
    """How many different validation and test rows the folds have; None where no predictions tell."""
    folds = {trial.fold: trial for trial in trials}
    known = [seen.read(trial.key) for trial in folds.values()]
    if not all("valid/rows" in found and f"{split}/rows" in found for found in known):
        return None
    valid, test = (
        len(np.unique(np.concatenate([found[f"{part}/rows"] for found in known]))) for part in ("valid", split)
    )
    return (valid, test) if valid and test else None


def _gap(trials: Sequence[TrainResult], split: str, metric: PlannedMetric, valid_rows: int, test_rows: int) -> Gap:
    seeds: dict[int, list[tuple[float, float]]] = {}
    for trial in trials:
        pair = trial.metrics["valid"][metric.name], trial.metrics[split][metric.name]
        seeds.setdefault(trial.seed, []).append(pair)
    means = [(mean(one for one, _ in pairs), mean(other for _, other in pairs)) for pairs in seeds.values()]
    rows = 1 / valid_rows + 1 / test_rows
    if metric.higher_is_better:
        by_seed = [valid - test for valid, test in means]
        least = max(FAR, NOISE * math.sqrt(0.25 * rows))
    else:  # of Gaussian errors, the log of a mean square has the variance 2/n
        by_seed = [_log_ratio(test, valid) for valid, test in means]
        least = max(math.log(FAR_ERROR), NOISE * math.sqrt(2 * rows))
    valid_mean, test_mean = mean(valid for valid, _ in means), mean(test for _, test in means)
    return Gap(split, metric.name, valid_mean, test_mean, tuple(by_seed), least, not metric.higher_is_better)


def _log_ratio(test: float, valid: float) -> float:
    return math.log(test / valid) if test > 0 and valid > 0 else 0.0


def _modalities(seen: Seen, cell: str) -> list[str]:
    return list(seen.cells[cell].settings.get("modalities", ()))


def _suspects(seen: Seen, gaps: Mapping[str, Sequence[Gap]], split: str) -> list[str]:
    """Modalities that no clean cell has; none where no cell is clean, or a far one has none of them."""
    far: list[set[str]] = []
    clean: set[str] = set()
    for cell, found in gaps.items():
        for gap in (gap for gap in found if gap.split == split):
            names = set(_modalities(seen, cell))
            if gap.far:
                far.append(names)
            else:
                clean |= names
    every = set().union(*far)
    suspects = every - clean
    return sorted(suspects) if clean and all(names & suspects for names in far) else []


def _message(gap: Gap, suspects: Sequence[str]) -> str:
    number = len(gap.by_seed)
    seeds = f"each of {counted(number, 'seed')}" if number > 1 else "the one seed"
    how = "far below" if gap.is_error else "far above"
    told = (
        f"the selection split is no proxy for {gap.split}: {gap.metric} is {gap.valid:.3f} on validation, {how} "
        f"{gap.test:.3f} on {gap.split}, on {seeds}"
    )
    if suspects:
        return f"{told}; only cells with {' or '.join(suspects)} show it"
    return f"{told}; features or rows of the validation part may be known in training"
