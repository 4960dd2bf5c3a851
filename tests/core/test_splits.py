import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.model_selection import KFold, LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

from butfor.core.dataset import Dataset, Task
from butfor.core.errors import DataError
from butfor.core.splits import Fold, SplitSpec, held_out, leaks, make_folds
from butfor.core.streams import stream_key

EVERY_BY = ["row", "class", "group", "group_and_class"]


def _data(rows=120, groups=12, classes=3, official=None, seed=0):
    """A data set whose group sizes differ; `official` lists the part of each row, in words of the file."""
    stream = np.random.default_rng(seed)
    names = np.array([f"g{number}" for number in np.sort(stream.integers(0, groups, rows))])
    task = Task("emotion", "classes", tuple(f"c{number}" for number in range(classes)))
    return Dataset(
        {"text": stream.normal(size=(rows, 2)).astype(np.float32)},
        {"valence": Task("valence", "values"), "emotion": task},
        {"valence": np.zeros(rows, np.float32), "emotion": stream.integers(0, classes, rows)},
        groups=names if groups else None,
        split=None if official is None else np.array(official),
    )


def _official(rows=120, words=("train", "valid", "test")):
    """Parts by thirds of the rows of each ten, so that every class stands in every part."""
    return [words[number % len(words)] for number in range(rows)]


def _spec(said):
    return SplitSpec.model_validate(said)


def _plain(folds):
    return [
        (fold.name, fold.train.tolist(), fold.valid.tolist(), {k: v.tolist() for k, v in fold.tests.items()})
        for fold in folds
    ]


def _parts(fold):
    return [fold.train, fold.valid, *fold.tests.values()]


def _setting(spec, data):
    with pytest.raises(DataError) as caught:
        make_folds(_spec(spec), data)
    return caught.value.setting, str(caught.value)


# ---------------------------------------------------------------------------------------------------------------- spec


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("official", {"scheme": "official"}),
        ("holdout", {"scheme": "holdout", "holdout": 0.2, "test": "auto", "by": "row"}),
        ("leave_one_group_out", {"scheme": "leave_one_group_out"}),
        ({"holdout": 0.3}, {"scheme": "holdout", "holdout": 0.3, "test": "fold"}),
        ({"folds": 4, "by": "group"}, {"scheme": "kfold", "folds": 4, "by": "group"}),
        ({"scheme": "kfold"}, {"scheme": "kfold", "folds": 5, "validation": 0.2, "seed": 0}),
        ({"by": "class"}, {"scheme": "holdout", "by": "class", "stratify": None}),
    ],
)
def test_short_forms_say_the_same_as_long_ones(said, expected):
    resolved = _spec(said).resolved()
    assert expected.items() <= resolved.items()


def test_parts_that_are_left_out_keep_their_default():
    spec = _spec({"scheme": "official", "parts": {"train": "trn", "noisy": ["test2", "test3"]}})
    assert spec.parts == {
        "train": ("trn",),
        "valid": ("valid", "val", "dev"),
        "test": ("test",),
        "noisy": ("test2", "test3"),
    }


@pytest.mark.parametrize(
    ("said", "unread"),
    [
        ({"scheme": "holdout", "folds": 7}, "folds"),
        ({"scheme": "holdout", "folds": 5}, "folds"),
        ({"folds": 3, "holdout": 0.2}, "holdout"),
        ({"scheme": "official", "by": "group"}, "by"),
        ({"scheme": "official", "test": "fold"}, "test"),
        ({"scheme": "leave_one_group_out", "by": "group"}, "by"),
        ({"scheme": "leave_one_group_out", "parts": {"train": "trn"}}, "parts"),
        ({"folds": 3, "test": "official", "validation": 0.1}, "validation"),
        ({"folds": 3, "test": "fold", "parts": {"train": "trn"}}, "parts"),
        ({"folds": 3, "stratify": "emotion"}, "stratify"),
        ({"folds": 3, "by": "group", "stratify": "emotion"}, "stratify"),
        ({"holdout": 0.2, "test": "official"}, "holdout"),
        ({"holdout": 0.2, "parts": {"train": "trn"}}, "parts"),
    ],
)
def test_a_setting_that_nothing_would_read_is_refused(said, unread):
    with pytest.raises(ValidationError, match=f"`{unread}` would not be read"):
        _spec(said)


