"""Runs of the command line that share a store, are killed, or meet changed plugins: one grid, each trial once."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from butfor.core.store import Store

STUDY = """
study: shared
dataset: {name: planted, rows: 200, features: 6, classes: 2, groups: 8}
splits: {folds: 2, by: group, test: official}
seeds: 8
baseline:
  encoder: {name: variational_mlp, width: 8, dropout: 0.1}
  fusion: uncertainty
  losses: {emotion: cross_entropy}
  train: {epochs: 4, batch_size: 32, lr: 5.0e-3}
ablations:
  fusions: {one_at_a_time: {fusion: [mean]}}
"""


ENDED = {"done", "collapsed", "diverged"}


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "butfor", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, start_new_session=True, **pipes)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def rows(folder: Path) -> list[tuple[str, str, int]]:
    raw = sqlite3.connect(folder / "results" / "store.sqlite")
    found = raw.execute("SELECT key, state, attempts FROM trials").fetchall()
    raw.close()
    return found


@pytest.mark.slow
def test_two_runs_at_once_share_the_trials_and_both_print_complete_tables(tmp_path: Path) -> None:
    (tmp_path / "ablations.yaml").write_text(STUDY)
    both = [begin(tmp_path, "run", "--executor", "serial") for _ in range(2)]
    (code, one, err), (other_code, other, other_err) = [ended(process) for process in both]
    assert code == other_code <= 1, err + other_err
    assert one == other
    assert [attempts for _, state, attempts in rows(tmp_path) if state in ENDED] == [1] * 32
    assert re.search(r"\[32/32\]", err) or re.search(r"\[32/32\]", other_err)


@pytest.mark.slow
def test_a_run_that_is_killed_is_gone_on_from_at_once(tmp_path: Path) -> None:
    (tmp_path / "ablations.yaml").write_text(STUDY)
    killed = begin(tmp_path, "run", "--executor", "serial")
    assert killed.stderr is not None
    for line in killed.stderr:
        if line.startswith("[5/"):
            break
    os.killpg(killed.pid, signal.SIGKILL)
    ended(killed)
    before = {key: state for key, state, _ in rows(tmp_path) if state in ENDED}
    assert len(before) >= 5
    status, told, _ = ended(begin(tmp_path, "status", "--json"))
    found = json.loads(told)
    assert (status, found["pending"], found["running"]) == (0, 32 - len(before), 0)
    started = time.monotonic()
    code, _, err = ended(begin(tmp_path, "run", "--executor", "serial"))
    assert code <= 1, err
    assert f"{32 - len(before)} trials to train, {len(before)} already in the store" in err
    assert time.monotonic() - started < 55  # a lease is 60 s: nobody waited for one
    found = {key: (state, attempts) for key, state, attempts in rows(tmp_path)}
    assert all(found[key] == (state, 1) for key, state in before.items())
    assert all(state in ENDED and attempts <= 2 for state, attempts in found.values())


PLUGIN = """
from typing import Literal
from torch import nn
from butfor.core import Fused, FusionSpec, hookimpl

class ScaledSpec(FusionSpec):
    '''A scaled mean.'''
    name: Literal["scaled"] = "scaled"
    def build(self, *, modalities, width):
        return Scaled()

class Scaled(nn.Module):
    def forward(self, encoded, present):
        return Fused(sum(part.sample for part in encoded.values()) * 1.0)

@hookimpl
def register_fusions():
    return [ScaledSpec]
"""


@pytest.mark.slow
def test_a_changed_plugin_never_mixes_with_the_rows_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "scaled.py").write_text(PLUGIN)
    text = STUDY.replace("study: shared", "study: shared\nplugins: [./scaled.py]").replace("[mean]", "[scaled]")
    (tmp_path / "ablations.yaml").write_text(text.replace("seeds: 8", "seeds: 1"))
    code, _, err = ended(begin(tmp_path, "run", "--executor", "serial"))
    assert code == 0, err
    (tmp_path / "scaled.py").write_text(PLUGIN.replace("* 1.0", "* 2.0"))
    code, _, err = ended(begin(tmp_path, "run", "--executor", "serial"))
    assert code == 0, err
    assert "2 trials to train, 2 already in the store" in err
    _, told, _ = ended(begin(tmp_path, "status"))
    assert "4 trials: 4 done" in told
    assert "2 rows of older versions are kept and not shown: 2 of another fusion:scaled" in told
    with Store.open(tmp_path / "results" / "store.sqlite") as store:
        assert store.studies() == {"shared": 6}
