"""What stands in a row of a table: a cell, and its score in each metric, without the words around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.conditions import split_under

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.evidence import Mark
    from ..core.study.plan import Level
    from .judged import Judged


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one row, in its own unit (`percent` is a matter of printing)."""

    mean: float | None
    """Over all done trials; None without any."""
    sd: float | None
    """ddof 1; None below two trials."""
    n: int
    """Done trials (seeds x folds) that have the metric."""
    judged: Judged | None = None
    """How it compares with the reference; None for the reference itself, and where no block is common."""
    tied: bool = False
    """Whether it is not told apart from the best of its column."""
    rank: int = 0
    """1 for the best of its column and 2 for the second, on the blocks that its rows share; 0 for all others."""
    se: float | None = None
    """Standard error of the mean over the units of the test (seeds or folds); None below two."""
    half: float | None = None
    """Half the interval of the mean at 1 - alpha."""

    @property
    def delta(self) -> float | None:
        """Mean difference from the reference over the blocks (seed and fold) that both have; None for itself."""
        return self.judged.comparison.delta if self.judged else None

    @property
    def pairs(self) -> int:
        """Number of those blocks."""
        return self.judged.comparison.pairs if self.judged else 0


@dataclass(frozen=True, slots=True)
class Row:
    """A cell as it stands in the table's design."""

    cell: str
    label: str
    baseline: bool
    """Whether the others are held against this one."""
    levels: Mapping[str, Level]
    """{factor: level}; a factor that does not concern the row is not there."""
    scores: Mapping[str, Score]
    """{metric: score}, one for each column of the table."""
    planned: int
    """Trials planned."""
    done: int
    """Trials that count."""
    left_out: Mapping[str, int]
    """{state: trials} of the others; only states that occurred."""
    condition: str = ""
    """What its cell is tested under, besides what the whole table is; empty for nothing."""
    apart: str = ""
    """Why its numbers cannot stand in one column with the others; empty where they can."""
    mark: Mark = ""
    """What evidence says of its ablation: `≡`, `⊘` or `½`."""

    @property
    def shown(self) -> str:
        """The label, with the mark behind it."""
        return f"{self.label} {self.mark}" if self.mark else self.label

    @property
    def key(self) -> str:
        """The cell, with the condition where there is one: no two rows of a table share it."""
        return split_under(self.cell, self.condition)
