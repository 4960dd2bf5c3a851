"""A structure that a stack would compute otherwise is found before it is trained, with the reason."""

import random
import re
import sys
from collections.abc import Callable
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from butfor.core import Dataset, Encoded, Fused, FusionSpec, Knob, hold_knobs, knob
from butfor.core.engine import verdicts
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.probe import probe
from butfor.core.engine.structure import not_stackable, structure
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]
Assignments = Callable[..., Assignment]


class ToyFusionSpec(FusionSpec):
    """A fusion that breaks the rule that `fault` names."""

    name: Literal["toy"] = "toy"
    fault: str = "none"
    """Which rule."""
    scale: Knob = knob(1.5, ge=0)
    """A knob."""

    def build(self, *, modalities: tuple[str, ...], width: int) -> nn.Module:
        return ToyFusion(self, width)


COPIES: WeakKeyDictionary[nn.Module, float] = WeakKeyDictionary()
"""A knob where nobody sees it."""


class ToyFusion(nn.Module):
    scale: torch.Tensor

    def __init__(self, spec: ToyFusionSpec, width: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.fault = spec.fault
        COPIES[self] = spec.scale
        self.linear = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.sparse = nn.Embedding(2, width, sparse=spec.fault == "sparse")
        self.register_buffer("average", torch.zeros(width))
        self.calls, self.memo = 0, None
        self.plain = torch.randn(width) if spec.fault == "a plain tensor" else None
        self.generator = np.random.default_rng(0)

    def forward(self, encoded: dict[str, Encoded], present: torch.Tensor) -> Fused:
        total = sum(e.mean for e in encoded.values())
        fault = FAULTS.get(self.fault)
        total = total * self.scale if fault is None else fault(self, total)
        return Fused(self.linear(total))


def replaced(self: Any, x: torch.Tensor) -> torch.Tensor:
    self.average = 0.9 * self.average + 0.1 * x.detach().mean(dim=0)
    return x * self.scale


def updated(self: Any, x: torch.Tensor) -> torch.Tensor:
    self.average.mul_(0.9).add_(0.1 * x.detach().mean(dim=0))
    return x * self.scale


def counted(self: Any, x: torch.Tensor) -> torch.Tensor:
    self.calls += 1
    return x * (2.0 if self.calls > 20 else 1.0)


def made_late(self: Any, x: torch.Tensor) -> torch.Tensor:
    if "late" not in dict(self.named_parameters()):
        self.late = nn.Parameter(torch.ones(x.shape[1]))
    return x * self.late


def remembered(self: Any, x: torch.Tensor) -> torch.Tensor:
    if self.memo is None:
        self.memo = x.detach().mean()
    return x - self.memo


def now_and_then(self: Any, x: torch.Tensor) -> torch.Tensor:
    return x * 2 if random.random() < 1e-9 else x


def cast(self: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return self.linear(x).float()


FAULTS = {
    "hidden": lambda self, x: x * random.random(),
    "hidden in NumPy": lambda self, x: x * np.random.rand(),  # noqa: NPY002 - it is a fault
    "hidden and rare": now_and_then,
    "hidden in its own": lambda self, x: x * self.generator.random(),
    "unserved": lambda self, x: x + torch.randn(x.shape),
    "copied": lambda self, x: x * COPIES[self],
    "item": lambda self, x: x * self.scale.item(),
    "branch": lambda self, x: x if x.sum() > 0 else -x,
    "mask": lambda self, x: x + x[x > 0].mean(),
    "NumPy": lambda self, x: x + torch.from_numpy(np.tanh(x.detach().numpy())),
    "replaced": replaced,
    "counted": counted,
    "made late": made_late,
    "remembered": remembered,
    "a plain tensor": lambda self, x: x * self.plain,
    "cast": cast,
    "sparse": lambda self, x: x + self.sparse(x.abs().long().clamp(max=1)).mean(dim=1),
    "not finite": lambda self, x: x / 0 * 0,
    "raises": lambda self, x: {}["no such thing"],
    "recurrent": lambda self, x: self.gru(x[:, None])[0][:, 0],
    "whole batch of rows": lambda self, x: functional.alpha_dropout(x, 0.5, self.training),
}
SOUND = {
    "none": None,
    "updated": updated,
    "normalised": lambda self, x: self.norm(x),
    "in single precision": lambda self, x: (x.float() * 1.1).to(x.dtype),
    "noisy": lambda self, x: functional.dropout(x, 0.3, self.training) + torch.randn_like(x) * torch.rand_like(x),
}
FAULTS |= {name: fault for name, fault in SOUND.items() if fault is not None}

SERVED = "draws inside torch's {}; rows are served nn.Dropout, torch.rand_like and torch.randn_like"
HERE = r" \(.*test_probe.py:\d+\)$"
REASONS = {
    "hidden": "draws from Python's random, which all trials share; use .*" + HERE,
    "hidden in NumPy": "draws from NumPy's random, which all trials share; use .*" + HERE,
    "hidden and rare": "draws from Python's random, which all trials share; use .*" + HERE,
    "hidden in its own": "gives something else in a second pass: it draws unseen numbers",
    "unserved": SERVED.format("randn") + HERE,
    "copied": "differs by .* between a stack and the trial alone",
    "item": "reads values of a tensor in Python" + ".*" + HERE,
    "branch": "reads values of a tensor in Python" + ".*" + HERE,
    "NumPy": "reads values of a tensor in Python" + ".*" + HERE,
    "mask": "picks rows by their values; use torch.where, masks, weights" + HERE,
    "replaced": "puts a new tensor in the place of its buffer 'average'; buffers are updated in place",
    "counted": "changes its own attribute 'calls' in forward, and rows would share it",
    "made late": "makes its parameter 'late' in forward; make it in __init__",
    "remembered": "keeps 'memo', which rows would share; make it a buffer",
    "a plain tensor": "keeps 'plain', which rows would share; make it a buffer",
    "cast": "fixes a dtype, so that it cannot be checked in double precision; take the dtype of the inputs",
    "sparse": "has a sparse gradient, of fusion.sparse.weight; leave sparse=True out",
    "not finite": "gives NaN or infinity as its vector",
    "raises": "raises KeyError: 'no such thing'" + HERE,
    "recurrent": SERVED.format("gru"),
    "whole batch of rows": SERVED.format("alpha_dropout"),
}


def toy(cell: Cells, fault: str, **changes: Any) -> CellSettings:
    return cell(train={"epochs": 2, "batch_size": 16}, **changes).model_copy(
        update={"fusion": ToyFusionSpec(fault=fault)}
    )


@pytest.mark.parametrize("fault", REASONS)
def test_what_breaks_a_rule_is_found_and_named(fault: str, cell: Cells, assignment: Assignments, data: Dataset) -> None:
    reason = probe(assignment(toy(cell, fault)), data)
    assert re.search(REASONS[fault], reason), reason
    assert "fusion 'toy'" in reason or fault == "copied"


@pytest.mark.parametrize("name", SOUND)
def test_what_keeps_the_rules_is_stacked(name: str, cell: Cells, assignment: Assignments, data: Dataset) -> None:
    assert probe(assignment(toy(cell, name)), data) == ""


def test_terms_that_wait_for_their_warm_up_are_probed_too(cell: Cells, assignment: Assignments, data: Dataset) -> None:
    losses = {"emotion": "cross_entropy", "kl": {"name": "kl_prior", "warmup": 3}}
    assert probe(assignment(cell(losses=losses)), data) == ""


def test_the_probe_leaves_the_default_dtype_and_the_generator_alone(
    cell: Cells, assignment: Assignments, data: Dataset
) -> None:
    before = torch.get_rng_state()
    probe(assignment(toy(cell, "mask")), data)
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(before, torch.get_rng_state())


def test_a_component_that_says_it_cannot_be_stacked_is_believed(cell: Cells) -> None:
    assert not_stackable(cell()) == ""
    settings = cell(encoder={"name": "lstm", "width": 8})
    assert not_stackable(settings) == "encoder.audio: encoder 'lstm' says that it cannot be stacked"


def test_what_may_vary_along_a_stack_is_no_part_of_the_structure(cell: Cells) -> None:
    base = structure(cell())
    assert structure(cell(train={"epochs": 9, "batch_size": 32, "lr": 1.0, "clip": None, "patience": 2})) == base
    assert structure(cell(encoder={"name": "variational_mlp", "width": 8, "dropout": 0.4})) == base
    assert structure(cell(modality_dropout={"rate": 0.9, "warmup": 4})) == base
    heavy = {
        "emotion": {"name": "cross_entropy", "weight": 3.0, "warmup": 2},
        "valence": {"name": "mse", "weight": 0.1},
    }
    assert structure(cell(losses=heavy)) == base


def test_what_makes_another_program_is_part_of_the_structure(cell: Cells) -> None:
    others = [
        cell(train={"epochs": 4, "batch_size": 16, "lr": 0.01, "scheduler": None}),
        cell(train={"epochs": 4, "batch_size": 32, "optimizer": "sgd"}),
        cell(encoder={"name": "variational_mlp", "width": 4, "dropout": 0.2}),
        cell(encoder={"name": "variational_mlp", "width": 8, "dropout": 0.0}),
        cell(modalities=("audio",)),
        cell(fusion="mean"),
        cell(losses={"emotion": "cross_entropy"}),
        cell(losses={"emotion": "cross_entropy", "valence": {"name": "mse", "weight": 0.0}}),
        cell(latent="sample"),
        cell(head={"dropout": 0.1}),
        cell(modality_dropout={"rate": 0.1, "site": "input"}),
        cell(fusion={"name": "proxy_attention", "proxy": "uncertainty"}),
        cell(fusion={"name": "proxy_attention", "proxy": "gated_uncertainty"}),
    ]
    found = [structure(cell()), *map(structure, others)]
    assert len(set(found)) == len(found)


class MixedSpec(FusionSpec):
    """A fusion with a weight in double precision."""

    name: Literal["mixed"] = "mixed"

    def build(self, *, modalities: tuple[str, ...], width: int) -> nn.Module:
        return Mixed(width)


class Mixed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, dtype=torch.float64))

    def forward(self, encoded: dict[str, Encoded], present: torch.Tensor) -> Fused:
        total = sum(one.mean for one in encoded.values())
        return Fused((total * self.scale).to(total.dtype))


