import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from butfor.core import standardise as module
from butfor.core.standardise import standardise

ROWS, STEPS, WIDTH = 30, 6, 4


def _data(seed=0):
    stream = np.random.default_rng(seed)
    features = {
        "text": stream.normal(3, 5, (ROWS, WIDTH)).astype(np.float32),
        "audio": stream.normal(-2, 0.1, (ROWS, STEPS, WIDTH)).astype(np.float32),
    }
    lengths = {"text": np.ones(ROWS, np.int64), "audio": stream.integers(1, STEPS + 1, ROWS)}
    present = {name: stream.random(ROWS) < 0.7 for name in features}
    return features, lengths, present, np.sort(stream.permutation(ROWS)[:18])


def _valid(features, lengths, present, name):
    if features[name].ndim == 2:
        return present[name]
    return present[name][:, None] & (np.arange(STEPS)[None, :] < lengths[name][:, None])


@pytest.mark.parametrize("name", ["text", "audio"])
def test_it_is_the_standard_scaler_fitted_on_valid_train_entries(name):
    features, lengths, present, train = _data()
    found = standardise(features, lengths, present, train)[name]
    valid = _valid(features, lengths, present, name)
    fitted = StandardScaler().fit(features[name][train][valid[train]].astype(np.float64))
    expected = fitted.transform(features[name][valid].astype(np.float64))
    np.testing.assert_allclose(found[valid], expected, rtol=1e-6, atol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("name", ["text", "audio"])
def test_padding_and_absent_rows_are_exactly_zero(name):
    features, lengths, present, train = _data()
    found = standardise(features, lengths, present, train)[name]
    assert (found[~_valid(features, lengths, present, name)] == 0).all()
    assert (found[_valid(features, lengths, present, name)] != 0).all()


def test_rows_outside_the_training_part_never_influence_it():
    features, lengths, present, train = _data()
    before = standardise(features, lengths, present, train)
    others = np.setdiff1d(np.arange(ROWS), train)
    for name in features:
        features[name][others] = 1e6
    lengths["audio"][others] = STEPS
    present["text"][others] = True
    after = standardise(features, lengths, present, train)
    for name in features:
        np.testing.assert_array_equal(before[name][train], after[name][train])


def test_padding_and_absent_training_entries_never_influence_it():
    features, lengths, present, train = _data()
    before = standardise(features, lengths, present, train)
    for name in features:
        features[name][~_valid(features, lengths, present, name)] = 1e6
    after = standardise(features, lengths, present, train)
    for name in features:
        np.testing.assert_array_equal(before[name], after[name])


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8, -1e-30])
def test_a_constant_feature_becomes_zero_and_is_not_scaled(value):
    array = np.full((10, 2), value, np.float32)
    array[:, 1] = np.arange(10)
    array[9, 0] = value + 2
    found = standardise({"x": array}, {"x": np.ones(10, np.int64)}, {"x": np.ones(10, bool)}, np.arange(9))["x"]
    assert (found[:9, 0] == 0).all()
    assert found[9, 0] == np.float32(np.float64(array[9, 0]) - np.float64(array[0, 0]))


def test_a_modality_that_training_never_sees_stays_as_it_is():
    features, lengths, present, train = _data()
    present["text"][train] = False
    present["text"][np.setdiff1d(np.arange(ROWS), train)] = True
    found = standardise(features, lengths, present, train)["text"]
    assert (found[train] == 0).all()
    np.testing.assert_array_equal(found[present["text"]], features["text"][present["text"]])


def test_the_arrays_it_was_given_are_not_changed():
    features, lengths, present, train = _data()
    copies = {name: array.copy() for name, array in features.items()}
    standardise(features, lengths, present, train)
    for name, array in copies.items():
        np.testing.assert_array_equal(array, features[name])


def test_large_means_cost_no_precision():
    stream = np.random.default_rng(0)
    array = (1e4 + stream.integers(0, 4, (200, 3))).astype(np.float32)
    found = standardise({"x": array}, {"x": np.ones(200, int)}, {"x": np.ones(200, bool)}, np.arange(150))["x"]
    np.testing.assert_allclose(found[:150].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found[:150].std(axis=0), 1, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(chunk=st.integers(1, 200), seed=st.integers(0, 5))
def test_the_size_of_chunks_changes_nothing_but_rounding(chunk, seed):
    features, lengths, present, train = _data(seed)
    whole = standardise(features, lengths, present, train)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", chunk)
        pieces = standardise(features, lengths, present, train)
    for name in features:
        np.testing.assert_allclose(whole[name], pieces[name], rtol=1e-6, atol=1e-6)
