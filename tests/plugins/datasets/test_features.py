import json
import pickle

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from safetensors.numpy import save_file

from butfor.core.specs import DatasetSpec
from butfor.plugins.datasets.features import FeaturesSpec, register_datasets

ROWS = 8
KINDS = ["npz", "npy", "safetensors", "parquet", "csv"]


def _arrays():
    stream = np.random.default_rng(0)
    return {
        "text": stream.normal(size=(ROWS, 3)).astype(np.float32),
        "audio": stream.normal(size=(ROWS, 12)).astype(np.float32),
        "label": np.array([0, 1, 2, 0, 1, 2, 0, 1]),
        "score": np.linspace(-2, 2, ROWS).astype(np.float32),
        "speaker": np.array([1, 1, 2, 2, 10, 10, 3, 3]),
    }


def _write(folder, kind, arrays):
    """The same arrays as each kind of file; tables get a column for each feature, 10 before 2."""
    if kind == "npz":
        np.savez(folder / "data.npz", **arrays)
        return "data.npz"
    if kind == "npy":
        (folder / "data").mkdir()
        for name, array in arrays.items():
            np.save(folder / "data" / f"{name}.npy", array)
        return "data"
    if kind == "safetensors":
        save_file(arrays, folder / "data.safetensors")
        return "data.safetensors"
    columns = {}
    for name, array in arrays.items():
        wide = {f"{name}_{column}": array[:, column] for column in range(array.shape[1])} if array.ndim == 2 else {}
        columns.update(sorted(wide.items()) if wide else [(name, array)])
    frame = pd.DataFrame(columns)
    if kind == "csv":
        frame.to_csv(folder / "data.csv", index=False)
        return "data.csv"
    frame.to_parquet(folder / "data.parquet")
    return "data.parquet"


def _spec(folder, **said):
    return FeaturesSpec.model_validate(said, context={"folder": folder})


def _load(folder, arrays, **said):
    path = _write(folder, "npz", arrays)
    return _spec(folder, **{"path": path, "modalities": {"text": "text"}, "task": {"emotion": "label"}, **said}).load()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_data(tmp_path, kind):
    arrays = _arrays()
    path = _write(tmp_path, kind, arrays)
    names = (
        {"text": "text", "audio": "audio"} if kind not in {"csv", "parquet"} else {"text": "text_*", "audio": "audio_*"}
    )
    data = _spec(
        tmp_path, path=path, modalities=names, task={"emotion": "label", "valence": "score"}, groups="speaker"
    ).load()
    assert data.modalities == ("text", "audio")
    for name in data.modalities:
        np.testing.assert_array_equal(data.features[name], arrays[name])
        assert data.features[name].dtype == np.float32
    assert data.tasks["emotion"].kind == "classes"
    assert data.tasks["emotion"].classes == ("0", "1", "2")
    np.testing.assert_array_equal(data.targets["emotion"], arrays["label"])
    assert data.targets["emotion"].dtype == np.int64
    assert data.tasks["valence"].kind == "values"
    np.testing.assert_array_equal(data.targets["valence"], arrays["score"])
    assert data.targets["valence"].dtype == np.float32
    assert data.groups.tolist() == ["1", "1", "2", "2", "10", "10", "3", "3"]
    assert all(column.all() for column in [*data.present.values(), *data.labelled.values()])


def test_all_kinds_of_file_have_one_digest(tmp_path):
    digests = set()
    for kind in KINDS:
        path = _write(tmp_path, kind, _arrays())
        names = {"text": "text_*"} if kind in {"csv", "parquet"} else {"text": "text"}
        digests.add(_spec(tmp_path, path=path, modalities=names, task={"emotion": "label"}).load().digest())
    assert len(digests) == 1


def test_the_hook_offers_the_spec_with_a_default_for_every_field():
    assert list(register_datasets()) == [FeaturesSpec]
    assert FeaturesSpec().name == "features"
    assert not FeaturesSpec.is_kind()
    assert issubclass(FeaturesSpec, DatasetSpec)


