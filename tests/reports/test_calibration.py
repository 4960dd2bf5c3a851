"""The false positive rate of a study's own table, from its frame."""

import numpy as np
import pytest

from butfor.core.errors import StudyError
from butfor.core.study.plan import SequentialSettings, StatisticsSettings, TableSettings
from butfor.reports.calibration import arm_looks, calibration_rows, calibration_text, calibrations
from butfor.reports.frame import tidy
from butfor.reports.statistics.calibrate import Calibration, calibrate
from butfor.reports.statistics.procedure import Procedure


@pytest.fixture
def seeds(make_plan, make_results):
    def build(count, folds=("a",), lost=()):
        rng = np.random.default_rng(0)
        made = {
            (seed, fold): "collapsed" if seed in lost else {"weighted_f1": rng.normal(), "mse": rng.normal()}
            for seed in range(count)
            for fold in folds
        }
        plan = make_plan({"full": made})
        return tidy(make_results({"full": made}), plan), plan, made

    return build


def test_it_is_the_calibration_of_the_baselines_values(seeds):
    frame, plan, made = seeds(14)
    found = calibrations(frame, plan, TableSettings(design="parts", metrics=("mse", "weighted_f1")), studies=500)
    values = np.array([[one["mse"]] for one in made.values()])
    assert found["mse"] == calibrate(values, Procedure(), [5], studies=500)
    assert list(found) == ["mse", "weighted_f1"]


def test_folds_and_looks_are_those_of_the_table(seeds):
    frame, plan, _ = seeds(24, tuple("abcde"))
    table = TableSettings(design="parts", statistics=StatisticsSettings(alpha=0.1))
    found = calibrations(frame, plan, table, seeds=3, studies=500)["weighted_f1"]
    assert (found.seeds, found.looks, found.alpha) == (24, (3,), 0.1)
    sequential = StatisticsSettings(test="paired_t", sequential=SequentialSettings(max_seeds=10))
    table = TableSettings(design="parts", statistics=sequential)
    assert calibrations(frame, plan, table, studies=500)["weighted_f1"].looks == arm_looks(table) == (5, 10)


def test_too_few_seeds_say_what_became_of_the_others(seeds):
    frame, plan, _ = seeds(12, lost=(1, 4, 6))
    with pytest.raises(StudyError, match="at least 10 seeds, here are 9; of its trials 3 collapsed and take no part"):
        calibrations(frame, plan, TableSettings(design="parts"))


def test_too_few_seeds_say_how_to_get_more_where_butfor_can_train_them(seeds):
    frame, plan, _ = seeds(9)
    table = TableSettings(design="parts")
    with pytest.raises(StudyError, match=r"here are 9; `butfor calibrate --train 10` trains them"):
        calibrations(frame, plan, table)
    with pytest.raises(StudyError, match=r"here are 9$"):
        calibrations(frame, plan.model_copy(update={"imported": "runs.csv"}), table)


def test_without_a_test_or_a_trial_there_is_nothing_to_calibrate(seeds):
    frame, plan, _ = seeds(12)
    with pytest.raises(StudyError, match="nothing to calibrate"):
        calibrations(frame, plan, TableSettings(design="parts", statistics=StatisticsSettings(test="none")))
    with pytest.raises(StudyError, match="no finished trial with weighted_f1 on the valid split"):
        calibrations(frame, plan, TableSettings(design="parts", split="valid"))


def test_it_reads_in_a_line_and_as_rows(seeds):
    frame, plan, _ = seeds(12)
    found = calibrations(frame, plan, TableSettings(design="parts"), studies=500)
    assert "of 500 A/A studies called a difference" in calibration_text(found)
    assert "nominal at most 5 %), 5 seeds an arm, drawn from 12; paired t." in calibration_text(found)
    (row,) = calibration_rows(found)
    assert (row["metric"], row["seeds"], row["looks"]) == ("weighted_f1", 12, (5,))
    assert (row["test"], row["nominal"]) == ("paired_t", "within")


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("welch", "Welch's t over runs that nothing pairs"),
        ("pooled_t", "one spread for both arms"),
        ("wilcoxon", "signed ranks"),
        ("paired_t", "paired t"),
        ("auto", "paired t"),
    ],
)
def test_the_test_of_the_table_is_the_one_that_is_run_and_named(seeds, test, words):
    frame, plan, made = seeds(14)
    table = TableSettings(design="parts", metrics=("mse",), statistics=StatisticsSettings(test=test))
    found = calibrations(frame, plan, table, seeds=6, studies=300)
    values = np.array([[one["mse"]] for one in made.values()])
    name = "paired_t" if test == "auto" else test
    unit = "run" if test in {"welch", "pooled_t"} else "seed"
    assert found["mse"] == calibrate(values, Procedure(name, unit), [6], studies=300)
    assert words in calibration_text(found)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.06, 0.2, "more than nominal"), (0.01, 0.2, ""), (0.0, 0.04, "less than nominal")],
)
def test_a_rate_that_is_not_nominal_is_said_to_be_none(low, high, words):
    found = {"mse": Calibration((low + high) / 2, low, high, 500, 12, (5,), 0.05, "welch")}
    text = calibration_text(found)
    assert words in text
    assert ("than nominal" in text) == bool(words)
