"""The weights of many trials in one block of memory: a row a trial, so that keeping and refilling are row copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor, nn


WHOLE = 64
"""Rows are so many numbers long, or a multiple: kernels take the end of a row that fills no vector in another way, and
what stands there would depend on which parameters the other trials have."""


class _Place(NamedTuple):
    start: int
    end: int
    shape: torch.Size


class Layout:
    """Where each parameter of a structure stands in a row. Matrices (o, i) lie as (i, o), as `x @ W.T` reads them."""

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self.places: dict[str, _Place] = {}
        end = 0
        for name, value in parameters.items():
            start, end = end, end + value.numel()
            self.places[name] = _Place(start, end, value.shape)
        self.size = -(-end // WHOLE) * WHOLE

    def views(self, block: Tensor) -> dict[str, Tensor]:
        """{name: view of `block` (K, size) or (size,)} in the shapes of the parameters, with K before them."""
        return {name: self._view(block, place) for name, place in self.places.items()}

    def _view(self, block: Tensor, place: _Place) -> Tensor:
        part = block[..., place.start : place.end]
        lead = block.shape[:-1]
        match tuple(place.shape):
            case (outputs, inputs):
                return part.view(*lead, inputs, outputs).transpose(-1, -2)
            case shape:
                return part.view((*lead, *shape))


class FlatRows:
    """Weights, gradients and the two moments of K trials, each (K, size); buffers and frozen weights, each (K, ...).

    They lie on the device of `module`.
    """

    def __init__(self, num_rows: int, module: nn.Module) -> None:
        parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.layout = Layout(parameters)
        one = next(iter(parameters.values()), torch.zeros(()))
        self.weights, self.gradients, self.first, self.second = (
            one.new_zeros(num_rows, self.layout.size) for _ in range(4)
        )
        self.steps = one.new_zeros(num_rows, dtype=torch.float32)
        fixed = {name: p.detach() for name, p in module.named_parameters() if not p.requires_grad}
        self.buffers = {
            name: torch.stack([value] * num_rows) for name, value in (fixed | dict(module.named_buffers())).items()
        }
        self._view()

    def _view(self) -> None:
        with torch.no_grad():
            self.leaves = {name: view.requires_grad_() for name, view in self.layout.views(self.weights).items()}
            self.grads = self.layout.views(self.gradients)
        blocks = (self.weights, self.gradients, self.first, self.second, self.steps)
        self.rows = [tuple(block[row] for block in blocks) for row in range(len(self.weights))]

    def __len__(self) -> int:
        return len(self.weights)

    @torch.no_grad()
    def take(self, found: Sequence[Tensor | None]) -> None:
        """Write the gradients `found`, in the order of the leaves, into the rows. None is zero.

        The optimisers' kernels ignore strides without a word, and gradients that come out of a stack are often
        transposed: they must come through here. What a replay has written there already is left as it is.
        """
        for view, grad in zip(self.grads.values(), found, strict=True):
            if grad is None:
                view.zero_()
            elif (grad.data_ptr(), grad.stride()) != (view.data_ptr(), view.stride()):
                view.copy_(grad)

    def of(self, block: str, row: int) -> dict[str, Tensor]:
        """{parameter: its part of a `block` (`gradients`, `first`, `second`) of `row`}."""
        kept: Tensor = getattr(self, block)[row]
        return self.layout.views(kept)

    @torch.no_grad()
    def norms(self) -> list[float]:
        """The norm of the gradient of each row.

        Parameter by parameter, then their squares one after the other: zeros of parameters that a trial has not, but
        others of its stack have, change no bit.
        """
        if not self.layout.places:
            return [0.0] * len(self)
        bounds = [(place.start, place.end) for place in self.layout.places.values()]
        parts = [torch.linalg.vector_norm(self.gradients[:, start:end], dim=1) for start, end in bounds]
        norms: list[float] = torch.stack(parts).double().square_().cumsum(0)[-1].sqrt_().tolist()
        return norms

    @torch.no_grad()
    def load(self, row: int, module: nn.Module) -> None:
        """Copy a fresh trial into `row`, and let the parameters and buffers of `module` be that row from now on.

        What the stack has and `module` has not is zero, and stays so.
        """
        for block in (self.weights, self.gradients, self.first, self.second):
            block[row].zero_()
        self.steps[row] = 0
        for own, view in self._pairs(row, module):
            view.copy_(own)
        self.point(row, module)

    def _pairs(self, row: int, module: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
        """Each parameter and buffer of `module`, and its place in `row`."""
        own = dict(module.named_parameters()) | dict(module.named_buffers())
        yield from ((own[name], view) for name, view in self.layout.views(self.weights[row]).items() if name in own)
        yield from ((own[name], buffer[row]) for name, buffer in self.buffers.items() if name in own)

    @torch.no_grad()
    def point(self, row: int, module: nn.Module) -> None:
        """Let the parameters and buffers of `module` be those of `row`."""
        for own, view in self._pairs(row, module):
            own.data = view

    def keep(self, row: int) -> dict[str, Tensor]:
        """A copy of the weights and buffers of `row`."""
        buffers = {name: buffer[row].clone() for name, buffer in self.buffers.items()}
        return {"": self.weights[row].clone()} | buffers

    @torch.no_grad()
    def restore(self, row: int, kept: Mapping[str, Tensor]) -> None:
        """Put back what `keep` gave."""
        self.weights[row].copy_(kept[""])
        for name, buffer in self.buffers.items():
            buffer[row].copy_(kept[name])

    def named(self, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What `keep` gave, by the names of parameters and buffers; nothing for nothing."""
        weights = self.layout.views(kept[""]) if kept else {}
        buffers = {name: value for name, value in kept.items() if name}
        return {f"best/{name}": value for name, value in (weights | buffers).items()}

    @torch.no_grad()
    def kept(self, row: int, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What `named` was made of, for a row of this stack; nothing where it was nothing."""
        if not any(name.startswith("best/") for name in named):
            return {}
        kept = self.keep(row)
        kept[""].zero_()
        places = self.layout.views(kept[""]) | {name: value for name, value in kept.items() if name}
        for name, place in places.items():
            if f"best/{name}" in named:
                place.copy_(named[f"best/{name}"])
        return kept

    def saved(self, row: int) -> dict[str, Tensor]:
        """All that moves in `row`, by the names of its parameters: weights, moments, the count of steps, buffers."""
        blocks = {"weights": self.weights, "first": self.first, "second": self.second}
        views = {kind: self.layout.views(block[row]) for kind, block in blocks.items()}
        named = {f"{kind}/{name}": view for kind, every in views.items() for name, view in every.items()}
        named |= {f"buffer/{name}": buffer[row] for name, buffer in self.buffers.items()}
        return named | {"steps": self.steps[row]}

    @torch.no_grad()
    def put(self, row: int, saved: Mapping[str, Tensor]) -> None:
        """Put back what `saved` gave; the stack may have more parameters now, or fewer, than the one that was saved."""
        for name, value in self.saved(row).items():
            if name in saved:
                value.copy_(saved[name])

    @torch.no_grad()
    def narrow(self, rows: list[int]) -> None:
        """Keep only `rows`, in this order; what pointed at a row must point again."""
        chosen = torch.tensor(rows, device=self.weights.device)
        for name in ("weights", "gradients", "first", "second", "steps"):
            setattr(self, name, getattr(self, name)[chosen].contiguous())
        self.buffers = {name: buffer[chosen].contiguous() for name, buffer in self.buffers.items()}
        self._view()

    @property
    def bytes(self) -> int:
        """Memory of a row."""
        return 4 * self.layout.size * self.weights.element_size()
