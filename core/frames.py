"""Frames and presence: which steps of a padded array are padding, and which rows were recorded at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def trim(frames: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Frames (N, T, D) moved to the start, and their number (N,): all-zero frames at either end are padding.

    Zero frames between others stay. Of a row that is zero throughout, one frame stays.
    """
    filled = (frames != 0).any(axis=2)
    rows, steps = filled.shape
    some = filled.any(axis=1)
    first = np.where(some, filled.argmax(axis=1), 0)
    lengths = np.where(some, steps - filled[:, ::-1].argmax(axis=1) - first, 1).astype(np.int64)
    order = np.minimum(np.arange(steps) + first[:, None], steps - 1)
    moved = frames[np.arange(rows)[:, None], order]
    moved[np.arange(steps) >= lengths[:, None]] = 0
    return moved, lengths


def checked_lengths(
    values: NDArray[np.generic], frames: NDArray[np.float32], modality: str, setting: str
) -> NDArray[np.int64]:
    """Numbers of frames (N,) as int64. Raises DataError unless each is a whole number in 0..T and frames come first."""
    rows, steps = frames.shape[:2]
    if values.shape != (rows,):
        raise DataError(f"lengths of '{modality}' have shape {values.shape}; expected ({rows},)", setting)
    numbers = np.asarray(values, np.float64)
    wrong = ~((numbers >= 0) & (numbers <= steps) & (numbers == np.round(numbers)))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"length {numbers[row]:g} of '{modality}' in row {row}: expected a whole number 0..{steps}", setting
        )
    lengths = numbers.astype(np.int64)
    filled = (frames != 0).any(axis=2)
    inside = np.arange(steps) < lengths[:, None]
    in_front = np.arange(steps) < steps - lengths[:, None]
    turned = (filled & ~inside).any(axis=1) & ~(filled & in_front).any(axis=1)
    if turned.any():
        row = int(np.flatnonzero(turned)[0])
        said = f"'{modality}' is padded at the front: row {row} has length {lengths[row]} and starts with zeros"
        raise DataError(f"{said}; `auto` in place of the array of lengths moves frames to the start", setting)
    return lengths


def checked_presence(values: NDArray[np.generic], rows: int, modality: str, setting: str) -> NDArray[np.bool_]:
    """Presence (N,) as bool. Raises DataError unless it is true or false, or 0 or 1."""
    if values.shape != (rows,):
        raise DataError(f"presence of '{modality}' has shape {values.shape}; expected ({rows},)", setting)
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"presence of '{modality}' is {values[row]} in row {row}; expected 0 or 1", setting)
    return np.asarray(values != 0)


def blank(array: NDArray[np.float32], lengths: NDArray[np.int64] | None, present: NDArray[np.bool_]) -> None:
    """Set padding and absent rows to zero, in place."""
    array[~present] = 0
    if lengths is not None:
        array[np.arange(array.shape[1]) >= lengths[:, None]] = 0


def check_finite(array: NDArray[np.float32], modality: str, setting: str) -> None:
    """Raise DataError that says where the first NaN or Inf stands."""
    bad = ~np.isfinite(array)
    if bad.any():
        place = np.argwhere(bad)[0]
        kinds = "NaN" if np.isnan(array[tuple(place)]) else "Inf"
        axes = ("row", "frame", "feature") if array.ndim == 3 else ("row", "feature")  # noqa: PLR2004 - (N, T, D)
        where = ", ".join(f"{axis} {index}" for axis, index in zip(axes, place, strict=True))
        rows = int(bad.reshape(len(array), -1).any(axis=1).sum())
        said = f"modality '{modality}' has NaN or Inf in {rows} row{'s' if rows > 1 else ''}, first {kinds}: {where}"
        raise DataError(f"{said}; mark such rows absent with `present`, or repair the file", setting)
