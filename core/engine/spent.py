"""What a system costs to run: FLOPs of one row, and the bytes that training it needs; counted once a structure.

Both are counted, not measured, so they are the same on every machine and in every stack: a stack's memory is that of
its trials together, and a process' memory is mostly torch.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import flop_registry

from .model import System
from .noise import ServedNoise
from .structure import structure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor
    from torch._ops import OpOverload

    from ..batch import Batch
    from ..dataset import Dataset
    from .assignment import Assignment
    from .feed import Feed

_MOMENTS = {"adamw": 2, "adam": 2, "sgd": 1}
"""Tensors of the size of the weights that an optimiser keeps."""
_MOST = 512
"""Structures that are remembered."""
_known: dict[tuple[str, ...], dict[str, int]] = {}


def _recurrent(rows: tuple[int, ...], inner: tuple[int, ...], outer: tuple[int, ...]) -> int:
    """A recurrent layer on the CPU, one operation for which torch has no formula: all its matrix products."""
    return 2 * prod(rows[:-1]) * (prod(inner) + prod(outer))


class _Counter(TorchDispatchMode):
    """Torch's own formulas without its `FlopCounterMode`, which loads a compiler that takes seconds to import."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not type it
        self.flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the compiler is loaded, to be told to keep away

    def __torch_dispatch__(
        self, function: OpOverload, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        found = function(*args, **(kwargs or {}))
        operation = function.overloadpacket
        if operation is torch.ops.aten.mkldnn_rnn_layer:
            self.flops += _recurrent(*(tensor.shape for tensor in args[:3]))
        elif operation in flop_registry:
            self.flops += int(flop_registry[operation](*args, **(kwargs or {}), out_val=found))
        return found


def spent(assignment: Assignment, data: Dataset, feed: Feed) -> dict[str, int]:
    """`flops`: floating point operations of one row forward, as torch counts them (matrix products, convolutions).

    `memory`: bytes of weights, gradients, the optimiser's moments and buffers, and of what the forward of one batch
    keeps for the backward. Empty for a system that cannot be counted: no cost is worth a trial.
    """
    shapes = str([features.shape[1:] for features in data.features.values()])
    cell = (assignment.cell, shapes)
    if cell not in _known:
        program = (structure(assignment.settings), shapes, str(feed.batch_size(assignment.settings.train.batch_size)))
        if len(_known) > _MOST:
            _known.clear()
        if program not in _known:
            try:
                _known[program] = _count(assignment, data, feed)
            except Exception:  # noqa: BLE001 - whatever torch or a plugin raises while it is only counted
                _known[program] = {}
        _known[cell] = _known[program]
    return _known[cell]


def _count(assignment: Assignment, data: Dataset, feed: Feed) -> dict[str, int]:
    """Both, from a system of its own, so that the trial's stays as it is."""
    settings = assignment.settings
    system = System(settings, data, *assignment.stream)
    noise = ServedNoise(*assignment.stream, "noise").attach(system)
    rows = torch.from_numpy(feed.fold.train[: feed.batch_size(settings.train.batch_size)])
    batch: Batch = tree_map(lambda part: part.cpu(), feed.batch(rows))
    last = settings.train.epochs - 1

    system.eval()
    noise.begin(-1)
    with _Counter() as counter, torch.no_grad(), noise:
        system(batch, last, -1)

    system.train()
    noise.begin(0)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with noise, saved_tensors_hooks(keep, lambda tensor: tensor):
        total, _ = system.terms(*system(batch, last, 0))  # the graph holds what is kept, so no address comes twice
    weights = list(system.parameters())
    held = {tensor.untyped_storage().data_ptr() for tensor in (*weights, *system.buffers())}
    trained = size_of(weight for weight in weights if weight.requires_grad)
    states = size_of((*weights, *system.buffers())) + trained * (1 + _MOMENTS[settings.train.optimizer])
    forward = sum(size for place, size in kept.items() if place not in held)
    del total
    return {"flops": counter.flops // len(rows), "memory": states + forward}


def size_of(tensors: Iterable[Tensor]) -> int:
    """Bytes of all of them."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
