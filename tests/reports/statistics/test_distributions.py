"""The distributions are those of `scipy.stats`, to the bit."""

import numpy as np
import pytest
from scipy import stats

from butfor.reports.statistics import distributions as ours

P = np.linspace(0.001, 0.999, 99)
X = np.linspace(-8, 8, 201)


@pytest.mark.parametrize("df", [1, 2, 4, 9, 19, 24.7])
def test_student_and_chi(df: float) -> None:
    assert np.array_equal(ours.t_sf(X, df), stats.t.sf(X, df))
    assert [ours.t_isf(p, df) for p in P] == stats.t.isf(P, df).tolist()
    assert [ours.chi_ppf(p, df) for p in P] == stats.chi.ppf(P, df).tolist()
    assert [ours.chi_isf(p, df) for p in P] == stats.chi.isf(P, df).tolist()
    places = np.linspace(0.1, 6, 50)
    assert ours.chi_pdf(places, df) == pytest.approx(stats.chi.pdf(places, df), rel=1e-14)


@pytest.mark.parametrize(("a", "b"), [(3.2, 5.1), (1, 9), (12.5, 0.7)])
def test_beta(a: float, b: float) -> None:
    assert [ours.beta_ppf(p, a, b) for p in P] == stats.beta.ppf(P, a, b).tolist()
    assert [ours.beta_isf(p, a, b) for p in P] == stats.beta.isf(P, a, b).tolist()


def test_normal() -> None:
    assert np.array_equal(ours.normal_cdf(X), stats.norm.cdf(X))
