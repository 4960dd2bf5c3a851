"""`evaluate` and `at`: which conditions a study means, for whom, and that keys change only where they are asked for."""

import pytest

from butfor.core.conditions import Condition
from butfor.core.study.plan import Plan, PlannedRow
from butfor.core.study.study import Study
from butfor.core.study.trial import expand

TRIO = ("text", "audio", "video")


def names(study) -> list[str]:
    return [condition.name for condition in study.conditions]


@pytest.fixture
def evaluated(parse, base):
    def call(said: str, ablations: str = ""):
        return parse(text=f"{base}evaluate: {said}\n" + (f"ablations:\n  {ablations}\n" if ablations else ""))

    return call


def keys(study) -> list[str]:
    folds = {cell.data_key: {"0": "rows", "1": "other rows"} for cell in study.cells}
    return [trial.key for trial in expand(study, folds, lambda _: {"data": "digest"})]


def test_each_takes_one_modality_after_the_other_and_rate_zero_is_the_clean_test(evaluated):
    study = evaluated("{missing: {rates: [0, 0.1, 0.3], patterns: each}}")
    assert names(study) == [f"missing:{rate}:{name}" for rate in (0.1, 0.3) for name in TRIO]
    assert {condition.among for condition in study.conditions} == {TRIO}


def test_random_is_the_default_and_names_no_modality(evaluated):
    study = evaluated("{missing: {rates: [0.3]}, noise: {levels: [0.5, 2]}}")
    assert names(study) == ["missing:0.3", "noise:0.5", "noise:2"]
    assert study.conditions[0] == Condition("missing", 0.3, (), TRIO)


def test_subsets_are_named_in_the_order_of_the_data(evaluated):
    study = evaluated(
        "{missing: {rates: [0.3], patterns: [audio, [video, text]]}, noise: {levels: [1], patterns: [text]}}"
    )
    assert names(study) == ["missing:0.3:audio", "missing:0.3:text+video", "noise:1:text"]


def test_conditions_are_of_the_modalities_of_the_baseline(parse, base):
    text = base.replace("  modality_dropout", "  modalities: [text, video]\n  modality_dropout")
    study = parse(text=text + "evaluate: {missing: {rates: [0.3], patterns: each}}\n")
    assert names(study) == ["missing:0.3:text", "missing:0.3:video"]
    assert study.conditions[0].among == ("text", "video")


def test_a_baseline_with_one_modality_has_nothing_to_miss(parse, base):
    text = base.replace("  modality_dropout", "  modalities: [text]\n  modality_dropout")
    with pytest.raises(Exception, match=r"study.yaml:15:12: .* reads 'text' alone: with it missing, nothing is left"):
        parse(text=text + "evaluate: {missing: {rates: [0.3]}}\n")
    assert names(parse(text=text + "evaluate: {noise: {levels: [0.3]}}\n")) == ["noise:0.3"]


def test_a_rate_above_all_but_one_is_told_of(evaluated):
    (warning,) = evaluated("{missing: {rates: [0.3, 0.7]}}").warnings
    assert str(warning) == (
        "study.yaml:14:35: evaluate.missing.rates: one of 3 modalities stays, so no more than 0.667 of them can be "
        "missing; 0.7 is tested as 0.667"
    )
    assert evaluated("{missing: {rates: [0.3, 0.7], patterns: each}}").warnings == ()


def test_too_many_conditions_are_refused(evaluated):
    rates = ", ".join(f"0.{number:03d}" for number in range(1, 200))
    with pytest.raises(Exception, match="597 conditions; at most 500 are allowed"):
        evaluated(f"{{missing: {{rates: [{rates}], patterns: each}}}}")


def test_null_and_nothing_are_no_conditions(evaluated):
    for said in ("null", "{}", "{missing: null}", "{missing: {rates: [0]}}"):
        assert evaluated(said).conditions == ()


def test_conditions_change_no_cell_and_every_trial(parse, evaluated):
    plain, more = parse("c: {subsets: all}"), evaluated("{missing: {rates: [0.3]}}", "c: {subsets: all}")
    assert [cell.key for cell in more.cells] == [cell.key for cell in plain.cells]
    assert set(keys(more)).isdisjoint(keys(plain))


def test_without_conditions_the_keys_are_what_they_were(parse, evaluated):
    assert keys(evaluated("null", "c: {subsets: all}")) == keys(parse("c: {subsets: all}"))


def test_the_order_of_rates_is_no_part_of_a_key(evaluated):
    one, other = (evaluated(f"{{missing: {{rates: [{rates}]}}}}") for rates in ("0.1, 0.3", "0.3, 0, 0.1"))
    assert keys(one) == keys(other)


