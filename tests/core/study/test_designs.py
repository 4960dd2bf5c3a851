"""Every design: its rows, their labels and levels, and what they set."""

import time

import pytest

from butfor.core.errors import StudyError


def design_of(study, name="c"):
    return next(design for design in study.designs if design.name == name)


def levels_of(study):
    return {row.label: row.levels for row in design_of(study).rows}


def test_leave_one_out_has_the_full_system_first_and_takes_each_part_away_alone(parse, rows):
    text = (
        "c: {leave_one_out: {without contrastive: {losses.contrastive: null}, w/o gate: {fusion.proxy: uncertainty}}}"
    )
    assert rows(text) == {
        "full": {},
        "without contrastive": {"losses.contrastive": None},
        "w/o gate": {"fusion.proxy": "uncertainty"},
    }
    study = parse(text)
    assert design_of(study).factors == ("contrastive", "gate")
    assert levels_of(study) == {
        "full": {"contrastive": True, "gate": True},
        "without contrastive": {"contrastive": False, "gate": True},
        "w/o gate": {"contrastive": True, "gate": False},
    }
    assert [row.baseline for row in design_of(study).rows] == [True, False, False]


def test_leave_one_out_of_a_list_removes_each_path_and_labels_it(rows):
    assert rows("c: {leave_one_out: [losses.contrastive, modality_dropout, train.scheduler]}") == {
        "full": {},
        "w/o contrastive": {"losses.contrastive": None},
        "w/o modality_dropout": {"modality_dropout": None},
        "w/o scheduler": {"train.scheduler": None},
    }


def test_one_at_a_time_departs_from_the_baseline_by_one_value_a_row(rows):
    text = """\
c:
  one_at_a_time:
    fusion: [concat, {name: low_rank, rank: 2}]
    train.lr: [1e-2, 1e-4]
    encoder.width: [64]
    encoder.text.dropout: [0.1]
    losses.kl: [null]
"""
    assert rows(text) == {
        "baseline": {},
        "concat": {"fusion": "concat"},
        "low_rank (rank=2)": {"fusion": {"name": "low_rank", "rank": 2}},
        "lr=0.01": {"train.lr": 0.01},
        "lr=0.0001": {"train.lr": 0.0001},
        "width=64": {"encoder.width": 64},
        "dropout=0.1": {"encoder.text.dropout": 0.1},
        "w/o kl": {"losses.kl": None},
    }


def test_one_at_a_time_takes_labels_from_a_mapping_or_beside_the_value(rows):
    text = "c: {one_at_a_time: {fusion: {Concat: concat, Gate: {name: gated}}, train.lr: [{value: 0.1, label: fast}]}}"
    assert rows(text) == {
        "baseline": {},
        "Concat": {"fusion": "concat"},
        "Gate": {"fusion": "gated"},
        "fast": {"train.lr": 0.1},
    }


def test_one_at_a_time_does_not_repeat_the_baseline_for_its_own_value(parse, rows):
    text = "c: {one_at_a_time: {train.lr: [1e-2, 1e-3, 1e-4]}}"
    assert list(rows(text)) == ["lr=0.001 (baseline)", "lr=0.01", "lr=0.0001"]
    assert parse(text).warnings == ()


def test_labels_name_as_much_of_a_path_as_tells_it_from_the_others(rows):
    text = "c: {one_at_a_time: {losses.kl.weight: [0.5], losses.contrastive.weight: [0.5], fusion.heads: [2]}}"
    assert list(rows(text)) == ["baseline", "kl.weight=0.5", "contrastive.weight=0.5", "heads=2"]


def test_equal_component_labels_are_told_apart_by_their_paths(rows):
    text = "c: {one_at_a_time: {fusion: [uncertainty], fusion.proxy: [uncertainty]}}"
    assert list(rows(text)) == ["baseline", "fusion=uncertainty", "proxy=uncertainty"]


def test_factorial_crosses_every_level_and_marks_switches_by_true_and_false(parse, rows):
    text = "c: {factorial: {losses.contrastive: [keep, null], fusion.proxy: [gated, uncertainty]}}"
    assert rows(text) == {
        "gated": {},
        "uncertainty": {"fusion.proxy": "uncertainty"},
        "w/o contrastive, gated": {"losses.contrastive": None},
        "w/o contrastive, uncertainty": {"fusion.proxy": "uncertainty", "losses.contrastive": None},
    }
    study = parse(text)
    assert design_of(study).factors == ("contrastive", "proxy")
    assert levels_of(study)["w/o contrastive, uncertainty"] == {"contrastive": False, "proxy": "uncertainty"}
    assert [row.baseline for row in design_of(study).rows] == [True, False, False, False]


