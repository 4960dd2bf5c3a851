"""What a table shows: texts, marks, components."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butfor.core.study.plan import PlannedMetric

F1 = (PlannedMetric(name="f1", higher_is_better=True),)
ERROR = (PlannedMetric(name="mae", higher_is_better=False),)


def column(make_table, values, metrics=F1, **settings):
    """Texts of the one metric column, a cell for each value; None for a cell whose trial failed."""
    outcomes = {
        f"c{place}": {(1, "a"): "failed" if value is None else {metrics[0].name: value}}
        for place, value in enumerate(values)
    }
    return make_table(outcomes, settings, metrics=metrics).shown().iloc[:, 1].tolist()


def test_best_is_bold_and_second_slanted_by_the_direction_of_the_metric(make_table):
    assert column(make_table, [0.3, 0.1, 0.2]) == ["**0.300**", "0.100", "_0.200_"]
    assert column(make_table, [0.3, 0.1, 0.2], ERROR) == ["0.300", "**0.100**", "_0.200_"]


def test_what_reads_equal_is_marked_alike(make_table):
    assert column(make_table, [0.30001, 0.3, 0.2, 0.20004, 0.1]) == [
        "**0.300**", "**0.300**", "_0.200_", "_0.200_", "0.100",
    ]  # fmt: skip
    assert column(make_table, [0.30001, 0.3], decimals=5) == ["**0.30001**", "_0.30000_"]


def test_a_row_alone_is_not_marked(make_table):
    assert column(make_table, [0.3]) == ["0.300"]
    assert column(make_table, [0.3, None]) == ["0.300", "–"]


def test_negative_numbers_have_a_true_minus_and_zero_has_no_sign(make_table):
    assert column(make_table, [-0.25, -0.00001]) == ["_−0.250_", "**0.000**"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), min_size=2, max_size=6))
def test_the_best_mean_is_always_among_the_bold(make_table, values):
    texts = column(make_table, values)
    numbers = [value for value in values if value is not None]
    assert [text == "–" for text in texts] == [value is None for value in values]
    if len(numbers) > 1:
        assert texts[values.index(max(numbers))].startswith("**")
    assert not any("nan" in text for text in texts)


def test_a_single_run_shows_no_spread_and_two_do(make_table):
    one = {"full": {(1, "a"): {"f1": 0.8125}}}
    two = {"full": {(1, "a"): {"f1": 0.8}, (2, "a"): {"f1": 0.9}}}
    assert make_table(one, metrics=F1).shown().iloc[0, 1] == "0.812"
    assert make_table(two, metrics=F1).shown().iloc[0, 1] == "0.850 ± 0.071"


def test_deltas_are_signed_and_the_baselines_own_is_blank(small):
    shown = small.shown()
    assert shown["Δ Weighted F1 ↑"].tolist() == ["", "−0.100"]
    assert shown["Δ MSE ↓"].tolist() == ["", "+0.100"]


def test_n_has_a_column_only_where_rows_differ_in_it(small, make_table):
    assert small.shown()["n"].tolist() == ["4/4", "3/4"]
    done = {(1, "a"): {"f1": 0.5}}
    assert "n" not in make_table({"full": done, "less": done}, metrics=F1).shown()


def test_bool_factors_are_ticks(small):
    assert small.shown()["gate"].tolist() == ["✓", "✗"]


@pytest.mark.parametrize("kind", ["leave_one_out", "factorial", "ladder", "subsets"])
def test_ticks_stand_in_every_design_whose_levels_are_bool(make_table, kind):
    done = {(1, "a"): {"f1": 0.5}}
    shown = make_table(
        {"x": done}, metrics=F1, kind=kind, factors=("p", "q"), levels={"x": {"p": True, "q": False}}
    ).shown()
    assert shown[["p", "q"]].to_numpy().tolist() == [["✓", "✗"]]


def test_a_lone_factor_of_words_is_left_to_the_labels(make_table):
    done = {(1, "a"): {"f1": 0.5}}
    levels = {"x": {"fusion": "mean"}, "y": {"fusion": "concat"}}
    table = make_table({"x": done, "y": done}, metrics=F1, kind="one_at_a_time", factors=("fusion",), levels=levels)
    assert "fusion" not in table.shown()


def test_several_factors_of_words_have_columns_and_a_row_outside_one_is_blank(make_table):
    done = {(1, "a"): {"f1": 0.5}}
    levels = {"x": {"lr": 0.1, "fusion": "mean"}, "y": {"lr": None}}
    shown = make_table({"x": done, "y": done}, metrics=F1, kind="zip", factors=("lr", "fusion"), levels=levels).shown()
    assert shown[["lr", "fusion"]].to_numpy().tolist() == [["0.1", "mean"], ["–", ""]]


def test_a_row_that_shares_no_block_with_the_baseline_has_a_dash_for_delta(make_table):
    table = make_table(
        {"full": {(1, "a"): {"f1": 0.5}}, "near": {(1, "a"): {"f1": 0.4}}, "far": {(2, "a"): {"f1": 0.4}}}
    )
    assert table.metrics == ()
    table = make_table(
        {"full": {(1, "a"): {"f1": 0.5}}, "near": {(1, "a"): {"f1": 0.4}}, "far": {(2, "a"): {"f1": 0.4}}}, metrics=F1
    )
    assert table.shown()["Δ"].tolist() == ["", "−0.100", "–"]


def test_columns_of_one_metric_are_grouped_under_its_name(small):
    sheet = small.sheet()
    assert sheet.groups() == [(0, 1, ""), (1, 1, ""), (2, 2, "Weighted F1 ↑"), (4, 2, "MSE ↓"), (6, 1, "")]
    assert sheet.set_apart
    assert sheet.marked
