"""From frames to one vector: means and attention that see the valid frames only, never the padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .modules import frame_mask, masked_softmax


def mean_over_frames(x: Tensor, lengths: Tensor) -> Tensor:
    """Mean of the first `lengths` (B,) of the frames `x` (B, T, D), as (B, D); 0 where a row has no frame."""
    valid_BT1 = frame_mask(lengths, x.shape[1])[..., None]
    total_BD = torch.where(valid_BT1, x, 0.0).sum(dim=1)
    return total_BD / lengths.clamp(min=1)[:, None].to(x.dtype)


class AttentionPool(nn.Module):
    """A learned mean of valid frames: (B, T, H) and lengths (B,) to (B, H), weights softmax(v'tanh(W h + b)).

    A row without frames gives exactly 0, and no gradient.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Pool `x` (B, T, H) to (B, H)."""
        valid_BT = frame_mask(lengths, x.shape[1])
        weights_BT = masked_softmax(self.score(x).squeeze(-1), valid_BT)
        return (weights_BT[..., None] * torch.where(valid_BT[..., None], x, 0.0)).sum(dim=1)
