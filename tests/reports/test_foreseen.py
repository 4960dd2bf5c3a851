"""How many seeds would settle a row: at the corrected level, and never as many as there are."""

import numpy as np
import pytest

from butfor.core.study.plan import PlannedMetric, SequentialSettings, StatisticsSettings
from butfor.reports.statistics.small_n import seeds_to_detect, seeds_to_settle

F1 = (PlannedMetric(name="f1", higher_is_better=True, rate=True),)


def made_of(shifts, count=6, spread=0.01):
    rng = np.random.default_rng(3)
    luck = rng.normal(0.6, 0.05, count)
    return {
        cell: {(seed, "a"): {"f1": luck[seed] + shift + rng.normal(0, spread)} for seed in range(count)}
        for cell, shift in shifts.items()
    }


def told(table):
    return [note for note in table.notes if note.startswith(("Seeds that would", "Runs of each row that would"))]


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({"correction": "none"}, 0.05),
        ({}, 0.05 / 2),
        ({"family": "column", "sequential": SequentialSettings(first=5, step=5, max_seeds=20)}, 0.05 / 4 / 2),
    ],
)
def test_the_number_of_seeds_is_for_the_level_that_the_row_is_held_to(make_table, settings, level):
    made = made_of({"full": 0.0, "near": -0.004, "far": -0.3})
    table = make_table(made, {"metrics": ("f1",), "statistics": StatisticsSettings(**settings)}, metrics=F1)
    near = next(row for row in table.rows if row.cell == "near").scores["f1"].judged
    assert near.verdict == "not settled"
    count = seeds_to_detect(near.comparison.d_z, alpha=level)
    assert count > seeds_to_detect(near.comparison.d_z, alpha=level * 2)
    (note,) = told(table)
    assert note.endswith(f"(a rough guide, at the correction's strictest step): near {count}.")


def test_a_row_that_has_as_many_seeds_already_is_not_told_to_get_them(make_table):
    pattern = np.array([1.0, -1.0, 0.5, -0.5, 1.5, -1.5])
    se = 0.01 / np.sqrt(6)
    less = 2.4 * se + 0.01 * pattern / pattern.std(ddof=1)
    full = made_of({"full": 0.0})["full"]
    near = {block: {"f1": found["f1"] - less[block[0]]} for block, found in full.items()}
    margin = 4.3 * se
    settings = {"metrics": ("f1",), "statistics": StatisticsSettings(margin=margin)}
    table = make_table({"full": full, "near": near}, settings, metrics=F1)
    judged = next(row for row in table.rows if row.cell == "near").scores["f1"].judged
    assert judged.verdict == "not settled"
    assert seeds_to_settle(margin, judged.comparison.sd) <= judged.comparison.units
    assert told(table) == []


@pytest.mark.parametrize(("count", "guessed"), [(2, False), (3, True), (4, True)])
def test_rows_without_a_verdict_yet_are_guessed_from_three_seeds_on(make_table, count, guessed):
    table = make_table(made_of({"full": 0.0, "near": -0.004}, count), {"metrics": ("f1",)}, metrics=F1)
    assert bool(told(table)) == guessed


def test_runs_that_nothing_pairs_are_counted_at_the_corrected_level_too(make_table):
    made = made_of({"full": 0.0, "near": -0.02, "far": -0.5})
    table = make_table(made, {"metrics": ("f1",), "statistics": StatisticsSettings(test="welch")}, metrics=F1)
    (note,) = told(table)
    assert "at the correction's strictest step" in note
    assert "far" not in note
