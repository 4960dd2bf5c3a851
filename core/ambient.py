"""What a process holds outside of a trial, and how to put it back: no trial may change the numbers of the next."""

from __future__ import annotations

import gc
import locale
import os
import random
import signal
import sys
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import torch
import torch._dynamo  # optimizers load it in their first step, and it replaces functions of torch
from torch import nn
from torch.nn import functional, init
from torch.nn.modules import module as module_hooks

from . import shared_random

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_PATCHABLE: tuple[Any, ...] = (torch, torch.Tensor, nn, nn.Module, functional, init, np, np.random, random)
_SEED = 0


@dataclass(frozen=True, slots=True)
class _Facet:
    """One thing that a trial may leave changed."""

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], object]


class Ambient:
    """The state of this process as it was when this was made; in a `with`, put back at the end, random numbers too."""

    def __init__(self) -> None:
        self._facets = (*_torch_facets(), *_python_facets())
        self._saved = [facet.get() for facet in self._facets]
        self._random = shared_random.state(), torch.default_generator.get_state()
        self._threads = set(threading.enumerate())
        self._children = _has_children()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()
        shared, own = self._random
        shared_random.put(shared)
        torch.default_generator.set_state(own)

    def restore(self) -> list[str]:
        """Put everything back and start every shared random generator at one number; what had been changed."""
        changed = []
        for facet, saved in zip(self._facets, self._saved, strict=True):
            if facet.get() != saved:
                changed.append(facet.name)
                with suppress(Exception):  # what is still changed afterwards is told by `stuck`
                    facet.put(saved)
        shared_random.seed(_SEED)
        torch.default_generator.manual_seed(_SEED)
        return changed

    def stuck(self) -> list[str]:
        """What cannot be put back: only a fresh process is free of it."""
        left = [facet.name for facet, saved in zip(self._facets, self._saved, strict=True) if facet.get() != saved]
        if any(thread.is_alive() for thread in set(threading.enumerate()) - self._threads):
            left.append("a thread that still runs")
        if _has_children() and not self._children:
            left.append("a child process")
        if _gpu_has_failed():
            left.append("the GPU, where something has failed")
        return left


def _gpu_has_failed() -> bool:
    """Whether a kernel has failed: then everything fails there from then on, in this process."""
    if not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


def _has_children() -> bool:
    """Whether this process has children, ended ones that nobody has waited for included."""
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _torch_facets() -> tuple[_Facet, ...]:
    """Of torch."""
    cudnn, mkldnn, c = torch.backends.cudnn, torch.backends.mkldnn, torch._C  # noqa: SLF001 - torch's getters of its flags have no public name
    modes: Callable[[], int] = getattr(c, "_len_torch_function_stack", lambda: 0)
    return (
        _Facet("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
        _Facet("torch's default device", lambda: str(torch.get_default_device()), _set_device),
        _Facet("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
        _Facet("torch's deterministic mode", _deterministic, lambda v: _set_deterministic(*v)),
        _Facet("torch's grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
        _Facet("torch's anomaly mode", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        _Facet(
            "torch's autocast",
            lambda: torch.is_autocast_enabled("cpu"),
            lambda value: torch.set_autocast_enabled("cpu", value),
        ),
        _Facet("torch's inference mode", torch.is_inference_mode_enabled, lambda _: None),
        _Facet("torch's function modes", modes, lambda _: None),
        _Facet("torch's denormal numbers", _denormals, lambda value: torch.set_flush_denormal(not value)),
        _Facet("cudnn.deterministic", *_attribute(cudnn, "deterministic")),
        _Facet("cudnn.benchmark", *_attribute(cudnn, "benchmark")),
        _Facet("mkldnn.enabled", *_attribute(mkldnn, "enabled")),
        _Facet("torch's matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        _Facet("hooks of all torch modules", _global_hooks, _set_global_hooks),
        *(_Facet(f"functions of {owner.__name__}", *_functions(owner)) for owner in _PATCHABLE),
    )


def _python_facets() -> tuple[_Facet, ...]:
    """Of Python, NumPy and the system."""
    facets = (
        _Facet("numpy's error handling", np.geterr, lambda value: np.seterr(**value)),
        _Facet("the working directory", _working_directory, os.chdir),
        _Facet("the environment", lambda: dict(os.environ), _set_environment),
        _Facet("warnings filters", lambda: list(warnings.filters), _set_filters),
        _Facet("sys.path", lambda: list(sys.path), lambda value: sys.path.__setitem__(slice(None), value)),
        _Facet("sys.stdout", *_attribute(sys, "stdout")),
        _Facet("sys.stderr", *_attribute(sys, "stderr")),
        _Facet("sys.excepthook", *_attribute(sys, "excepthook")),
        _Facet("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
        _Facet("garbage collection", gc.isenabled, lambda value: gc.enable() if value else gc.disable()),
        _Facet("the locale", lambda: locale.setlocale(locale.LC_ALL), lambda v: locale.setlocale(locale.LC_ALL, v)),
        _Facet("the umask", _umask, os.umask),
    )
    if threading.current_thread() is not threading.main_thread():
        return facets
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGALRM", "SIGCHLD") if hasattr(signal, name)]
    handlers = [
        _Facet(f"the handler of {n.name}", partial(signal.getsignal, n), partial(signal.signal, n)) for n in numbers
    ]
    if hasattr(signal, "setitimer"):
        timer = signal.ITIMER_REAL
        running = _Facet("a timer", lambda: signal.getitimer(timer)[0] > 0, lambda _: signal.setitimer(timer, 0))
        return (*facets, running, *handlers)
    return (*facets, *handlers)


def _attribute(owner: object, name: str) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


def _functions(owner: object) -> tuple[Callable[[], bool], Callable[[object], None]]:
    """Whether the functions and classes of `owner` are still its own, and how to give them back."""
    own = {name: value for name, value in vars(owner).items() if callable(value)}

    def intact() -> bool:
        now = vars(owner)
        return all(now.get(name) is value for name, value in own.items())

    def give_back(_: object) -> None:
        now = vars(owner)
        for name, value in own.items():
            if now.get(name) is not value:
                setattr(owner, name, value)

    return intact, give_back


def _global_hooks() -> dict[str, dict[Any, Any]]:
    found = vars(module_hooks).items()
    return {name: dict(value) for name, value in found if name.startswith("_global_") and isinstance(value, dict)}


def _set_global_hooks(saved: dict[str, dict[Any, Any]]) -> None:
    for name, value in saved.items():
        hooks = getattr(module_hooks, name)
        hooks.clear()
        hooks.update(value)


def _set_device(name: str) -> None:
    torch.set_default_device(None if name == "cpu" else name)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(on: bool, warn_only: bool) -> None:
    torch.use_deterministic_algorithms(on, warn_only=warn_only)


def _denormals() -> bool:
    """Whether this thread computes with them."""
    smallest = sys.float_info.min
    return smallest / 2 != 0


def _working_directory() -> str:
    """Empty where it is gone."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def _set_environment(saved: dict[str, str]) -> None:
    for name in os.environ.keys() - saved.keys():
        del os.environ[name]
    os.environ.update(saved)


def _set_filters(saved: list[Any]) -> None:
    warnings.resetwarnings()
    cast("list[Any]", warnings.filters)[:] = saved  # which it is at run time; resetwarnings() told the caches


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
