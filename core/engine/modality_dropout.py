"""Modality dropout: which modalities a sample loses in a training step."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..streams import numpy_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ..study.settings import ModalityDropout


def kept(
    settings: ModalityDropout, modalities: Sequence[str], present: Tensor, epoch: int, *stream: str | int
) -> Tensor:
    """(B, M) bool: `present` (B, M) less what this step drops. A sample that had something keeps something."""
    rate = settings.rate * settings.warmup.factor(epoch)
    if rate == 0 or len(modalities) == 1:
        return present
    draw = numpy_stream(*stream, "modality dropout")
    hit = draw.random(len(present)) < rate
    dropped = _patterns(settings, modalities, len(present), draw) & hit[:, None]
    left = present & ~torch.from_numpy(dropped).to(present.device)
    return torch.where(left.any(dim=1, keepdim=True), left, present)


def _patterns(settings: ModalityDropout, modalities: Sequence[str], rows: int, draw: np.random.Generator) -> np.ndarray:
    """(B, M) bool: what each sample would lose if it is hit."""
    num = len(modalities)
    if settings.patterns == "independent":
        chances = np.array([settings.probabilities.get(m, 0.5) for m in modalities])
        return np.asarray(draw.random((rows, num)) < chances)
    sizes = range(1, 2 if settings.patterns == "single" else num)
    table = np.zeros((sum(1 for n in sizes for _ in combinations(range(num), n)), num), bool)
    for row, lost in zip(table, (c for n in sizes for c in combinations(range(num), n)), strict=True):
        row[list(lost)] = True
    return np.asarray(table[draw.integers(len(table), size=rows)])