@pytest.mark.parametrize(
    "said",
    [
        *(
            "official",
            "holdout",
            "leave_one_group_out",
            {"holdout": 0.3, "by": "group"},
            {"folds": 3, "test": "official"},
        ),
        *({"folds": 4, "test": "fold"}, {"folds": 4, "by": "group_and_class", "stratify": "emotion"}),
        {"scheme": "holdout", "test": "official"},
    ],
)
def test_resolved_settings_read_back_as_the_same_and_hold_only_what_is_read(said):
    spec = _spec(said)
    again = _spec(spec.resolved())
    assert again.resolved() == spec.resolved()
    assert set(spec.resolved()) == spec.read()
    assert all(getattr(again, name) == getattr(spec, name) for name in SplitSpec.model_fields)


@pytest.mark.parametrize("said", ["offical", {"folds": 1}, {"holdout": 1.0}, {"holdout": 0}, {"by": "speaker"}, 5])
def test_what_cannot_be_is_refused(said):
    with pytest.raises(ValidationError):
        _spec(said)


def test_an_official_name_cannot_belong_to_two_parts():
    with pytest.raises(ValidationError, match="'dev' more than once"):
        _spec({"scheme": "official", "parts": {"test": "dev"}})


@pytest.mark.parametrize(
    ("said", "expected"), [("official", 1), ("holdout", 1), ({"folds": 7}, 7), ("leave_one_group_out", None)]
)
def test_the_number_of_folds_is_known_without_data(said, expected):
    assert _spec(said).num_folds == expected


# --------------------------------------------------------------------------------------------------------------- folds


@pytest.mark.parametrize("by", EVERY_BY)
@settings(max_examples=15, deadline=None)
@given(folds=st.integers(2, 5), seed=st.integers(0, 50), rows=st.integers(90, 130))
def test_every_row_is_tested_once_and_parts_are_disjoint(by, folds, seed, rows):
    data = _data(rows, seed=seed)
    made = make_folds(_spec({"folds": folds, "by": by, "test": "fold", "seed": seed}), data)
    assert [fold.name for fold in made] == [str(number) for number in range(folds)]
    tested = np.concatenate([fold.tests["test"] for fold in made])
    assert sorted(tested.tolist()) == list(range(rows))
    for fold in made:
        whole = np.concatenate(_parts(fold))
        assert sorted(whole.tolist()) == list(range(rows))
        assert all(len(part) and (np.diff(part) > 0).all() for part in _parts(fold))


@pytest.mark.parametrize("said", [{"folds": 4, "test": "fold"}, {"holdout": 0.25}])
@pytest.mark.parametrize("by", ["group", "group_and_class"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 50))
def test_groups_are_never_parted(said, by, seed):
    data = _data(seed=seed)
    for fold in make_folds(_spec({**said, "by": by, "seed": seed}), data):
        names = [set(data.groups[part].tolist()) for part in _parts(fold)]
        assert not names[0] & names[1]
        assert not names[0] & names[2]
        assert not names[1] & names[2]
        assert leaks(data, fold) == ()


def test_rows_are_divided_as_scikit_learn_does():
    data, state = _data(), stream_key(3, "folds") % 2**32
    labels, indices = data.targets["emotion"], np.arange(len(data))
    oracles = {
        "row": KFold(5, shuffle=True, random_state=state).split(indices),
        "class": StratifiedKFold(5, shuffle=True, random_state=state).split(indices, labels),
        "group_and_class": StratifiedGroupKFold(5, shuffle=True, random_state=state).split(
            indices, labels, np.unique(data.groups, return_inverse=True)[1]
        ),
    }
    for by, oracle in oracles.items():
        made = make_folds(_spec({"folds": 5, "by": by, "seed": 3}), data)
        for fold, (_, test) in zip(made, oracle, strict=True):
            np.testing.assert_array_equal(fold.tests["test"], test)


