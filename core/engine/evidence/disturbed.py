"""Rows as testing may have them and the training rows that are looked at do not: without a modality, or with noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...batch import Batch
from ..conditions import Disturbed, strongest
from .subject import ROWS, spread, spread_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from ...conditions import Condition
    from ..feed import Feed

ABSENT, NOISE = "absent", "noise"
_FEW = 8


def disturbed_tests(feed: Feed, conditions: Iterable[Condition]) -> dict[str, Batch]:
    """{what is odd about them: rows} of validation and test that lack a modality, and of training under `conditions`.

    Only what there is: nothing where no row lacks a modality, and the study tests under no condition.
    """
    found: dict[str, list[Batch]] = {}
    incomplete = _incomplete(feed)
    if len(incomplete):
        found[ABSENT] = [feed.batch(torch.from_numpy(incomplete))]
    rows = torch.from_numpy(spread_rows(feed.data, feed.fold, 2 * ROWS))
    for condition in strongest(conditions):
        kind = NOISE if condition.kind == "noise" else ABSENT
        for one, number in _strong(condition):
            disturbed = Disturbed(feed, one, 0, feed.fold.name)
            if disturbed.applies():
                found.setdefault(kind, []).append(disturbed.batch(rows[:: max(1, len(rows) // number)]))
    joined = {kind: _joined(batches) for kind, batches in found.items()}
    return {kind: batch for kind, batch in joined.items() if len(batch.rows)}


def _incomplete(feed: Feed) -> np.ndarray:
    """Some rows of validation and test without each modality that some of them lack."""
    rows = np.unique(np.concatenate([feed.fold.valid, *feed.fold.tests.values()])).astype(np.int64)
    present = feed.recorded[rows].numpy()
    some = present.any(axis=1)
    lacking = [spread(rows[some & ~present[:, column]], _FEW) for column in range(present.shape[1])]
    return np.unique(np.concatenate(lacking)).astype(np.int64)


def _strong(condition: Condition) -> Iterator[tuple[Condition, int]]:
    """The condition at levels at which a few rows show all that it does, each with a number of rows."""
    if condition.kind != "missing":
        yield condition, _FEW
    elif condition.modalities:
        yield replace(condition, level=1.0), _FEW
    else:
        most = (len(condition.among) - 1) / len(condition.among)
        yield replace(condition, level=most), _FEW
        yield replace(condition, level=most / 2), 2 * ROWS


def _joined(batches: Sequence[Batch]) -> Batch:
    """All rows of several batches that have something left to predict from."""
    keep = torch.cat([batch.present.any(dim=1) for batch in batches])

    def join(parts: Iterable[Tensor]) -> Tensor:
        return torch.cat(list(parts))[keep]

    def joined(maps: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        return {name: join(one[name] for one in maps) for name in maps[0]}

    features = joined([batch.features for batch in batches])
    return Batch(
        features=features,
        complete=features,
        lengths=joined([batch.lengths for batch in batches]),
        present=join(batch.present for batch in batches),
        recorded=join(batch.recorded for batch in batches),
        targets=joined([batch.targets for batch in batches]),
        labelled=joined([batch.labelled for batch in batches]),
        rows=join(batch.rows for batch in batches),
    )
