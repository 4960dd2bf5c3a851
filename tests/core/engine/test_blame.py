"""The part that is to blame, also where one file offers several, and parts that cannot be built for good."""

from pathlib import Path

import pytest

from butfor import runner
from butfor.core import StudyError
from butfor.core.engine.blame import Parts
from butfor.core.study.study import Study

PLUGIN = '''
from typing import Literal

from torch import nn

from butfor.core import Fused, FusionSpec, LossSpec, hookimpl


class OwnSpec(FusionSpec):
    """A fusion."""

    name: Literal["own"] = "own"
    lazy: bool = False

    def build(self, *, modalities, width):
        if not self.lazy:
            raise ValueError("the fusion fails")
        return Own(width)


class OwnLossSpec(LossSpec):
    """A term in the same file."""

    name: Literal["own_loss"] = "own_loss"

    def build(self, *, shapes):
        raise ValueError("the term fails")


class Own(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.ModuleDict({"map": nn.LazyLinear(width)})

    def forward(self, encoded, present):
        return Fused(self.inner["map"](sum(one.mean for one in encoded.values())))


@hookimpl
def register_fusions():
    return [OwnSpec]


@hookimpl
def register_losses():
    return [OwnLossSpec]
'''
TEXT = """
study: blamed
dataset: {name: planted, rows: 96, groups: 8}
seeds: 1
baseline:
  encoder: {name: mlp, width: 8}
  fusion: FUSION
  losses: LOSSES
  train: {epochs: 1, batch_size: 16}
"""
PLAIN = "{emotion: cross_entropy}"


def refused(folder: Path, fusion: str, losses: str = PLAIN) -> str:
    file = folder / "own.py"
    file.write_text(PLUGIN)
    catalogue = runner.catalogue_with((str(file),))
    text = TEXT.replace("FUSION", fusion).replace("LOSSES", losses)
    with pytest.raises(StudyError) as caught:
        runner.prepare(Study.parse(text, catalogue, str(folder / "x.yaml")), catalogue)
    return str(caught.value)


def test_of_two_parts_in_a_file_the_one_whose_build_raised_is_blamed(tmp_path: Path) -> None:
    assert "fusion 'own'" in refused(tmp_path, "own")
    told = refused(tmp_path, "mean", "{emotion: cross_entropy, more: own_loss}")
    assert "loss 'own_loss'" in told
    assert "the term fails" in told


def test_a_lazy_layer_is_refused_before_anything_trains_with_what_to_do(tmp_path: Path) -> None:
    told = refused(tmp_path, "{name: own, lazy: true}")
    assert "fusion 'own' of" in told
    assert "has a lazy layer, fusion.inner.map, whose shapes are not known before the first batch" in told
    assert "nn.Linear(inputs, outputs)" in told


def test_without_a_catalogue_a_part_is_named_by_kind_and_name(tmp_path: Path) -> None:
    catalogue = runner.catalogue_with(())
    study = Study.parse(TEXT.replace("FUSION", "mean").replace("LOSSES", PLAIN), catalogue, str(tmp_path / "x.yaml"))
    parts = Parts(study.baseline.settings)
    assert parts.at("fusion.linear.weight").told == "fusion 'mean'"
    assert parts.at("head.emotion").told == "the head"