def test_groups_are_divided_evenly_among_folds():
    data = _data()
    made = make_folds(_spec({"folds": 4, "by": "group"}), data)
    assert [len(set(data.groups[fold.tests["test"]])) for fold in made] == [3, 3, 3, 3]


def test_classes_stay_in_proportion_in_every_part():
    data = _data(rows=300, groups=30)
    labels = data.targets["emotion"]
    whole = np.bincount(labels) / len(labels)
    for said in ({"folds": 5}, {"holdout": 0.2}):
        for fold in make_folds(_spec({**said, "by": "class"}), data):
            for part in _parts(fold):
                np.testing.assert_allclose(np.bincount(labels[part]) / len(part), whole, atol=0.02)


@pytest.mark.parametrize("by", ["row", "class"])
def test_a_share_of_rows_is_the_share_that_was_asked_for(by):
    (fold,) = make_folds(_spec({"holdout": 0.25, "by": by, "validation": 0.1}), _data(rows=400))
    assert abs(len(fold.tests["test"]) - 100) <= 1
    assert abs(len(fold.valid) - 30) <= 1


@pytest.mark.parametrize("by", ["group", "group_and_class"])
def test_a_share_of_groups_is_the_share_that_was_asked_for(by):
    data = _data(rows=400, groups=40)
    (fold,) = make_folds(_spec({"holdout": 0.25, "by": by, "validation": 0.1}), data)
    assert len(set(data.groups[fold.tests["test"]])) == 10
    assert len(set(data.groups[fold.valid])) == 3


def test_shares_of_groups_keep_classes_in_proportion_better_than_a_plain_draw():
    data = _data(rows=300, groups=30)
    labels = data.targets["emotion"]
    whole = np.bincount(labels) / len(labels)
    errors = {"group": 0.0, "group_and_class": 0.0}
    for by in errors:
        for seed in range(20):
            (fold,) = make_folds(_spec({"holdout": 0.3, "by": by, "seed": seed}), data)
            found = np.bincount(labels[fold.tests["test"]], minlength=3) / len(fold.tests["test"])
            errors[by] += np.abs(found - whole).sum()
    assert errors["group_and_class"] < 0.6 * errors["group"]


def test_unlabelled_rows_count_for_no_class():
    data = _data()
    labelled = data.targets["emotion"] != 0
    labelled[np.flatnonzero(~labelled)[:2]] = True
    assert (
        "class 'c0' of task 'emotion' has 2 rows"
        in _setting({"folds": 4, "by": "class"}, dataclasses.replace(data, labelled={"emotion": labelled}))[1]
    )


def test_unlabelled_rows_are_kept():
    data = _data()
    labelled = np.ones(120, bool)
    labelled[[4, 50]] = False
    data = dataclasses.replace(data, labelled={"emotion": labelled})
    for by in ("class", "group_and_class"):
        made = make_folds(_spec({"folds": 4, "by": by}), data)
        assert sorted(np.concatenate([fold.tests["test"] for fold in made]).tolist()) == list(range(120))


def test_the_named_task_is_the_one_that_stays_in_proportion():
    data = _data(rows=200)
    other = np.where(np.arange(200) < 20, 1, 0)
    tasks = {**data.tasks, "rare": Task("rare", "classes", ("no", "yes"))}
    data = dataclasses.replace(data, tasks=tasks, targets={**data.targets, "rare": other})
    made = make_folds(_spec({"folds": 5, "by": "class", "stratify": "rare"}), data)
    assert [int(other[fold.tests["test"]].sum()) for fold in made] == [4] * 5
    first = make_folds(_spec({"folds": 5, "by": "class"}), data)
    assert _plain(first) == _plain(make_folds(_spec({"folds": 5, "by": "class", "stratify": "emotion"}), data))
    assert _plain(first) != _plain(made)


