"""Ranks over data sets against the worked example of Demsar (JMLR 7, 2006) and against scipy."""

import numpy as np
import pytest
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy import stats

from butfor.core.errors import StudyError
from butfor.reports.statistics.friedman import friedman

AUC = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.97501, 0.975], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip
"""C4.5, +m, +cf, +m+cf on 14 data sets: table 6 of the paper, which ranks voting's two .975 by digits it rounds."""
METHODS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def test_demsars_example_has_its_ranks_and_critical_differences():
    found = friedman(AUC, METHODS)
    np.testing.assert_allclose(found.ranks, [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    assert 12 * 14 / (4 * 5) * (np.sum(found.ranks**2) - 25) == pytest.approx(9.28, abs=5e-3)
    assert found.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    assert friedman(AUC, METHODS, alpha=0.1).critical_difference == pytest.approx(1.12, abs=5e-3)


def test_without_ties_the_statistic_is_the_papers_formula_and_f_is_iman_davenports():
    scores = np.random.default_rng(0).normal(size=(14, 4))
    found = friedman(scores, METHODS)
    ranks = stats.rankdata(-scores, axis=1).mean(axis=0)
    chi = 12 * 14 / (4 * 5) * (np.sum(ranks**2) - 4 * 25 / 4)
    assert found.chi_square == pytest.approx(chi)
    assert found.f == pytest.approx(13 * chi / (14 * 3 - chi))
    assert found.p == pytest.approx(stats.f.sf(found.f, 3, 39))


def test_the_statistic_is_scipys_with_its_correction_for_ties():
    assert friedman(AUC, METHODS).chi_square == pytest.approx(stats.friedmanchisquare(*AUC.T).statistic)


def test_groups_join_what_is_not_told_apart():
    scores = np.array([[4.0, 3.0, 2.0, 1.0]] * 7) + np.random.default_rng(1).normal(0, 1e-3, (7, 4))
    found = friedman(scores, list("wxyz"))
    assert found.groups == (("w", "x"), ("x", "y"), ("y", "z"))
    assert found.critical_difference == pytest.approx(1.7727, abs=1e-3)
    assert friedman(scores[:2], list("wxyz")).groups == (("w", "x", "y", "z"),)


def test_errors_rank_upwards():
    assert friedman(AUC, METHODS, higher_is_better=False).ranks[0] == pytest.approx(5 - 3.143, abs=5e-4)


def test_few_data_sets_have_no_p_and_two_methods_are_refused():
    assert friedman(AUC[:4], METHODS).p is None
    with pytest.raises(StudyError, match="3 methods on 2 data sets, here are 2 on 14"):
        friedman(AUC[:, :2], METHODS[:2])


def test_the_critical_difference_is_that_of_scikit_posthocs():
    p = posthoc_nemenyi_friedman(AUC).to_numpy()
    found = friedman(AUC, METHODS)
    gaps = np.abs(found.ranks[:, None] - found.ranks)
    np.testing.assert_array_equal(p <= 0.05, gaps >= found.critical_difference)
