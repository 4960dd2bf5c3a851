"""Read YAML into a tree of places: YAML 1.2 words and numbers, no cleverness, and every problem with its position."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import yaml

from ..errors import Finding, StudyError
from .limits import MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_KEY, MAX_NODES, MAX_PROBLEMS, MAX_TEXT
from .tree import Node, Place, Scalar, at, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MAX_BYTES", "locate", "plain", "read", "scalar", "too_large"]

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WHOLE = 1 << 63
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Control characters, half characters, and those that turn the direction of what follows or are never seen."""
_LONGEST = 200
"""Characters of the parser's own words, which may quote the file."""
_QUOTED = 40


def read(text: str, source: str) -> Node:
    """The tree of a study. Raises StudyError with every problem; an empty text is an empty mapping."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise StudyError(too_large(source, text.count("\n", 0, MAX_BYTES) + 1))
    builder = _Builder(source)
    try:
        for event in _events(text, source):
            builder.take(event)
    except StudyError as error:
        builder.problems += error.findings
    except _StopReadingError:
        pass
    if builder.problems:
        raise StudyError(builder.problems)
    return builder.root or Node({}, Place(source, 1, 1))


def too_large(source: str, line: int) -> Finding:
    """That the text goes on behind what is read, in that line."""
    return at(Place(source, line, 1), f"larger than {MAX_BYTES // 1024} KiB: this is not a study", code="BF105")


def scalar(text: str) -> Scalar:
    """What a bare word means in YAML 1.2 (core schema): `1e-4` is a number; `no`, `on` and `1_000` are words."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text


def locate(tree: Node, location: Sequence[str | int]) -> tuple[Node, tuple[str, ...], bool]:
    """Walk a pydantic location into the tree: the nearest node, the path as the file has it, and whether all was found.

    Parts that name a branch of a union (`plateau`, `float`) and not a key are skipped.
    """
    node, found = tree, True
    path: tuple[str, ...] = ()
    for part in location:
        number = int(part) if str(part).isdecimal() else len(node.items)
        inside = node.items[number] if number < len(node.items) else node.within(str(part))
        if inside is not None and found:
            node, path = inside, (*path, str(part))
        elif found and (isinstance(part, int) or not _may_be_key(node, part)):
            continue
        else:
            path, found = (*path, str(part)), False
    return node, path, found


def _may_be_key(node: Node, part: str) -> bool:
    return node.is_mapping and part.isidentifier() and not part[0].isupper() and part != node.name


def _events(text: str, source: str) -> Iterator[yaml.Event]:
    """What the parser makes of the text. Raises StudyError where it stumbles, on purpose or not."""
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        while loader.check_event():
            yield loader.get_event()  # type: ignore[no-untyped-call]  # its stubs leave it without types
    except yaml.reader.ReaderError as error:
        raise StudyError(_unreadable(error, text, source)) from None
    except yaml.MarkedYAMLError as error:
        raise StudyError(_broken(error, source)) from None
    except (ValueError, OverflowError) as error:  # `"\UFFFFFFFF"` is no character, and PyYAML does not look
        place = _place(loader.get_mark() if loader is not None else None, source)
        raise StudyError(at(place, f"not valid YAML: {error}", code="BF101")) from None
    finally:
        if loader is not None:
            loader.dispose()


def _unreadable(error: yaml.reader.ReaderError, text: str, source: str) -> Finding:
    before = text[: error.position]
    place = Place(source, before.count("\n") + 1, error.position - before.rfind("\n"))
    character = chr(error.character) if isinstance(error.character, int) else error.character
    return at(place, f"not valid YAML: character {character!r} is not allowed", code="BF101")


def _broken(error: yaml.MarkedYAMLError, source: str) -> Finding:
    mark = error.problem_mark or error.context_mark
    place = _place(mark, source)
    context = f" {error.context}" if error.context else ""
    start = f" that began in line {error.context_mark.line + 1}" if error.context_mark and context else ""
    remedy = "indent with spaces" if "'\\t'" in str(error.problem) else ""
    return at(
        place,
        f"not valid YAML: {str(error.problem)[:_LONGEST]}{context[:_LONGEST]}{start}",
        remedy=remedy,
        code="BF101",
    )


_INSTEAD = "write the value out, or use `include`"


def _short(name: str) -> str:
    """A name as a message quotes it."""
    return _FORBIDDEN.sub("?", name[:_QUOTED])


class _Mark(Protocol):
    """Where the parser stands, from 0."""

    line: int
    column: int


def _place(mark: _Mark | None, source: str) -> Place:
    return Place(source, mark.line + 1, mark.column + 1) if mark is not None else Place(source)