def test_a_fold_is_left_out_for_every_group():
    data = _data()
    made = make_folds(_spec("leave_one_group_out"), data)
    assert [fold.name for fold in made] == [f"g{number}" for number in range(12)]
    oracle = {
        data.groups[test[0]]: test.tolist() for _, test in LeaveOneGroupOut().split(np.arange(120), groups=data.groups)
    }
    for fold in made:
        assert fold.tests["test"].tolist() == oracle[fold.name]
        assert leaks(data, fold) == ()
        assert len(set(data.groups[fold.valid])) == 2
        assert sorted(np.concatenate(_parts(fold)).tolist()) == list(range(120))


def test_folds_are_the_same_for_every_order_of_calls():
    data = _data(official=_official())
    said = ["official", "holdout", {"folds": 3, "by": "group"}, {"folds": 3, "test": "fold", "by": "class"}]
    said += ["leave_one_group_out", {"holdout": 0.2, "by": "group_and_class"}]
    forward = [_plain(make_folds(_spec(one), data)) for one in said]
    np.random.default_rng().normal()
    backward = [_plain(make_folds(_spec(one), data)) for one in reversed(said)]
    assert forward == backward[::-1]


@pytest.mark.parametrize("by", EVERY_BY)
@pytest.mark.parametrize("said", [{"folds": 3, "test": "fold"}, {"holdout": 0.2}])
def test_another_seed_gives_another_test_and_another_validation(said, by):
    data = _data()
    one, other = (make_folds(_spec({**said, "by": by, "seed": seed}), data)[0] for seed in (0, 1))
    if by != "group_and_class" or "folds" not in said:  # those folds are the best there are, whatever the seed
        assert one.tests["test"].tolist() != other.tests["test"].tolist()
    assert one.valid.tolist() != other.valid.tolist()


def test_folds_do_not_depend_on_features_or_modalities():
    data = _data()
    other = dataclasses.replace(data, features={"audio": np.ones((120, 3, 2), np.float32)}, lengths={}, present={})
    said = {"folds": 4, "by": "group_and_class"}
    assert _plain(make_folds(_spec(said), data)) == _plain(make_folds(_spec(said), other))


# ------------------------------------------------------------------------------------------------------ official parts


def test_official_parts_are_taken_as_they_stand():
    data = _data(official=_official(words=("train", "dev", "test1", "test3", "test2")))
    (fold,) = make_folds(_spec("official"), data)
    assert fold.name == "official"
    assert fold.train.tolist() == list(range(0, 120, 5))
    assert fold.valid.tolist() == list(range(1, 120, 5))
    assert list(fold.tests) == ["test1", "test2", "test3"]
    assert fold.tests["test3"].tolist() == list(range(3, 120, 5))


def test_official_names_can_be_mapped():
    data = _data(official=_official(words=("a", "b", "c", "d")))
    (fold,) = make_folds(
        _spec({"scheme": "official", "parts": {"train": ["a", "b"], "valid": "c", "noisy": "d"}}), data
    )
    assert fold.train.tolist() == [row for row in range(120) if row % 4 < 2]
    assert fold.valid.tolist() == list(range(2, 120, 4))
    assert {name: rows.tolist() for name, rows in fold.tests.items()} == {"noisy": list(range(3, 120, 4))}


def test_without_official_validation_a_share_of_train_selects_and_groups_stay_together():
    data = _data()
    words = np.where(np.isin(data.groups, ["g1", "g2"]), "test", "train")
    (fold,) = make_folds(_spec("official"), dataclasses.replace(data, split=words))
    assert set(data.groups[fold.tests["test"]]) == {"g1", "g2"}
    assert len(set(data.groups[fold.valid])) == 2
    assert leaks(data, fold) == ()
    assert sorted([*fold.train, *fold.valid]) == np.flatnonzero(words == "train").tolist()
    plain = dataclasses.replace(data, split=words, groups=None)
    (fold,) = make_folds(_spec("official"), plain)
    assert len(fold.valid) == round(0.2 * (words == "train").sum())


