"""A stack's pass, forward and backward, as a plain list of operators: traced once, simplified, and replayed.

Values and gradients have the same bits as those of the pass that was traced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from .captured import captured
from .placed import place
from .recorder import address_of, recorded
from .simplify import fold_views, simplify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.fx import GraphModule

    Forward = Callable[[Any], tuple[Tensor, dict[str, Tensor]]]
    """From a tree of inputs to the total (K,) and each term (K,)."""
    Passed = tuple[Tensor, dict[str, Tensor], Sequence[Tensor | None]]
    """The total (K,), each term (K,), and the gradient of each leaf, None for one that nothing depends on."""
    Pass = Callable[[], Passed]
    """A pass over inputs that lie where they lay."""

_WHOLE = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}


def differentiated(forward: Forward, leaves: Sequence[Tensor], inputs: object) -> Passed:
    """`forward` of `inputs`, and the gradients of the sum of its totals."""
    total, terms = forward(inputs)
    if not total.requires_grad:
        return total, terms, [None] * len(leaves)
    return total, terms, torch.autograd.grad(total.sum(), leaves, allow_unused=True)


@dataclass
class Joint:
    """The pass as a function of tensors alone."""

    forward: Forward
    inputs: object
    """A tree of tensors, those that require a gradient among them; later passes read the same memory."""
    leaves: Sequence[Tensor]

    def __post_init__(self) -> None:
        self.places, self._tree = tree_flatten(self.inputs)
        self._numbers = [next(n for n, own in enumerate(self.places) if own is leaf) for leaf in self.leaves]
        self._terms: list[str] = []
        self._reached: list[bool] = []

    def __call__(self, *tensors: Tensor) -> list[Tensor]:
        """The total, the terms, and the gradients that there are."""
        leaves = [tensors[number] for number in self._numbers]
        total, terms, found = differentiated(self.forward, leaves, tree_unflatten(list(tensors), self._tree))
        self._terms, self._reached = list(terms), [gradient is not None for gradient in found]
        values = [total.detach(), *(value.detach() for value in terms.values())]
        return [*values, *(gradient for gradient in found if gradient is not None)]

    def copies(self, values: Sequence[Tensor] = ()) -> list[Tensor]:
        """The inputs, elsewhere, lying to each other as they do; with these `values` in place of theirs, if given."""
        memory = {address_of(own): own.untyped_storage() for own in self.places}
        copied = {address: storage.clone() for address, storage in memory.items()}
        found = []
        for own in self.places:
            place = (own.storage_offset(), own.shape, own.stride())
            found.append(own.detach().new_empty(0).set_(copied[address_of(own)], *place))
        for copy, value in zip(found, values, strict=False):
            copy.copy_(value)
        return [copy.requires_grad_(own.requires_grad) for copy, own in zip(found, self.places, strict=True)]

    def graph(self) -> GraphModule:
        """The list of operators."""
        made = recorded(self, self.copies())
        simplify(made)
        return made

    def placed(self, gradients: Sequence[Tensor]) -> list[tuple[int, Tensor]]:
        """(number of the output, memory for it) of each gradient that there is; after `graph`."""
        memory = [there for there, reached in zip(gradients, self._reached, strict=False) if reached]
        return list(enumerate(memory, start=1 + len(self._terms)))

    def passed(self, made: Sequence[Tensor]) -> Passed:
        """What a call, or a program made of it, gave, by its names."""
        total, *values = made
        gradients = iter(values[len(self._terms) :])
        terms = dict(zip(self._terms, values, strict=False))
        return total, terms, [next(gradients) if reached else None for reached in self._reached]


def traced(
    forward: Forward,
    leaves: Sequence[Tensor],
    inputs: object,
    gradients: Sequence[Tensor] = (),
    trial: object | None = None,
) -> Pass | None:
    """The pass over `inputs` as a replay, whose memory later passes read; None where the replay has other bits.

    `gradients` is the memory that is to hold the gradient of each leaf: some are written there by the replay itself.
    It is tried twice on the tree of inputs `trial`, so that nothing can have been taken for a constant that is none. On
    a GPU it is captured as a graph.
    """
    joint = Joint(forward, inputs, leaves)
    graph = joint.graph()
    given = [own.detach() for own in joint.places]
    if not given[0].is_cuda:  # whose products may round otherwise where their results lie otherwise
        place(graph, joint.placed(gradients))

    def replay() -> Passed:
        with torch.no_grad():
            return joint.passed(graph(*given))

    values = [] if trial is None else tree_leaves(trial)
    for _ in range(2):
        ours, theirs = [own.detach() for own in joint.copies(values)], joint.copies(values)
        with torch.no_grad():
            made = graph(*ours)
        if not _equal([*made, *ours], [*joint(*theirs), *theirs]):
            return None
    fold_views(graph, given)
    return captured(replay, given) if given[0].is_cuda else replay


def _equal(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    """To the bit, whichever bits say that something is not a number."""
    return all(
        torch.equal(_bits(a), _bits(b)) or torch.equal(_bits(_numbered(a)), _bits(_numbered(b)))
        for a, b in zip(ours, theirs, strict=True)
    )


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().view(_WHOLE.get(tensor.dtype, tensor.dtype))


def _numbered(tensor: Tensor) -> Tensor:
    return tensor.detach().masked_fill(tensor.detach().isnan(), 0)
