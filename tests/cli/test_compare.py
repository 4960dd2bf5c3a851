"""`butfor compare`: two trained models on the same rows, seed by seed, and what that does not say."""

import json

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from butfor import runner
from butfor.core.predictions import read_predictions
from butfor.reports.rebuild import read_plan

STUDY = """\
study: small
dataset: {name: planted, rows: 160, groups: GROUPS}
splits: official
seeds: 2
baseline:
  encoder: {name: mlp, width: 8}
  fusion: mean
  losses: {emotion: cross_entropy, valence: mse}
  train: {epochs: 6, batch_size: 16, lr: 2.0e-2}
ablations: {parts: {one_at_a_time: {modalities: [[audio]]}}}
"""


@pytest.fixture(params=[0])
def trained(command, tmp_path, monkeypatch, request):
    monkeypatch.delenv("BUTFOR_STORE", raising=False)
    (tmp_path / "ablations.yaml").write_text(STUDY.replace("GROUPS", str(request.param)))
    done = command("run", "--executor", "serial", "--quiet")
    assert done.code == 0, done.err
    return command


def test_each_seed_has_mcnemar_and_bootstrap_of_its_two_models(trained, tmp_path):
    found = json.loads(trained("compare", "baseline", "audio", "--json").out)
    assert (found["first"], found["second"], found["split"]) == ("baseline", "audio", "test")
    assert "nothing is said of other seeds" in found["scope"]
    assert [(one["seed"], one["task"]) for one in found["pairs"]] == [
        (seed, task) for seed in (0, 1) for task in ("emotion", "valence")
    ]
    plan = read_plan(tmp_path / "ablations.yaml", tmp_path / "results")
    truth = runner.truths(tmp_path / "ablations.yaml")[plan.baseline].targets["emotion"]
    right = []
    for cell in (plan.baseline, next(cell.key for cell in plan.cells if cell.label == "audio")):
        key = next(trial.key for trial in plan.trials if (trial.cell, trial.seed) == (cell, 0))
        kept = read_predictions(tmp_path / "results" / "predictions", key)
        right.append(kept["test/emotion"].argmax(axis=1) == truth[kept["test/rows"]])
    one, two = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    first = found["pairs"][0]
    assert (first["only_first"], first["only_second"], first["rows"]) == (one, two, len(right[0]))
    assert first["p_mcnemar"] == pytest.approx(float(mcnemar([[0, one], [two, 0]], exact=True).pvalue))
    assert first["difference"] == pytest.approx(np.mean(right[0]) - np.mean(right[1]))
    assert first["low"] <= first["difference"] <= first["high"]
    assert (first["groups"], first["drawn"]) == (False, len(right[0]))
    assert found["pairs"][1]["p_mcnemar"] is None


def test_the_text_says_that_it_is_no_claim_over_seeds(trained):
    told = trained("compare", "audio", "baseline").out
    assert told.startswith("audio less baseline, row by row on test:\n")
    assert told.count("McNemar p") == 2
    assert "nothing is said of other seeds" in told
    assert "bootstrap draws of rows" in told


@pytest.mark.parametrize("trained", [80], indirect=True)
def test_rows_that_belong_together_are_drawn_together_and_have_no_mcnemar(trained):
    told = trained("compare", "audio", "baseline").out
    assert "whole groups of rows" in told
    assert "McNemar's test takes rows as independent, so it is not given where rows belong to groups." in told
    pairs = json.loads(trained("compare", "audio", "baseline", "--json").out)["pairs"]
    assert {(one["groups"], one["drawn"], one["p_mcnemar"]) for one in pairs} == {(True, 20, None)}
    assert all(one["low"] <= one["difference"] <= one["high"] for one in pairs)


@pytest.mark.parametrize("trained", [8], indirect=True)
def test_two_groups_of_rows_allow_no_interval_and_no_p(trained):
    told = trained("compare", "audio", "baseline").out
    assert told.count("no interval and no p: 2 groups to draw from, 10 are the fewest") == 4
    assert "bootstrap" not in told
    pairs = json.loads(trained("compare", "audio", "baseline", "--json").out)["pairs"]
    assert {(one["low"], one["high"], one["p_bootstrap"], one["drawn"]) for one in pairs} == {(None, None, None, 2)}


def test_a_system_is_called_as_it_was_named(trained, tmp_path):
    plan = read_plan(tmp_path / "ablations.yaml", tmp_path / "results")
    row = next(row.label for design in plan.designs for row in design.rows if row.baseline)
    assert trained("compare", row, "audio").out.startswith(f"{row} less audio, row by row on test:\n")
    assert trained("compare", plan.baseline[:8], "audio").out.startswith("baseline less audio, row by row")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("baseline", "audo"), "did you mean 'audio'?"),
        (("baseline", "baseline"), "are one cell"),
        (("baseline", "audio", "--split", "tset"), "did you mean 'test'?"),
    ],
)
def test_what_cannot_be_compared_is_said(trained, arguments, said):
    done = trained("compare", *arguments)
    assert (done.code, said in done.err) == (2, True), done.err
