"""Stacks of trials: equal to trials alone, whatever stands beside them, however rows are filled, whatever breaks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from butfor.core import Dataset, TrainingError
from butfor.core.engine import placed
from butfor.core.engine import slots as slots_module
from butfor.core.engine import stack as stack_module
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.feed import Feeds
from butfor.core.engine.loop import fit
from butfor.core.engine.model import System
from butfor.core.engine.slots import Slots
from butfor.core.results import TrainResult
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]

V4 = {
    "fusion": {"name": "proxy_attention", "proxy": "gated_uncertainty", "dropout": 0.2},
    "encoder": {"name": "variational_mlp", "variant": "v4", "width": 8, "dropout": 0.3},
    "head": {"dropout": 0.2},
    "modality_dropout": {"rate": 0.3, "warmup": 1},
    "losses": {
        "emotion": {"name": "focal", "smoothing": 0.1},
        "valence": {"name": "mse", "weight": 0.5},
        "kl": {"name": "kl_prior", "weight": 0.01, "warmup": {"start": 1, "ramp": 2}},
        "reconstruction": {"name": "reconstruction", "weight": 0.1},
        "cross_kl": {"name": "cross_modal_kl", "weight": 0.01},
        "contrastive": {"name": "info_nce", "weight": 0.1},
    },
}
CELLS = {
    "v4": V4,
    "latent sample": {**V4, "latent": "sample", "fusion": "product_of_experts"},
    "dropout at the input": {**V4, "modality_dropout": {"rate": 0.5, "site": "input"}, "fusion": "attention"},
    "concat": {"fusion": "concat", "encoder": {"name": "mlp", "width": 8}},
    "low rank": {"fusion": "low_rank"},
    "tensor": {"fusion": "tensor", "encoder": {"name": "variational_mlp", "variant": "deep", "width": 4}},
    "uncertainty": {
        "fusion": "uncertainty",
        "encoder": {"name": "variational_mlp", "variant": "relu_plain", "width": 4},
    },
    "errors": {
        "losses": {"emotion": "cross_entropy", "valence": "mae", "again": {"name": "smooth_l1", "task": "valence"}}
    },
}


def trials(
    cells: list[CellSettings], data: Dataset, seeds: int = 2, sizes: tuple[int, ...] = (160, 130)
) -> list[Assignment]:
    """Every cell x seed x fold; folds of unequal size."""
    order = np.random.default_rng(3).permutation(240)
    folds = [Fold(str(n), np.sort(order[:n]), np.sort(order[160:200]), {"test": np.sort(order[200:])}) for n in sizes]
    return [
        Assignment(f"{number}-{seed}-{fold.name}", "c", cell, seed, fold)
        for number, cell in enumerate(cells)
        for seed in range(seeds)
        for fold in folds
    ]


def stacked(assignments: list[Assignment], data: Dataset, most: int = 64) -> dict[str, TrainResult]:
    return {result.key: result for result in Slots(assignments, Feeds(data), most).run()}


def same(one: TrainResult, other: TrainResult) -> None:
    assert one.state == other.state
    assert one.selected_epoch == other.selected_epoch
    assert repr(one.curve) == repr(other.curve)
    assert one.metrics == other.metrics
    assert one.predictions.keys() == other.predictions.keys()
    for name, values in one.predictions.items():
        np.testing.assert_array_equal(values, other.predictions[name])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("name", "epochs"), [(name, 25 if name == "v4" else 4) for name in CELLS])
def test_in_double_precision_a_stack_is_its_trials(name: str, epochs: int, cell: Cells, data: Dataset) -> None:
    """After a hundred steps of AttentionRobustV4, and after a few of the others."""
    plateau = {"name": "plateau", "patience": 3}
    train = {"epochs": epochs, "batch_size": 32, "lr": 0.002, "patience": None, "scheduler": plateau}
    assignments = trials([cell(**{**CELLS[name], "train": train})], data, seeds=1)
    together = stacked(assignments, data)
    for assignment in assignments:
        alone, row = fit(assignment, data), together[assignment.key]
        assert row.provenance["steps"] >= 4 * epochs
        assert row.selected_epoch == alone.selected_epoch
        for mine, theirs in zip(row.curve, alone.curve, strict=True):
            assert mine == pytest.approx(theirs, rel=1e-10, abs=1e-12)
        for name_, values in alone.predictions.items():
            np.testing.assert_allclose(row.predictions[name_], values, rtol=1e-10, atol=1e-11)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("clip", [None, {"by": "norm", "limit": 0.1}, {"by": "value", "limit": 0.01}])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_rows_with_their_own_training_are_trials_with_their_own_training(
    optimizer: str, clip: dict[str, Any] | None, cell: Cells, data: Dataset
) -> None:
    first = {"epochs": 3, "batch_size": 32, "lr": 0.01, "optimizer": optimizer, "clip": clip, "scheduler": "cosine"}
    other = {**first, "epochs": 4, "lr": 0.003, "weight_decay": 0.1, "clip": 0.05, "scheduler": None, "patience": 2}
    assignments = trials([cell(train=first), cell(train=other)], data, seeds=1)
    together = stacked(assignments, data)
    for assignment in assignments:
        alone = fit(assignment, data)
        assert len(together[assignment.key].curve) == len(alone.curve)
        for name, values in alone.predictions.items():
            np.testing.assert_allclose(together[assignment.key].predictions[name], values, rtol=1e-9, atol=1e-11)


def test_in_single_precision_a_stack_selects_the_epochs_of_its_trials(cell: Cells, data: Dataset) -> None:
    train = {"epochs": 5, "batch_size": 32, "lr": 0.005}
    assignments = trials([cell(**{**V4, "train": train})], data, seeds=3)
    together = stacked(assignments, data)
    alone = [fit(assignment, data) for assignment in assignments]
    assert np.mean([result.selected_epoch == together[result.key].selected_epoch for result in alone]) >= 0.9
    for result in alone:
        assert together[result.key].curve[0]["loss"] == pytest.approx(result.curve[0]["loss"], rel=1e-5)


@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data_of=st.data())
def test_no_bit_depends_on_the_size_of_the_stack_or_on_who_else_is_in_it(
    data_of: st.DataObject, cell: Cells, data: Dataset
) -> None:
    """Random studies of one structure, cut into stacks at random, refilled and halved at random."""
    name = data_of.draw(st.sampled_from(sorted(CELLS)))
    lrs = data_of.draw(st.lists(st.sampled_from([1e-3, 3e-3, 1e-2]), min_size=1, max_size=3, unique=True))
    epochs = data_of.draw(st.lists(st.integers(1, 4), min_size=len(lrs), max_size=len(lrs)))
    patience = data_of.draw(st.sampled_from([None, 1]))
    cells = [
        cell(**{**CELLS[name], "train": {"epochs": n, "batch_size": 32, "lr": lr, "patience": patience}})
        for lr, n in zip(lrs, epochs, strict=True)
    ]
    assignments = trials(cells, data)
    whole = stacked(assignments, data)
    order = data_of.draw(st.permutations(assignments))
    cut = data_of.draw(st.integers(1, len(order)))
    most = data_of.draw(st.integers(2, 5))
    parts = [
        *stacked(order[:cut], data, most).values(),
        *(stacked(order[cut:], data, most).values() if order[cut:] else ()),
    ]
    assert len(parts) == len(assignments)
    for result in parts:
        same(result, whole[result.key])


@pytest.mark.parametrize("width", [8, 128])
def test_a_replayed_stack_has_the_bits_of_one_that_is_not(
    width: int, cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gradients of large matrices are written where they are to lie."""
    changes = {"encoder": {**V4["encoder"], "width": width}, "train": {"epochs": 3, "batch_size": 32}}
    assignments = trials([cell(**{**V4, **changes})], data)
    plain, written = stacked(assignments, data), list[str]()
    writes = placed._write

    def watched_write(graph: Any, product: Any, there: Any) -> None:
        written.append(product.name)
        writes(graph, product, there)

    monkeypatch.setattr(placed, "_write", watched_write)
    replayed: list[bool] = []
    honest = stack_module.traced

    def watched(*args: Any) -> Any:
        replayed.append((found := honest(*args)) is not None)
        return found

    monkeypatch.setattr(stack_module, "TRACE_AFTER", 2)
    monkeypatch.setattr(stack_module, "TRACE_AHEAD", 1)
    monkeypatch.setattr(stack_module, "traced", watched)
    for key, result in stacked(assignments, data).items():
        same(result, plain[key])
    assert replayed
    assert all(replayed)
    assert bool(written) == (width == 128)


