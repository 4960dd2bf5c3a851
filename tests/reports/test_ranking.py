"""Best, second and † where rows have different blocks: decided once, on what they share."""

import pytest

from butfor.core.study.plan import PlannedMetric, StatisticsSettings, TableSettings
from butfor.reports.frame import tidy
from butfor.reports.markdown import markdown
from butfor.reports.table import tabulate

F1 = (PlannedMetric(name="f1", higher_is_better=True, rate=True),)
LUCK = [0.30, 0.60, 0.61, 0.62, 0.63, 0.64]
JITTER = [0.002, -0.002, 0.003, -0.003, 0.001, -0.001]


def made_of(shifts, lost=()):
    """{row: {block: outcome}}: each row is the seed's luck plus its shift; (row, seed) of `lost` has failed."""
    return {
        cell: {
            (seed, "a"): "failed" if (cell, seed) in lost else {"f1": luck + shift + JITTER[seed] * bool(shift)}
            for seed, luck in enumerate(LUCK)
        }
        for cell, shift in shifts.items()
    }


def score(table, cell):
    return next(row for row in table.rows if row.cell == cell).scores["f1"]


def marks(table):
    return {row.cell: row.scores["f1"].rank for row in table.rows}


def test_a_row_that_is_worse_on_each_seed_is_not_best_for_having_lost_the_unlucky_one(make_table):
    made = made_of({"full": 0.0, "near": -0.004, "worse": -0.02}, lost={("worse", 0)})
    table = make_table(made, {"metrics": ("f1",)}, metrics=F1)
    assert score(table, "worse").mean > score(table, "full").mean
    assert marks(table) == {"full": 1, "near": 2, "worse": 0}
    shown = table.shown().set_index("System").iloc[:, 0]
    assert shown["full"].startswith("**")
    assert not shown["worse"].startswith(("*", "_"))
    assert not score(table, "worse").tied
    told = "Best and second: by the means over the 5 blocks (seed on fold) that all ranked rows have"
    assert any(note.startswith(told) for note in table.notes)


def test_bold_and_the_dagger_name_the_same_best_row(make_table):
    made = made_of({"full": 0.0, "near": -0.0001, "worse": -0.02}, lost={("worse", 0)})
    table = make_table(made, {"metrics": ("f1",), "decimals": 6}, metrics=F1)
    assert marks(table) == {"full": 1, "near": 2, "worse": 0}
    assert {row.cell: row.scores["f1"].tied for row in table.rows} == {"full": False, "near": True, "worse": False}


def test_rows_that_have_all_blocks_need_no_word_on_how_they_were_ranked(make_table):
    table = make_table(made_of({"full": 0.0, "worse": -0.02}), {"metrics": ("f1",)}, metrics=F1)
    assert not any(note.startswith(("Best and second", "Neither best")) for note in table.notes)


def test_a_row_that_shares_too_few_blocks_is_not_ranked_and_does_not_decide_for_the_others(make_table):
    made = made_of({"full": 0.0, "near": -0.004, "few": 0.1}, lost={("few", seed) for seed in (0, 1, 2, 3)})
    table = make_table(made, {"metrics": ("f1",)}, metrics=F1)
    assert marks(table) == {"full": 1, "near": 2, "few": 0}
    assert "Neither best nor second, as they share too few blocks with the other rows: few." in table.notes


def test_a_row_without_a_common_block_is_not_ranked(make_table):
    made = made_of(
        {"full": 0.0, "other": 0.3, "near": -0.004},
        lost={*(("full", seed) for seed in (0, 1, 2)), *(("near", seed) for seed in (0, 1)),
              *(("other", seed) for seed in (3, 4, 5))},
    )  # fmt: skip
    table = make_table(made, {"metrics": ("f1",)}, metrics=F1)
    assert marks(table) == {"full": 1, "other": 0, "near": 2}
    assert any(note.endswith("share too few blocks with the other rows: other.") for note in table.notes)


