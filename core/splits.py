"""Folds: which rows train, select and test. Seeded by the study, stored, and shared by all cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .errors import DataError
from .specs import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from .dataset import Dataset


class SplitSpec(Settings):
    """How rows are split. A bare word is a scheme; `folds` alone asks for k folds."""

    scheme: Literal["official", "holdout", "kfold", "leave_one_group_out"] = "holdout"
    """The parts of the file, one seeded split, k folds, or a fold for each group."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows of one fold, ascending; the parts are disjoint."""

    name: str
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    tests: Mapping[str, NDArray[np.int64]]
    """{split: rows}; usually one, named `test`."""


def make_folds(spec: SplitSpec, data: Dataset) -> tuple[Fold, ...]:
    """The folds of `data`. Raises DataError where the data cannot be split so."""
    raise DataError(f"{spec} {data}")
