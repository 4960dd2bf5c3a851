"""What authors write besides linear layers: it is stacked, traced, kept and resumed like everything else."""

# ruff: noqa: NPY002 - what a module draws from is the legacy generator
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from butfor.core import Dataset, Encoded, Fused, FusionSpec, LossSpec
from butfor.core.engine import stack as stack_module
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.checkpoints import Checkpoints
from butfor.core.engine.feed import Feeds
from butfor.core.engine.loop import Trial, fit
from butfor.core.engine.probe import probe
from butfor.core.engine.slots import Slots
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]
WIDTH = 8


class OddSpec(FusionSpec):
    """A fusion that does what `way` says."""

    name: Literal["odd"] = "odd"
    way: str = "conv"
    """What it does."""
    factor: float = 1.0
    """Of its result."""

    def build(self, *, modalities: tuple[str, ...], width: int) -> nn.Module:
        return Odd(self)


class Odd(nn.Module):
    def __init__(self, spec: OddSpec) -> None:
        super().__init__()
        self.way, self.factor = spec.way, spec.factor
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.conv = nn.Conv1d(1, 4, 3, padding=1)
        self.embedding = nn.Embedding(WIDTH, WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        self.sparse = nn.Embedding(WIDTH, WIDTH, sparse=spec.way == "sparse gradients")
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.frozen = nn.Linear(WIDTH, WIDTH).requires_grad_(False)
        self.register_buffer("average", torch.zeros(WIDTH), persistent=False)

    def forward(self, encoded: dict[str, Encoded], present: torch.Tensor) -> Fused:
        total = sum(e.mean for e in encoded.values())
        return Fused(self.factor * self.linear(WAYS[self.way](self, total, present)))


class TwiceSpec(LossSpec):
    """A term that reads the fused vector twice."""

    name: Literal["twice"] = "twice"
    rate: float = 1.3
    """Of the second reading."""

    def build(self, *, shapes: Any) -> nn.Module:
        return Twice(self)


class Twice(nn.Module):
    def __init__(self, spec: TwiceSpec) -> None:
        super().__init__()
        self.rate = spec.rate

    def forward(self, outputs: Any, batch: Any) -> torch.Tensor:
        vector = outputs.fused.vector
        return (0.3 * vector.exp() + self.rate * vector.sin()).mean()


def averaged(self: Any, x: torch.Tensor, _present: torch.Tensor) -> torch.Tensor:
    if self.training:
        self.average.mul_(0.9).add_(x.detach().mean(dim=0))
    return x + self.average


def dropped_in_place(self: Any, x: torch.Tensor, _present: torch.Tensor) -> torch.Tensor:
    changed = x * 1.0
    functional.dropout(changed, 0.5, self.training, inplace=True)
    return changed


WAYS: dict[str, Callable[[Any, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "conv": lambda self, x, _: self.conv(x[:, None]).mean(dim=1),
    "embedding": lambda self, x, _: x * self.embedding((x > 0).long()).mean(dim=1),
    "a constant in another shape": lambda _self, x, __: x * torch.arange(WIDTH).view(2, 4).reshape(WIDTH),
    "attention": lambda self, x, _: self.attention(x[:, None], x[:, None], x[:, None])[0][:, 0],
    "a number of its own": lambda self, x, _: x * self.scale,
    "frozen weights": lambda self, x, _: self.frozen(x),
    "a buffer kept out of the state": averaged,
    "noise as wide as a mask": lambda _self, x, present: x * torch.rand_like(present.float()).mean(dim=1, keepdim=True),
    "noise in double precision": lambda _self, x, _: x + torch.randn_like(x.double()).to(x.dtype),
    "dropout in place": dropped_in_place,
    "as it is": lambda _self, x, _: x * 1.0,
}
HIDDEN = {
    "Python's random": lambda _self, x, _: x * random.random(),
    "NumPy's": lambda _self, x, _: x * float(np.random.rand()),
    "torch's gamma": lambda _self, x, _: x * torch.distributions.Gamma(2.0, 1.0).sample(),
}
WAYS |= HIDDEN
ALONE = {"sparse gradients": lambda self, x, _: x * self.sparse((x > 0).long()).mean(dim=1)}
"""What no stack takes."""
WAYS |= ALONE


def odd(cell: Cells, way: str, *, factor: float = 1.0, epochs: int = 3) -> CellSettings:
    train = {"epochs": epochs, "batch_size": 32, "lr": 0.01, "patience": None}
    return cell(encoder={"name": "mlp", "width": WIDTH}, train=train).model_copy(
        update={"fusion": OddSpec(way=way, factor=factor)}
    )


def trials(settings: CellSettings, fold: Fold) -> list[Assignment]:
    return [Assignment(f"{seed}" * 16, "c", settings, seed, fold) for seed in range(3)]


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("way", [way for way in WAYS if way not in HIDDEN | ALONE])
def test_it_is_stacked_and_equal_to_its_trials_traced_or_not(
    way: str, cell: Cells, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve steps in single precision; the replay, from the third step on, has to be taken, not just refused."""
    replays: list[bool] = []
    honest = stack_module.traced

    def watched(*args: Any) -> Any:
        replays.append((found := honest(*args)) is not None)
        return found

    monkeypatch.setattr(stack_module, "TRACE_AFTER", 3)
    monkeypatch.setattr(stack_module, "TRACE_AHEAD", 1)
    monkeypatch.setattr(stack_module, "traced", watched)
    assignments = trials(odd(cell, way), fold)
    assert probe(assignments[0], data) == ""
    together = {result.key: result for result in Slots(assignments, Feeds(data)).run()}
    assert replays == [True]
    for assignment in assignments:
        alone, row = fit(assignment, data), together[assignment.key]
        for mine, theirs in zip(row.curve, alone.curve, strict=True):
            assert mine["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        for name, values in alone.predictions.items():
            np.testing.assert_allclose(row.predictions[name], values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("after", [3, 10**6], ids=["traced", "as it is"])
def test_holding_terms_back_where_none_has_to_be_changes_no_bit(
    after: int, cell: Cells, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients of a term that reads a value twice are added up before they join those of another such term."""
    monkeypatch.setattr(stack_module, "TRACE_AFTER", after)
    monkeypatch.setattr(stack_module, "TRACE_AHEAD", 1)
    settings = odd(cell, "as it is")
    terms = {**settings.losses, "one": TwiceSpec(), "other": TwiceSpec(rate=0.7)}
    assignments = trials(settings.model_copy(update={"losses": terms}), fold)
    free = {result.key: repr(result.curve) for result in Slots(assignments, Feeds(data)).run()}
    honest = stack_module.Stack.set_row

    def held(self: Any, *args: Any) -> None:
        honest(self, *args)
        assert not self._holding
        self._holding = True

    monkeypatch.setattr(stack_module.Stack, "set_row", held)
    assert {result.key: repr(result.curve) for result in Slots(assignments, Feeds(data)).run()} == free


def test_dropout_in_place_drops(cell: Cells, data: Dataset, fold: Fold) -> None:
    """The rate decides what is learned: a fusion that keeps everything has another course."""
    (dropped, *_), (kept, *_) = (trials(odd(cell, way), fold) for way in ("dropout in place", "as it is"))
    assert fit(dropped, data).curve[0]["loss"] != fit(kept, data).curve[0]["loss"]


def test_what_cannot_be_traced_goes_on_as_it_is(
    cell: Cells, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("view size is not compatible")

    assignments = trials(odd(cell, "conv"), fold)
    plain = {result.key: result for result in Slots(assignments, Feeds(data)).run()}
    monkeypatch.setattr(stack_module, "TRACE_AFTER", 3)
    monkeypatch.setattr(stack_module, "TRACE_AHEAD", 1)
    monkeypatch.setattr(stack_module, "traced", broken)
    for result in Slots(assignments, Feeds(data)).run():
        assert repr(result.curve) == repr(plain[result.key].curve)


@pytest.mark.parametrize("way", ALONE)
def test_what_no_stack_takes_is_trained_alone(way: str, cell: Cells, data: Dataset, fold: Fold) -> None:
    (assignment, *_) = trials(odd(cell, way), fold)
    assert "sparse" in probe(assignment, data)
    curve = fit(assignment, data).curve
    assert curve[-1]["loss"] < curve[0]["loss"]


@pytest.mark.parametrize("way", HIDDEN)
def test_what_draws_behind_the_engines_back_is_alone_but_paired_and_repeatable(
    way: str, cell: Cells, data: Dataset, fold: Fold
) -> None:
    first, second, _ = trials(odd(cell, way), fold)
    assert probe(first, data)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    once = fit(first, data)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    assert repr(fit(first, data).curve) == repr(once.curve)
    assert repr(fit(second, data).curve) != repr(once.curve)
    (wider, *_) = trials(odd(cell, way, factor=1.0 + 1e-12), fold)
    assert fit(wider, data).curve[0]["loss"] == pytest.approx(once.curve[0]["loss"], rel=1e-5)


@pytest.mark.parametrize("way", ["a buffer kept out of the state", "frozen weights", *HIDDEN])
def test_alone_it_goes_on_from_a_checkpoint_to_the_bit(
    way: str, cell: Cells, data: Dataset, fold: Fold, tmp_path: Path
) -> None:
    (assignment, *_) = trials(odd(cell, way, epochs=4), fold)
    whole = fit(assignment, data)
    kept = Checkpoints(str(tmp_path), every=0.0)

    class StoppedError(Exception):
        pass

    class Interrupted(Trial):
        def _train_epoch(self) -> dict[str, float]:
            if self.course.epoch == 2:
                raise StoppedError
            return super()._train_epoch()

    with pytest.raises(StoppedError):
        Interrupted(assignment, data).run(kept)
    assert kept.load(assignment.key) is not None
    resumed = fit(assignment, data, checkpoints=kept)
    assert repr(resumed.curve) == repr(whole.curve)
    for name, values in whole.predictions.items():
        np.testing.assert_array_equal(resumed.predictions[name], values)
