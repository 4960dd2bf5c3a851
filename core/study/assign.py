"""Change a tree: lay one over another, or set the value at a path. Every value keeps the place where it was written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import StudyError, nearest
from ..specs import EncoderSpec, LossSpec, Warmup
from .grammar import Slot
from .tree import Node, at, lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .grammar import Grammar

NOTHING = Slot()
ENCODER = Slot((EncoderSpec,))
KEEP = "keep"
"""In place of a value: as in the baseline."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A path and what is set there. The value's `key` is the place of the path."""

    path: str
    value: Node

    @property
    def keeps(self) -> bool:
        """Whether the path stays as it is in the baseline."""
        return self.value.value == KEEP


def merge(grammar: Grammar, old: Node | None, new: Node, slot: Slot, trail: tuple[str, ...] = ()) -> Node | None:
    """`new` laid over `old`; `slot` is what may stand there, `trail` where that is. None: what stood there is gone.

    Mappings merge deeply; one that names another component replaces the whole old one; lists and words replace; null
    removes a loss term. A null for a term that is not there stays in the tree, to be found by whoever checks it.
    """
    if old is None:
        return new
    if new.value is None:
        return None if _is_term(trail) else new
    if new.is_mapping:
        old = spelled_out(old, slot, trail)
    elif slot.is_component:
        new = spelled_out(new, slot, trail)
    if not (old.is_mapping and new.is_mapping) or _names_another(old, new, trail):
        return new
    merged = dict(old.children)
    inside = grammar.children(slot, old)
    for key, child in new.children.items():
        laid = merge(grammar, merged.get(key), child, inside.get(key) or slot.element or NOTHING, (*trail, key))
        if laid is None:
            del merged[key]
        else:
            merged[key] = laid
    return replace(new, value=merged)


def spelled_out(node: Node, slot: Slot, trail: tuple[str, ...]) -> Node:
    """The mapping that a short form stands for: `lstm` for `{name: lstm}`; anything else as it is."""
    if isinstance(node.value, str) and (slot.is_component or trail == ("splits",)):
        return replace(node, value={_choice(trail): replace(node, key=None)})
    if not isinstance(node.value, int | float) or isinstance(node.value, bool):
        return node
    if trail == ("train", "clip"):
        return replace(node, value={"limit": node})
    if Warmup in slot.models:
        keys = ("start", "ramp") if trail[0] == "modality_dropout" else ("ramp",)
        return replace(node, value=dict.fromkeys(keys, node))
    return node


def _choice(trail: tuple[str, ...]) -> str:
    """The key that says which of several things a mapping is."""
    return "scheme" if trail == ("splits",) else "name"


def _names_another(old: Node, new: Node, trail: tuple[str, ...]) -> bool:
    key = _choice(trail)
    before, after = old.within(key), new.within(key)
    if after is None:
        return False
    return key == "scheme" if before is None else before.value != after.value


def _is_term(trail: tuple[str, ...]) -> bool:
    return len(trail) == 2 and trail[0] == "losses"  # noqa: PLR2004 - losses.TERM


def per_modality(encoder: Node, modalities: Sequence[str]) -> Node:
    """{modality: encoder} from one encoder for all, or from a mapping of modalities.

    A mapping without `name` of which any key is a modality is one of modalities; everything else is an encoder.
    """
    if encoder.is_mapping and "name" not in encoder.children and any(m in encoder.children for m in modalities):
        return replace(encoder, value={m: _named(child) for m, child in encoder.children.items()})
    if encoder.value is None:
        return encoder
    return replace(encoder, value=dict.fromkeys(modalities, _named(encoder)))


def _named(node: Node) -> Node:
    return spelled_out(node, ENCODER, ("encoder", ""))


