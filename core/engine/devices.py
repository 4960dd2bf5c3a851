"""Where trials are computed: on the processor, or on a GPU, whose random numbers are the processor's all the same."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from ..errors import StudyError, TrainingError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

CPU, CUDA = "cpu", "cuda"
DEVICES = (CPU, CUDA)
"""What a run may be asked for; of several GPUs, `CUDA_VISIBLE_DEVICES` chooses one."""
GPU_ROWS = 64
"""Rows of every stack on a GPU: kernels are chosen by their number, and no bit is to depend on how many trials there
are; rows without a trial cost little there."""


def why_not_here(name: str) -> str:
    """Why this machine does not compute on that device; empty where it does."""
    if name == CPU or torch.cuda.is_available():
        return ""
    if torch.version.cuda is None and torch.version.hip is None:
        return f"this torch, {torch.__version__}, is built for processors alone"
    return "torch finds no GPU that it can use"


def check_device(name: str) -> None:
    """Raise StudyError where there is no such device, or it cannot be had here."""
    if name not in DEVICES:
        raise StudyError(f"--device {name}: there is no such device; {nearest(name, DEVICES)}")
    if reason := why_not_here(name):
        raise StudyError(f"--device {name}: {reason}; leave it out")


@contextmanager
def computing_on(name: str) -> Iterator[None]:
    """Inside, a GPU rounds as single precision does, not TF32, and takes kernels whose sums have one order.

    Raises TrainingError where this process cannot compute there.
    """
    if reason := why_not_here(name):
        raise TrainingError(f"--device {name}: {reason}; take an executor whose workers have one, or leave it out")
    if name == CPU:
        yield
        return
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first product is computed
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
    )
    torch.use_deterministic_algorithms(True, warn_only=True)  # what has no such kernel is found by the probe
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation.*")
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.set_float32_matmul_precision(before[2])
        torch.backends.cudnn.allow_tf32 = before[3]
        if workspace is None:
            del os.environ["CUBLAS_WORKSPACE_CONFIG"]


def seed_default(key: int) -> None:
    """Seed torch's own generators: the processor's, and the GPU's where there is one in use."""
    torch.default_generator.manual_seed(key)  # torch.manual_seed would format a stack for each absent device
    if generators_in_use():
        torch.cuda.manual_seed(key)


def generators_in_use() -> list[int]:
    """GPUs whose generators have to be left as they were."""
    return [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
