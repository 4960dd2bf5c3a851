"""A stack's forward pass as a plain list of operators: traced once, cleaned, and replayed without Python's detours.

The same operators in the same order: values and gradients have the same bits as those of the pass that was traced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.fx import GraphModule, Node

    Values = tuple[Tensor, dict[str, Tensor]]

_ATEN = torch.ops.aten
_SHAPES = (_ATEN.view.default, _ATEN.expand.default, _ATEN._unsafe_view.default)  # noqa: SLF001 - an operator's name
_CONSTANTS = (_ATEN.scalar_tensor.default, _ATEN.arange.default, _ATEN.arange.start_step)


def traced(forward: Callable[[Any], Values], inputs: Any) -> Callable[[Any], Values] | None:  # noqa: ANN401 - a tree of tensors
    """`forward` as a replay that takes trees like `inputs`; None where the replay of `inputs` has other bits."""
    _, tree = tree_flatten(inputs)
    terms: list[str] = []

    def flat(*tensors: Tensor) -> tuple[Tensor, ...]:
        total, values = forward(tree_unflatten(list(tensors), tree))
        terms[:] = values
        return (total, *values.values())

    graph = make_fx(flat)(*tree_flatten(tree_map(copied, inputs))[0])
    clean(graph)

    def replay(fresh: Any) -> Values:  # noqa: ANN401 - a tree of tensors
        total, *values = graph(*tree_flatten(fresh)[0])
        return total, dict(zip(terms, values, strict=True))

    return replay if _equal(_passed(replay, inputs), _passed(forward, inputs)) else None


def copied(tensor: Tensor) -> Tensor:
    """A copy that lies as `tensor` does: rows of a stack have gaps, and dense copies have views that those have not."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype).copy_(tensor.detach())


def _passed(run: Callable[[Any], Values], inputs: Any) -> Any:  # noqa: ANN401 - a tree of tensors
    """What a pass over copies of `inputs` gives: values, what it wrote into the inputs, and gradients."""
    fresh = tree_map(lambda tensor: copied(tensor).requires_grad_(tensor.requires_grad), inputs)
    total, values = run(fresh)
    leaves = [tensor for tensor in tree_flatten(fresh)[0] if tensor.requires_grad]
    grads = torch.autograd.grad(total.sum(), leaves, materialize_grads=True) if total.requires_grad else ()
    return total, values, fresh, grads


def _equal(ours: object, theirs: object) -> bool:
    pairs = zip(tree_flatten(ours)[0], tree_flatten(theirs)[0], strict=True)
    return all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs)


def clean(graph: GraphModule) -> None:
    """Leave out what does nothing: views to the shape that is there already, and constants made anew at each pass."""
    for node in list(graph.graph.nodes):
        if node.target in _SHAPES and _shape(node) == _shape(node.args[0]):
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
        elif node.target in _CONSTANTS and not _written(node):
            name = f"constant_{node.name}"
            graph.register_buffer(name, _value(node))
            with graph.graph.inserting_before(node):
                kept = graph.graph.get_attr(name)
            kept.meta.update(node.meta)
            node.replace_all_uses_with(kept)
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()


def _shape(node: Node) -> torch.Size:
    shape: torch.Size = node.meta["tensor_meta"].shape
    return shape


def _value(node: Node) -> Tensor:
    made: Tensor = node.target(*node.args, **node.kwargs)  # type: ignore[operator]  # an operator of aten
    return made


def _written(node: Node) -> bool:
    """Whether something writes into what the node makes."""
    return any(str(user.target).rpartition(".")[0].endswith("_") for user in node.users)
