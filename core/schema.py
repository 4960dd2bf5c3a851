"""Tables of the run store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, MetaData, String, Table, Text

VERSION = 3
"""Of the tables below; a store says which one it has."""

SCHEMA = MetaData()

version_table = Table("butfor_store", SCHEMA, Column("version", Integer, primary_key=True))

trials = Table(
    "trials",
    SCHEMA,
    Column("key", String(128), primary_key=True),
    Column("cell", String(128), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("fold", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("owner", String(32)),
    Column("selected_epoch", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("finished_at", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("predictions", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("log", Text, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("provenance", Text, nullable=False),
    Column("curve", Text, nullable=False),
)
"""A row a trial, from the moment that it is asked for. `owner` is the runner that trains it now. `predictions` is the
checksum of its file. `sha256` is of the whole row of a finished trial. What is plain data is JSON."""

studies = Table(
    "studies",
    SCHEMA,
    Column("study", String(255), primary_key=True),
    Column("key", ForeignKey(trials.c.key), primary_key=True, index=True),
)
"""Which study asks for which trial."""

runners = Table(
    "runners",
    SCHEMA,
    Column("owner", String(32), primary_key=True),
    Column("beat", Integer, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("boot", String(64), nullable=False),
    Column("start", String(32), nullable=False),
    Column("since", String(32), nullable=False),
)
"""Runners at work. `beat` is counted up for as long as one lives; no clock decides whether it does."""

evidence = Table(
    "evidence",
    SCHEMA,
    Column("study", String(255), primary_key=True),
    Column("cell", String(128), primary_key=True),
    Column("phase", String(16), primary_key=True),
    Column("identity", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("records", Text, nullable=False),
)
"""Whether each ablation took effect: what was seen of a cell `before`, `during` or `after` training, as JSON; an empty
list where nothing was to be said. `identity` is a hash of what it follows from, `sha256` is of the row."""