# ------------------------------------------------------------------------------------------------------- what is said


def test_long_and_short_forms_say_the_same(tmp_path):
    long = {
        "modalities": {
            "text": {"array": "text", "present": "has_text"},
            "audio": {"array": ["a", "b"], "lengths": "auto", "present": "has_audio"},
        }
    }
    short = {
        "modalities": {"text": "text", "audio": ["a", "b"]},
        "lengths": {"audio": "auto"},
        "present": {"audio": "has_audio", "text": "has_text"},
    }
    assert json.dumps(_spec(tmp_path, **long).resolved()) == json.dumps(_spec(tmp_path, **short).resolved())
    assert _spec(tmp_path, **long).modality_names() == ("text", "audio")


def test_what_is_resolved_reads_back_and_knows_no_folder(tmp_path):
    spec = _spec(
        tmp_path,
        path="data.npz",
        modalities={"text": {"array": "text", "present": "has_text"}},
        task={"emotion": {"array": "label", "classes": ["x", "y"], "missing": -1}},
    )
    resolved = spec.resolved()
    assert str(tmp_path) not in json.dumps(resolved)
    assert resolved["path"] == "data.npz"
    assert FeaturesSpec.model_validate(resolved).resolved() == resolved
    assert spec.location() == tmp_path / "data.npz"
    assert pickle.loads(pickle.dumps(spec)).location() == tmp_path / "data.npz"  # noqa: S301 - our own bytes


def test_absolute_paths_stay_and_others_start_at_the_study_or_here(tmp_path, monkeypatch):
    path = tmp_path / _write(tmp_path, "npz", _arrays())
    said = {"modalities": {"text": "text"}, "task": {"emotion": "label"}}
    assert len(_spec("/elsewhere", path=str(path), **said).load()) == ROWS
    monkeypatch.chdir(tmp_path)
    assert len(FeaturesSpec(path="data.npz", **said).load()) == ROWS
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(_spec("/elsewhere", path="~/data.npz", **said).load()) == ROWS


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"modalities": {"te.xt": "text"}}, "a name is a letter"),
        ({"modalities": {"text": []}}, "names no array"),
        ({"modalities": {"text": {"aray": "text"}}}, "did you mean 'array'?"),
        ({"modalities": {"text": {"lengths": "auto"}}}, "no `array`"),
        ({"modalities": {"text": {"array": "text", "lengths": "n"}}, "lengths": {"text": "m"}}, "said twice"),
        ({"modalities": {"text": "text"}, "lengths": {"txet": "auto"}}, "did you mean 'text'?"),
        ({"modalities": {"text": "text"}, "present": {"audio": "a"}}, "unknown modality 'audio'"),
        ({"modalities": {"text": "label"}, "task": {"emotion": "label"}}, "is the label of task 'emotion'"),
        ({"modalities": {"text": "t"}, "lengths": "auto"}, "dictionary"),
        ({"modalities": {"text": {"array": "t", "lengths": "n"}}, "lengths": "auto"}, "dictionary"),
        ({"modalities": {"text": 3}}, "tuple"),
        ({"modalities": ["text"]}, "dictionary"),
        ({"pth": "data.npz"}, "Extra inputs"),
        ({"task": {"emotion": {"array": "y", "kind": "values", "classes": ["a", "b"]}}}, "belong to classes"),
        ({"task": {"emotion": {"array": "y", "kind": "classes", "span": 3}}}, "belongs to values"),
        ({"task": {"emotion": {"array": "y", "classes": ["a", "a"]}}}, "different names"),
        ({"task": {"emotion": {"array": "y", "classes": ["a"]}}}, "different names"),
    ],
)
def test_what_makes_no_sense_is_refused_while_the_study_is_read(said, word):
    with pytest.raises(ValidationError, match=word.replace("?", r"\?")):
        FeaturesSpec.model_validate(said)


