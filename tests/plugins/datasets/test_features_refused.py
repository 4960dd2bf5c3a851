"""Each kind of bad file has its own message, which names the setting and what would be right."""

import io
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from butfor.core import DataError
from butfor.plugins.datasets.features import FeaturesSpec

ROWS = 6


def _arrays(**changed):
    arrays = {
        "text": np.ones((ROWS, 3), np.float32),
        "audio": np.ones((ROWS, 4, 2), np.float32),
        "label": np.array([0, 1, 0, 1, 0, 1]),
        "part": np.array(["train", "train", "valid", "test", "test", "test"]),
        "name": np.array(list("abcdef")),
    }
    return {name: array for name, array in {**arrays, **changed}.items() if array is not None}


def _refused(folder, **said):
    said = {"path": "data.npz", "modalities": {"text": "text"}, "task": {"emotion": "label"}} | said
    with pytest.raises(DataError) as caught:
        FeaturesSpec.model_validate(said, context={"folder": folder}).load()
    return caught.value.setting, str(caught.value)


def _refused_npz(folder, arrays, **said):
    np.savez(folder / "data.npz", **arrays)
    return _refused(folder, **said)


@pytest.mark.parametrize("setting", ["path", "modalities", "task"])
def test_what_is_not_said_is_asked_for(tmp_path, setting):
    assert _refused(tmp_path, **{setting: {} if setting != "path" else ""})[0] == setting


# -------------------------------------------------------------------------------------------------------------- files


def test_a_missing_file_is_named_with_the_nearest_one(tmp_path):
    (tmp_path / "mosi.npz").touch()
    setting, message = _refused(tmp_path, path="mosy.npz")
    assert setting == "path"
    assert "does not exist" in message
    assert "did you mean 'mosi.npz'?" in message
    assert "neither does its folder" in _refused(tmp_path, path="nowhere/mosi.npz")[1]


def test_an_unknown_suffix_is_an_error_with_the_known_ones(tmp_path):
    (tmp_path / "data.pkl").write_bytes(b"\x80\x04K\x01.")
    setting, message = _refused(tmp_path, path="data.pkl")
    assert setting == "path"
    assert "unknown suffix '.pkl'; expected .npz, .safetensors, .parquet, .csv, or a folder" in message


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet", ".csv"])
def test_a_file_of_garbage_is_damaged(tmp_path, suffix):
    (tmp_path / f"data{suffix}").write_bytes(bytes(range(255, 100, -1)))
    setting, message = _refused(tmp_path, path=f"data{suffix}")
    assert setting == "path"
    assert "damaged" in message or "cannot be read" in message


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet", ".csv"])
def test_an_empty_file_is_damaged(tmp_path, suffix):
    (tmp_path / f"data{suffix}").touch()
    setting, message = _refused(tmp_path, path=f"data{suffix}")
    assert setting == "path"
    assert "damaged" in message or "cannot be read" in message


