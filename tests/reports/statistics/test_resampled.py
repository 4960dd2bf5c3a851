"""The corrected resampled t against a published example."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from butfor.reports.statistics.paired import paired_t
from butfor.reports.statistics.resampled import default_held_out, nadeau_bengio, variance_share


@pytest.fixture(scope="module")
def moons():
    """Differences of scikit-learn's example "Statistical comparison of models using grid search", 10 x 10 folds."""
    features, classes = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    first, second = (
        cross_val_score(SVC(kernel=kernel, random_state=0), features, classes, cv=folds, scoring="roc_auc")
        for kernel in ("rbf", "linear")
    )
    return first - second


def test_scikit_learns_published_example_has_its_corrected_and_uncorrected_t(moons):
    corrected, plain = nadeau_bengio(moons, held_out=10 / 90), paired_t(moons)
    assert corrected.mean / corrected.se == pytest.approx(0.750, abs=5e-4)
    assert corrected.p / 2 == pytest.approx(0.227, abs=5e-4)
    assert plain.mean / plain.se == pytest.approx(2.611, abs=5e-4)
    assert plain.p / 2 == pytest.approx(0.005, abs=5e-4)


def test_the_statistic_is_the_formula_written_out():
    differences = np.array([0.02, 0.01, 0.03, -0.01, 0.02])
    found = nadeau_bengio(differences, held_out=0.25)
    se = np.sqrt((1 / 5 + 0.25) * np.var(differences, ddof=1))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / se, 4))
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 4) * se)


def test_k_folds_hold_out_one_for_each_k_less_one():
    assert default_held_out(5) == 0.25
    assert variance_share(5, 0.25) == pytest.approx(0.45)
