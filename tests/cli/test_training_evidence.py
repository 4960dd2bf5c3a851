"""Planted faults that only training shows, through `butfor run` and `butfor evidence`, and a study without any."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TERMS = '''
"""Planted terms."""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor, nn

from butfor.core import Batch, LossSpec, Outputs, Shapes, hookimpl


class Planted(nn.Module):
    """A term with a layer of its own."""

    def __init__(self, spec: "PlantedTerm", width: int) -> None:
        super().__init__()
        self.tie, self.scale = spec.tie, spec.scale
        self.own = nn.Linear(width, 1)

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        vector = outputs.fused.vector
        if self.tie == "nothing":
            return vector.detach().square().mean()
        return self.scale * self.own(vector.detach() if self.tie == "itself" else vector).square().mean()


class PlantedTerm(LossSpec):
    """A planted term."""

    name: Literal["planted_term"] = "planted_term"
    tie: Literal["nothing", "itself", "system"] = "system"
    """What it reaches."""
    scale: float = 1.0
    """Its size."""

    def build(self, *, shapes: Shapes) -> nn.Module:
        return Planted(self, shapes.width)


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    return [PlantedTerm]
'''
FAULTS = """
study: faults
plugins: [./terms.py]
dataset: {name: planted, rows: 300, features: 6, classes: 2, groups: 8}
splits: {folds: 2, by: row, test: official}
seeds: 2
baseline:
  encoder: {name: variational_mlp, width: 8, dropout: 0.0}
  fusion: low_rank
  losses:
    emotion: cross_entropy
    l2: {name: kl_prior, weight: 0.01, warmup: 50}
    silent: {name: planted_term, tie: nothing}
    probe: {name: planted_term, tie: itself}
  train: {epochs: 4, batch_size: 32, lr: 1.0e-2, patience: 2, select: weighted_f1}
ablations:
  terms:
    leave_one_out: {w/o silent: {losses.silent: null}, w/o l2: {losses.l2: null}, w/o probe: {losses.probe: null}}
  stopping: {one_at_a_time: {train.min_delta: [1.0e-6]}}
  sizes:
    cells:
      - {label: giant, set: {losses.giant: {name: planted_term, scale: 1.0e+6}}}
      - {label: whisper, set: {losses.whisper: {name: planted_term, scale: 1.0e-6}}}
"""
CLEAN = """
study: clean
dataset: {name: planted, rows: 600, features: 6, classes: 2, groups: 30, interaction: 0, signal: 4}
splits: {folds: 2, by: group, test: official}
seeds: 2
baseline:
  encoder: {name: mlp, width: 8, dropout: 0.1}
  fusion: low_rank
  losses: {emotion: cross_entropy, valence: {name: mse, weight: 0.5, warmup: 1}}
  train: {epochs: 10, batch_size: 32, lr: 1.0e-2, select: weighted_f1}
ablations:
  terms: {leave_one_out: {w/o valence: {losses.valence: null}}}
  fusions: {one_at_a_time: {fusion: [concat, mean]}}
  modalities: {leave_one_out: {w/o text: {modalities: [audio, video]}, w/o audio: {modalities: [text, video]}}}
"""


def listed(command: Callable[..., Any]) -> dict[str, list[dict[str, Any]]]:
    """{label: what was seen of it while training and after}."""
    done = command("evidence", "study.yaml", "--json")
    found: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(done.out):
        if one["phase"] != "before":
            found.setdefault(one["label"], []).append(one)
    return found


def codes(found: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (one["details"]["code"], one["mark"], (one["paths"] or [""])[0]) for one in found if "code" in one["details"]
    }


def test_every_planted_fault_is_found_and_named_where_it_is(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "terms.py").write_text(TERMS)
    (tmp_path / "study.yaml").write_text(FAULTS)
    done = command("run", "study.yaml", "--executor", "serial")
    assert "evidence: 'baseline': losses.silent: no gradient at all" in done.err
    assert "evidence: ½ 'w/o l2'" in done.err
    assert "`butfor evidence` lists all of it" in done.err
    assert "evidence: ≡ 'w/o silent'" not in done.out
    found = listed(command)
    assert {
        ("BF720", "", "losses.silent"),
        ("BF722", "", "losses.l2.warmup"),
        ("BF724", "", "losses.probe"),
        ("BF743", "", "splits"),
    } <= codes(found["baseline"])
    assert ("BF740", "≡", "losses.silent") in codes(found["w/o silent"])
    assert ("BF720", "⊘", "losses.silent") in codes(found["w/o silent"])
    assert ("BF722", "½", "losses.l2.warmup") in codes(found["w/o l2"])
    assert ("BF740", "≡", "train.min_delta") in codes(found["min_delta=1e-06"])
    assert ("BF721", "", "losses.giant") in codes(found["giant"])
    assert ("BF721", "", "losses.whisper") in codes(found["whisper"])
    assert ("BF741", "½", "losses.whisper") in codes(found["whisper"])
    unmoved = [one for one in found["baseline"] if one["question"] == "unmoved parameters"]
    assert set(unmoved[0]["details"]["names"]) >= {"losses.silent.own.weight", "losses.silent.own.bias"}


def test_a_study_without_a_fault_has_no_mark_and_no_warning(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(CLEAN)
    done = command("run", "study.yaml", "--executor", "serial")
    assert done.code == 0
    assert "evidence:" not in done.err
    found = listed(command)
    assert [one for told in found.values() for one in told if one["mark"] or "code" in one["details"]] == []


@pytest.mark.parametrize("leaked", [True, False])
def test_features_that_were_fitted_on_the_labels_of_validation_are_named(
    command: Callable[..., Any],
    tmp_path: Path,
    leaked: bool,
) -> None:
    draw = np.random.default_rng(0)
    part = np.array(["train"] * 300 + ["valid"] * 200 + ["test"] * 300)
    label = draw.integers(0, 2, 800)
    honest = draw.normal(size=(800, 4)) + 0.8 * label[:, None]
    fitted = draw.normal(size=(800, 4)) + 3 * (label * ((part != "test") if leaked else 0))[:, None]
    np.savez(tmp_path / "d.npz", a=honest, b=fitted, y=label, part=part)
    (tmp_path / "study.yaml").write_text(
        "study: leak\n"
        "dataset: {name: features, path: d.npz, modalities: {honest: a, fitted: b}, split: part,\n"
        "          task: {emotion: {array: y, kind: classes, classes: [no, yes]}}}\n"
        "splits: official\n"
        "seeds: 3\n"
        "baseline:\n"
        "  encoder: {name: mlp, width: 8}\n"
        "  fusion: concat\n"
        "  losses: {emotion: cross_entropy}\n"
        "  train: {epochs: 6, batch_size: 32, lr: 1.0e-2, select: accuracy}\n"
        "ablations: {alone: {subsets: {sizes: [1]}}}\n"
    )
    done = command("run", "study.yaml", "--executor", "serial")
    found = listed(command)
    far = {label for label, told in found.items() if any(one["details"].get("code") == "BF742" for one in told)}
    if not leaked:
        assert far == set()
        return
    assert "only cells with fitted show it" in done.err
    assert far == set(found) - {"honest"}
    assert len(far) == 2
