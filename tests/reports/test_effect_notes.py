"""Effects in notes: the digits of slopes, what can be told where cells have failed, and why the rest cannot."""

import numpy as np
import pytest

from butfor.core.study.plan import PlannedMetric, TableSettings
from butfor.reports.frame import tidy
from butfor.reports.table import tabulate

F1 = (PlannedMetric(name="f1", higher_is_better=True, rate=True),)
SEEDS = range(6)


def made_of(means, lost=()):
    """{row: {block: outcome}}; all trials of rows in `lost` failed, or those seeds of (row, seeds)."""
    gone = dict((one, SEEDS) if isinstance(one, str) else one for one in lost)
    rng = np.random.default_rng(4)
    return {
        cell: {
            (seed, "a"): "failed" if seed in gone.get(cell, ()) else {"f1": mean + rng.normal(0, 0.001)}
            for seed in SEEDS
        }
        for cell, mean in means.items()
    }


@pytest.fixture
def swept(make_plan, make_results):
    """A table over the numbers of one setting, by `swept({value: mean}, lost=rows, **settings of the table)`."""

    def build(means, lost=(), **settings):
        made = made_of({f"v{value:g}": mean for value, mean in means.items()}, lost)
        plan = make_plan(made, kind="one_at_a_time", metrics=F1)
        values = dict(zip(made, means, strict=True))
        cells = [
            cell.model_copy(
                update={
                    "settings": {"encoder": {"width": values[cell.key]}},
                    "differs": {} if cell.key == plan.baseline else {"encoder.width": values[cell.key]},
                }
            )
            for cell in plan.cells
        ]
        plan = plan.model_copy(update={"cells": tuple(cells)})
        return tabulate(
            tidy(make_results(made), plan), plan, TableSettings(design="parts", metrics=("f1",), **settings)
        )

    return build


def about(table, word):
    return [note for note in table.notes if word in note]


@pytest.mark.parametrize("layout", ["auto", "sweep"])
def test_a_slope_of_a_setting_in_thousands_is_not_printed_as_zero(swept, layout):
    table = swept({1000: 0.5, 2000: 0.512, 4000: 0.536}, layout=layout)
    (trend,) = table.effects["f1"]["trend"]
    assert trend.value == pytest.approx(1.2e-5, rel=0.1)
    (note,) = about(table, "Trend on F1")
    assert f"encoder.width +{trend.value:#.3g} (" in note
    assert "0.0000" not in note


def test_a_slope_in_percent_is_in_percent(swept):
    table = swept({1: 0.5, 2: 0.512, 3: 0.524}, percent=True)
    (trend,) = table.effects["f1"]["trend"]
    assert f"encoder.width +{100 * trend.value:#.3g} (" in about(table, "Trend on F1")[0]


@pytest.mark.parametrize("layout", ["auto", "sweep"])
def test_a_trend_is_told_of_the_values_that_there_are_and_names_the_others(swept, layout):
    means = {1: 0.5, 2: 0.51, 4: 0.53, 8: 0.9}
    table = swept(means, lost=["v8"], layout=layout)
    (trend,) = table.effects["f1"]["trend"]
    (alone,) = swept({value: means[value] for value in (1, 2, 4)}, layout=layout).effects["f1"]["trend"]
    assert trend.value == pytest.approx(alone.value, abs=1e-3)
    assert trend.value == pytest.approx(0.01, abs=1e-3)
    assert any("is told without" in note and "8" in note for note in about(table, "trend"))


@pytest.mark.parametrize("layout", ["auto", "sweep"])
def test_two_values_that_are_left_tell_no_trend_and_the_note_says_why(swept, layout):
    table = swept({1: 0.5, 2: 0.51, 4: 0.53}, lost=["v4"], layout=layout)
    assert not table.effects["f1"].get("trend")
    assert any(note.startswith("Without a value") and "cannot be told" in note for note in table.notes)


def test_steps_between_rungs_that_exist_are_told_and_the_others_named(make_table):
    made = made_of({"none": 0.5, "kl": 0.52, "con": 0.53, "gate": 0.6}, lost=["kl"])
    table = make_table(made, {"metrics": ("f1",)}, kind="ladder", metrics=F1)
    (step,) = table.effects["f1"]["steps"]
    assert (step.label, step.units) == ("gate", 6)
    assert step.value == pytest.approx(0.07, abs=2e-3)
    assert "Without a value of kl these cannot be told: steps on F1: kl; con." in table.notes


def test_a_factorial_without_a_cell_says_why_it_has_no_effects(make_table):
    levels = {f"c{a}{b}": {"gate": a, "loss": b} for a in (True, False) for b in (True, False)}
    made = made_of(dict.fromkeys(levels, 0.5), lost=["cFalseFalse"])
    table = make_table(
        made, {"metrics": ("f1",)}, kind="factorial", factors=("gate", "loss"), levels=levels, metrics=F1
    )
    assert table.effects["f1"] == {}
    assert about(table, "cannot be told") == [
        "Without a value of cFalseFalse these cannot be told: effects on F1.",
        "Without a value of cFalseFalse these cannot be told: Shapley values on F1.",
    ]


def test_rows_without_a_common_seed_say_so(make_table):
    made = made_of({"none": 0.5, "kl": 0.52, "con": 0.53}, lost=[("kl", (0, 1, 2)), ("con", (3, 4, 5))])
    table = make_table(made, {"metrics": ("f1",)}, kind="ladder", metrics=F1)
    assert "steps" not in table.effects["f1"]
    assert "These cannot be told, as their rows have no seed and fold in common: steps on F1." in table.notes


def test_a_ladder_whose_baseline_failed_still_tells_its_steps(make_table):
    made = made_of({"none": 0.5, "kl": 0.52, "con": 0.53}, lost=["none"])
    table = make_table(made, {"metrics": ("f1",)}, kind="ladder", metrics=F1)
    assert "Nothing is compared: “none” has no finished trial." in table.notes
    assert any(note.startswith("Steps on F1, over 6 seeds that all have: con +0.0") for note in table.notes)
