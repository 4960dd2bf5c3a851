"""Corrections for looking more than once."""

import numpy as np
import pytest
from scipy import integrate, stats

from butfor.reports.statistics.looks import anytime_half_width, e_value, planned_looks, shared_p, signs_p


@pytest.mark.parametrize(
    ("plan", "counts"), [((5, 5, 20), (5, 10, 15, 20)), ((5, 4, 12), (5, 9, 12)), ((6, 1, 6), (6,))]
)
def test_looks_start_step_and_end_where_they_were_planned(plan, counts):
    assert planned_looks(*plan) == counts


def test_a_shared_p_is_bonferronis():
    np.testing.assert_allclose(shared_p(np.array([0.01, 0.4]), 4), [0.04, 1.0])


@pytest.mark.parametrize(("mean", "sd", "count"), [(0.0, 1.0, 5), (0.8, 1.0, 7), (-1.3, 0.6, 12)])
@pytest.mark.parametrize("prior", [0.5, 1.0])
def test_the_e_value_is_the_ratio_of_noncentral_t_densities_averaged_over_effects(mean, sd, count, prior):
    t = np.sqrt(count) * mean / sd
    top = integrate.quad(
        lambda size: stats.nct.pdf(t, count - 1, np.sqrt(count) * size) * stats.norm.pdf(size, scale=np.sqrt(prior)),
        -6,
        6,
        limit=200,
    )[0]
    found = e_value(np.array(mean), np.array(sd), count, prior=prior)
    assert found == pytest.approx(top / stats.t.pdf(t, count - 1), rel=1e-5)


@pytest.mark.parametrize("count", [7, 12, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_anytime_interval_holds_the_truths_whose_e_value_is_small(count, alpha):
    mean, sd = np.array(0.3), np.array(0.7)
    half = anytime_half_width(sd, count, alpha=alpha)
    for side in (-1, 1):
        assert e_value(mean, sd, count, truth=float(mean + side * half)) == pytest.approx(1 / alpha)


def test_two_blocks_bound_nothing_at_any_time():
    assert np.isinf(anytime_half_width(np.array(1.0), 2))


def test_no_difference_at_all_is_no_evidence():
    assert e_value(np.array(0.0), np.array(0.0), 5) < 1.0


def test_signs_alone_hold_at_every_number_of_seeds():
    """Coins that fall on one side so far: looked at after every throw, they are called unfair in at most alpha."""
    rng, runs = np.random.default_rng(9), 20_000
    throws = rng.random((runs, 30)) < 0.5
    streak = np.cumprod(throws == throws[:, :1], axis=1).sum(axis=1)
    called = np.array([any(signs_p(count) <= 0.05 for count in range(5, length + 1)) for length in streak])
    assert 0 < called.mean() <= 0.05
