"""What a step of training computes: calls of torch's functions forward, steps of autograd back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .subject import Subject


class Effort(NamedTuple):
    """Operations of one step."""

    forward: int
    back: int

    @property
    def operations(self) -> int:
        """Both ways."""
        return self.forward + self.back


class _Counting(TorchFunctionMode):
    """Counts calls; those that only look at a tensor (its shape, its type) are none."""

    count = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        made = func(*args, **(kwargs or {}))
        self.count += isinstance(made, torch.Tensor | tuple)
        return made


def effort(subject: Subject) -> Effort:
    """The operations of a step on the first batch."""
    counting = _Counting()
    with counting:
        shot = subject.take_alone(subject.batches[0])
    ends = [value.grad_fn for term, value in shot.terms.items() if term in subject.active]
    waiting, seen = [end for end in ends if end is not None], set[Any]()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += [inner for inner, _ in node.next_functions if inner is not None]
    return Effort(counting.count, len(seen))
