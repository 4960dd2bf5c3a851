"""What a cell is tested on: a digest of each part's rows and their labels, so that only equals share a column."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..dataset import Dataset
    from ..splits import Fold


def parts_digests(data: Dataset, folds: Iterable[Fold]) -> dict[str, str]:
    """{split: digest} of the rows of each part, over all folds, and of their labels; features play no role."""
    found: dict[str, hashlib._Hash] = {}
    for fold in folds:
        for split, rows in (("valid", fold.valid), *fold.tests.items()):
            total = found.setdefault(split, hashlib.sha256())
            total.update(f"{fold.name}/{len(rows)}".encode())
            total.update(np.ascontiguousarray(rows).tobytes())
            for task in sorted(data.tasks):
                total.update(f"{task}/{data.tasks[task].num_outputs}".encode())
                total.update(np.ascontiguousarray(data.targets[task][rows]).tobytes())
                total.update(np.ascontiguousarray(data.labelled[task][rows]).tobytes())
    return {split: total.hexdigest()[:16] for split, total in found.items()}