def test_a_zip_that_is_cut_off_is_damaged(tmp_path):
    np.savez(tmp_path / "data.npz", **_arrays())
    whole = (tmp_path / "data.npz").read_bytes()
    (tmp_path / "data.npz").write_bytes(whole[: len(whole) // 2])
    setting, message = _refused(tmp_path)
    assert setting == "path"
    assert "damaged" in message


def test_a_flipped_bit_in_an_array_is_found(tmp_path):
    np.savez_compressed(tmp_path / "data.npz", **_arrays(text=np.random.default_rng(0).normal(size=(ROWS, 50))))
    content = bytearray((tmp_path / "data.npz").read_bytes())
    content[300] ^= 0xFF
    (tmp_path / "data.npz").write_bytes(content)
    setting, message = _refused(tmp_path)
    assert setting == "modalities"
    assert "'text' of data.npz cannot be read" in message


def test_a_pickle_is_never_opened(tmp_path):
    (tmp_path / "data.npz").write_bytes(
        b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R."
    )
    assert "no zip archive" in _refused(tmp_path)[1]


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_arrays_of_python_objects_are_never_unpickled(tmp_path, kind):
    class Opened:
        def __reduce__(self):
            return (pytest.fail, ("it was unpickled",))

    odd = np.array([Opened()] * ROWS, dtype=object)
    (tmp_path / "data").mkdir()
    if kind == "npz":
        np.savez(tmp_path / "data.npz", **_arrays(text=odd))
    else:
        for name, array in _arrays(text=odd).items():
            np.save(tmp_path / "data" / name, array)
    setting, message = _refused(tmp_path, path="data.npz" if kind == "npz" else "data")
    assert setting == "modalities"
    assert "'text'" in message
    assert "Python objects, which are never unpickled" in message


def test_a_member_of_an_archive_that_is_no_array_is_an_error(tmp_path):
    np.savez(tmp_path / "data.npz", **_arrays(text=None))
    with zipfile.ZipFile(tmp_path / "data.npz", "a") as archive:
        archive.writestr("text", "hello")
    assert "it is no array" in _refused(tmp_path)[1]


def test_a_folder_without_arrays_is_an_error(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "text.txt").touch()
    assert "holds no .npy files" in _refused(tmp_path, path="data")[1]


def test_a_damaged_array_in_a_folder_is_named(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "text.npy").write_bytes(b"no array")
    setting, message = _refused(tmp_path, path="data")
    assert setting == "modalities"
    assert "'text' of data cannot be read" in message


def test_a_missing_pyarrow_is_named_with_the_extra(tmp_path, monkeypatch):
    (tmp_path / "data.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    setting, message = _refused(tmp_path, path="data.parquet")
    assert setting == "path"
    assert "pip install 'butfor[parquet]'" in message


def test_a_number_type_that_numpy_has_not_is_an_error(tmp_path):
    header = b'{"text":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]}}'
    (tmp_path / "d.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    setting, message = _refused(tmp_path, path="d.safetensors")
    assert setting == "modalities"
    assert "'text' of d.safetensors cannot be read" in message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x,x,y\n1,2,0\n3,4,1\n", "more than one column 'x'"),
        ("x,y\n1,0\n2,1,9\n", "cannot be read"),
        ("x,y\n1,0,5\n2,1,5\n", "cannot be read"),
        ("x,y\n1,0\n\xff,1\n", "cannot be read"),
    ],
)
def test_a_table_whose_rows_do_not_fit_its_header_is_an_error(tmp_path, text, word):
    (tmp_path / "d.csv").write_text(text, encoding="latin-1")
    setting, message = _refused(tmp_path, path="d.csv", modalities={"a": "x"}, task={"t": "y"})
    assert setting == "path"
    assert word in message


# ------------------------------------------------------------------------------------------------------------- arrays


@pytest.mark.parametrize(
    ("said", "setting"),
    [
        ({"modalities": {"text": "texd"}}, "modalities"),
        ({"task": {"emotion": "texd"}}, "task"),
        ({"groups": "texd"}, "groups"),
        ({"split": "texd"}, "split"),
        ({"ids": "texd"}, "ids"),
        ({"present": {"text": "texd"}}, "present"),
        ({"modalities": {"text": "audio"}, "lengths": {"text": "texd"}}, "lengths"),
    ],
)
def test_a_missing_array_is_named_with_the_nearest_one(tmp_path, said, setting):
    found, message = _refused_npz(tmp_path, _arrays(), **said)
    assert found == setting
    assert "no array 'texd'; did you mean 'text'?" in message


def test_a_pattern_without_a_match_is_an_error(tmp_path):
    setting, message = _refused_npz(tmp_path, _arrays(), modalities={"text": "txt_*"})
    assert setting == "modalities"
    assert "nothing in data.npz matches 'txt_*'" in message


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 2, 2, 2), (ROWS, 0), ()])
def test_features_of_another_shape_are_an_error(tmp_path, shape):
    setting, message = _refused_npz(tmp_path, _arrays(text=np.ones(shape)))
    assert setting == "modalities"
    assert "expected (N, D) or (N, T, D)" in message


def test_modalities_with_different_rows_are_an_error_that_names_both(tmp_path):
    arrays = _arrays(audio=np.ones((4, 2)))
    setting, message = _refused_npz(tmp_path, arrays, modalities={"text": "text", "audio": "audio"})
    assert setting == "modalities"
    assert "modality 'audio' has 4 rows, modality 'text' has 6" in message


def test_arrays_that_do_not_fit_side_by_side_are_an_error(tmp_path):
    setting, message = _refused_npz(tmp_path, _arrays(), modalities={"both": ["text", "audio"]})
    assert setting == "modalities"
    assert "(6, 4, 2) beside 'text' with (6, 3)" in message


