"""`butfor evidence`, the marks in tables, and the look that `run` takes before it trains."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from butfor import runner
from butfor.core.evidence_records import kept_evidence
from butfor.core.store import Store

HEAD = """\
study: seen
dataset: {name: planted, rows: 240, features: 8, classes: 2, groups: 8}
splits: official
seeds: 2
baseline:
  encoder: {name: mlp, width: 8, dropout: 0.0}
  fusion: mean
  losses: {emotion: cross_entropy, valence: mse}
  train: {epochs: 4, batch_size: 16, lr: 0.03}
"""
SOUND = HEAD + "ablations: {a: {leave_one_out: {no valence: {losses.valence: null}}}}\n"
DOUBLE = HEAD + "ablations: {a: {one_at_a_time: {train.batch_size: [500, 600]}}}\n"
IDLE = SOUND.replace("valence: mse}", "valence: mse, spare: {name: mse, task: valence, weight: 0}}").replace(
    "{no valence: {losses.valence: null}}", "[losses.spare]"
)
STRANGE = HEAD.replace("emotion: cross_entropy", "emotion: {name: focal, weight_normalize: true}")
FIRST = '''\
from typing import Literal
from torch import nn
from butfor.core import Fused, FusionSpec, hookimpl

class FirstSpec(FusionSpec):
    """Keeps the first modality."""
    name: Literal["first"] = "first"
    def build(self, *, modalities, width):
        return First()

class First(nn.Module):
    def forward(self, encoded, present):
        return Fused(next(iter(encoded.values())).mean)

@hookimpl
def register_fusions():
    return [FirstSpec]
'''


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def put(text: str) -> str:
        (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
        return "study.yaml"

    return put


def test_one_cell_is_told_in_full(command: Callable, write: Callable) -> None:
    done = command("evidence", "no valence", write(SOUND))
    assert done.code == 0
    assert done.out.startswith("no valence  (")
    assert "before training, factors: one factor; against 'baseline': without losses.valence" in done.out
    assert "without losses.valence: 9 parameters and" in done.out
    assert not Path("results").exists()


def test_all_cells_tell_what_is_odd_and_count_the_rest(command: Callable, write: Callable) -> None:
    done = command("evidence", write(DOUBLE))
    assert "≡ batch_size=600  (" in done.out
    assert "no effect: cells 'batch_size=500' and 'batch_size=600' are the same computation" in done.out
    assert "2 of 3 cells: nothing odd" in done.out
    assert done.out.rstrip().endswith("≡ the same computation as another cell")


def test_programs_read_records(command: Callable, write: Callable) -> None:
    found = json.loads(command("evidence", write(DOUBLE), "--json").out)
    (double,) = (one for one in found if one["mark"] == "≡")
    assert set(double) == {
        *("label", "cell", "question", "phase", "message", "mark", "other", "other_label", "paths", "details"),
    }
    assert (double["label"], double["other_label"]) == ("batch_size=600", "batch_size=500")
    assert double["paths"] == ["train.batch_size"]
    assert double["details"] == {"code": "BF701"}


@pytest.mark.parametrize(("study", "code"), [(SOUND, 0), (DOUBLE, 1), (IDLE, 1), (STRANGE, 1)])
def test_strict_exits_with_1_where_there_is_a_mark_or_a_warning(
    study: str, code: int, command: Callable, write: Callable
) -> None:
    assert command("evidence", write(study), "--strict").code == code
    assert command("evidence", write(study)).code == 0


def test_a_cell_that_is_not_there_is_told(command: Callable, write: Callable) -> None:
    done = command("evidence", "no valance", write(SOUND))
    assert done.code == 2
    assert "no valence" in done.err


def test_run_refuses_cells_that_are_one_computation_and_trains_nothing(command: Callable, write: Callable) -> None:
    done = command("run", write(DOUBLE), "--executor", "serial")
    assert done.code == 2
    assert "study.yaml:10:" in done.err
    assert "no effect: cells 'batch_size=500' and 'batch_size=600' are the same computation" in done.err
    with Store.open(Path("results/store.sqlite"), create=False) as store:
        assert store.standing(study="seen") == {}


def test_run_looks_once_and_again_when_the_study_changes(
    command: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    before = runner.look_at
    monkeypatch.setattr(runner, "look_at", lambda *given: looked.append(1) or before(*given))
    for _ in range(2):
        assert command("run", write(SOUND), "--executor", "serial").code == 0
        assert len(looked) == 1
    assert command("evidence", write(SOUND)).code == 0
    assert command("run", write(SOUND), "--executor", "serial", "--seeds", "3").code == 0
    assert len(looked) == 1
    assert command("run", write(SOUND.replace("epochs: 4", "epochs: 5")), "-q", "--executor", "serial").code == 0
    assert len(looked) == 2
    with Store.open(Path("results/store.sqlite"), create=False) as store:
        assert {one.phase for one in kept_evidence(store, "seen")} >= {"before"}


def test_a_mark_stands_in_the_table_with_a_note(command: Callable, write: Callable) -> None:
    done = command("run", write(IDLE), "--executor", "serial")
    assert done.code == 0
    assert "warning: study.yaml" in done.err
    assert "| w/o spare ≡ " in done.out
    assert "≡ the same computation as another cell: “w/o spare” (see butfor evidence)." in done.out
    told = command("evidence", "w/o spare", "study.yaml").out
    assert "before training, same computation: ⊘ no effect: cells 'baseline' and 'w/o spare' train and predict" in told
    assert "after training, same predictions: ≡" in told
    again = command("table", "--file", "study.yaml", "--format", "json")
    assert all(row["label"] in {"full", "w/o spare"} for row in json.loads(again.out))
    assert "$\\equiv$" in command("table", "--file", "study.yaml", "--format", "latex").out


def test_a_row_that_is_tested_without_what_nobody_reads_has_a_mark_of_its_own(
    command: Callable, write: Callable, tmp_path: Path
) -> None:
    (tmp_path / "first.py").write_text(FIRST, encoding="utf-8")
    ignoring = HEAD.replace("seeds: 2", "seeds: 2\nplugins: [./first.py]").replace("fusion: mean", "fusion: first")
    rows = "ablations: {m: {leave_one_out: [modalities.text, modalities.video], at: [train, test]}}\n"
    done = command("run", write(ignoring + rows), "--executor", "serial")
    assert done.code == 0, done.err
    marked = {
        line.split("|")[1].strip()[-1] for line in done.out.splitlines() if "video (at test)" in line and "|" in line
    }
    assert marked == {"⊘"}
    assert "audio (at test) ⊘" not in done.out
    assert "⊘ full" not in done.out


def test_strict_run_trains_nothing_on_a_warning(command: Callable, write: Callable) -> None:
    done = command("run", write(STRANGE), "--executor", "serial", "--strict")
    assert done.code == 1
    assert "'weight_normalize' does nothing here" in done.err
    with Store.open(Path("results/store.sqlite"), create=False) as store:
        assert store.standing(study="seen") == {}
