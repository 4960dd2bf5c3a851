"""A recorded pass with less to do and the same bits: what is computed twice is computed once, constants never again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch._ops import OpOverload
from torch.fx.node import map_arg

from .devices import CPU
from .recorder import address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.fx import GraphModule, Node
    from torch.fx.node import Argument

_ATEN = torch.ops.aten
_UNSAFE_VIEW, _TO = _ATEN._unsafe_view.default, _ATEN._to_copy.default  # noqa: SLF001 - operators' names
_SHAPES = (_ATEN.view.default, _ATEN.expand.default, _UNSAFE_VIEW)
_NAMES = (_ATEN.alias.default, _ATEN.detach.default)
_BITS = {torch.float32: torch.int32, torch.float64: torch.int64}
_UNTOLD = ("running_mean", "running_var")
"""Arguments that some operators write into without saying so."""
LARGE = 2**14
"""Elements from which zeros in place of some values are quicker as a mask over their bits than as a choice."""


def simplify(graph: GraphModule) -> None:
    """Leave out what does nothing and what is there already, compute constants now, and hide values under masks."""
    simplified = _Simplified(graph)
    touched = _touched(graph)
    for node in list(graph.graph.nodes):
        if node not in touched:
            simplified.visit(node)
    graph.graph.eliminate_dead_code()
    _bring_constants(graph)
    graph.recompile()


def fold_views(graph: GraphModule, given: Sequence[torch.Tensor]) -> None:
    """Views of inputs and constants are made now, for passes whose inputs are always the memory of `given`."""
    inputs = (node for node in graph.graph.nodes if node.op == "placeholder")
    known: dict[Node, torch.Tensor] = dict(zip(inputs, given, strict=True))
    for node in list(graph.graph.nodes):
        if node.op == "get_attr":
            known[node] = getattr(graph, str(node.target))
        elif node.meta.get("shares") and _lasts(node) and known.keys() >= set(node.all_input_nodes):
            args, kwargs = map_arg((node.args, node.kwargs), known.__getitem__)
            made = node.target(*args, **kwargs)
            if isinstance(made, torch.Tensor) and address_of(made) == address_of(known[node.all_input_nodes[0]]):
                graph.register_buffer(f"view_{node.name}", made)
                with graph.graph.inserting_before(node):
                    view = graph.graph.get_attr(f"view_{node.name}")
                known[view] = made
                _replace(node, view)
    graph.graph.eliminate_dead_code()
    graph.recompile()


def _lasts(node: Node) -> bool:
    """Whether a node writes nothing, and nothing gives its result another shape in place."""
    users = [user.target for user in node.users if isinstance(user.target, OpOverload)]
    return not _written(node) and not any(torch.Tag.inplace_view in target.tags for target in users)


def _bring_constants(graph: GraphModule) -> None:
    """What is chosen from, to the device of the choice: torch would copy a number there in every pass, and wait for it.

    Other operators take a number from the processor as it is, and may round otherwise where it lies on a GPU.
    """
    for node in list(graph.graph.nodes):
        for source in node.all_input_nodes if node.target is _ATEN.where.self else ():
            if source.op == "get_attr" and source.meta["device"] != node.meta["device"]:
                name = f"{source.name}_for_{node.name}"
                graph.register_buffer(name, getattr(graph, str(source.target)).to(node.meta["device"]))
                with graph.graph.inserting_before(node):
                    node.replace_input_with(source, graph.graph.get_attr(name))


class _Simplified:
    """The nodes of a graph, one after the other, with what has been computed before them."""

    def __init__(self, graph: GraphModule) -> None:
        self._module, self._graph = graph, graph.graph
        self._known: dict[object, Node] = {}

    def visit(self, node: Node) -> None:
        if node.op == "get_attr":
            self._once(node, self._constant(node))
        elif node.op == "call_function" and not _is_random(node):
            sources = node.all_input_nodes
            if node.target in _NAMES or (node.target in _SHAPES and _shape(node) == _shape(sources[0])):
                _replace(node, sources[0])
                return
            key = (node.target, repr(node.args), repr(node.kwargs))
            if self._once(node, key) is node:
                self._known[key] = self._folded(node) or self._masked(node) or self._multiplied(node) or node

    def _once(self, node: Node, key: object) -> Node:
        """The first node with this key, in the place of `node`."""
        first = self._known.setdefault(key, node)
        if first is not node:
            _replace(node, first)
        return first

    def _value(self, node: Node) -> torch.Tensor:
        value: torch.Tensor = getattr(self._module, str(node.target))
        return value

    def _constant(self, node: Node) -> object:
        number, value = self._number(node), self._value(node)
        return (value.dtype, value.shape, number) if number else node

    def _number(self, node: Node) -> str:
        """A constant that is a single number in the processor's memory; empty for others."""
        value = self._value(node)
        return repr(value.item()) if value.numel() == 1 and value.device.type == CPU else ""

    def _folded(self, node: Node) -> Node | None:
        """A node of constants, computed now."""
        if any(source.op != "get_attr" for source in node.all_input_nodes):
            return None
        args, kwargs = map_arg((node.args, node.kwargs), self._value)
        made = node.target(*args, **kwargs)  # type: ignore[operator]  # an operator of aten
        if not isinstance(made, torch.Tensor):
            return None
        name = f"folded_{node.name}"
        self._module.register_buffer(name, made)
        with self._graph.inserting_before(node):
            kept = self._graph.get_attr(name)
        kept.meta.update(node.meta)
        kept = self._once(kept, self._constant(kept))
        _replace(node, kept)
        return kept

    def _masked(self, node: Node) -> Node | None:
        """Values where a condition holds and zeros elsewhere, as values under a mask."""
        if node.target is not _ATEN.where.self or len(node.all_input_nodes) < len(node.args):
            return None
        condition, values, other = node.all_input_nodes
        bits = _BITS.get(node.meta["dtype"])
        alike = all(values.meta[what] == node.meta[what] for what in ("shape", "stride", "dtype"))
        chosen = condition.meta["dtype"] is torch.bool and self._is_zero(other)
        if bits is None or _shape(node).numel() < LARGE or not alike or not chosen:
            return None
        with self._graph.inserting_before(node):
            mask = self._call(_ATEN.neg.default, (self._call(_TO, (condition,), {"dtype": bits}),))
            hidden = self._call(_ATEN.bitwise_and.Tensor, (self._call(_ATEN.view.dtype, (values, bits)), mask))
            made = self._call(_ATEN.view.dtype, (hidden, node.meta["dtype"]))
        made.meta.update(node.meta)
        _replace(node, made)
        return made

    def _multiplied(self, node: Node) -> Node | None:
        """A product of columns and rows as what it is: one number times another, which torch's `bmm` takes long for.

        A sum that begins at zero has no negative zero, and so zero is added. A single product is torch's `mm`, which
        may keep one.
        """
        if node.target is not _ATEN.bmm.default or node.meta["dtype"] not in _BITS or _shape(node)[0] == 1:
            return None
        column, row = (node.args[place] for place in range(2))
        shapes = [_empty(source) for source in (column, row)]  # type: ignore[arg-type]  # bmm takes nodes alone
        if (
            node.meta["device"].type != CPU
            or shapes[0].shape[2] != 1
            or _strides(shapes[0] * shapes[1]) != _strides(_empty(node))
        ):
            return None
        with self._graph.inserting_before(node):
            made = self._call(_ATEN.add.Scalar, (self._call(_ATEN.mul.Tensor, (column, row)), 0.0))
        made.meta.update(node.meta)
        _replace(node, made)
        return made

    def _is_zero(self, node: Node) -> bool:
        return node.op == "get_attr" and self._number(node) == "0.0"

    def _call(
        self, target: OpOverload[..., Any], args: tuple[Argument, ...], kwargs: dict[str, Argument] | None = None
    ) -> Node:
        made = self._graph.call_function(target, args, kwargs)
        like = target(*map_arg(args, _empty), **(kwargs or {}))
        lies = {"stride": like.stride(), "device": made.all_input_nodes[0].meta["device"]}
        made.meta.update(shape=like.shape, dtype=like.dtype, **lies)
        return self._once(made, (target, repr(made.args), repr(made.kwargs)))


