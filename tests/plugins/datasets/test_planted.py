"""The planted data set as data: shapes, rates, streams, frames, groups and parts."""

import json
import time

import numpy as np
import pytest

from butfor.core.splits import SplitSpec, make_folds
from butfor.plugins.datasets.planted import PlantedSpec, register_datasets

EMOTION = ("anger", "sadness", "neutral", "joy")


def spec(**changes):
    return PlantedSpec(**{"rows": 240, **changes})


def same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def test_the_defaults_give_three_modalities_two_tasks_speakers_and_parts():
    data = PlantedSpec().load()
    assert {m: (x.shape, x.dtype) for m, x in data.features.items()} == {
        "audio": ((1600, 16), np.float32),
        "text": ((1600, 16), np.float32),
        "video": ((1600, 4), np.float32),
    }
    assert {name: task.kind for name, task in data.tasks.items()} == {"emotion": "classes", "valence": "values"}
    assert data.tasks["emotion"].classes == EMOTION
    assert data.tasks["valence"].span == 3.0
    assert data.targets["emotion"].dtype == np.int64
    assert data.targets["valence"].dtype == np.float32
    assert len(set(data.groups)) == 24
    assert set(data.split) == {"train", "valid", "test"}
    assert len(set(data.ids)) == 1600


def test_the_hook_offers_it_and_its_names_are_known_without_loading():
    assert list(register_datasets()) == [PlantedSpec]
    assert PlantedSpec(modalities={"z": 1, "a": 0.5}).modality_names() == ("z", "a")
    assert tuple(PlantedSpec(modalities={"z": 1, "a": 0.5}).load().features) == ("z", "a")


def test_equal_settings_give_equal_data_also_after_a_round_trip_through_json():
    first = spec(frames=5, missing=0.1, nuisance=True)
    again = PlantedSpec.model_validate(json.loads(json.dumps(first.resolved())))
    assert first.load().digest() == again.load().digest()
    assert same(first.load().split, again.load().split)
    assert same(first.load().groups, again.load().groups)


def test_another_seed_gives_other_data():
    one, other = spec(seed=0).load(), spec(seed=1).load()
    for name in one.features:
        assert not np.isclose(one.features[name], other.features[name]).any(axis=1).all()
    assert (one.targets["emotion"] != other.targets["emotion"]).any()
    assert (one.split != other.split).any()


@pytest.mark.parametrize(
    "change",
    [
        {"modalities": {"audio": 0.1, "text": 0.6, "video": 0.0}},
        {"noisy": {"audio": 0.7, "text": 0.1, "video": 0.1}},
        {"missing": {"audio": 0.5}},
        {"features": {"audio": 31}},
        {"frames": {"audio": 6}},
        {"modalities": {"audio": 0.4, "text": 0.6, "video": 0.0, "pose": 0.2}},
        {"modalities": {"text": 0.6, "audio": 0.2, "video": 0.0}},
    ],
)
def test_a_change_of_one_modality_leaves_the_others_and_the_labels_as_they_are(change):
    before, after = spec().load(), spec(**change).load()
    for name in ("text", "video"):
        assert same(before.features[name], after.features[name])
        assert same(before.present[name], after.present[name])
    for task in before.tasks:
        assert same(before.targets[task], after.targets[task])
    assert same(before.split, after.split)
    if "pose" not in after.features:
        assert not (
            same(before.features["audio"], after.features["audio"])
            and same(before.present["audio"], after.present["audio"])
        )


def test_without_its_signs_a_modality_shows_class_and_tone_along_the_same_directions():
    with_signs, without = spec(interaction=0.01).load(), spec(interaction=0).load()
    for name in ("audio", "text"):
        np.testing.assert_allclose(with_signs.features[name], without.features[name], atol=0.06)


