"""Bringing an older run store to the present tables, in one transaction, with every row of it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData, Table, insert, select, update

from .errors import StoreError
from .predictions import PREDICTIONS, is_key, predictions_file
from .records import EMPTY, digest, readable
from .schema import SCHEMA, VERSION, evidence, studies, trials, version_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy import Connection

_FIRST, _WITHOUT_EVIDENCE = 1, 2


def migrate(connection: Connection, found: int, path: Path | None) -> int:
    """The version after bringing over a store of version `found`; a newer one is left as it is."""
    if found >= VERSION:
        return found
    if found == _WITHOUT_EVIDENCE:
        evidence.create(connection)
        connection.execute(update(version_table).values(version=VERSION))
        return VERSION
    if found != _FIRST:
        raise StoreError(f"'{path}' is a run store of version {found}, which never was: put a copy of it back")
    old = MetaData()
    old.reflect(connection, only=["trials", "metrics", "studies"])
    rows = [_brought_over(row, path) for row in _with_metrics(connection, old.tables)]
    links = [dict(link) for link in connection.execute(select(old.tables["studies"])).mappings()]
    old.drop_all(connection)
    SCHEMA.create_all(connection)
    for table, content in ((trials, rows), (studies, links)):
        if content:
            connection.execute(insert(table), content)
    connection.execute(update(version_table).values(version=VERSION))
    return VERSION


def _with_metrics(connection: Connection, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Rows of version 1, which kept metrics in a table of their own."""
    rows = {row["key"]: dict(row) for row in connection.execute(select(tables["trials"])).mappings()}
    for row in rows.values():
        row["metrics"] = {split: {} for split in _json(row["splits"])}
    metrics = tables["metrics"]
    for key, split, metric, value in connection.execute(
        select(metrics.c.key, metrics.c.split, metrics.c.metric, metrics.c.value).order_by(metrics.c.place)
    ):
        rows[key]["metrics"][split][metric] = str(value) if value in {float("inf"), float("-inf")} else value
    return list(rows.values())


def _brought_over(old: Mapping[str, Any], path: Path | None) -> dict[str, Any]:
    row = EMPTY | {name: old[name] for name in ("key", "cell", "seed", "state", "selected_epoch", "seconds")}
    row |= {name: json.dumps(_json(old[name])) for name in ("metrics", "settings", "provenance", "curve")}
    row |= {"fold": readable(old["fold"]), "message": readable(old["message"]), "finished_at": old["finished_at"]}
    row |= {"kind": "error" if old["state"] == "failed" else "", "attempts": 1, "identity": "{}"}
    if path is not None and is_key(old["key"]):
        file = predictions_file(path.parent / PREDICTIONS, old["key"])
        row["predictions"] = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    return row | {"sha256": digest(row)}


def _json(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Reflection gives the text of a JSON column, or what it says."""
    return json.loads(value) if isinstance(value, str) else value
