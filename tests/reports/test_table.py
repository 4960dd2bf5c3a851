"""The table's numbers, its rows and what it refuses."""

import dataclasses
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butfor.core.errors import StudyError
from butfor.core.results import TrainResult
from butfor.core.study.plan import Plan, PlannedMetric, TableSettings
from butfor.reports.frame import tidy
from butfor.reports.table import tabulate

BLOCKS = [(seed, fold) for seed in (1, 2, 3) for fold in ("a", "b")]
outcome = st.one_of(
    st.none(),
    st.sampled_from(["failed", "diverged", "collapsed"]),
    st.floats(-10, 10).map(lambda value: {"weighted_f1": value}),
)
studies = st.fixed_dictionaries(
    {cell: st.fixed_dictionaries(dict.fromkeys(BLOCKS, outcome)) for cell in ("full", "less", "other")}
)


def score(table, cell, metric="weighted_f1"):
    return next(row for row in table.rows if row.cell == cell).scores[metric]


@settings(max_examples=40, deadline=None)
@given(studies)
def test_means_sd_n_and_deltas_are_those_that_pandas_finds(make_table, outcomes):
    table = make_table(outcomes, {"metrics": ("weighted_f1",)}, baseline="full")
    wide = pd.DataFrame(
        {
            cell: pd.Series(
                {block: found["weighted_f1"] for block, found in blocks.items() if isinstance(found, dict)}, dtype=float
            )
            for cell, blocks in outcomes.items()
        },
        index=pd.MultiIndex.from_tuples(BLOCKS),
    )
    if not table.metrics:
        return
    for cell in outcomes:
        found = score(table, cell)
        assert found.n == wide[cell].count()
        assert (found.mean is None) == (found.n == 0)
        assert (found.sd is None) == (found.n < 2)
        if found.n:
            assert found.mean == pytest.approx(wide[cell].mean(), abs=1e-12)
        if found.n > 1:
            assert found.sd == pytest.approx(wide[cell].std(ddof=1), abs=1e-9)
        difference = (wide[cell] - wide["full"]).dropna()
        folds = difference.groupby(level=1).mean()
        if cell == "full" or difference.empty:
            assert found.delta is None
        else:
            assert found.delta == pytest.approx(folds.mean(), abs=1e-12)
            assert found.pairs == len(difference)


@settings(max_examples=40, deadline=None)
@given(studies)
def test_every_planned_trial_is_done_or_counted_by_its_state(make_table, outcomes):
    for row in make_table(outcomes).rows:
        found = ["missing" if found is None else found for found in outcomes[row.cell].values()]
        assert row.planned == len(BLOCKS)
        assert row.done == sum(isinstance(one, dict) for one in found)
        states = [one for one in found if isinstance(one, str)]
        assert dict(row.left_out) == {state: states.count(state) for state in states}


def test_delta_is_paired_and_not_the_difference_of_means(make_table):
    full = {(1, "a"): {"weighted_f1": 0.2}, (2, "a"): {"weighted_f1": 0.8}}
    less = {(1, "a"): "failed", (2, "a"): {"weighted_f1": 0.7}}
    found = score(make_table({"full": full, "less": less}), "less")
    assert (found.delta, found.pairs, found.n) == (pytest.approx(-0.1), 1, 1)


def test_a_value_that_is_no_finite_number_is_no_value(make_table):
    full = {(seed, "a"): {"weighted_f1": value} for seed, value in enumerate([0.5, float("nan"), float("inf")])}
    found = score(make_table({"full": full}), "full")
    assert (found.mean, found.n) == (0.5, 1)


def test_rows_stand_in_the_order_of_the_design_and_metrics_as_asked(make_table):
    done = {(1, "a"): {"weighted_f1": 0.1, "mse": 0.2}}
    table = make_table({"z": done, "a": done, "m": done}, {"metrics": ("mse", "weighted_f1", "mse")})
    assert [row.cell for row in table.rows] == ["z", "a", "m"]
    assert [metric.name for metric in table.metrics] == ["mse", "weighted_f1"]


def test_without_metrics_asked_for_the_first_four_of_the_plan_are_shown(make_table):
    metrics = tuple(PlannedMetric(name=f"m{place}", higher_is_better=True) for place in range(6))
    done = {(1, "a"): {metric.name: 0.5 for metric in metrics}}
    assert [metric.name for metric in make_table({"full": done}, metrics=metrics).metrics] == ["m0", "m1", "m2", "m3"]


