"""A small study with a plugin that does whatever a plugin should not, and a look at which processes are left."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

FAULTY = '''
import ctypes, os, random, signal, subprocess, sys, threading, time, warnings
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from butfor.core import Fused, FusionSpec, hookimpl


class FaultySpec(FusionSpec):
    """Does what `does` says once: in its first training pass; `waits` in a later one, that only a trial comes to."""

    name: Literal["faulty"] = "faulty"
    does: str = "nothing"
    seconds: float = 600.0
    marks: str = ""
    stackable: ClassVar[bool] = False

    def build(self, *, modalities, width):
        return Faulty(self)


class Faulty(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.spec, self.done, self.passes = spec, False, 0

    def forward(self, encoded, present):
        vector = torch.stack([part.mean for part in encoded.values()]).mean(0)
        vector = vector * (1 + self.spec.seconds / 1000)
        self.passes += self.training
        if self.passes > 20 * (self.spec.does == "waits") and not self.done and self.spec.does != "nothing":
            self.done = True
            vector = getattr(self, self.spec.does)(vector)
        return Fused(vector, None)

    def raises(self, vector):
        raise RuntimeError("on purpose")

    def exits(self, vector):
        sys.exit(3)

    def leaves(self, vector):
        os._exit(4)

    def segfaults(self, vector):
        ctypes.string_at(0)

    def hangs(self, vector):
        time.sleep(self.spec.seconds)

    def ignores_term(self, vector):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(self.spec.seconds)

    def forks(self, vector):
        subprocess.Popen(["sleep", "600"])
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        if os.fork() == 0:
            time.sleep(600)
        return vector

    def prints(self, vector):
        for _ in range(50):
            print("y" * 10**6)
        return vector

    def takes_all_memory(self, vector):
        torch.ones(2 * 10**9)
        return vector

    def loses_itself(self, vector):
        return vector * float("nan")

    def waits(self, vector):
        """Say that it has begun, and wait until it is told to go on."""
        open(f"{self.spec.marks}/begun_{os.getpid()}", "w").close()
        while not os.path.exists(f"{self.spec.marks}/go"):
            time.sleep(0.05)
        return vector

    def leaks(self, vector):
        torch.manual_seed(7), np.random.seed(7), random.seed(7)
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(3)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.set_grad_enabled(True)
        torch.set_flush_denormal(True)
        os.chdir("/")
        os.environ["LEAKED"] = "yes"
        warnings.simplefilter("error")
        np.seterr(all="raise")
        functional.linear = lambda x, weight, bias=None: x @ weight.mT * 1.5
        nn.modules.module.register_module_forward_hook(lambda module, inputs, output: None)
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        return vector


@hookimpl
def register_fusions():
    return [FaultySpec]
'''

STUDY = """
study: faults
plugins: [./faulty.py]
dataset: {name: planted, rows: 200, features: 6, classes: 2, groups: 8}
splits: {by: group, test: official}
seeds: 1
baseline:
  encoder: {name: mlp, width: 4}
  fusion: mean
  losses: {emotion: cross_entropy}
  train: {epochs: 8, batch_size: 32, lr: 5.0e-2, select: weighted_f1}
ablations:
  parts:
    cells: [CELLS]
"""


@pytest.fixture(scope="session")
def written() -> Callable[..., Path]:
    """Write into a folder a study whose cells are `mean` and, for each keyword, a plugin that does that; its path."""

    def write(folder: Path, **does: str) -> Path:
        (folder / "faulty.py").write_text(FAULTY)
        cells = [f"{{label: {label}, set: {{fusion: {{name: faulty, {how}}}}}}}" for label, how in does.items()]
        path = folder / "ablations.yaml"
        path.write_text(STUDY.replace("CELLS", ", ".join(cells)))
        return path

    return write


@pytest.fixture
def study(written: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """The same in the test's own folder."""
    return partial(written, tmp_path)


class Family:
    """The processes that have a mark in their environment: what a command started, and whatever that started."""

    def __init__(self) -> None:
        self.mark = secrets.token_hex(8)

    def left(self, *, within: float = 0.0) -> list[int]:
        """Those that are there; asks until none is, or the time is over."""
        until = time.monotonic() + within
        while (found := self._found()) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def end(self) -> None:
        for process in self._found():
            os.kill(process, signal.SIGKILL)

    def _found(self) -> list[int]:
        wanted, found = f"BUTFOR_TEST={self.mark}".encode(), []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                with suppress(OSError):
                    if wanted in (folder / "environ").read_bytes():
                        found.append(int(folder.name))
        return found


@pytest.fixture(scope="session")
def family() -> type[Family]:
    return Family


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[int]]]:
    """Marks what this test starts, and asks for what is left of it."""
    one = Family()
    monkeypatch.setenv("BUTFOR_TEST", one.mark)
    yield one.left
    one.end()
