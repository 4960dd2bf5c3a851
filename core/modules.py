"""What a module author needs besides torch: knobs as tensors, masked softmax, and own streams for inner parts."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import torch

from .streams import stream_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from .specs import Spec

_stream: ContextVar[int] = ContextVar("initialisation stream", default=0)


def hold_knobs(module: nn.Module, spec: Spec) -> None:
    """Put every knob of `spec` on `module` as a 0-d buffer of the knob's name, in the default dtype.

    Call it in `__init__` and read `self.temperature` in `forward`; the engine gives each trial of a stack its own.
    """
    for name in type(spec).knobs():
        value = torch.tensor(float(getattr(spec, name)), dtype=torch.get_default_dtype())
        module.register_buffer(name, value, persistent=False)


@contextmanager
def initial_stream(*parts: str | int) -> Iterator[None]:
    """The stream under which a whole system is initialised."""
    token = _stream.set(stream_key(*parts))
    try:
        yield
    finally:
        _stream.reset(token)


@contextmanager
def own_stream(name: str | int) -> Iterator[None]:
    """Initialise what is built inside from a stream of its own, named `name` under the stream around it.

    So a component that holds another starts the same whichever one it holds, and the parts for one modality start the
    same whichever other modalities there are.
    """
    key = stream_key(_stream.get(), name)
    token = _stream.set(key)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(key)  # torch.manual_seed would format a stack for each absent device
            yield
    finally:
        _stream.reset(token)


def masked_softmax(scores: Tensor, present: Tensor) -> Tensor:
    """Softmax over the last axis among what is present: `scores` (..., M), `present` bool (..., M) to weights (..., M).

    Absent entries get exactly 0 and no gradient; a row with nothing present is all 0. Never NaN.
    """
    lowest = torch.finfo(scores.dtype).min
    masked = torch.where(present, scores, lowest)
    return torch.where(present, masked.softmax(dim=-1), 0.0)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` where `mask` (same shape) is true, as a 0-d tensor; 0 when nothing is."""
    kept = torch.where(mask, values, 0.0)
    return kept.sum() / mask.sum().clamp(min=1)


def frame_mask(lengths: Tensor, steps: int) -> Tensor:
    """(B, T) bool, true for the first `lengths` (B,) of `steps` = T frames."""
    return torch.arange(steps, device=lengths.device)[None, :] < lengths[:, None]
