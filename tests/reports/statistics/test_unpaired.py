"""Runs without seeds: Welch's t and the t with a common spread, against scipy, statsmodels and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.power import TTestIndPower

from butfor.reports.statistics.unpaired import contrast, detectable_between, difference, pooled, runs_to_detect

RNG = np.random.default_rng(7)
ONE, OTHER = RNG.normal(0.77, 0.01, 6).tolist(), RNG.normal(0.76, 0.03, 5).tolist()


def test_welch_is_that_of_scipy():
    found, oracle = difference(ONE, OTHER), stats.ttest_ind(ONE, OTHER, equal_var=False)
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-12)
    assert found.df == pytest.approx(oracle.df, rel=1e-12)
    low, high = oracle.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-10)


def test_the_spread_of_two_rows_gives_students_t():
    found = difference(ONE, OTHER, spread=pooled([ONE, OTHER]))
    oracle = stats.ttest_ind(ONE, OTHER, equal_var=True)
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-12)
    assert found.low == pytest.approx(oracle.confidence_interval(0.95).low, rel=1e-10)


def test_a_row_with_one_run_is_compared_by_the_spread_of_the_others_as_a_linear_model_does():
    single, third = [0.79], RNG.normal(0.75, 0.01, 3).tolist()
    found = difference(single, third, spread=pooled([single, ONE, OTHER, third]))
    values = [*single, *ONE, *OTHER, *third]
    names = ["single"] + ["one"] * 6 + ["other"] * 5 + ["third"] * 3
    model = ols("y ~ C(g, Treatment('third'))", pd.DataFrame({"y": values, "g": names})).fit()
    assert found.p == pytest.approx(model.pvalues["C(g, Treatment('third'))[T.single]"], rel=1e-9)
    assert found.df == model.df_resid
    assert not np.isfinite(difference(single, third).se)
    assert difference(single, third).value == pytest.approx(0.79 - np.mean(third))


def test_a_contrast_of_four_means_is_that_of_the_linear_model():
    groups = [RNG.normal(0.76, 0.01, n).tolist() for n in (1, 2, 3, 3)]
    found = contrast(groups, [-0.5, 0.5, -0.5, 0.5], spread=pooled(groups))
    levels = [(a, b) for (a, b), group in zip([(0, 0), (0, 1), (1, 0), (1, 1)], groups, strict=True) for _ in group]
    data = {
        "y": [value for group in groups for value in group],
        "a": [a - 0.5 for a, _ in levels],
        "b": [b - 0.5 for _, b in levels],
    }
    model = ols("y ~ a * b", pd.DataFrame(data)).fit()
    assert found.value == pytest.approx(model.params["b"], rel=1e-9)
    assert found.p == pytest.approx(model.pvalues["b"], rel=1e-9)


def test_below_four_degrees_of_freedom_there_is_an_interval_and_no_p():
    found = difference(ONE[:2], OTHER[:2])
    assert found.df <= 2
    assert np.isfinite(found.low)
    assert not np.isfinite(found.p)
    assert not np.isfinite(found.equivalent(1.0))


def test_equal_runs_and_single_runs_claim_nothing():
    assert pooled([[0.7, 0.7], [0.8]]) is None
    assert not np.isfinite(difference([0.7, 0.7], [0.8, 0.8]).p)


def test_equivalence_is_two_one_sided_tests():
    found = difference(ONE, OTHER)
    greater = stats.ttest_ind(np.array(ONE) + 0.05, OTHER, equal_var=False, alternative="greater").pvalue
    less = stats.ttest_ind(np.array(ONE) - 0.05, OTHER, equal_var=False, alternative="less").pvalue
    assert found.equivalent(0.05) == pytest.approx(max(greater, less), rel=1e-9)


@pytest.mark.parametrize("sizes", [(3, 3, 3, 1), (5, 6, 4, 8)])
def test_false_positives_of_both_stay_near_their_nominal_rate(sizes):
    """At most alpha and four standard errors of 4000 studies, for the comparison of the first two rows."""
    rng, counted = np.random.default_rng(11), np.zeros(2)
    for _ in range(4000):
        groups = [rng.normal(size=n).tolist() for n in sizes]
        found = difference(groups[0], groups[1]), difference(groups[3], groups[1], spread=pooled(groups))
        counted += [one.p <= 0.05 for one in found]
    assert (counted / 4000 <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 4000)).all()


def test_runs_to_detect_are_the_fewest_that_reach_the_power():
    power = TTestIndPower()
    found = runs_to_detect(1.03)
    assert found == 16  # method.md: about 15 runs per arm by the normal approximation
    assert power.power(1.03, found, 0.05) >= 0.8 > power.power(1.03, found - 1, 0.05)
    assert runs_to_detect(0.0) is None
    assert runs_to_detect(0.01) is None


@pytest.mark.parametrize(("one", "other"), [(3, 3), (5, 5), (4, 9), (1, 12)])
def test_what_a_shared_spread_detects_between_two_groups_is_that_of_statsmodels(one, other):
    wanted = TTestIndPower().solve_power(nobs1=one, ratio=other / one, alpha=0.01, power=0.9)
    found = detectable_between(one, other, df=one + other - 2, alpha=0.01, target=0.9)
    assert found == pytest.approx(wanted, rel=1e-6)
    assert detectable_between(one, other, df=one + other + 10, alpha=0.01, target=0.9) < found


@pytest.mark.parametrize(("one", "other"), [(5, 5), (6, 9), (10, 20)])
def test_a_difference_that_welch_detects_is_found_as_often_as_asked_for(one, other):
    size, rng = detectable_between(one, other), np.random.default_rng(0)
    found = [difference(rng.normal(size, 1, one), rng.normal(0, 1, other)).p < 0.05 for _ in range(2000)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.035)


def test_nothing_is_called_detectable_where_no_p_may_be_given():
    assert detectable_between(4, 40) is None
    assert detectable_between(5, 40) is not None
    assert detectable_between(3, 2, df=3) is None
    assert detectable_between(3, 2, df=4) is not None
