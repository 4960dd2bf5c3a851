"""What a component is made of, as a digest: the file that defines it, and the files beside it that it imports."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING

from .markers import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_FILES = 1000


@cache
def source_digest(spec: type) -> str:
    """Hash of the sources of the component that `spec` describes; of its code where there is no source."""
    path = _source_file(spec)
    if path is None:
        return _short(_of_code(spec))
    top = spec.__module__.partition(".")[0]
    package = _package_folder(path, top)
    return files_digest(path, package or path.parent, top if package else "")


def files_digest(path: Path, home: Path, package: str = "") -> str:
    """Hash of a file and of what it imports under `home`, the folder of `package` or one that modules lie in."""
    files = imported_files(path, home, package)
    if files == (path,):
        return _short([path.read_bytes()])
    return _short(part for file in files for part in (f"{file.relative_to(home)}\n".encode(), file.read_bytes()))


def imported_files(path: Path, home: Path, package: str = "") -> tuple[Path, ...]:
    """`path` and every file under `home` that it imports, or that those import, wherever in them; sorted."""
    found, waiting = {path}, [path]
    while waiting and len(found) < _MOST_FILES:
        for file in _imports(waiting.pop(), home, package):
            if file not in found:
                found.add(file)
                waiting.append(file)
    return tuple(sorted(found))


def _imports(path: Path, home: Path, package: str) -> Iterator[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return  # who imports it is told
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(home, _inside(alias.name.split("."), package), home)
        elif isinstance(node, ast.ImportFrom):
            parts = node.module.split(".") if node.module else []
            start = path.parents[node.level - 1] if 0 < node.level <= len(path.parents) else home
            named = parts if node.level else _inside(parts, package)
            for alias in node.names:
                yield from _files(start, [*named, alias.name] if named or node.level else [], home)


def _inside(parts: list[str], package: str) -> list[str]:
    """The rest of an absolute name in the package, or the name as it is where modules lie side by side."""
    if not package:
        return parts
    return parts[1:] if parts[:1] == [package] else []


def _files(start: Path, parts: list[str], home: Path) -> Iterator[Path]:
    """The files that importing `parts` from `start` runs, if they lie under `home`."""
    folder = start
    for part in parts:
        for file in (folder / f"{part}.py", folder / part / "__init__.py"):
            if file.is_relative_to(home) and file.is_file():
                yield file
        folder /= part


def _source_file(spec: type) -> Path | None:
    try:
        source = inspect.getsourcefile(spec)
    except (TypeError, OSError):
        return None
    path = Path(source) if source else None
    return path if path is not None and path.is_file() else None


def _package_folder(path: Path, top: str) -> Path | None:
    """The folder of an installed package; None for a single file, and for butfor itself: its core has a hash."""
    file = getattr(sys.modules.get(top), "__file__", None)
    if file is None or top == PROJECT or Path(file).name != "__init__.py":
        return None
    return Path(file).parent if path.is_relative_to(Path(file).parent) else None


def _of_code(spec: type) -> Iterator[bytes]:
    """What a class does, without a file: its functions and those of its module, in the order of their names."""
    module = sys.modules.get(spec.__module__)
    beside = (
        {name: value for name, value in vars(module).items() if inspect.getmodule(value) is module} if module else {}
    )
    for owner in (spec, *(value for _, value in sorted(beside.items()))):
        yield f"{getattr(owner, '__qualname__', owner)}\n".encode()
        members = vars(owner) if inspect.isclass(owner) else {"": owner}
        for name, member in sorted(members.items()):
            inner = member.__func__ if isinstance(member, classmethod | staticmethod | MethodType) else member
            if isinstance(inner, FunctionType):
                yield f"{name}\n".encode()
                yield from _code_parts(inner.__code__)


def _code_parts(code: CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr((code.co_names, code.co_varnames)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        else:
            yield repr(constant).encode()


def _short(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()[:16]
