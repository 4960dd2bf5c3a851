"""The comparisons of a table: families, verdicts, ties, columns, notes, JSON."""

import json

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from butfor.core.study.plan import PlannedMetric, SequentialSettings, StatisticsSettings, TableSettings
from butfor.reports.data import json_rows
from butfor.reports.frame import tidy
from butfor.reports.render import FORMATS, render
from butfor.reports.table import tabulate

F1 = (PlannedMetric(name="f1", higher_is_better=True, rate=True),)
BOTH = (*F1, PlannedMetric(name="mae", higher_is_better=False))


def outcomes(count=8, folds=("a",), seed=1):
    """Four systems over `count` seeds that share the seeds' luck: two as the first, one clearly worse, one near."""
    rng = np.random.default_rng(seed)
    blocks = [(number, fold) for number in range(count) for fold in folds]
    luck = rng.normal(0, 0.05, len(blocks))
    made = {}
    for cell, shift in {"full": 0.0, "same": 0.0, "worse": -0.1, "near": -0.01}.items():
        noise = rng.normal(0, 0.01, len(blocks))
        made[cell] = {
            block: {"f1": 0.7 + luck[place] + shift + noise[place], "mae": 0.5 - luck[place] - shift + noise[place]}
            for place, block in enumerate(blocks)
        }
    return made


def column(made, cell, metric="f1"):
    return np.array([found[metric] for found in made[cell].values()])


def judged(table, cell, metric="f1"):
    return next(row for row in table.rows if row.cell == cell).scores[metric].judged


def test_p_is_the_paired_t_and_holm_is_over_every_row_and_metric_of_the_table(make_table):
    made = outcomes()
    table = make_table(made, metrics=BOTH)
    places = [(cell, metric) for cell in ("same", "worse", "near") for metric in ("f1", "mae")]
    p = [stats.ttest_rel(column(made, c, m), column(made, "full", m)).pvalue for c, m in places]
    assert [judged(table, c, m).comparison.p for c, m in places] == pytest.approx(p)
    assert [judged(table, c, m).p_adjusted for c, m in places] == pytest.approx(multipletests(p, method="holm")[1])
    assert table.statistics.family == 6


def test_a_family_may_be_a_column_and_then_metrics_do_not_weigh_on_each_other(make_table):
    made = outcomes()
    table = make_table(made, {"statistics": StatisticsSettings(family="column")}, metrics=BOTH)
    p = [judged(table, cell).comparison.p for cell in ("same", "worse", "near")]
    assert [judged(table, cell).p_adjusted for cell in ("same", "worse", "near")] == pytest.approx(
        multipletests(p, method="holm")[1]
    )
    assert table.statistics.family == 3


def test_a_family_may_be_the_study_and_a_comparison_in_two_tables_counts_once(make_plan, make_results):
    made = outcomes()
    statistics = StatisticsSettings(family="study")
    one, both = (
        TableSettings(design="parts", metrics=metrics, statistics=statistics) for metrics in (("f1",), ("f1", "mae"))
    )
    plan = make_plan(made, metrics=BOTH).model_copy(update={"tables": (one, both)})
    frame = tidy(make_results(made), plan)
    small, large = (tabulate(frame, plan, wanted) for wanted in (one, both))
    assert small.statistics.family == large.statistics.family == 6
    assert judged(small, "near").p_adjusted == judged(large, "near").p_adjusted


def test_a_comparison_that_failed_is_counted_in_its_family(make_table):
    made = outcomes()
    p = [stats.ttest_rel(column(made, cell), column(made, "full")).pvalue for cell in ("worse", "near")]
    lost = make_table({**made, "same": dict.fromkeys(made["same"], "failed")}, metrics=F1)
    assert lost.statistics.family == 3
    assert judged(lost, "same") is None
    assert [judged(lost, cell).p_adjusted for cell in ("worse", "near")] == pytest.approx(
        multipletests([*p, 1.0], method="holm")[1][:2]
    )


def test_verdicts_follow_direction_and_margin(make_table):
    made = outcomes()
    plain = make_table(made, metrics=BOTH)
    assert {cell: judged(plain, cell).verdict for cell in ("same", "worse", "near")} == {
        "same": "not settled", "worse": "worse", "near": "not settled",
    }  # fmt: skip
    assert judged(plain, "worse", "mae").verdict == "worse"
    wide = make_table(made, {"statistics": StatisticsSettings(margin={"f1": 0.05})}, metrics=BOTH)
    assert judged(wide, "same").verdict == "equivalent"
    assert judged(wide, "same", "mae").p_equivalent is None
    assert judged(wide, "worse").verdict == "worse"


