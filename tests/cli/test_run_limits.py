"""`butfor run` with limits: time, memory, a process for each work, one trial at a time, and where the logs are."""

import json
import os

import pytest

from butfor.core.engine.evidence import apart
from butfor.core.store import STORE, Store
from butfor.reports.rebuild import read_plan

PLUGIN = '''
import os, time
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import nn

from butfor.core import Fused, FusionSpec, hookimpl


class OddSpec(FusionSpec):
    """Does what `does` says in its first training pass."""

    name: Literal["odd"] = "odd"
    does: Literal["nothing", "hangs", "takes"] = "nothing"
    """What it does."""
    stackable: ClassVar[bool] = False

    def build(self, *, modalities, width):
        return Odd(self)


class Odd(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.spec = spec

    def forward(self, encoded, present):
        if self.training and Path("main").read_text() != str(os.getpid()):  # in a worker
            print(f"about to do {self.spec.does}")
            with Path("pids").open("a") as file:
                file.write(f"{os.getpid()}\\n")
            if self.spec.does == "hangs":
                time.sleep(600)
            if self.spec.does == "takes":
                self.kept = torch.ones(1 << 30)
        much = {"nothing": 1.0, "hangs": 1.1, "takes": 1.2}[self.spec.does]
        return Fused(much * torch.stack([part.mean for part in encoded.values()]).mean(0), None)


@hookimpl
def register_fusions():
    return [OddSpec]
'''
STUDY = """\
study: limits
plugins: [odd.py]
dataset: {name: planted, rows: 120, groups: 6}
splits: official
seeds: 1
baseline:
  encoder: {name: mlp, width: 4}
  fusion: {name: odd}
  losses: {emotion: cross_entropy}
  train: {epochs: 1, batch_size: 64}
ablations:
  faults: {one_at_a_time: {fusion.does: [%s]}}
"""


@pytest.fixture
def run(command, tmp_path, monkeypatch):
    """Run the study with one fault, and give how it ended and each trial's state, class and log."""
    monkeypatch.delenv("BUTFOR_STORE", raising=False)
    (tmp_path / "odd.py").write_text(PLUGIN)
    (tmp_path / "main").write_text(str(os.getpid()))

    def act(fault, *options):
        (tmp_path / "ablations.yaml").write_text(STUDY.replace("%s", fault))
        done = command("run", "--jobs", "1", *options)
        if done.code == 2:
            return done, []
        return done, json.loads(command("status", "--json").out)["failures"]

    return act


def test_a_trial_over_its_time_limit_fails_and_the_others_are_kept(run, tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "LIMIT", 10.0)  # it hangs where evidence is looked for, too
    done, failures = run("hangs", "--time-limit", "6")
    assert done.code == 1, done.err
    (failed,) = failures
    assert (failed["class"], failed["label"]) == ("timeout", "does=hangs")
    assert "6 s" in failed["message"]
    assert "1 failed" in done.out
    log = tmp_path / failed["log"]
    assert log.parent == tmp_path / "results" / "logs"
    assert log.name == f"{failed['key']}.log"
    assert "about to do hangs" in log.read_text()


def test_a_trial_over_its_memory_limit_fails_as_out_of_memory(run):
    done, failures = run("takes", "--memory-limit", "1500")
    assert done.code == 1, done.err
    assert [failed["class"] for failed in failures] == ["out of memory"]


@pytest.mark.parametrize(("options", "processes"), [((), 2), (("--isolate",), 3)])
def test_isolated_works_have_a_process_each(run, tmp_path, options, processes):
    """One process, or one for each of two works; and one before them that looks for evidence."""
    done, failures = run("nothing", "--no-stack", "--seeds", "2", *options)
    assert done.code in {0, 1}, done.err
    assert not [failed for failed in failures if failed["state"] == "failed"]
    assert len(set((tmp_path / "pids").read_text().split())) == processes


def test_limits_that_an_executor_has_not_are_refused(run):
    done, _ = run("nothing", "--executor", "serial")
    assert done.code == 2  # --jobs 1 of the fixture: the serial executor has no such setting
    assert "--executor serial: it has no such setting, leave --jobs out" in done.err


def test_plan_without_stacks_counts_what_run_without_stacks_has_left(command, tmp_path, monkeypatch):
    monkeypatch.delenv("BUTFOR_STORE", raising=False)
    text = STUDY.replace("plugins: [odd.py]\n", "").replace("{name: odd}", "mean").partition("ablations:")[0]
    (tmp_path / "ablations.yaml").write_text(text)
    assert command("run", "--no-stack", "--quiet", "--executor", "serial").code == 0
    assert "1 still to train" in command("plan").out
    assert "0 still to train" in command("plan", "--no-stack").out
    with Store.open(tmp_path / "results" / STORE, create=False) as store:
        plan = read_plan(tmp_path / "ablations.yaml", tmp_path / "results")
        (result,) = store.load([trial.key for trial in plan.trials])
    assert result.provenance["engine"] == "one"
    assert json.loads(command("plan", "--no-stack", "--json").out)["stacks"][0]["engine"] == "one"
