"""Effects of factorials, ladders and ordered values against least squares and hand-made sums."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols

from butfor.reports.statistics.contrast import effects
from butfor.reports.statistics.factorial import main_and_interactions, shapley
from butfor.reports.statistics.ladder import steps
from butfor.reports.statistics.paired import paired_t
from butfor.reports.statistics.procedure import Procedure
from butfor.reports.statistics.trend import page, slope

LEVELS = [{"a": a, "b": b, "c": c} for a, b, c in product((True, False), repeat=3)]
METRIC = np.random.default_rng(0).normal(size=(8, 6))


def named(contrasts, metric):
    return dict(zip(contrasts.labels, contrasts.weights @ metric, strict=True))


def test_a_two_by_two_worked_by_hand():
    levels = [{"loss": "keep", "fusion": "gate"}, {"loss": "keep", "fusion": "mean"},
              {"loss": None, "fusion": "gate"}, {"loss": None, "fusion": "mean"}]  # fmt: skip
    found = named(main_and_interactions(levels, levels[0]), np.array([[10.0], [8.0], [7.0], [1.0]]))
    assert {label: value[0] for label, value in found.items()} == {
        "loss none": -5.0,
        "fusion mean": -4.0,
        "loss none × fusion mean": -4.0,
    }


def test_two_level_effects_are_the_coefficients_of_least_squares():
    table = pd.DataFrame([{name: -0.5 + (not level) for name, level in row.items()} for row in LEVELS])
    found = named(main_and_interactions(LEVELS, LEVELS[0], order=3), METRIC)
    for block in range(METRIC.shape[1]):
        fit = ols("y ~ a * b * c", table.assign(y=METRIC[:, block])).fit().params
        for name, value in found.items():
            term = ":".join(part.split()[0] for part in name.split(" × "))
            assert value[block] == pytest.approx(fit[term])


def test_a_factor_of_three_levels_has_an_effect_for_each_against_the_reference():
    levels = [{"f": f, "g": g} for f in ("concat", "mean", "sum") for g in (1, 2)]
    metric = np.random.default_rng(1).normal(size=(6, 4))
    found = named(main_and_interactions(levels, {"f": "mean", "g": 1}), metric)
    cell = {tuple(row.values()): metric[place] for place, row in enumerate(levels)}
    np.testing.assert_allclose(
        found["f sum"], (cell["sum", 1] + cell["sum", 2] - cell["mean", 1] - cell["mean", 2]) / 2
    )
    np.testing.assert_allclose(
        found["f concat × g 2"],
        cell["concat", 2] - cell["mean", 2] - cell["concat", 1] + cell["mean", 1],
    )
    assert len(found) == 2 + 1 + 2


def test_a_missing_combination_leaves_nothing_to_average():
    assert main_and_interactions(LEVELS[:-1], LEVELS[0]).labels == ()
    assert shapley(LEVELS[:-1], LEVELS[0]).labels == ()


def test_shapley_values_are_the_mean_gain_over_all_orders_and_add_up():
    value = {frozenset(name for name in "abc" if row[name]): METRIC[place] for place, row in enumerate(LEVELS)}
    found = named(shapley(LEVELS, LEVELS[0]), METRIC)
    for name in "abc":
        gains = [
            value[frozenset(order[: order.index(name) + 1])] - value[frozenset(order[: order.index(name)])]
            for order in permutations("abc")
        ]
        np.testing.assert_allclose(found[name], np.mean(gains, axis=0))
    np.testing.assert_allclose(sum(found.values()), value[frozenset("abc")] - value[frozenset()])


def test_a_factor_of_three_levels_has_no_shapley_value():
    levels = [{"f": level} for level in (1, 2, 3)]
    assert shapley(levels, levels[0]).labels == ()


def test_steps_are_differences_of_neighbours():
    found = steps(["start", "gate", "loss"])
    assert found.labels == ("gate", "loss")
    np.testing.assert_allclose(found.weights @ METRIC[:3], np.diff(METRIC[:3], axis=0))


def test_the_slope_is_that_of_scipy_in_each_block():
    values = [0.1, 0.5, 0.2, 1.0]
    found = slope(values, name="weight")
    each = [stats.linregress(values, METRIC[:4, block]).slope for block in range(6)]
    np.testing.assert_allclose((found.weights @ METRIC[:4])[0], each)
    assert slope([1.0, 1.0]).labels == ()


def test_pages_test_asks_for_the_direction():
    rising = np.arange(4.0) + np.zeros((6, 1))
    assert page(rising) < 0.001
    assert page(rising, increasing=False) > 0.99
    assert page(rising[:, ::-1], increasing=False) < 0.001


def test_an_effect_has_the_interval_and_p_of_its_contrast_and_holms_over_all():
    contrasts = METRIC[:3] + 0.8
    found, plain = effects(["x", "y", "z"], contrasts, Procedure()), paired_t(contrasts)
    assert [effect.p for effect in found] == pytest.approx(plain.p.tolist())
    assert [(effect.low, effect.high) for effect in found] == list(zip(plain.low, plain.high, strict=True))
    assert min(effect.p_adjusted for effect in found) == pytest.approx(3 * plain.p.min())


@pytest.mark.parametrize(("count", "known"), [(1, (False, False)), (3, (True, False)), (5, (True, True))])
def test_few_blocks_have_no_interval_or_no_p(count, known):
    (effect,) = effects(["x"], METRIC[:1, :count], Procedure())
    assert (effect.low is not None, effect.p is not None) == known
    assert effect.value == pytest.approx(METRIC[0, :count].mean())