def test_a_row_that_diverges_leaves_the_bits_of_the_others(cell: Cells, data: Dataset) -> None:
    calm = cell(**{**V4, "train": {"epochs": 3, "batch_size": 32, "lr": 0.01, "patience": None}})
    wild = cell(**{**V4, "train": {"epochs": 3, "batch_size": 32, "lr": 1e30, "patience": None, "clip": None}})
    alone = stacked(trials([calm], data), data)
    together = stacked(trials([calm, wild], data), data)
    assert {r.state for key, r in together.items() if key.startswith("1-")} == {"diverged"}
    for key, result in alone.items():
        same(together[key], result)


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data_of=st.data())
def test_wherever_a_row_diverges_it_changes_no_bit_of_the_others(
    data_of: st.DataObject, cell: Cells, data: Dataset
) -> None:
    """Random systems, among which any trial goes to infinity, in a stack of any size."""
    name = data_of.draw(st.sampled_from(sorted(CELLS)))
    train = {"epochs": 2, "batch_size": 32, "patience": None, "clip": None}
    calm = cell(**{**CELLS[name], "train": {**train, "lr": 0.01}})
    wild = cell(**{**CELLS[name], "train": {**train, "lr": data_of.draw(st.sampled_from([1e20, 1e30]))}})
    assignments = trials([calm], data)
    alone = stacked(assignments, data)
    chosen = data_of.draw(st.sets(st.integers(0, len(assignments) - 1), min_size=1, max_size=len(assignments) - 1))
    mixed = [replace(a, settings=wild) if number in chosen else a for number, a in enumerate(assignments)]
    together = stacked(data_of.draw(st.permutations(mixed)), data, data_of.draw(st.integers(2, 5)))
    for number, assignment in enumerate(assignments):
        if number in chosen:
            assert together[assignment.key].state == "diverged"
        else:
            same(together[assignment.key], alone[assignment.key])


