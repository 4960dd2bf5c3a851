"""Folds and other overlapping resamples: their differences are correlated, and the plain t is too sure of itself.

Nadeau and Bengio (Machine Learning 52, 2003) put 1/k + n_test/n_train in place of 1/k. Folds that were trained with
several seeds are averaged over the seeds first: seeds on one fold share its rows and are no further resamples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .paired import Paired, paired_t

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def nadeau_bengio(differences: NDArray[np.float64], *, held_out: float, alpha: float = 0.05) -> Paired:
    """The corrected resampled t on `differences` (..., k), one a resample; `held_out` is n_test / n_train."""
    return paired_t(differences, alpha=alpha, share=variance_share(differences.shape[-1], held_out))


def variance_share(count: int, held_out: float) -> float:
    """1/k + n_test/n_train: the part of the variance that the mean over `count` resamples keeps."""
    return 1 / count + held_out


def default_held_out(folds: int) -> float:
    """n_test / n_train of k folds where the rows are not known: 1 / (k - 1)."""
    return 1 / (folds - 1)