@pytest.mark.parametrize("classes", [2, 3, 4, 6, 9])
def test_class_sizes_keep_the_ratio_of_imbalance(classes):
    data = spec(rows=4000, classes=classes, imbalance=5, label_noise=0).load()
    counts = np.sort(np.bincount(data.targets["emotion"]))
    assert len(counts) == classes
    assert counts[-1] / counts[0] == pytest.approx(5, rel=0.02)
    steps = counts[1:] / counts[:-1]
    np.testing.assert_allclose(steps, 5 ** (1 / (classes - 1)), rtol=0.02)
    even = np.bincount(spec(rows=4000, classes=classes, imbalance=1, label_noise=0).load().targets["emotion"])
    assert even.max() - even.min() <= 1


def test_label_noise_moves_exactly_its_share_of_labels_to_all_other_classes_alike():
    clean = spec(rows=6000, label_noise=0).load().targets["emotion"]
    noisy = spec(rows=6000, label_noise=0.3).load().targets["emotion"]
    wrong = clean != noisy
    assert wrong.sum() == 1800
    steps = np.bincount((noisy - clean)[wrong] % 4, minlength=4)
    assert steps[0] == 0
    assert (abs(steps[1:] - 600) < 4 * (1800 * 1 / 3 * 2 / 3) ** 0.5).all()


def test_an_absent_modality_is_zeros_in_exactly_its_share_of_rows():
    data = spec(missing={"audio": 0.25, "video": 1.0}).load()
    assert (~data.present["audio"]).sum() == 60
    assert data.present["text"].all()
    assert not data.present["video"].any()
    assert (data.features["audio"][~data.present["audio"]] == 0).all()
    assert (data.features["audio"][data.present["audio"]] != 0).all()


def test_rows_that_lack_a_modality_still_lack_it_when_the_rate_grows():
    few, more = spec(missing=0.2).load(), spec(missing=0.5).load()
    for name in few.features:
        assert not (more.present[name] & ~few.present[name]).any()
        assert same(few.features[name][more.present[name]], more.features[name][more.present[name]])
    assert (few.present["audio"] != few.present["text"]).any()


def test_noisy_rows_are_exactly_their_share_and_carry_the_added_noise():
    plain, drowned = spec(rows=2000, noisy=0).load(), spec(rows=2000, noisy={"text": 0.2}, noise_scale=3.0).load()
    assert same(plain.features["audio"], drowned.features["audio"])
    added = drowned.features["text"] - plain.features["text"]
    hit = (added != 0).any(axis=1)
    assert hit.sum() == 400
    assert np.std(added[hit]) == pytest.approx(3.0, rel=0.05)


def test_the_size_of_the_features_tells_noisy_rows():
    plain, drowned = spec(rows=2000, noisy=0).load(), spec(rows=2000, noisy=0.2).load()
    for name in ("audio", "text"):
        hit = (plain.features[name] != drowned.features[name]).any(axis=1)
        size = np.linalg.norm(drowned.features[name], axis=1)
        assert (size[hit][:, None] > size[~hit]).mean() > 0.95


def test_frames_are_padded_with_zeros_and_average_to_the_utterance():
    rows = spec(missing=0.1).load()
    data = spec(missing=0.1, frames=7).load()
    for name, x in data.features.items():
        lengths = data.lengths[name]
        assert x.shape == (240, 7, rows.features[name].shape[1])
        assert (lengths.min(), lengths.max()) == (4, 7)
        valid = np.arange(7) < lengths[:, None]
        assert (x[~valid] == 0).all()
        assert (x[valid & data.present[name][:, None]] != 0).all()
        np.testing.assert_allclose(x.sum(axis=1) / lengths[:, None], rows.features[name], atol=1e-5)
        assert np.std(x - rows.features[name][:, None], axis=1)[data.present[name]].min() > 0
    assert (data.lengths["audio"] != data.lengths["text"]).any()


def test_frames_and_utterances_may_stand_side_by_side():
    data = spec(frames={"audio": 1, "video": 9}).load()
    assert {m: x.ndim for m, x in data.features.items()} == {"audio": 3, "text": 2, "video": 3}
    assert (data.lengths["audio"] == 1).all()
    assert (data.lengths["text"] == 1).all()
    np.testing.assert_allclose(data.features["audio"][:, 0], spec().load().features["audio"], atol=1e-6)


