"""`run` with its engines: which trains, what is told, and what cannot be had."""

import json
import shutil
from pathlib import Path

import pytest

from butfor.core.engine import arithmetic
from butfor.core.engine.compiler import why_not_here
from butfor.core.store import STORE, Store

STUDY = """
study: engines
dataset: {name: planted, rows: 120}
seeds: 2
baseline:
  encoder: {name: mlp, width: 4}
  fusion: mean
  losses: {emotion: cross_entropy}
  train: {epochs: 1, batch_size: 16, select: weighted_f1}
ablations:
  rates: {one_at_a_time: {train.lr: [1.0e-2]}}
"""


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.yaml").write_text(STUDY)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))


def engines(tmp_path: Path) -> set[str]:
    keys = [trial["key"] for trial in json.loads((tmp_path / "results/engines/plan.json").read_text())["trials"]]
    with Store.open(tmp_path / "results" / STORE, create=False) as store:
        return {result.provenance["engine"] for result in store.load(keys)}


@pytest.mark.skipif(bool(why_not_here()), reason=why_not_here())
def test_every_engine_trains_trials_of_its_own(command, tmp_path: Path) -> None:
    for told, engine in (((), "stack"), (("--no-stack",), "one"), (("--compile",), "compiled")):
        ran = command("run", "s.yaml", "--quiet", "--jobs", "1", *told)
        assert ran.code in (0, 1), ran.err
        assert engines(tmp_path) == {engine}


@pytest.mark.skipif(not shutil.which("cc"), reason="a library has to be compiled")
def test_an_arithmetic_is_recorded_makes_trials_of_its_own_and_is_run_again(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text("vendor_id: AuthenticAMD\nflags: avx512f")
    monkeypatch.setattr(arithmetic, "_PROCESSOR", tmp_path / "cpuinfo")
    assert command("run", "s.yaml", "--quiet", "--jobs", "1").code in (0, 1)
    ran = command("run", "s.yaml", "--quiet", "--jobs", "1", "--arithmetic", "avx512")
    assert ran.code in (0, 1), ran.err
    keys = [trial["key"] for trial in json.loads((tmp_path / "results/engines/plan.json").read_text())["trials"]]
    with Store.open(tmp_path / "results" / STORE, create=False) as store:
        assert sum(store.studies().values()) == 2 * len(keys)
        assert {result.provenance["arithmetic"] for result in store.load(keys)} == {"avx512"}
    again = command("rerun", keys[0], "s.yaml")
    assert (again.code, "equal to the bit" in again.out) == (0, True), again.out + again.err


def test_an_arithmetic_that_is_not_there_is_refused(command) -> None:
    ran = command("run", "s.yaml", "--arithmetic", "avx51")
    assert ran.code == 2
    assert "--arithmetic avx51: there is no such arithmetic; did you mean 'avx512'?" in ran.err


COUNTED = """
from pathlib import Path
from typing import Literal

import numpy as np

from butfor.core import Dataset, DatasetSpec, Task, hookimpl


class CountedSpec(DatasetSpec):
    \"\"\"Notes every loading.\"\"\"

    name: Literal["counted"] = "counted"

    def modality_names(self):
        return ("text",)

    def load(self):
        with Path("loaded.txt").open("a") as log:
            log.write("once\\n")
        draw = np.random.default_rng(0)
        rows = draw.normal(size=(120, 4)).astype(np.float32)
        task = Task("emotion", "classes", ("low", "high"))
        return Dataset({"text": rows}, {"emotion": task}, {"emotion": (rows[:, 0] > 0).astype(np.int64)})


@hookimpl
def register_datasets():
    return [CountedSpec]
"""


def test_the_data_is_loaded_once_however_many_workers_there_are(command, tmp_path: Path) -> None:
    (tmp_path / "counted.py").write_text(COUNTED)
    text = STUDY.replace("dataset: {name: planted, rows: 120}", "plugins: [counted.py]\ndataset: counted")
    (tmp_path / "s.yaml").write_text(text)
    ran = command("run", "s.yaml", "--quiet", "--jobs", "2", "--no-stack")
    assert ran.code in (0, 1), ran.err
    assert (tmp_path / "loaded.txt").read_text() == "once\n"


def test_two_engines_at_once_and_a_machine_without_a_compiler_are_refused(
    command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = command("run", "s.yaml", "--compile", "--no-stack")
    assert ran.code == 2
    assert "leave one of the two out" in ran.err
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    ran = command("run", "s.yaml", "--compile")
    assert ran.code == 2
    assert "neither g++ nor clang++" in ran.err
    assert not (tmp_path / "results").exists()
