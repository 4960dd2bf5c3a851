"""Ordered values: does the metric go up or down with them? A slope for each block, and Page's test on ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .factorial import Contrasts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def slope(values: Sequence[float], *, name: str = "slope") -> Contrasts:
    """The contrast whose value in a block is the least-squares slope of the cells' metric on `values` (cells,).

    The slope is per unit of the value. Empty where all values are equal.
    """
    centred = np.asarray(values, dtype=np.float64) - np.mean(values)
    square = float((centred**2).sum())
    if not square:
        return Contrasts((), np.empty((0, len(values))))
    return Contrasts((name,), (centred / square)[None])


def slope_on(contrasts: Contrasts, kept: Sequence[int]) -> Contrasts:
    """The slope on some of its values alone: those at the places `kept`."""
    (weights,) = contrasts.weights  # of a slope these are the centred values over the sum of their squares
    values = weights / float((weights**2).sum())
    return slope(values[list(kept)].tolist(), name=contrasts.labels[0])


def page(metric: NDArray[np.float64], *, increasing: bool = True) -> float:
    """Page's L: p on `metric` (blocks, cells), cells in the order of the values, for a monotone trend upwards.

    `increasing=False` asks for one downwards. Exact for few blocks (scipy decides).
    """
    ordered = metric if increasing else metric[:, ::-1]
    from scipy.stats import page_trend_test  # noqa: PLC0415 - seconds to import, and few tables ask for it

    return float(page_trend_test(ordered).pvalue)