def test_speakers_have_equal_numbers_of_rows_and_one_part_each():
    data = PlantedSpec().load()
    speakers, counts = np.unique(data.groups, return_counts=True)
    assert counts.max() - counts.min() <= 1
    parts = {speaker: set(data.split[data.groups == speaker]) for speaker in speakers}
    assert all(len(part) == 1 for part in parts.values())
    sizes = [sum(part == {name} for part in parts.values()) for name in ("train", "valid", "test")]
    assert sizes == [14, 4, 6]


def test_a_speaker_shifts_all_of_its_rows_alike():
    still, moved = spec(group_offset=0).load(), spec(group_offset=2.0).load()
    for name in still.features:
        shift = moved.features[name] - still.features[name]
        means = np.stack([shift[still.groups == speaker].mean(axis=0) for speaker in np.unique(still.groups)])
        for speaker, mean in zip(np.unique(still.groups), means, strict=True):
            np.testing.assert_allclose(
                shift[still.groups == speaker], np.broadcast_to(mean, (10, len(mean))), atol=1e-5
            )
        assert np.std(means) == pytest.approx(2.0, rel=0.25)


def test_without_groups_the_rows_themselves_are_parted():
    data = spec(groups=0, valid_share=0.1, test_share=0.3).load()
    assert data.groups is None
    assert {part: int((data.split == part).sum()) for part in ("train", "valid", "test")} == {
        "train": 144,
        "valid": 24,
        "test": 72,
    }
    assert same(data.features["text"], spec(group_offset=0).load().features["text"])


def test_the_official_parts_make_a_fold_without_a_speaker_in_two_parts():
    data = PlantedSpec().load()
    (fold,) = make_folds(SplitSpec(scheme="official"), data)
    parts = [fold.train, fold.valid, fold.tests["test"]]
    assert sum(map(len, parts)) == len(data)
    speakers = [set(data.groups[rows]) for rows in parts]
    assert not (speakers[0] & speakers[1] | speakers[0] & speakers[2] | speakers[1] & speakers[2])


def test_a_missing_valence_label_is_masked_and_zero():
    full, part = spec().load(), spec(unlabelled=0.25).load()
    known = part.labelled["valence"]
    assert (~known).sum() == 60
    assert (part.targets["valence"][~known] == 0).all()
    assert same(part.targets["valence"][known], full.targets["valence"][known])
    assert part.labelled["emotion"].all()
    assert abs(full.targets["valence"]).max() <= 3.0


def test_valence_and_nuisance_come_and_go_without_touching_the_rest():
    bare, full = spec(valence=False).load(), spec(nuisance=True).load()
    assert list(bare.tasks) == ["emotion"]
    assert list(full.tasks) == ["emotion", "valence", "nuisance"]
    assert full.tasks["nuisance"].span is None
    assert same(bare.targets["emotion"], full.targets["emotion"])
    assert all(same(bare.features[m], full.features[m]) for m in bare.features)


def test_widths_left_out_are_as_many_as_are_needed():
    data = spec(classes=20, features={"video": 9}).load()
    assert {m: x.shape[1] for m, x in data.features.items()} == {"audio": 52, "text": 52, "video": 9}
    assert data.tasks["emotion"].classes[:2] == ("class_0", "class_1")
    assert spec(classes=6).class_names()[-1] == "joy"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_any_number_of_modalities_will_do(count):
    made = spec(modalities={f"m-{i}": 1.0 / (i + 1) for i in range(count)})
    data, truth = made.load(), made.truth()
    assert len(data.features) == count
    assert (truth["interaction"] is None) == (count == 1)
    assert set(truth["ceilings"]["only"]) == set(data.features)


def test_three_thousand_rows_take_less_than_a_fifth_of_a_second():
    seconds = []
    for _ in range(5):
        start = time.process_time()
        spec(rows=3000).load()
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.2
