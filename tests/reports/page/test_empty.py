"""Sections with nothing in them say why, and say what is true."""

from butfor.core.study.plan import TableSettings
from butfor.reports.material import material_of
from butfor.reports.page.answer import answer_of
from butfor.reports.page.empty import nothing_compared, reasons

ONE = (TableSettings(design="parts"),)


def made(make_study, states=None, **changes):
    plan, results = make_study(seeds=2, states=states)
    return material_of(plan.model_copy(update={"tables": ONE, **changes}), results)


def keys_of(make_study, cell):
    return [trial.key for trial in make_study(seeds=2)[0].trials if trial.cell == cell]


def test_trials_that_are_missing_are_still_to_be_trained(make_study):
    waiting = made(make_study, dict.fromkeys(keys_of(make_study, "less"), "missing"))
    assert nothing_compared(waiting.tables) == "Nothing is compared yet: 2 trials are still to be trained."
    assert answer_of(waiting).first.startswith("Nothing can be compared yet: “full” has a Weighted F1 of 0.7")


def test_a_rival_that_diverged_is_nothing_to_wait_for(make_study):
    lost = made(make_study, dict.fromkeys(keys_of(make_study, "less"), "diverged"))
    said = "Nothing can be compared: “w/o gate”: 2 of 2 trials diverged."
    assert nothing_compared(lost.tables) == said
    assert answer_of(lost).first.startswith(f"{said} “full” has")
    assert reasons(lost)["seeds"] == said


def test_where_all_trials_are_lost_there_is_no_answer_to_come(make_study):
    keys = [*keys_of(make_study, "full"), *keys_of(make_study, "less")]
    lost = made(make_study, dict.fromkeys(keys, "failed"))
    assert answer_of(lost).first == (
        "There is no answer: “full”: 2 of 2 trials failed; “w/o gate”: 2 of 2 trials failed."
    )


def test_runs_that_are_compared_and_not_paired_have_no_slopes(make_study):
    tables = (TableSettings(design="parts", statistics={"test": "welch"}),)
    unpaired = made(make_study, paired=False, tables=tables)
    assert reasons(unpaired)["seeds"].startswith("Nothing pairs these runs")


def test_imported_runs_are_not_told_to_ask_for_more_tests(make_study):
    told = reasons(made(make_study, imported="runs.csv"))
    assert "evaluate" not in " ".join(told.values())
    assert "The file tells of no" in told["robustness"]
    assert "evaluate:" in reasons(made(make_study))["robustness"]
