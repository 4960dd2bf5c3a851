"""A plugin file whose parts have settings and switches that do nothing, or not all that they say."""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from pydantic import ConfigDict
from torch import nn

from butfor.core import DatasetSpec, Encoded, EncoderSpec, Fused, FusionSpec, Knob, LossSpec, hold_knobs, hookimpl, knob
from butfor.plugins.datasets.planted import PlantedSpec


class DeafSpec(LossSpec):
    """Cross-entropy that declares a focal exponent and label smoothing, and reads neither."""

    name: Literal["deaf"] = "deaf"
    gamma: Knob = knob(2.0, ge=0)
    """Held, never used."""
    smoothing: float = 0.1
    """Never asked for."""

    def build(self, *, shapes):
        return Deaf(self, shapes)


class Deaf(nn.Module):
    def __init__(self, spec, shapes):
        super().__init__()
        hold_knobs(self, spec)
        self.task = shapes.task(None, "classes").name

    def forward(self, outputs, batch):
        return nn.functional.cross_entropy(outputs.predictions[self.task], batch.targets[self.task])


class MixingSpec(FusionSpec):
    """The mean, with a mixup that is switched and never called, a flag that is always on, and a limit far away."""

    name: Literal["mixing"] = "mixing"
    mixup: bool = False
    """Read and put away."""
    gate: bool = True
    """Read, and overruled."""
    cap: float = 1e3
    """A limit that few values reach."""
    only_late: bool = False
    """Doubles the vector in evaluation only."""
    scale: Knob = knob(1.0, gt=0)
    """Does what it says."""

    def build(self, *, modalities, width):
        return Mixing(self)


class Mixing(nn.Module):
    def __init__(self, spec):
        super().__init__()
        hold_knobs(self, spec)
        self.mixup, self.gate, self.cap, self.late = spec.mixup, spec.gate or True, spec.cap, spec.only_late

    def mix(self, vector):
        return vector.flip(0) if self.mixup else vector

    def forward(self, encoded, present):
        vector = torch.stack([one.mean for one in encoded.values()]).mean(dim=0).clamp(-self.cap, self.cap)
        if not self.gate:
            vector = -vector
        return Fused(vector * self.scale * (2.0 if self.late and not self.training else 1.0))


class FirstSpec(FusionSpec):
    """Keeps the first modality, whatever there is."""

    name: Literal["first"] = "first"

    def build(self, *, modalities, width):
        return First()


class First(nn.Module):
    def forward(self, encoded, present):
        return Fused(next(iter(encoded.values())).mean)


class LeakySpec(FusionSpec):
    """Reads log-variances without asking what is present, and gives every modality the same weight."""

    name: Literal["leaky"] = "leaky"
    needs = frozenset({"variance"})

    def build(self, *, modalities, width):
        return Leaky()


class Leaky(nn.Module):
    def forward(self, encoded, present):
        means = torch.stack([one.mean for one in encoded.values()], dim=1)
        spread = torch.stack([one.log_variance for one in encoded.values()], dim=1).mean(dim=1)
        weights = torch.full(present.shape, 1 / present.shape[1])
        return Fused(means.mean(dim=1) + spread, weights)


class SloppySpec(FusionSpec):
    """Lets any setting pass and keeps it."""

    model_config = ConfigDict(extra="allow")
    name: Literal["sloppy"] = "sloppy"
    temperature: float = 1.0
    """Does what it says."""

    def build(self, *, modalities, width):
        return Scaled(self.temperature)


class ForgetfulSpec(SloppySpec):
    """Lets any setting pass and forgets it."""

    model_config = ConfigDict(extra="ignore")
    name: Literal["forgetful"] = "forgetful"


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, encoded, present):
        return Fused(torch.stack([one.mean for one in encoded.values()]).mean(dim=0) * self.factor)


class DetachedSpec(LossSpec):
    """A term with a head of its own that is detached from everything."""

    name: Literal["detached"] = "detached"

    def build(self, *, shapes):
        return Detached()


class Detached(nn.Module):
    def forward(self, outputs, batch):
        return outputs.fused.vector.detach().square().mean()


class WastefulSpec(EncoderSpec):
    """Has layers that are never called, clamped away, or cut off."""

    name: Literal["wasteful"] = "wasteful"

    def build(self, *, features):
        return Wasteful(features, self.width)


class Clamped(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.layer = nn.Linear(features, width)

    def forward(self, x):
        return (self.layer(x) + 100).clamp(max=5)


class Cut(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.layer = nn.Linear(features, width)

    def forward(self, x):
        return self.layer(x).detach()


class Wasteful(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.used = nn.Linear(features, width)
        self.spare = nn.Linear(features, width)
        self.clamped = Clamped(features, width)
        self.cut = Cut(features, width)

    def forward(self, x, lengths):
        mean = self.used(x) + self.clamped(x) + self.cut(x)
        return Encoded(mean, None, mean)


class GuardedSpec(FusionSpec):
    """The mean, limited where `guard` says so: only values reach the limit that noise made."""

    name: Literal["guarded"] = "guarded"
    guard: bool = False
    """Whether there is a limit."""

    def build(self, *, modalities, width):
        return Guarded(self.guard)


class Guarded(nn.Module):
    def __init__(self, guard):
        super().__init__()
        self.guard = guard

    def forward(self, encoded, present):
        vector = torch.stack([one.mean for one in encoded.values()]).mean(dim=0)
        return Fused(vector.clamp(-10, 10) if self.guard else vector)


class OuterSpec(FusionSpec):
    """The mean, and what another fusion makes where there is one."""

    name: Literal["outer"] = "outer"
    beside: FusionSpec | None = None
    """The other fusion."""

    def build(self, *, modalities, width):
        return Outer(self.beside and self.beside.build(modalities=modalities, width=width))


class Outer(nn.Module):
    def __init__(self, beside):
        super().__init__()
        self.beside = beside

    def forward(self, encoded, present):
        vector = torch.stack([one.mean for one in encoded.values()]).mean(dim=0)
        return Fused(vector + self.beside(encoded, present).vector if self.beside else vector)


class IncompleteSpec(DatasetSpec):
    """Planted rows of which every fifth of one part lacks its audio."""

    name: Literal["incomplete"] = "incomplete"
    part: str = "test"
    """The official part."""

    def modality_names(self):
        return ("text", "audio", "video")

    def load(self):
        shares = dict.fromkeys(self.modality_names(), 0.4)
        data = PlantedSpec(rows=200, features=8, classes=3, groups=8, modalities=shares).load()
        audio = data.present["audio"].copy()
        audio[np.flatnonzero(data.split == self.part)[::5]] = False
        return replace(data, present={**data.present, "audio": audio})


@hookimpl
def register_datasets():
    return [IncompleteSpec]


@hookimpl
def register_fusions():
    return [MixingSpec, FirstSpec, LeakySpec, SloppySpec, ForgetfulSpec, GuardedSpec, OuterSpec]


@hookimpl
def register_losses():
    return [DeafSpec, DetachedSpec]


@hookimpl
def register_encoders():
    return [WastefulSpec]
