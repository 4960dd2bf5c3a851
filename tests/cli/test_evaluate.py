"""A study with conditions, from the file to the tables: what is stored, what is told, and that training stays."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from butfor.core.predictions import PREDICTIONS, read_predictions
from butfor.core.results import TrainResult
from butfor.core.store import Store

STUDY = """\
study: robust
dataset: {name: planted, rows: 160, features: 6, classes: 2, groups: 8}
splits: official
seeds: 2
baseline:
  encoder: {name: variational_mlp, width: 8}
  fusion: attention
  losses: {emotion: cross_entropy, valence: mse}
  train: {epochs: 4, batch_size: 16, lr: 0.01}
ablations:
  modalities: {leave_one_out: [modalities.audio], at: [train, test]}
  fusions: {one_at_a_time: {fusion: [mean]}}
"""
EVALUATE = """\
evaluate:
  missing: {rates: [0, 0.5], patterns: each}
  noise: {levels: [1.0]}
"""
TABLES = """\
tables:
  - {design: modalities}
  - {design: fusions, split: test@missing:0.5:audio}
"""
CONDITIONS = ["missing:0.5:audio", "missing:0.5:text", "missing:0.5:video", "noise:1"]


@pytest.fixture
def butfor(command: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Run a command of the study with conditions."""
    (tmp_path / "study.yaml").write_text(STUDY + EVALUATE + TABLES)
    return command


def stored(folder: Path) -> dict[tuple[str, int], TrainResult]:
    """{(cell, seed): its result}."""
    with Store.open(folder / "store.sqlite", create=False) as store:
        found = {(result.cell, result.seed): result for result in store.load(store.standing(study="robust"))}
    assert len(found) == 6
    return found


def test_every_trial_has_figures_under_every_condition(butfor, tmp_path: Path) -> None:
    done = butfor("run", "study.yaml", "--quiet")
    assert done.code == 0, done.err
    results = stored(tmp_path / "results")
    splits = [set(result.metrics) for result in results.values()]
    clean = {"valid", "test"}
    everywhere = {f"test@{name}" for name in CONDITIONS}
    assert all(found >= clean | everywhere for found in splits)
    assert sorted(len(found - clean - everywhere) for found in splits) == [0, 0, 0, 0, 1, 1]
    assert sum("test@without:audio" in found for found in splits) == 2


