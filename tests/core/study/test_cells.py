"""Cells and their keys: equal settings, equal key, however and in whatever order they were written."""

import json
import random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from butfor.core.catalogue import Catalogue
from butfor.core.errors import StudyError
from butfor.core.study.study import Study

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ABLATIONS = {
    "parts": {"leave_one_out": ["losses.contrastive", "modality_dropout"]},
    "grid": {"factorial": {"losses.contrastive": ["keep", None], "fusion.proxy": ["gated", "uncertainty"]}},
    "sets": {"subsets": "all"},
    "rates": {"one_at_a_time": {"train.lr": [0.1, 0.001], "fusion": ["concat", {"name": "low_rank", "rank": 2}]}},
}


def keys(study):
    return {(row.label, row.cell) for design in study.designs for row in design.rows}


def shuffled(value, rng):
    if isinstance(value, dict):
        items = [(key, shuffled(inside, rng)) for key, inside in value.items()]
        rng.shuffle(items)
        return dict(items)
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


def test_a_study_from_python_has_the_keys_of_the_same_study_in_yaml(catalogue, parse, base):
    whole = yaml.safe_load(base.replace("1e-3", "0.001")) | {"ablations": ABLATIONS}
    from_yaml = parse(text=yaml.safe_dump(whole, sort_keys=False))
    from_python = Study.from_settings(whole, catalogue)
    assert keys(from_python) == keys(from_yaml)
    assert [cell.key for cell in from_python.cells] == [cell.key for cell in from_yaml.cells]
    assert from_python.plan().designs == from_yaml.plan().designs


def test_specs_may_stand_in_a_python_study(catalogue, parse):
    told = parse().baseline.settings
    whole = {
        "study": "demo", "dataset": told.dataset, "splits": told.splits, "seeds": 2,
        "baseline": {
            "encoder": told.encoder["text"], "fusion": told.fusion, "modality_dropout": told.modality_dropout,
            "losses": dict(told.losses), "train": told.train,
        },
    }  # fmt: skip
    assert Study.from_settings(whole, catalogue).baseline.key == parse().baseline.key


@SLOW
@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_makes_no_difference(catalogue, base, rng):
    whole = yaml.safe_load(base.replace("1e-3", "0.001")) | {"ablations": {"sets": {"subsets": "all"}}}
    whole["ablations"]["parts"] = {"leave_one_out": {"a": {"losses.kl": None}, "b": {"fusion.proxy": "uncertainty"}}}
    mixed = shuffled(whole, rng)
    assert keys(Study.from_settings(mixed, catalogue)) == keys(Study.from_settings(whole, catalogue))


def test_formatting_short_forms_and_stated_defaults_make_no_difference(parse, base):
    text = base
    for short, long in (
        ("{name: toy}", "toy"),
        ("{folds: 5}", "{scheme: kfold, folds: 5, by: row}"),
        ("warmup: 20", "warmup: {start: 20, ramp: 20}"),
        ("lr: 1e-3", "lr: 0.0010, batch_size: 32, clip: 1, scheduler: plateau"),
        ("emotion: {name: ce}", "emotion: ce"),
        ("{name: vmlp, dropout: 0.3}", "{video: {name: vmlp, dropout: 0.3}, audio: &, text: &}".replace(
            "&", "{dropout: 3e-1, name: vmlp, width: 128}")),
    ):  # fmt: skip
        assert short in text
        text = text.replace(short, long)
    assert parse(text=text).baseline.key == parse().baseline.key


def test_every_setting_makes_a_difference_to_the_key(parse):
    study = parse(
        "c: {cells: [{set: {train.lr: 0.1}}, {set: {dataset.rows: 10}}, {set: {splits.seed: 1}}, "
        "{set: {latent: sample}}, {set: {losses.kl.weight: 0.02}}, {set: {encoder.text.dropout: 0.1}}, "
        "{set: {modalities: [text]}}]}"
    )
    assert len({cell.key for cell in study.cells}) == 8
    assert len({cell.data_key for cell in study.cells}) == 3


def test_the_order_of_modalities_is_that_of_the_data(parse, base):
    text = base.replace("  fusion:", "  modalities: [video, audio, text]\n  fusion:")
    study = parse(text=text)
    assert study.baseline.settings.modalities == ("text", "audio", "video")
    assert study.baseline.key == parse().baseline.key


def test_a_cell_that_designs_share_is_one_cell_and_knows_them(parse):
    study = parse("a: {leave_one_out: [losses.kl]}\nb: {cells: [{label: mine, set: {losses.kl: null}}]}")
    assert len(study.cells) == 2
    assert study.cells[1].designs == ("a", "b")
    assert study.cells[1].label == "w/o kl"
    assert [row.label for row in study.designs[1].rows] == ["mine"]
    assert study.baseline.designs == ("a",)


def test_the_baseline_is_a_cell_even_where_no_design_shows_it(parse):
    study = parse("c: {cells: [{set: {train.lr: 0.1}}]}")
    assert study.cells[0] is study.baseline or study.cells[0].key == study.baseline.key
    assert study.baseline.designs == ()
    assert study.baseline.label == "baseline"


AXES = {
    "losses.contrastive": ["keep", None],
    "fusion.proxy": ["gated", "uncertainty", {"name": "gated", "gate_alpha": 0.9}],
    "fusion.heads": [2, 4, 8],
    "train.lr": [0.1, "keep", 0.001],
    "encoder.dropout": [0.1, 0.3],
    "encoder.text.width": [128, "keep"],
    "modality_dropout": [None, {"rate": 0.5}],
    "modalities": [["text"], ["text", "audio"], "keep"],
    "losses.kl.weight": [0.5, 0.01],
}
CHOSEN = st.lists(st.sampled_from(sorted(AXES)), min_size=1, max_size=3, unique=True).flatmap(
    lambda paths: st.fixed_dictionaries(
        {path: st.lists(st.sampled_from(AXES[path]), min_size=1, unique_by=json.dumps) for path in paths}
    )
)