def test_parameters_of_several_dtypes_are_not_squeezed_into_one(
    cell: Cells, assignment: Assignments, data: Dataset
) -> None:
    settings = cell().model_copy(update={"fusion": MixedSpec()})
    reason = "fusion 'mixed' has parameters of more than one dtype: fusion.scale is float64"
    assert probe(assignment(settings), data) == reason


def test_without_memory_there_is_no_verdict_and_none_is_kept(
    cell: Cells, assignment: Assignments, data: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """What has failed for want of memory is asked again, and stacked when there is some."""
    monkeypatch.setenv("BUTFOR_CACHE", str(tmp_path))
    settings = toy(cell, "none")
    with monkeypatch.context() as scarce:
        scarce.setattr(ToyFusion, "forward", lambda *_: torch.empty(2**50))
        with pytest.raises(RuntimeError, match="allocate"):
            verdicts.why_not_stacked("scarce", assignment(settings), data)
    assert not (tmp_path / "probes").exists()
    assert verdicts.why_not_stacked("scarce", assignment(settings), data) == ""


def test_a_probe_leaves_a_debugger_and_all_generators_as_they_were(
    cell: Cells, assignment: Assignments, data: Dataset
) -> None:
    before = sys.gettrace(), random.getstate()
    assert probe(assignment(toy(cell, "hidden")), data)
    assert (sys.gettrace(), random.getstate()) == before


def test_a_verdict_is_kept_for_the_next_process_and_a_spoilt_file_costs_a_probe(
    cell: Cells, assignment: Assignments, data: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    asked: list[int] = []
    monkeypatch.setenv("BUTFOR_CACHE", str(tmp_path))
    monkeypatch.setattr(verdicts, "probe", lambda *_: asked.append(1) or "because")
    for spoilt in (False, False, True):
        verdicts._known.clear()
        if spoilt:
            next((tmp_path / "probes").iterdir()).write_text("{")
        assert verdicts.why_not_stacked("abc", assignment(cell()), data) == "because"
        assert verdicts.why_not_stacked("abc", assignment(cell()), data) == "because"
    assert len(asked) == 2
    monkeypatch.setenv("BUTFOR_CACHE", "/proc/none")
    verdicts._known.clear()
    assert verdicts.why_not_stacked("abc", assignment(cell()), data) == "because"
    verdicts._known.clear()