def test_training_and_the_clean_test_are_those_of_the_study_without_conditions(butfor, tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(STUDY.replace(", at: [train, test]", ""))
    assert butfor("run", "study.yaml", "--quiet").code == 0
    assert butfor("run", "plain.yaml", "--quiet", "--out", "plain").code == 0
    tested, plain = stored(tmp_path / "results"), stored(tmp_path / "plain")
    assert tested.keys() == plain.keys()
    for trial, one in plain.items():
        other = tested[trial]
        assert other.key != one.key
        assert (other.curve, other.selected_epoch) == (one.curve, one.selected_epoch)
        assert {split: other.metrics[split] for split in one.metrics} == one.metrics
        kept, again = (
            read_predictions(tmp_path / folder / PREDICTIONS, result.key)
            for folder, result in (("plain", one), ("results", other))
        )
        assert {name: values.tobytes() for name, values in kept.items()} == {
            name: values.tobytes() for name, values in again.items()
        }


def test_trials_alone_agree_with_stacks_and_with_workers(butfor, tmp_path: Path) -> None:
    assert butfor("run", "study.yaml", "--quiet").code == 0
    assert butfor("run", "study.yaml", "--quiet", "--out", "alone", "--no-stack").code == 0
    assert butfor("run", "study.yaml", "--quiet", "--out", "workers", "--jobs", "2").code == 0
    together, alone, workers = (stored(tmp_path / name) for name in ("results", "alone", "workers"))
    for trial, one in together.items():
        assert workers[trial].metrics == one.metrics
        assert alone[trial].metrics.keys() == one.metrics.keys()
        for split, metrics in one.metrics.items():
            assert alone[trial].metrics[split]["mse"] == pytest.approx(metrics["mse"], rel=1e-4)


def test_a_second_run_trains_nothing_and_a_new_rate_trains_again(butfor, tmp_path: Path) -> None:
    assert butfor("run", "study.yaml", "--quiet").code == 0
    assert "6 trials, 0 still to train" in butfor("plan", "study.yaml").out
    text = (tmp_path / "study.yaml").read_text()
    (tmp_path / "study.yaml").write_text(text.replace("[0, 0.5]", "[0.5, 0.3]"))
    assert "6 trials, 6 still to train" in butfor("plan", "study.yaml").out
    (tmp_path / "study.yaml").write_text(text.replace("[0, 0.5]", "[0.5]"))
    assert "6 trials, 0 still to train" in butfor("plan", "study.yaml").out


def test_a_stored_trial_is_trained_again_to_the_bit(butfor, tmp_path: Path) -> None:
    assert butfor("run", "study.yaml", "--quiet").code == 0
    key = next(result.key for result in stored(tmp_path / "results").values())
    done = butfor("rerun", key, "study.yaml")
    assert "equal to the bit" in done.out, done.out + done.err


def test_tables_show_both_ways_and_take_a_split_under_a_condition(butfor, tmp_path: Path) -> None:
    out = butfor("run", "study.yaml", "--quiet").out
    assert "w/o audio (retrained)" in out
    assert "w/o audio (at test)" in out
    assert "test@missing:0.5:audio: test rows, audio missing in 50 %" in out
    rows = json.loads(butfor("table", "modalities", "--file", "study.yaml", "--format", "json").out)
    tested = [row for row in rows if row["label"] == "w/o audio (at test)" and row["metric"] == "weighted_f1"]
    found = [
        result.metrics["test@without:audio"]["weighted_f1"]
        for result in stored(tmp_path / "results").values()
        if "test@without:audio" in result.metrics
    ]
    assert [row["split"] for row in tested] == ["test@without:audio"]
    assert tested[0]["mean"] == pytest.approx(sum(found) / len(found), rel=1e-12)


def test_a_split_under_a_condition_that_is_not_asked_for_is_told_with_the_nearest(butfor, tmp_path: Path) -> None:
    text = (tmp_path / "study.yaml").read_text()
    (tmp_path / "study.yaml").write_text(text.replace("split: test@missing:0.5:audio", "split: test@missing:0.4:audio"))
    done = butfor("plan", "study.yaml")
    assert done.code == 2
    assert "unknown split 'test@missing:0.4:audio'; did you mean 'test@missing:0.5:audio'? [BF315]" in done.err


def test_check_rehearses_conditions_and_says_who_has_no_figures(butfor, tmp_path: Path) -> None:
    text = (tmp_path / "study.yaml").read_text()
    (tmp_path / "study.yaml").write_text(text.replace("patterns: each", "patterns: random").replace(":audio}", "}"))
    found = json.loads(butfor("check", "study.yaml", "--json").out)
    (note,) = [one for one in found if one["code"] == "BF615"]
    assert note["message"] == (
        "no figures under missing:RATE for 'w/o audio (retrained)': some rows have nothing left that they read"
    )
    assert (note["line"], note["column"]) == (14, 3)


def test_a_plugin_that_breaks_without_a_modality_is_found_before_training(butfor, tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text(
        '''
from typing import Literal

import torch
from torch import nn

from butfor.core import Fused, FusionSpec, hookimpl


class FragileSpec(FusionSpec):
    """Gives NaN where a modality is absent."""

    name: Literal["fragile"] = "fragile"

    def build(self, *, modalities, width):
        return Fragile()


class Fragile(nn.Module):
    """The mean of all, divided by nothing where one is absent."""

    def forward(self, encoded, present):
        mean = torch.stack([one.mean for one in encoded.values()]).mean(dim=0)
        return Fused(mean / present.all(dim=1, keepdim=True))


@hookimpl
def register_fusions():
    return [FragileSpec]
'''
    )
    plain = STUDY.replace(", at: [train, test]", "").replace("fusion: attention", "fusion: fragile")
    (tmp_path / "study.yaml").write_text(plain.replace("study: robust", "study: robust\nplugins: [./ours.py]"))
    assert "BF503" not in butfor("check", "study.yaml").out
    (tmp_path / "study.yaml").write_text((tmp_path / "study.yaml").read_text() + EVALUATE)
    out = butfor("check", "study.yaml").out
    assert "fusion 'fragile' of ours.py gives NaN or infinity as its vector [BF503]" in out


def test_what_it_costs_counts_the_conditions(butfor, tmp_path: Path) -> None:
    """Twenty times the test rows are tested; disk is not for them, as predictions under conditions are not kept."""
    one = json.loads(butfor("plan", "study.yaml", "--estimate", "--json").out)
    rates = ", ".join(f"0.{number:02d}" for number in range(1, 100))
    text = (tmp_path / "study.yaml").read_text()
    (tmp_path / "study.yaml").write_text(text.replace("[0, 0.5]", f"[{rates}]"))
    more = json.loads(butfor("plan", "study.yaml", "--estimate", "--json").out)
    assert more["estimate"]["core_seconds"] > one["estimate"]["core_seconds"]
    assert more["estimate"]["bytes"] == one["estimate"]["bytes"]
    assert len(more["conditions"]) == 3 * 99 + 1