def test_folds_are_compared_by_the_corrected_resampled_t_with_the_plans_rows(make_plan, make_results):
    made = outcomes(2, tuple("abcde"))
    plan = make_plan(made, metrics=F1).model_copy(update={"held_out": {"test": 0.3125}})
    table = tabulate(tidy(make_results(made), plan), plan, TableSettings(design="parts"))
    each = (column(made, "worse") - column(made, "full")).reshape(2, 5).mean(axis=0)
    se = np.sqrt((1 / 5 + 0.3125) * each.var(ddof=1))
    assert judged(table, "worse").comparison.p == pytest.approx(2 * stats.t.sf(abs(each.mean()) / se, 4))
    note = next(note for note in table.notes if note.startswith("In brackets"))
    assert "corrected resampled t over 5 folds, each the mean of its seeds" in note
    assert "0.312 rows held out" in note


def test_ties_with_the_best_are_marked_and_explained(make_table):
    made = outcomes()
    table = make_table(made, {"metrics": ("f1",)}, metrics=F1)
    best = max(table.rows, key=lambda row: row.scores["f1"].mean).cell
    others = [cell for cell in made if cell != best]
    p = multipletests(
        [stats.ttest_rel(column(made, cell), column(made, best)).pvalue for cell in others], method="holm"
    )
    tied = {cell for cell, value in zip(others, p[1], strict=True) if value > 0.05}
    assert 0 < len(tied) < len(others)
    assert {row.cell for row in table.rows if row.scores["f1"].tied} == tied
    shown = table.shown().set_index("System").iloc[:, 0]
    assert [text.endswith("†") for text in shown] == [row.cell in tied for row in table.rows]
    assert any(note.startswith("†: not told apart from the best") for note in table.notes)


def test_few_blocks_have_intervals_and_no_p_no_verdict_no_ties(make_table):
    table = make_table(outcomes(3), {"metrics": ("f1",)}, metrics=F1)
    assert list(table.shown().columns)[2:] == ["Δ, 95 % CI"]
    assert "With 3 seeds there is no p and no verdict, at most an interval: 5 seeds are the fewest." in table.notes
    assert judged(table, "worse").verdict is None
    assert not any(row.scores["f1"].tied for row in table.rows)


def test_the_columns_are_those_that_are_asked_for(make_table):
    every = StatisticsSettings(columns=("wins", "p", "p_adjusted", "effect", "verdict"), correction="bonferroni")
    shown = make_table(outcomes(), {"metrics": ("f1",), "statistics": every}, metrics=F1).shown()
    assert list(shown.columns)[2:] == ["Δ", "wins", "p", "p (Bonferroni)", "g", "verdict"]
    row = shown.set_index("System").loc["worse"]
    assert (row["wins"], row["p"], row["verdict"]) == ("0/8", "<0.001", "worse")
    assert shown.set_index("System").loc["full"].tolist()[1:] == [""] * 6
    bare = StatisticsSettings(columns=())
    assert list(make_table(outcomes(), {"metrics": ("f1",), "statistics": bare}, metrics=F1).shown().columns)[2:] == [
        "Δ"
    ]


def test_how_likely_a_row_is_better_can_be_printed_and_stands_in_csv_with_the_sizes_of_effects(make_table):
    made, asked = outcomes(), StatisticsSettings(columns=("superiority",), margin=0.05)
    table = make_table(made, {"metrics": ("f1",), "statistics": asked}, metrics=F1)
    shown = table.shown().set_index("System")
    assert list(shown.columns)[1:] == ["Δ", "P(better), 95 % CI"]
    won = int((column(made, "near") > column(made, "full")).sum())
    low, high = stats.binomtest(won, 8).proportion_ci(method="exact")
    assert shown.loc["near", "P(better), 95 % CI"] == f"{won / 8:.2f} ({low:.2f}, {high:.2f})"
    row = table.frame().set_index("cell").loc["near"]
    one = judged(table, "near")
    assert [row[f"f1_{name}"] for name in ("superiority", "superiority_low", "superiority_high")] == pytest.approx(
        [won / 8, low, high]
    )
    assert row["f1_hedges_g"] == one.comparison.hedges
    assert row["f1_d_z"] == pytest.approx(one.comparison.delta / one.comparison.sd)
    assert row["f1_p_equivalent"] == one.p_equivalent
    assert table.frame().loc[0, ["f1_superiority", "f1_d_z"]].isna().all()


def test_the_interval_is_in_the_unit_of_the_column(make_table):
    settings = {"metrics": ("f1",), "percent": True, "decimals": 1}
    table = make_table(outcomes(), settings, metrics=F1)
    one = judged(table, "worse").comparison
    text = table.shown().set_index("System").loc["worse", "Δ, 95 % CI"]
    assert text == f"{100 * one.delta:.1f} ({100 * one.low:.1f}, {100 * one.high:.1f})".replace("-", "−")