# ----------------------------------------------------------------------------------------------------------- features


def test_several_arrays_are_put_side_by_side(tmp_path):
    arrays = _arrays()
    data = _load(tmp_path, arrays, modalities={"both": ["audio", "text"]})
    np.testing.assert_array_equal(data.features["both"], np.concatenate([arrays["audio"], arrays["text"]], axis=1))


def test_a_pattern_leaves_out_what_has_another_use(tmp_path):
    frame = pd.DataFrame({"a_10": [1.0, 2], "a_2": [3.0, 4], "a_label": [0, 1], "a_seen": [1, 1], "a_who": ["x", "y"]})
    frame.to_csv(tmp_path / "data.csv", index=False)
    data = _spec(
        tmp_path,
        path="data.csv",
        modalities={"a": "a_*"},
        task={"emotion": "a_label"},
        present={"a": "a_seen"},
        groups="a_who",
    ).load()
    assert data.features["a"].tolist() == [[3, 1], [4, 2]]


def test_brackets_in_names_are_no_pattern(tmp_path):
    pd.DataFrame({"m[1]": [1.0, 2], "m[2]": [3.0, 4], "m1": [5.0, 6], "y": [0, 1]}).to_csv(
        tmp_path / "d.csv", index=False
    )
    data = _spec(tmp_path, path="d.csv", modalities={"a": "m[*", "b": "m[1]"}, task={"t": "y"}).load()
    assert data.features["a"].tolist() == [[1, 3], [2, 4]]
    assert data.features["b"].tolist() == [[1], [2]]


def test_numbers_of_a_csv_are_exact(tmp_path):
    powers = 10.0 ** np.arange(-20, 20).repeat(10)
    values = (np.random.default_rng(0).normal(size=400) * powers).astype(np.float32)
    lines = [f"{value!s},{row % 2}" for row, value in enumerate(values)]
    (tmp_path / "d.csv").write_text("x,y\n" + "\n".join(lines) + "\n")
    data = _spec(tmp_path, path="d.csv", modalities={"x": "x"}, task={"t": "y"}).load()
    np.testing.assert_array_equal(data.features["x"][:, 0], values)


def test_the_index_of_a_parquet_file_is_a_column(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]}, index=pd.Index(["u", "v"], name="id"))
    frame.to_parquet(tmp_path / "d.parquet")
    data = _spec(tmp_path, path="d.parquet", modalities={"x": "x"}, task={"t": "y"}, ids="id").load()
    assert data.ids.tolist() == ["u", "v"]


def test_names_in_a_csv_keep_their_zeros_and_a_mark_at_the_start_of_the_file_is_no_name(tmp_path):
    (tmp_path / "d.csv").write_text("id,x,y,who\n007,1,a,01\n7,2,b,1\n", encoding="utf-8-sig")
    data = _spec(tmp_path, path="d.csv", modalities={"x": "x"}, task={"t": "y"}, ids="id", groups="who").load()
    assert data.ids.tolist() == ["007", "7"]
    assert data.groups.tolist() == ["01", "1"]


def test_rows_that_are_absent_are_zero_whatever_stands_there(tmp_path):
    arrays = _arrays()
    arrays["has"] = np.array([1, 0, 1, 1, 1, 1, 1, 0])
    arrays["text"][1] = np.nan
    data = _load(tmp_path, arrays, present={"text": "has"})
    assert data.present["text"].tolist() == [True, False, True, True, True, True, True, False]
    assert (data.features["text"][[1, 7]] == 0).all()
    assert (data.features["text"][0] == arrays["text"][0]).all()


