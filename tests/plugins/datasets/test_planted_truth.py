"""What is planted is there, and nothing else: shares, null, interaction, noise, valence, nuisance, and the ceilings."""

import json

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from butfor.plugins.datasets.planted import PlantedSpec

ROWS = 4000
HALF = ROWS // 2
QUIET = {"rows": ROWS, "groups": 0, "label_noise": 0.0, "noisy": 0.0, "imbalance": 1.0}


def accuracy(x, y, *, products=False, penalty=1.0):
    """Of a logistic regression fitted on the first half of the rows, on the other."""
    parts = [PolynomialFeatures(2, interaction_only=True, include_bias=False)] if products else []
    model = make_pipeline(StandardScaler(), *parts, LogisticRegression(C=penalty, tol=0.01, max_iter=500))
    half = len(y) // 2
    return model.fit(x[:half], y[:half]).score(x[half:], y[half:])


def joined(data, names=("audio", "text", "video")):
    return np.hstack([data.features[name] for name in names])


def chance(y, rows=HALF):
    """Rate of the most frequent class, and the binomial sd of an accuracy about it."""
    rate = np.bincount(y).max() / len(y)
    return rate, (rate * (1 - rate) / rows) ** 0.5


def test_single_modalities_rank_by_their_shares_and_share_zero_is_at_chance():
    data = PlantedSpec(rows=ROWS).load()
    y = data.targets["emotion"]
    text, audio, video = (accuracy(data.features[name], y) for name in ("text", "audio", "video"))
    rate, sd = chance(y)
    assert text > audio + 3 * sd
    assert audio > rate + 15 * sd
    assert video < rate + 3 * sd


def test_the_null_shows_nothing_by_products_either_alone_or_with_another():
    data = PlantedSpec(rows=ROWS).load()
    y = data.targets["emotion"]
    rate, sd = chance(y)
    assert accuracy(data.features["video"], y, products=True, penalty=0.01) < rate + 3 * sd
    without = accuracy(joined(data, ("audio", "text")), y, products=True, penalty=0.01)
    assert abs(accuracy(joined(data), y, products=True, penalty=0.01) - without) < 3 * sd


@pytest.mark.parametrize("names", [("audio",), ("text",), ("audio", "text", "video")])
def test_the_interaction_is_hidden_from_one_modality_and_from_every_sum(names):
    data = PlantedSpec(**QUIET, signal=0).load()
    rate, sd = chance(data.targets["emotion"])
    assert accuracy(joined(data, names), data.targets["emotion"]) < rate + 3.5 * sd


@pytest.mark.parametrize("name", ["audio", "text"])
def test_products_within_one_modality_do_not_show_the_interaction(name):
    data = PlantedSpec(**QUIET, signal=0).load()
    rate, sd = chance(data.targets["emotion"])
    assert accuracy(data.features[name], data.targets["emotion"], products=True, penalty=0.01) < rate + 3.5 * sd


def test_products_across_the_pair_show_the_interaction():
    made = PlantedSpec(**QUIET, signal=0)
    data = made.load()
    found = accuracy(joined(data, ("audio", "text")), data.targets["emotion"], products=True, penalty=0.01)
    assert 0.6 < found < made.truth()["ceilings"]["all"]
    assert made.truth()["ceilings"]["additive"] == pytest.approx(0.25, abs=0.02)


def test_the_pair_may_be_named_and_may_be_of_modalities_without_a_share():
    made = PlantedSpec(**QUIET, signal=0, pair=("video", "audio"))
    data, truth = made.load(), made.truth()
    y = data.targets["emotion"]
    rate, sd = chance(y)
    assert accuracy(joined(data, ("audio", "video")), y, products=True, penalty=0.01) > 0.6
    assert accuracy(joined(data, ("audio", "text")), y, products=True, penalty=0.01) < rate + 3.5 * sd
    assert truth["nulls"] == ["text"]
    assert truth["interaction"] == {"pair": ["video", "audio"], "signs": 3}
    assert truth["ceilings"]["without"]["text"] == truth["ceilings"]["all"]


def test_interaction_zero_plants_none():
    made = PlantedSpec(**QUIET, signal=0, interaction=0)
    data = made.load()
    rate, sd = chance(data.targets["emotion"])
    assert made.truth()["interaction"] is None
    assert accuracy(joined(data), data.targets["emotion"], products=True, penalty=0.01) < rate + 3.5 * sd


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_for_two_classes_the_ceilings_are_those_of_two_normal_distributions(share):
    """Class means sqrt(2) x signal x sqrt(share) apart in unit noise: accuracy Phi(distance / 2)."""
    shares = {"one": share, "other": 1 - share}
    settings = QUIET | {"rows": 40000, "classes": 2, "signal": 2.0, "interaction": 0, "modalities": shares}
    ceilings = PlantedSpec(**settings).truth()["ceilings"]
    assert ceilings["all"] == pytest.approx(norm.cdf(2**0.5), abs=0.006)
    for name, part in shares.items():
        assert ceilings["only"][name] == pytest.approx(norm.cdf((2 * part) ** 0.5), abs=0.009)