@pytest.mark.parametrize(
    ("array", "said", "setting"),
    [
        ("label", {}, "task"),
        ("name", {"ids": "name"}, "ids"),
        ("part", {"split": "part"}, "split"),
        ("name", {"groups": "name"}, "groups"),
    ],
)
def test_columns_with_other_rows_are_an_error(tmp_path, array, said, setting):
    found, message = _refused_npz(tmp_path, _arrays(**{array: _arrays()[array][:4]}), **said)
    assert found == setting
    assert "has 4 rows, the features have 6" in message


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "NaN"), (np.inf, "Inf"), (-np.inf, "Inf"), (1e300, "Inf")])
def test_what_is_not_finite_is_an_error_with_its_place(tmp_path, value, kind):
    text, audio = np.ones((ROWS, 3)), np.ones((ROWS, 4, 2))
    text[2, 1] = text[4, 0] = audio[5, 3, 1] = value
    setting, message = _refused_npz(tmp_path, _arrays(text=text, audio=audio))
    assert setting == "modalities"
    assert f"modality 'text' has NaN or Inf in 2 rows, first {kind}: row 2, feature 1" in message
    message = _refused_npz(tmp_path, _arrays(text=text, audio=audio), modalities={"audio": "audio"})[1]
    assert f"in 1 row, first {kind}: row 5, frame 3, feature 1" in message


def test_text_among_the_features_is_an_error(tmp_path):
    setting, message = _refused_npz(tmp_path, _arrays(text=np.array([["a"]] * ROWS)))
    assert setting == "modalities"
    assert "is text, not numbers" in message
    assert "is type complex128, not numbers" in _refused_npz(tmp_path, _arrays(text=np.ones((ROWS, 2), complex)))[1]


