"""Knobs that a module keeps in Python: cells that differ in them are never rows of one program."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from butfor import runner
from butfor.core.engine.plain import TENSOR, attributes
from butfor.core.engine.prepare import Prepared
from butfor.core.engine.work import groups, perform
from butfor.core.results import TrainResult
from butfor.core.study.study import Study

PLUGIN = '''
from typing import Literal

import torch
from torch import nn

from butfor.core import Fused, FusionSpec, Knob, hold_knobs, hookimpl, knob


class OwnSpec(FusionSpec):
    """A fusion that knows one value of its knob."""

    name: Literal["own"] = "own"
    scale: Knob = knob(1.0, ge=0)
    """Times the mean, but 1."""

    def build(self, *, modalities, width):
        return Own(self)


class Own(nn.Module):
    def __init__(self, spec):
        super().__init__()
        hold_knobs(self, spec)
        KEPT

    def forward(self, encoded, present):
        mean = torch.stack([one.mean for one in encoded.values()]).mean(dim=0)
        return Fused(USED)


@hookimpl
def register_fusions():
    return [OwnSpec]
'''
WAYS = {
    "a word for one value": ("self.plain = spec.scale == 1.0", "mean if self.plain else mean * self.scale"),
    "the number": ("self.rate = spec.scale", "mean * self.rate"),
    "the spec": ("self.spec = spec", "mean * self.spec.scale"),
    "inside a function": ("self.times = lambda x, rate=spec.scale: x * rate", "self.times(mean)"),
    "a tensor": ("self.rate = torch.tensor(spec.scale)", "mean * self.rate"),
}
TEXT = """
study: kept
dataset: {name: planted, rows: 96, groups: 8}
splits: official
seeds: 6
baseline:
  encoder: {name: mlp, width: 8}
  fusion: {name: own, scale: 0.5}
  losses: {emotion: cross_entropy}
  train: {epochs: 2, batch_size: 16, select: weighted_f1}
ablations:
  scales: {one_at_a_time: {fusion.scale: [1.0, 8.0], train.lr: [1.0e-2]}}
"""


def prepared(folder: Path, way: str, engine: str = "stack") -> Prepared:
    kept, used = WAYS[way]
    plugin = folder / "own.py"
    plugin.write_text(PLUGIN.replace("KEPT", kept).replace("USED", used))
    catalogue = runner.catalogue_with((str(plugin),))
    return runner.prepare(Study.parse(TEXT, catalogue, str(folder / "kept.yaml")), catalogue, engine=engine)


def trained(asked: Prepared, workers: int) -> dict[tuple[str, int], TrainResult]:
    catalogue = runner.catalogue_with(asked.plugins)
    works = asked.work([trial.key for trial in asked.trials], workers)
    return {(r.cell, r.seed): r for work in works for r in perform(work, catalogue, runner._shelf)}


@pytest.mark.parametrize("way", WAYS)
def test_a_knob_kept_in_python_parts_the_stack_and_every_cell_trains_with_its_own(way: str, tmp_path: Path) -> None:
    """Whoever is probed, whichever comes first, and however many workers there are."""
    alone = trained(prepared(tmp_path, way, "one"), 1)
    asked = prepared(tmp_path, way)
    one, two = trained(asked, 1), trained(asked, 2)
    assert {result.provenance["engine"] for result in one.values()} == {"stack"}
    for key, result in alone.items():
        assert repr(one[key].curve) == repr(two[key].curve)
        assert one[key].curve[-1]["loss"] == pytest.approx(result.curve[-1]["loss"], rel=1e-4)
        for name, values in result.predictions.items():
            assert np.allclose(one[key].predictions[name].astype(float), values.astype(float), atol=1e-3)


def test_cells_are_parted_by_what_they_keep_and_by_nothing_else(tmp_path: Path) -> None:
    """The learning rate still varies inside a stack, and two values of a knob that look the same in Python too."""
    asked = prepared(tmp_path, "a word for one value")
    labels = {cell.key: cell.label for cell in asked.study.cells}
    found = [
        sorted({labels[assignment.cell] for assignment in group.assignments})
        for work in asked.work([trial.key for trial in asked.trials])
        for group in groups(work, runner.catalogue_with(asked.plugins), runner._shelf)
    ]
    assert sorted(found, key=len) == [["scale=1.0"], ["baseline", "lr=0.01", "scale=8.0"]]


def test_other_code_of_a_plugin_is_another_verdict(tmp_path: Path) -> None:
    """The key under which the verdict of a probe is kept; the same code is the same key."""
    codes = []
    for number, way in enumerate(("the number", "the number", "a tensor")):
        folder = tmp_path / str(number)
        folder.mkdir()
        asked = prepared(folder, way)
        codes.append({work.code for work in asked.work([trial.key for trial in asked.trials])})
    assert codes[0] == codes[1]
    assert not codes[0] & codes[2]


class Keeps(nn.Module):
    def __init__(self, **kept: Any) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)
        for name, value in kept.items():
            setattr(self, name, value)


def test_attributes_are_told_by_value_wherever_they_are_and_torchs_own_are_left_out() -> None:
    def same(**kept: Any) -> bool:
        one, other = ({name: make(rate) for name, make in kept.items()} for rate in (0.1, 0.2))
        return attributes(Keeps(**one)) == attributes(Keeps(**other))

    assert same(word=lambda _: "word", held=lambda _: [1, {"a": None}])
    assert not same(held=lambda rate: (1, [{"a": {rate}}]))
    assert not same(held=lambda rate: partial(functional.dropout, p=rate))
    assert not same(held=lambda rate: np.array([rate]))
    assert not same(held=lambda rate: torch.tensor(rate, dtype=torch.bfloat16))
    assert not same(held=lambda rate: SimpleNamespace(rate=rate))
    loop: list[Any] = []
    loop.append(loop)
    assert "inner.in_features" in attributes(Keeps(held=loop))
    assert attributes(Keeps(last=torch.ones(2)), tensors=False)["last"] == TENSOR
    assert not any("training" in name or "hooks" in name for name in attributes(Keeps()))