def test_a_level_that_is_kept_is_told_by_the_baselines_value(parse):
    study = parse(
        "c: {factorial: {train.lr: [keep, 0.1], fusion.proxy: [keep, uncertainty], train.batch_size: [keep, 64]}}"
    )
    assert levels_of(study)["full"] == {"lr": 0.001, "proxy": "gated", "batch_size": 32}


def test_naming_the_component_that_is_there_keeps_its_settings(parse):
    study = parse("c: {factorial: {fusion.proxy: [gated, uncertainty]}}")
    assert study.baseline.settings.fusion.proxy.gate_alpha == 0.4
    assert design_of(study).rows[0].baseline


def test_a_mapping_without_name_changes_the_component_that_is_there(rows):
    text = "c: {cells: [{label: a, set: {fusion: {heads: 2}}}, {label: b, set: {fusion: {name: low_rank, rank: 2}}}]}"
    assert rows(text) == {"a": {"fusion.heads": 2}, "b": {"fusion": {"name": "low_rank", "rank": 2}}}


def test_exclude_takes_out_the_cells_that_match_all_of_an_entry(parse, rows):
    text = """\
c:
  factorial: {losses.contrastive: [keep, null], fusion: [proxy, concat, low_rank], train.lr: [1e-3, 1e-2]}
  exclude:
    - {fusion: [concat, low_rank], lr: 1e-2}
    - {contrastive: null, fusion: concat}
"""
    assert list(rows(text)) == [
        "proxy, lr=0.001", "proxy, lr=0.01", "concat, lr=0.001", "low_rank, lr=0.001",
        "w/o contrastive, proxy, lr=0.001", "w/o contrastive, proxy, lr=0.01", "w/o contrastive, low_rank, lr=0.001",
    ]  # fmt: skip
    assert parse(text).warnings == ()


def test_exclude_knows_what_is_kept_by_the_word_and_by_the_baselines_value(rows):
    grid = "c: {factorial: {losses.kl: [keep, null], train.lr: [keep, 0.1]}, exclude: [{kl: null, lr: %s}]}"
    for said in ("keep", "1e-3", "0.001"):
        assert list(rows(grid % said)) == ["full", "lr=0.1", "w/o kl, lr=0.1"]


def test_exclude_works_on_lists_of_cells_and_leaves_the_baseline(rows):
    text = "c: {one_at_a_time: {train.lr: [0.1, 0.2], train.patience: [3]}, exclude: {train.lr: 0.2}}"
    assert list(rows(text)) == ["baseline", "lr=0.1", "patience=3"]
    assert list(rows("c: {subsets: all, exclude: {text: false}}")) == [
        "text + audio + video", "text + audio", "text + video", "text",
    ]  # fmt: skip


def test_an_exclusion_that_takes_nothing_out_is_a_warning(parse):
    study = parse("c: {factorial: {train.lr: [0.1, 0.2]}, exclude: [{lr: 0.3}, {lr: 0.1}]}")
    (warning,) = study.warnings
    assert str(warning) == "study.yaml:15:53: ablations.c.exclude: this excludes nothing"
    assert warning.severity == "warning"


def test_when_varies_an_axis_only_where_its_condition_holds(parse, rows):
    text = """\
c:
  factorial: {losses.contrastive: [keep, null], losses.contrastive.temperature: [0.1, 0.2], train.lr: [keep, 0.1]}
  when: {temperature: {contrastive: keep}}
"""
    assert list(rows(text)) == [
        "temperature=0.1", "temperature=0.1, lr=0.1", "temperature=0.2", "temperature=0.2, lr=0.1",
        "w/o contrastive", "w/o contrastive, lr=0.1",
    ]  # fmt: skip
    study = parse(text)
    assert levels_of(study)["w/o contrastive"] == {"contrastive": False, "temperature": None, "lr": 0.001}


def test_conditions_may_follow_from_each_other(rows):
    text = """\
c:
  factorial: {train.patience: [5, 6], train.lr: [keep, 0.1], losses.kl: [keep, null]}
  when: {patience: {lr: 0.1}, lr: {kl: keep}}
"""
    assert set(rows(text)) == {"full", "w/o kl", "patience=5, lr=0.1", "patience=6, lr=0.1"}


