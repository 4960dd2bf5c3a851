"""Adjusted p against a worked example and statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from butfor.reports.statistics.corrections import adjusted, named


def test_holms_worked_example():
    assert adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_correction_is_named_with_what_it_is_over():
    assert [named("holm", count) for count in (1, 3)] == ["Holm over 1 comparison", "Holm over 3 comparisons"]
    assert named("fdr_bh", 1, "claim") == "Benjamini-Hochberg over 1 claim"
    assert named("none", 3) == "not corrected"


@pytest.mark.parametrize("method", ["holm", "hommel", "bonferroni", "fdr_bh"])
@pytest.mark.parametrize(
    "values", [[0.2], [0.01, 0.01, 0.5], np.random.default_rng(0).random(9) ** 3, [0.0, 1.0, 0.03]]
)
def test_every_method_is_that_of_statsmodels(values, method):
    np.testing.assert_allclose(adjusted(list(values), method), multipletests(values, method=method)[1], atol=1e-12)


def test_a_comparison_that_could_not_be_made_still_counts():
    assert adjusted([0.01, None, 0.02, None]) == [pytest.approx(0.04), None, pytest.approx(0.06), None]
    assert adjusted([0.01, 0.02]) == pytest.approx([0.02, 0.02])


def test_nothing_to_correct_stays_as_it_is():
    assert adjusted([0.01, 0.02], "none") == [0.01, 0.02]
    assert adjusted([None, None]) == [None, None]
    assert adjusted([]) == []
