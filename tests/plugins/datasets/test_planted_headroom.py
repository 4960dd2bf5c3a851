"""The defaults, trained by the real engine: room below .95, planted gaps beyond 3 sd over seeds, planted nulls null."""

from pathlib import Path

import numpy as np
import pytest

from butfor import runner

pytestmark = pytest.mark.slow

STUDY = """
study: headroom
dataset: {name: planted, nuisance: true}
splits: official
seeds: 3
baseline:
  encoder: {name: variational_mlp, width: 32, dropout: 0.1}
  fusion: low_rank
  losses:
    emotion: cross_entropy
    valence: {name: mse, weight: 0.5}
    nuisance: {name: mse, weight: 0.05}
  train: {epochs: 15, batch_size: 64, lr: 3.0e-3, patience: null, scheduler: null, select: weighted_f1}
ablations:
  parts:
    leave_one_out:
      w/o text: {modalities: [audio, video]}
      w/o audio: {modalities: [text, video]}
      w/o video: {modalities: [audio, text]}
      w/o nuisance: {losses.nuisance: null}
      sum: {fusion: mean}
      side by side: {fusion: concat}
"""


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """{row: weighted F1 on the test part, one for each seed}; `full` is the baseline."""
    file = Path(tmp_path_factory.mktemp("study")) / "study.yaml"
    file.write_text(STUDY, encoding="utf-8")
    prepared = runner.prepare(*runner.read_study(file))
    results = [
        result for work in prepared.work([trial.key for trial in prepared.trials]) for result in runner.train(work)
    ]
    assert {result.state for result in results} == {"done"}
    plan = prepared.plan
    names = {row.cell: "full" if row.baseline else row.label for row in plan.designs[0].rows}
    return {
        name: np.array(
            [r.metrics["test"]["weighted_f1"] for r in sorted(results, key=lambda r: r.seed) if r.cell == key]
        )
        for key, name in names.items()
    }


def gap(scores, name):
    """Mean loss against the full system, and the sd over seeds pooled over both."""
    full, other = scores["full"], scores[name]
    return full.mean() - other.mean(), ((full.var(ddof=1) + other.var(ddof=1)) / 2) ** 0.5


def test_the_best_cell_stays_below_the_ceiling_and_has_learnt(scores):
    assert max(values.max() for values in scores.values()) < 0.95
    assert scores["full"].mean() > 0.8


@pytest.mark.parametrize("name", ["w/o text", "w/o audio", "sum", "side by side"])
def test_removing_what_was_planted_costs_more_than_three_sd(scores, name):
    cost, sd = gap(scores, name)
    assert cost > 0.05
    assert cost > 3 * sd


def test_the_stronger_modality_costs_more(scores):
    assert gap(scores, "w/o text")[0] > gap(scores, "w/o audio")[0]


@pytest.mark.parametrize("name", ["w/o video", "w/o nuisance"])
def test_removing_a_planted_null_costs_nothing(scores, name):
    cost, sd = gap(scores, name)
    assert abs(cost) < max(3 * sd, 0.02)
    assert abs(cost) < gap(scores, "w/o audio")[0] / 3
