"""Real files, beside the repository; see shared/data/README.md there."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from butfor.core import DataError
from butfor.core.splits import SplitSpec, leaks, make_folds
from butfor.core.standardise import standardise
from butfor.plugins.datasets.features import FeaturesSpec

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data"
FILES = {
    "mosi.npz": {
        "modalities": {"text": "text", "audio": "audio", "video": "video"},
        "task": {"emotion": "label", "valence": {"array": "score", "span": 3}},
        "groups": "video_id",
    },
    "icmi_enjoyment.npz": {
        "modalities": {"audio": "audio", "video": "video", "llm": "llm"},
        "task": {"enjoyment": "label", "score": "score"},
        "groups": "participant",
    },
    "mmmo_seq.npz": {
        "modalities": {"audio": {"array": "audio", "lengths": "auto"}, "video": {"array": "video", "lengths": "auto"}},
        "task": {"emotion": "label", "score": "score"},
    },
    "pom_seq.npz": {
        "modalities": {"audio": "audio", "video": "video"},
        "lengths": {"audio": "auto", "video": "auto"},
        "task": {"emotion": "label"},
    },
}


def _load(name, **said):
    if not (FOLDER / name).is_file():
        pytest.skip(f"the real data are not beside the repository: no ../shared/data/{name}")
    said = {"path": f"../data/{name}", "split": "split", "ids": "ids", **FILES[name], **said}
    return FeaturesSpec.model_validate(said, context={"folder": FOLDER}).load()


def _folds(data, said):
    return make_folds(SplitSpec.model_validate(said), data)


def _accuracy(data, fold, modality, task):
    features = standardise(data.features, data.lengths, data.present, fold.train)[modality]
    fitted = np.concatenate([fold.train, fold.valid])
    model = LogisticRegression(max_iter=2000, C=0.01).fit(features[fitted], data.targets[task][fitted])
    return model.score(features[fold.tests["test"]], data.targets[task][fold.tests["test"]])


@pytest.mark.parametrize(
    ("name", "rows", "classes"),
    [("mosi.npz", 2199, 2), ("icmi_enjoyment.npz", 590, 3), ("mmmo_seq.npz", 340, 2), ("pom_seq.npz", 903, 2)],
)
def test_the_real_files_are_read_whole(name, rows, classes):
    data = _load(name)
    assert len(data) == rows
    assert next(iter(data.tasks.values())).num_outputs == classes
    assert len(set(data.ids.tolist())) == rows
    with np.load(FOLDER / name, allow_pickle=False) as file:
        np.testing.assert_array_equal(next(iter(data.targets.values())), file["label"])
        if data.features["audio"].ndim == 2:
            np.testing.assert_array_equal(data.features["audio"], file["audio"])


def test_mosi_has_five_folds_of_videos_beside_its_official_test():
    data = _load("mosi.npz")
    folds = _folds(data, {"folds": 5, "by": "group_and_class"})
    assert data.tasks["valence"].span == 3
    tested = np.flatnonzero(data.split == "test")
    for fold in folds:
        assert fold.tests["test"].tolist() == tested.tolist()
        assert leaks(data, fold) == ()
        assert abs(len(fold.valid) / (len(data) - len(tested)) - 0.2) < 0.03
        assert abs(data.targets["emotion"][fold.valid].mean() - data.targets["emotion"][fold.train].mean()) < 0.06
    assert sum(len(fold.valid) for fold in folds) == len(data) - len(tested)
    assert any("in both train and valid" in said for said in leaks(data, _folds(data, {"folds": 5})[0]))


def test_a_linear_model_on_mosi_gets_what_the_readme_says():
    data = _load("mosi.npz")
    (fold,) = _folds(data, "official")
    assert abs(_accuracy(data, fold, "text", "emotion") - 0.759) < 0.02


@pytest.mark.parametrize("name", ["mmmo_seq.npz", "pom_seq.npz"])
def test_frames_are_moved_to_the_start_and_none_is_lost(name):
    data = _load(name)
    with np.load(FOLDER / name, allow_pickle=False) as file:
        for modality, frames in data.features.items():
            raw, lengths = file[modality], data.lengths[modality]
            assert lengths.min() >= 1
            assert lengths.max() <= raw.shape[1]
            assert (np.any(frames != 0, axis=2) <= (np.arange(raw.shape[1]) < lengths[:, None])).all()
            for row in range(len(raw)):
                filled = raw[row][raw[row].any(axis=1)]
                np.testing.assert_array_equal(frames[row][frames[row].any(axis=1)], filled)
                if len(filled):
                    assert frames[row, 0].any()
                    assert frames[row, lengths[row] - 1].any()
    assert (data.lengths["audio"] < raw.shape[1]).any()
    (fold,) = _folds(data, "official")
    assert [len(fold.train), len(fold.valid), len(fold.tests["test"])] == [
        int((data.split == part).sum()) for part in ("train", "valid", "test")
    ]


def test_zero_videos_of_pom_stay_present_and_padding_stays_zero_when_standardised():
    data = _load("pom_seq.npz")
    empty = ~data.features["video"].any(axis=(1, 2))
    assert empty.mean() > 0.5
    assert data.present["video"].all()
    assert (data.lengths["video"][empty] == 1).all()
    (fold,) = _folds(data, "official")
    found = standardise(data.features, data.lengths, data.present, fold.train)
    for modality, frames in found.items():
        valid = np.arange(frames.shape[1]) < data.lengths[modality][:, None]
        assert (frames[~valid] == 0).all()
        trained = frames[fold.train][valid[fold.train]]
        varied = trained.std(axis=0) > 0
        np.testing.assert_allclose(trained.mean(axis=0, dtype=np.float64), 0, atol=1e-4)
        np.testing.assert_allclose(trained.std(axis=0, dtype=np.float64)[varied], 1, atol=1e-4)


def test_a_participant_of_icmi_is_left_out_of_each_fold():
    data = _load("icmi_enjoyment.npz")
    folds = _folds(data, "leave_one_group_out")
    assert len(folds) == 25
    assert [fold.name for fold in folds[:8]] == ["1", "2", "3", "5", "6", "7", "9", "10"]
    for fold in folds:
        assert set(data.groups[fold.tests["test"]].tolist()) == {fold.name}
        assert leaks(data, fold) == ()
    tested = np.concatenate([fold.tests["test"] for fold in folds])
    assert sorted(tested.tolist()) == list(range(590))


def test_an_array_of_other_rows_is_refused():
    with pytest.raises(DataError, match="modality 'text' has 120 rows, modality 'audio' has 340"):
        _load("mmmo_seq.npz", modalities={"audio": "audio", "text": "text_validtest"})
