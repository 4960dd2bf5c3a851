"""Two trained models on the same rows."""

import numpy as np
import pytest
from scipy import stats

from butfor.core.errors import StudyError
from butfor.reports.statistics.samples import SCOPE, aligned, mcnemar, paired_bootstrap


def accuracy(guess, truth):
    return float((guess == truth).mean())


def test_mcnemar_is_the_exact_binomial_of_the_discordant_rows():
    first = np.array([True] * 30 + [True] * 9 + [False] * 2 + [False] * 9)
    second = np.array([True] * 30 + [False] * 9 + [True] * 2 + [False] * 9)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (9, 2)
    assert found.p == pytest.approx(stats.binomtest(2, 11).pvalue)
    assert found.scope == SCOPE


def test_the_approval_ratings_of_agresti_are_told_apart():
    first = np.repeat([True, True, False, False], [794, 150, 86, 570])
    second = np.repeat([True, False, True, False], [794, 150, 86, 570])
    assert mcnemar(first, second).p == pytest.approx(stats.binomtest(86, 236).pvalue)
    assert mcnemar(first, first).p == 1.0


def test_the_bootstrap_interval_is_that_of_scipys_resampled_means():
    rng = np.random.default_rng(0)
    truth = np.ones(200)
    one, two = rng.random(200) < 0.8, rng.random(200) < 0.7
    found = paired_bootstrap(one, two, truth, accuracy, resamples=4000)
    oracle = stats.bootstrap((one.astype(float) - two,), np.mean, method="percentile", n_resamples=4000, rng=1)
    assert found.difference == pytest.approx(one.mean() - two.mean())
    assert found.low == pytest.approx(oracle.confidence_interval.low, abs=0.011)
    assert found.high == pytest.approx(oracle.confidence_interval.high, abs=0.011)


def test_the_bootstrap_is_repeatable_and_equal_models_are_not_told_apart():
    guess, truth = np.arange(20) % 3, np.arange(20) % 2
    assert paired_bootstrap(guess, truth, truth, accuracy) == paired_bootstrap(guess, truth, truth, accuracy)
    same = paired_bootstrap(guess, guess, truth, accuracy, resamples=50)
    assert (same.difference, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)


def test_rows_of_one_speaker_are_drawn_together_and_widen_the_interval():
    speakers = np.repeat(np.arange(10), 20)
    one = np.repeat(np.arange(10) % 2 == 0, 20)
    truth, two = np.ones(200), np.zeros(200)
    alone = paired_bootstrap(one, two, truth, accuracy, resamples=500)
    grouped = paired_bootstrap(one, two, truth, accuracy, groups=speakers, resamples=500)
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)


@pytest.mark.parametrize("speakers", [2, 3, 9])
def test_too_few_speakers_to_draw_from_allow_the_difference_alone(speakers):
    rng = np.random.default_rng(2)
    truth, of = np.ones(180), np.arange(180) % speakers
    one, two = rng.random(180) < 0.9, rng.random(180) < 0.6
    found = paired_bootstrap(one, two, truth, accuracy, groups=of)
    assert (found.low, found.high, found.p, found.drawn) == (None, None, None, speakers)
    assert found.difference == pytest.approx(one.mean() - two.mean())


def test_predictions_are_aligned_by_row_number():
    first = {"test/rows": np.array([3, 1, 2]), "test/emotion": np.array([30, 10, 20])}
    second = {"test/rows": np.array([2, 3, 9]), "test/emotion": np.array([200, 300, 900])}
    rows, one, two = aligned(first, second, "test", "emotion")
    assert (rows.tolist(), one.tolist(), two.tolist()) == ([2, 3], [20, 30], [200, 300])
    with pytest.raises(StudyError, match="'test/valence' in both"):
        aligned(first, second, "test", "valence")
