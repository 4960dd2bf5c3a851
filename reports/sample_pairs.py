"""Two systems row by row: for each seed and fold, the two trained models on the same test rows.

A claim about those two models alone, kept apart from claims over seeds: it never stands in a table with them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import StudyError, nearest
from ..core.metrics import METRICS
from ..core.predictions import read_predictions
from .numerals import heading, numeral, probability
from .statistics.samples import FEWEST_DRAWN, SCOPE, aligned, mcnemar, paired_bootstrap
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ..core.study.plan import Plan, PlannedCell, PlannedTrial
    from .exported.samples import Truth

_MEASURES = {"classes": "accuracy", "values": "mse"}
_PLACES = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """One seed on one fold: two trained models on the rows that both predicted."""

    seed: int
    fold: str
    task: str
    metric: str
    rows: int
    only_first: int | None
    """Rows that only the first model has right; None for values."""
    only_second: int | None
    p_mcnemar: float | None
    """Exact; None for values, and where rows belong together, which the test takes as independent."""
    difference: float
    """Of the metric on all rows, first less second."""
    low: float | None
    high: float | None
    """None, as `p_bootstrap`, where fewer groups, or rows, were to be drawn from than a bootstrap needs."""
    p_bootstrap: float | None
    groups: bool
    """Whether whole groups of rows were drawn."""
    drawn: int
    """Groups, or rows, that were drawn from."""


def cell_named(plan: Plan, said: str) -> PlannedCell:
    """The cell with that label, called so, or whose key begins so. Raises StudyError for none and for several."""
    rows = [(row.label, row.cell) for design in plan.designs for row in design.rows]
    labels = [*rows, *((cell.label, cell.key) for cell in plan.cells)]
    keys = {key for label, key in labels if label == said}
    called = {"label": said} if keys else {}
    keys = keys or {cell.key for cell in plan.cells if said and cell.key.startswith(said)}
    if len(keys) == 1:
        return next(cell for cell in plan.cells if cell.key in keys).model_copy(update=called)
    if keys:
        raise StudyError(f"'{said}' is several cells of study '{plan.study}': {', '.join(sorted(keys))}; give a key")
    raise StudyError(f"study '{plan.study}' has no cell '{said}'; {nearest(said, list(dict(labels)))}")


def pairs(
    plan: Plan,
    cells: tuple[PlannedCell, PlannedCell],
    folder: Path,
    kept: Mapping[str, str],
    truth: Truth,
    *,
    split: str = "test",
) -> list[Pair]:
    """Both cells on every seed and fold that both have predictions of. Raises StudyError where there is none."""
    trials = {(trial.cell, trial.seed, trial.fold): trial for trial in plan.trials if kept.get(trial.key)}
    found = []
    for trial in plan.trials:
        other = trials.get((cells[1].key, trial.seed, trial.fold))
        if trial.cell == cells[0].key and kept.get(trial.key) and other is not None:
            found += list(_blocks(trial, other, (folder, kept, truth, split)))
    if not found:
        raise StudyError(f"there is no seed and fold of which both have predictions of '{split}'")
    return found


def _blocks(one: PlannedTrial, two: PlannedTrial, where: tuple[Path, Mapping[str, str], Truth, str]) -> Iterator[Pair]:
    folder, kept, truth, split = where
    first, second = (read_predictions(folder, trial.key, kept[trial.key]) for trial in (one, two))
    parts = {name.rpartition("/")[0] for name in first}
    if split not in parts:
        raise StudyError(
            f"--split {split}: there are predictions of {', '.join(sorted(parts))}; {nearest(split, sorted(parts))}"
        )
    for task in truth.targets:
        if f"{split}/{task}" not in first or f"{split}/{task}" not in second:
            continue
        rows, mine, theirs = aligned(first, second, split, task)
        labelled = truth.labelled[task][rows]
        rows, mine, theirs = rows[labelled], mine[labelled], theirs[labelled]
        if len(rows):
            yield _pair(one, task, (rows, mine, theirs), truth)


def _pair(trial: PlannedTrial, task: str, found: tuple[NDArray[Any], ...], truth: Truth) -> Pair:
    rows, mine, theirs = found
    right = truth.targets[task][rows]
    classes = mine.ndim > 1
    name = _MEASURES["classes" if classes else "values"]
    compute = next(metric.compute for metric in METRICS if metric.name == name)
    groups = None if truth.groups is None else truth.groups[rows]
    drawn = paired_bootstrap(mine, theirs, right, lambda told, real: float(compute(told, real) or 0.0), groups=groups)
    counts = mcnemar(mine.argmax(axis=1) == right, theirs.argmax(axis=1) == right) if classes else None
    grouped = drawn.drawn < len(rows)
    return Pair(
        seed=trial.seed,
        fold=trial.fold,
        task=task,
        metric=name,
        rows=len(rows),
        only_first=counts.only_first if counts else None,
        only_second=counts.only_second if counts else None,
        p_mcnemar=counts.p if counts and not grouped else None,
        difference=drawn.difference,
        low=drawn.low,
        high=drawn.high,
        p_bootstrap=drawn.p,
        groups=grouped,
        drawn=drawn.drawn,
    )


def as_json(cells: tuple[PlannedCell, PlannedCell], split: str, found: list[Pair]) -> dict[str, Any]:
    """For programs."""
    first, second = (cell.label for cell in cells)
    return {"first": first, "second": second, "split": split, "scope": SCOPE, "pairs": [asdict(one) for one in found]}


def as_text(cells: tuple[PlannedCell, PlannedCell], split: str, found: list[Pair]) -> str:
    """A line for each seed, fold and task, and what may be concluded from it."""
    first, second = (plain(cell.label) for cell in cells)
    lines = [f"{first} less {second}, row by row on {plain(split)}:", *map(_line, found)]
    drawn = "whole groups of rows" if any(one.groups for one in found) else "rows"
    limits = [f"Each line is of {SCOPE}."]
    if any(one.p_bootstrap is not None for one in found):
        limits.append(f"95 % intervals by 2000 bootstrap draws of {drawn}; p are not corrected.")
    if any(one.groups and one.only_first is not None for one in found):
        limits.append("McNemar's test takes rows as independent, so it is not given where rows belong to groups.")
    limits.append("Whether the systems differ when they are trained again is what `butfor table` says.")
    return "\n".join([*lines, " ".join(limits)])


def _line(one: Pair) -> str:
    """What one pair of models says."""
    said = f"seed {one.seed}, fold {plain(one.fold)}, {plain(one.task)} ({one.rows} rows): "
    said += f"{heading(one.metric)} {numeral(one.difference, _PLACES, signed=True)}"
    if one.low is None or one.high is None or one.p_bootstrap is None:
        what = "groups" if one.groups else "rows"
        said += f", no interval and no p: {one.drawn} {what} to draw from, {FEWEST_DRAWN} are the fewest"
    else:
        said += f" ({numeral(one.low, _PLACES)}, {numeral(one.high, _PLACES)})"
        said += f", bootstrap p {probability(one.p_bootstrap)}"
    if one.only_first is not None:
        said += f"; only it right {one.only_first}, only the other {one.only_second}"
    return said if one.p_mcnemar is None else f"{said}, McNemar p {probability(one.p_mcnemar)}"