def test_rows_of_zeros_are_never_taken_for_absent(tmp_path):
    arrays = _arrays()
    arrays["text"][2] = 0
    arrays["frames"] = np.zeros((ROWS, 4, 2), np.float32)
    data = _load(tmp_path, arrays, modalities={"text": "text", "frames": "frames"}, lengths={"frames": "auto"})
    assert data.present["text"].all()
    assert data.present["frames"].all()
    assert (data.lengths["frames"] == 1).all()


# ------------------------------------------------------------------------------------------------------------- frames


def _padded(front, back, inside=()):
    frames = np.zeros((1, 6, 2), np.float32)
    frames[0, front : 6 - back] = np.arange(1, 2 * (6 - front - back) + 1).reshape(-1, 2)
    for step in inside:
        frames[0, step] = 0
    return frames


@pytest.mark.parametrize(("front", "back"), [(0, 0), (2, 0), (0, 3), (1, 2), (5, 0), (0, 5)])
def test_zero_frames_at_either_end_are_padding_and_move_to_the_end(tmp_path, front, back):
    frames = np.concatenate([_padded(front, back), _padded(0, 0)])
    np.savez(tmp_path / "d.npz", frames=frames, y=[0, 1])
    data = _spec(
        tmp_path, path="d.npz", modalities={"a": {"array": "frames", "lengths": "auto"}}, task={"t": "y"}
    ).load()
    count = 6 - front - back
    assert data.lengths["a"].tolist() == [count, 6]
    np.testing.assert_array_equal(data.features["a"][0, :count], frames[0, front : 6 - back])
    assert (data.features["a"][0, count:] == 0).all()
    np.testing.assert_array_equal(data.features["a"][1], frames[1])


def test_zero_frames_between_others_stay(tmp_path):
    frames = np.concatenate([_padded(1, 1, inside=[3]), _padded(0, 0)])
    np.savez(tmp_path / "d.npz", frames=frames, y=[0, 1])
    data = _spec(tmp_path, path="d.npz", modalities={"a": "frames"}, lengths={"a": "auto"}, task={"t": "y"}).load()
    assert data.lengths["a"].tolist() == [4, 6]
    assert data.features["a"][0].tolist() == [[1, 2], [3, 4], [0, 0], [7, 8], [0, 0], [0, 0]]


def test_without_lengths_every_frame_is_valid(tmp_path):
    frames = np.concatenate([_padded(2, 0), _padded(0, 2)])
    np.savez(tmp_path / "d.npz", frames=frames, y=[0, 1])
    data = _spec(tmp_path, path="d.npz", modalities={"a": "frames"}, task={"t": "y"}).load()
    assert data.lengths["a"].tolist() == [6, 6]
    np.testing.assert_array_equal(data.features["a"], frames)


def test_an_array_of_lengths_blanks_what_is_beyond_and_length_zero_is_absent(tmp_path):
    frames = np.ones((3, 6, 2), np.float32)
    np.savez(tmp_path / "d.npz", frames=frames, y=[0, 1, 0], n=[4, 6, 0])
    data = _spec(tmp_path, path="d.npz", modalities={"a": "frames"}, lengths={"a": "n"}, task={"t": "y"}).load()
    assert data.present["a"].tolist() == [True, True, False]
    assert data.lengths["a"].tolist() == [4, 6, 1]
    assert data.features["a"].sum(axis=(1, 2)).tolist() == [8, 12, 0]


# ------------------------------------------------------------------------------------------------------------- labels


def _task(tmp_path, labels, column=None, *, table=False):
    features = np.ones((len(labels), 2), np.float32)
    said = {"task": {"t": {"array": "y", **(column or {})}}}
    if table:
        pd.DataFrame({"x": features[:, 0], "y": labels}).to_csv(tmp_path / "d.csv", index=False)
        data = _spec(tmp_path, path="d.csv", modalities={"x": "x"}, **said).load()
    else:
        np.savez(tmp_path / "d.npz", x=features, y=labels)
        data = _spec(tmp_path, path="d.npz", modalities={"x": "x"}, **said).load()
    return data.tasks["t"], data.targets["t"].tolist(), data.labelled["t"].tolist()