def test_text_among_the_numbers_of_a_table_is_shown(tmp_path):
    (tmp_path / "d.csv").write_text("x,y\n1,0\n2,1\nabc,0\n")
    setting, message = _refused(tmp_path, path="d.csv", modalities={"a": "x"}, task={"t": "y"})
    assert setting == "modalities"
    assert "'x' of d.csv is text, not numbers, first: 'abc' in row 2" in message


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_empty_cell_among_the_features_is_an_error_with_its_place(tmp_path, suffix):
    frame = pd.DataFrame({"x": pd.array([1, 2, 3], "Int64"), "z": pd.array([1, 2, None], "Int64"), "y": [0, 1, 0]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    setting, message = _refused(tmp_path, path=f"d.{suffix}", modalities={"a": ["x", "z"]}, task={"t": "y"})
    assert setting == "modalities"
    assert "first NaN: row 2, feature 1" in message


def test_lists_in_the_cells_of_a_table_are_an_error(tmp_path):
    pd.DataFrame({"x": [[1.0, 2.0], [3.0, 4.0]], "y": [0, 1]}).to_parquet(tmp_path / "d.parquet")
    setting, message = _refused(tmp_path, path="d.parquet", modalities={"a": "x"}, task={"t": "y"})
    assert setting == "modalities"
    assert "expected a number or a text in each row, found ndarray" in message


# ------------------------------------------------------------------------------------------------- frames and presence


@pytest.mark.parametrize("wrong", [-1, 5, 2.5, np.nan])
def test_impossible_lengths_are_an_error(tmp_path, wrong):
    arrays = _arrays(n=np.array([4, 4, wrong, 4, 4, 4]))
    setting, message = _refused_npz(tmp_path, arrays, modalities={"audio": "audio"}, lengths={"audio": "n"})
    assert setting == "lengths"
    assert "in row 2: expected a whole number 0..4" in message


def test_lengths_of_utterances_are_an_error(tmp_path):
    for said in ("auto", "n"):
        setting, message = _refused_npz(tmp_path, _arrays(n=np.ones(ROWS)), lengths={"text": said})
        assert setting == "lengths"
        assert "without frames it has no lengths" in message


def test_frames_that_are_padded_at_the_front_are_an_error_beside_an_array_of_lengths(tmp_path):
    audio = np.ones((ROWS, 4, 2))
    audio[3, :3] = 0
    arrays = _arrays(audio=audio, n=np.array([4, 4, 4, 1, 4, 4]))
    setting, message = _refused_npz(tmp_path, arrays, modalities={"audio": "audio"}, lengths={"audio": "n"})
    assert setting == "lengths"
    assert "padded at the front: row 3 has length 1" in message


@pytest.mark.parametrize("title", ["lengths", "present"])
def test_lengths_and_presence_of_other_shapes_are_an_error(tmp_path, title):
    arrays = _arrays(n=np.ones(ROWS - 1))
    setting, message = _refused_npz(tmp_path, arrays, modalities={"audio": "audio"}, **{title: {"audio": "n"}})
    assert setting == title
    assert "have shape (5,)" in message or "has shape (5,)" in message


@pytest.mark.parametrize("wrong", [2, 0.5, np.nan])
def test_presence_is_true_or_false(tmp_path, wrong):
    setting, message = _refused_npz(tmp_path, _arrays(p=np.array([1, 1, 0, wrong, 1, 1])), present={"text": "p"})
    assert setting == "present"
    assert "in row 3; expected 0 or 1" in message


# ------------------------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("labels", "column", "word"),
    [
        ([[0], [1], [0], [1], [0], [1]], {}, "has shape (6, 1); expected (N,)"),
        ([0, 1, 2, 0, 1, 3], {"classes": ["a", "b", "c"]}, "labels 0..3 for the 3 classes a, b, c"),
        ([0, 1, -1, 0, 1, 1], {"classes": ["a", "b"]}, "labels -1..1 for the 2 classes"),
        ([0, 1, -1, 0, 1, 1], {}, "say `missing: -1`"),
        (["a", "b", "hapy", "a", "b", "a"], {"classes": ["a", "b", "happy"]}, "did you mean 'happy'?"),
        ([0, 0, 0, 0, 0, 0], {}, "every label of 'label' is '0'"),
        ([np.nan] * ROWS, {}, "no row of 'label' is labelled"),
        ([0, 1, 0, 1.5, 0, 1], {"kind": "classes"}, "is 1.5 in row 3, no class number"),
        (["a", "b"] * 3, {"kind": "values"}, "no array of numbers"),
        ([0.5, np.inf, 0, 0, 0, 0], {}, "infinite in row 1"),
        ([0.5, 3.5, 0, 0, 0, 0], {"span": 3}, "values 0..3.5 do not lie in the span [-3, 3]"),
        ([0, 1, 0, 1, 0, 1], {"missing": "none"}, "`missing` is 'none', and the labels are numbers"),
        (np.ones(ROWS, "datetime64[s]"), {}, "expected numbers or text"),
    ],
)
def test_labels_that_are_not_as_described_are_an_error(tmp_path, labels, column, word):
    arrays = _arrays(label=np.array(labels))
    setting, message = _refused_npz(tmp_path, arrays, task={"emotion": {"array": "label", **column}})
    assert setting == "task"
    assert "task 'emotion'" in message
    assert word in message


# -------------------------------------------------------------------------------------------------------------- names


def test_a_row_in_two_official_parts_is_a_leak(tmp_path):
    arrays = _arrays(name=np.array(["a", "b", "c", "b", "e", "e"]))
    setting, message = _refused_npz(tmp_path, arrays, ids="name", split="part")
    assert setting == "split"
    assert "row 'b' stands in the official parts test and train: a leak" in message


def test_ids_that_stand_twice_are_an_error(tmp_path):
    arrays = _arrays(name=np.array(["a", "b", "c", "d", "e", "e"]))
    for said in ({}, {"split": "part"}):
        setting, message = _refused_npz(tmp_path, arrays, ids="name", **said)
        assert setting == "ids"
        assert "1 ids stand for more than one row, first: 'e'" in message


@pytest.mark.parametrize("title", ["groups", "split", "ids"])
def test_every_row_has_its_names(tmp_path, title):
    setting, message = _refused_npz(tmp_path, _arrays(name=np.array(["a", "b", "", "d", "e", "f"])), **{title: "name"})
    assert setting == title
    assert "is empty in 1 rows, first: row 2" in message


@pytest.mark.parametrize(
    ("column", "word"), [(np.arange(ROWS) + 0.5, "has fractions"), (np.ones((ROWS, 2), int), "expected (N,)")]
)
def test_groups_are_text_or_whole_numbers(tmp_path, column, word):
    setting, message = _refused_npz(tmp_path, _arrays(who=column), groups="who")
    assert setting == "groups"
    assert word in message


def test_files_are_closed_when_something_is_wrong(tmp_path):
    """An open handle would be a ResourceWarning, which is an error here; the file can also be replaced."""
    save_file({"text": np.ones((ROWS, 3), np.float32)}, tmp_path / "data.safetensors")
    for path in ("data.npz", "data.safetensors"):
        np.savez(tmp_path / "data.npz", text=np.ones((ROWS, 3)))
        assert "no array 'label'" in _refused(tmp_path, path=path)[1]
        (tmp_path / path).write_bytes(io.BytesIO(b"other").getvalue())
