"""Read what designs are made of: assignments, levels of an axis, and conditions on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import nearest
from .assign import KEEP, Assignment
from .designs import Axis, Choice, Condition
from .labels import distinct, label, level, short_names, told
from .messages import said
from .names import label_problem
from .tree import Node, lookup, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .grammar import Grammar
    from .problems import Problems

_LABELLED = {"label", "value"}
_ON_OFF = 2


@dataclass(frozen=True, slots=True)
class Ground:
    """What designs stand on: the baseline, and where problems go."""

    grammar: Grammar
    tree: Node
    resolved: Mapping[str, object] | None
    """The baseline's settings with defaults; None where the baseline is wrong."""
    modalities: tuple[str, ...]
    """Of the baseline, in the order of the data."""
    problems: Problems

    def baseline_value(self, path: str) -> object:
        """The baseline's value at a path: for `encoder.width`, that of the first modality."""
        parts = path.split(".")
        if parts[0] == "encoder" and parts[1:] and parts[1] not in self.modalities and self.modalities:
            parts.insert(1, self.modalities[0])
        value: object = self.resolved
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
        if value is None and self.resolved is None:
            node = lookup(self.tree, ".".join(parts))
            return plain(node) if node is not None else None
        return value

    def assignments(self, node: Node, where: str) -> tuple[Assignment, ...]:
        """`{path: value}` as assignments."""
        if not node.is_mapping:
            self.problems.add(
                node.place, "expected a mapping of paths and values", where, "such as {train.lr: 0.001}", code="BF304"
            )
        elif not node.children:
            self.problems.add(node.head, "nothing is set here", where, code="BF304")
        return tuple(Assignment(path, value) for path, value in node.children.items())

    def check_label(self, text: str, node: Node, where: str) -> None:
        """Write down what is wrong with a label that stands as the key of `node`."""
        wrong = label_problem(text)
        if wrong:
            self.problems.add(node.head, f"the label {said(text)} {wrong}", where, code="BF113")

    def tell(self, made: Sequence[Assignment]) -> str:
        """The label of assignments together."""
        names = short_names([assignment.path for assignment in made])
        texts = [
            label(assignment.path, names[assignment.path], assignment.value, self.grammar, self.tree)
            for assignment in made
            if not assignment.keeps
        ]
        return ", ".join(texts)


def axes(ground: Ground, node: Node, where: str) -> tuple[Axis, ...]:
    """`{path: levels}` as axes."""
    if not node.is_mapping or not node.children:
        ground.problems.add(node.head, "expected a mapping of paths and lists of values", where, code="BF304")
        return ()
    names = short_names(list(node.children))
    return tuple(axis(ground, path, names[path], levels, where) for path, levels in node.children.items())


def axis(ground: Ground, path: str, short: str, levels: Node, where: str) -> Axis:
    """One path and its levels: a list of values (or `{value, label}`), or a mapping of labels and values."""
    found = _levels(ground, levels, f"{where}.{path}")
    kept_value = ground.baseline_value(path)
    slot = ground.grammar.walk(ground.tree, path.split("."))
    names_component = slot is not None and slot.is_component
    compact = kept_value.get("name") if isinstance(kept_value, dict) and names_component else kept_value
    switch = len(found) == _ON_OFF and {None, KEEP} == {_word(value) for _, value in found}
    kept = Choice("", True if switch else level(compact), None, (KEEP, kept_value))
    texts = {
        str(n): text or label(path, short, value, ground.grammar, ground.tree) for n, (text, value) in enumerate(found)
    }
    longer = {key: text if found[int(key)][0] else f"{short}={text}" for key, text in texts.items()}
    texts = distinct(texts, longer)
    choices = []
    for number, (given, value) in enumerate(found):
        if value.value == KEEP:
            choices.append(replace(kept, label=given or "", level=given if given and not switch else kept.level))
            continue
        made = replace(value, key=levels.key)
        shown = False if switch else given or (told(plain(value)) if names_component else level(plain(value)))
        values = (plain(value), *((given,) if given else ()))
        choices.append(Choice(texts[str(number)], shown, Assignment(path, made), values))
    choices = _distinct_choices(ground, choices, [value for _, value in found], f"{where}.{path}")
    kept = next((choice for choice in choices if choice.assignment is None), kept)
    return Axis(short, path, tuple(choices), kept)


def _word(node: Node) -> object:
    return node.value if node.value is None or isinstance(node.value, str) else node


def _distinct_choices(ground: Ground, choices: Sequence[Choice], nodes: Sequence[Node], where: str) -> list[Choice]:
    """The choices, each once."""
    kept: dict[str, Choice] = {}
    for choice, node in zip(choices, nodes, strict=True):
        identity = repr((choice.assignment is None, choice.values[0]))
        if kept.setdefault(identity, choice) is not choice:
            message = f"the value {told(choice.values[0])} stands here twice"
            ground.problems.add(node.place, message, where, "remove one", code="BF309")
    return list(kept.values())


def _levels(ground: Ground, node: Node, where: str) -> list[tuple[str | None, Node]]:
    """(label or None, value) of each level."""
    if node.is_mapping and node.children and "name" not in node.children:
        for text, value in node.children.items():
            ground.check_label(text, value, where)
        return list(node.children.items())
    if not node.items:
        single = "{name: ...}" if node.is_mapping else told(plain(node))
        near = "such as [0.1, 0.5]" if node.value in ((), None, "") else f"put a single one into a list: [{single}]"
        ground.problems.add(
            node.place, "expected a list of values, or a mapping of labels and values", where, near, code="BF304"
        )
        return []
    found: list[tuple[str | None, Node]] = []
    for item in node.items:
        if item.children.keys() == _LABELLED:
            found.append((text_of(ground, item.children["label"], where), item.children["value"]))
        else:
            found.append((None, item))
    return found


def text_of(ground: Ground, node: Node, where: str) -> str | None:
    """A label, or None where it is no text."""
    if isinstance(node.value, str) and node.value.strip():
        wrong = label_problem(node.value.strip())
        if wrong:
            ground.problems.add(node.place, f"the label {said(node.value)} {wrong}", where, code="BF113")
        return node.value.strip()
    ground.problems.add(node.place, "expected a text", where, "quote it" if node.value else "", code="BF202")
    return None


def conditions(
    ground: Ground, node: Node, known: Mapping[str, str], where: str, *, own: str = ""
) -> tuple[Condition, ...]:
    """`{path or factor: value or values}`. `known` maps the names that conditions may use to paths."""
    if not node.is_mapping or not node.children:
        ground.problems.add(node.head, "expected a mapping of paths and values", where, code="BF304")
        return ()
    found = []
    for key, value in node.children.items():
        if key not in known:
            ground.problems.add(
                value.head, f"'{key}' does not vary in this design", where, nearest(key, list(known)), code="BF306"
            )
        elif known[key] == own:
            ground.problems.add(value.head, f"'{key}' cannot depend on itself", where, code="BF306")
        else:
            found.append(Condition(key, known[key], value.items or (value,), value.head))
    return tuple(found)