@SLOW
@given(CHOSEN)
def test_no_more_cells_come_out_than_were_counted_and_each_is_what_differs_says(catalogue, base, axes):
    whole = yaml.safe_load(base.replace("1e-3", "0.001"))
    study = Study.from_settings(whole | {"ablations": {"c": {"factorial": axes}}}, catalogue)
    assert len(study.cells) <= study.num_cells_at_most
    assert len({cell.key for cell in study.cells}) == len(study.cells)
    points = [{"label": cell.key, "set": dict(cell.differs)} for cell in study.cells if cell.differs]
    assert [cell.key for cell in study.cells if not cell.differs] == [study.baseline.key]
    if points:
        again = Study.from_settings(whole | {"ablations": {"c": {"cells": points}}}, catalogue)
        assert {row.label: row.cell for row in again.designs[0].rows} == {
            point["label"]: point["label"] for point in points
        }


def test_the_plan_is_plain_json_with_every_cell_and_row(parse):
    plan = parse("c: {leave_one_out: [losses.kl]}").plan()
    again = json.loads(plan.model_dump_json())
    assert again["baseline"] == again["cells"][0]["key"]
    assert again["cells"][1]["differs"] == {"losses.kl": None}
    assert again["cells"][0]["settings"]["fusion"]["proxy"]["gate_alpha"] == 0.4
    assert again["designs"][0]["rows"][0]["baseline"] is True
    assert again["tables"][0]["design"] == "c"


def test_tables_are_those_that_are_asked_for(parse, base):
    text = base + "ablations: {c: {subsets: all}, d: {leave_one_out: [losses.kl]}}\n"
    study = parse(text=text + "tables: [{design: d, metrics: [accuracy], decimals: 2}]\n")
    assert [(table.design, table.metrics, table.decimals) for table in study.tables] == [("d", ("accuracy",), 2)]


def test_seeds_are_a_number_or_a_list_and_three_by_default(parse, base):
    assert parse().seeds == (0, 1)
    assert parse(text=base.replace("seeds: 2", "seeds: [7, 3]")).seeds == (7, 3)
    assert parse(text=base.replace("seeds: 2\n", "")).seeds == (0, 1, 2)
    assert parse(num_seeds=4).seeds == (0, 1, 2, 3)


def test_a_billion_seeds_are_refused_without_being_made(parse, base):
    with pytest.raises(StudyError, match="1 cells x 1000000000 seeds x 5 folds"):
        parse(text=base.replace("seeds: 2", "seeds: 1000000000"))


def test_the_data_set_gets_the_folder_of_the_file_that_names_its_path(tmp_path, catalogue, base):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "data.yaml").write_text("dataset: {name: toy, path: x.npz}\n")
    file = tmp_path / "study.yaml"
    file.write_text(base.replace("dataset: {name: toy}", "include: sub/data.yaml"))
    assert Study.load(file, catalogue).baseline.settings.dataset._folder == tmp_path / "sub"
    file.write_text(base)
    assert Study.load(file, catalogue).baseline.settings.dataset._folder == tmp_path


def test_the_place_of_the_study_makes_no_difference_to_its_keys(tmp_path, catalogue, base):
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "study.yaml"
        file.write_text(base.replace("{name: toy}", "{name: toy, path: x.npz}"))
        made.append(Study.load(file, catalogue).baseline.key)
    assert made[0] == made[1]


def test_a_file_that_cannot_be_read_is_an_error_with_its_name(tmp_path, catalogue):
    with pytest.raises(StudyError, match=r"nowhere\.yaml: cannot be read: No such file"):
        Study.load(tmp_path / "nowhere.yaml", catalogue)
    (tmp_path / "latin.yaml").write_bytes("study: a\nname: caf\xe9\n".encode("latin-1"))
    with pytest.raises(StudyError, match=r"latin\.yaml:2:10: not UTF-8: byte 0xe9"):
        Study.load(tmp_path / "latin.yaml", catalogue)


def test_findings_of_a_python_study_have_paths_and_no_lines(catalogue, base):
    whole = yaml.safe_load(base)
    whole["baseline"]["fusion"]["proxy"]["gate_alhpa"] = 1
    whole["baseline"]["losses"]["kl"]["weight"] = -1
    with pytest.raises(StudyError) as caught:
        Study.from_settings(whole, catalogue)
    assert {str(finding) for finding in caught.value.findings} >= {
        "fusion.proxy.gate_alhpa: unknown setting; did you mean 'gate_alpha'?",
        "losses.kl.weight: expected a number of at least 0, got -1",
    }


def test_a_catalogue_that_lacks_a_default_component_says_so(catalogue, base):
    entries = {key: entry for key, entry in catalogue.entries.items() if key[1] != "gated"}
    text = base.replace("fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}", "fusion: proxy")
    with pytest.raises(StudyError) as caught:
        Study.parse(text, Catalogue(entries), "study.yaml")
    assert str(caught.value.findings[0]).startswith("study.yaml:7:11: fusion: unknown fusion 'gated'; known: ")


def test_expansion_is_pure(parse):
    rng = random.Random(0)
    text = "a: {subsets: all}\nb: {factorial: {train.lr: [0.1, 0.2], losses.kl: [keep, null]}}"
    first = parse(text)
    rng.random()
    second = parse(text)
    assert first.plan() == second.plan()
