"""A structure that a stack would compute otherwise is found before it is trained, with the reason."""

import random
import re
from collections.abc import Callable
from typing import Any, Literal
from weakref import WeakKeyDictionary

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
        self.register_buffer("average", torch.zeros(width))

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


FAULTS = {
    "hidden": lambda self, x: x * random.random(),
    "unserved": lambda self, x: x + torch.randn(x.shape),
    "copied": lambda self, x: x * COPIES[self],
    "item": lambda self, x: x * self.scale.item(),
    "branch": lambda self, x: x if x.sum() > 0 else -x,
    "mask": lambda self, x: x + x[x > 0].mean(),
    "replaced": replaced,
    "recurrent": lambda self, x: self.gru(x[:, None])[0][:, 0],
    "whole batch of rows": lambda self, x: functional.alpha_dropout(x, 0.5, self.training),
}
SOUND = {
    "none": None,
    "updated": updated,
    "normalised": lambda self, x: self.norm(x),
    "noisy": lambda self, x: functional.dropout(x, 0.3, self.training) + torch.randn_like(x) * torch.rand_like(x),
}
FAULTS |= {name: fault for name, fault in SOUND.items() if fault is not None}

REASONS = {
    "hidden": "something draws unseen numbers",
    "unserved": "'fusion' draws inside torch's randn",
    "copied": "differs by .* between a stack and the trial alone",
    "item": r"test_probe.py:\d+",
    "branch": r"test_probe.py:\d+",
    "mask": r"test_probe.py:\d+",
    "replaced": "buffer fusion.average differs",
    "recurrent": "",
    "whole batch of rows": "draws inside torch's alpha_dropout",
}


def toy(cell: Cells, fault: str, **changes: Any) -> CellSettings:
    return cell(train={"epochs": 2, "batch_size": 16}, **changes).model_copy(
        update={"fusion": ToyFusionSpec(fault=fault)}
    )


@pytest.mark.parametrize("fault", REASONS)
def test_what_breaks_a_rule_is_found_and_named(fault: str, cell: Cells, assignment: Assignments, data: Dataset) -> None:
    reason = probe(assignment(toy(cell, fault)), data)
    assert reason
    assert re.search(REASONS[fault], reason), reason


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
