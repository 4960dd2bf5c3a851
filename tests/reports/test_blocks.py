"""Means, deviations and paired differences against NumPy and pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from butfor.reports.blocks import paired_difference, summarise

values = st.floats(-1e6, 1e6)
blocks = st.dictionaries(st.tuples(st.integers(0, 3), st.sampled_from("ab")), values, max_size=8)


@given(st.lists(values, min_size=2, max_size=20))
def test_mean_and_sd_are_those_of_pandas_with_ddof_one(numbers):
    summary, series = summarise(numbers), pd.Series(numbers)
    assert summary.n == len(numbers)
    assert summary.mean == pytest.approx(series.mean(), rel=1e-9, abs=1e-9)
    assert summary.sd == pytest.approx(series.std(ddof=1), rel=1e-6, abs=1e-6)


def test_the_sd_of_one_to_four_is_root_five_thirds():
    assert summarise([1.0, 2.0, 3.0, 4.0]) == (2.5, pytest.approx((5 / 3) ** 0.5), 4)


def test_one_value_has_no_spread_and_no_value_has_no_mean():
    assert summarise([0.7]) == (0.7, None, 1)
    assert summarise([]) == (None, None, 0)


@given(blocks, blocks)
def test_the_paired_difference_is_the_mean_of_differences_over_shared_blocks(one, other):
    difference = paired_difference(one, other)
    shared = sorted(set(one) & set(other))
    assert difference.pairs == len(shared)
    if shared:
        expected = np.mean([one[block] - other[block] for block in shared])
        assert difference.mean == pytest.approx(expected, rel=1e-9, abs=1e-9)
    else:
        assert difference.mean is None


def test_blocks_that_only_one_has_do_not_shift_the_difference():
    assert paired_difference({(1, "a"): 2.0, (9, "z"): 100.0}, {(1, "a"): 1.5, (8, "z"): -100.0}) == (0.5, 1)
