"""`run` with its engines: which trains, what is told, and what cannot be had."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from butfor import runner
from butfor.core.engine import arithmetic, devices
from butfor.core.engine.compiler import why_not_here
from butfor.core.engine.work import Shelf
from butfor.core.errors import StudyError
from butfor.core.store import STORE, Store
from butfor.plugins.executors.local import LocalSpec

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


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (("--device", "cudda"), "--device cudda: there is no such device; did you mean 'cuda'?"),
        (("--device", "cuda", "--compile"), "--compile --device cuda: a stack is not compiled there; leave one"),
    ],
)
@pytest.mark.parametrize("asked", ["run", "plan"])
def test_a_device_that_is_not_there_or_goes_with_nothing_else_is_refused(
    command, asked: str, told: tuple[str, ...], said: str
) -> None:
    ran = command(asked, "s.yaml", *told)
    assert ran.code == 2
    assert said in ran.err


def test_a_limit_of_memory_is_refused_on_a_gpu_which_has_one_worker_unless_more_are_asked_for(
    command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float | bool | str] = []

    def executor(*_: object, **settings: float | bool | str) -> None:
        asked.append(settings["jobs"])
        raise StudyError("far enough")

    monkeypatch.setattr(runner, "executor_named", executor)
    for told in ((), ("--device", "cuda"), ("--device", "cuda", "--jobs", "3")):
        assert "far enough" in command("run", "s.yaml", *told).err
    assert asked == [0, 1, 3]
    ran = command("run", "s.yaml", "--device", "cuda", "--memory-limit", "100")
    assert (ran.code, "--memory-limit --device cuda: " in ran.err) == (2, True)


@pytest.mark.skipif(not devices.why_not_here("cuda"), reason="this machine has a GPU")
def test_without_a_gpu_the_reason_is_told_and_nothing_is_trained(command, tmp_path: Path) -> None:
    ran = command("run", "s.yaml", "--device", "cuda")
    assert (ran.code, ran.err.count("--device cuda: ")) == (2, 1)
    assert "leave it out" in ran.err
    assert not (tmp_path / "results").exists()


def test_a_device_makes_trials_of_its_own_and_is_run_again(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processor by another name is trained on as a GPU is."""
    monkeypatch.setattr(devices, "DEVICES", ("cpu", "cpu:0"))
    monkeypatch.setattr(devices, "why_not_here", lambda _: "")
    monkeypatch.setattr(runner, "_shelf", Shelf())
    assert command("run", "s.yaml", "--quiet", "--executor", "serial").code in (0, 1)
    ran = command("run", "s.yaml", "--quiet", "--executor", "serial", "--device", "cpu:0")
    assert ran.code in (0, 1), ran.err
    keys = [trial["key"] for trial in json.loads((tmp_path / "results/engines/plan.json").read_text())["trials"]]
    with Store.open(tmp_path / "results" / STORE, create=False) as store:
        assert sum(store.studies().values()) == 2 * len(keys)
        assert {json.loads(store.row(key)["identity"])["device"] for key in keys} == {"cpu:0"}
    again = command("rerun", keys[0], "s.yaml", "--executor", "serial")
    assert (again.code, "equal to the bit" in again.out) == (0, True), again.out + again.err


def test_plan_says_which_trials_an_engine_would_train(command) -> None:
    usual, alone = command("plan", "s.yaml"), command("plan", "s.yaml", "--no-stack")
    assert "4 trials train as 1 stacks" in usual.out
    assert "no trial is part of a stack" in alone.out


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


def test_a_new_folder_of_results_has_its_workers_process_before_anything_is_read(
    command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []

    @contextmanager
    def ready(_: LocalSpec, module: str) -> Iterator[None]:
        told.append(f"begins {module}")
        try:
            yield
        finally:
            told.append("ends")

    def read(*_: object, **__: object) -> None:
        told.append("reads")
        raise StudyError("no such study")

    monkeypatch.setattr(LocalSpec, "ready", ready)
    monkeypatch.setattr(runner, "read_study", read)
    assert command("run", "s.yaml").code == 2
    assert told == [f"begins {runner.train.__module__}", "reads", "ends"]
    told.clear()
    assert command("run", "s.yaml", "--executor", "serial").code == 2
    (tmp_path / "results").mkdir()
    assert command("run", "s.yaml").code == 2
    assert told == ["reads", "reads"]
