"""Which test a table gets: from what the study asks for and from what its seeds and folds allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .looks import planned_looks
from .resampled import default_held_out, variance_share

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...core.study.plan import SequentialSettings, StatisticsSettings
    from ..blocks import Block
    from .blocks import Unit

Test = Literal["paired_t", "nadeau_bengio", "wilcoxon", "welch", "pooled_t", "none"]
TEST_NAMES: dict[Test, str] = {
    "paired_t": "paired t",
    "nadeau_bengio": "corrected resampled t",
    "wilcoxon": "signed ranks",
    "welch": "Welch's t",
    "pooled_t": "t with the spread within rows, taken to be the same in all,",
    "none": "no test",
}
"""What a test is called."""
UNPAIRED: tuple[Test, ...] = ("welch", "pooled_t")


@dataclass(frozen=True, slots=True)
class Procedure:
    """How two systems are compared."""

    test: Test = "paired_t"
    unit: Unit = "seed"
    """What counts as one observation; the other of seed and fold is averaged first."""
    alpha: float = 0.05
    held_out: float = 0.0
    """n_test / n_train of the folds; read by `nadeau_bengio`."""
    looks: int = 1
    """Planned looks that share alpha; 1 where seeds are not added by results."""
    anytime: bool = False
    """Whether p and interval hold at any time instead."""

    @property
    def level(self) -> float:
        """Alpha of one look."""
        return self.alpha / self.looks

    @property
    def unpaired(self) -> bool:
        """Whether rows are compared as groups of runs that nothing pairs."""
        return self.test in UNPAIRED

    def share(self, count: int) -> float:
        """The part of the variance that a mean over `count` units keeps."""
        return variance_share(count, self.held_out if self.test == "nadeau_bengio" else 0.0)


def procedure_for(settings: StatisticsSettings, blocks: Collection[Block], held_out: float | None) -> Procedure:
    """The procedure for a study with these planned blocks; `held_out` is n_test / n_train of its folds if known.

    `auto` is the paired t over seeds where there is one fold, and the corrected resampled t over folds where there are
    several, since folds share most of their training rows.
    """
    folds = len({fold for _, fold in blocks})
    test = settings.test
    if test == "auto":
        test = "nadeau_bengio" if folds > 1 else "paired_t"
    over_folds = test == "nadeau_bengio"
    ratio = (default_held_out(folds) if held_out is None else held_out) if over_folds and folds > 1 else 0.0
    wanted = settings.sequential
    anytime = wanted is not None and wanted.method == "anytime" and test == "paired_t"
    return Procedure(
        test=test,
        unit="fold" if over_folds else "run" if test in UNPAIRED else "seed",
        alpha=settings.alpha,
        held_out=ratio,
        looks=1 if anytime or wanted is None else len(looks_of(wanted)),
        anytime=anytime,
    )


def looks_of(settings: SequentialSettings) -> tuple[int, ...]:
    """Numbers of seeds at which the study looks, or has looked besides."""
    planned = planned_looks(settings.first, settings.step, settings.max_seeds)
    return tuple(sorted({*planned, *settings.also}))
