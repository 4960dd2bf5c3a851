"""The registry: asks every plugin what it offers, and fills the catalogue.

Three ways in: built-in modules, installed packages with an entry point in the group `butfor`, and single files that a
study names (`plugins: [./my_fusion.py]`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import sys
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from .core import hookspecs
from .core.catalogue import Catalogue, Entry
from .core.errors import PluginError
from .core.markers import PROJECT
from .core.sources import imported_files, source_digest
from .core.specs import KINDS, Spec
from .plugins.datasets import features, planted
from .plugins.encoders import lstm, mean_pool, mlp, variational_lstm, variational_mlp
from .plugins.executors import local, serial
from .plugins.fusion import (
    attention,
    concat,
    gated_uncertainty,
    low_rank,
    mean,
    product_of_experts,
    proxy_attention,
    tensor,
    uncertainty,
)
from .plugins.losses import (
    cross_entropy,
    cross_modal_kl,
    focal,
    info_nce,
    kl_prior,
    mae,
    mse,
    reconstruction,
    smooth_l1,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

BUILT_IN: tuple[ModuleType, ...] = (
    planted, features,
    mlp, variational_mlp, lstm, variational_lstm, mean_pool,
    concat, mean, attention, uncertainty, gated_uncertainty, product_of_experts, proxy_attention, tensor, low_rank,
    cross_entropy, focal, mse, mae, smooth_l1, kl_prior, cross_modal_kl, reconstruction, info_nce,
    serial, local,
)  # fmt: skip

HOOKS = {
    "dataset": "register_datasets",
    "encoder": "register_encoders",
    "fusion": "register_fusions",
    "loss": "register_losses",
    "executor": "register_executors",
}
PRESETS = Path(__file__).parent / "plugins" / "presets"


def assemble(files: Sequence[Path] = ()) -> Catalogue:
    """The catalogue of all built-in and installed plugins, and of the single-file plugins `files`.

    Raises PluginError for a file that cannot be loaded, for a hook with a wrong signature, for an answer that is no
    spec of the kind, and for two plugins that offer one name. An installed package that fails to import is left out and
    told of in `Catalogue.failures`.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    origins: dict[str, tuple[str, str]] = {}
    failures: dict[str, str] = {}
    own = (PROJECT, version(PROJECT))
    for module in BUILT_IN:
        _register(manager, module, module.__name__, origins, own)
    for point in entry_points(group=PROJECT):
        try:
            module = point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a foreign package raises, sys.exit too
            failures[point.name] = f"{_distribution(point)[0]}: {_told(error)}"
            continue
        _register(manager, module, f"entry point {point.name}", origins, _distribution(point))
    for file in files:
        _register(manager, load_file(file), str(file), origins, (str(file), ""))
    entries = _entries(manager, origins)
    presets = {path.stem: path for path in sorted(PRESETS.glob("*.yaml"))}
    return Catalogue(entries, presets, tuple(str(file) for file in files), failures)


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else (point.value, "")


def _register(
    manager: pluggy.PluginManager,
    module: object,
    name: str,
    origins: dict[str, tuple[str, str]],
    origin: tuple[str, str],
) -> None:
    try:
        manager.register(module, name=name)
        manager.check_pending()
    except Exception as error:  # noqa: BLE001 - pluggy looks at every attribute, and each may raise what it likes
        raise PluginError(f"plugin {name} ({origin[0]}): {_told(error, pluggy.PluginValidationError)}") from None
    origins[name] = origin


