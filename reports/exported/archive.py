"""One archive of a study: all that its tables need elsewhere, in bytes that are the same whenever it is made.

A zip of `manifest.json` (sha256 of every other file), `versions.json`, `plan.json`, `source/` (the study file, what it
includes, its own plugins), `trials.jsonl` and `evidence.jsonl` (rows of the store, each with its checksum) and
`predictions/`.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ...core.errors import StoreError, StudyError
from ...core.predictions import PREDICTIONS, predictions_file
from ...core.schema import VERSION, evidence, trials
from ...core.store import UNFINISHED, Store, chunks, store_of
from ...core.study.layers import declared_plugins, layers, load_text
from ...core.study.locate import read
from ...core.study.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from ...core.study.plan import Plan

FORM = 1
"""Of the archive; a reader refuses one that is newer."""
MANIFEST, VERSIONS, PLAN, TRIALS, EVIDENCE, SOURCE = (
    "manifest.json",
    "versions.json",
    "plan.json",
    "trials.jsonl",
    "evidence.jsonl",
    "source",
)
_TIME = (1980, 1, 1, 0, 0, 0)


def archive(plan: Plan, file: Path, out: Path) -> bytes:
    """The archive of the study in `file` from its plan and the results in `out`. Raises StoreError, StudyError."""
    with Store.open(store_of(out), create=False) as store:
        rows = store.do(lambda connection: _trials(connection, [trial.key for trial in plan.trials]))
        told = store.do(lambda connection: _evidence(connection, plan.study))
    files = {
        VERSIONS: _json(_versions()),
        PLAN: plan.model_dump_json(indent=1).encode(),
        TRIALS: b"".join(_line(row) for row in rows),
        EVIDENCE: b"".join(_line(row) for row in told),
        **{f"{SOURCE}/{name}": content for name, content in _sources(file).items()},
    }
    for row in rows:
        if row["predictions"]:
            path = predictions_file(out / PREDICTIONS, row["key"])
            files[f"{PREDICTIONS}/{path.name}"] = _checked(path, row["predictions"])
    manifest = {"archive": FORM, "study": plan.study, "file": f"{SOURCE}/{file.name}"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    return _zipped({MANIFEST: _json({**manifest, "sha256": digests}), **files})


def _trials(connection: Connection, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Rows that have ended, by key."""
    found: list[dict[str, Any]] = []
    for chunk in chunks(sorted(keys)):
        ended = trials.c.key.in_(chunk), trials.c.state.not_in(UNFINISHED)
        found += [dict(row) for row in connection.execute(select(trials).where(*ended)).mappings()]
    return sorted(found, key=lambda row: row["key"])


def _evidence(connection: Connection, study: str) -> list[dict[str, Any]]:
    rows = connection.execute(select(evidence).where(evidence.c.study == study)).mappings()
    return sorted((dict(row) for row in rows), key=lambda row: (row["cell"], row["phase"]))


def _sources(file: Path) -> dict[str, bytes]:
    """{path from the study's folder: content} of the study, of the files that it includes and of its own plugins."""
    try:
        text = load_text(file)
        home = file.resolve().parent
        paths = {file.resolve()}
        paths |= {Path(layer.place.file).resolve() for layer in layers(read(text, str(file)), {}, Problems())}
        paths |= {path.resolve() for path, _ in declared_plugins(text, str(file))}
        inside = {path for path in paths if path.is_relative_to(home) and path.is_file()}
        return {path.relative_to(home).as_posix(): path.read_bytes() for path in sorted(inside)}
    except OSError as error:
        raise StudyError(f"{file}: cannot be read: {error.strerror or error}") from None


def _checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read '{path}': {error.strerror or error}") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoreError(f"'{path}' is damaged (its checksum differs); delete it and train the trial again")
    return content


def _versions() -> dict[str, Any]:
    found: dict[str, Any] = {"store": VERSION, "python": platform.python_version()}
    for name in ("butfor", "torch", "numpy", "pandas", "scipy", "statsmodels"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _line(row: Mapping[str, Any]) -> bytes:
    kept = {name: value for name, value in row.items() if name != "owner"}  # nobody trains it
    return (json.dumps(kept, sort_keys=True) + "\n").encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip without a time of day: the manifest first, then by name."""
    stream = io.BytesIO()
    names: Iterable[str] = [MANIFEST, *sorted(name for name in files if name != MANIFEST)]
    with zipfile.ZipFile(stream, "w") as packed:
        for name in names:
            entry = zipfile.ZipInfo(PurePosixPath(name).as_posix(), _TIME)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            packed.writestr(entry, files[name], compresslevel=6)
    return stream.getvalue()
