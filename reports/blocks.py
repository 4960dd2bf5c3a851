"""Blocks: a seed on a fold. Cells are compared on the blocks they share: same rows, same order, same masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

Block = tuple[int, str]
"""(seed, fold)."""


class Summary(NamedTuple):
    """Mean, standard deviation (ddof 1; None below two values) and number of values."""

    mean: float | None
    sd: float | None
    n: int


def summarise(values: Collection[float]) -> Summary:
    """Mean, sd (ddof 1) and n of `values` (n,)."""
    array = np.fromiter(values, dtype=np.float64, count=len(values))
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(array.mean()) if array.size else None
        sd = float(array.std(ddof=1)) if array.size > 1 else None
    return Summary(mean, sd, int(array.size))
