"""A/A studies: rates that are right, and a wrong test that is found out."""

import numpy as np
import pytest

from butfor.core.errors import StudyError
from butfor.reports.statistics.calibrate import calibrate
from butfor.reports.statistics.procedure import Procedure


def test_a_right_test_is_at_its_nominal_rate_on_normal_seeds():
    values = np.random.default_rng(0).normal(size=(200, 1))
    found = calibrate(values, Procedure(), [5])
    assert found.rate == pytest.approx(0.05, abs=0.012)
    assert found.low <= 0.05 <= found.high
    assert (found.seeds, found.looks, found.alpha) == (200, (5,), 0.05)


def test_the_interval_holds_the_nominal_rate_as_often_as_it_says():
    rng = np.random.default_rng(1)
    found = [calibrate(rng.normal(size=(20, 1)), Procedure(), [5], studies=1000) for _ in range(60)]
    assert np.mean([one.low <= 0.05 <= one.high for one in found]) >= 0.9


def test_looking_four_times_without_paying_is_found_out():
    values = np.random.default_rng(2).normal(size=(200, 1))
    looks = [5, 10, 15, 20]
    assert calibrate(values, Procedure(looks=4), looks, studies=4000).rate <= 0.06
    naive = calibrate(values, Procedure(), looks, studies=4000)
    assert naive.low > 0.05


def test_folds_are_tested_as_the_table_tests_them():
    values = np.random.default_rng(3).normal(size=(40, 5)) + np.random.default_rng(4).normal(size=5)
    found = calibrate(values, Procedure("nadeau_bengio", "fold", held_out=0.25), [2], studies=4000)
    assert found.rate < 0.05
    assert calibrate(values, Procedure("wilcoxon", alpha=0.1), [6], studies=100).rate <= 0.3


def test_it_is_repeatable():
    values = np.random.default_rng(0).normal(size=(12, 1))
    assert calibrate(values, Procedure(), [5], studies=500) == calibrate(values, Procedure(), [5], studies=500)


@pytest.mark.parametrize(
    ("shape", "procedure", "looks", "words"),
    [
        ((9, 1), Procedure(), [5], "at least 10 seeds, here are 9"),
        ((20, 1), Procedure(), [4], "below 5 seeds, here are 4"),
        ((20, 1), Procedure("wilcoxon"), [5], "below 6 seeds"),
        ((20, 3), Procedure("nadeau_bengio", "fold"), [5], "below 5 folds, here are 3"),
    ],
)
def test_too_few_seeds_or_folds_are_refused(shape, procedure, looks, words):
    with pytest.raises(StudyError, match=words):
        calibrate(np.zeros(shape), procedure, looks)
