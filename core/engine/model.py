"""The system of a cell: encoders, fusion, heads and loss terms, built from specs, each from its own stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional
from torch.utils._pytree import tree_map

from ..batch import Batch, Encoded, Fused, Outputs, Shapes
from ..modules import initial_stream, own_stream
from .modality_dropout import kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ..dataset import Dataset
    from ..study.settings import CellSettings

_ALIAS = torch.ops.aten.alias.default


class System(nn.Module):
    """A cell's model. `forward` gives the predictions; `losses` computes the terms from them."""

    def __init__(self, cell: CellSettings, data: Dataset, *stream: str | int) -> None:
        super().__init__()
        self.cell = cell
        self.stream = stream
        asked: set[str] = set()
        features = {m: data.features[m].shape[-1] for m in cell.modalities}
        frames = {m: data.features[m].ndim == 3 for m in cell.modalities}  # noqa: PLR2004 - (N, T, D)
        with initial_stream(*stream, "initialisation"):
            self.encoder = nn.ModuleDict()
            for modality in cell.modalities:
                with own_stream(f"encoder.{modality}"):
                    self.encoder[modality] = cell.encoder[modality].build(features=features[modality])
            with own_stream("fusion"):
                self.fusion = cell.fusion.build(modalities=cell.modalities, width=cell.width)
            self.losses = nn.ModuleDict()
            for term, spec in cell.losses.items():
                shapes = Shapes(term, features, frames, cell.width, data.tasks, asked)
                with own_stream(f"losses.{term}"):
                    self.losses[term] = spec.build(shapes=shapes)
            self.head = nn.ModuleDict()
            for task in data.tasks:
                if task in asked:
                    with own_stream(f"head.{task}"):
                        self.head[task] = nn.Linear(cell.width, data.tasks[task].num_outputs)
        if cell.head.dropout:
            self.register_buffer("head_dropout", torch.tensor(cell.head.dropout), persistent=False)
        self.classes = {task: data.tasks[task].kind == "classes" for task in self.head}

    def forward(self, batch: Batch, epoch: int, step: int) -> tuple[Outputs, Batch]:
        """Outputs, and the batch as the encoders saw it (modality dropout at the input changes it)."""
        return self.compute(batch, self.left(batch.present, epoch, step), epoch)

    def left(self, present: Tensor, epoch: int, step: int) -> Tensor:
        """(B, M) bool: `present` (B, M) less what modality dropout takes away in this step of training."""
        drop = self.cell.modality_dropout
        if drop is None or not self.training:
            return present
        return kept(drop, self.cell.modalities, present, epoch, *self.stream, step)

    def compute(self, batch: Batch, left: Tensor, epoch: int | Tensor) -> tuple[Outputs, Batch]:
        """The same with what is `left` (B, M) drawn before: a pure function of parameters, inputs and noise."""
        site = "mean" if self.cell.modality_dropout is None else self.cell.modality_dropout.site
        if site == "input":
            features = {m: _masked(x, left[:, i]) for i, (m, x) in enumerate(batch.features.items())}
            batch = batch._replace(features=features, present=left)
        encoded = {m: self.encoder[m](x, batch.lengths[m]) for m, x in batch.features.items()}
        seen = left if site == "mean" else batch.present
        samples_left = left if site == "sample" else seen
        read = {m: self._readable(e, seen[:, i], samples_left[:, i]) for i, (m, e) in enumerate(encoded.items())}
        fused: Fused = self.fusion(read, seen)
        return Outputs(encoded, fused, self._predict(fused.vector), seen, epoch), batch

    def _readable(self, encoded: Encoded, seen: Tensor, sample_left: Tensor) -> Encoded:
        """What the fusion may read: zeros where the modality is absent, and the latent that the cell asks for."""
        sample = _masked(encoded.sample, sample_left)
        mean = sample if self.cell.latent == "sample" else encoded.mean
        sequence = None if encoded.sequence is None else _masked(encoded.sequence, seen)
        return encoded._replace(mean=_masked(mean, seen), sample=sample, sequence=sequence)

    def _predict(self, vector: Tensor) -> dict[str, Tensor]:
        if self.cell.head.dropout:
            vector = functional.dropout(vector, cast("float", self.head_dropout), self.training)
        predictions = {task: cast("Tensor", head(vector)) for task, head in self.head.items()}
        return {task: x if self.classes[task] else x.squeeze(-1) for task, x in predictions.items()}

    def weights(self, epoch: int) -> dict[str, float]:
        """{term: its weight in this epoch}."""
        return {term: spec.weight * spec.warmup.factor(epoch) for term, spec in self.cell.losses.items()}

    def terms(
        self,
        outputs: Outputs,
        batch: Batch,
        weights: Mapping[str, float | Tensor] | None = None,
        *,
        holding: bool = True,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted total and each term before its weight; a term of weight zero is computed without gradient.

        `weights` are those of the epoch unless they are given. In a stack a weight is a 0-d tensor, zero in some rows;
        where it is above zero in all of them, `holding` back gradients may be left out, and changes no bit.
        """
        weights = self.weights(int(outputs.epoch)) if weights is None else weights
        total = outputs.fused.vector.new_zeros(())
        values: dict[str, Tensor] = {}
        for term, weight in weights.items():
            if isinstance(weight, torch.Tensor):
                active = weight > 0
                values[term] = self._held_off(term, active if holding else None, outputs, batch)
                total = total + torch.where(active, weight * values[term], 0.0)
                continue
            with torch.set_grad_enabled(weight > 0):
                values[term] = self.losses[term](outputs, batch)
            if weight > 0:
                total = total + weight * values[term]
        return total, values

    def _held_off(self, term: str, active: Tensor | None, outputs: Outputs, batch: Batch) -> Tensor:
        """The term; where it is not `active` (), no gradient leaves it, not even 0 times NaN. None is everywhere.

        Then an alias stands where the choice would: gradients of the term are still added up before they join others.
        """

        def hold(values: Any) -> Any:  # noqa: ANN401 - a leaf of the outputs
            if not isinstance(values, torch.Tensor) or not values.is_floating_point():
                return values
            return _ALIAS(values) if active is None else torch.where(active, values, values.detach())

        module = self.losses[term]
        parameters = {name: hold(value) for name, value in module.named_parameters()}
        return cast("Tensor", functional_call(module, parameters, (tree_map(hold, outputs), batch)))


def _masked(values: Tensor, keep: Tensor) -> Tensor:
    """`values` (B, ...) with zeros in the rows that `keep` (B,) leaves out: no gradient, and no NaN, comes through."""
    return torch.where(keep.reshape(-1, *(1,) * (values.ndim - 1)), values, 0.0)
