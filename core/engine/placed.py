"""Gradients of large matrices, written by the product itself where they are to lie: no copy follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.fx import GraphModule, Node

_ATEN = torch.ops.aten
LARGE = 2**14
"""Elements of a row's matrix from which it pays: torch computes rows that do not lie side by side one by one."""


def place(graph: GraphModule, outputs: Sequence[tuple[int, Tensor]]) -> None:
    """Let outputs (their number, and the memory that is to hold them) be computed there, if they are products."""
    for number, memory in outputs:
        results = graph.graph.output_node().args[0]
        product, there = _behind_views(results[number], memory)  # type: ignore[index, arg-type]  # a list of nodes
        if product.target is _ATEN.bmm.default and there is not None and _takes(there):
            _write(graph, product, there)
    graph.graph.lint()
    graph.recompile()


def _behind_views(node: Node, memory: Tensor) -> tuple[Node, Tensor | None]:
    """What `node` is a view of, and the same view of `memory` backwards; None where there is no such."""
    there: Tensor | None = memory
    while node.target in (_ATEN.transpose.int, _ATEN.permute.default, _ATEN.view.default) and there is not None:
        source = node.all_input_nodes[0]
        there = _backwards(node, there, source.meta["shape"])
        node = source
    return node, there


def _backwards(node: Node, there: Tensor, shape: torch.Size) -> Tensor | None:
    match node.target, node.args[1:]:
        case _ATEN.transpose.int, (int(one), int(other)):
            return there.transpose(one, other)
        case _ATEN.permute.default, (dims,):
            order = [int(dim) for dim in dims]  # type: ignore[union-attr, arg-type]  # whole numbers
            return there.permute([order.index(dim) for dim in range(len(order))])
    try:
        return there.view(shape)
    except RuntimeError:
        return None


def _takes(there: Tensor) -> bool:
    """Whether a product can be written there at no loss."""
    _, rows, columns = there.shape
    return rows * columns >= LARGE and there.stride(2) == 1 and there.stride(1) == columns


def _write(graph: GraphModule, product: Node, there: Tensor) -> None:
    name = f"place_of_{product.name}"
    graph.register_buffer(name, there)
    with graph.graph.inserting_before(product):
        memory = graph.graph.get_attr(name)
        made = graph.graph.call_function(_ATEN.bmm.out, product.args, {"out": memory})
    made.meta.update(product.meta)
    product.replace_all_uses_with(made)
    graph.graph.erase_node(product)
