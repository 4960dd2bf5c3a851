"""Standardised features: shifted and scaled by what the training rows say, and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_CHUNK = 2**22  # numbers held in double precision at a time: 32 MiB


def standardise(
    features: Mapping[str, NDArray[np.float32]],
    lengths: Mapping[str, NDArray[np.int64]],
    present: Mapping[str, NDArray[np.bool_]],
    rows: NDArray[np.int64],
) -> dict[str, NDArray[np.float32]]:
    """New features of mean 0 and standard deviation 1 over the training `rows`, feature by feature.

    `features` {modality: (N, D) or (N, T, D)}, `lengths` and `present` {modality: (N,)}. Only rows where the modality
    is present count, and of frames only the valid ones. A feature that never varies in training is shifted, not scaled;
    a modality that training never sees stays as it is. Padding and absent rows are exactly zero.
    """
    return {name: _standardise(array, lengths[name], present[name], rows) for name, array in features.items()}


def _standardise(
    array: NDArray[np.float32], lengths: NDArray[np.int64], present: NDArray[np.bool_], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    valid = _valid(array, lengths, present)
    mean, deviation = moments(array, lengths, present, rows)
    result = np.zeros(array.shape, np.float32)
    for part in _chunks(array):
        scaled = (array[part].astype(np.float64) - mean) / deviation
        result[part] = np.where(valid[part][..., None], scaled, 0.0)
    return result


def moments(
    array: NDArray[np.float32], lengths: NDArray[np.int64], present: NDArray[np.bool_], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (D,) of a modality's features over the training `rows`.

    The deviation of a feature that never varies there is 1.
    """
    valid = _valid(array, lengths, present)
    chosen = np.zeros(len(array), bool)
    chosen[rows] = True
    return _moments(array[valid & (chosen[:, None] if valid.ndim > 1 else chosen)])


def _valid(array: NDArray[np.float32], lengths: NDArray[np.int64], present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,), or (N, T) of frames: what of it is recorded."""
    frames = array.ndim == 3  # noqa: PLR2004 - (N, T, D)
    return present[:, None] & (np.arange(array.shape[1]) < lengths[:, None]) if frames else present


def _moments(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and population standard deviation (D,) of `values` (n, D), in two passes of double precision."""
    if not len(values):
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    total = np.zeros(values.shape[1])
    for part in _chunks(values):
        total += values[part].sum(axis=0, dtype=np.float64)
    mean = total / len(values)
    squares = np.zeros(values.shape[1])
    for part in _chunks(values):
        squares += np.square(values[part] - mean).sum(axis=0)
    constant = values.min(axis=0) == values.max(axis=0)
    return mean, np.where(constant, 1.0, np.sqrt(squares / len(values)))


def _chunks(array: NDArray[np.float32]) -> Iterator[slice]:
    step = max(1, _CHUNK // max(1, int(np.prod(array.shape[1:]))))
    for start in range(0, len(array), step):
        yield slice(start, start + step)
