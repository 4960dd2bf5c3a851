"""Means and deviations against pandas."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from butfor.reports.blocks import summarise

values = st.floats(-1e6, 1e6)


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
