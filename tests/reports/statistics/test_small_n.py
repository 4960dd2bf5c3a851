"""Power and sizes against statsmodels and simulation."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from butfor.reports.statistics.equivalence import tost
from butfor.reports.statistics.paired import paired_t
from butfor.reports.statistics.small_n import (
    detectable,
    equivalence_power,
    power,
    seeds_to_detect,
    seeds_to_settle,
)


@pytest.mark.parametrize("count", [2, 3, 5, 10, 30])
@pytest.mark.parametrize("effect", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_power_is_that_of_statsmodels(count, effect, alpha):
    assert power(effect, count, alpha=alpha) == pytest.approx(TTestPower().power(effect, count, alpha), abs=1e-9)


@pytest.mark.parametrize("count", [5, 10, 30])
def test_the_detectable_effect_is_that_of_statsmodels(count):
    expected = TTestPower().solve_power(nobs=count, alpha=0.05, power=0.8)
    assert detectable(count) == pytest.approx(expected, rel=1e-5)
    assert power(detectable(count), count) == pytest.approx(0.8)


def test_overlapping_folds_detect_less_and_one_block_nothing():
    assert detectable(5, share=0.45) == pytest.approx(detectable(5) * np.sqrt(0.45 * 5))
    assert detectable(1) is None


@pytest.mark.parametrize("effect", [0.5, 1.0, 2.0])
def test_the_number_of_seeds_is_the_smallest_that_has_the_power(effect):
    count = seeds_to_detect(effect)
    assert power(effect, count) >= 0.8
    assert count == 5 or power(effect, count - 1) < 0.8
    assert count == max(5, np.ceil(TTestPower().solve_power(effect, alpha=0.05, power=0.8)))


def test_no_number_of_seeds_is_promised_for_next_to_nothing():
    assert seeds_to_detect(0.01) is None
    assert seeds_to_settle(0.001, 1.0) is None
    assert seeds_to_settle(0.01, 0.0) == 5


@pytest.mark.parametrize(("margin", "count"), [(1.0, 10), (1.5, 6), (0.5, 40)])
def test_the_power_to_settle_is_that_of_simulated_tests(margin, count):
    draws = np.random.default_rng(3).normal(0.0, 1.0, (40_000, count))
    settled = (tost(paired_t(draws), margin) < 0.05).mean()
    assert equivalence_power(margin, count) == pytest.approx(settled, abs=0.011)


def test_the_seeds_that_settle_are_the_smallest_number_with_the_power():
    count = seeds_to_settle(1.0, 1.0)
    assert equivalence_power(1.0, count) >= 0.8 > equivalence_power(1.0, count - 1)
