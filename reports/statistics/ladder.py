"""Ladders: what each step adds to the step before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .factorial import Contrasts

if TYPE_CHECKING:
    from collections.abc import Sequence


def steps(labels: Sequence[str]) -> Contrasts:
    """Contrasts of cells in the order of the ladder: (steps, cells), each step less the one before."""
    count = len(labels)
    weights = np.eye(count)[1:] - np.eye(count)[:-1]
    return Contrasts(tuple(labels[1:]), weights)
