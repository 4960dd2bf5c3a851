"""A plugin file whose parts keep state, draw from elsewhere, or raise where a modality is absent."""

from typing import Literal

import numpy as np
import torch
from torch import nn

from butfor.core import Fused, FusionSpec, LossSpec, hookimpl


def mean(encoded):
    return torch.stack([one.mean for one in encoded.values()]).mean(dim=0)


class CentredSpec(LossSpec):
    """The distance from a running mean, which is a buffer."""

    name: Literal["centred"] = "centred"
    stackable = False

    def build(self, *, shapes):
        return Centred(shapes.width)


class Centred(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("centre", torch.zeros(width))

    def forward(self, outputs, batch):
        vector = outputs.fused.vector
        value = (vector - self.centre).square().mean()
        if self.training:
            self.centre = 0.9 * self.centre + 0.1 * vector.detach().mean(dim=0)
        return value


class NumpyNoiseSpec(FusionSpec):
    """The mean with noise of NumPy's own generator in training."""

    name: Literal["numpy_noise"] = "numpy_noise"
    stackable = False

    def build(self, *, modalities, width):
        return NumpyNoise()


class NumpyNoise(nn.Module):
    def forward(self, encoded, present):
        vector = mean(encoded)
        noise = np.random.default_rng().normal(size=tuple(vector.shape), scale=0.01)
        return Fused(vector + torch.from_numpy(noise).to(vector) if self.training else vector)


class NeedySpec(FusionSpec):
    """The mean of what must all be there, in evaluation at least."""

    name: Literal["needy"] = "needy"
    training: bool = True
    """Whether it asks in training, too."""

    def build(self, *, modalities, width):
        return Needy(self.training)


class Needy(nn.Module):
    def __init__(self, always):
        super().__init__()
        self.always = always

    def forward(self, encoded, present):
        if (self.always or not self.training) and not bool(present.all()):
            raise ValueError("all must be there")
        return Fused(mean(encoded))


class ShySpec(FusionSpec):
    """The mean of few rows."""

    name: Literal["shy"] = "shy"

    def build(self, *, modalities, width):
        return Shy()


class Shy(nn.Module):
    def forward(self, encoded, present):
        if len(present) > 16:
            raise RuntimeError("too many rows")
        return Fused(mean(encoded))


@hookimpl
def register_fusions():
    return [NumpyNoiseSpec, NeedySpec, ShySpec]


@hookimpl
def register_losses():
    return [CentredSpec]