@pytest.mark.parametrize("test", ["auto", "official"])
def test_folds_beside_an_official_test_divide_the_rest_and_share_the_test(test):
    data = _data(official=_official(words=("train", "valid", "test1", "test2")))
    made = make_folds(_spec({"folds": 3, "test": test}), data)
    pool = [row for row in range(120) if row % 4 < 2]
    assert sorted(np.concatenate([fold.valid for fold in made]).tolist()) == pool
    for fold in made:
        assert sorted([*fold.train, *fold.valid]) == pool
        assert {name: rows.tolist() for name, rows in fold.tests.items()} == {
            "test1": list(range(2, 120, 4)),
            "test2": list(range(3, 120, 4)),
        }


def test_a_holdout_uses_the_official_test_unless_a_share_is_asked_for():
    data = _data(official=_official())
    (fold,) = make_folds(_spec("holdout"), data)
    assert fold.tests["test"].tolist() == list(range(2, 120, 3))
    assert len(fold.valid) == 16
    (fold,) = make_folds(_spec({"holdout": 0.25}), data)
    assert len(fold.tests["test"]) == 30
    assert sorted(np.concatenate(_parts(fold)).tolist()) == list(range(120))


def test_folds_can_be_the_test_although_there_is_an_official_one():
    data = _data(official=_official())
    made = make_folds(_spec({"folds": 3, "test": "fold"}), data)
    assert sorted(np.concatenate([fold.tests["test"] for fold in made]).tolist()) == list(range(120))


def test_official_parts_without_a_test_leave_the_folds_to_test():
    data = _data(official=_official(words=("train", "valid")))
    made = make_folds(_spec({"folds": 3}), data)
    assert sorted(np.concatenate([fold.tests["test"] for fold in made]).tolist()) == list(range(120))


def test_changing_test_rows_changes_nothing_in_what_trains():
    """Labels and groups of the official test do not reach the folds."""
    data = _data(official=_official())
    tested = np.arange(2, 120, 3)
    labels, groups = data.targets["emotion"].copy(), data.groups.copy()
    labels[tested], groups[tested] = 0, "elsewhere"
    other = dataclasses.replace(data, targets={**data.targets, "emotion": labels}, groups=groups)
    for by in EVERY_BY:
        said = {"folds": 4, "by": by}
        assert _plain(make_folds(_spec(said), data)) == _plain(make_folds(_spec(said), other))


# -------------------------------------------------------------------------------------------------------------- errors


def test_groups_are_asked_for_where_there_are_none():
    data = _data(groups=1)
    data = dataclasses.replace(data, groups=None)
    for said in ({"folds": 3, "by": "group"}, {"holdout": 0.2, "by": "group_and_class"}, "leave_one_group_out"):
        setting, message = _setting(said, data)
        assert setting == "by"
        assert "no groups" in message


def test_fewer_groups_than_folds_is_an_error_with_the_largest_number():
    setting, message = _setting({"folds": 13, "by": "group"}, _data())
    assert setting == "folds"
    assert "12 groups cannot make 13 folds" in message


def test_fewer_rows_than_folds_is_an_error():
    assert _setting({"folds": 200}, _data())[0] == "folds"


@pytest.mark.parametrize("by", ["class", "group_and_class"])
def test_a_class_with_fewer_rows_than_folds_is_named(by):
    data = _data()
    labels = data.targets["emotion"] % 2
    labels[[3, 77]] = 2
    setting, message = _setting(
        {"folds": 4, "by": by}, dataclasses.replace(data, targets={**data.targets, "emotion": labels})
    )
    assert setting == "folds"
    assert "class 'c2' of task 'emotion' has 2 rows" in message


