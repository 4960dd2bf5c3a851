"""Tests under conditions: what is taken away, from whom, and that nothing else moves."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from butfor.core import Dataset, Task
from butfor.core.conditions import Condition, parts_of, split_and_condition, split_under
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.conditions import Disturbed, gaussian, missing, strongest
from butfor.core.engine.feed import Feed, Feeds
from butfor.core.engine.loop import Trial, fit
from butfor.core.engine.prepare import with_test_splits
from butfor.core.engine.slots import Slots
from butfor.core.metrics import evaluate
from butfor.core.results import TrainResult
from butfor.core.splits import Fold
from butfor.core.streams import sample_uniforms, step_key
from butfor.core.study.plan import Plan, TableSettings
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]
ALL = ("audio", "text", "video")
TWO = ("audio", "text")

V4 = {
    "fusion": {"name": "proxy_attention", "proxy": "gated_uncertainty", "dropout": 0.2},
    "encoder": {"name": "variational_mlp", "variant": "v4", "width": 8, "dropout": 0.3},
    "modality_dropout": {"rate": 0.3, "warmup": 1},
}
CONDITIONS = (
    Condition("missing", 0.3, (), TWO),
    Condition("missing", 0.5, ("audio",), TWO),
    Condition("noise", 0.5, (), TWO),
    Condition("noise", 0.5, ("text",), TWO),
    Condition("without", 1.0, ("audio",), TWO),
)


def made(rows: int = 400, names: tuple[str, ...] = ALL, *, absent: float = 0.0, ids: bool = False) -> Dataset:
    draw = np.random.default_rng(1)
    features = {name: draw.normal(size=(rows, 3)).astype(np.float32) for name in names}
    return Dataset(
        features,
        {"y": Task("y", "values")},
        {"y": np.zeros(rows, np.float32)},
        present={name: draw.random(rows) >= absent for name in names},
        ids=np.array([f"clip {number}" for number in range(rows)]) if ids else None,
    )


def random_at(level: float, names: tuple[str, ...] = ALL) -> Condition:
    return Condition("missing", level, (), names)


def table(condition: Condition, data: Dataset, seed: int = 0, fold: str = "0") -> np.ndarray:
    """(N, M) bool: what is taken away."""
    taken = missing(condition, data, np.arange(len(data)), seed, fold)
    return np.stack([taken.get(name, np.zeros(len(data), bool)) for name in data.features], axis=1)


def recorded(data: Dataset) -> np.ndarray:
    return np.stack(list(data.present.values()), axis=1)


def test_a_condition_is_called_after_what_it_does() -> None:
    names = [condition.name for condition in CONDITIONS]
    assert names == ["missing:0.3", "missing:0.5:audio", "noise:0.5", "noise:0.5:text", "without:audio"]
    assert Condition("missing", 0.1, ("audio", "text"), ALL).name == "missing:0.1:audio+text"
    assert [parts_of(name) for name in names] == [
        ("missing", 0.3, ""),
        ("missing", 0.5, "audio"),
        ("noise", 0.5, ""),
        ("noise", 0.5, "text"),
        ("without", None, "audio"),
    ]


def test_the_split_of_a_condition_is_taken_apart_again() -> None:
    assert split_under("test", "missing:0.3:audio") == "test@missing:0.3:audio"
    assert split_and_condition("test@missing:0.3:audio") == ("test", "missing:0.3:audio")
    assert split_under("test", "") == "test"
    assert split_and_condition("test") == ("test", "")


def test_the_draw_of_a_sample_is_the_step_key_of_its_number() -> None:
    samples = np.array([0, 1, 17, 2**62], dtype=np.uint64)
    expected = [((step_key(99, int(sample)) << 1) >> 11) * 2.0**-53 for sample in samples]
    np.testing.assert_allclose(sample_uniforms(99, samples), expected, atol=2.0**-52)


@given(
    st.integers(1, 4),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.integers(0, 5),
    st.sampled_from(["0", "1"]),
    st.sampled_from([0.0, 0.4]),
)
@settings(max_examples=40, deadline=None)
def test_masks_are_nested_over_rates_and_leave_every_sample_something(
    number: int, rates: tuple[float, float], seed: int, fold: str, absent: float
) -> None:
    names = ("a", "b", "c", "d")[:number]
    data = made(120, names, absent=absent)
    there = recorded(data)
    low, high = sorted(rates)
    patterns: list[tuple[str, ...]] = [(), *((name,) for name in names), names[:2]]
    for pattern in patterns:
        few, more = (table(Condition("missing", rate, pattern, names), data, seed, fold) for rate in (low, high))
        assert not (few & ~more).any()
        assert ((there & ~more).any(axis=1) == there.any(axis=1)).all()


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 2 / 3])
def test_each_modality_is_absent_in_the_share_that_was_asked_for(rate: float) -> None:
    data = made(40_000)
    spread = 5 * np.sqrt(rate * (1 - rate) / 40_000)
    for condition in (random_at(rate), *(Condition("missing", rate, (name,), ALL) for name in ALL)):
        gone = table(condition, data).mean(axis=0)
        wanted = [rate if name in condition.concerned else 0.0 for name in ALL]
        np.testing.assert_allclose(gone, wanted, atol=spread)


def test_a_subset_goes_together() -> None:
    gone = table(Condition("missing", 0.4, ("audio", "text"), ALL), made(5_000))
    assert (gone[:, 0] == gone[:, 1]).all()
    assert not gone[:, 2].any()
    assert abs(gone[:, 0].mean() - 0.4) < 0.03


def test_no_more_than_all_but_one_can_go() -> None:
    data = made(2_000)
    assert (table(random_at(1.0), data).sum(axis=1) == 2).all()
    assert (table(random_at(0.7), data) == table(random_at(1.0), data)).all()


def test_at_rate_zero_nothing_goes() -> None:
    assert not table(random_at(0.0), made()).any()


def test_a_sample_keeps_its_mask_wherever_its_row_stands() -> None:
    data = made(50, ids=True)
    order = np.random.default_rng(0).permutation(50)
    assert data.ids is not None
    moved = Dataset(
        {name: x[order] for name, x in data.features.items()}, data.tasks, data.targets, ids=data.ids[order]
    )
    assert (table(random_at(0.5), moved) == table(random_at(0.5), data)[order]).all()
    there = np.ones(50, bool)
    noise, again = (gaussian(one, "text", np.arange(50), 0, "0", there=there) for one in (data, moved))
    assert (again == noise[order]).all()


def test_masks_differ_between_seeds_and_folds_and_modalities() -> None:
    data = made()
    tables = [table(random_at(0.5), data, seed, fold) for seed, fold in ((0, "0"), (1, "0"), (0, "1"))]
    assert all((one != other).any() for one, other in zip(tables, [*tables[1:], tables[0]], strict=True))
    assert (tables[0][:, 0] != tables[0][:, 1]).any()


def test_noise_is_standard_normal_on_valid_frames_of_present_rows_and_zero_elsewhere() -> None:
    draw = np.random.default_rng(0)
    lengths = draw.integers(1, 9, size=300)
    data = Dataset(
        {"audio": draw.normal(size=(300, 8, 5)).astype(np.float32)},
        {"y": Task("y", "values")},
        {"y": np.zeros(300, np.float32)},
        lengths={"audio": lengths},
    )
    there = draw.random(300) < 0.7
    noise = gaussian(data, "audio", np.arange(300), 0, "0", there=there)
    valid = there[:, None] & (np.arange(8) < lengths[:, None])
    assert not noise[~valid].any()
    values = noise[valid].ravel()
    assert abs(values.mean()) < 5 / np.sqrt(values.size)
    assert abs(values.std() - 1) < 0.05
    assert len(np.unique(values)) == values.size
    others = [gaussian(data, "audio", np.arange(300), *stream, there=there) for stream in ((1, "0"), (0, "1"))]
    assert all((other[valid] != noise[valid]).all() for other in others)


def test_noise_grows_with_its_level_and_is_the_same_draw(data: Dataset, fold: Fold) -> None:
    feed, rows = Feed(data, fold, TWO, standardised=True), torch.from_numpy(fold.tests["test"])
    clean = feed.batch(rows).features["text"]
    half, whole = (
        Disturbed(feed, Condition("noise", level, ("text",), TWO), 0, "0").batch(rows).features["text"] - clean
        for level in (0.5, 1.0)
    )
    torch.testing.assert_close(whole, 2 * half, rtol=1e-4, atol=1e-5)
    present = feed.present[rows][:, 1]
    assert not whole[~present].any()
    assert whole[present].any(dim=1).all()


def test_noise_is_in_standard_deviations_of_the_training_rows(data: Dataset, fold: Fold) -> None:
    wide = replace(data, features={name: x * np.float32(7) for name, x in data.features.items()})
    feeds = [Feed(wide, fold, TWO, standardised=standardised) for standardised in (True, False)]
    condition = Condition("noise", 0.5, (), TWO)
    rows = torch.from_numpy(fold.tests["test"])
    moved = [
        Disturbed(feed, condition, 0, "0").batch(rows).features["text"] - feed.batch(rows).features["text"]
        for feed in feeds
    ]
    known = data.present["text"][fold.train]
    unit = 7 * data.features["text"][fold.train][known].std(axis=0)
    torch.testing.assert_close(moved[1], moved[0] * torch.from_numpy(unit), rtol=1e-4, atol=1e-4)


@pytest.fixture
def tested(cell: Cells, data: Dataset, fold: Fold) -> Callable[..., TrainResult]:
    """A trained trial; `changes` are those of the cell."""

    def train(*conditions: Condition, **changes: Any) -> TrainResult:
        return fit(Assignment("k", "c", cell(**V4 | changes), 0, fold, conditions), data)

    return train


def test_training_and_the_clean_test_keep_every_bit(tested: Callable[..., TrainResult]) -> None:
    plain, more = tested(), tested(*CONDITIONS)
    assert more.curve == plain.curve
    assert more.selected_epoch == plain.selected_epoch
    assert {split: more.metrics[split] for split in plain.metrics} == plain.metrics
    assert plain.predictions.keys() == more.predictions.keys()
    assert all((more.predictions[name] == plain.predictions[name]).all() for name in plain.predictions)
    assert set(more.metrics) - set(plain.metrics) == {f"test@{condition.name}" for condition in CONDITIONS}


def test_each_condition_moves_the_figures(tested: Callable[..., TrainResult]) -> None:
    metrics = tested(*CONDITIONS).metrics
    values = [metrics[split]["mse"] for split in metrics if split != "valid"]
    assert len(set(values)) == 1 + len(CONDITIONS)


def test_a_stack_gives_the_same_figures_as_trials_alone(cell: Cells, data: Dataset, fold: Fold) -> None:
    assignments = [Assignment(f"k{seed}", "c", cell(**V4), seed, fold, CONDITIONS) for seed in range(3)]
    together = {result.key: result for result in Slots(assignments, Feeds(data)).run()}
    for assignment in assignments:
        alone = fit(assignment, data)
        assert together[assignment.key].metrics.keys() == alone.metrics.keys()
        for split, metrics in alone.metrics.items():
            assert together[assignment.key].metrics[split] == pytest.approx(metrics, rel=1e-4, abs=1e-5)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("standardise", [False, True])
def test_without_a_modality_is_the_test_of_data_that_never_had_it(
    cell: Cells, data: Dataset, fold: Fold, *, standardise: bool
) -> None:
    """The oracle: the same weights, the test rows of another data set whose test rows lack audio."""
    settings_ = cell(**V4, dataset=cell().dataset.model_copy(update={"standardise": standardise}))
    trial = Trial(Assignment("k", "c", settings_, 0, fold, (CONDITIONS[-1],)), data)
    while not trial.course.over:
        trial.course.end_epoch(trial._train_epoch(), trial.predict)
    present = data.present["audio"].copy()
    rows = fold.tests["test"]
    present[rows] = False
    lacking = replace(data, present={**data.present, "audio": present})
    feed = Feed(lacking, fold, TWO, standardised=standardise)
    batch = feed.batch(torch.from_numpy(rows))
    trial.system.eval()
    with torch.no_grad():
        outputs, _ = trial.system(batch, trial.train_settings.epochs, -1)
    predictions = {task: values.numpy() for task, values in outputs.predictions.items()}
    targets = {task: data.targets[task][rows] for task in predictions}
    labelled = {task: data.labelled[task][rows] for task in predictions}
    expected = evaluate(data.tasks, predictions, targets, labelled)
    found = trial.course.result(trial.predict, {}).metrics["test@without:audio"]
    assert found == pytest.approx(expected, rel=1e-10)
    assert found != trial.course.result(trial.predict, {}).metrics["test"]


@pytest.mark.usefixtures("float64")
def test_a_missing_modality_moves_only_the_rows_that_miss_it(cell: Cells, data: Dataset, fold: Fold) -> None:
    trial = Trial(Assignment("k", "c", cell(**V4), 0, fold), data)
    rows = fold.tests["test"]
    condition = Condition("missing", 0.5, ("text",), TWO)
    gone = missing(condition, data, rows, 0, "0")["text"] & data.present["text"][rows]
    before = trial.predict(rows, 0)["valence"]
    after = trial.predict(rows, 0, Disturbed(trial.feed, condition, 0, "0"))["valence"]
    assert (after == before)[~gone].all()
    assert (after != before)[gone].all()
    assert 0 < gone.sum() < len(rows)


def test_a_cell_without_the_modality_has_its_clean_figures(tested: Callable[..., TrainResult]) -> None:
    metrics = tested(Condition("missing", 0.5, ("audio",), TWO), modalities=("text",)).metrics
    assert metrics["test@missing:0.5:audio"] == metrics["test"]


def test_a_cell_that_a_condition_leaves_nothing_has_no_figures_under_it(tested: Callable[..., TrainResult]) -> None:
    result = tested(*CONDITIONS, modalities=("audio",))
    empty = [split for split, metrics in result.metrics.items() if not metrics]
    assert empty == ["test@missing:0.3", "test@missing:0.5:audio", "test@without:audio"]
    assert result.state == "done"


def test_two_cells_meet_the_same_masks(cell: Cells, data: Dataset, fold: Fold) -> None:
    """Of a cell with other parts, the same rows are hit."""
    rows = fold.tests["test"]
    hit = []
    for changes in (V4, {"fusion": "attention", "latent": "sample"}):
        trial = Trial(Assignment("k", "c", cell(**changes), 0, fold), data)
        feed = Disturbed(trial.feed, random_at(0.5, TWO), 0, "0")
        hit.append((trial.predict(rows, 0, feed)["valence"] != trial.predict(rows, 0)["valence"]).tolist())
    assert hit[0] == hit[1]
    assert any(hit[0])


def test_a_table_of_a_condition_becomes_one_for_each_test_part() -> None:
    tables = (TableSettings(design="a", split="test@noise:1"), TableSettings(design="a", split="valid"))
    plan = Plan(study="s", baseline="b", cells=(), tables=tables)
    assert [table.split for table in with_test_splits(plan, ("near", "far")).tables] == [
        "near@noise:1",
        "far@noise:1",
        "valid",
    ]
    assert with_test_splits(plan, ("test", "far")) == plan


def test_every_test_part_is_tested_under_every_condition(cell: Cells, data: Dataset, fold: Fold) -> None:
    parts = replace(fold, tests={"near": fold.tests["test"][:20], "far": fold.tests["test"][20:]})
    metrics = fit(Assignment("k", "c", cell(**V4), 0, parts, CONDITIONS[:1]), data).metrics
    assert list(metrics) == ["valid", "near", "far", "near@missing:0.3", "far@missing:0.3"]
    whole = fit(Assignment("k", "c", cell(**V4), 0, fold, CONDITIONS[:1]), data).metrics["test@missing:0.3"]
    near, far = (metrics[f"{part}@missing:0.3"]["accuracy"] for part in ("near", "far"))
    assert (near + far) / 2 == pytest.approx(whole["accuracy"])


@given(st.lists(st.sampled_from([0.1, 0.3, 0.9]), min_size=1, unique=True))
@settings(max_examples=10, deadline=None)
def test_the_rehearsal_takes_the_strongest_of_each(levels: list[float]) -> None:
    conditions = [
        Condition("missing", level, pattern, ALL) for level in levels for pattern in ((), ("audio",), ("text",))
    ]
    found = strongest(conditions)
    assert {condition.level for condition in found} == {max(levels)}
    assert len(found) == 3


def test_what_the_fusion_kept_of_each_modality_is_noted_under_every_condition(
    tested: Callable[..., TrainResult],
) -> None:
    kept = tested(*CONDITIONS, fusion="attention").provenance["fusion_weights"]
    assert set(kept) == {"valid", "test", *(f"test@{condition.name}" for condition in CONDITIONS)}
    assert set(kept["test"]) == set(TWO)
    assert kept["test@without:audio"]["audio"] == 0
    assert kept["test@missing:0.5:audio"]["audio"] < kept["test"]["audio"]
    assert 0 < sum(kept["test"].values()) <= 1 + 1e-6
    assert "fusion_weights" not in tested(fusion="concat").provenance
