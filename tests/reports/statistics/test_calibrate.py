"""A/A studies: rates that are right, and a wrong test that is found out."""

from typing import get_args

import numpy as np
import pytest

from butfor.core.errors import StudyError
from butfor.core.study.plan import StatisticsSettings
from butfor.reports.statistics import calibrate as module
from butfor.reports.statistics.calibrate import calibrate
from butfor.reports.statistics.compare import compare
from butfor.reports.statistics.procedure import Procedure, procedure_for
from butfor.reports.statistics.unpaired import pooled

TESTS = [test for test in get_args(StatisticsSettings.model_fields["test"].annotation) if test != "none"]
"""Every test that the study language knows."""


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


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_every_test_of_the_language_is_at_most_at_its_nominal_rate_on_normal_seeds(test, alpha):
    """Many seeds and few studies of them, so that the studies are as good as independent."""
    studies = 1000 if test == "wilcoxon" else 4000
    folds = 5 if test == "nadeau_bengio" else 1
    rng = np.random.default_rng(7)
    values = rng.normal(size=(2000, folds))
    settings = StatisticsSettings(test=test, alpha=alpha)
    procedure = procedure_for(settings, [(0, str(fold)) for fold in range(folds)], 0.0)
    found = calibrate(values, procedure, [8], studies=studies)
    room = 4 * np.sqrt(alpha * (1 - alpha) / studies)
    assert found.rate <= alpha + room
    assert found.rate >= alpha / 2
    assert found.nominal == "within"
    assert found.test == procedure.test


@pytest.mark.parametrize("test", ["welch", "pooled_t"])
def test_runs_that_nothing_pairs_are_tested_as_the_table_tests_them(test):
    rng = np.random.default_rng(8)
    one, other = rng.normal(size=(6, 4, 1)), rng.normal(size=(6, 4, 1))
    procedure = Procedure(test, "run", looks=2)
    found = module._p_of_runs(one, other, procedure)
    for p, *arms in zip(found, one, other, strict=True):
        blocks = [{(seed, "a"): float(value) for seed, (value,) in enumerate(arm)} for arm in arms]
        spread = pooled([[*arm.values()] for arm in blocks]) if test == "pooled_t" else None
        comparison = compare(*blocks, procedure, higher_is_better=True, spread=spread)
        assert p == (1.0 if comparison.p is None else comparison.p)


def test_no_test_is_run_under_the_name_of_another():
    values = np.random.default_rng(9).normal(size=(40, 1))
    procedures = [Procedure(), Procedure("welch", "run"), Procedure("pooled_t", "run")]
    assert len({calibrate(values, procedure, [5], studies=4000).rate for procedure in procedures}) == 3


@pytest.mark.parametrize("test", ["welch", "pooled_t"])
def test_runs_that_share_a_seed_are_no_further_runs_and_that_is_said(test):
    rng = np.random.default_rng(10)
    values = rng.normal(size=(200, 1)) + 0.5 * rng.normal(size=(200, 5))
    found = calibrate(values, Procedure(test, "run"), [5], studies=2000)
    assert (found.nominal, found.rate > 0.2) == ("above", True)
    averaged = calibrate(values, Procedure(), [5], studies=2000)
    assert averaged.nominal == "within"


@pytest.mark.parametrize("test", ["welch", "pooled_t"])
def test_looks_at_runs_that_nothing_pairs_are_paid_for(test):
    values, looks = np.random.default_rng(2).normal(size=(400, 1)), [5, 10, 15, 20]
    assert calibrate(values, Procedure(test, "run", looks=4), looks, studies=3000).rate <= 0.06
    assert calibrate(values, Procedure(test, "run"), looks, studies=3000).nominal == "above"


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
        ((20, 1), Procedure("welch", "run"), [3], "below 4 runs of each arm, here are 3"),
        ((20, 1), Procedure("pooled_t", "run"), [2], "below 3 runs of each arm, here are 2"),
    ],
)
def test_too_few_seeds_or_folds_are_refused(shape, procedure, looks, words):
    with pytest.raises(StudyError, match=words):
        calibrate(np.zeros(shape), procedure, looks)