def test_folds_that_would_be_empty_are_an_error():
    """Groups of very different size, each of one class: scikit-learn leaves one of the six folds without a row."""
    sizes, classes = [50, 7, 4, 60, 1, 2], [1, 0, 0, 1, 1, 0]
    data = dataclasses.replace(
        _data(rows=124),
        groups=np.repeat([f"g{number}" for number in range(6)], sizes),
        targets={"valence": np.zeros(124, np.float32), "emotion": np.repeat(classes, sizes)},
    )
    setting, message = _setting({"folds": 6, "by": "group_and_class"}, data)
    assert setting == "folds"
    assert "too unequal" in message


def test_parts_that_cannot_be_taken_are_an_error():
    two = dataclasses.replace(_data(), groups=np.repeat(["a", "b"], 60))
    setting, message = _setting("leave_one_group_out", two)
    assert setting == "validation"
    assert "1 groups are too few" in message
    assert _setting({"holdout": 0.001}, _data())[0] == "holdout"
    assert _setting({"holdout": 0.2, "validation": 0.001}, _data())[0] == "validation"


def test_classes_are_asked_for_where_there_are_none():
    data = _data()
    values = dataclasses.replace(data, tasks={"valence": data.tasks["valence"]})
    assert _setting({"folds": 3, "by": "class"}, values)[0] == "by"
    setting, message = _setting({"folds": 3, "by": "class", "stratify": "emotoin"}, data)
    assert setting == "stratify"
    assert "did you mean 'emotion'?" in message
    assert "has values" in _setting({"folds": 3, "by": "class", "stratify": "valence"}, data)[1]


def test_official_parts_are_asked_for_where_there_are_none():
    assert _setting("official", _data())[0] == "scheme"
    assert _setting({"folds": 3, "test": "official"}, _data())[0] == "test"


def test_an_unknown_official_part_is_named_with_all_there_are():
    setting, message = _setting("official", _data(official=_official(words=("train", "vlaid", "test"))))
    assert setting == "parts"
    assert "'vlaid'" in message
    assert "'test', 'train', 'vlaid'" in message
    assert "did you mean 'valid'?" in message


@pytest.mark.parametrize(
    ("said", "words", "setting"),
    [
        ("official", ("train", "valid"), "parts"),
        ("official", ("valid", "test"), "parts"),
        ("official", ("test1", "test2"), "parts"),
        ({"folds": 3}, ("test1", "test2"), "parts"),
        ({"folds": 3, "test": "official"}, ("train", "valid"), "test"),
    ],
)
def test_an_empty_official_part_is_an_error(said, words, setting):
    assert _setting(said, _data(official=_official(words=words)))[0] == setting


# --------------------------------------------------------------------------------------------------------------- leaks


def test_groups_in_two_parts_are_reported_with_examples():
    data = dataclasses.replace(_data(rows=6), groups=np.array(["a", "b", "c", "a", "b", "d"]))
    fold = Fold("0", np.array([0, 1]), np.array([2]), {"test1": np.array([3, 4]), "test2": np.array([5])})
    assert leaks(data, fold) == ("fold '0': 2 groups in both train and test1 ('a', 'b')",)
    fold = Fold("0", np.array([0]), np.array([1]), {"test": np.array([4])})
    assert leaks(data, fold) == ("fold '0': 1 group in both valid and test ('b')",)
    assert leaks(dataclasses.replace(data, groups=None), fold) == ()


@pytest.mark.parametrize("folds", [3, 5])
def test_what_folds_hold_out_is_their_test_rows_for_each_training_row(folds):
    made = make_folds(_spec({"folds": folds, "test": "fold"}), _data(120))
    train, valid = (np.mean([getattr(fold, part).size for fold in made]) for part in ("train", "valid"))
    assert held_out(made) == {"test": pytest.approx(120 / folds / train), "valid": pytest.approx(valid / train)}


def test_folds_that_share_their_test_rows_hold_out_the_validation_part():
    made = make_folds(_spec({"folds": 5}), _data(120, official=_official()))
    shares = held_out(made)
    assert shares["test"] == shares["valid"] == pytest.approx(1 / 4)


def test_one_fold_holds_nothing_out():
    assert held_out(make_folds(_spec("holdout"), _data(60))) == {}
