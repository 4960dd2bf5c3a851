"""The machine and its limits: what stands behind every figure, and the floor under a training step."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from .plain import PlainModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from butfor.core.dataset import Dataset

    from .loops import PeerTrial

SIDE = 1024
IDLE = 0.5
"""Mean number of running processes in the last minute up to which a machine counts as idle."""


def described() -> dict[str, Any]:
    """Processor, cores, versions, threads, and how busy the machine is: to be asked before anything is measured."""
    load = os.getloadavg()[0]
    warning = (
        {"warning": f"other work was running (load {load:.1f}): do not quote these figures"} if load > IDLE else {}
    )
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": 1,
        "load before": round(load, 2),
        **warning,
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Of each package, in the Python that asks; `missing` where it is not installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def sgemm_peak(seconds: float = 1.0) -> float:
    """GFLOP/s of one thread on a product of two 1024 x 1024 matrices, single precision: the best of many."""
    first, second = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    out = torch.empty(SIDE, SIDE)
    return 2 * SIDE**3 / _shortest(lambda: torch.mm(first, second, out=out), seconds) / 1e9


def optimiser_floor(parameters: int, seconds: float = 0.5) -> float:
    """Seconds of one AdamW update of that many numbers in one contiguous piece, by torch's fused kernel."""
    weight = torch.randn(parameters, requires_grad=True)
    weight.grad = torch.randn(parameters)
    optimizer = torch.optim.AdamW([weight], fused=True)
    return _shortest(optimizer.step, seconds)


def _shortest(work: Callable[[], object], seconds: float) -> float:
    best, end = float("inf"), time.perf_counter() + seconds
    work()
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def step_flops(trial: PeerTrial, data: Dataset) -> int:
    """Floating-point operations of one training step of a trial: matrix products of forward and backward."""
    model = PlainModel(trial.settings, data, trial.seed, trial.fold.name).train()
    rows = torch.from_numpy(trial.fold.train[: trial.settings.train.batch_size])
    features = {m: torch.from_numpy(data.features[m])[rows] for m in trial.settings.modalities}
    targets = {task: torch.from_numpy(y)[rows] for task, y in data.targets.items()}
    with FlopCounterMode(display=False) as counter:
        model.loss(features, targets, 0).backward()
    return int(counter.get_total_flops())
