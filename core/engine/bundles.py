"""Which trials make a work: those of one program together, in pieces that keep every worker busy."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ..study.cell import content_key
from .structure import not_stackable, structure
from .work import Work, WorkTrial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..study.trial import Trial

ENGINES = ("stack", "one")
"""Ways to train: trials of one program as a stack, or one at a time."""
FULL = 16
"""Trials of a work that use a stack well: fewer cost more each."""


def bundle(
    trials: Sequence[Trial],
    engine: str,
    batch_sizes: Mapping[str, int],
    *,
    workers: int = 1,
    plugins: tuple[str, ...] = (),
    checkpoints: str = "",
) -> list[Work]:
    """The works that train `trials`, the longest first.

    `engine` is "stack" or "one"; what cannot be stacked is a work of one. `batch_sizes` {key of the trial: rows of its
    batches}. Which trials stand together changes no number.
    """
    groups: dict[tuple[str, str, int], list[Trial]] = {}
    for trial in trials:
        alone = engine == "one" or not_stackable(trial.cell.settings)
        program = trial.key if alone else structure(trial.cell.settings)
        groups.setdefault((trial.cell.folder, program, batch_sizes[trial.key]), []).append(trial)
    least = min(FULL, max(2, -(-len(trials) // workers)))
    works = []
    for (folder, program, size), members in groups.items():
        stacked = engine != "one" and not not_stackable(members[0].cell.settings)
        key = content_key({"program": program, "batch": size, **members[0].identity}) if stacked else ""
        works += [
            Work(tuple(map(_travelling, part)), folder, plugins, engine if stacked else "one", key, checkpoints)
            for part in _parts(sorted(members, key=lambda trial: trial.fold), least, workers)
        ]
    length = {trial.key: trial.cell.settings.train.epochs for trial in trials}
    return sorted(works, key=lambda work: -sum(length[trial.key] for trial in work.trials))


def _travelling(trial: Trial) -> WorkTrial:
    return WorkTrial(trial.key, trial.cell.key, trial.cell.resolved, trial.seed, trial.fold)


def _parts(members: Sequence[Trial], least: int, workers: int) -> list[Sequence[Trial]]:
    """Equal pieces: one for each worker, unless they would be smaller than `least`."""
    num = max(1, min(workers, len(members) // least))
    bounds = [round(i * len(members) / num) for i in range(num + 1)]
    return [members[start:end] for start, end in pairwise(bounds)]
