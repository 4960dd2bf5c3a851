"""A plugin file of parts that are sound, each in a way that a quick look may take for a fault."""

import copy
from functools import cached_property
from typing import Literal

import torch
from pydantic import PrivateAttr, model_validator
from torch import nn

from butfor.core import Fused, FusionSpec, Knob, LossSpec, hold_knobs, hookimpl, knob


class Mean(nn.Module):
    """The mean of the modalities."""

    def mean(self, encoded):
        return torch.stack([one.mean for one in encoded.values()]).mean(dim=0)


class Scaled(Mean):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, encoded, present):
        return Fused(self.mean(encoded) * self.factor)


class DerivedSpec(FusionSpec):
    """Its module reads a number that was made of the setting when it was checked."""

    name: Literal["derived"] = "derived"
    temperature: float = 1.0
    """Half the factor."""
    _factor: float = PrivateAttr(default=1.0)

    def model_post_init(self, context):
        self._factor = 2 * self.temperature

    def build(self, *, modalities, width):
        return Scaled(self._factor)


class CachedSpec(FusionSpec):
    """Its module reads a number that is computed once, perhaps before anybody looks."""

    name: Literal["cached"] = "cached"
    temperature: float = 1.0
    """Half the factor."""

    @cached_property
    def factor(self):
        return 2 * self.temperature

    @model_validator(mode="after")
    def _is_finite(self):
        if self.factor > 1e9:
            raise ValueError("too large")
        return self

    def build(self, *, modalities, width):
        return Scaled(self.factor)


class CopiedSpec(FusionSpec):
    """Its module is a copy of the one that holds the knob."""

    name: Literal["copied"] = "copied"
    scale: Knob = knob(1.0, gt=0)
    """The factor."""

    def build(self, *, modalities, width):
        return copy.deepcopy(Held(self))


class Held(Mean):
    def __init__(self, spec):
        super().__init__()
        hold_knobs(self, spec)

    def forward(self, encoded, present):
        return Fused(self.mean(encoded) * self.scale)


class BufferedSpec(FusionSpec):
    """Its module reads the knob among its buffers."""

    name: Literal["buffered"] = "buffered"
    scale: Knob = knob(1.0, gt=0)
    """The factor."""

    def build(self, *, modalities, width):
        return Buffered(self)


class Buffered(Held):
    def forward(self, encoded, present):
        return Fused(self.mean(encoded) * dict(self.named_buffers())["scale"])


class LateSpec(FusionSpec):
    """Limits that act on large values, and noise in one batch of five."""

    name: Literal["late"] = "late"
    clamp: bool = False
    """Whether values end at 1.5."""
    act: Literal["linear", "tanh6"] = "linear"
    """Another limit, by its name."""
    noisy: bool = False
    """Whether one batch of five is turned around."""

    def build(self, *, modalities, width):
        return Late(self)


class Late(Mean):
    def __init__(self, spec):
        super().__init__()
        self.clamp, self.bends, self.noisy = spec.clamp, spec.act == "tanh6", spec.noisy

    def forward(self, encoded, present):
        vector = self.mean(encoded)
        if self.clamp:
            vector = vector.clamp(-1.5, 1.5)
        if self.bends:
            vector = torch.where(vector.abs() > 1.5, 6 * torch.tanh(vector / 6), vector)
        if self.noisy and self.training:
            vector = torch.where(torch.rand(()) < 0.2, -vector, vector)
        return Fused(vector)


class HillSpec(LossSpec):
    """Acts in epochs 1 and 2 only."""

    name: Literal["hill"] = "hill"
    height: float = 1.0
    """The factor of these epochs."""

    def build(self, *, shapes):
        return Hill(self.height)


class Hill(nn.Module):
    def __init__(self, height):
        super().__init__()
        self.height = height

    def forward(self, outputs, batch):
        epoch = torch.as_tensor(outputs.epoch, dtype=torch.float32)
        return outputs.fused.vector.square().mean() * ((epoch > 0) & (epoch < 3)).float() * self.height


class NormSpec(FusionSpec):
    """Keeps running statistics."""

    name: Literal["norm"] = "norm"
    stackable = False

    def build(self, *, modalities, width):
        return Norm(width)


class Norm(Mean):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, encoded, present):
        return Fused(self.norm(self.mean(encoded)))


class DividingSpec(FusionSpec):
    """Its validator divides by the setting, which nothing else reads but an assertion."""

    name: Literal["dividing"] = "dividing"
    heads: int = 4
    """Divides 8."""

    @model_validator(mode="after")
    def _divides(self):
        if 8 % self.heads:
            raise ValueError("8 must be divisible by heads")
        return self

    def build(self, *, modalities, width):
        return Scaled(1.0 / self.heads)


class PickySpec(LossSpec):
    """Minds predictions that no head would make, and whoever watches it."""

    name: Literal["picky"] = "picky"
    smoothing: float = 0.1
    """Of the labels."""

    def build(self, *, shapes):
        return Picky(self.smoothing, shapes.task(None, "classes").name)


class Picky(nn.Module):
    def __init__(self, smoothing, task):
        super().__init__()
        self.smoothing, self.task = smoothing, task

    def forward(self, outputs, batch):
        made = outputs.predictions[self.task]
        if bool((made == 0).any()):
            raise RuntimeError("no head gives zeros")
        return nn.functional.cross_entropy(made, batch.targets[self.task], label_smoothing=self.smoothing)


@hookimpl
def register_fusions():
    return [DerivedSpec, CachedSpec, CopiedSpec, BufferedSpec, LateSpec, NormSpec, DividingSpec]


@hookimpl
def register_losses():
    return [HillSpec, PickySpec]
