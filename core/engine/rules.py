"""What a module has to keep to be a row of a stack, in the words of `plan`: which part breaks which rule, and where."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from contextlib import suppress
from functools import partial
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from .blame import is_machinery, shown
from .generators import states
from .noise import RecordedNoise
from .plain import TENSOR, attributes
from .promises import BrokenPromiseError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from torch import Tensor

    from .blame import Parts

RAISED = {
    r"\.item\(\)|data-dependent control flow|access data pointer": (
        "reads values of a tensor in Python (.item(), float(), if, NumPy); compute with tensors alone"
    ),
    r"dynamic shape": "picks rows by their values; use torch.where, masks, weights",
    r"setup_context|generate_vmap_rule": "needs an autograd.Function with setup_context and generate_vmap_rule",
    r"inplace arithmetic": "writes into a tensor of its own making; make it by x.new_zeros and the like",
    r"modified by an inplace operation": "changes in place what the gradient needs; change a copy",
    r"accessing `data`": "changes weights through .data",
    r"same dtype|expected scalar type|expected m1 and m2": (
        "fixes a dtype, so that it cannot be checked in double precision; take the dtype of the inputs"
    ),
    r"Batching rule not implemented|escaped from inside|stride 1": "uses an operation that torch cannot run over rows",
}
"""What torch says where a rule is broken: the rule."""


class RefusedError(Exception):
    """A structure that cannot be stacked; the message is the reason."""


class Seen(NamedTuple):
    """A call of a module."""

    name: str
    read: list[Tensor]
    made: list[Tensor]


def raised(error: Exception, parts: Parts) -> str:
    """The reason that an error is, with the part that raised it and its line."""
    if isinstance(error, RefusedError):
        return str(error)
    if isinstance(error, BrokenPromiseError):
        return f"{parts.at(error.path).told} {error}"
    blame, said = parts.blamed(error, None), str(error).strip().partition("\n")[0]
    rule = next((rule for words, rule in RAISED.items() if re.search(words, said)), "")
    where = f" ({blame.where})" if blame.where else ""
    return f"{blame.told} {rule or f'raises {type(error).__name__}: {said}'}{where}"


def check_dtypes(system: nn.Module, parts: Parts) -> None:
    """Raises RefusedError where trained parameters are of several dtypes: the weights of a row are one block."""
    named = {name: p.dtype for name, p in system.named_parameters() if p.requires_grad}
    usual = torch.get_default_dtype()
    odd = next((name for name, dtype in named.items() if dtype != usual), "")
    if odd and len(set(named.values())) > 1:
        told = f"parameters of more than one dtype: {odd} is {str(named[odd]).removeprefix('torch.')}"
        raise RefusedError(f"{parts.at(odd).told} has {told}")


def check_keeps(system: nn.Module, parts: Parts, run: Callable[[], object]) -> None:
    """Raises RefusedError where passes leave more behind than values of buffers, or draw from a generator of nobody."""
    tensors = dict(system.named_parameters()) | dict(system.named_buffers())
    plain, before = attributes(system, tensors=False), states()
    run()
    drawn = [name for name, state in states().items() if state != before[name]]
    for name, parameter in system.named_parameters():
        if tensors.get(name) is not parameter:
            _refuse(system, parts, name, "makes its parameter {} in forward; make it in __init__")
    for name, buffer in system.named_buffers():
        if tensors.get(name) is not buffer:
            _refuse(
                system, parts, name, "puts a new tensor in the place of its buffer {}; buffers are updated in place"
            )
    for name, told in attributes(system, tensors=False).items():
        if told not in (plain.get(name), TENSOR):
            _refuse(system, parts, name, "changes its own attribute {} in forward, and rows would share it")
    if drawn:
        path, where = _drawing(system, run)
        told = f"draws from {drawn[0]}, which all trials share; use nn.Dropout, torch.rand_like or torch.randn_like"
        raise RefusedError(f"{parts.at(path).told} {told}{where}")


def _refuse(system: nn.Module, parts: Parts, name: str, rule: str) -> None:
    path, _, own = name.rpartition(".")
    raise RefusedError(
        f"{parts.at(path).told} {rule.format(repr(own))}{_set_at(type(system.get_submodule(path)), own)}"
    )


def _set_at(owner: type, attribute: str) -> str:
    """Where a class sets an attribute of its own outside of `__init__`, as ` (FILE:LINE)`."""
    try:
        lines, first = inspect.getsourcelines(owner)
        body = ast.parse(dedent("".join(lines))).body[0]
    except (OSError, TypeError, SyntaxError):
        return ""
    methods = [part for part in getattr(body, "body", []) if getattr(part, "name", "__init__") != "__init__"]
    for node in (node for method in methods for node in ast.walk(method)):
        if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Store):
            return f" ({shown(inspect.getfile(owner))}:{first + node.lineno - 1})"
    return ""


def _drawing(system: nn.Module, run: Callable[[], object]) -> tuple[str, str]:
    """Module and line that move the state of a generator, in another pass: a line at a time."""
    names = {id(module): name for name, module in system.named_modules()}
    last, found, now = ("", ""), ("", ""), states()

    def look(frame: FrameType, _event: str, _value: object) -> Any:  # noqa: ANN401 - itself or None
        nonlocal last, found, now
        if is_machinery(frame.f_code.co_filename):
            return None
        if not found[0] and states() != now:
            found = last
        last = (_module(frame, names), f" ({shown(frame.f_code.co_filename)}:{frame.f_lineno})")
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        run()
    finally:
        sys.settrace(before)
    return found


def _module(frame: FrameType | None, names: dict[int, str]) -> str:
    """The innermost module of those named that is running in a frame."""
    while frame is not None:
        name = names.get(id(frame.f_locals.get("self")))
        if name:
            return name
        frame = frame.f_back
    return ""


def calls(system: nn.Module, run: Callable[[], object]) -> list[Seen]:
    """The calls of the modules of a system in a pass, in the order of their ends, as far as it comes."""
    found: list[Seen] = []

    def look(name: str, _: nn.Module, read: object, made: object) -> None:
        found.append(Seen(name, _tensors(read), _tensors(made)))

    hooks = [module.register_forward_hook(partial(look, name)) for name, module in system.named_modules() if name]
    with suppress(Exception):
        run()
    for hook in hooks:
        hook.remove()
    return found


def unrepeatable(first: Sequence[Seen], second: Sequence[Seen]) -> str:
    """The first module that gives something else for the same inputs; empty where none does."""
    pairs = zip(first, second, strict=False)
    return next((a.name for a, b in pairs if _equal(a.read, b.read) and not _equal(a.made, b.made)), "")


def of_fixed_dtype(seen: Sequence[Seen]) -> str:
    """The first module that gives another floating dtype than the default; empty where none does."""
    usual = torch.get_default_dtype()
    return next((s.name for s in seen if any(x.is_floating_point() and x.dtype != usual for x in s.made)), "")


def _tensors(values: object) -> list[Tensor]:
    return [value.detach().clone() for value in tree_leaves(values) if isinstance(value, torch.Tensor)]


def _equal(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def line_of_caller(depth: int = 1) -> str:
    """The innermost line on the way here that is neither torch's nor core's, as ` (FILE:LINE)`."""
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001 - the way to a frame
    while frame is not None and is_machinery(frame.f_code.co_filename):
        frame = frame.f_back
    return f" ({shown(frame.f_code.co_filename)}:{frame.f_lineno})" if frame is not None else ""


class Draws(RecordedNoise):
    """Noise that is taken down, with the line of every draw that no stack can serve in `lines`."""

    def __init__(self, *parts: str | int) -> None:
        super().__init__(*parts)
        self.lines: list[str] = []

    def draw(self, kind: str, like: Tensor) -> Tensor:
        """A draw that can be served."""
        self.lines.append("")
        return super().draw(kind, like)

    def seed(self, name: str) -> None:
        """One that cannot."""
        self.lines.append(line_of_caller() or " ")
        super().seed(name)
