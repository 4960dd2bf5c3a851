"""The recurrent trunk of the frame encoders: an LSTM that reads valid frames only, and what is kept of its states."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .modules import frame_mask, own_stream
from .pooling import AttentionPool, mean_over_frames

Pooling = Literal["last", "mean", "attention"]


class RecurrentTrunk(nn.Module):
    """Frames (B, T, D) to one vector (B, H) and the states of the last layer (B, T, H).

    Sequences are packed by their lengths: padding behind them, however much, changes nothing. With both directions, the
    concatenation (2 H) goes through one Lin(2H -> H). A row of length 0 gives exactly 0 and no gradient. Layers are
    single LSTMs with F.dropout between them, since nn.LSTM draws its own dropout where nobody can serve it.
    """

    def __init__(self, features: int, width: int, *, layers: int, bidirectional: bool, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling
        states = 2 * width if bidirectional else width
        self.layers = nn.ModuleList()
        for number in range(layers):
            with own_stream(f"layer {number}"):
                inputs = states if number else features
                self.layers.append(nn.LSTM(inputs, width, batch_first=True, bidirectional=bidirectional))
        with own_stream("projection"):
            self.projection = nn.Linear(states, width) if bidirectional else nn.Identity()
        with own_stream("attention"):
            self.attention = AttentionPool(width) if pooling == "attention" else None

    def forward(self, x: Tensor, lengths: Tensor, dropout: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled (B, H) and sequence (B, T, H) of `x` (B, T, D); `dropout` () is the rate between layers."""
        valid_BT = frame_mask(lengths, x.shape[1])
        states = torch.where(valid_BT[..., None], x, 0.0)
        last = states.new_empty(0)
        counts = lengths.clamp(min=1).cpu()
        for number, layer in enumerate(self.layers):
            if number:
                states = functional.dropout(states, p=cast("float", dropout), training=self.training)
            states, last = _read(cast("nn.LSTM", layer), states, counts)
        sequence_BTH = torch.where(valid_BT[..., None], self.projection(states), 0.0)
        return self._pool(sequence_BTH, self.projection(last), lengths), sequence_BTH

    def _pool(self, sequence_BTH: Tensor, last_BH: Tensor, lengths: Tensor) -> Tensor:
        if self.attention is not None:
            pooled: Tensor = self.attention(sequence_BTH, lengths)
            return pooled
        if self.pooling == "mean":
            return mean_over_frames(sequence_BTH, lengths)
        return torch.where((lengths > 0)[:, None], last_BH, 0.0)


def _read(layer: nn.LSTM, x: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """All states (B, T, H or 2H), 0 in the padding, and the last ones of each direction (B, H or 2H)."""
    packed = pack_padded_sequence(x, counts, batch_first=True, enforce_sorted=False)
    states, (last, _) = layer(packed)
    padded, _ = pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])
    return padded, torch.cat(tuple(last), dim=-1)
