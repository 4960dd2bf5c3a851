"""Devices: what a GPU would compute, as far as that shows without one; and, where there is one, that it does."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from butfor.core import Dataset, TrainingError
from butfor.core.catalogue import Catalogue
from butfor.core.engine import devices
from butfor.core.engine import slots as slots_module
from butfor.core.engine import stack as stack_module
from butfor.core.engine import work as work_module
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.checkpoints import Checkpoints
from butfor.core.engine.devices import CUDA, GPU_ROWS, computing_on, why_not_here
from butfor.core.engine.feed import Feeds
from butfor.core.engine.loop import fit
from butfor.core.engine.model import System
from butfor.core.engine.noise import ServedNoise, SiteKeys
from butfor.core.engine.probe import _Probe, probe
from butfor.core.engine.replay import Joint
from butfor.core.engine.slots import Slots
from butfor.core.engine.stack import RowStep, Stack
from butfor.core.engine.work import Work, perform
from butfor.core.results import TrainResult
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]

needs_gpu = pytest.mark.skipif(bool(why_not_here(CUDA)), reason=why_not_here(CUDA))
LIKE_A_GPU = "cpu:0"
"""The processor by another name: everything is as on a GPU, but for the kernels."""
V4 = {
    "fusion": {"name": "proxy_attention", "proxy": "gated_uncertainty", "dropout": 0.2},
    "encoder": {"name": "variational_mlp", "variant": "v4", "width": 8, "dropout": 0.3},
    "head": {"dropout": 0.2},
    "modality_dropout": {"rate": 0.3},
    "losses": {
        "emotion": {"name": "focal", "smoothing": 0.1, "alpha": (0.4, 1.6)},
        "valence": {"name": "mse", "weight": 0.5},
        "kl": {"name": "kl_prior", "weight": 0.01, "warmup": {"start": 1, "ramp": 2}},
        "reconstruction": {"name": "reconstruction", "weight": 0.1},
        "cross_kl": {"name": "cross_modal_kl", "weight": 0.01},
        "contrastive": {"name": "info_nce", "weight": 0.1},
    },
    "train": {"epochs": 3, "batch_size": 32, "clip": {"by": "norm", "limit": 0.5}, "scheduler": None},
}


def trials(settings: CellSettings, fold: Fold, seeds: int = 3) -> list[Assignment]:
    return [Assignment(f"{seed}", "c", settings, seed, fold) for seed in range(seeds)]


def stacked(assignments: list[Assignment], data: Dataset, device: str) -> dict[str, TrainResult]:
    return {result.key: result for result in Slots(assignments, Feeds(data, device=device)).run()}


def same(one: TrainResult, other: TrainResult) -> None:
    assert repr(one.curve) == repr(other.curve)
    for name, values in one.predictions.items():
        np.testing.assert_array_equal(values, other.predictions[name])


def fusions(catalogue: Catalogue) -> list[str]:
    return sorted(name for kind, name in catalogue.entries if kind == "fusion")


def test_a_pass_of_every_fusion_stays_on_its_device_and_waits_for_nothing(
    cell: Cells, data: Dataset, fold: Fold, catalogue: Catalogue
) -> None:
    """On a device that holds no numbers, what mixes devices or reads a value is refused."""
    for name in fusions(catalogue):
        settings = cell(**{**V4, "fusion": name})
        feed = Feeds(data, device="meta").feed(fold, settings.modalities, standardised=False)
        system = System(settings, data, 0, "0").to("meta")
        stack = Stack(3, system, feed, 32)
        rows, left = torch.arange(32), feed.recorded[:32]
        stack.fill(RowStep(row, feed, rows, left, SiteKeys(row), 0) for row in range(3))
        stack.step()
        joint = Joint(stack._forward, stack._inputs(), list(stack.rows.leaves.values()))
        graph = joint.graph()
        choices = [node for node in graph.graph.nodes if "where" in str(node.target)]
        chosen = [source for node in choices for source in node.all_input_nodes if source.op == "get_attr"]
        assert {getattr(graph, node.target).device.type for node in chosen} == {"meta"}
        assert {value.device.type for value in graph(*joint.copies())} == {"meta"}
        assert stack.sums.device.type == stack.rows.gradients.device.type == "meta"


def test_a_step_of_the_probe_stays_on_its_device(cell: Cells, data: Dataset, fold: Fold) -> None:
    (one,) = trials(cell(**V4), fold, seeds=1)
    asked = _Probe(one, data, "meta")
    system = asked.system(0)
    found = asked._step(system, ServedNoise(0, "0", "noise").attach(system), 0)
    assert {value.device.type for value in found.values()} == {"meta"}


def test_with_fixed_rows_and_drafts_every_bit_is_as_in_any_stack(
    cell: Cells, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots_module, "GPU_ROWS", 8)
    monkeypatch.setattr(stack_module, "TRACE_AHEAD", 1)
    widths: set[int] = set()
    honest = Stack.step

    def watched(self: Any, *args: Any) -> None:
        widths.add(len(self))
        honest(self, *args)

    assignments = trials(cell(**V4), fold)
    usual = stacked(assignments, data, "cpu")
    monkeypatch.setattr(Stack, "step", watched)
    fixed = stacked(assignments, data, LIKE_A_GPU)
    assert widths == {8}
    for key, result in usual.items():
        same(result, fixed[key])


def test_alone_the_same_numbers_come_from_there(cell: Cells, data: Dataset, fold: Fold) -> None:
    (one,) = trials(cell(**V4), fold, seeds=1)
    same(fit(one, data), fit(one, data, Feeds(data, device=LIKE_A_GPU)))


def test_the_probe_asks_it_of_a_stack_as_wide_as_those_that_train(
    cell: Cells, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: set[int] = set()
    honest = Stack.step

    def watched(self: Any, *args: Any) -> None:
        widths.add(len(self))
        honest(self, *args)

    monkeypatch.setattr(Stack, "step", watched)
    (one,) = trials(cell(**V4), fold, seeds=1)
    assert probe(one, data, LIKE_A_GPU) == ""
    assert widths == {GPU_ROWS}


def test_the_probe_finds_a_device_that_computes_something_else(
    cell: Cells, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Stack.fill

    def wrong(self: Any, steps: Any) -> None:
        honest(self, steps)
        if len(self) == GPU_ROWS:
            self.batch.features["audio"].mul_(1 + 1e-6)

    monkeypatch.setattr(Stack, "fill", wrong)
    (one,) = trials(cell(**V4), fold, seeds=1)
    assert "between a stack and the trial alone" in probe(one, data, LIKE_A_GPU)
    assert probe(one, data) == ""


def test_what_does_not_fit_on_a_gpu_even_by_itself_is_trained_alone_and_says_so(
    cell: Cells, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Slots) -> Any:
        raise MemoryError
        yield

    monkeypatch.setattr(Slots, "run", full)
    feeds = Feeds(data, device=LIKE_A_GPU)
    one, two = trials(cell(**V4), fold, seeds=1), trials(cell(**V4), fold, seeds=2)
    (result,) = work_module._trained(work_module.Group(one, "stack"), feeds, Checkpoints(""))
    assert result.provenance["not_stacked"] == "its stack does not fit on the GPU"
    same(result, fit(one[0], data))
    for group, where in ((two, feeds), (one, Feeds(data))):
        with pytest.raises(MemoryError):
            list(work_module._trained(work_module.Group(group, "stack"), where, Checkpoints("")))


def test_every_result_is_computed_with_the_settings_of_its_device_and_none_is_left_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devices, "why_not_here", lambda _: "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    def seen() -> tuple[bool, bool]:
        return torch.are_deterministic_algorithms_enabled(), "CUBLAS_WORKSPACE_CONFIG" in os.environ

    monkeypatch.setattr(work_module, "_performed", lambda *_: (seen() for _ in range(3)))
    inside, between = list[Any](), list[Any]()
    for result in perform(Work((), "", device=CUDA), None, None):  # type: ignore[arg-type]  # neither is looked at
        inside.append(result)
        between.append(seen())
    assert inside == [(True, True)] * 3
    assert between == [(False, False)] * 3


@pytest.mark.skipif(not why_not_here(CUDA), reason="this machine has a GPU")
def test_without_a_gpu_nothing_computes_there_and_the_reason_is_told() -> None:
    with pytest.raises(TrainingError, match=r"--device cuda: .*leave it out"), computing_on(CUDA):
        pass


@needs_gpu
def test_a_gpu_computes_what_the_processor_does(cell: Cells, data: Dataset, fold: Fold) -> None:
    assignments = trials(cell(**V4), fold)
    with computing_on(CUDA):
        here, there = stacked(assignments, data, "cpu"), stacked(assignments, data, CUDA)
    for key, result in here.items():
        for mine, theirs in zip(result.curve, there[key].curve, strict=True):
            assert theirs["loss"] == pytest.approx(mine["loss"], rel=1e-3)


@needs_gpu
def test_on_a_gpu_bits_depend_neither_on_neighbours_nor_on_the_graph(
    cell: Cells, data: Dataset, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    with computing_on(CUDA):
        assignments = trials(cell(**V4), fold, seeds=5)
        assert probe(assignments[0], data, CUDA) == ""
        plain = stacked(assignments, data, CUDA)
        few = stacked(assignments[3:], data, CUDA)
        monkeypatch.setattr(stack_module, "TRACE_AHEAD", 1)
        graph = stacked(assignments, data, CUDA)
    for key, result in few.items():
        same(result, plain[key])
    for key, result in graph.items():
        same(result, plain[key])
