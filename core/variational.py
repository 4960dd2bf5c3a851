"""The variational head: a Gaussian for each sample, from which training draws and whose mean evaluation takes."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from .batch import Encoded
from .modules import own_stream

Clamp = Literal["hard", "soft"]


class VariationalHead(nn.Module):
    """Hidden (B, H) to Encoded with mean, log-variance and sample, each (B, H).

    The last log-variance layer starts at zero, so that sigma is 1 for every input before training. `hard` cuts the
    log-variance off at the limit (no gradient outside), `soft` bends it: limit * tanh(s / limit). `deep` puts a hidden
    layer (Lin-GELU) before both outputs.
    """

    def __init__(self, width: int, *, clamp: Clamp = "hard", deep: bool = False) -> None:
        super().__init__()
        self.clamp = clamp
        with own_stream("mean"):
            self.mean = _layers(width, deep=deep)
        with own_stream("log_variance"):
            self.log_variance = _layers(width, deep=deep)
        last = self.log_variance[-1]
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, hidden: Tensor, limit: Tensor) -> Encoded:
        """Encode `hidden` (B, H); `limit` () bounds the log-variance to [-limit, limit]."""
        mean_BH: Tensor = self.mean(hidden)
        raw_BH: Tensor = self.log_variance(hidden)
        hard = self.clamp == "hard"
        log_variance_BH = torch.clamp(raw_BH, -limit, limit) if hard else limit * torch.tanh(raw_BH / limit)
        if not self.training:
            return Encoded(mean_BH, log_variance_BH, mean_BH)
        noise_BH = torch.randn_like(mean_BH)
        return Encoded(mean_BH, log_variance_BH, mean_BH + noise_BH * torch.exp(log_variance_BH / 2))


def _layers(width: int, *, deep: bool) -> nn.Sequential:
    hidden = [nn.Linear(width, width), nn.GELU()] if deep else []
    return nn.Sequential(*hidden, nn.Linear(width, width))
