"""An archive of a study put back: its plan, rows and predictions beside others, checked against their checksums."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import insert, select

from ...core.errors import Finding, StoreError, StudyError
from ...core.predictions import PREDICTIONS, predictions_file
from ...core.records import fault
from ...core.schema import VERSION, evidence, studies, trials
from ...core.store import UNFINISHED, Store, chunks, store_of
from ...core.study.plan import Plan
from ..looked import remembered
from ..rebuild import study_folder, write_plan
from .archive import EVIDENCE, FORM, MANIFEST, PLAN, SOURCE, TRIALS, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection

_PART = r"[^\W_.][\w .()+-]*"
_NAMES = re.compile(
    rf"{MANIFEST}|{VERSIONS}|{PLAN}|{TRIALS}|{EVIDENCE}|{PREDICTIONS}/[0-9a-f]{{8,128}}\.safetensors|"
    rf"{SOURCE}/(?:{_PART}/)*{_PART}"
)
"""What may lie in an archive, so that nothing is ever written elsewhere."""
_MOST = 64 << 30
"""Bytes of an archive when it is opened out; a bomb says more."""


@dataclass(frozen=True, slots=True)
class Archived:
    """An archive that was read and found whole."""

    plan: Plan
    file: str
    """Name of the study's file."""
    rows: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    predictions: dict[str, bytes]
    sources: dict[str, bytes]
    """{path under the study's folder: content}."""


def read_archive(path: Path) -> Archived:
    """The archive in a file. Raises StudyError for one that is none, StoreError for one that is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _MOST:
                raise StudyError(Finding("is larger than any study", str(path), code="BF803"))
            odd = next((name for name in packed.namelist() if not _NAMES.fullmatch(name)), None)
            if odd is not None:
                raise StudyError(Finding(f"is no archive of a study: it holds {odd!r}", str(path), code="BF803"))
            files = {name: packed.read(name) for name in packed.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        words = f"is no archive of a study, or was cut off on its way: {error}"
        raise StudyError(Finding(words, str(path), code="BF803")) from None
    except OSError as error:
        raise StudyError(Finding(f"cannot be read: {error.strerror or error}", str(path), code="BF106")) from None
    return _checked(files, path)


def restore(found: Archived, out: Path) -> tuple[Path, int]:
    """Put it into a folder of results: (the study's file there, trials that are new). Replaces no trial that is there.

    Raises StoreError where the folder has another file of the study, or cannot be written.
    """
    folder = study_folder(found.plan.study, out) / SOURCE
    for name, content in found.sources.items():
        _write(folder / name, content)
    with Store.open(store_of(out)) as store:
        keys = [row["key"] for row in found.rows]
        standing = store.states(keys)
        fresh = [row for row in found.rows if standing.get(row["key"], "pending") in UNFINISHED]
        for row in fresh:
            if row["predictions"]:
                target = predictions_file(out / PREDICTIONS, row["key"])
                _write(target, found.predictions[row["key"]])
        store.do(lambda connection: _insert(connection, found, fresh), write=True)
    write_plan(remembered(found.plan, out), out)
    return folder / found.file, len(fresh)


def _checked(files: dict[str, bytes], path: Path) -> Archived:
    """The parts of the archive, each as it was when it was written."""
    try:
        manifest = json.loads(files[MANIFEST])
        digests = manifest["sha256"]
        if manifest["archive"] > FORM or json.loads(files[VERSIONS])["store"] != VERSION:
            raise StoreError(f"'{path}' was made by another version of butfor; read it with the one that wrote it")
        wrong = [name for name in {*digests, *files} - {MANIFEST} if _sha(files.get(name)) != digests.get(name)]
        if wrong:
            raise StoreError(f"'{path}' is damaged: {min(wrong)} is not what was written")
        rows = [{**json.loads(line), "owner": None} for line in files[TRIALS].splitlines()]
        told = [json.loads(line) for line in files[EVIDENCE].splitlines()]
        plan = Plan.model_validate_json(files[PLAN])
        file = manifest["file"].removeprefix(f"{SOURCE}/")
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise StudyError(
            Finding(f"is no archive of a study: {type(error).__name__}: {error}", str(path), code="BF803")
        ) from None
    for row in rows:
        if said := fault(row):
            raise StoreError(f"'{path}' is damaged: trial '{row['key']}': {said}")
    named = {
        name.rpartition("/")[2][: -len(".safetensors")]: files[name] for name in files if name.startswith(PREDICTIONS)
    }
    sources = {name.removeprefix(f"{SOURCE}/"): files[name] for name in files if name.startswith(f"{SOURCE}/")}
    return Archived(plan, file, rows, told, named, sources)


def _sha(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _insert(connection: Connection, found: Archived, fresh: Sequence[dict[str, Any]]) -> None:
    """Rows, links and evidence, in one transaction."""
    for chunk in chunks(row["key"] for row in fresh):
        connection.execute(trials.delete().where(trials.c.key.in_(chunk)))  # those that only waited
    if fresh:
        connection.execute(insert(trials), list(fresh))
    study = found.plan.study
    known = set(connection.scalars(select(studies.c.key).where(studies.c.study == study)))
    links = [{"study": study, "key": row["key"]} for row in found.rows if row["key"] not in known]
    if links:
        connection.execute(insert(studies), links)
    if found.evidence:
        connection.execute(evidence.delete().where(evidence.c.study == study))
        connection.execute(insert(evidence), found.evidence)


def _write(path: Path, content: bytes) -> None:
    """A file of the study; one that is there and another one is left alone."""
    try:
        if path.exists() and path.read_bytes() != content:
            raise StoreError(f"'{path}' is there already and differs; give another --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise StoreError(f"cannot write '{path}': {error.strerror or error}") from None