def test_what_cannot_be_tested_against_the_best_is_not_told_apart_from_it(make_table):
    made = made_of({"full": 0.0, "worse": -0.02, "few": -0.0004}, lost={("few", 4), ("few", 5)})
    table = make_table(made, {"metrics": ("f1",)}, metrics=F1)
    assert {row.cell: row.scores["f1"].tied for row in table.rows} == {"full": False, "worse": False, "few": True}
    (note,) = [note for note in table.notes if note.startswith("†: not told apart")]
    assert note.endswith("behind what shares too few blocks with the best to be tested: few.")


def test_what_shares_no_block_with_the_best_is_not_told_apart_from_it_either(make_table):
    made = made_of(
        {"full": 0.0, "worse": -0.02, "apart": -0.5},
        lost={("full", 5), ("worse", 5), *(("apart", seed) for seed in range(5))},
    )
    table = make_table(made, {"metrics": ("f1",)}, metrics=F1)
    assert {row.cell: row.scores["f1"].tied for row in table.rows} == {"full": False, "worse": False, "apart": True}
    assert any(note.endswith("share too few blocks with the other rows: apart.") for note in table.notes)


def test_a_row_of_one_run_has_its_dagger_though_it_has_no_spread(make_table):
    made = made_of({"full": 0.0, "worse": -0.02, "one": -0.0004}, lost={("one", seed) for seed in range(1, 6)})
    table = make_table(made, {"metrics": ("f1",)}, metrics=F1)
    shown = table.shown().set_index("System").iloc[:, 0]
    assert shown["one"].strip("*_") == "0.302†"
    assert "0.302†" in markdown(table.sheet())


def test_where_no_row_can_be_tested_nothing_is_called_tied(make_table):
    made = made_of({"full": 0.0, "few": -0.01}, lost={("full", 0), ("full", 1)})
    assert not any(row.scores["f1"].tied for row in make_table(made, {"metrics": ("f1",)}, metrics=F1).rows)


def test_runs_that_nothing_pairs_are_ranked_by_all_their_runs(make_table):
    made = made_of({"full": 0.0, "worse": -0.02}, lost={("worse", 0)})
    settings = {"metrics": ("f1",), "statistics": StatisticsSettings(test="welch")}
    table = make_table(made, settings, metrics=F1)
    assert marks(table) == {"full": 2, "worse": 1}
    assert score(table, "full").tied


def test_rows_outside_a_sweep_do_not_decide_what_is_best_in_it(make_plan, make_results):
    made = made_of({"full": 0.0, "half": -0.02, "other": 0.2})
    plan = make_plan(made, kind="one_at_a_time", metrics=F1)
    differs = {"full": {}, "half": {"train.lr": 0.005}, "other": {"fusion": "mean"}}
    cells = [
        cell.model_copy(update={"settings": {"train": {"lr": 0.01}}, "differs": differs[cell.key]})
        for cell in plan.cells
    ]
    plan = plan.model_copy(update={"cells": tuple(cells)})
    wanted = TableSettings(design="parts", layout="sweep")
    table = tabulate(tidy(make_results(made), plan), plan, wanted)
    assert marks(table) == {"full": 1, "half": 2, "other": 0}
    assert not score(table, "half").tied


@pytest.mark.parametrize("count", [2, 4])
def test_below_five_units_there_is_no_verdict_to_print_or_export(make_table, count):
    made = {cell: {block: found for block, found in rows.items() if block[0] < count} for cell, rows in
            made_of({"full": 0.0, "worse": -0.02}).items()}  # fmt: skip
    table = make_table(made, {"metrics": ("f1",)}, metrics=F1)
    assert score(table, "worse").judged.verdict is None
    assert [row["verdict"] for row in table.records()] == [None, None]
    lost = make_table(
        made_of({"full": 0.0, "worse": -0.02, "few": 0.1}, lost={("few", 0), ("few", 1)}), {"metrics": ("f1",)},
        metrics=F1,
    )  # fmt: skip
    assert lost.shown().set_index("System")["verdict"].to_dict() == {"full": "", "worse": "worse", "few": "–"}
    assert score(lost, "few").judged.verdict is None
