"""A run of a function of tensors, taken down as the list of the operators that it ran."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from torch.fx import Graph, GraphModule, Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.weak import WeakTensorKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor


_ATEN = torch.ops.aten
_REFUSED = frozenset(
    overload
    for name in ("_local_scalar_dense", "equal", "is_nonzero", "nonzero", "prod")  # prod has a gradient of two ways
    for overload in (getattr(getattr(_ATEN, name), kind) for kind in getattr(_ATEN, name).overloads())
)
"""What reads values, so that Python or torch itself may go another way when they change."""


class NotRecordedError(Exception):
    """A pass that is not the same list of operators every time."""


class _Recorder(TorchDispatchMode):
    """Inside this mode every operator on tensors becomes a node of `graph`, below vmap and autograd."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own has no types
        self.graph = Graph()
        self.constants: dict[str, Tensor] = {}
        self._nodes = WeakTensorKeyDictionary()
        for number, tensor in enumerate(inputs):
            self._told(tensor, self.graph.placeholder(f"input_{number}"))

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run the operator and take it down. Raises NotRecordedError for one whose passes are not alike."""
        kwargs = dict(kwargs or {})
        if func in _REFUSED:
            raise NotRecordedError(f"{func} takes another way in every pass")
        taken = self.graph.call_function(func, *tree_map(self.node, (tuple(args), kwargs)))
        made = func(*args, **kwargs)
        parts = made if isinstance(made, (tuple, list)) else (made,)
        memory = {address_of(part) for part in parts if isinstance(part, torch.Tensor)}
        taken.meta["shares"] = [source for source in taken.all_input_nodes if source.meta["storage"] in memory]
        if isinstance(made, torch.Tensor):
            self._told(made, taken)
        elif parts is made:
            for number, part in enumerate(parts):
                if isinstance(part, torch.Tensor):
                    self._told(part, self.graph.call_function(operator.getitem, (taken, number)))
        return made

    def node(self, value: Any) -> Any:  # noqa: ANN401 - a tensor or whatever else an operator takes
        """Where a tensor comes from; a constant where nothing that was seen made it. Anything else is itself."""
        if not isinstance(value, torch.Tensor):
            return value
        if value not in self._nodes:
            name = f"constant_{len(self.constants)}"
            self.constants[name] = value
            self._told(value, self.graph.create_node("get_attr", name))
        return self._nodes[value]

    def _told(self, tensor: Tensor, node: Node) -> None:
        lies = {"stride": tensor.stride(), "device": tensor.device, "storage": address_of(tensor)}
        node.meta.update(shape=tensor.shape, dtype=tensor.dtype, **lies)
        self._nodes[tensor] = node


def address_of(tensor: Tensor) -> int:
    """Of the memory that a tensor lies in, while it lives; also of one that holds no numbers."""
    found: int = tensor.untyped_storage()._cdata  # noqa: SLF001 - which has no public name
    return found


def recorded(function: Callable[..., Sequence[Tensor]], inputs: Sequence[Tensor]) -> GraphModule:
    """What `function` of `inputs` runs, as a program of the same inputs and outputs."""
    recorder = _Recorder(inputs)
    with recorder:
        outputs = function(*inputs)
    recorder.graph.output([recorder.node(output) for output in outputs])
    return GraphModule(recorder.constants, recorder.graph)
