"""Why no gradient reaches some parameters: watch one pass for what stops gradients, by module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from ..noise import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, nn

    from .subject import Subject

_SOFTMAX = {"softmax", "log_softmax"}
_LIMITS = {"clamp", "clamp_", "clip", "clip_", "clamp_min", "clamp_max", "hardtanh", "relu", "threshold"}

ONE_KEY = "a softmax over a single key is always 1"
DETACHED = "what it makes is detached from the loss"
LIMITED = "all of it lies beyond a limit, where the gradient is zero"
NOT_CALLED = "it is never called"
WEIGHTLESS = "its term has weight zero"
NEVER = "its modality is present in no training row"
UNUSED = "what it makes reaches no term"


class Watch(TorchFunctionMode):
    """Takes down, by the module that runs, what stops gradients."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.site = Site()
        self.site.attach(model)
        self.found: dict[str, str] = {}
        self.called: set[str] = set()
        for name, module in model.named_modules():
            module.register_forward_pre_hook(lambda _module, _args, name=name: self.called.add(name))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Call the function, and look at what it did."""
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        reason = _stops(getattr(func, "__name__", ""), args, kwargs, made)
        if reason:
            self.found.setdefault(self.site.peek()[0], reason)
        return made


def _stops(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: object) -> str:
    given = args[0] if args else kwargs.get("input")
    if not isinstance(given, torch.Tensor) or not given.requires_grad:
        return ""
    if name in _SOFTMAX:
        axis = kwargs.get("dim", args[1] if len(args) > 1 else -1)
        return ONE_KEY if isinstance(axis, int) and given.shape[axis] == 1 else ""
    if name in ("detach", "detach_"):
        return DETACHED
    if name in _LIMITS and isinstance(made, torch.Tensor) and _is_flat(given, made):
        return LIMITED
    return ""


def _is_flat(given: Tensor, made: Tensor) -> bool:
    """Whether no number came through a limit as it was."""
    return given.shape == made.shape and not bool((given == made).any())


def reasons(subject: Subject, dead: Sequence[str]) -> dict[str, str]:
    """{parameter: why it has no gradient, as far as one pass shows it}."""
    watch = Watch(subject.system)
    with watch:
        subject.take(subject.batches[0], 0)
    return {name: _reason(subject, watch, name) for name in dead}


def _reason(subject: Subject, watch: Watch, name: str) -> str:
    part = name.split(".")
    if part[0] == "losses" and part[1] not in subject.active:
        return WEIGHTLESS
    if part[0] == "encoder" and not subject.ground.data.present[part[1]][subject.ground.fold.train].any():
        return NEVER
    owner = name.rpartition(".")[0]
    if owner not in watch.called and not any(called.startswith(f"{owner}.") for called in watch.called):
        return NOT_CALLED
    while owner:
        if owner in watch.found:
            return watch.found[owner]
        owner = owner.rpartition(".")[0]
    return UNUSED