def test_at_least_95_percent_of_trials_select_the_epoch_that_they_select_alone(cell: Cells, data: Dataset) -> None:
    """A small study: two systems, two rates, three seeds, two folds, eight epochs each."""
    cells = [
        cell(**{**CELLS[name], "train": {"epochs": 8, "batch_size": 32, "lr": lr, "patience": 4}})
        for name in ("concat", "uncertainty")
        for lr in (0.003, 0.01)
    ]
    study = [trials(cells[:2], data, seeds=3), trials(cells[2:], data, seeds=3)]
    equal: list[bool] = []
    for some in study:
        together = stacked(some, data)
        equal += [fit(one, data).selected_epoch == together[one.key].selected_epoch for one in some]
    assert len(equal) == 24
    assert np.mean(equal) >= 0.95


def test_a_term_at_zero_gives_no_gradient_even_where_its_own_is_not_a_number(
    cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warm-up keeps the term at zero all the time: training is as without it, to the last bit."""

    def nowhere(self: Any, outputs: Any, batch: Any) -> torch.Tensor:
        return sum((e.mean * 0).sqrt().sum() for e in outputs.encoded.values()) / 0

    train = {"epochs": 3, "batch_size": 32, "lr": 0.01, "weight_decay": 0.0}
    waiting = {"name": "kl_prior", "warmup": {"start": 99}}
    never = {"name": "kl_prior", "weight": 0.0}
    monkeypatch.setattr("butfor.plugins.losses.kl_prior.KlPrior.forward", nowhere)
    held = stacked(trials([cell(losses={"emotion": "cross_entropy", "kl": waiting}, train=train)], data), data)
    off = stacked(trials([cell(losses={"emotion": "cross_entropy", "kl": never}, train=train)], data), data)
    for key, result in off.items():
        assert result.state == "done"
        for name, values in result.predictions.items():
            np.testing.assert_array_equal(values, held[key].predictions[name])


def test_long_trials_come_first_and_free_rows_are_filled(cell: Cells, data: Dataset) -> None:
    cells = [cell(train={"epochs": n, "batch_size": 32, "patience": None}) for n in (1, 4, 2, 1, 3, 1)]
    assignments = trials(cells, data, seeds=1, sizes=(160,))
    results = list(Slots(assignments, Feeds(data), 2).run())
    assert {result.key for result in results} == {assignment.key for assignment in assignments}
    assert results[-1].provenance["slot_use"] == 1.0


def test_an_error_of_one_trial_comes_after_the_results_of_all_others(
    cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignments = trials([cell(train={"epochs": 2, "batch_size": 32})], data)
    honest = slots_module.Slot.predict

    def breaks(self: Any, rows: np.ndarray, epoch: int, *others: Any, **kept: Any) -> dict[str, np.ndarray]:
        if self.assignment.key == assignments[1].key:
            raise TrainingError("mine alone")
        return honest(self, rows, epoch, *others, **kept)

    monkeypatch.setattr(slots_module.Slot, "predict", breaks)
    found: list[str] = []
    with pytest.raises(TrainingError, match="mine alone"):
        found.extend(result.key for result in Slots(assignments, Feeds(data)).run())
    assert set(found) == {a.key for a in assignments} - {assignments[1].key}


def test_without_memory_the_stack_is_halved_and_no_number_changes(
    cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignments = trials([cell(train={"epochs": 2, "batch_size": 32})], data, seeds=4)
    whole = stacked(assignments, data)
    honest, widths = stack_module.Stack.step, []

    def scarce(self: Any, *args: Any) -> None:
        widths.append(len(self))
        if len(self) > 3 and len(widths) > 4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory")
        honest(self, *args)

    monkeypatch.setattr(stack_module.Stack, "step", scarce)
    for key, result in stacked(assignments, data).items():
        same(result, whole[key])
    assert widths[0] == 8
    assert min(widths) == 2


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (stack_module.Stack, "__init__"),
        (stack_module.Stack, "admit"),
        (stack_module.Stack, "narrow"),
        (slots_module.Slot, "predict"),
        (slots_module, "Course"),
    ],
)
def test_wherever_memory_runs_out_the_stack_is_halved(
    where: Any, name: str, cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening the stack, filling a row, halving it at its end, evaluating a row, starting a trial."""
    cells = [cell(train={"epochs": n, "batch_size": 32, "patience": None}) for n in (1, 2)]
    assignments = trials(cells, data, seeds=2)
    whole = stacked(assignments, data)
    honest, failed = getattr(where, name), list[int]()

    def scarce(*args: Any, **named: Any) -> Any:
        if not failed:
            failed.append(1)
            raise MemoryError
        return honest(*args, **named)

    monkeypatch.setattr(where, name, scarce)
    found = stacked(assignments, data)
    assert failed
    assert found.keys() == whole.keys()
    for key, result in found.items():
        same(result, whole[key])


def test_without_memory_to_evaluate_one_of_two_rows_that_trial_alone_is_lost(
    cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignments = trials([cell(train={"epochs": 2, "batch_size": 32})], data, seeds=1)
    honest = slots_module.Slot.predict

    def scarce(self: Any, *args: Any, **named: Any) -> Any:
        if self.assignment.key == assignments[0].key:
            raise MemoryError
        return honest(self, *args, **named)

    monkeypatch.setattr(slots_module.Slot, "predict", scarce)
    found: list[str] = []
    with pytest.raises(MemoryError):
        found.extend(result.key for result in Slots(assignments, Feeds(data)).run())
    assert found == [assignments[1].key]


def test_rows_are_as_many_as_there_is_room_for_all_that_is_kept_of_them(
    cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wide batch and its noise are most of a small system."""
    widths: list[int] = []
    honest = stack_module.Stack.step

    def watched(self: Any, *args: Any) -> None:
        widths.append(len(self))
        honest(self, *args)

    monkeypatch.setattr(stack_module.Stack, "step", watched)
    train = {"epochs": 1, "batch_size": 128}
    settings = cell(train=train, fusion="mean", encoder={"name": "mlp", "width": 2, "dropout": 0.1})
    assignments = trials([settings], data, seeds=4, sizes=(160,))
    weights = 4 * sum(p.numel() * p.element_size() for p in System(settings, data, 0).parameters())
    monkeypatch.setattr(slots_module, "ROOM", 4 * weights)
    stacked(assignments, data)
    assert max(widths) == 2


def test_without_memory_for_two_rows_the_error_is_raised(
    cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_module.Stack, "step", lambda *_: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError):
        stacked(trials([cell(train={"epochs": 2, "batch_size": 32})], data), data)


def test_the_seconds_of_rows_add_up_to_those_of_the_stack(cell: Cells, data: Dataset) -> None:
    results = stacked(trials([cell(train={"epochs": 3, "batch_size": 32})], data), data)
    assert all(result.seconds > 0 for result in results.values())
    assert all(result.provenance["engine"] == "stack" for result in results.values())
