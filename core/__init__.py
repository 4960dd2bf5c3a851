"""What a plugin author imports: `from butfor.core import FusionSpec, Encoded, Fused, Knob, knob, hookimpl`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .batch import Batch, Encoded, Fused, Outputs, Shapes
from .dataset import Dataset, Task
from .errors import ButforError, DataError, PluginError, StoreError, StudyError, TrainingError, TrialFailure
from .markers import Knob, component, hookimpl, knob
from .specs import DatasetSpec, EncoderSpec, ExecutorSpec, FusionSpec, LossSpec, Settings, Warmup
from .streams import numpy_stream, stream_key

if TYPE_CHECKING:
    from .modules import frame_mask, hold_knobs, masked_mean, masked_softmax, own_stream

__all__ = [
    "Batch",
    "ButforError",
    "DataError",
    "Dataset",
    "DatasetSpec",
    "Encoded",
    "EncoderSpec",
    "ExecutorSpec",
    "Fused",
    "FusionSpec",
    "Knob",
    "LossSpec",
    "Outputs",
    "PluginError",
    "Settings",
    "Shapes",
    "StoreError",
    "StudyError",
    "Task",
    "TrainingError",
    "TrialFailure",
    "Warmup",
    "component",
    "frame_mask",
    "hold_knobs",
    "hookimpl",
    "knob",
    "masked_mean",
    "masked_softmax",
    "numpy_stream",
    "own_stream",
    "stream_key",
]

_NEED_TORCH = frozenset({"frame_mask", "hold_knobs", "masked_mean", "masked_softmax", "own_stream"})


def __getattr__(name: str) -> object:
    """The names that need torch load it when they are first asked for, so that tables can be remade without it."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import modules  # noqa: PLC0415 - tables are remade where there is no torch

    return getattr(modules, name)
