"""Paired comparisons against scipy, against published examples and against every sign counted by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from butfor.reports.statistics.paired import exact_p, paired_t, signed_rank

SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
"""Extra hours of sleep, drug 2 less drug 1 (Student, Biometrika 6, 1908)."""
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])
"""Heights of crossed less self-fertilised plants, eighths of an inch (Darwin; Fisher, The Design of Experiments)."""
whole = st.lists(st.integers(-6, 6), min_size=2, max_size=9).map(lambda values: np.array(values, dtype=float))


def test_students_sleep_data_give_the_published_t_p_and_interval():
    found = paired_t(SLEEP)
    assert found.mean / found.se == pytest.approx(4.0621, abs=5e-5)
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == (pytest.approx(0.7001142, abs=5e-8), pytest.approx(2.4598858, abs=5e-8))


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_t_p_and_interval_are_scipys_on_every_row_of_a_batch(alpha):
    differences = np.random.default_rng(0).normal(0.3, 1.0, (4, 3, 7))
    found = paired_t(differences, alpha=alpha)
    for place in np.ndindex(4, 3):
        one = stats.ttest_1samp(differences[place], 0.0)
        low, high = one.confidence_interval(1 - alpha)
        np.testing.assert_allclose(
            [found.p[place], found.low[place], found.high[place]], [one.pvalue, low, high], rtol=1e-10
        )


def test_pairing_decides_where_seeds_share_their_luck():
    luck = np.array([0.70, 0.76, 0.73, 0.79, 0.67])
    other = luck - 0.02 + np.array([0.001, -0.002, 0.002, 0.0, -0.001])
    assert paired_t(luck - other).p < 0.001
    assert stats.ttest_ind(luck, other, equal_var=False).pvalue > 0.4


def test_without_a_spread_there_is_no_interval_and_p_is_what_the_signs_allow():
    found = paired_t(np.array([[0.1] * 5, [0.0] * 5, [-0.3] * 5]))
    assert np.isnan(found.low).all()
    np.testing.assert_array_equal(found.p, [2 / 32, 1.0, 2 / 32])


def test_rounding_is_no_spread():
    values = np.array([0.71, 0.72, 0.73, 0.74, 0.75])
    assert paired_t((values + 0.1) - values).sd == 0.0


@given(whole)
def test_signed_rank_p_is_the_share_of_signs_that_are_as_extreme(values):
    ranks = stats.rankdata(np.abs(values))
    signs = [np.zeros(1) if value == 0 else np.array([-1, 1]) for value in values]
    sums = np.array([np.dot(ranks, sign) for sign in product(*signs)], dtype=float)
    observed = np.dot(ranks, np.sign(values))
    assert exact_p(values) == pytest.approx(np.mean(np.abs(sums) >= abs(observed) - 1e-9))
    assert exact_p(values, "greater") == pytest.approx(np.mean(sums >= observed - 1e-9))
    assert exact_p(values, "less") == pytest.approx(np.mean(sums <= observed + 1e-9))


def test_darwins_plants_have_the_published_signed_rank_p():
    assert exact_p(DARWIN) == pytest.approx(0.041259765625, abs=1e-12)
    assert exact_p(DARWIN) == pytest.approx(stats.wilcoxon(DARWIN, method="exact").pvalue)


@pytest.mark.parametrize("count", [6, 8, 12])
@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_the_signed_rank_interval_is_the_values_that_the_test_does_not_reject(count, alpha):
    differences = np.random.default_rng(count).normal(0.5, 1.0, count)
    found = signed_rank(differences, alpha=alpha)
    inside, width = 1e-9, found.high - found.low
    for edge, sign in ((found.low, 1), (found.high, -1)):
        assert exact_p(differences - (edge + sign * inside * width)) > alpha
        assert exact_p(differences - (edge - sign * inside * width)) <= alpha


def test_the_hodges_lehmann_estimate_is_the_median_of_all_means_of_pairs():
    values = np.array([1.0, 4.0, 9.0, -2.0, 7.0, 3.0])
    pairs = [(values[i] + values[j]) / 2 for i in range(6) for j in range(i, 6)]
    assert signed_rank(values).mean == np.median(pairs)


def test_five_blocks_bound_nothing_at_five_percent():
    found = signed_rank(np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert found.p == 0.0625
