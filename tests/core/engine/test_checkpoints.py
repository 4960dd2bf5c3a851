"""A trial that was ended goes on from its last epoch to the bit; a spoilt checkpoint costs the trial its head start."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from butfor.core import Dataset
from butfor.core.engine import course as course_module
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.checkpoints import Checkpoints, ask_to_keep, begin_to_keep, remove_checkpoint
from butfor.core.engine.feed import Feeds
from butfor.core.engine.loop import fit
from butfor.core.engine.slots import Slots
from butfor.core.results import TrainResult
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]


class Killed(BaseException):
    """As a signal that ends the process."""


def alone(assignments: list[Assignment], data: Dataset, checkpoints: Checkpoints | None) -> dict[str, TrainResult]:
    return {a.key: fit(a, data, checkpoints=checkpoints) for a in assignments}


def together(assignments: list[Assignment], data: Dataset, checkpoints: Checkpoints | None) -> dict[str, TrainResult]:
    return {r.key: r for r in Slots(assignments, Feeds(data), checkpoints=checkpoints).run()}


TRAINS = {
    "adamw and plateau": {"scheduler": {"name": "plateau", "patience": 0}, "patience": 4},
    "sgd and cosine": {"optimizer": "sgd", "lr": 0.05, "scheduler": "cosine", "clip": {"by": "norm", "limit": 1.0}},
    "adam": {"optimizer": "adam", "scheduler": None, "patience": None},
}


@pytest.fixture
def made(cell: Cells, fold: Fold) -> Callable[..., list[Assignment]]:
    def trials(train: dict[str, Any], num: int = 2) -> list[Assignment]:
        encoder = {"name": "variational_mlp", "width": 8, "dropout": 0.3}
        settings = cell(train={"epochs": 6, "batch_size": 32, "lr": 0.01, **train}, encoder=encoder)
        return [Assignment(f"{seed:016x}", "b" * 16, settings, seed, fold) for seed in range(num)]

    return trials


def end_at(epochs: int, run: Callable[[], Any]) -> None:
    """Run, and end as if killed at the end of the epoch of that number, counted over all trials."""
    honest, seen = course_module.Course.end_epoch, []

    def ends(self: Any, losses: Any, predict: Any) -> bool:
        seen.append(self.epoch)
        if len(seen) == epochs:
            raise Killed
        return honest(self, losses, predict)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course_module.Course, "end_epoch", ends)
        with pytest.raises(Killed):
            run()


def same(again: dict[str, TrainResult], whole: dict[str, TrainResult]) -> None:
    assert again.keys() == whole.keys()
    for key, result in whole.items():
        found = again[key]
        assert (found.state, found.selected_epoch) == (result.state, result.selected_epoch)
        assert found.metrics == result.metrics
        assert repr(found.curve) == repr(result.curve)
        for name, values in result.predictions.items():
            np.testing.assert_array_equal(values, found.predictions[name])


@pytest.mark.parametrize("engine", [alone, together])
@pytest.mark.parametrize("train", TRAINS)
def test_a_trial_goes_on_from_its_checkpoint_to_the_bit(
    engine: Callable[..., Any], train: str, made: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    assignments = made(TRAINS[train])
    whole = engine(assignments, data, None)
    end_at(6, lambda: engine(assignments, data, Checkpoints(str(tmp_path), every=0.0)))
    assert list(tmp_path.glob("*.safetensors"))
    resumed = engine(assignments, data, Checkpoints(str(tmp_path)))
    assert any(result.provenance.get("resumed_at") for result in resumed.values())
    same(resumed, whole)


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data_of=st.data())
def test_trials_go_on_to_the_bit_in_whatever_company(
    data_of: st.DataObject, made: Callable[..., Any], data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Ended after any epoch, and gone on with in stacks that are cut otherwise."""
    assignments = made(TRAINS[data_of.draw(st.sampled_from(sorted(TRAINS)))], 4)
    kept = Checkpoints(str(tmp_path_factory.mktemp("kept")), every=0.0)
    end_at(data_of.draw(st.integers(5, 14)), lambda: together(assignments, data, kept))
    order, cut = data_of.draw(st.permutations(assignments)), data_of.draw(st.integers(1, 3))
    again = together(order[:cut], data, kept) | together(order[cut:], data, kept)
    same(again, together(assignments, data, None))