class _StopReadingError(Exception):
    """What follows would only repeat the problem."""


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    place: Place
    mapping: dict[str, Node] | None = None
    items: list[Node] = field(default_factory=list)
    key: tuple[str | None, Place] | None = None
    """The key whose value comes next; None in place of a bad key, whose value is dropped."""


@dataclass(slots=True)
class _Builder:
    """Puts the parser's events together. It goes on after a problem, so that all are found at once."""

    source: str
    problems: list[Finding] = field(default_factory=list)
    root: Node | None = None
    open: list[_Open] = field(default_factory=list)
    documents: int = 0
    nodes: int = 0

    def take(self, event: yaml.Event) -> None:
        """The next event."""
        place = _place(event.start_mark, self.source)
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._wrong(place, "a study is one YAML document; this begins a second one", code="BF102")
                raise _StopReadingError
        elif isinstance(event, yaml.AliasEvent):
            self._wrong(place, f"aliases (*{_short(event.anchor or '')}) are not read", _INSTEAD, code="BF102")
            self._put(Node(None, place), place)
        elif isinstance(event, yaml.ScalarEvent):
            self._check_marks(event, place)
            self._put(Node(self._scalar(event, place), place), place)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._check_marks(event, place)
            self._begin(place, {} if isinstance(event, yaml.MappingStartEvent) else None)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = self.open.pop()
            value = tuple(done.items) if done.mapping is None else done.mapping
            self._put(Node(value, done.place), done.place)

    def _begin(self, place: Place, mapping: dict[str, Node] | None) -> None:
        if len(self.open) >= MAX_DEPTH:
            self._wrong(place, f"nested deeper than {MAX_DEPTH} levels", code="BF105")
            raise _StopReadingError
        self.open.append(_Open(place, mapping))

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        odd = _FORBIDDEN.search(event.value)
        if odd:
            self._wrong(place, f"character U+{ord(odd[0]):04X} is not allowed in a study", code="BF101")
        elif len(event.value) > MAX_DIGITS and (_INTEGER.fullmatch(event.value) or _FLOAT.fullmatch(event.value)):
            self._wrong(place, f"a number of {len(event.value)} digits", code="BF105")
        elif len(event.value) > MAX_TEXT:
            self._wrong(place, f"a text of {len(event.value)} characters; at most {MAX_TEXT} are allowed", code="BF105")
        else:
            value = str(event.value) if event.style is not None else scalar(event.value)
            if not isinstance(value, int) or -_WHOLE <= value < _WHOLE:
                return value
            self._wrong(place, f"the whole number {event.value} does not fit 64 bits", code="BF105")
        return ""

    def _check_marks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, place: Place) -> None:
        if event.anchor is not None:
            self._wrong(place, f"anchors (&{_short(event.anchor)}) are not read", _INSTEAD, code="BF102")
        if event.tag is not None:
            tag = _short(event.tag.replace("tag:yaml.org,2002:", "!!"))
            self._wrong(place, f"tags ({tag}) are not read", "remove it", code="BF102")

    def _put(self, node: Node, place: Place) -> None:
        """Give a finished value to the collection around it."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._wrong(place, f"more than {MAX_NODES:,} values and keys: this is not a study", code="BF105")
            raise _StopReadingError
        if not self.open:
            self.root = node
            return
        around = self.open[-1]
        if around.mapping is None:
            around.items.append(node)
        elif around.key is None:
            around.key = (self._as_key(node, around.mapping), place)
        else:
            key, key_place = around.key
            around.key = None
            if key is not None:
                around.mapping[key] = replace(node, key=key_place)

    def _as_key(self, node: Node, mapping: dict[str, Node]) -> str | None:
        key = node.value
        if not isinstance(key, str):
            said = "a list or mapping" if node.is_mapping or isinstance(key, tuple) else str(key).lower()
            self._wrong(node.place, f"a key must be a word, not {said}", "quote it", code="BF104")
        elif len(key) > MAX_KEY:
            self._wrong(node.place, f"a key of {len(key)} characters; at most {MAX_KEY} are allowed", code="BF105")
        elif key == "<<":
            self._wrong(node.place, "merge keys (<<) are not read", "use `include`", code="BF102")
        elif key in mapping:
            first = mapping[key].head.line
            self._wrong(node.place, f"'{key}' stands here twice; first in line {first}", "remove one", code="BF103")
        else:
            return key
        return None

    def _wrong(self, place: Place, message: str, remedy: str = "", *, code: str) -> None:
        self.problems.append(at(place, message, remedy=remedy, code=code))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopReadingError
