"""`butfor check`: the rehearsal on real data, plugins that break their promises, lints, exit codes, time."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

STUDY = """\
study: tried
plugins: [./ours.py]
dataset: {name: planted, rows: 120, features: 6, classes: 2, groups: 8}
splits: official
seeds: 5
baseline:
  encoder: {name: mlp, width: 8, dropout: 0.0}
  fusion: {name: ours, how: FUSION}
  losses: {emotion: cross_entropy, extra: {name: ours_too, how: LOSS}}
  train: {epochs: 3, batch_size: 16}
ablations:
  parts: {leave_one_out: {without extra: {losses.extra: null}}}
"""
OURS = '''
"""A fusion and a term that can break every promise."""

from typing import Literal

import torch
from torch import nn

from butfor.core import Fused, FusionSpec, LossSpec, hookimpl


class Hard(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x * 1.0

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        raise ArithmeticError("no way back")


class OursSpec(FusionSpec):
    """Ours."""

    name: Literal["ours"] = "ours"
    how: str = "well"
    """How it behaves."""

    def build(self, *, modalities, width):
        return Ours(self.how)


class Ours(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, encoded, present):
        vector = torch.stack([one.mean for one in encoded.values()]).mean(dim=0)
        if self.how == "raises":
            raise KeyError("voice")
        if self.how == "raises in evaluation" and not self.training:
            raise RuntimeError("only trained")
        if self.how == "tall":
            return Fused(vector[:, :3])
        if self.how == "bare":
            return vector
        if self.how == "infinite":
            return Fused(vector / 0)
        if self.how == "hard":
            return Fused(Hard.apply(vector))
        if self.how == "root":
            return Fused((vector * 0).sqrt())
        return Fused(vector)


class OursTooSpec(LossSpec):
    """Ours, too."""

    name: Literal["ours_too"] = "ours_too"
    how: str = "well"
    """How it behaves."""

    def build(self, *, shapes):
        return OursToo(self.how)


class OursToo(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, outputs, batch):
        value = outputs.fused.vector.square().mean()
        if self.how == "detached":
            return value.detach()
        if self.how == "without effect":
            return value * 0
        if self.how == "long":
            return outputs.fused.vector.square().mean(dim=1)
        return value


@hookimpl
def register_fusions():
    return [OursSpec]


@hookimpl
def register_losses():
    return [OursTooSpec]
'''


@pytest.fixture
def tried(check: Callable) -> Callable[..., list[dict]]:
    """The findings of a study with a fusion and a term that behave so."""

    def run(fusion: str = "well", loss: str = "well") -> list[dict]:
        study = STUDY.replace("FUSION", fusion).replace("LOSS", loss)
        return json.loads(check({"study.yaml": study, "ours.py": OURS}, "study.yaml", "--json").out)

    return run


def test_parts_that_keep_their_promises_have_no_findings(tried) -> None:
    assert tried() == []


@pytest.mark.parametrize(
    ("fusion", "code", "message"),
    [
        (
            "raises",
            "BF501",
            r"fusion 'ours' of ours\.py raises KeyError while it runs in training: 'voice' \([^ ]*ours\.py:45\)",
        ),
        (
            "raises in evaluation",
            "BF501",
            r"fusion 'ours' .* while it runs in evaluation: only trained \([^ ]*ours\.py:47\)",
        ),
        (
            "hard",
            "BF504",
            r"fusion 'ours' .* ArithmeticError while it is differentiated: no way back \([^ ]*ours\.py:23\)",
        ),
        ("tall", "BF502", r"gives a vector of shape \(\d+, 3\); expected \(B, H\) = \(\d+, 8\)"),
        ("bare", "BF502", r"gives a Tensor where a fusion gives Fused"),
        ("infinite", "BF503", r"gives NaN or infinity as its vector"),
        ("root", "BF503", r"the gradient of encoder 'mlp' of butfor .* has NaN or infinity, first in encoder\."),
    ],
)
def test_a_fusion_that_breaks_is_named_with_its_file_and_line(tried, fusion: str, code: str, message: str) -> None:
    (finding,) = tried(fusion=fusion)
    assert finding["code"] == code
    assert re.search(message, finding["message"].replace("./ours.py", "ours.py")), finding["message"]
    assert finding["severity"] == "error"
    assert (finding["file"], finding["line"]) == ("study.yaml", 7 if fusion == "root" else 8)
    assert finding["path"] == ("encoder.audio" if fusion == "root" else "fusion")
    assert finding["cells"] == ["baseline", "without extra"]


@pytest.mark.parametrize("loss", ["detached", "without effect"])
def test_a_term_whose_gradient_goes_nowhere_is_a_warning(tried, loss: str) -> None:
    found = {finding["code"]: finding for finding in tried(loss=loss)}
    assert set(found) == {"BF505", "BF702"}
    for code, label in (("BF505", "baseline"), ("BF702", "without extra")):
        assert (found[code]["severity"], found[code]["path"]) == ("warning", "losses.extra")
        assert found[code]["cells"] == [label]


def test_a_term_that_is_no_number_is_an_error(tried) -> None:
    (finding,) = tried(loss="long")
    assert finding["code"] == "BF502"
    assert finding["message"].endswith("gives a value of shape (6,); a loss term returns a 0-d tensor")


def test_check_trains_nothing_and_leaves_nothing(check: Callable, tmp_path: Path) -> None:
    files = {"study.yaml": STUDY.replace("FUSION", "well").replace("LOSS", "well"), "ours.py": OURS}
    done = check(files, "study.yaml")
    assert (done.code, done.out, done.err) == (0, "2 cells checked: no errors, no warnings, no notes\n", "")
    assert {path.name for path in tmp_path.iterdir()} == {*files}


def test_warnings_count_under_strict_alone(check: Callable) -> None:
    study = STUDY.replace("FUSION", "well").replace("LOSS", "well").replace("seeds: 5", "seeds: 1")
    files = {"study.yaml": study, "ours.py": OURS}
    assert check(files, "study.yaml").code == 0
    strict = check(files, "study.yaml", "--strict")
    assert strict.code == 1
    assert "[warning BF601]\n  5 | seeds: 1\n    | ^^^^^" in strict.out


def test_errors_exit_with_2_and_show_the_line_and_what_is_installed(check: Callable) -> None:
    study = STUDY.replace("{name: ours, how: FUSION}", "our")
    done = check({"study.yaml": study, "ours.py": OURS}, "study.yaml")
    assert done.code == 2
    first, *rest = done.out.splitlines()
    assert first == "study.yaml:8:11: fusion: unknown fusion 'our'; did you mean 'ours'? [BF205]"
    assert rest[:2] == ["  8 |   fusion: our", "    |           ^^^"]
    assert re.search(r"^    = installed: .*low_rank.* \(butfor [\d.\w]+\); ours \(ours\.py\)$", done.out, re.MULTILINE)


def test_a_code_is_explained_in_words_and_for_programs(command: Callable) -> None:
    told = command("check", "--explain", "bf203")
    assert told.out.startswith("BF203 (error): a number outside its bounds\n")
    assert "Remedy\n" in told.out
    assert json.loads(command("check", "--explain", "BF203", "--json").out)["code"] == "BF203"
    wrong = command("check", "--explain", "BF2O3")
    assert wrong.code == 2
    assert "did you mean 'BF2" in wrong.err


def test_equal_rows_in_training_and_test_are_seen(check: Callable, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    text = rng.normal(size=(90, 4)).astype(np.float32)
    text[70:74] = text[:4]
    split = np.array(["train"] * 50 + ["valid"] * 20 + ["test"] * 20)
    np.savez(tmp_path / "copied.npz", text=text, label=rng.integers(0, 2, 90), split=split)
    study = """
