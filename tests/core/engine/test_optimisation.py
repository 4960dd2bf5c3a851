"""Optimiser, clipping, schedule and stopper, against torch and sequences worked by hand."""

import math

import pytest
import torch

from butfor.core.engine.optimisation import Schedule, Stopper, clip_gradients, make_optimizer
from butfor.core.study.settings import Clip, Cosine, Plateau, TrainSettings


def walk(train: TrainSettings, optimizer: torch.optim.Optimizer, weight: torch.Tensor) -> torch.Tensor:
    target = torch.linspace(-1, 1, weight.numel())
    for _ in range(20):
        optimizer.zero_grad()
        ((weight - target) ** 2).sum().backward()
        optimizer.step()
    return weight.detach()


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_updates_equal_those_of_torchs_plain_optimiser(name: str) -> None:
    momentum = {"momentum": 0.5} if name == "sgd" else {}
    train = TrainSettings(optimizer=name, lr=0.01, weight_decay=0.1, **momentum)
    plain = {
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
        "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
        "sgd": lambda p: torch.optim.SGD(p, lr=0.01, weight_decay=0.1, momentum=0.5),
    }[name]
    ours, theirs = (torch.ones(7, requires_grad=True) for _ in range(2))
    assert torch.allclose(walk(train, make_optimizer(train, [ours]), ours), walk(train, plain([theirs]), theirs))


def test_clipping_by_value_by_norm_and_not_at_all() -> None:
    def clipped(clip: Clip | None) -> list[float]:
        weight = torch.zeros(2, requires_grad=True)
        weight.grad = torch.tensor([3.0, -4.0])
        clip_gradients(clip, [weight])
        return weight.grad.tolist()

    assert clipped(Clip(by="value", limit=1.0)) == [1, -1]
    assert clipped(Clip(by="norm", limit=1.0)) == pytest.approx([0.6, -0.8], abs=1e-5)
    assert clipped(None) == [3, -4]


def test_plateau_halves_the_rate_after_patience_and_respects_the_floor() -> None:
    train = TrainSettings(lr=0.1, scheduler=Plateau(factor=0.5, patience=1, min_lr=0.03))
    schedule = Schedule(train)
    rates = []
    for score in (0.5, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6):
        schedule.step(score)
        rates.append(schedule.lr)
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03])


def test_a_score_below_zero_that_does_not_grow_lowers_the_rate_too() -> None:
    train = TrainSettings(lr=0.1, scheduler=Plateau(factor=0.5, patience=1, min_lr=0.0))
    schedule = Schedule(train)
    for _ in range(3):
        schedule.step(-0.5)
    assert schedule.lr == pytest.approx(0.05)


def test_cosine_ends_at_its_minimum_and_no_scheduler_keeps_the_rate() -> None:
    train = TrainSettings(lr=0.1, epochs=4, scheduler=Cosine(min_lr=0.02))
    schedule = Schedule(train)
    rates = []
    for _ in range(4):
        schedule.step(0)
        rates.append(schedule.lr)
    expected = [0.02 + 0.5 * 0.08 * (1 + math.cos(math.pi * e / 4)) for e in (1, 2, 3, 4)]
    assert rates == pytest.approx(expected)
    constant = TrainSettings(lr=0.1, scheduler=None)
    schedule = Schedule(constant)
    schedule.step(0)
    assert schedule.lr == 0.1


def test_the_stopper_keeps_the_first_maximum_and_counts_only_gains_above_min_delta() -> None:
    stopper = Stopper(patience=3, min_delta=0.001)
    kept = []
    stopped_at = None
    for epoch, score in enumerate([0.5, 0.6, 0.6005, 0.6005, 0.6009, 0.9]):
        kept.append(stopper.improved(epoch, score))
        if stopper.stop:
            stopped_at = epoch
            break
    assert kept == [True, True, True, False, True]
    assert stopped_at == 4
    assert stopper.best_epoch == 4


def test_a_score_that_is_not_finite_is_never_kept_and_no_patience_never_stops() -> None:
    stopper = Stopper(patience=None, min_delta=0.0)
    assert not stopper.improved(0, math.nan)
    assert not stopper.improved(1, -math.inf)
    assert stopper.improved(2, -5.0)
    for epoch in range(3, 200):
        assert not stopper.improved(epoch, math.inf if epoch == 50 else -6.0)
    assert not stopper.stop
    assert stopper.best_epoch == 2
