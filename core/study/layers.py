"""Includes: a study and the files it builds on, as layers from the weakest to the strongest."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StudyError, nearest
from .limits import MAX_BYTES, MAX_FILES, MAX_NESTED, MAX_NODES
from .locate import read, too_large
from .problems import Problems
from .tree import Node, Place, at, from_python

if TYPE_CHECKING:
    from collections.abc import Mapping


def layers(root: Node, presets: Mapping[str, Path], problems: Problems) -> list[Node]:
    """The included files in the order in which they are laid down, each without its `include`, and the root last."""
    home = os.path.realpath(folder_of(root))
    shelves = {os.path.realpath(path.parent) for path in presets.values()}
    stack = _Stack(presets, problems, (home, *sorted(shelves)), nodes=root.size)
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


def is_file(path: Path) -> bool:
    """Whether a regular file can be seen there; a path that no system could have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@dataclass(slots=True)
class _Stack:
    presets: Mapping[str, Path]
    problems: Problems
    roots: tuple[str, ...]
    """Folders under which included files must lie, symbolic links followed."""
    laid: list[Node] = field(default_factory=list)
    files: int = 0
    nodes: int = 0
    size: int = 0

    def lay(self, tree: Node, open_files: tuple[str, ...]) -> None:
        """Lay down what `tree` includes, then `tree`. `open_files` are those that are being read."""
        if not tree.is_mapping:
            self.problems.add(
                tree.place, "a study is a mapping of keys such as `baseline` and `ablations`", code="BF107"
            )
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
                    entry.place, "expected the path of a file, the name of a preset, or a list", "include", code="BF202"
                )

    def _include(self, entry: Node, said: str, open_files: tuple[str, ...]) -> None:
        path = self._find(entry, said)
        if path is None:
            return
        identity = _identity(str(path))
        self.files += 1
        if identity in open_files:
            self.problems.add(
                entry.place, f"'{said}' includes itself", "include", "remove it here or there", code="BF109"
            )
        elif self.files > MAX_FILES:
            self.problems.add(entry.place, f"more than {MAX_FILES} included files", "include", code="BF105")
        elif len(open_files) > MAX_NESTED:
            self.problems.add(entry.place, f"includes nested deeper than {MAX_NESTED} files", "include", code="BF105")
        elif not any(Path(identity).is_relative_to(root) for root in self.roots):
            remedy = f"an included file lies in {self.roots[0]} or below"
            self.problems.add(
                entry.place, f"'{said}' leads out of the folder of the study", "include", remedy, code="BF108"
            )
        else:
            tree = self._read(entry, said, Path(identity), path)
            if tree is not None and self._has_room(entry, tree):
                self.lay(tree, (*open_files, identity))

    def _has_room(self, entry: Node, tree: Node) -> bool:
        """Whether the study is still of a size that is read."""
        self.nodes += tree.size
        if self.size > MAX_BYTES or self.nodes > MAX_NODES:
            most = f"{MAX_BYTES // 1024} KiB or {MAX_NODES:,} values and keys"
            self.problems.add(
                entry.place, f"the study and what it includes are larger than {most}", "include", code="BF105"
            )
            return False
        return True

    def _find(self, entry: Node, said: str) -> Path | None:
        if said in self.presets:
            return self.presets[said]
        if "/" in said or os.sep in said or Path(said).suffix:
            return Path(os.path.normpath(folder_of(entry) / said))
        if is_file(folder_of(entry) / said):
            return folder_of(entry) / said
        known = nearest(said, sorted(self.presets))
        self.problems.add(
            entry.place,
            f"unknown preset '{said}'",
            "include",
            known or "a file needs its ending, `.yaml`",
            code="BF108",
        )
        return None

    def _read(self, entry: Node, said: str, real: Path, path: Path) -> Node | None:
        """The tree of the file that was looked at; `path` is how messages call it."""
        try:
            text = load_text(real, str(path))
            self.size += len(text)
            return read(text, str(path))
        except StudyError as error:
            self.problems.take(error.findings)
        except OSError as error:
            remedy = f"looked for {path}"
            self.problems.add(entry.place, f"cannot read '{said}': {error.strerror}", "include", remedy, code="BF106")
        return None


def load_text(path: Path, source: str = "") -> str:
    """The text of a study. Raises StudyError where it is not UTF-8 or too large, OSError where it cannot be read."""
    source, data = source or str(path), _content(path)
    if len(data) > MAX_BYTES:
        raise StudyError(too_large(source, data.count(b"\n", 0, MAX_BYTES) + 1))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        message = f"not UTF-8: byte 0x{data[error.start]:02x}"
        raise StudyError(
            at(Place(source, line, column), message, remedy="save the file as UTF-8", code="BF106")
        ) from None


def _content(path: Path) -> bytes:
    """At most one byte more than is allowed of a regular file: a pipe or a device could go on, or wait, for ever."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a path with a null character, which only Python can name
        raise OSError(errno.EINVAL, str(error)) from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read(MAX_BYTES + 1)
    finally:
        os.close(handle)
