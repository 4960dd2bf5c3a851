"""The sentences under a table."""

from butfor.core.study.plan import PlannedMetric

F1 = (PlannedMetric(name="f1", higher_is_better=True),)


def blocks(count, outcome):
    return {(seed, fold): outcome for seed in range(count) for fold in ("a", "b")}


def test_n_is_said_as_seeds_times_folds(make_table):
    table = make_table({"full": blocks(5, {"f1": 0.5})}, metrics=F1)
    assert table.notes == (
        "Mean ± sd (ddof 1) over 5 seeds × 2 folds (n = 10); test split, at the epoch that validation selected.",
    )


def test_one_fold_is_not_worth_a_word(make_table):
    table = make_table({"full": {(seed, "a"): {"f1": 0.5} for seed in range(3)}}, metrics=F1)
    assert "over 3 seeds (n = 3)" in table.notes[0]


def test_one_run_says_that_no_spread_is_known(make_table):
    table = make_table({"full": {(1, "a"): {"f1": 0.5}}}, metrics=F1)
    assert table.notes[0].startswith("One run per row, so no spread is known; test split")


def test_states_are_counted_in_all_and_by_row(make_table):
    outcomes = {
        "full": blocks(2, {"f1": 0.5}),
        "less": {**blocks(2, {"f1": 0.5}), (0, "a"): "diverged", (0, "b"): None},
        "more": blocks(2, {"f1": 0.6}),
        "none": blocks(2, "failed"),
    }
    notes = make_table(outcomes, metrics=F1).notes
    assert (
        "Left out of every mean: 4 failed, 1 diverged, 1 missing (less 1 diverged, 1 missing; none 4 failed)." in notes
    )
    assert (
        "Δ: mean difference from “full”, paired by seed and fold; on fewer blocks than planned: less 2 of 4." in notes
    )


def test_a_row_without_the_task_of_one_metric_lost_no_block_of_the_others(make_table):
    both = (*F1, PlannedMetric(name="mse", higher_is_better=False))
    notes = make_table({"full": blocks(2, {"f1": 0.5, "mse": 1.0}), "less": blocks(2, {"f1": 0.4})}, metrics=both).notes
    assert "Δ: mean difference from “full”, paired by seed and fold." in notes
    assert any(note.endswith("is defined in fewer trials than are done: less 0 of 4.") for note in notes)


def test_one_row_that_lost_trials_is_named_once(small):
    assert "Left out of every mean: 1 diverged (w/o gate)." in small.notes


def test_blocks_that_the_baseline_lost_are_said_once_for_all_rows(make_table):
    full = {**blocks(2, {"f1": 0.5}), (0, "a"): "failed"}
    notes = make_table({"full": full, "x": blocks(2, {"f1": 0.4}), "y": blocks(2, {"f1": 0.3})}, metrics=F1).notes
    assert "Δ: mean difference from “full”, paired by seed and fold (3 of 4 blocks)." in notes


def test_a_metric_that_some_done_trials_lack_is_said(make_table):
    full = {(1, "a"): {"f1": 0.5, "ccc": 0.1}, (2, "a"): {"f1": 0.5}}
    metrics = (*F1, PlannedMetric(name="ccc", higher_is_better=True))
    assert (
        "CCC is defined in fewer trials than are done: full 1 of 2."
        in make_table({"full": full}, metrics=metrics).notes
    )


def test_many_rows_are_not_all_named(make_table):
    outcomes = {"full": blocks(1, {"f1": 0.5}), **{f"r{place}": blocks(1, "failed") for place in range(12)}}
    note = next(note for note in make_table(outcomes, metrics=F1).notes if note.startswith("Left out"))
    assert note.startswith("Left out of every mean: 24 failed (r0 2 failed;")
    assert note.endswith("and 4 more rows).")
