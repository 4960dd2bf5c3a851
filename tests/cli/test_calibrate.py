"""`butfor calibrate`: from stored seeds, from seeds trained for it, and what it refuses."""

import json

import pytest

STUDY = """study: small
dataset: {name: planted, rows: 200, groups: 8}
splits: official
seeds: 10
baseline:
  encoder: {name: mlp, width: 16}
  fusion: mean
  losses: {emotion: cross_entropy}
  train: {epochs: 8, batch_size: 16, lr: 1.0e-2}
ablations:
  fusions: {one_at_a_time: {fusion: [concat]}}
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "ablations.yaml").write_text(STUDY)
    return tmp_path


@pytest.mark.slow
def test_seeds_are_trained_apart_and_the_studys_plan_is_not_touched(command, study):
    done = command("calibrate", "--train", "11", "--jobs", "1", "--studies", "500", "--json")
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)
    assert (row["metric"], row["seeds"], row["looks"], row["studies"]) == ("weighted_f1", 11, [5], 500)
    assert 0 <= row["low"] <= row["rate"] <= row["high"] <= 1
    assert not (study / "results" / "small" / "plan.json").exists()
    again = command("calibrate", "--train", "11", "--studies", "500")
    assert "11 already in the store" in again.err
    assert "of 500 A/A studies called a difference" in again.out
    refused = command("calibrate", "--train", "9")
    assert (refused.code, refused.out) == (2, "")
    assert "--train 9: two arms need at least 10 seeds" in refused.err


@pytest.mark.slow
def test_stored_seeds_of_the_baseline_are_enough(command, study):
    assert command("run", "--quiet", "--jobs", "1").code == 0
    done = command("calibrate", "--studies", "500")
    assert done.code == 0, done.err
    assert "5 seeds an arm, drawn from 10" in done.out
    few = command("calibrate", "--arm", "6")
    assert few.code == 2
    assert "at least 12 seeds, here are 10" in few.err
    wrong = command("calibrate", "--design", "fusion")
    assert wrong.code == 2
    assert "did you mean 'fusions'" in wrong.err


def test_without_results_it_says_how_to_make_them(command, study):
    done = command("calibrate")
    assert done.code == 2
    assert "there are no results of study 'small'" in done.err
