"""What a number of blocks can show, against SciPy and against what the tables do."""

import numpy as np
import pytest
from scipy import stats

from butfor.core.study.power import FEWEST_FOR_P, needed_seeds, needed_size, smallest_p
from butfor.reports.statistics import small_n


@pytest.mark.parametrize("blocks", [2, 5, 6, 9])
def test_the_smallest_p_is_that_of_differences_of_one_sign(blocks: int) -> None:
    differences = np.arange(1.0, blocks + 1)
    assert smallest_p(blocks) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)
    assert smallest_p(blocks) == pytest.approx(stats.binomtest(blocks, blocks).pvalue)


def test_holm_multiplies_the_smallest_and_benjamini_hochberg_leaves_equal_ones() -> None:
    assert smallest_p(8, 5) == pytest.approx(5 / 128)
    assert smallest_p(3, 9) == 1
    assert smallest_p(8, 5, "fdr_bh") == smallest_p(8, 5, "none") == pytest.approx(1 / 128)


@pytest.mark.parametrize(("comparisons", "alpha"), [(1, 0.05), (3, 0.05), (7, 0.01), (100, 0.05)])
def test_needed_seeds_are_just_enough(comparisons: int, alpha: float) -> None:
    enough = needed_seeds(comparisons, alpha)
    assert smallest_p(enough, comparisons) <= alpha < smallest_p(enough - 1, comparisons)


@pytest.mark.parametrize(("blocks", "comparisons"), [(2, 1), (3, 4), (10, 1)])
def test_the_needed_size_has_just_the_p_that_is_asked_for(blocks: int, comparisons: int) -> None:
    spread = np.linspace(-1, 1, blocks)
    differences = spread / spread.std(ddof=1) + needed_size(blocks, comparisons, 0.05)
    assert stats.ttest_1samp(differences, 0).pvalue * comparisons == pytest.approx(0.05)


def test_tables_give_a_p_from_the_same_number_on() -> None:
    assert FEWEST_FOR_P == small_n.FEWEST_FOR_P