def test_classes_of_text_are_sorted(tmp_path):
    task, targets, labelled = _task(tmp_path, np.array(["sad", "happy", "", "sad"]))
    assert task.classes == ("happy", "sad")
    assert targets == [1, 0, 0, 1]
    assert labelled == [True, True, False, True]


def test_classes_of_bytes_are_text(tmp_path):
    assert _task(tmp_path, np.array([b"sad", b"happy"]))[0].classes == ("happy", "sad")


def test_names_of_classes_give_their_order(tmp_path):
    task, targets, _ = _task(tmp_path, np.array(["sad", "happy"]), {"classes": ["sad", "neutral", "happy"]})
    assert task.classes == ("sad", "neutral", "happy")
    assert targets == [0, 2]


def test_numbers_are_indices_of_names(tmp_path):
    task, targets, _ = _task(tmp_path, np.array([2, 0, 0]), {"classes": ["neutral", "angry", "happy"]})
    assert task.num_outputs == 3
    assert targets == [2, 0, 0]


def test_numbers_that_are_named_are_names(tmp_path):
    task, targets, _ = _task(tmp_path, np.array([-1, 1, 0]), {"classes": [-1, 0, 1]})
    assert task.classes == ("-1", "0", "1")
    assert targets == [0, 2, 1]


def test_numbers_with_gaps_are_numbered_anew_in_natural_order(tmp_path):
    task, targets, _ = _task(tmp_path, np.array([10, 2, 1]))
    assert task.classes == ("1", "2", "10")
    assert targets == [2, 1, 0]


def test_true_and_false_are_classes(tmp_path):
    task, targets, _ = _task(tmp_path, np.array([True, False]))
    assert task.classes == ("False", "True")
    assert targets == [1, 0]


@pytest.mark.parametrize(
    ("labels", "missing", "kind"),
    [
        (np.array([0, -1, 1]), -1, "classes"),
        (np.array([0.5, -10, 1.0], np.float32), -10, "values"),
        (np.array([0.5, 0.1, 1.0], np.float32), 0.1, "values"),
        (np.array([0.5, np.nan, 1.0]), None, "values"),
        (np.array(["a", "none", "b"]), "none", "classes"),
        (np.array(["0", "-1", "1"]), -1, "classes"),
    ],
)
def test_the_mark_of_a_missing_label_becomes_a_mask(tmp_path, labels, missing, kind):
    task, targets, labelled = _task(tmp_path, labels, {"missing": missing})
    assert task.kind == kind
    assert labelled == [True, False, True]
    assert targets[1] == 0


def test_an_empty_cell_is_no_label_and_does_not_make_values_of_classes(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2, 3], "y": pd.array([1, None, 0], dtype="Int64")})
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    for path in ("d.csv", "d.parquet"):
        data = _spec(tmp_path, path=path, modalities={"x": "x"}, task={"t": "y"}).load()
        assert data.tasks["t"].classes == ("0", "1")
        assert data.labelled["t"].tolist() == [True, False, True]


def test_none_and_na_are_classes_like_others(tmp_path):
    assert _task(tmp_path, ["None", "NA", "sad"], table=True)[0].classes == ("NA", "None", "sad")


def test_whole_numbers_of_floating_type_can_be_classes(tmp_path):
    task, targets, labelled = _task(tmp_path, np.array([1.0, np.nan, 0.0]), {"kind": "classes"})
    assert task.classes == ("0", "1")
    assert targets == [1, 0, 0]
    assert labelled == [True, False, True]


def test_whole_numbers_can_be_values(tmp_path):
    task, targets, _ = _task(tmp_path, np.array([1, 5, 3]), {"kind": "values"})
    assert task.kind == "values"
    assert targets == [1, 5, 3]
    assert _task(tmp_path, np.array([1, -3, 3]), {"span": 3})[0].span == 3
