"""Includes: what wins, what is replaced, and where a problem in another file is shown."""

import dataclasses

import pytest

from butfor.core.errors import StudyError
from butfor.core.study.layers import declared_plugins
from butfor.core.study.study import Study


@pytest.fixture
def study_of(tmp_path, catalogue):
    """Write files, load `study.yaml`."""

    def call(presets=(), **files):
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        known = {name: tmp_path / f"{name}.yaml" for name in presets}
        return Study.load(tmp_path / "study.yaml", dataclasses.replace(catalogue, presets=known))

    return call


HEAD = "study: demo\ndataset: toy\n"


def baseline_of(study):
    return study.baseline.resolved


def test_the_including_file_wins_and_mappings_merge(study_of, base):
    study = study_of(
        common=base,
        study="study: mine\ninclude: common.yaml\n"
        "baseline: {fusion: {heads: 8}, train: {lr: 0.5}, head: {dropout: .1}}\n",
    )
    settings = baseline_of(study)
    assert study.name == "mine"
    assert (settings["fusion"]["heads"], settings["fusion"]["proxy"]["gate_alpha"]) == (8, 0.4)
    assert (settings["train"]["lr"], settings["train"]["epochs"], settings["head"]["dropout"]) == (0.5, 20, 0.1)


def test_a_design_of_an_include_is_removed_by_null_and_its_rows_are_added_to(study_of, base):
    common = (
        base + "ablations:\n  a: {one_at_a_time: {train.lr: [0.5]}}\n  b: {leave_one_out: {w/o x: {losses.kl: null}}}\n"
    )
    mine = "include: common.yaml\nablations: {a: null, b: {leave_one_out: {w/o y: {losses.contrastive: null}}}}\n"
    (design,) = study_of(common=common, study=mine).designs
    assert design.name == "b"
    assert [row.label for row in design.rows] == ["full", "w/o x", "w/o y"]


def test_a_null_design_that_no_include_has_is_an_error(study_of, base):
    with pytest.raises(StudyError, match=r"ablations\.a: expected a mapping with one kind of design"):
        study_of(study=base + "ablations: {a: null}\n")


def test_another_component_replaces_the_whole_old_one(study_of, base):
    settings = baseline_of(
        study_of(
            common=base,
            study="include: common.yaml\n"
            "baseline: {fusion: {name: low_rank, rank: 2}, losses: {emotion: mse, kl: null}}\n",
        )
    )
    assert settings["fusion"] == {"name": "low_rank", "rank": 2}
    assert settings["losses"]["emotion"]["name"] == "mse"
    assert set(settings["losses"]) == {"contrastive", "emotion"}


def test_one_encoder_can_be_changed_where_all_were_set_together(study_of, base):
    study = study_of(common=base, study="include: common.yaml\nbaseline: {encoder: {text: {dropout: 0.1}}}\n")
    assert [encoder["dropout"] for encoder in baseline_of(study)["encoder"].values()] == [0.1, 0.3, 0.3]
    study = study_of(common=base, study="include: common.yaml\nbaseline: {encoder: {dropout: 0.2}}\n")
    assert [encoder["dropout"] for encoder in baseline_of(study)["encoder"].values()] == [0.2] * 3


def test_another_scheme_of_splits_replaces_the_old_one(study_of, base):
    study = study_of(common=base, study="include: common.yaml\nsplits: official\n")
    assert baseline_of(study)["splits"]["scheme"] == "official"
    study = study_of(common=base.replace("{folds: 5}", "kfold"), study="include: common.yaml\nsplits: {folds: 3}\n")
    assert baseline_of(study)["splits"]["folds"] == 3


def test_later_includes_win_and_includes_nest(study_of, base):
    study = study_of(
        ground=base,
        first="include: ground.yaml\nbaseline: {train: {lr: 0.1, epochs: 3}}\n",
        second="baseline: {train: {lr: 0.2}}\n",
        study="include: [first.yaml, ./second.yaml]\n",
    )
    assert (baseline_of(study)["train"]["lr"], baseline_of(study)["train"]["epochs"]) == (0.2, 3)


