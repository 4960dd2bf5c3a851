"""Effect sizes and the probability of superiority."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from butfor.reports.statistics.effect import d_z, hedges, superiority, wins

SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])


def test_d_z_is_t_over_the_root_of_n():
    t = stats.ttest_1samp(SLEEP, 0.0).statistic
    assert d_z(SLEEP.mean(), SLEEP.std(ddof=1)) == pytest.approx(t / np.sqrt(10))
    assert d_z(0.1, 0.0) is None


@pytest.mark.parametrize(("df", "factor"), [(2, 0.5642), (4, 0.7979), (9, 0.9139), (19, 0.9602)])
def test_the_correction_is_the_exact_one_of_hedges(df, factor):
    assert hedges(1.0, df) == pytest.approx(factor, abs=6e-4)
    assert hedges(1.0, 1) is None


def test_the_corrected_effect_is_unbiased():
    draws = np.random.default_rng(0).normal(0.7, 1.0, (200_000, 5))
    effects = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    assert effects.mean() > 0.8
    assert np.mean([hedges(1.0, 4) * effects]) == pytest.approx(0.7, abs=0.006)


def test_wins_follow_the_direction_and_ties_are_none():
    differences = np.array([0.1, -0.2, 0.0, 0.3])
    assert wins(differences, higher_is_better=True) == 2
    assert wins(differences, higher_is_better=False) == 1


@pytest.mark.parametrize(("won", "blocks"), [(0, 5), (3, 5), (5, 5), (17, 20)])
def test_superiority_has_the_exact_binomial_interval(won, blocks):
    found = superiority(won, blocks)
    low, high = proportion_confint(won, blocks, method="beta")
    assert found.share == won / blocks
    assert (found.low, found.high) == (pytest.approx(np.nan_to_num(low)), pytest.approx(np.nan_to_num(high, nan=1.0)))


def test_blocks_that_overlap_widen_the_interval():
    alone, shared = superiority(20, 25), superiority(20, 25, effective=4.0)
    assert shared.share == alone.share
    assert shared.low < alone.low
    assert shared.high > alone.high