@dataclass(frozen=True, slots=True)
class Setter:
    """Sets values at paths of a cell's tree. Raises StudyError for a path that leads nowhere, with the nearest one."""

    grammar: Grammar
    baseline: Node
    modalities: tuple[str, ...]

    def set(self, tree: Node, assignment: Assignment) -> Node:
        """The tree with `assignment` made."""
        parts = tuple(assignment.path.split("."))
        if assignment.keeps:
            return self._restore(tree, assignment, parts)
        changed = self._set(tree, self.grammar.root, parts, (), assignment)
        return changed if changed is not None else tree

    def _set(
        self, node: Node | None, slot: Slot, parts: tuple[str, ...], trail: tuple[str, ...], assignment: Assignment
    ) -> Node | None:
        """`node` with the rest of the path set in it."""
        if not parts:
            return self._lay(node, slot, trail, assignment)
        node = slot.default() if node is None or node.value is None else spelled_out(node, slot, trail)
        if node is None or not node.is_mapping:
            raise self._nowhere(assignment)
        if trail == ("encoder",) and parts[0] not in (*node.children, *self.modalities):
            for modality in node.children:
                node = self._enter(node, slot, (modality, *parts), trail, assignment)
            return node
        return self._enter(node, slot, parts, trail, assignment)

    def _enter(
        self, node: Node, slot: Slot, parts: tuple[str, ...], trail: tuple[str, ...], assignment: Assignment
    ) -> Node:
        part = parts[0]
        inside = self._inside(node, slot, parts, trail)
        if inside is None:
            raise self._nowhere(assignment)
        child = self._set(node.within(part), inside, parts[1:], (*trail, part), assignment)
        if child is not None and child.key is None:
            child = replace(child, key=assignment.value.key)
        return node.having(part, child)

    def _inside(self, node: Node, slot: Slot, parts: tuple[str, ...], trail: tuple[str, ...]) -> Slot | None:
        """What may stand at the next part; None for nothing. Settings of an unknown plugin are not questioned here."""
        known = self.grammar.children(slot, node).get(parts[0])
        if (
            known is None
            and slot.element is not None
            and len(parts) == 1
            and trail != ("encoder",)
            and parts[0].strip()
        ):
            return slot.element
        if known is None and slot.models and self.grammar.model(slot, node) is None:
            return NOTHING
        return known

    def _lay(self, node: Node | None, slot: Slot, trail: tuple[str, ...], assignment: Assignment) -> Node | None:
        value = assignment.value
        kind = slot.kind
        if value.value is None and kind is LossSpec and (node is None or node.value is None):
            terms = tuple(f"losses.{term}" for term in self.baseline.children["losses"].children)
            remedy = nearest(assignment.path, terms) if assignment.path not in terms else "it is removed already"
            raise StudyError(at(value.head, "there is no such term to remove", assignment.path, remedy, code="BF212"))
        if trail == ("encoder",):
            value = per_modality(value, self.modalities)
        if node is None and value.is_mapping and kind is not None and "name" not in value.children:
            default = slot.default()
            if default is None:
                raise self._nowhere(assignment)
            node = default
        return merge(self.grammar, node, value, slot, trail)

    def _restore(self, tree: Node, assignment: Assignment, parts: tuple[str, ...]) -> Node:
        """Put the baseline's value back, default or absent included."""
        if parts[0] == "encoder" and len(parts) > 1 and parts[1] not in self.modalities:
            paths = [("encoder", modality, *parts[1:]) for modality in self.modalities]
        else:
            paths = [parts]
        for path in paths:
            if self.grammar.walk(self.baseline, path) is None and lookup(tree, ".".join(path)) is None:
                raise self._nowhere(assignment)
            tree = _put(tree, path, lookup(self.baseline, ".".join(path)))
        return tree

    def _nowhere(self, assignment: Assignment) -> StudyError:
        path, place = assignment.path, assignment.value.head
        known = self.grammar.paths(self.baseline)
        if path in known:
            remedy = "let it vary only where it stands, with `when`"
            return StudyError(at(place, "this cell has no such setting", path, remedy, code="BF302"))
        around, _, last = path.rpartition(".")
        beside = [other.rpartition(".")[2] for other in known if other.rpartition(".")[0] == around]
        remedy = nearest(path, known, most=0)
        if around and beside:
            remedy = nearest(last, beside, most=20).replace("mean '", f"mean '{around}.")
        elif "did you mean" not in remedy:
            roots = list(dict.fromkeys(other.partition(".")[0] for other in known))
            remedy = f"a path starts with {', '.join(roots)}" if path.partition(".")[0] not in roots else ""
        return StudyError(at(place, "unknown path", path, remedy, code="BF301"))


def _put(node: Node, parts: tuple[str, ...], value: Node | None) -> Node:
    child = node.within(parts[0])
    if len(parts) == 1:
        return node.having(parts[0], value)
    if child is None or not child.is_mapping:
        return node if value is None else node.having(parts[0], _put(Node({}), parts[1:], value))
    return node.having(parts[0], _put(child, parts[1:], value))
