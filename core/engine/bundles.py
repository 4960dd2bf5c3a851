"""Which trials make a work: those of one program together, in pieces that keep every worker busy."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING

from ..study.cell import content_key
from .merging import family, union
from .structure import not_stackable, structure
from .work import Work, WorkTrial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..study.trial import Trial

    _Groups = dict[tuple[str, str, int], list[Trial]]
    """{(folder, program, batch size): trials}."""

ENGINES = ("stack", "one", "compiled")
"""Ways to train: trials of one program as a stack, one at a time, or as a stack whose passes are compiled."""
FULL = 16
"""Trials of a work that use a stack well: fewer cost more each."""


def bundle(
    trials: Sequence[Trial],
    engine: str,
    batch_sizes: Mapping[str, int],
    *,
    workers: int = 1,
    kept: Mapping[str, str] | None = None,
) -> list[Work]:
    """The works that train `trials`, the longest first.

    A program is one work, since a wide stack costs each trial the least; it is divided where too few are left
    to keep all `workers` busy. `engine` is one of `ENGINES`; what cannot be stacked is a work of one.
    `batch_sizes` {key of the trial: rows of its batches}, `kept` {key of the cell: what `plain.parted` says}. Which
    trials stand together changes no number.
    """
    kept = kept or {}
    groups: _Groups = {}
    for trial in trials:
        alone = engine == "one" or not_stackable(trial.cell.settings)
        program = trial.key if alone else structure(trial.cell.settings) + kept.get(trial.cell.key, "")
        groups.setdefault((trial.cell.folder, program, batch_sizes[trial.key]), []).append(trial)
    least = min(FULL, max(2, -(-len(trials) // workers)))
    merged = sorted(_merged(groups, kept).items(), key=lambda group: -_cost(group[1]))
    left = sum(_cost(members) for _, members in merged)
    works = []
    for number, ((folder, _, size), members) in enumerate(merged, start=1):
        stacked = engine != "one" and not not_stackable(members[0].cell.settings)
        code = _code(members, size) if stacked else ""
        share = workers * _cost(members) / left if len(merged) - number >= workers else workers
        pieces = min(len(members) // least, math.ceil(share))
        left -= _cost(members)
        works += [
            Work(
                tuple(_travelling(trial, kept) for trial in part),
                folder,
                engine=engine if stacked else "one",
                code=code,
            )
            for part in _parts(sorted(members, key=lambda trial: trial.fold), pieces)
        ]
    costs = {trial.key: _cost([trial]) for trial in trials}
    return sorted(works, key=lambda work: -sum(costs[trial.key] for trial in work.trials))


def _cost(trials: Sequence[Trial]) -> int:
    """What trials take beside others, roughly: each modality has its encoder."""
    return sum(trial.cell.settings.train.epochs * len(trial.cell.settings.modalities) for trial in trials)


def _merged(groups: _Groups, kept: Mapping[str, str]) -> _Groups:
    """Groups too small for a stack of their own with those that could share a program.

    First those with the same modalities, which share almost all of it; then any.
    """
    for with_modalities in (True, False):
        families: dict[tuple[str, str, int], list[tuple[str, str, int]]] = {}
        merged: _Groups = {}
        for key, members in groups.items():
            settings = members[0].cell.settings
            if len(members) >= FULL or not_stackable(settings) or key[1] == members[0].key:
                merged[key] = members
                continue
            name = family(settings, with_modalities=with_modalities) + kept.get(members[0].cell.key, "")
            alike = families.setdefault((key[0], name, key[2]), [])
            for known in alike:
                if union(trial.cell.settings for trial in (*merged[known], *members)) is not None:
                    merged[known] = [*merged[known], *members]
                    break
            else:
                alike.append(key)
                merged[key] = members
        groups = merged
    return groups


def _code(members: Sequence[Trial], batch_size: int) -> str:
    distinct = {json.dumps(trial.identity, sort_keys=True, default=str) for trial in members}
    return content_key({"batch": batch_size, "identities": sorted(distinct)})


def _travelling(trial: Trial, kept: Mapping[str, str]) -> WorkTrial:
    cell, plain = trial.cell, kept.get(trial.cell.key, "")
    return WorkTrial(trial.key, cell.key, cell.resolved, trial.seed, trial.fold, trial.conditions, trial.witness, plain)


def _parts(members: Sequence[Trial], pieces: int) -> list[Sequence[Trial]]:
    """Equal pieces, one at the least."""
    num = max(1, pieces)
    bounds = [round(i * len(members) / num) for i in range(num + 1)]
    return [members[start:end] for start, end in pairwise(bounds)]