def test_a_row_at_test_time_trains_nothing_and_points_to_the_baseline(parse):
    study = parse("c: {leave_one_out: [modalities.audio, modalities.text], at: test}")
    assert len(study.cells) == 1
    (design,) = study.designs
    base = study.baseline.key
    assert [(row.label, row.cell, row.condition, row.baseline) for row in design.rows] == [
        ("full", base, "", True),
        ("w/o audio (at test)", base, "without:audio", False),
        ("w/o text (at test)", base, "without:text", False),
    ]
    assert design.rows[1].levels == {"audio": False, "text": True}
    assert [condition.name for condition in study.conditions_of(study.baseline)] == ["without:audio", "without:text"]


def test_both_moments_give_both_rows_and_both_are_labelled(parse):
    study = parse("c: {leave_one_out: [modalities.audio], at: [train, test]}")
    full, retrained, tested = study.designs[0].rows
    assert (retrained.label, tested.label) == ("w/o audio (retrained)", "w/o audio (at test)")
    assert study.cell(retrained.cell).differs == {"modalities": ["text", "video"]}
    assert tested.cell == full.cell
    assert study.conditions_of(study.cell(retrained.cell)) == ()


def test_a_modality_is_left_out_by_its_name(rows):
    assert rows("c: {leave_one_out: [modalities.audio, losses.kl]}") == {
        "full": {},
        "w/o audio": {"modalities": ["text", "video"]},
        "w/o kl": {"losses.kl": None},
    }


def test_subsets_at_test_time_are_counted_without_training_any(parse):
    study = parse("c: {subsets: all, at: [test, train], exclude: {text: false}}")
    assert [row.label for row in study.designs[0].rows] == [
        "text + audio + video",
        "text + audio (at test)",
        "text + audio (retrained)",
        "text + video (at test)",
        "text + video (retrained)",
        "text (at test)",
        "text (retrained)",
    ]
    assert parse("c: {subsets: all, at: test}").num_cells_at_most == 1
    assert parse("c: {subsets: all, at: [test, train]}").num_cells_at_most == 7


def test_very_many_subsets_at_test_time_are_refused_before_any_is_made(parse, base):
    many = ", ".join(f"m{number}" for number in range(60))
    text = base.replace("{name: toy}", f"{{name: toy, modalities: [{many}]}}")
    with pytest.raises(Exception, match="are more than can be looked at"):
        parse(text=text + "ablations: {c: {subsets: all, at: test}}\n")


def test_values_of_one_path_may_be_modalities(parse):
    study = parse("c: {one_at_a_time: {modalities: [[text], [audio, text]]}, at: test}")
    assert [row.condition for row in study.designs[0].rows] == ["", "without:audio+video", "without:video"]


def test_what_the_baseline_does_not_read_cannot_be_added_at_test_time(parse, base):
    text = base.replace("  modality_dropout", "  modalities: [text, video]\n  modality_dropout")
    with pytest.raises(Exception, match="modality 'audio' cannot be added at test time: the baseline does not read it"):
        parse(text=text + "ablations: {c: {one_at_a_time: {modalities: [[text, audio]]}, at: test}}\n")


def test_one_row_twice_at_test_time_is_left_out_with_a_warning(parse):
    study = parse("c: {leave_one_out: {a: {modalities: [text, video]}, b: {modalities: [video, text]}}, at: test}")
    assert [row.label for row in study.designs[0].rows] == ["full", "a (at test)"]
    assert [warning.code for warning in study.warnings] == ["BF310"]


def test_a_plan_keeps_the_rows_and_the_conditions(evaluated):
    study = evaluated("{noise: {levels: [1]}}", "c: {subsets: {sizes: [2]}, at: test}")
    plan = study.plan()
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again == plan
    assert again.conditions == ("noise:1",)
    assert [row.condition for row in again.designs[0].rows[1:]] == ["without:video", "without:audio", "without:text"]


def test_a_plan_of_an_older_version_has_no_conditions():
    row = PlannedRow.model_validate({"cell": "abc", "label": "x", "levels": {}, "baseline": True})
    assert (row.without, row.condition, row.key) == ((), "", "abc")
    assert Plan.model_validate({"study": "s", "baseline": "abc", "cells": []}).conditions == ()


def test_an_included_file_lends_its_conditions_key_by_key(tmp_path, catalogue, base):

    (tmp_path / "base.yaml").write_text(base + "evaluate: {missing: {rates: [0.3], patterns: each}}\n")
    (tmp_path / "study.yaml").write_text(
        "study: s\ninclude: base.yaml\nevaluate: {missing: {patterns: [audio]}, noise: {levels: [1]}}\n"
    )
    study = Study.load(tmp_path / "study.yaml", catalogue)
    assert names(study) == ["missing:0.3:audio", "noise:1"]
