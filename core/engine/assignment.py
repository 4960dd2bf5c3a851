"""What to train: a cell's settings, with one seed, on one fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..conditions import Condition
    from ..splits import Fold
    from ..study.settings import CellSettings


@dataclass(frozen=True)
class Assignment:
    """One trial to train, in this process."""

    key: str
    cell: str
    settings: CellSettings
    seed: int
    fold: Fold
    conditions: tuple[Condition, ...] = ()
    """What it is tested under besides the clean test."""
    witness: bool = False
    """Whether the gradients of its terms are measured: of one trial of each cell."""

    @property
    def stream(self) -> tuple[int, str]:
        """What its random numbers are keyed by."""
        return self.seed, self.fold.name