def _entries(manager: pluggy.PluginManager, origins: dict[str, tuple[str, str]]) -> dict[tuple[str, str], Entry]:
    """Ask every hook of every plugin."""
    entries: dict[tuple[str, str], Entry] = {}
    for base in KINDS:
        for implementation in getattr(manager.hook, HOOKS[base.kind]).get_hookimpls():
            plugin = implementation.plugin_name
            distribution, number = origins[plugin]
            for spec in _offered(implementation.function, base, f"{plugin} ({distribution})"):
                entry = Entry(spec, distribution, number, source_digest(spec))
                other = entries.setdefault((base.kind, entry.name), entry)
                if other is not entry:
                    raise PluginError(
                        f"two plugins offer the {base.kind} '{entry.name}': "
                        f"{other.spec.__module__}.{other.spec.__qualname__} ({other.distribution}) and "
                        f"{spec.__module__}.{spec.__qualname__} ({distribution})"
                    )
    return entries


def _offered(function: Callable[[], Iterable[Any]], base: type[Spec], plugin: str) -> Iterable[type[Spec]]:
    """What one hook offers, checked."""
    hook = HOOKS[base.kind]
    try:
        offered = list(function())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{hook} of {plugin} failed: {_told(error)}") from error
    for spec in offered:
        if not (inspect.isclass(spec) and issubclass(spec, base)) or spec.is_kind():
            raise PluginError(
                f"{hook} of {plugin} offers {spec!r}; expected a subclass of {base.__name__} with a default `name`"
            )
        name = spec.model_fields["name"].default
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PluginError(f"{hook} of {plugin} offers the name {name!r}; expected letters, digits, `-` and `_`")
    return offered


_NAME = re.compile(r"[\w-]{1,80}")


def _told(error: BaseException, *obvious: type[BaseException]) -> str:
    """What was raised, in words; a kind that says nothing more than its words is left out."""
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({error.code!r})"
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - even its words may fail
        words = "(and its message cannot be read)"
    return words if isinstance(error, obvious) else f"{type(error).__name__}: {words}"


NO_PART_IN_NUMBERS = {
    *("__init__", "catalogue", "database", "errors", "failures", "hookspecs", "interrupts", "leases", "markers"),
    *(
        "migration",
        "predictions",
        "processes",
        "records",
        "results",
        "schema",
        "session",
        "sources",
        "store",
        "testing",
        "upkeep",
    ),
}
"""Modules of core that a trial's numbers do not depend on."""


@cache
def core_digest() -> str:
    """Hash of the sources in core that training runs: an engine that was changed never mixes with old results."""
    core = Path(__file__).parent / "core"
    files = [path for path in core.glob("*.py") if path.stem not in NO_PART_IN_NUMBERS]
    total = hashlib.sha256()
    for path in sorted([*files, *(core / "engine").glob("*.py")]):
        total.update(f"{path.relative_to(core)}\n".encode() + path.read_bytes())
    return total.hexdigest()[:16]


def load_file(path: Path) -> ModuleType:
    """Import a single-file plugin, and what it imports from its folder. Raises PluginError where that fails."""
    if not _is_file(path):
        raise PluginError(f"plugin file {path} does not exist")
    if path.suffix != ".py":
        raise PluginError(f"plugin file {path} is no Python file: expected the ending .py")
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"butfor_local_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise PluginError(f"plugin file {path} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        with _importable(path.parent):
            specification.loader.exec_module(module)
        _check_beside(path)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt | PluginError):
            raise
        raise PluginError(f"plugin file {path} failed: {_told(error)}") from error
    return module


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Files in `folder` can be imported, after everything that Python knows already."""
    entry = str(folder.resolve())
    sys.path.append(entry)
    try:
        yield
    finally:
        sys.path.remove(entry)


def _check_beside(path: Path) -> None:
    """Raise PluginError where a file beside the plugin is meant, and another module of that name was imported."""
    folder = path.resolve().parent
    for file in imported_files(path.resolve(), folder):
        name = (file.parent if file.stem == "__init__" else file).relative_to(folder).with_suffix("").parts[0]
        known = getattr(sys.modules.get(name), "__file__", None)
        if file != path.resolve() and known is not None and not Path(known).resolve().is_relative_to(folder):
            raise PluginError(
                f"plugin file {path} imports '{name}', and Python knows that as {known}; rename {file.name}"
            )
