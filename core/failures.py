"""From what went wrong to a failure that names its class and the plugin that is to blame."""

from __future__ import annotations

import errno
import inspect
import re
import traceback
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from sys import modules
from typing import TYPE_CHECKING

from .errors import TrialFailure
from .markers import PROJECT
from .specs import KINDS, ExecutorSpec, Spec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from .errors import FailureKind

_NO_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|out of memory|std::bad_alloc|cannot allocate memory", re.IGNORECASE
)
_FRAME = re.compile(r'^ *File "(.+?)", line \d+', re.MULTILINE)


def failure_of(error: BaseException, log: str = "") -> TrialFailure:
    """The failure that an exception is, with its class, its traceback, and the plugin that stands in it."""
    if isinstance(error, TrialFailure):
        return error
    told = "".join(traceback.format_exception(error))
    plugin = plugin_in(_files(error), _classes(error))
    return TrialFailure(_kind(error), _blaming(_said(error), plugin), log, plugin, told)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory for something; with less beside it there may be."""
    return (error.kind if isinstance(error, TrialFailure) else _kind(error)) == "out of memory"


def failure_from_dump(kind: FailureKind, message: str, dump: str, log: str = "") -> TrialFailure:
    """The failure of a process that died, `dump` being what faulthandler left: the newest frame first."""
    plugin = plugin_in(_FRAME.findall(dump))
    return TrialFailure(kind, _blaming(message, plugin), log, plugin, dump)


def plugin_in(files: Iterable[str], running: Collection[str] = ()) -> str:
    """The plugin that the first file of one belongs to, as `fusion 'gated' of PACKAGE`; empty where none does.

    Of several in that file it is the one that builds a class of those that were `running`, by name, or all of them
    where that tells none. A file of a package that offers plugins is the package's, also where it defines none itself.
    """
    known: dict[str, list[type[Spec]]] = {}
    for file, spec in _sources():
        known.setdefault(file, []).append(spec)
    modules_ = (specs[0].__module__ for specs in known.values())
    packages = {_folder(module): module for module in modules_ if _is_foreign_package(module)}
    for file in files:
        if file in known:
            specs = [spec for spec in known[file] if _makes(spec) & {*running}] or known[file]
            labels = dict.fromkeys(f"{spec.kind} '{spec.model_fields['name'].default}'" for spec in specs)
            return f"{' or '.join(labels)} of {_origin(specs[0].__module__)}"
        for folder, module in packages.items():
            if folder in Path(file).parents:
                return f"plugin package {_origin(module)}"
    return ""


def _makes(spec: type[Spec]) -> set[str]:
    """Its own name, and those of the classes that its `build` may make."""
    code = getattr(getattr(spec, "build", None), "__code__", None)
    return {spec.__name__, *(code.co_names if code is not None else ())}


def _blaming(message: str, plugin: str) -> str:
    return f"{message} (in {plugin})" if plugin else message


def _said(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it asked to exit: sys.exit({error.code!r})"
    name, said = type(error).__name__, str(error)
    return f"{name}: {said}" if said else name


def _kind(error: BaseException) -> FailureKind:
    """Out of memory has many faces: Python's, the system's, and torch's RuntimeError."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory"
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return "out of memory"
    if isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)):
        return "out of memory"
    return "error"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, and its causes."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _files(error: BaseException) -> Iterator[str]:
    """The files that an exception passed through, the innermost first; then those of its cause."""
    for one in _chain(error):
        yield from reversed([frame.filename for frame in traceback.extract_tb(one.__traceback__)])


def _classes(error: BaseException) -> set[str]:
    """Names of the classes whose methods an exception passed through."""
    frames = (frame for one in _chain(error) for frame, _ in traceback.walk_tb(one.__traceback__))
    return {type(frame.f_locals["self"]).__name__ for frame in frames if "self" in frame.f_locals}


def _sources() -> Iterator[tuple[str, type[Spec]]]:
    """(source file, spec) of a trial's parts that this process has loaded."""
    for base in KINDS:
        if base is ExecutorSpec:  # it stands in every traceback, and is no part of a trial
            continue
        for spec in _below(base):
            if not spec.is_kind() and (file := _file(spec.__module__)):
                yield file, spec


def _below(base: type[Spec]) -> Iterator[type[Spec]]:
    for spec in base.__subclasses__():
        yield spec
        yield from _below(spec)


def _file(module: str) -> str:
    try:
        return inspect.getsourcefile(modules[module]) or ""
    except (KeyError, TypeError):
        return ""


def _is_foreign_package(module: str) -> bool:
    """Whether it is a module of a package, no mere folder of modules, that is not butfor."""
    top = module.partition(".")[0]
    package = modules.get(top)
    return top != PROJECT and hasattr(package, "__path__") and bool(getattr(package, "__file__", None))


def _folder(module: str) -> Path:
    """Of the package that a module is in."""
    return Path(modules[module.partition(".")[0]].__path__[0])


def _origin(module: str) -> str:
    """The distribution that a module came with, or the file of a single-file plugin."""
    top = module.partition(".")[0]
    if top == PROJECT:
        return PROJECT
    return ", ".join(_distributions().get(top, ())) or _file(module) or module


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: sorted(set(found)) for name, found in packages_distributions().items()}
