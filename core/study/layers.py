"""Includes: a study and the files it builds on, as layers from the weakest to the strongest."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StudyError, nearest
from .locate import MAX_BYTES, read
from .problems import Problems
from .tree import Node, Place, from_python

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_FILES = 100


def layers(root: Node, presets: Mapping[str, Path], problems: Problems) -> list[Node]:
    """The included files in the order in which they are laid down, each without its `include`, and the root last."""
    stack = _Stack(presets, problems)
    stack.lay(root, (_identity(root.place.file),))
    return stack.laid


def declared_plugins(study: str | Mapping[str, object], source: str = "") -> list[tuple[Path, Node]]:
    """The single-file plugins that a study and its includes name, each path taken from the file that names it.

    Reads nothing else and needs no catalogue. What is wrong with the file is left for `Study.parse` to say; entries
    that are no text are left out here and named there.
    """
    try:
        root = read(study, source) if isinstance(study, str) else from_python(study, Place(source))
    except StudyError:
        return []
    said = [layer.within("plugins") for layer in layers(root, {}, Problems())]
    entries = [entry for node in said if node is not None for entry in node.items]
    return [(folder_of(entry) / entry.value, entry) for entry in entries if isinstance(entry.value, str)]


def folder_of(node: Node) -> Path:
    """The folder of the file in which a value stands: relative paths in a study start from it."""
    return Path(node.place.file).parent


def _identity(file: str) -> str:
    return os.path.realpath(file) if file else ""


@dataclass(slots=True)
class _Stack:
    presets: Mapping[str, Path]
    problems: Problems
    laid: list[Node] = field(default_factory=list)
    files: int = 0

    def lay(self, tree: Node, open_files: tuple[str, ...]) -> None:
        """Lay down what `tree` includes, then `tree`. `open_files` are those that are being read."""
        if not tree.is_mapping:
            self.problems.add(tree.place, "a study is a mapping of keys such as `baseline` and `ablations`")
            return
        included = tree.within("include")
        if included is not None:
            self._check(included)
            for entry in included.items or (included,):
                if isinstance(entry.value, str):
                    self._include(entry, entry.value, open_files)
        self.laid.append(replace(tree, value={k: child for k, child in tree.children.items() if k != "include"}))

    def _check(self, included: Node) -> None:
        for entry in included.items or (included,):
            if not isinstance(entry.value, str) and entry.value != ():
                self.problems.add(
                    entry.place, "expected the path of a file, the name of a preset, or a list", "include"
                )

    def _include(self, entry: Node, said: str, open_files: tuple[str, ...]) -> None:
        path = self._find(entry, said)
        if path is None:
            return
        identity = _identity(str(path))
        self.files += 1
        if identity in open_files:
            self.problems.add(entry.place, f"'{said}' includes itself", "include", "remove it here or there")
        elif self.files > MOST_FILES:
            self.problems.add(entry.place, f"more than {MOST_FILES} included files", "include")
        else:
            tree = self._read(entry, said, path)
            if tree is not None:
                self.lay(tree, (*open_files, identity))

    def _find(self, entry: Node, said: str) -> Path | None:
        if said in self.presets:
            return self.presets[said]
        if "/" in said or os.sep in said or Path(said).suffix:
            return Path(os.path.normpath(folder_of(entry) / said))
        if (folder_of(entry) / said).is_file():
            return folder_of(entry) / said
        known = nearest(said, sorted(self.presets))
        self.problems.add(
            entry.place, f"unknown preset '{said}'", "include", known or "a file needs its ending, `.yaml`"
        )
        return None

    def _read(self, entry: Node, said: str, path: Path) -> Node | None:
        try:
            return read(load_text(path), str(path))
        except StudyError as error:
            self.problems.take(error.findings)
        except OSError as error:
            remedy = f"looked for {path}"
            self.problems.add(entry.place, f"cannot read '{said}': {error.strerror}", "include", remedy)
        return None


def load_text(path: Path) -> str:
    """The text of a study. Raises StudyError where it is not UTF-8 or too large, OSError where it cannot be read."""
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        message = f"not UTF-8: byte 0x{data[error.start]:02x}"
        problems = Problems()
        problems.add(Place(str(path), line, column), message, remedy="save the file as UTF-8")
        raise StudyError(problems.errors) from None
