"""What a number of blocks can show: the smallest p of signed ranks, and the size that a paired t-test asks for.

The step-down corrections multiply the smallest p by the number of comparisons.
"""

from __future__ import annotations

import math

from scipy.special import stdtrit

FEWEST_FOR_P = 5
"""Blocks below which tables give intervals and no p."""
_LENIENT = frozenset({"none", "fdr_bh"})
"""Corrections under which equal p-values stay what they are."""


def smallest_p(blocks: int, comparisons: int = 1, correction: str = "holm") -> float:
    """The smallest two-sided p, corrected, of a sign, Wilcoxon or permutation test of `blocks` paired differences."""
    return min(1.0, (1 if correction in _LENIENT else comparisons) * 2.0 ** (1 - blocks))


def needed_seeds(comparisons: int, alpha: float, correction: str = "holm") -> int:
    """The fewest blocks with which such a test can reach `alpha`."""
    return 1 + math.ceil(math.log2((1 if correction in _LENIENT else comparisons) / alpha))


def needed_size(blocks: int, comparisons: int, alpha: float) -> float:
    """The mean difference, in standard deviations of the differences, at which a paired t-test reaches `alpha`."""
    return float(stdtrit(blocks - 1, 1 - alpha / (2 * comparisons))) / math.sqrt(blocks)
