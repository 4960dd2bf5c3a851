"""A plugin file of parts that take settings in groups, or for data, which they do not know."""

from typing import Literal

import torch
from pydantic import ConfigDict, PrivateAttr
from torch import nn

from butfor.core import DatasetSpec, Fused, FusionSpec, Settings, hookimpl
from butfor.plugins.datasets.planted import PlantedSpec


class Strict(Settings):
    """A group of settings that loses what it does not know."""

    model_config = ConfigDict(extra="ignore")
    scale: float = 1.0
    """A factor."""


class Lax(Settings):
    """A group of settings that keeps what it does not know."""

    model_config = ConfigDict(extra="allow")
    scale: float = 1.0
    """A factor."""


class NestedSpec(FusionSpec):
    """Has its settings in groups that let anything pass, and some by name."""

    name: Literal["nested"] = "nested"
    deep: Strict = Strict()
    """A group."""
    deeper: Lax = Lax()
    """Another."""
    options: dict[str, float] = {}  # noqa: RUF012 - pydantic copies it
    """Only `scale` is asked for."""

    def build(self, *, modalities, width):
        return Scaled(self.deep.scale * self.deeper.scale * self.options.get("scale", 1.0))


class ForgetfulDataSpec(DatasetSpec):
    """Planted data, and any setting passes and is lost."""

    model_config = ConfigDict(extra="ignore")
    name: Literal["forgetful_data"] = "forgetful_data"
    rows: int = 120
    """Rows."""
    features: int = 8
    """Widths."""
    classes: int = 3
    """Classes."""
    groups: int = 8
    """Speakers."""
    context: int = 5
    """Nobody reads it."""
    more: int = 0
    """Rows on top, read when the settings are checked and never again."""
    _rows: int = PrivateAttr(default=0)

    def model_post_init(self, _context):
        self._rows = self.rows + self.more

    def load(self):
        return PlantedSpec(rows=self._rows, features=self.features, classes=self.classes, groups=self.groups).load()

    def modality_names(self):
        return ("text", "audio", "video")


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, encoded, present):
        return Fused(torch.stack([one.mean for one in encoded.values()]).mean(dim=0) * self.factor)


@hookimpl
def register_fusions():
    return [NestedSpec]


@hookimpl
def register_datasets():
    return [ForgetfulDataSpec]