study: copied
dataset: {name: features, path: copied.npz, modalities: {text: text}, split: split,
          task: {emotion: {array: label, kind: classes, classes: [a, b]}}}
splits: official
seeds: 5
baseline: {encoder: {name: mlp, width: 8}, fusion: mean, losses: {emotion: cross_entropy}, train: {epochs: 2}}
"""
    found = json.loads(check({"study.yaml": study}, "study.yaml", "--json").out)
    (finding,) = (one for one in found if one["code"] == "BF613")
    assert "4 of 20 rows of test stand in the training part as well" in finding["message"]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("ablations.yaml", {"BF506", "BF614"}),
        ("examples/v4_2x2.yaml", {"BF506", "BF709"}),
        ("examples/own_fusion.yaml", {"BF614"}),
    ],
)
def test_studies_that_come_with_butfor_have_no_warnings_and_only_true_notes(command, name: str, codes: set) -> None:
    done = command("check", str(ROOT / name), "--strict", "--json")
    assert done.code == 0
    assert {finding["code"] for finding in json.loads(done.out)} == codes


def test_the_dead_projections_of_a_single_key_are_counted(command: Callable) -> None:
    """The queries and keys of the reference system's proxy attention: 99,072 numbers that never move."""
    found = json.loads(command("check", str(ROOT / "examples" / "v4_2x2.yaml"), "--json").out)
    (finding,) = (one for one in found if one["code"] == "BF506")
    assert finding["message"].startswith("no gradient reaches 99,072 parameters: attend.audio.query.weight")
    assert len(finding["cells"]) == 4


def test_a_hundred_cells_take_seconds(check: Callable) -> None:
    study = """
study: hundred
include: v4_as_planned
dataset: {name: planted, classes: 6, rows: 800}
splits: {folds: 5, by: group, test: official}
seeds: 5
ablations:
  grid:
    factorial:
      losses.contrastive: [keep, null]
      losses.cross_kl: [keep, null]
      fusion.proxy: {gate: keep, no gate: {name: uncertainty}}
      losses.kl.weight: [0.001, 0.005, 0.01, 0.05]
      train.lr: [1.0e-4, 5.0e-4, 1.0e-3]
"""
    started = time.process_time()
    done = check({"study.yaml": study}, "study.yaml")
    assert done.out.endswith("96 cells checked: no errors, no warnings, 2 notes\n"), done.out
    assert time.process_time() - started < 10
