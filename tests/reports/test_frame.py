"""The tidy frame."""

import math

import pandas as pd
import pytest

from butfor.core.results import TrainResult
from butfor.core.study.plan import Plan, PlannedCell, PlannedDesign, PlannedRow, PlannedTrial
from butfor.reports.frame import COLUMNS, tidy

SETTINGS = {
    "fusion": {"name": "proxy", "proxy": {"name": "gated", "alpha": 0.5}},
    "losses": {"contrastive": {"name": "info_nce", "weight": 0.1}},
    "train": {"lr": 0.001},
    "modalities": ["text", "audio"],
}


def settings(**changes):
    return {**SETTINGS, **changes}


@pytest.fixture
def plan():
    cells = (
        PlannedCell(key="f", label="full", settings=SETTINGS),
        PlannedCell(
            key="c",
            label="concat",
            settings=settings(fusion={"name": "concat"}),
            differs={"fusion": {"name": "concat"}},
        ),
        PlannedCell(
            key="n",
            label="w/o contrastive",
            settings=settings(losses={}, modalities=["text"]),
            differs={"losses.contrastive": None, "modalities": ["text"]},
        ),
        PlannedCell(
            key="w",
            label="twice",
            settings=settings(train={"lr": 0.002}),
            differs={"train.lr": 0.002, "fusion.proxy.alpha": 0.9},
        ),
    )
    rows = tuple(PlannedRow(cell=cell.key, label=cell.label, baseline=cell.key == "f") for cell in cells)
    designs = (
        PlannedDesign(name="one", kind="cells", rows=rows),
        PlannedDesign(name="two", kind="cells", rows=(rows[0], rows[0], rows[1])),
    )
    trials = tuple(
        PlannedTrial(key=f"{cell.key}{seed}", cell=cell.key, seed=seed, fold="0") for cell in cells for seed in (1, 2)
    )
    return Plan(study="s", baseline="f", cells=cells, designs=designs, trials=trials)


def result(cell, seed=1, state="done", metrics=None):
    return TrainResult(
        key=f"{cell}{seed}",
        cell=cell,
        seed=seed,
        fold="0",
        state=state,
        metrics={"valid": {"f1": 0.5}, "test": {"f1": 0.6, "mse": 1.0}} if metrics is None else metrics,
    )


def test_there_is_a_row_for_each_trial_split_and_metric(plan):
    frame = tidy([result("f"), result("c")], plan)
    assert tuple(frame.columns[: len(COLUMNS)]) == COLUMNS
    assert len(frame) == 6
    row = frame[(frame["cell"] == "c") & (frame["split"] == "test") & (frame["metric"] == "mse")].iloc[0]
    assert (row["study"], row["label"], row["seed"], row["fold"], row["value"], row["state"], row["key"]) == (
        ("s", "concat", 1, "0", 1.0, "done", "c1")
    )


def test_a_cell_of_two_designs_is_one_trial_that_names_both(plan):
    frame = tidy([result("f"), result("n")], plan)
    assert not frame.duplicated(["key", "split", "metric"]).any()
    assert set(frame.loc[frame["cell"] == "f", "design"]) == {"one;two"}
    assert set(frame.loc[frame["cell"] == "n", "design"]) == {"one"}


@pytest.mark.parametrize("state", ["failed", "diverged", "collapsed"])
def test_a_trial_that_is_not_done_is_one_row_without_a_value(plan, state):
    frame = tidy([result("f", state=state)], plan)
    assert frame[["split", "metric", "state"]].to_numpy().tolist() == [["", "", state]]
    assert math.isnan(frame["value"].iloc[0])


def test_a_done_trial_without_metrics_is_still_seen(plan):
    assert tidy([result("f", metrics={})], plan)["state"].tolist() == ["done"]


def test_the_order_is_that_of_the_plan_whatever_the_order_of_results(plan):
    results = [result("n", 2), result("f", 2), result("c"), result("f", 1)]
    frame = tidy(results, plan)
    pd.testing.assert_frame_equal(frame, tidy(results[::-1], plan))
    assert frame["key"].drop_duplicates().tolist() == ["f1", "f2", "c1", "n2"]


def test_results_that_the_plan_does_not_hold_are_left_out(plan):
    assert tidy([result("f", seed=9), result("unknown"), result("f")], plan)["key"].unique().tolist() == ["f1"]


def test_of_two_results_with_one_key_the_later_counts(plan):
    assert tidy([result("f", state="failed"), result("f")], plan)["state"].unique().tolist() == ["done"]


def test_each_varied_setting_has_a_column_with_the_baselines_value_too(plan):
    frame = tidy([result(cell) for cell in "fcnw"], plan).drop_duplicates("cell").set_index("cell")
    assert frame["set.fusion"].to_dict() == {"f": "proxy", "c": "concat", "n": "proxy", "w": "proxy"}
    assert frame["set.losses.contrastive"].to_dict() == {"f": "info_nce", "c": "info_nce", "n": None, "w": "info_nce"}
    assert frame["set.train.lr"].to_dict() == {"f": 0.001, "c": 0.001, "n": 0.001, "w": 0.002}
    assert frame["set.modalities"].to_dict() == {"f": "text+audio", "c": "text+audio", "n": "text", "w": "text+audio"}


def test_a_setting_that_a_cell_does_not_have_is_empty_not_the_baselines(plan):
    alpha = (
        tidy([result(cell) for cell in "fcw"], plan).drop_duplicates("cell").set_index("cell")["set.fusion.proxy.alpha"]
    )
    assert alpha.dtype == "float64"
    assert alpha["f"] == 0.5
    assert math.isnan(alpha["c"])
    assert alpha["w"] == 0.9


def test_components_of_one_name_are_told_apart_by_their_settings():
    cells = tuple(
        PlannedCell(key=str(depth), label="x", settings={}, differs={"fusion": {"name": "deep", "depth": depth}})
        for depth in (1, 2)
    )
    plan = Plan(study="s", baseline="1", cells=cells)
    assert tidy([result("1"), result("2")], plan)["set.fusion"].unique().tolist() == [
        '{"depth":1,"name":"deep"}',
        '{"depth":2,"name":"deep"}',
    ]


def test_values_of_several_kinds_become_text_so_that_a_column_has_one_kind():
    cells = tuple(
        PlannedCell(key=str(place), label="x", settings={}, differs={"x": value})
        for place, value in enumerate([True, 0.5, "auto", None])
    )
    column = tidy([result(str(place)) for place in range(4)], Plan(study="s", baseline="0", cells=cells))["set.x"]
    assert column.unique().tolist() == ["True", "0.5", "auto", None]


def test_nothing_recorded_gives_an_empty_frame_with_every_column(plan):
    frame = tidy([], plan)
    assert frame.empty
    assert set(COLUMNS) | {"set.fusion"} <= set(frame.columns)
    assert frame["value"].dtype == "float64"


def test_the_frame_survives_parquet(plan, tmp_path):
    frame = tidy([result(cell) for cell in "fcnw"] + [result("f", 2, state="failed")], plan)
    frame.to_parquet(tmp_path / "frame.parquet")
    back = pd.read_parquet(tmp_path / "frame.parquet")
    pd.testing.assert_frame_equal(*(found.astype(object).where(found.notna(), None) for found in (back, frame)))