def test_the_footnote_says_test_seeds_correction_alpha_and_what_could_be_seen(make_table):
    notes = make_table(outcomes(), {"metrics": ("f1",)}, metrics=F1).notes
    assert (
        "In brackets: 95 % interval, paired t over 8 seeds. p: two-sided, Holm over 3 comparisons, alpha 0.05; "
        "intervals are for each row alone." in notes
    )
    assert any(
        note.startswith("Detectable with power 0.8 at the correction's strictest step: F1 0.0") for note in notes
    )
    assert any(note.startswith("Seeds that would settle F1 with power 0.8") for note in notes)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("group", "looks at 5, 10, 15, 20 seeds share alpha equally (group-sequential, 0.0125 each)"),
        ("anytime", "p and intervals hold at every number of seeds (anytime-valid t"),
    ],
)
def test_the_footnote_says_how_looks_were_paid_for(make_table, method, words):
    statistics = StatisticsSettings(sequential=SequentialSettings(method=method), margin=0.02)
    notes = make_table(outcomes(), {"metrics": ("f1",), "statistics": statistics}, metrics=F1).notes
    assert any(words in note for note in notes)
    assert "Equivalent: shown to differ by less than the margin (F1 0.020; two one-sided tests)." in notes


def test_no_test_leaves_only_the_difference(make_table):
    table = make_table(outcomes(), {"statistics": StatisticsSettings(test="none")}, metrics=F1)
    assert list(table.shown().columns)[2:] == ["Δ"]
    assert not any("p:" in note for note in table.notes)
    assert judged(table, "worse").comparison.p is None


@pytest.mark.parametrize("style", sorted(FORMATS))
def test_every_format_prints_the_comparison(make_table, style):
    text = render(make_table(outcomes(), {"metrics": ("f1",)}, metrics=F1), style)
    assert "verdict" in text
    assert "worse" in text


def test_json_rows_hold_the_comparison_and_the_baselines_is_null(make_table):
    rows = json.loads(json_rows([make_table(outcomes(), metrics=F1)]))
    assert {key: rows[0][key] for key in ("delta", "p", "wins", "verdict")} == dict.fromkeys(
        ("delta", "p", "wins", "verdict")
    )
    worse = next(row for row in rows if row["cell"] == "worse")
    assert worse["ci_low"] < worse["delta"] < worse["ci_high"] < 0
    assert (worse["wins"], worse["n"], worse["pairs"], worse["verdict"]) == (0, 8, 8, "worse")
    assert worse["superiority_high"] < 0.5


def test_a_factorial_tells_its_effects_and_components_their_shapley_values(make_table):
    rng = np.random.default_rng(3)
    levels = {f"c{a}{b}": {"gate": a, "loss": b} for a in (True, False) for b in (True, False)}
    made = {
        cell: {(seed, "a"): {"f1": 0.5 + 0.1 * row["gate"] + rng.normal(0, 0.01)} for seed in range(6)}
        for cell, row in levels.items()
    }
    table = make_table(made, kind="factorial", factors=("gate", "loss"), levels=levels, metrics=F1)
    effects = table.effects["f1"]
    assert [effect.label for effect in effects["effects"]] == [
        "gate without", "loss without", "gate without × loss without",
    ]  # fmt: skip
    gate = next(effect for effect in effects["Shapley values"] if effect.label == "gate")
    assert gate.value == pytest.approx(-effects["effects"][0].value, abs=1e-12)
    assert gate.low < 0.1 < gate.high
    assert gate.share == pytest.approx(1.0, abs=0.2)
    assert any(note.startswith("Effects on F1, over 6 seeds that all have: gate without −0.") for note in table.notes)
    lost = {**made, "cFalseFalse": dict.fromkeys(made["cFalseFalse"], "failed")}
    assert make_table(lost, kind="factorial", factors=("gate", "loss"), levels=levels, metrics=F1).effects["f1"] == {}


def test_a_ladder_tells_its_steps(make_table):
    table = make_table(outcomes(), kind="ladder", metrics=F1)
    steps = table.effects["f1"]["steps"]
    assert [step.label for step in steps] == ["same", "worse", "near"]
    assert steps[2].value == pytest.approx(0.09, abs=0.02)


def test_ordered_values_tell_their_trend(make_plan, make_results):
    weights = {"full": 0.1, "half": 0.05, "double": 0.2, "other": None}
    rng = np.random.default_rng(5)
    made = {
        cell: {(seed, "a"): {"f1": 0.5 + (weight or 0) + rng.normal(0, 0.001)} for seed in range(6)}
        for cell, weight in weights.items()
    }
    plan = make_plan(made, kind="one_at_a_time", metrics=F1)
    cells = [
        cell.model_copy(
            update={
                "settings": {"losses": {"kl": {"weight": weights[cell.key]}}},
                "differs": {} if cell.key == "full" else {"fusion": "mean"} if cell.key == "other"
                else {"losses.kl.weight": weights[cell.key]},
            }
        )
        for cell in plan.cells
    ]  # fmt: skip
    plan = plan.model_copy(update={"cells": tuple(cells)})
    (trend,) = tabulate(tidy(make_results(made), plan), plan, TableSettings(design="parts")).effects["f1"]["trend"]
    assert (trend.label, trend.units) == ("losses.kl.weight", 6)
    assert trend.value == pytest.approx(1.0, abs=0.02)
    assert trend.p < 0.001