def test_additive_ceilings_are_what_a_linear_model_reaches_with_enough_rows():
    made = PlantedSpec(**QUIET | {"rows": 20000}, interaction=0)
    data, ceilings = made.load(), made.truth()["ceilings"]
    y = data.targets["emotion"]
    assert accuracy(joined(data), y) == pytest.approx(ceilings["all"], abs=0.015)
    for name, only in ceilings["only"].items():
        assert accuracy(data.features[name], y) == pytest.approx(only, abs=0.02)


def test_an_absent_or_noisy_modality_lowers_the_ceilings_and_is_weighed_by_its_noise():
    base = PlantedSpec(**QUIET).truth()["ceilings"]
    noisy = PlantedSpec(**QUIET | {"noisy": {"text": 0.5}}, noise_scale=1e6).truth()["ceilings"]
    absent = PlantedSpec(**QUIET, missing={"text": 0.5}).truth()["ceilings"]
    for hurt in (noisy, absent):
        assert hurt["only"]["audio"] == base["only"]["audio"]
        expected = (base["only"]["text"] + 0.25) / 2
        assert hurt["only"]["text"] == pytest.approx(expected, abs=0.03)
        assert hurt["all"] == pytest.approx((base["all"] + base["without"]["text"]) / 2, abs=0.03)


def test_label_noise_bounds_every_accuracy():
    settings = QUIET | {"label_noise": 0.3}
    made = PlantedSpec(**settings, signal=20.0)
    data, ceilings = made.load(), made.truth()["ceilings"]
    assert ceilings["labels"] == 0.7
    assert ceilings["all"] == pytest.approx(0.7, abs=0.002)
    assert accuracy(joined(data), data.targets["emotion"]) == pytest.approx(0.7, abs=0.03)


def test_the_defaults_leave_headroom_and_gaps_for_every_planted_part():
    made = PlantedSpec()
    ceilings = made.truth()["ceilings"]
    assert ceilings["all"] < ceilings["labels"] == 0.95
    assert ceilings["all"] - ceilings["additive"] > 0.05
    assert ceilings["all"] - ceilings["without"]["audio"] > 0.1
    assert ceilings["without"]["audio"] - ceilings["without"]["text"] > 0.03
    assert ceilings["without"]["video"] == ceilings["all"]
    assert abs(ceilings["only"]["video"] - made.truth()["frequencies"]["neutral"]) < 0.03


def test_the_defaults_show_their_interaction_to_a_model_with_products():
    data = PlantedSpec(rows=ROWS).load()
    y = data.targets["emotion"]
    sums = accuracy(joined(data), y)
    products = accuracy(joined(data), y, products=True, penalty=0.003)
    assert products > sums + 3 * (sums * (1 - sums) / HALF) ** 0.5
    assert products < PlantedSpec(rows=ROWS).truth()["ceilings"]["all"] < 0.95


def test_knowing_class_and_tone_leaves_the_valence_noise_that_truth_states():
    made = PlantedSpec(**QUIET, signal=200.0, interaction=0)
    data = made.load()
    x, y = data.features["text"], data.targets["valence"]
    error = np.mean((LinearRegression().fit(x[:HALF], y[:HALF]).predict(x[HALF:]) - y[HALF:]) ** 2)
    assert error == pytest.approx(made.truth()["valence_noise"], rel=0.15)


def test_valence_follows_the_class_and_more_than_the_class():
    data = PlantedSpec(rows=ROWS, label_noise=0).load()
    x, y, emotion = joined(data), data.targets["valence"], data.targets["emotion"]
    means = [y[emotion == c].mean() for c in range(4)]
    assert means == sorted(means)
    residual = y - np.array(means)[emotion]
    assert LinearRegression().fit(x[:HALF], residual[:HALF]).score(x[HALF:], residual[HALF:]) > 0.3
    video = data.features["video"]
    assert LinearRegression().fit(video[:HALF], y[:HALF]).score(video[HALF:], y[HALF:]) < 0.005


def test_nuisance_is_independent_of_features_labels_and_speakers():
    data = PlantedSpec(rows=ROWS, nuisance=True).load()
    y = data.targets["nuisance"]
    speakers = np.unique(data.groups, return_inverse=True)[1]
    others = [joined(data), data.targets["valence"][:, None], np.eye(4)[data.targets["emotion"]], np.eye(24)[speakers]]
    columns = np.hstack(others)
    centred = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    assert abs(centred.T @ (y - y.mean())).max() / (len(y) * y.std()) < 4 / len(y) ** 0.5
    assert (y.mean(), y.std()) == pytest.approx((0, 1), abs=0.05)


def test_truth_states_shares_nulls_and_frequencies_as_json():
    made = PlantedSpec(modalities={"a": 3.0, "b": 1.0, "c": 0.0}, classes=3, imbalance=4, rows=700)
    truth = made.truth()
    assert json.loads(json.dumps(truth)) == truth
    assert truth["shares"] == {"a": 0.75, "b": 0.25, "c": 0.0}
    assert truth["nulls"] == ["c"]
    assert truth["interaction"] == {"pair": ["a", "b"], "signs": 3}
    assert sorted(truth["frequencies"].values()) == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    clean = PlantedSpec(**made.resolved() | {"label_noise": 0}).load().targets["emotion"]
    assert list(truth["frequencies"].values()) == pytest.approx(list(np.bincount(clean) / 700))
