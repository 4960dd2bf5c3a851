"""Which rows need more seeds, and where the loop that adds them ends."""

import numpy as np
import pytest

from butfor.core.study.plan import SequentialSettings, StatisticsSettings, TableSettings
from butfor.reports.frame import tidy
from butfor.reports.statistics.compare import estimate
from butfor.reports.statistics.procedure import Procedure
from butfor.reports.statistics.sequential import Unsettled, hopeless, seeds_wanted, unsettled, with_sequential

LOOKS = SequentialSettings(first=5, step=5, max_seeds=15)


def study(make_plan, make_results, cells, seeds, *, margin=None, settings=LOOKS, **table):
    """`cells` {cell: values}: the first `seeds[cell]` of each are trained."""
    outcomes = {
        cell: {(seed, "a"): {"weighted_f1": float(value)} for seed, value in enumerate(values[: seeds[cell]])}
        for cell, values in cells.items()
    }
    statistics = StatisticsSettings(margin=margin, sequential=settings, **table)
    plan = make_plan(outcomes).model_copy(
        update={"tables": (TableSettings(design="parts", metrics=("weighted_f1",), statistics=statistics),)}
    )
    return tidy(make_results(outcomes), plan), plan


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    full = rng.normal(0.8, 0.01, 15)
    return {"full": full, "worse": full - 0.2 + rng.normal(0, 0.005, 15), "open": full + rng.normal(0, 0.05, 15),
            "same": full + rng.normal(0, 1e-4, 15)}  # fmt: skip


def test_only_rows_that_straddle_the_margin_are_asked_for_more(make_plan, make_results, cells):
    found = unsettled(*study(make_plan, make_results, cells, dict.fromkeys(cells, 5), margin=0.01))
    assert found == (Unsettled("parts", "open", "open", "weighted_f1", "test", 5, 10),)
    assert seeds_wanted(found, "full") == {"open": 10, "full": 10}


def test_without_a_margin_no_difference_is_settled_only_by_being_found(make_plan, make_results, cells):
    found = unsettled(*study(make_plan, make_results, cells, dict.fromkeys(cells, 5)))
    assert [row.cell for row in found] == ["open", "same"]


def test_below_the_first_look_every_row_is_brought_to_it(make_plan, make_results, cells):
    found = unsettled(*study(make_plan, make_results, cells, dict.fromkeys(cells, 3), margin=0.01))
    assert {(row.cell, row.wanted) for row in found} == {("worse", 5), ("open", 5), ("same", 5)}


def test_rows_keep_their_own_number_of_seeds(make_plan, make_results, cells):
    seeds = {"full": 10, "worse": 5, "open": 10, "same": 5}
    (row,) = unsettled(*study(make_plan, make_results, cells, seeds, margin=0.01))
    assert (row.cell, row.seeds, row.wanted) == ("open", 10, 15)


def test_after_the_last_look_nothing_is_asked_for(make_plan, make_results, cells):
    assert unsettled(*study(make_plan, make_results, cells, dict.fromkeys(cells, 15), margin=1e-6)) == ()


def test_a_table_that_does_not_ask_gets_no_seeds(make_plan, make_results, cells):
    few = dict.fromkeys(cells, 5)
    assert unsettled(*study(make_plan, make_results, cells, few, settings=None)) == ()
    assert unsettled(*study(make_plan, make_results, cells, few, test="none")) == ()


@pytest.mark.parametrize(("folds", "settles"), [("abc", False), ("abcde", True)])
def test_below_five_folds_no_seed_is_asked_for(make_plan, make_results, folds, settles):
    rng = np.random.default_rng(1)
    outcomes = {
        cell: {(seed, fold): {"weighted_f1": rng.normal(0.8, 0.05)} for seed in range(5) for fold in folds}
        for cell in ("full", "open")
    }
    plan = with_sequential(make_plan(outcomes), LOOKS)
    assert bool(unsettled(tidy(make_results(outcomes), plan), plan)) == settles
    assert (hopeless(plan, plan.tables[0]) == "") == settles


def test_a_row_with_too_few_finished_trials_for_a_verdict_is_open(make_plan, make_results, cells):
    frame, plan = study(make_plan, make_results, cells, dict.fromkeys(cells, 5), margin=0.01)
    lost = (frame["cell"] == "worse") & frame["seed"].isin([0, 1])
    found = unsettled(frame[~lost], plan)
    assert {(row.cell, row.wanted) for row in found} == {("worse", 10), ("open", 10)}


def test_a_row_without_a_result_is_not_helped_by_seeds(make_plan, make_results):
    outcomes = {"full": {(seed, "a"): {"weighted_f1": 0.5} for seed in range(5)}, "x": {(0, "a"): "failed"}}
    plan = make_plan(outcomes)
    plan = with_sequential(plan, LOOKS)
    assert unsettled(tidy(make_results(outcomes), plan), plan) == ()


def test_sequential_is_put_where_a_table_has_none(make_plan):
    plan = make_plan({"full": {}})
    own = TableSettings(design="parts", statistics=StatisticsSettings(sequential=SequentialSettings(max_seeds=40)))
    plan = plan.model_copy(update={"tables": (*plan.tables, own)})
    found = with_sequential(plan, LOOKS)
    assert [table.statistics.sequential.max_seeds for table in found.tables] == [15, 40]


@pytest.mark.parametrize("method", ["group", "anytime"])
def test_the_loop_stops_just_where_the_corrected_test_first_finds_something(make_plan, make_results, method):
    """As `run --until-settled` goes round; the error of this very rule is held in test_simulation."""
    settings, rng, ended = (
        SequentialSettings(first=5, step=5, max_seeds=15, method=method),
        np.random.default_rng(8),
        [],
    )
    for shift in (0.0, 0.0, 0.9, 1.3, 2.0, 3.0):
        cells = {"full": rng.normal(size=15), "less": rng.normal(size=15) - shift}
        draws, seeds = cells["less"] - cells["full"], dict.fromkeys(cells, 5)
        while True:
            frame, plan = study(make_plan, make_results, cells, seeds, settings=settings)
            wanted = seeds_wanted(unsettled(frame, plan), "full")
            if not wanted:
                break
            seeds |= wanted
        found = [estimate(draws[:count], Procedure(looks=3) if method == "group" else Procedure(anytime=True))
                 for count in (5, 10, 15)]  # fmt: skip
        stop = next((count for count, one in zip((5, 10, 15), found, strict=True) if one.p <= 0.05), 15)
        ended.append(seeds["less"])
        assert seeds == {"full": stop, "less": stop}
    assert len(set(ended)) > 1
