"""The same model as a user would write it by hand: the cell's own modules, torch's own dropout, nothing of the engine.

The modules are butfor's, so that every contender computes the same; what the engine wraps around them (served noise,
hooks that follow the draws, numbers held as tensors) is taken off, so that no peer is slowed by us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from butfor.core.batch import Batch, Encoded, Outputs
from butfor.core.engine.model import System

if TYPE_CHECKING:
    from collections.abc import Mapping

    from butfor.core.dataset import Dataset
    from butfor.core.study.settings import CellSettings

NEEDS_TENSOR = {"free_bits"}
"""Knobs that their module reads as a tensor."""


class PlainModel(nn.Module):
    """A cell's model and its loss. All modalities of all samples are present, as in the benchmark's data."""

    def __init__(self, settings: CellSettings, data: Dataset, seed: int, fold: str) -> None:
        super().__init__()
        system = System(settings, data, seed, fold)
        self.settings = settings
        self.encoder, self.fusion, self.losses, self.head = system.encoder, system.fusion, system.losses, system.head
        self.modalities = settings.modalities
        self.scalar = {task for task in self.head if data.tasks[task].kind == "values"}
        for module in self.modules():
            _numbers_for_knobs(module)

    def forward(self, features: Mapping[str, Tensor], epoch: int) -> Outputs:
        """`{modality: (B, D)}` to all outputs."""
        rows = len(features[self.modalities[0]])
        ones = torch.ones(rows, dtype=torch.int64)
        seen = self._kept(rows, epoch)
        encoded: dict[str, Encoded] = {m: self.encoder[m](features[m], ones) for m in self.modalities}
        read = {
            m: e._replace(mean=torch.where(seen[:, i, None], e.mean, 0.0)) for i, (m, e) in enumerate(encoded.items())
        }
        fused = self.fusion(read, seen)
        vector = functional.dropout(fused.vector, self.settings.head.dropout, self.training)
        predictions = {
            task: head(vector).squeeze(-1) if task in self.scalar else head(vector) for task, head in self.head.items()
        }
        return Outputs(encoded, fused, predictions, seen, epoch)

    def loss(self, features: Mapping[str, Tensor], targets: Mapping[str, Tensor], epoch: int) -> Tensor:
        """The weighted sum of the terms, ()."""
        outputs = self(features, epoch)
        rows = len(outputs.present)
        ones = torch.ones(rows, dtype=torch.int64)
        every = torch.ones(rows, dtype=torch.bool)
        present = every[:, None].expand(rows, len(self.modalities))
        lengths = dict.fromkeys(self.modalities, ones)
        labelled = dict.fromkeys(targets, every)
        batch = Batch(features, features, lengths, present, present, targets, labelled, ones)
        terms = [
            spec.weight * spec.warmup.factor(epoch) * self.losses[term](outputs, batch)
            for term, spec in self.settings.losses.items()
        ]
        return torch.stack(terms).sum()

    def _kept(self, rows: int, epoch: int) -> Tensor:
        """(B, M) bool: what modality dropout leaves; each hit sample loses one proper non-empty subset."""
        num = len(self.modalities)
        drop = self.settings.modality_dropout
        present = torch.ones(rows, num, dtype=torch.bool)
        rate = drop.rate * drop.warmup.factor(epoch) if drop is not None and self.training else 0.0
        if rate == 0 or num == 1:
            return present
        number = torch.randint(1, 2**num - 1, (rows, 1))
        lost = (number >> torch.arange(num)) & 1 == 1
        return present & ~(lost & (torch.rand(rows, 1) < rate))


def _numbers_for_knobs(module: nn.Module) -> None:
    """A knob held as a 0-d tensor becomes the plain number that a user would have written."""
    for name, value in list(module.named_buffers(recurse=False)):
        if value.ndim == 0 and value.is_floating_point() and name not in NEEDS_TENSOR:
            delattr(module, name)
            setattr(module, name, value.item())
