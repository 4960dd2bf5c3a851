"""Training one trial: determinism, pairing, selection, states, and what is kept."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, mean_squared_error

from butfor.core import Dataset
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.loop import Trial, fit
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]
Assignments = Callable[..., Assignment]


def test_the_same_trial_gives_the_same_numbers_whatever_ran_before(
    cell: Cells, assignment: Assignments, data: Dataset
) -> None:
    first = fit(assignment(cell()), data)
    torch.manual_seed(99)
    fit(assignment(cell(fusion="mean"), seed=5), data)
    again = fit(assignment(cell()), data)
    assert first.state == "done"
    assert first.metrics == again.metrics
    assert first.curve == again.curve
    for name, values in first.predictions.items():
        np.testing.assert_array_equal(values, again.predictions[name])


def test_training_learns_what_is_there_to_be_learnt(cell: Cells, assignment: Assignments, data: Dataset) -> None:
    train = {"epochs": 25, "batch_size": 32, "lr": 0.01, "scheduler": "cosine"}
    result = fit(assignment(cell(train=train, encoder={"name": "mlp", "width": 16, "dropout": 0.0})), data)
    assert result.metrics["test"]["accuracy"] > 0.7
    assert result.curve[-1]["loss"] < 0.7 * result.curve[0]["loss"]


def test_metrics_are_those_of_the_kept_predictions_and_of_the_selected_epoch(
    cell: Cells, assignment: Assignments, data: Dataset, fold: Fold
) -> None:
    train = {"epochs": 6, "lr": 0.01, "select": "weighted_f1 - 0.25 * mse"}
    result = fit(assignment(cell(train=train)), data)
    rows = result.predictions["test/rows"]
    np.testing.assert_array_equal(rows, fold.tests["test"])
    chosen = result.predictions["test/emotion"].argmax(axis=1)
    known = data.labelled["valence"][rows]
    f1 = f1_score(data.targets["emotion"][rows], chosen, average="weighted", zero_division=0)
    mse = mean_squared_error(data.targets["valence"][rows][known], result.predictions["test/valence"][known])
    assert result.metrics["test"]["weighted_f1"] == pytest.approx(f1)
    assert result.metrics["test"]["mse"] == pytest.approx(mse)
    scores = [epoch["select"] for epoch in result.curve]
    assert result.selected_epoch == int(np.argmax(scores))
    best = result.metrics["valid"]
    assert best["weighted_f1"] - 0.25 * best["mse"] == pytest.approx(max(scores))


def test_the_best_weights_are_restored_and_not_the_last(cell: Cells, assignment: Assignments, data: Dataset) -> None:
    worst_is_best = {"epochs": 12, "lr": 0.05, "batch_size": 16, "select": "-accuracy", "patience": None}
    result = fit(assignment(cell(train=worst_is_best)), data)
    kept, last = result.curve[result.selected_epoch], result.curve[-1]
    assert kept["valid.accuracy"] < last["valid.accuracy"]
    assert result.metrics["valid"]["accuracy"] == kept["valid.accuracy"]


def test_early_stopping_ends_before_the_last_epoch(cell: Cells, assignment: Assignments, data: Dataset) -> None:
    result = fit(assignment(cell(train={"epochs": 60, "lr": 0.05, "patience": 2})), data)
    assert len(result.curve) < 60
    assert result.provenance["epochs"] == len(result.curve)


def test_every_term_has_its_own_line_in_the_curve(cell: Cells, assignment: Assignments, data: Dataset) -> None:
    losses = {"emotion": "cross_entropy", "kl": {"name": "kl_prior", "weight": 0.01}, "contrastive": "info_nce"}
    result = fit(assignment(cell(losses=losses)), data)
    assert {"lr", "loss", "loss.emotion", "loss.kl", "loss.contrastive", "select"} <= set(result.curve[0])
    assert "mse" not in result.metrics["test"]


def test_a_loss_that_explodes_gives_the_state_diverged(cell: Cells, assignment: Assignments, data: Dataset) -> None:
    train = {"epochs": 30, "lr": 1e30, "optimizer": "sgd", "clip": None}
    result = fit(assignment(cell(train=train)), data)
    assert result.state == "diverged"
    assert "not finite in epoch" in result.message
    assert result.metrics == {}


def test_one_class_for_everything_gives_the_state_collapsed(
    cell: Cells, assignment: Assignments, data: Dataset
) -> None:
    rare = (np.arange(240) % 40 == 0).astype(np.int64)
    one_sided = replace(data, targets={**data.targets, "emotion": rare})
    result = fit(assignment(cell(train={"epochs": 2, "lr": 0.001})), one_sided)
    assert result.state == "collapsed"
    assert "'low'" in result.message
    assert result.metrics["test"]["accuracy"] > 0.9


def test_a_task_that_the_selection_does_not_read_cannot_collapse_a_trial(
    cell: Cells, assignment: Assignments, data: Dataset
) -> None:
    rare = (np.arange(240) % 40 == 0).astype(np.int64)
    one_sided = replace(data, targets={**data.targets, "emotion": rare})
    result = fit(assignment(cell(train={"epochs": 2, "lr": 0.001, "select": "mse"})), one_sided)
    assert result.state == "done"


def test_predictions_that_are_not_finite_at_the_end_give_the_state_diverged(
    cell: Cells, assignment: Assignments, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Trial.predict

    def spoilt(self: Trial, rows: np.ndarray, epoch: int, *others: Any, **kept: Any) -> dict[str, np.ndarray]:
        predictions = honest(self, rows, epoch, *others, **kept)
        return {task: x * (np.nan if rows is fold.tests["test"] else 1) for task, x in predictions.items()}

    monkeypatch.setattr(Trial, "predict", spoilt)
    result = fit(assignment(cell()), data)
    assert result.state == "diverged"
    assert len(result.curve) == 4


def test_an_infinite_term_of_weight_zero_is_no_divergence(
    cell: Cells, assignment: Assignments, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = {"emotion": "cross_entropy", "kl": {"name": "kl_prior", "weight": 0.0}}
    with monkeypatch.context() as patch:
        patch.setattr("butfor.plugins.losses.kl_prior.KlPrior.forward", lambda *_: torch.tensor(float("inf")))
        assert fit(assignment(cell(losses=losses)), data).state == "done"


def test_training_uses_one_thread_and_gives_the_others_back(
    cell: Cells, assignment: Assignments, data: Dataset
) -> None:
    torch.set_num_threads(2)
    try:
        fit(assignment(cell(train={"epochs": 1})), data)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_the_order_and_masks_of_shared_parts_do_not_depend_on_other_terms(
    cell: Cells, assignment: Assignments, data: Dataset
) -> None:
    """With a frozen optimiser, the loss of a shared term is the same to the last bit, step for step."""

    def emotion(**changes: Any) -> list[float]:
        train = {"epochs": 3, "lr": 1e-30, "weight_decay": 0.0, "optimizer": "sgd"}
        result = fit(assignment(cell(train=train, **changes)), data)
        return [epoch["loss.emotion"] for epoch in result.curve]

    losses = {"contrastive": "info_nce", "kl": "kl_prior", "emotion": "cross_entropy", "valence": "mse"}
    assert emotion() == emotion(losses=losses)


def test_a_fold_smaller_than_a_batch_trains_on_one_batch(cell: Cells, data: Dataset) -> None:
    rows = np.arange(240)
    fold = Fold("0", rows[:10], rows[160:200], {"test": rows[200:]})
    trial = Trial(Assignment("a" * 16, "b" * 16, cell(), 0, fold), data)
    batches = list(trial.feed.training_rows(0, 32, 0, "0"))
    assert [len(batch) for batch in batches] == [10]
    batches = list(trial.feed.training_rows(0, 4, 0, "0"))
    assert [len(batch) for batch in batches] == [4, 4]
