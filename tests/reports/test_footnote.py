"""What stands under a table of its tests: only what was done, and all of it."""

import numpy as np
import pytest

from butfor.core.study.plan import Looked, PlannedMetric, SequentialSettings, StatisticsSettings, TableSettings
from butfor.reports.frame import tidy
from butfor.reports.table import tabulate

F1 = (PlannedMetric(name="f1", higher_is_better=True, rate=True),)
LUCK = np.random.default_rng(0).normal(0.6, 0.05, 12)


def made_of(shifts, count=6, lost=()):
    return {
        cell: {
            (seed, "a"): "failed" if (cell, seed) in lost else {"f1": LUCK[seed] + shift * (1 + seed % 2 * wobble)}
            for seed in range(count)
        }
        for cell, (shift, wobble) in shifts.items()
    }


@pytest.mark.parametrize("test", ["paired_t", "wilcoxon"])
def test_a_constant_shift_has_no_interval_and_the_footnote_still_says_test_correction_and_alpha(make_table, test):
    made = made_of({"full": (0, 0), "less": (-0.25, 0)})
    settings = {"metrics": ("f1",), "statistics": StatisticsSettings(test=test)}
    table = make_table(made, settings, metrics=F1)
    one = table.rows[1].scores["f1"].judged.comparison
    assert (one.low, one.high, one.p) == (None, None, 2 / 2**6)
    (note,) = [note for note in table.notes if note.startswith("p: two-sided")]
    assert "Holm over 1 comparison, alpha 0.05" in note
    assert "over 6 seeds" in note
    assert note.endswith("Differences without spread: p is what their signs allow.")
    assert not any("In brackets" in note for note in table.notes)


def test_differences_with_spread_need_no_word_on_signs(make_table):
    table = make_table(made_of({"full": (0, 0), "less": (-0.2, 0.5)}), {"metrics": ("f1",)}, metrics=F1)
    assert any(note.startswith("In brackets") for note in table.notes)
    assert not any("without spread" in note for note in table.notes)


def test_the_margin_is_explained_only_where_some_row_could_be_tested(make_table):
    settings = {"metrics": ("f1",), "statistics": StatisticsSettings(margin=0.1)}
    shifts = {"full": (0, 0), "less": (-0.2, 0.5)}
    few, enough = (make_table(made_of(shifts, count), settings, metrics=F1) for count in (3, 6))
    assert not any(note.startswith("Equivalent") for note in few.notes)
    assert any(note.startswith("Equivalent") for note in enough.notes)


@pytest.mark.parametrize(("count", "ran", "word"), [(10, True, "were"), (5, True, "may be"), (10, False, "may be")])
def test_seeds_were_added_by_results_only_where_they_were(make_plan, make_results, count, ran, word):
    made = made_of({"full": (0, 0), "less": (-0.2, 0.5)}, count)
    plan = make_plan(made, metrics=F1)
    looks = SequentialSettings(first=5, step=5, max_seeds=10)
    wanted = TableSettings(design="parts", statistics=StatisticsSettings(sequential=looks))
    looked = (Looked(sequential=looks, trials=[trial.key for trial in plan.trials]),) if ran else ()
    plan = plan.model_copy(update={"tables": (wanted,), "looked": looked})
    notes = tabulate(tidy(make_results(made), plan), plan, wanted).notes
    assert any(note.startswith(f"Seeds {word} added by results: looks at 5, 10 seeds") for note in notes)


def test_a_baseline_without_a_finished_trial_is_named(make_table):
    made = made_of({"full": (0, 0), "less": (-0.2, 0.5)}, lost={("full", seed) for seed in range(6)})
    for has_row in (True, False):
        table = make_table(made, {"metrics": ("f1",)}, metrics=F1, baseline_row=has_row)
        assert "Nothing is compared: “full” has no finished trial." in table.notes
    whole = make_table(made_of({"full": (0, 0), "less": (-0.2, 0.5)}), {"metrics": ("f1",)}, metrics=F1)
    assert not any("Nothing is compared" in note for note in whole.notes)


@pytest.mark.parametrize("layout", ["factorial", "auto"])
def test_where_no_column_has_room_for_n_the_note_names_the_rows_that_have_fewer(make_table, layout):
    levels = {f"c{a}{b}": {"gate": a, "loss": b} for a in (True, False) for b in (True, False)}
    made = made_of(dict.fromkeys(levels, (0.1, 0.5)), lost={("cTrueFalse", 0), ("cTrueFalse", 1)})
    settings = {"metrics": ("f1",), "layout": layout}
    table = make_table(made, settings, kind="factorial", factors=("gate", "loss"), levels=levels, metrics=F1)
    said = "(n = 6, but cTrueFalse 4/6)" if layout == "factorial" else "(n as shown)"
    assert said in table.notes[0]
    assert ("n" in table.shown()) == (layout == "auto")
