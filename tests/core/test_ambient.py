"""What a trial leaves changed is found, named and put back."""

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from butfor.core.ambient import Ambient

LEAKS: dict[str, Callable[[], object]] = {
    "torch's default dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch's default device": lambda: torch.set_default_device("meta"),
    "torch's number of threads": lambda: torch.set_num_threads(3),
    "torch's deterministic mode": lambda: torch.use_deterministic_algorithms(mode=True, warn_only=True),
    "torch's grad mode": lambda: torch.set_grad_enabled(mode=False),
    "torch's anomaly mode": lambda: torch.autograd.set_detect_anomaly(mode=True),
    "torch's autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "torch's denormal numbers": lambda: torch.set_flush_denormal(True),
    "torch's matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "cudnn.deterministic": lambda: setattr(torch.backends.cudnn, "deterministic", True),
    "hooks of all torch modules": lambda: nn.modules.module.register_module_forward_hook(lambda *_: None),
    "functions of torch.nn.functional": lambda: setattr(functional, "relu", functional.gelu),
    "functions of Module": lambda: setattr(nn.Module, "train", lambda self, mode=True: self),
    "functions of numpy": lambda: setattr(np, "mean", np.median),
    "numpy's error handling": lambda: np.seterr(all="ignore"),
    "the working directory": lambda: os.chdir("/"),
    "the environment": lambda: os.environ.update(BUTFOR_LEAK="yes"),
    "warnings filters": lambda: warnings.simplefilter("once"),
    "sys.path": lambda: sys.path.insert(0, "/nowhere"),
    "sys.stdout": lambda: setattr(sys, "stdout", None),
    "the recursion limit": lambda: sys.setrecursionlimit(5000),
    "garbage collection": gc.disable,
    "the umask": lambda: os.umask(0o177),
    "the handler of SIGTERM": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "a timer": lambda: signal.setitimer(signal.ITIMER_REAL, 600),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LEAKS)
def test_each_is_named_and_put_back(name: str) -> None:
    with Ambient() as ambient:
        assert ambient.restore() == []
        LEAKS[name]()
        assert ambient.restore() == [name]
        assert ambient.stuck() == []
        assert ambient.restore() == []


def drawn() -> tuple[float, float, float]:
    return random.random(), np.random.rand(), float(torch.rand(()))  # noqa: NPY002 - the shared generator is meant


def test_random_numbers_begin_at_one_place_and_come_back_at_the_end() -> None:
    random.seed(5), np.random.seed(5), torch.manual_seed(5)  # noqa: NPY002 - the shared generator is what is tested
    with Ambient() as ambient:
        ambient.restore()
        first = drawn()
        ambient.restore()
        assert drawn() == first
    after = drawn()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)  # noqa: NPY002 - the shared generator is what is tested
    assert drawn() == after


def test_a_folder_that_is_gone_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Ambient() as ambient:
        gone = tmp_path / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()
        assert ambient.restore() == ["the working directory"]
        assert Path.cwd() == tmp_path


def test_a_thread_and_a_child_cannot_be_put_back() -> None:
    with Ambient() as ambient:
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        assert ambient.stuck() == ["a thread that still runs"]
        stop.set()
        thread.join()
        assert ambient.stuck() == []
        child = subprocess.Popen(["sleep", "60"])
        assert ambient.stuck() == ["a child process"]
        child.kill()
        child.wait()
        assert ambient.stuck() == []


@pytest.mark.parametrize("broken", [True, False])
def test_a_gpu_where_something_has_failed_cannot_be_put_back(broken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the GPU."""

    def synchronize() -> None:
        if broken:
            raise RuntimeError("CUDA error: device-side assert triggered")

    with Ambient() as ambient:
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
        assert ambient.stuck() == (["the GPU, where something has failed"] if broken else [])
        monkeypatch.undo()