def test_a_metric_that_no_trial_has_is_no_column_but_a_note(make_table):
    table = make_table({"full": {(1, "a"): {"weighted_f1": 0.1}}})
    assert [metric.name for metric in table.metrics] == ["weighted_f1"]
    assert "MSE has no value on the test split (no labels) and no column." in table.notes


def test_while_no_trial_is_done_every_column_is_there_and_empty(make_table):
    table = make_table({"full": {(1, "a"): None}, "less": {(1, "a"): "failed"}})
    assert [metric.name for metric in table.metrics] == ["weighted_f1", "mse"]
    assert table.shown().iloc[:, 1:].to_numpy().tolist() == [["–", "–"], ["–", "–"]]
    assert "No trial is done yet (test split)." in table.notes


def test_a_design_without_the_baselines_row_is_still_held_against_it(make_table):
    outcomes = {"full": {(1, "a"): {"weighted_f1": 0.5}}, "less": {(1, "a"): {"weighted_f1": 0.3}}}
    table = make_table(outcomes, baseline_row=False, labels={"full": "the whole"})
    assert [row.cell for row in table.rows] == ["less"]
    assert score(table, "less").delta == pytest.approx(-0.2)
    assert table.reference == "the whole"


def test_without_a_trained_baseline_there_are_no_deltas(make_table):
    table = make_table({"full": {(1, "a"): "failed"}, "less": {(1, "a"): {"weighted_f1": 0.3}}})
    assert table.reference == ""
    assert "Δ" not in "".join(table.shown().columns) + "".join(table.notes)


def test_the_frame_has_a_plain_numeric_column_for_each_figure(small):
    frame = small.frame()
    assert list(frame.columns) == [
        "cell", "label", "gate",
        "weighted_f1", "weighted_f1_sd", "weighted_f1_n", "weighted_f1_delta", "weighted_f1_pairs",
        "weighted_f1_ci_low", "weighted_f1_ci_high", "weighted_f1_p", "weighted_f1_p_adjusted", "weighted_f1_wins",
        "weighted_f1_verdict", "weighted_f1_superiority", "weighted_f1_superiority_low",
        "weighted_f1_superiority_high", "weighted_f1_hedges_g", "weighted_f1_d_z", "weighted_f1_p_equivalent",
        "mse", "mse_sd", "mse_n", "mse_delta", "mse_pairs",
        "mse_ci_low", "mse_ci_high", "mse_p", "mse_p_adjusted", "mse_wins", "mse_verdict",
        "mse_superiority", "mse_superiority_low", "mse_superiority_high", "mse_hedges_g", "mse_d_z",
        "mse_p_equivalent",
        "done", "failed", "diverged", "collapsed", "missing",
    ]  # fmt: skip
    assert frame["gate"].tolist() == [True, False]
    assert frame["weighted_f1"].tolist() == pytest.approx([0.815, 0.71])
    assert frame["weighted_f1_sd"].tolist() == pytest.approx([np.std([0, 1, 2, 3], ddof=1) / 100, 0.01])
    assert frame["weighted_f1_n"].tolist() == [4, 3]
    assert frame["weighted_f1_delta"].tolist() == pytest.approx([np.nan, -0.1], nan_ok=True)
    assert frame["diverged"].tolist() == [0, 1]


def test_a_factor_called_like_another_column_does_not_hide_it(make_table):
    done = {(1, "a"): {"weighted_f1": 0.5}}
    table = make_table({"full": done}, factors=("label",), levels={"full": {"label": True}})
    assert list(table.frame().columns[:3]) == ["cell", "label", "label_2"]


def test_percent_is_a_matter_of_print_and_leaves_the_numbers_alone(make_table):
    done = {(1, "a"): {"weighted_f1": 0.5, "mse": 0.25}}
    table = make_table({"full": done}, {"percent": True, "decimals": 2})
    assert table.frame()["weighted_f1"].tolist() == [0.5]
    assert table.shown().to_dict("records") == [{"System": "full", "Weighted F1 (%) ↑": "50.00", "MSE ↓": "0.2500"}]