def test_presets_are_included_by_their_bare_names(study_of, base):
    study = study_of(presets=["v4"], v4=base, study="study: mine\ninclude: v4\n")
    assert study.name == "mine"
    with pytest.raises(StudyError, match=r"study\.yaml:1:10: include: unknown preset 'v5'; known: 'v4'"):
        study_of(presets=["v4"], v4=base, study="include: v5\n")


def test_a_problem_in_an_included_file_is_shown_there(study_of, base):
    with pytest.raises(StudyError) as caught:
        study_of(common=base.replace("gate_alpha: 0.4", "gate_alpha: 4"), study="include: common.yaml\nseedz: 3\n")
    found = [(finding.file.rpartition("/")[2], finding.line, finding.path) for finding in caught.value.findings]
    assert found == [("common.yaml", 7, "fusion.proxy.gate_alpha"), ("study.yaml", 2, "seedz")]


def test_broken_yaml_in_an_included_file_is_shown_there(study_of):
    with pytest.raises(StudyError, match=r"common\.yaml:1:5: not valid YAML"):
        study_of(common="a: [", study=f"{HEAD}include: common.yaml\n")


@pytest.mark.parametrize("back", ["study.yaml", "./study.yaml", "../{folder}/study.yaml", "common.yaml"])
def test_files_that_include_each_other_are_told_of(study_of, tmp_path, back):
    back = back.format(folder=tmp_path.name)
    with pytest.raises(StudyError, match=r"common\.yaml:1:10: include: '.*' includes itself"):
        study_of(common=f"include: {back}\n", study=f"{HEAD}include: common.yaml\n")


def test_includes_that_multiply_are_cut_off(study_of):
    files = {f"f{n}": f"include: [f{n + 1}.yaml, f{n + 1}.yaml]\n" for n in range(30)}
    with pytest.raises(StudyError, match="more than 100 included files"):
        study_of(**files, f30="seeds: 1\n", study=f"{HEAD}include: f0.yaml\n")


def test_a_null_for_a_term_that_no_include_has_is_an_error(study_of, base):
    with pytest.raises(
        StudyError, match=r"study\.yaml:2:21: losses\.contrast: there is no such term to remove; did you"
    ):
        study_of(common=base, study="include: common.yaml\nbaseline: {losses: {contrast: null}}\n")


def test_designs_of_included_files_join_those_of_the_study(study_of, base):
    study = study_of(
        common=base + "ablations: {a: {subsets: all}}\n",
        study="include: common.yaml\nablations: {b: {leave_one_out: [losses.kl]}}\n",
    )
    assert [design.name for design in study.designs] == ["a", "b"]


def test_declared_plugins_are_found_in_every_file_and_from_its_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "common.yaml").write_text("plugins: [near.py]\nnonsense: 1\n")
    text = "include: [sub/common.yaml, nowhere.yaml, some_preset]\nplugins:\n  - ./mine.py\n  - 3\n"
    found = declared_plugins(text, str(tmp_path / "study.yaml"))
    assert [path for path, _ in found] == [tmp_path / "sub" / "near.py", tmp_path / "mine.py"]
    assert (found[1][1].place.line, found[1][1].place.column) == (3, 5)
    assert declared_plugins({"plugins": ["a.py"]}, str(tmp_path / "x.yaml"))[0][0] == tmp_path / "a.py"


def test_declared_plugins_of_a_broken_file_are_none():
    for text in ("a: [", "plugins: a.py", "[1]", "plugins: {a: b}", ""):
        assert declared_plugins(text, "study.yaml") == []


def test_plugins_of_all_files_are_accepted_together(study_of, base):
    study = study_of(common=base + "plugins: [a.py]\n", study="include: common.yaml\nplugins: [b.py]\n")
    assert [item.value for item in study.node.children["plugins"].items] == ["a.py", "b.py"]
