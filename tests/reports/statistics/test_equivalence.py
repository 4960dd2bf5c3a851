"""Equivalence against statsmodels and against the interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import ttost_paired

from butfor.reports.statistics.equivalence import rank_tost, tost
from butfor.reports.statistics.paired import exact_p, paired_t

numbers = st.lists(st.floats(-1, 1), min_size=5, max_size=12).map(np.array)


@pytest.mark.parametrize("margin", [0.05, 0.3, 1.0])
def test_p_is_that_of_statsmodels(margin):
    rng = np.random.default_rng(1)
    one, other = rng.normal(0.7, 0.2, 8), rng.normal(0.72, 0.2, 8)
    p = ttost_paired(one, other, -margin, margin)[0]
    assert tost(paired_t(one - other), margin) == pytest.approx(p, rel=1e-9)


@given(numbers, st.floats(0.01, 1))
def test_equivalence_at_alpha_is_the_interval_at_one_less_two_alpha_inside_the_margin(differences, margin):
    found = paired_t(differences, alpha=0.1)
    if found.sd > 0:
        inside = max(abs(found.low), abs(found.high))
        if abs(inside - margin) > 1e-9:
            assert (tost(found, margin) < 0.05) == (inside < margin)


def test_without_a_spread_the_point_decides_and_signs_bound_p():
    assert tost(paired_t(np.zeros(5)), 0.1) == 1 / 32
    assert tost(paired_t(np.full(5, 0.2)), 0.1) == 1.0


def test_ranks_ask_both_sides_by_their_exact_test():
    differences = np.array([0.01, -0.02, 0.03, 0.0, -0.01, 0.02, 0.015])
    assert rank_tost(differences, 0.05) == max(
        exact_p(differences + 0.05, "greater"), exact_p(differences - 0.05, "less")
    )
    assert rank_tost(differences, 0.05) == 1 / 2**7
    assert rank_tost(differences + 0.1, 0.05) > 0.9
