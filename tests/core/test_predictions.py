import os

import numpy as np
import pytest

from butfor.core import StoreError, predictions
from butfor.core.predictions import predictions_file, read_predictions, write_predictions

KEY = "0123456789abcdef"


def test_predictions_come_back_bit_by_bit(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "test/rows": np.arange(5, dtype=np.int64),
        "test/emotion": rng.normal(size=(5, 6)).astype(np.float32),
        "test/valence": np.array([np.nan, np.inf, -0.0, 1e-310, 0.1]),
        "valid/known": np.array([True, False]),
        "valid/none": np.zeros((0, 6), np.float32),
        "valid/one": np.array(2.5),
    }
    path = write_predictions(tmp_path / "new" / "folder", KEY, arrays)
    assert path == tmp_path / "new" / "folder" / f"{KEY}.safetensors"
    found = read_predictions(tmp_path / "new" / "folder", KEY)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_slices_and_foreign_byte_orders_keep_their_values(tmp_path):
    whole = np.arange(24.0).reshape(4, 6)
    arrays = {"test/a": whole[:, ::2], "test/b": whole.T, "test/c": whole.astype(">f4"), "test/d": whole[::-1]}
    write_predictions(tmp_path, KEY, arrays)
    found = read_predictions(tmp_path, KEY)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_second_write_replaces_the_first_and_leaves_nothing_else(tmp_path):
    write_predictions(tmp_path, KEY, {"test/a": np.zeros(3)})
    write_predictions(tmp_path, KEY, {"test/a": np.ones(3)})
    assert read_predictions(tmp_path, KEY)["test/a"].tolist() == [1, 1, 1]
    assert [path.name for path in tmp_path.iterdir()] == [f"{KEY}.safetensors"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_write_that_is_cut_off_leaves_the_old_file_whole(tmp_path, monkeypatch, moment):
    write_predictions(tmp_path, KEY, {"test/a": np.zeros(3)})

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", fail) if moment == "fsync" else (predictions.Path, "replace", fail)))
    with pytest.raises(StoreError, match="No space left"):
        write_predictions(tmp_path, KEY, {"test/a": np.ones(3)})
    assert read_predictions(tmp_path, KEY)["test/a"].tolist() == [0, 0, 0]
    assert len(list(tmp_path.iterdir())) == 1


def test_the_content_is_on_the_disk_before_the_file_has_its_name(tmp_path, monkeypatch):
    seen = []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (seen.append(predictions_file(tmp_path, KEY).exists()), sync(handle))
    )
    write_predictions(tmp_path, KEY, {"test/a": np.zeros(3)})
    assert seen == [False, True]  # the file before its rename, the folder after


@pytest.mark.parametrize(
    "key", ["", "abc", "../../etc/passwd", "0123456789abcdeF", "01234567/89abcdef", f"{KEY}\n", "a" * 129]
)
def test_a_key_that_is_no_hash_is_refused(tmp_path, key):
    with pytest.raises(StoreError, match="no key of a trial"):
        write_predictions(tmp_path / "inner", key, {})
    with pytest.raises(StoreError, match="no key of a trial"):
        read_predictions(tmp_path, key)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([object()]), np.array([1j])])
def test_what_is_no_number_is_refused_by_name(tmp_path, array):
    with pytest.raises(StoreError, match="'test/names'"):
        write_predictions(tmp_path, KEY, {"test/names": array})


def test_the_reserved_name_is_refused(tmp_path):
    with pytest.raises(StoreError, match="__metadata__"):
        write_predictions(tmp_path, KEY, {"__metadata__": np.zeros(1)})


def test_missing_and_unwritable_places_are_told(tmp_path):
    with pytest.raises(StoreError, match="no predictions of trial"):
        read_predictions(tmp_path, KEY)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot write predictions"):
        write_predictions(tmp_path / "file", KEY, {})


def test_a_file_that_is_cut_anywhere_is_told_as_damaged(tmp_path):
    path = write_predictions(tmp_path, KEY, {"test/a": np.arange(3.0), "test/b": np.arange(2)})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(StoreError, match="damaged"):
            read_predictions(tmp_path, KEY)
