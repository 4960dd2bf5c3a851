"""A stack's forward and backward pass as one compiled program: opt-in, for studies that repay the compiler."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch._inductor import compile as compile_graph
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

from .replay import clean, copied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    Forward = Callable[[Any], tuple[Tensor, dict[str, Tensor]]]
    Pass = Callable[[], tuple[Tensor, dict[str, Tensor], list[Tensor]]]
    """The total (K,), each term (K,), and the gradient of each leaf, of inputs that lie where they lay."""

ROWS = 8
"""Rows of every compiled stack: one number, so that each structure is compiled once, and no bit depends on it."""
TOLERANCE = 1e-3
"""Largest difference from the pass that is not compiled, relative to the largest element: rounding stays below 1e-5."""


def compiled(forward: Forward, leaves: Sequence[Tensor], inputs: Any) -> Pass:  # noqa: ANN401 - a tree of tensors
    """`forward` and the gradients of the sum of its totals, compiled for `inputs`, whose memory later passes read.

    Raises RuntimeError where the program does not compute what `forward` does.
    """
    places, tree = tree_flatten(inputs)
    numbers = [next(n for n, place in enumerate(places) if place is leaf) for leaf in leaves]
    terms: list[str] = []

    def joint(*tensors: Tensor) -> list[Tensor]:
        total, values = forward(tree_unflatten(list(tensors), tree))
        terms[:] = values
        found = _gradients(total, [tensors[number] for number in numbers])
        return [total.detach(), *(value.detach() for value in values.values()), *found]

    graph = make_fx(joint)(*_copies(places))
    clean(graph)
    given = [place.detach() for place in places]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the compiler about itself
        program = compile_graph(graph, given, {"compile_threads": 1})
        before = [place.clone() for place in given]
        found = program(*given)
        for place, value in zip(given, before, strict=True):
            place.copy_(value)  # what a pass writes, running means say, is not to be written twice
    _check(joint(*_copies(places)), found)

    def run() -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
        with torch.no_grad():
            total, *values = program(*given)
        return total, dict(zip(terms, values, strict=False)), values[len(terms) :]

    return run


def _gradients(total: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    if not total.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return list(torch.autograd.grad(total.sum(), leaves, materialize_grads=True))


def _copies(places: Sequence[Tensor]) -> list[Tensor]:
    return [copied(place).requires_grad_(place.requires_grad) for place in places]


def _check(expected: Sequence[Tensor], found: Sequence[Tensor]) -> None:
    for wanted, value in zip(expected, found, strict=True):
        scale = wanted.nan_to_num().abs().max().clamp(min=1.0)
        difference = (value.nan_to_num() - wanted.nan_to_num()).abs().max()
        if not bool(difference <= TOLERANCE * scale):
            raise RuntimeError(f"the compiled program differs by {float(difference):.1e} from what it was compiled of")
