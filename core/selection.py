"""Which epoch is kept: an expression of validation metrics, read with `ast` and computed here, never run as code."""

from __future__ import annotations

import ast
import math
import operator
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from .errors import Finding, StudyError, TrainingError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .study.plan import PlannedMetric

    Tree: TypeAlias = float | str | tuple["str | Tree", ...]

LONGEST = 1000
"""Most characters of an expression."""
DEEPEST = 60
"""Most levels of an expression."""

_ALLOWED = "it may hold metrics, numbers, + - * /, parentheses, and min, max, abs"
_BINARY: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPUTE: dict[str, Callable[..., float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "negative": operator.neg,
    "min": min,
    "max": max,
    "abs": abs,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """A score of one epoch, to be maximised."""

    text: str
    """The expression; `auto` is already replaced by what it stands for."""
    metrics: tuple[str, ...]
    """The metrics that it reads, in the order in which they are named."""
    tree: Tree
    """A number, the name of a metric, or `(operation, tree, ...)`."""

    @classmethod
    def parse(cls, text: str, known: Sequence[PlannedMetric]) -> Selection:
        """Read `text` for a study whose metrics are `known`.

        A metric alone is turned so that more is better (`mse` means `-mse`); an expression is taken as written. A name
        that is no word of Python is quoted inside an expression: `'task-2.mae' * -1`. Raises StudyError with a finding
        for every unknown metric, or for the first thing that is not arithmetic.
        """
        directions = {metric.name: metric.higher_is_better for metric in known}
        text = " ".join(text.split())
        if text == "auto":
            text = _auto(tuple(directions))
        if text in directions:
            tree: Tree = text if directions[text] else ("negative", text)
            return cls(text, (text,), tree)
        reader = _Reader(text, tuple(directions))
        tree = reader.read()
        if isinstance(tree, str) and not directions[tree]:
            tree = ("negative", tree)
        return cls(text, tuple(reader.used), tree)

    def score(self, metrics: Mapping[str, float]) -> float:
        """The score of these metrics; minus infinity, which is never selected, where it is no finite number.

        Raises TrainingError when a metric that the expression reads has no value.
        """
        for name in self.metrics:
            if name not in metrics:
                raise TrainingError(
                    f"the selection '{self.text}' needs '{name}', which has no value on the validation part "
                    "(no labels, labels of one class only, or constant predictions)"
                )
        try:
            value = float(_value(self.tree, metrics))
        except ZeroDivisionError:
            return -math.inf
        return value if math.isfinite(value) else -math.inf

    def first(self, known: Sequence[PlannedMetric]) -> tuple[PlannedMetric, ...]:
        """`known` with the metrics of this selection in front, as tables print them."""
        place = {name: i for i, name in enumerate(self.metrics)}
        return tuple(sorted(known, key=lambda metric: place.get(metric.name, len(place))))


def _auto(known: Sequence[str]) -> str:
    """Weighted F1 of the first task with classes, else the mean squared error of the first task."""
    for metric in ("weighted_f1", "mse"):
        for name in known:
            if name == metric or name.endswith(f".{metric}"):
                return name
    raise StudyError(Finding("there is no metric to select epochs by", code="BF407"))


def _value(tree: Tree, metrics: Mapping[str, float]) -> float:
    if isinstance(tree, str):
        return metrics[tree]
    if isinstance(tree, tuple):
        operation, *parts = tree
        return _COMPUTE[str(operation)](*(_value(part, metrics) for part in parts))
    return tree


class _Reader:
    """Turns the text into a tree; collects the metrics it names and those it does not know."""

    def __init__(self, text: str, known: Sequence[str]) -> None:
        self.text = text
        self.known = known
        self.used: dict[str, None] = {}
        self.findings: list[Finding] = []

    def read(self) -> Tree:
        if len(self.text) > LONGEST:
            raise self._refusal(f"the selection has {len(self.text)} characters; at most {LONGEST} are read")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._refusal(f"the selection '{self._short(self.text)}' is no arithmetic") from error
        tree = self._tree(body, 1)
        if self.findings:
            raise StudyError(self.findings)
        if not self.used:
            raise self._refusal(f"the selection '{self._short(self.text)}' names no metric", nearest("", self.known))
        return tree

    def _tree(self, node: ast.expr, depth: int) -> Tree:
        if depth > DEEPEST:
            raise self._refusal(f"the selection is nested more than {DEEPEST} levels deep")
        match node:
            case ast.Constant():
                return self._leaf(node)
            case ast.Name() | ast.Attribute():
                return self._metric(self._dotted(node))
            case ast.UnaryOp(op=ast.USub()):
                return ("negative", self._tree(node.operand, depth + 1))
            case ast.BinOp() if type(node.op) in _BINARY:
                return (_BINARY[type(node.op)], self._tree(node.left, depth + 1), self._tree(node.right, depth + 1))
            case ast.Call(func=ast.Name(id="min" | "max" | "abs" as name), args=args, keywords=[]):
                if len(args) == 1 if name == "abs" else len(args) > 1:
                    return (name, *(self._tree(part, depth + 1) for part in args))
        raise self._misplaced(node)

    def _leaf(self, node: ast.Constant) -> Tree:
        if isinstance(node.value, str):
            return self._metric(node.value)
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self._misplaced(node)
        return self._number(node.value)

    def _number(self, value: float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._refusal("a number in the selection is too large")
        return number

    def _dotted(self, node: ast.expr) -> str:
        """`emotion.weighted_f1`, from names and dots alone."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            raise self._misplaced(node)
        return ".".join((node.id, *reversed(parts)))

    def _metric(self, name: str) -> str:
        if name in self.known:
            self.used[name] = None
        else:
            message = f"unknown metric '{self._short(name)}' in the selection"
            self.findings.append(Finding(message, code="BF407", remedy=nearest(name, self.known)))
        return name

    def _misplaced(self, node: ast.expr) -> StudyError:
        source = ast.get_source_segment(self.text, node) or self.text
        return self._refusal(f"'{self._short(source)}' has no place in a selection")

    def _refusal(self, message: str, remedy: str = _ALLOWED) -> StudyError:
        return StudyError(Finding(message, code="BF407", remedy=remedy))

    @staticmethod
    def _short(text: str, most: int = 60) -> str:
        return text if len(text) <= most else f"{text[:most]}..."