def test_ladder_adds_step_upon_step_to_its_start(parse, rows):
    text = """\
c:
  from: {losses.contrastive: null, fusion.proxy: uncertainty}
  ladder:
    - {+ contrastive: {losses.contrastive: keep}}
    - {label: + gate, set: {fusion.proxy: keep}}
    - {+ rate: {train.lr: 0.1}}
"""
    assert rows(text) == {
        "start": {"fusion.proxy": "uncertainty", "losses.contrastive": None},
        "+ contrastive": {"fusion.proxy": "uncertainty"},
        "+ gate": {},
        "+ rate": {"train.lr": 0.1},
    }
    study = parse(text)
    assert design_of(study).factors == ("contrastive", "gate", "rate")
    assert levels_of(study)["+ contrastive"] == {"contrastive": True, "gate": False, "rate": False}
    assert [row.baseline for row in design_of(study).rows] == [False, False, True, False]


def test_ladder_may_start_in_its_list_or_at_the_baseline(rows):
    steps = "{+ rate: {train.lr: 0.1}}"
    assert list(rows(f"c: {{ladder: [{{from: {{losses.kl: null}}}}, {steps}]}}")) == ["start", "+ rate"]
    assert list(rows(f"c: {{from: {{label: bare, set: {{losses.kl: null}}}}, ladder: [{steps}]}}")) == [
        "bare",
        "+ rate",
    ]
    assert rows(f"c: {{ladder: [{steps}]}}") == {"baseline": {}, "+ rate": {"train.lr": 0.1}}


def test_keep_puts_back_what_the_baseline_has_for_all_encoders(rows):
    text = "c: {from: {encoder.dropout: 0.5, encoder.text.width: 128}, ladder: [{+ less: {encoder.dropout: keep}}]}"
    assert rows(text) == {"start": {"encoder.dropout": 0.5}, "+ less": {}}


def test_subsets_come_from_the_whole_down_in_the_order_of_the_data(parse, rows):
    assert rows("c: {subsets: all}") == {
        "text + audio + video": {},
        "text + audio": {"modalities": ["text", "audio"]},
        "text + video": {"modalities": ["text", "video"]},
        "audio + video": {"modalities": ["audio", "video"]},
        "text": {"modalities": ["text"]},
        "audio": {"modalities": ["audio"]},
        "video": {"modalities": ["video"]},
    }
    study = parse("c: {subsets: [[video, text], [audio]]}")
    assert list(levels_of(study)) == ["text + audio + video", "text + video", "audio"]
    assert levels_of(study)["text + video"] == {"text": True, "audio": False, "video": True}
    assert list(levels_of(parse("c: {subsets: {sizes: [1]}}"))) == ["text + audio + video", "text", "audio", "video"]


def test_subsets_are_of_the_modalities_that_take_part(parse, base):
    text = base.replace("  fusion:", "  modalities: [video, text]\n  fusion:")
    study = parse(text=text + "ablations: {c: {subsets: all}}\n")
    assert list(levels_of(study)) == ["text + video", "text", "video"]
    assert list(study.baseline.settings.encoder) == ["text", "video"]


def test_zip_pairs_its_lists(rows, base):
    assert rows("c: {zip: {train.lr: [0.1, 0.2], train.batch_size: [64, 16]}}") == {
        "lr=0.1, batch_size=64": {"train.batch_size": 64, "train.lr": 0.1},
        "lr=0.2, batch_size=16": {"train.batch_size": 16, "train.lr": 0.2},
    }


def test_cells_are_listed_one_by_one_and_labelled_by_what_they_set(rows):
    text = (
        "c: {cells: [{label: mine, set: {train.lr: 0.1}}, {set: {fusion: low_rank, fusion.rank: 2, losses.kl: null}}]}"
    )
    assert rows(text) == {
        "mine": {"train.lr": 0.1},
        "low_rank, rank=2, w/o kl": {"fusion": {"name": "low_rank", "rank": 2}, "losses.kl": None},
    }


def test_encoders_are_set_for_all_or_for_one_modality(parse):
    study = parse(
        "c: {cells: [{label: all, set: {encoder: {name: vmlp, width: 64}, losses.kl.weight: 2}}, "
        "{label: word, set: {encoder: mlp, fusion: concat, losses.kl: null}}, "
        "{label: one, set: {encoder: {text: {dropout: 0.1}}}}, {label: path, set: {encoder.text.variant: deep}}]}"
    )
    cells = {cell.label: cell for cell in study.cells}
    assert {encoder.width for encoder in cells["all"].settings.encoder.values()} == {64}
    assert {encoder.dropout for encoder in cells["all"].settings.encoder.values()} == {0.3}
    assert [encoder.name for encoder in cells["word"].settings.encoder.values()] == ["mlp"] * 3
    assert cells["word"].differs["encoder"] == "mlp"
    assert [encoder.dropout for encoder in cells["one"].settings.encoder.values()] == [0.1, 0.3, 0.3]
    assert cells["path"].differs == {"encoder.text.variant": "deep"}


