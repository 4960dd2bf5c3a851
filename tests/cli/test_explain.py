"""`butfor explain` and what `butfor plan` says beyond the list of cells."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

COMMON = "baseline: {encoder: {name: mlp, width: 8, dropout: 0.0}, train: {epochs: 4, batch_size: 32}}\n"
STUDY = """\
study: small
include: common.yaml
dataset: {name: planted, rows: 200, features: 6, classes: 2, groups: 8}
splits: {folds: 2, by: group, test: official}
seeds: 5
baseline:
  fusion: low_rank
  losses: {emotion: cross_entropy, valence: {name: mse, weight: 0.5, warmup: 2}}
ablations:
  components: {leave_one_out: {w/o valence: {losses.valence: null}}}
  fusions: {one_at_a_time: {fusion: [mean]}}
  tuning: {factorial: {train.lr: [keep, 0.01], encoder.dropout: [keep, 0.2]}}
tables: [{design: fusions, metrics: [accuracy]}]
"""


@pytest.fixture
def butfor(command: Callable, tmp_path: Path) -> Callable:
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "common.yaml").write_text(COMMON)
    return command


def explained(butfor: Callable, cell: str) -> dict:
    done = butfor("explain", cell, "study.yaml", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_cell_says_why_it_is_there_and_in_which_tables(butfor) -> None:
    told = explained(butfor, "mean")
    assert told["designs"] == [{"name": "fusions", "kind": "one_at_a_time", "row": "mean"}]
    assert told["tables"] == [{"design": "fusions", "metrics": ["accuracy"], "split": "test", "caption": ""}]
    assert not told["baseline"]
    assert explained(butfor, "w/o valence")["tables"] == []


def test_the_baseline_is_found_by_any_of_its_labels(butfor) -> None:
    key = explained(butfor, "baseline")["key"]
    assert explained(butfor, "full")["key"] == key
    assert explained(butfor, "low_rank (baseline)")["key"] == key
    assert explained(butfor, key[:6])["baseline"]


def test_a_difference_has_both_values_and_the_place_of_the_design(butfor) -> None:
    (one,) = explained(butfor, "mean")["differs"]
    assert (one["path"], one["value"], one["baseline"]["name"]) == ("fusion", "mean", "low_rank")
    assert (one["origin"], one["file"], one["line"], one["column"]) == ("design fusions", "study.yaml", 11, 38)
    both = explained(butfor, "lr=0.01, dropout=0.2")["differs"]
    assert {one["path"]: (one["value"], one["baseline"]) for one in both} == {
        "train.lr": (0.01, 5e-4),
        "encoder.dropout": (0.2, 0.0),
    }
    assert {one["column"] for one in both} == {41, 72}


def test_every_value_says_where_it_comes_from(butfor) -> None:
    values = {one["path"]: one for one in explained(butfor, "mean")["settings"]}
    assert (values["dataset.rows"]["origin"], values["dataset.rows"]["line"]) == ("file", 3)
    assert values["encoder.width"]["origin"] == "include common.yaml"
    assert (values["encoder.width"]["file"], values["encoder.width"]["column"]) == ("common.yaml", 40)
    assert values["fusion.name"]["origin"] == "design fusions"
    assert values["losses.valence.warmup.ramp"]["value"] == 2
    assert (values["losses.valence.warmup.ramp"]["origin"], values["losses.valence.warmup.ramp"]["line"]) == ("file", 8)
    assert values["train.optimizer"]["origin"] == "default"
    assert values["train.optimizer"]["doc"].startswith("Torch's optimiser")
    assert values["dataset.modalities.text"]["doc"], "a key of a mapping has the mapping's words"
    assert not any(path.startswith("encoder.text") for path in values), "one line for what all encoders share"


def test_a_value_of_a_preset_names_the_preset(command, tmp_path: Path) -> None:
    (tmp_path / "v4.yaml").write_text("study: v4\ninclude: v4_as_planned\ndataset: planted\n")
    values = {
        one["path"]: one for one in explained(lambda *a: command(*a[:2], "v4.yaml", *a[3:]), "baseline")["settings"]
    }
    assert values["fusion.heads"]["origin"] == "preset v4_as_planned"
    assert "preset v4_as_planned:13:12" in command("explain", "baseline", "v4.yaml").out


def test_the_text_puts_what_was_written_before_the_defaults(butfor) -> None:
    told = butfor("explain", "w/o valence", "study.yaml").out
    assert "what differs from the baseline\n  losses.valence: removed, baseline mse\n" in told
    assert told.index("what was written") < told.index("encoder.width") < told.index("\ndefaults\n")
    assert told.index("\ndefaults\n") < told.index("train.optimizer")


def test_an_unknown_cell_is_told_with_the_nearest(butfor) -> None:
    done = butfor("explain", "w/o valance", "study.yaml")
    assert done.code == 2
    assert done.err == "study.yaml: there is no cell 'w/o valance'; did you mean 'w/o valence'? [BF316]\n"


def test_a_label_of_two_cells_asks_for_a_key(command, tmp_path: Path) -> None:
    design = "{cells: [{label: x, set: {train.lr: LR}}]}"
    ablations = f"ablations:\n  a: {design.replace('LR', '0.1')}\n  b: {design.replace('LR', '0.2')}\n"
    (tmp_path / "two.yaml").write_text(f"study: two\ninclude: v4_as_planned\ndataset: planted\n{ablations}")
    done = command("explain", "x", "two.yaml")
    assert done.code == 2
    assert "'x' is the label of 2 cells: " in done.err


def test_plan_as_a_tree_tells_each_cell_once(butfor) -> None:
    lines = butfor("plan", "study.yaml", "--tree").out.splitlines()
    assert lines[0] == "study small: 6 cells, 60 trials, 60 still to train"
    assert lines[1] == "├── components (leave_one_out, 2 rows)"
    assert lines[2].startswith("│   ├── full (baseline)  ")
    assert lines[3].startswith("│   └── w/o valence  ")
    assert lines[4] == "│       └── losses.valence=removed"
    assert "        └── train.lr=0.01" in lines
    assert sum("(baseline)" in line for line in lines) == 3


def test_plan_says_what_is_in_the_store_already(butfor) -> None:
    butfor("run", "study.yaml", "--executor", "serial", "--only", "fusions", "--seeds", "1", "--quiet")
    told = json.loads(butfor("plan", "study.yaml", "--json").out)
    assert (told["trials"], told["done"], told["pending"]) == (60, 4, 56)


def test_an_estimate_counts_parameters_operations_time_and_room(butfor) -> None:
    told = json.loads(butfor("plan", "study.yaml", "--only", "fusions", "--json", "--estimate").out)
    full, mean = told["cells"]
    encoders = 3 * ((6 * 8 + 8) + 2 * (8 * 8 + 8))
    assert mean["parameters"] - encoders == 2 * 8 + 2 + 8 + 1, "two heads on the fused vector"
    assert full["parameters"] > mean["parameters"]
    assert mean["flops"] == 2 * (3 * (6 * 8 + 2 * 8 * 8) + 2 * 8 + 8)
    total = told["estimate"]
    assert total["core_seconds"] == pytest.approx(10 * (full["seconds"] + mean["seconds"]), abs=0.2)
    assert total["seconds"] == pytest.approx(total["core_seconds"] / total["jobs"], abs=0.2)
    assert total["bytes"] > 20 * 4096
    text = butfor("plan", "study.yaml", "--only", "fusions", "--estimate").out
    assert f"{mean['parameters']:,}" in text
    assert "estimate: about " in text
