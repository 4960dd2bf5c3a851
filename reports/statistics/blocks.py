"""Complete blocks: the same seeds and folds in every cell that is compared; what a cell lacks is counted, shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..blocks import Block

Unit = Literal["seed", "fold", "run"]
"""What counts as one observation; of seed and fold the other is averaged first. `run`: nothing is paired."""


@dataclass(frozen=True, eq=False)
class Complete:
    """Values of some cells on the blocks that all of them have."""

    cells: tuple[str, ...]
    blocks: tuple[Block, ...]
    """The n common blocks, in order."""
    values: NDArray[np.float64]
    """(cells, n)."""
    lacking: Mapping[str, tuple[Block, ...]]
    """{cell: blocks that another cell has and this one has not}; only cells that lack any."""

    @property
    def restricted(self) -> int:
        """Number of blocks that some cell has and that are left out because not all have them."""
        return len({block for blocks in self.lacking.values() for block in blocks})

    def by(self, unit: Unit) -> NDArray[np.float64]:
        """(cells, units): the mean of each cell within each seed, or within each fold."""
        return averaged(self.blocks, self.values, unit)


def complete(values: Mapping[str, Mapping[Block, float]]) -> Complete:
    """The common blocks of `{cell: {block: value}}` and what each cell lacks of the blocks that any other has."""
    cells = tuple(values)
    every = sorted(set().union(*values.values()))
    lacking = {
        cell: tuple(block for block in every if block not in found)
        for cell, found in values.items()
        if len(found) < len(every)
    }
    lost = {block for blocks in lacking.values() for block in blocks}
    common = tuple(block for block in every if block not in lost)
    array = np.array([[values[cell][block] for block in common] for cell in cells], dtype=np.float64)
    return Complete(
        cells=cells,
        blocks=common,
        values=array.reshape(len(cells), len(common)),
        lacking=lacking,
    )


def averaged(blocks: tuple[Block, ...], values: NDArray[np.float64], unit: Unit) -> NDArray[np.float64]:
    """Means of `values` (..., n) within each unit: (..., units), units in order."""
    labels = [{"seed": seed, "fold": fold, "run": (seed, fold)}[unit] for seed, fold in blocks]
    names = list(dict.fromkeys(labels))
    if len(names) == len(labels):  # every block is a unit of its own
        return values
    means = [values[..., [label == name for label in labels]].mean(axis=-1) for name in names]
    return np.stack(means, axis=-1) if means else values[..., :0]


def averaged_rows(blocks: tuple[Block, ...], values: NDArray[np.float64], unit: Unit) -> NDArray[np.float64]:
    """`averaged` of each row of `values` (m, n) by itself: to the bit, whatever other rows there are."""
    first = averaged(blocks, values[0], unit)
    first, *rest = values
    found = averaged(blocks, first, unit)
    return values if found is first else np.array([found, *(averaged(blocks, row, unit) for row in rest)])