def test_json_rows_have_the_keys_of_the_contract(small):
    rows = small.records()
    assert list(rows[0])[:14] == [
        "cell", "label", "split", "metric", "mean", "sd", "n",
        "delta", "ci_low", "ci_high", "p", "p_adjusted", "wins", "verdict",
    ]  # fmt: skip
    assert [(row["cell"], row["metric"]) for row in rows] == [
        ("full", "weighted_f1"), ("full", "mse"), ("less", "weighted_f1"), ("less", "mse"),
    ]  # fmt: skip
    assert rows[0]["delta"] is None
    assert rows[2]["delta"] == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"metrics": ("weighted_f2",)}, "'weighted_f2'.*did you mean 'weighted_f1'"),
        ({"split": "tset"}, "'tset'.*did you mean 'test'"),
    ],
)
def test_what_nobody_has_is_refused_with_the_nearest_name(make_table, asked, words):
    with pytest.raises(StudyError, match=words):
        make_table({"full": {(1, "a"): {"weighted_f1": 0.5}}}, asked)


def test_an_unknown_design_is_refused_with_the_nearest_name(make_plan):
    plan = make_plan({"full": {}})
    with pytest.raises(StudyError, match=r"'prats'.*did you mean 'parts'"):
        tabulate(tidy([], plan), plan, TableSettings(design="prats"))


def test_a_caption_of_the_study_is_kept_and_an_empty_one_is_made(make_table):
    done = {"full": {(1, "a"): {"weighted_f1": 0.5}}}
    assert make_table(done, {"caption": "Mine."}).caption == "Mine."
    assert make_table(done).caption == "Parts: each component removed in turn (study small, test split)."


def test_a_table_is_frozen(small):
    with pytest.raises(dataclasses.FrozenInstanceError):
        small.caption = ""


def test_a_table_is_the_same_from_a_plan_read_back(make_plan, make_results):
    outcomes = {"full": {(1, "a"): {"weighted_f1": 0.5}}, "less": {(1, "a"): {"weighted_f1": 0.25}}}
    plan = make_plan(outcomes, factors=("gate",), levels={"full": {"gate": True}, "less": {"gate": False}})
    again = Plan.model_validate_json(plan.model_dump_json())
    tables = [tabulate(tidy(make_results(outcomes), each), each, each.tables[0]) for each in (plan, again)]
    assert tables[0] == tables[1]


def test_tables_load_no_torch_and_no_plots():
    code = """
import sys
from butfor.core.results import TrainResult
from butfor.core.study.plan import Plan, PlannedCell, PlannedDesign, PlannedMetric, PlannedRow, TableSettings
from butfor.reports.frame import tidy
from butfor.reports.table import tabulate
from butfor.reports.render import FORMATS, render
design = PlannedDesign(name="d", kind="cells", rows=(PlannedRow(cell="c", label="c"),))
plan = Plan(study="s", baseline="c", cells=(PlannedCell(key="c", label="c", settings={}),), designs=(design,),
            metrics=(PlannedMetric(name="f1", higher_is_better=True),))
results = [TrainResult(key="k", cell="c", seed=1, fold="0", state="done", metrics={"test": {"f1": 0.5}})]
table = tabulate(tidy(results, plan), plan, TableSettings(design="d"))
assert all("0.5" in render(table, style) for style in FORMATS)
print(sorted({"torch", "matplotlib", "sklearn"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_ten_thousand_trials_are_tabulated_in_seconds(make_plan):
    blocks = dict.fromkeys([(seed, str(fold)) for seed in range(20) for fold in range(5)])
    plan = make_plan({f"c{cell}": blocks for cell in range(100)})
    metrics = {split: {"weighted_f1": 0.5, "mse": 0.1, "x": 1.0} for split in ("train", "valid", "test")}
    results = [
        TrainResult(trial.key, trial.cell, trial.seed, trial.fold, "done", metrics=metrics) for trial in plan.trials
    ]
    start = time.process_time()
    assert len(tabulate(tidy(results, plan), plan, TableSettings(design="parts")).rows) == 100
    assert time.process_time() - start < 5


@pytest.mark.parametrize(("split", "mean"), [("test", 0.4), ("valid", 0.6)])
def test_a_table_is_of_one_split(make_plan, split, mean):
    plan = make_plan({"full": {(1, "a"): {}}})
    metrics = {"valid": {"weighted_f1": 0.6}, "test": {"weighted_f1": 0.4}}
    frame = tidy([TrainResult("full/1/a", "full", 1, "a", "done", metrics=metrics)], plan)
    table = tabulate(frame, plan, TableSettings(design="parts", split=split))
    assert (score(table, "full").mean, score(table, "full").n) == (mean, 1)
    assert f"; {split} split, " in table.notes[0]
    assert {row["split"] for row in table.records()} == {split}