def test_a_path_reaches_settings_that_the_file_does_not_mention(parse):
    study = parse(
        "c: {cells: [{label: a, set: {train.scheduler.factor: 0.1}}, {label: b, set: {train.clip.by: norm}}, "
        "{label: c, set: {head.dropout: 0.2}}, {label: d, set: {dataset.rows: 50}}, {label: e, set: {splits.seed: 3}}, "
        "{label: f, set: {modality_dropout: null, modality_dropout.rate: 0.5}}, "
        "{label: g, set: {modality_dropout.warmup.ramp: 3}}]}"
    )
    assert [dict(cell.differs) for cell in study.cells[1:]] == [
        {"train.scheduler.factor": 0.1},
        {"train.clip.by": "norm"},
        {"head.dropout": 0.2},
        {"dataset.rows": 50},
        {"splits.seed": 3},
        {"modality_dropout.rate": 0.5, "modality_dropout.warmup.start": 0, "modality_dropout.warmup.ramp": 0},
        {"modality_dropout.warmup.ramp": 3},
    ]


def test_the_inner_component_of_a_default_can_be_set(parse, base):
    text = base.replace("fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}", "fusion: proxy")
    study = parse(text=text + "ablations: {c: {one_at_a_time: {fusion.proxy.gate_alpha: [0.9]}}}\n")
    assert study.cells[1].differs == {"fusion.proxy.gate_alpha": 0.9}


def test_a_row_whose_cell_is_there_already_is_left_out_with_a_warning(parse):
    study = parse("c: {cells: [{label: a, set: {train.lr: 1}}, {label: b, set: {train.lr: 1.0}}]}")
    assert [row.label for row in design_of(study).rows] == ["a"]
    assert [str(warning) for warning in study.warnings] == [
        "study.yaml:15:47: ablations.c: 'b' is the same cell as 'a', and is left out"
    ]


def test_a_study_without_designs_is_its_baseline(parse):
    study = parse()
    (design,) = study.designs
    assert (design.name, design.kind, len(design.rows)) == ("baseline", "cells", 1)
    assert design.rows[0].baseline
    assert [table.design for table in study.tables] == ["baseline"]


def test_a_large_grid_is_refused_with_its_count_before_it_is_expanded(parse):
    axes = ", ".join(f"{path}: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]" for path in (
        "train.lr", "train.weight_decay", "train.batch_size", "train.epochs", "train.patience", "train.min_delta",
        "losses.kl.weight", "losses.contrastive.weight", "losses.emotion.weight",
    ))  # fmt: skip
    start = time.perf_counter()
    with pytest.raises(StudyError, match="1000000001 cells x 2 seeds x 5 folds are up to 10000000010 trials"):
        parse(f"c: {{factorial: {{{axes}}}}}")
    assert time.perf_counter() - start < 2


def test_subsets_of_very_many_modalities_are_refused_by_arithmetic(parse, base):
    names = ", ".join(f"m{number}" for number in range(200))
    text = base.replace("{name: toy}", f"{{name: toy, modalities: [{names}]}}")
    with pytest.raises(StudyError, match=r"more than 10\^59 cells"):
        parse(text=text + "ablations: {c: {subsets: all}}\n")


def test_the_limit_counts_seeds_and_folds(parse):
    text = "c: {one_at_a_time: {train.lr: [0.1, 0.2]}}"
    assert parse(text, max_trials=30).num_cells_at_most == 3
    for options in ({"max_trials": 29}, {"max_trials": 30, "num_seeds": 3}, {"max_trials": 30, "folds": 6}):
        with pytest.raises(StudyError, match="more than the"):
            parse(text, **options)


def test_only_some_designs_can_be_asked_for(parse):
    text = "a: {subsets: all}\nb: {one_at_a_time: {train.lr: [0.1]}}"
    study = parse(text, only=["b"])
    assert [design.name for design in study.designs] == ["b"]
    assert [table.design for table in study.tables] == ["b"]
    with pytest.raises(StudyError, match="unknown design 'bb'; did you mean 'b'"):
        parse(text, only=["bb"])
