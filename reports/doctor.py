"""Is this machine ready? Python, packages, torch, threads, plugins, the store, the disk, and traps of the environment.

Torch is looked at in a process of its own, so that a broken one is a line in the list and not a crash.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from packaging.requirements import Requirement

from ..core.errors import ButforError
from ..core.store import Store, store_of
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..core.catalogue import Catalogue

PROJECT = "butfor"
_FOR_DEVELOPERS = {"test", "dev"}
_GIB = 1 << 30
_LOW, _EMPTY = 2 * _GIB, _GIB // 10
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LONGEST_S = 120
_PROBE = """
import json, torch
cuda = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
mps = torch.backends.mps.is_available()
print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(), "cuda": cuda, "mps": mps}))
"""


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was looked at."""

    check: str
    state: Literal["ok", "note", "wrong"]
    value: str
    remedy: str = ""


def examine(out: Path, catalogue: Callable[[], Catalogue]) -> Iterator[Sign]:
    """Look at everything; `catalogue` loads the plugins, `out` is the folder of results."""
    yield from _python()
    yield from _packages()
    yield from _torch()
    yield from _machine()
    yield from _plugins(catalogue)
    yield from _store(store_of(out))
    yield from _disk(out)
    yield from _environment(os.environ)


def text(signs: list[Sign]) -> str:
    """A line for each sign; below it what to do."""
    width = max(len(sign.check) for sign in signs)
    lines = []
    for sign in signs:
        lines.append(f"{sign.state:<5}  {sign.check:<{width}}  {plain(sign.value)}")
        if sign.remedy:
            lines.append(f"{'':<5}  {'':<{width}}  -> {plain(sign.remedy)}")
    wrong = sum(sign.state == "wrong" for sign in signs)
    return "\n".join(
        [*lines, "", f"{wrong} things are wrong" if wrong > 1 else f"{'one thing' if wrong else 'nothing'} is wrong"]
    )


def records(signs: list[Sign]) -> list[dict[str, str]]:
    """The same for programs."""
    return [asdict(sign) for sign in signs]


def _python() -> Iterator[Sign]:
    yield Sign("butfor", "ok", f"{version(PROJECT)}, {Path(__file__).parents[1]}")
    yield Sign("python", "ok", f"{platform.python_version()}, {sys.executable}, {platform.platform(terse=True)}")


def _packages() -> Iterator[Sign]:
    """Whether what butfor needs is here, in a version that it knows; what its extras would add."""
    needs = [Requirement(line) for line in requires(PROJECT) or ()]
    always = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    missing = [said for need in always if (said := _lacking(need))]
    remedy = "pip install --upgrade butfor" if missing else ""
    yield Sign("packages", "wrong" if missing else "ok", "; ".join(missing) or "all here, in known versions", remedy)
    for extra in sorted(set(metadata(PROJECT).get_all("Provides-Extra") or ()) - _FOR_DEVELOPERS):
        for need in needs:
            if need not in always and need.marker is not None and need.marker.evaluate({"extra": extra}):
                said = _lacking(need)
                remedy = f"pip install 'butfor[{extra}]'" if said else ""
                yield Sign(
                    f"extra {extra}", "note" if said else "ok", said or f"{need.name} {version(need.name)}", remedy
                )


def _lacking(need: Requirement) -> str:
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return f"{need.name} is not installed"
    known = need.specifier.contains(found, prereleases=True)
    return "" if known else f"{need.name} {found} is installed; expected {need.specifier}"


def _torch() -> Iterator[Sign]:
    told = _probed()
    if isinstance(told, str):
        yield Sign("torch", "wrong", told, "install it again: pip install --force-reinstall torch")
        return
    yield Sign("torch", "ok", told["version"])
    others = f"--device cuda takes {told['cuda'][0]}" if told["cuda"] else "mps is not used" if told["mps"] else ""
    yield Sign("device", "ok", f"cpu; {others}" if others else "cpu")
    yield Sign("threads", "ok", f"torch takes {told['threads']}; worker processes take one each")


def _probed() -> dict[str, Any] | str:
    """What torch says of itself, or why it says nothing."""
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, with a text of our own
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot be asked: {type(error).__name__}"
    if done.returncode:
        last = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return f"cannot be imported: {last[-1]}"
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _machine() -> Iterator[Sign]:
    cores = _cores()
    yield Sign("cores", "ok", f"{cores} of {os.cpu_count() or cores} for this process")
    methods = multiprocessing.get_all_start_methods()
    there = "forkserver" in methods
    yield Sign("workers", "ok" if there else "note", "forkserver" if there else f"no forkserver, {methods[0]} instead")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plugins(catalogue: Callable[[], Catalogue]) -> Iterator[Sign]:
    try:
        found = catalogue()
    except (ButforError, ImportError, OSError) as error:
        yield Sign("plugins", "wrong", f"{type(error).__name__}: {error}", "mend or uninstall the plugin that is named")
        return
    origins: dict[str, int] = {}
    for _, entry in found:
        origin = f"{entry.distribution} {entry.version}".strip()
        origins[origin] = origins.get(origin, 0) + 1
    yield Sign("plugins", "ok", ", ".join(f"{number} from {origin}" for origin, number in origins.items()))
    for point, reason in found.failures.items():
        yield Sign(f"plugin {point}", "wrong", f"not loaded: {reason}", "mend or uninstall it")


def _store(where: Path | str) -> Iterator[Sign]:
    """Whether every row of the store is what was written, and how many trials each study has."""
    if isinstance(where, Path) and not where.exists():
        yield Sign("store", "ok", f"none yet at {where}")
        return
    try:
        with Store.open(where, create=False) as store:
            studies, name = store.studies(), store.name
    except ButforError as error:
        yield Sign("store", "wrong", str(error))
        return
    told = ", ".join(f"{study} {number}" for study, number in studies.items())
    yield Sign("store", "ok", f"{name}, sound; trials: {told or 'none'}")


def _disk(out: Path) -> Iterator[Sign]:
    folder = next(one for one in (out.resolve(), *out.resolve().parents) if one.exists())
    free = shutil.disk_usage(folder).free
    state: Literal["ok", "note", "wrong"] = "wrong" if free < _EMPTY else "note" if free < _LOW else "ok"
    yield Sign("disk", state, f"{free / _GIB:.1f} GiB free at {folder}", "" if state == "ok" else "make room")
    if not os.access(folder, os.W_OK):
        yield Sign("folder", "wrong", f"{folder} cannot be written", "name another --out")


def _environment(variables: Mapping[str, str]) -> Iterator[Sign]:
    """Settings around the process that surprise people."""
    traps = [sign for name in _THREADS if (sign := _threads(name, variables.get(name))) is not None]
    if variables.get("PYTHONOPTIMIZE"):
        traps.append(Sign("PYTHONOPTIMIZE", "note", "assertions are off, also those of plugins' own tests", "unset it"))
    if variables.get("CUDA_VISIBLE_DEVICES") == "":
        traps.append(Sign("CUDA_VISIBLE_DEVICES", "note", "empty: every GPU is hidden", "unset it to use them"))
    yield from traps or [Sign("environment", "ok", "no variable that surprises")]


def _threads(name: str, said: str | None) -> Sign | None:
    if said is None:
        return None
    if not said.isdecimal() or int(said) < 1:
        return Sign(name, "wrong", f"'{said}' is no number of threads", f"unset it, or {name}=1")
    if int(said) > _cores():
        return Sign(name, "note", f"{said} threads on {_cores()} cores slow each other down", "unset it, or lower it")
    return Sign(name, "ok", said)