def _replace(node: Node, other: Node) -> None:
    node.replace_all_uses_with(other)
    node.graph.erase_node(node)


def _shape(node: Node) -> torch.Size:
    shape: torch.Size = node.meta["shape"]
    return shape


def _empty(node: Node) -> torch.Tensor:
    return torch.empty_strided(node.meta["shape"], node.meta["stride"], dtype=node.meta["dtype"], device="meta")


def _strides(tensor: torch.Tensor) -> list[int]:
    """Steps along axes that have any."""
    return [step for size, step in zip(tensor.shape, tensor.stride(), strict=True) if size > 1]


def _is_random(node: Node) -> bool:
    return isinstance(node.target, OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags


def _touched(graph: GraphModule) -> set[Node]:
    """Nodes whose memory something writes into, and all that reads it: their order matters."""
    memory: dict[Node, Node] = {}
    first: dict[int, Node] = {}

    def owner(node: Node) -> Node:
        while memory.get(node, node) is not node:
            node = memory[node]
        return node

    written: list[Node] = []
    for node in graph.graph.nodes:
        shared = node.meta.get("shares", []) if isinstance(node.target, OpOverload) else node.all_input_nodes
        if node.op in ("placeholder", "get_attr"):
            shared = [first.setdefault(node.meta["storage"], node)]
        for source in shared if node.op != "output" else ():
            memory[owner(node)] = owner(source)
        written += _written(node)
    owners = {owner(node) for node in written}
    reads = (node for node in graph.graph.nodes if {owner(part) for part in (node, *node.all_input_nodes)} & owners)
    return set(reads)


def _written(node: Node) -> list[Node]:
    """Each node into whose memory a node writes."""
    if not isinstance(node.target, OpOverload):
        return []
    found: list[Node] = []
    for place, argument in enumerate(node.target._schema.arguments):  # noqa: SLF001 - how an operator says what it writes
        told = argument.alias_info
        if (told is not None and told.is_write) or argument.name in _UNTOLD:
            map_arg(node.args[place] if place < len(node.args) else node.kwargs.get(argument.name), found.append)
    return found
