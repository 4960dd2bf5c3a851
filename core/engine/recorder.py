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


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own has no types
    """Inside this mode every operator on tensors becomes a node of `graph`, below vmap and autograd."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
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
    ) -> Any:  # noqa: ANN401 - whatever the operator returns
        """Run the operator and take it down; a number that is read of a tensor is a constant from then on."""
        kwargs = dict(kwargs or {})
        taken = self.graph.call_function(func, *tree_map(self.node, (tuple(args), kwargs)))
        made = func(*args, **kwargs)
        if isinstance(made, torch.Tensor):
            self._told(made, taken)
        elif isinstance(made, (tuple, list)):
            for number, part in enumerate(made):
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
        node.meta.update(shape=tensor.shape, dtype=tensor.dtype, device=tensor.device)
        self._nodes[tensor] = node


def recorded(function: Callable[..., Sequence[Tensor]], inputs: Sequence[Tensor]) -> GraphModule:
    """What `function` of `inputs` runs, as a program of the same inputs and outputs."""
    recorder = _Recorder(inputs)
    with recorder:
        outputs = function(*inputs)
    recorder.graph.output([recorder.node(output) for output in outputs])
    return GraphModule(recorder.constants, recorder.graph)
