"""A replay has the bits of its pass whatever the inputs become, or there is none."""

import gc
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from butfor.core.engine import captured as captured_module
from butfor.core.engine.captured import WARM, captured
from butfor.core.engine.recorder import NotRecordedError
from butfor.core.engine.replay import differentiated, traced
from butfor.core.engine.simplify import LARGE

ROWS = 3
Passed = tuple[Tensor, dict[str, Tensor], Sequence[Tensor | None]]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def replayed(loss: Callable[..., Tensor], *inputs: Tensor, trial: object = None) -> bool:
    """Whether there is a replay; it is compared with its pass on inputs that have changed since."""
    leaf = inputs[0].requires_grad_()

    def forward(given: Any) -> tuple[Tensor, dict[str, Tensor]]:
        total = loss(*given)
        return total, {"term": total * 1.0}

    try:
        replay = traced(forward, [leaf], inputs, (), trial)
    except NotRecordedError:
        return False
    for seed in (5, 6):
        with torch.no_grad():
            for value in inputs:
                change = numbers(*value.shape, seed=seed)
                value.copy_(change if value.is_floating_point() else (change.abs() * 3).to(value.dtype))
        if replay is not None:
            same(replay(), differentiated(forward, [leaf], inputs))
    return replay is not None


def same(ours: Passed, theirs: Passed) -> None:
    for mine, wanted in zip(
        (ours[0], *ours[1].values(), *ours[2]), (theirs[0], *theirs[1].values(), *theirs[2]), strict=True
    ):
        assert mine is not None
        assert wanted is not None
        assert torch.equal(mine, wanted)


def test_a_condition_of_whole_numbers_is_no_mask() -> None:
    def loss(w: Tensor, n: Tensor) -> Tensor:
        return torch.where(n, w, 0.0).exp().sum(dim=1)

    with pytest.warns(UserWarning, match="uint8"):
        assert replayed(loss, numbers(ROWS, LARGE), torch.ones(ROWS, LARGE, dtype=torch.uint8))


def test_a_mask_lies_as_the_choice_would() -> None:
    def loss(w: Tensor, x: Tensor) -> Tensor:
        keep = (x > 0).expand(ROWS, 64, 256).contiguous()
        return torch.where(keep, w.transpose(1, 2), 0.0).sum(dim=1).exp().sum(dim=1)

    inputs = numbers(ROWS, 256, 64), torch.zeros(ROWS, 64, 256)
    assert replayed(loss, *inputs, trial=[numbers(ROWS, 256, 64), numbers(ROWS, 64, 256)])


def test_inputs_that_are_one_memory_stay_one() -> None:
    one = numbers(ROWS, 4, seed=1)

    def loss(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
        before = y.exp()
        x.mul_(0.5)
        return (w * (before + y.exp())).sum(dim=1)

    leaf = numbers(ROWS, 4).requires_grad_()

    def forward(given: Any) -> tuple[Tensor, dict[str, Tensor]]:
        return loss(*given), {}

    replay = traced(forward, [leaf], (leaf, one, one))
    assert replay is not None
    start = one.clone()
    ours = replay()
    one.copy_(start)
    same(ours, differentiated(forward, [leaf], (leaf, one, one)))


def test_memory_that_is_shared_untold_is_not_taken_for_a_constant() -> None:
    def loss(w: Tensor) -> Tensor:
        counted = torch.zeros(4)
        one, _ = torch.unsafe_chunk(counted, 2)
        one.add_(1.0)
        return (w * counted).sum(dim=1)

    assert replayed(loss, numbers(ROWS, 4))


@pytest.mark.parametrize(
    "loss",
    [
        lambda w, _: w.relu().prod(dim=-1),
        lambda w, x: w.sum(dim=1) * (x * 0 + 2).max().item(),
        lambda w, x: w.sum(dim=1) * float(bool((x > -99).all())),
        lambda w, x: w[:, (x > -99).all(dim=0).nonzero()[:, 0]].sum(dim=1),
    ],
    ids=["a gradient of two ways", "a number in Python", "a branch", "a choice of columns"],
)
def test_what_goes_another_way_when_values_change_has_no_replay(loss: Callable[..., Tensor]) -> None:
    assert not replayed(loss, numbers(ROWS, 4), numbers(ROWS, 4))


def test_what_is_right_only_on_the_inputs_of_the_moment_is_found_on_the_trials() -> None:
    def loss(w: Tensor, epochs: Tensor) -> Tensor:
        return w.sum(dim=1) * torch.tensor(epochs.tolist())

    trial = [numbers(ROWS, 4), torch.arange(ROWS)]
    assert not replayed(loss, numbers(ROWS, 4), torch.zeros(ROWS, dtype=torch.int64), trial=trial)


class _Graph:
    def replay(self) -> None:
        pass


@pytest.mark.parametrize("fails", [True, False])
def test_a_capture_leaves_memory_as_it_was_and_what_it_reads_alive(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for the graph of a GPU."""
    running = torch.zeros(2)

    def replay() -> Passed:
        running.add_(1)
        return running, {}, []

    def capture(replay: Callable[[], Passed]) -> tuple[_Graph, Passed]:
        for _ in range(WARM):
            passed = replay()
        if fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        return _Graph(), passed

    monkeypatch.setattr(captured_module, "_capture", capture)
    run, alive = captured(replay, [running]), weakref.ref(replay)
    assert not running.any()
    assert (run is replay) == fails
    del replay
    gc.collect()
    assert alive() is not None
    assert run()[0] is running