def test_a_checkpoint_that_was_cut_or_changed_is_no_checkpoint(tmp_path: Path) -> None:
    kept = Checkpoints(str(tmp_path), every=0.0)
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor(3)}
    kept.save("ab" * 8, {"step": 7, "best": float("-inf")}, tensors)
    state, found = kept.load("ab" * 8) or pytest.fail("not there")
    assert state == {"step": 7, "best": float("-inf")}
    assert torch.equal(found["a"], tensors["a"])
    file = tmp_path / f"{'ab' * 8}.safetensors"
    content = file.read_bytes()
    for end in range(0, len(content), 7):
        file.write_bytes(content[:end])
        assert kept.load("ab" * 8) is None
    for place in range(8, len(content), 5):
        file.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        again = kept.load("ab" * 8)
        assert again is None or (again[0] == state and all(torch.equal(again[1][n], found[n]) for n in found))
    file.write_bytes(content)
    assert kept.load("ab" * 8) is not None


def test_checkpoints_stay_in_their_folder_and_leave_with_their_trial(tmp_path: Path) -> None:
    kept = Checkpoints(str(tmp_path / "kept"), every=0.0)
    kept.save("../escape", {}, {})
    kept.save("ab" * 8, {}, {"a": torch.zeros(1)})
    (tmp_path / "kept" / f".{'ab' * 8}.dead.part").write_bytes(b"half")
    remove_checkpoint(tmp_path / "kept", "ab" * 8)
    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]
    remove_checkpoint(tmp_path / "none", "ab" * 8)


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = Checkpoints(str(tmp_path / "file"), every=0.0)
    kept.save("ab" * 8, {}, {"a": torch.zeros(1)})
    assert kept.load("ab" * 8) is None


def test_short_trials_have_no_checkpoint_and_no_folder_means_none(tmp_path: Path) -> None:
    assert not Checkpoints("", every=0.0).due("ab" * 8)
    long = Checkpoints(str(tmp_path), every=3600.0)
    long.load("ab" * 8)
    assert not long.due("ab" * 8)


def test_a_run_that_wants_to_leave_has_each_trial_kept_once_more(tmp_path: Path) -> None:
    kept = Checkpoints(str(tmp_path), every=3600.0)
    kept.load("ab" * 8)
    kept.load("cd" * 8)
    ask_to_keep(tmp_path)
    assert [kept.due("ab" * 8), kept.due("cd" * 8), kept.due("ab" * 8)] == [True, True, False]
    begin_to_keep(tmp_path)
    later = Checkpoints(str(tmp_path), every=3600.0)
    later.load("ab" * 8)
    assert not later.due("ab" * 8)


TEXT = """
study: long
dataset: {name: planted, rows: 80}
seeds: [0]
baseline:
  encoder: {name: mlp, width: 4}
  fusion: mean
  losses: {emotion: cross_entropy}
  train: {epochs: 100000, batch_size: 32, patience: null, scheduler: null}
"""
SCRIPT = """
import os, signal, threading, time
from pathlib import Path
from butfor import runner
from butfor.core.interrupts import on_signal
from butfor.plugins.executors.local import LocalSpec

def leave():
    time.sleep(12)  # a worker starts in three seconds where nothing else runs
    os.kill(os.getpid(), signal.SIGINT)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, on_signal)
    study, catalogue = runner.read_study(Path("long.yaml"))
    prepared = runner.prepare(study, catalogue)
    threading.Thread(target=leave, daemon=True).start()
    executor = LocalSpec(jobs=1, linger=6.0)
    runner.run(prepared, [trial.key for trial in prepared.trials], Path("results"), executor=executor)
"""


def test_the_first_signal_keeps_a_trial_that_cannot_end_in_time(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "long.yaml").write_text(TEXT)
    command = [sys.executable, "script.py"]
    left = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "KeyboardInterrupt" in left.stderr
    [kept] = (tmp_path / "results" / "checkpoints").glob("*.safetensors")
    found = Checkpoints(str(kept.parent)).load(kept.stem)
    assert found is not None
    assert len(found[0]["curve"]) > 0
