"""What each loss term pulls with: the norm of its gradient, epoch by epoch, of one trial of each cell, the witness.

A fixed batch of training rows, one backward pass a term, the one-trial system with the weights of the moment. It moves
nothing: no gradient is left, buffers are copies, random numbers come from a stream of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.func import functional_call

from .noise import ServedNoise
from .stack import Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .assignment import Assignment
    from .feed import Feed
    from .model import System
    from .noise import Site

SYSTEM = ("encoder.", "fusion.")
"""What the parameters are called that every prediction comes through."""


class Witness:
    """Looks at a trial while it trains. `site` follows the modules of `system`."""

    def __init__(self, assignment: Assignment, system: System, feed: Feed, site: Site) -> None:
        self._system = system
        self._program = Program(system)
        self._noise = ServedNoise(*assignment.stream, "witness", site=site)
        self._batch = feed.batch(fixed_rows(feed, assignment.settings.train.batch_size, *assignment.stream))

    def look(self, epoch: int) -> dict[str, float]:
        """Norms of the gradient of each term, weighted as in `epoch`, at the weights of the moment.

        `gradient.TERM` is over all parameters, `reach.TERM` over those of encoders and fusion.
        """
        training = self._system.training
        self._system.train()
        try:
            return self._norms(epoch)
        finally:
            self._system.train(training)

    def _norms(self, epoch: int) -> dict[str, float]:
        weights = self._system.weights(epoch)
        named = {name: p for name, p in self._system.named_parameters() if p.requires_grad}
        inside = [name.startswith(SYSTEM) for name in named]
        terms = self._terms(epoch, weights)
        found: dict[str, float] = {}
        for term, value in terms.items():
            gradients: Sequence[Tensor | None] = [None] * len(named)
            if weights[term] > 0 and value.requires_grad:
                gradients = torch.autograd.grad(value, list(named.values()), retain_graph=True, allow_unused=True)
            norms = torch.stack([value.new_zeros(()) if g is None else torch.linalg.vector_norm(g) for g in gradients])
            found[f"gradient.{term}"] = weights[term] * float(torch.linalg.vector_norm(norms))
            found[f"reach.{term}"] = weights[term] * float(torch.linalg.vector_norm(norms[torch.tensor(inside)]))
        return found

    def _terms(self, epoch: int, weights: dict[str, float]) -> dict[str, Tensor]:
        """Each term before its weight, on the fixed batch, of which modality dropout takes nothing."""
        copies = {f"system.{name}": buffer.clone() for name, buffer in self._system.named_buffers()}
        self._noise.begin(0)
        with self._noise, torch.enable_grad():
            passed = (self._batch, self._batch.present, epoch, weights)
            _, terms = functional_call(self._program, copies, passed)
        return dict(terms)


def fixed_rows(feed: Feed, batch_size: int, *stream: str | int) -> Tensor:
    """(B,) training rows in an order of their own, those with the most labels and modalities first."""
    rows = torch.cat(list(feed.training_rows(0, batch_size, *stream, "witness")))
    known = feed.recorded[rows].sum(dim=1)
    for labelled in feed.labelled.values():
        known = known + labelled[rows].cpu()
    order = torch.argsort(known, descending=True, stable=True)
    return rows[order][: feed.batch_size(batch_size)]
