"""A file of runs as lines of named values, each with its place: CSV, TSV, JSON, JSON lines, parquet."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...core.errors import Finding, StudyError
from ...core.study.limits import MAX_DIGITS
from ...core.study.locate import scalar
from ...core.study.tree import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ...core.study.problems import Problems
    from .mapping import Value

ABSENT = frozenset({"", "nan", "NaN", "NA", "N/A", "n/a", "None", "null", "-"})
"""Words that stand for no value."""
_WORDS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_PARQUET = "reading parquet needs pyarrow: pip install 'butfor[parquet]'"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file: what its columns hold."""

    values: dict[str, Value]
    file: str
    number: int
    """In the file, from 1 on; in parquet the row."""
    starts: tuple[int, ...] = ()
    """Where each column starts, from 1 on; empty where it is not known."""
    columns: tuple[str, ...] = ()
    run: int = 0
    """Which of the runs it is, from 1 on, where a line of the file may hold many or none; 0 where each line is one."""

    @property
    def name(self) -> str:
        """`line 3`, or `run 3` where lines say nothing."""
        return f"run {self.run}" if self.run else f"line {self.number}"

    def wrong(self, problems: Problems, words: str, column: str = "", remedy: str = "") -> None:
        """Write down what is wrong with it, with its place."""
        told = f"run {self.run}: {words}" if self.run else words
        problems.add(self.place(column), told, column, remedy, code="")

    def place(self, column: str = "") -> Place:
        """Where a value of it stands."""
        known = dict(zip(self.columns, self.starts, strict=False))
        return Place(self.file, self.number, known.get(column, 1))


@dataclass(slots=True)
class Source:
    """All lines of the file."""

    file: str
    columns: tuple[str, ...] = ()
    lines: list[Line] = field(default_factory=list)


def read_source(path: Path, problems: Problems) -> Source:
    """The lines of a file of runs. Raises StudyError for one that cannot be read or is of no known kind."""
    readers: dict[str, Callable[[Path, Problems], Source]] = {
        ".csv": _csv,
        ".tsv": _csv,
        ".json": _json,
        ".jsonl": _json_lines,
        ".parquet": _parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise StudyError(
            Finding(f"is no file of runs: its name must end in {', '.join(readers)}", str(path), code="BF801")
        )
    try:
        return reader(path, problems)
    except RecursionError:
        raise StudyError(Finding("is nested too deeply for a file of runs", str(path), code="BF801")) from None
    except UnicodeDecodeError as error:
        raise StudyError(
            Finding(f"is not UTF-8 ({error.reason} at byte {error.start})", str(path), code="BF801")
        ) from None
    except OSError as error:
        raise StudyError(Finding(f"cannot be read: {error.strerror or error}", str(path), code="BF106")) from None


def value_of(text: str) -> Value:
    """What a field of text means: a number, true or false, nothing, or the text."""
    bare = text.strip()
    if bare in ABSENT:
        return None
    if len(bare) > MAX_DIGITS:  # a number that long is none that anything could be done with
        return bare
    if bare in _WORDS:
        return _WORDS[bare]
    found = scalar(bare)
    return bare if isinstance(found, str | None) else _number(found)


def _number(value: int | float) -> int | float | None:  # noqa: PYI041 - mypy takes every float for no int
    """Whole numbers are whole, however they were written, so that 32 and 32.0 are one setting; NaN is nothing."""
    if isinstance(value, bool) or math.isnan(value):
        return value if isinstance(value, bool) else None
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _csv(path: Path, problems: Problems) -> Source:
    text = path.read_text(encoding="utf-8-sig")
    head = text.partition("\n")[0]
    mark = "\t" if path.suffix.lower() == ".tsv" else ";" if head.count(";") > head.count(",") else ","
    raw = text.splitlines()
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    columns: tuple[str, ...] = ()
    source, last = Source(str(path)), 0
    for fields in rows:
        number, last = last + 1, rows.line_num
        if not any(one.strip() for one in fields):
            continue
        starts = _starts(raw[number - 1], mark) if last == number else ()
        if not columns:
            columns = tuple(one.strip() for one in fields)
            _check_columns(columns, Line({}, str(path), number, starts, columns), problems)
        elif len(fields) != len(columns):
            words = f"has {len(fields)} fields, and the first line names {len(columns)} columns"
            problems.add(Place(str(path), number, 1), words, code="")
        else:
            named = {name: value_of(one) for name, one in zip(columns, fields, strict=True) if name}
            source.lines.append(Line(named, str(path), number, starts, columns))
    source.columns = tuple(name for name in columns if name)
    return _not_empty(source)


def _check_columns(columns: Sequence[str], line: Line, problems: Problems) -> None:
    for name in dict.fromkeys(name for name in columns if name and columns.count(name) > 1):
        problems.add(line.place(name), f"column '{name}' is there {columns.count(name)} times", code="")


def _starts(line: str, mark: str) -> tuple[int, ...]:
    """Where each field of a line starts, from 1 on."""
    starts, quoted = [1], False
    for place, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == mark and not quoted:
            starts.append(place + 2)
    return tuple(starts)


def _json(path: Path, problems: Problems) -> Source:
    text = path.read_text(encoding="utf-8-sig")
    read, at = _decoder().raw_decode, _skip(text, 0)
    if text[at : at + 1] != "[":
        raise StudyError(Finding("must be a list of runs, each {column: value}", str(path), 1, 1, code="BF801"))
    found, at = list[tuple[int, Any]](), _skip(text, at + 1)
    line, counted = 1, 0
    while text[at : at + 1] not in {"]", ""}:
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = read(text, at)
        except json.JSONDecodeError as error:
            words = f"run {len(found) + 1} is no JSON: {error.msg}"
            raise StudyError(Finding(words, str(path), error.lineno, error.colno, code="BF801")) from None
        found.append((line, value))
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at : at + 1] == "," else at
    if text[at : at + 1] != "]":
        words = f"ends within its list, after run {len(found)}"
        raise StudyError(Finding(words, str(path), text.count("\n") + 1, 1, code="BF801"))
    return _of_records(path, found, problems)


_TWICE = object()
"""In the place of a value of which a run has several."""


def _decoder() -> json.JSONDecoder:
    """One that shows which keys are there twice, and stumbles over no number."""

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in pairs)
        return {name: value if counts[name] == 1 else _TWICE for name, value in pairs}

    return json.JSONDecoder(object_pairs_hook=mapping, parse_int=value_of)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _json_lines(path: Path, problems: Problems) -> Source:
    found, decoder = [], _decoder()
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if line.strip():
            try:
                found.append((number, decoder.decode(line)))
            except json.JSONDecodeError as error:
                problems.add(Place(str(path), number, error.colno), f"is no JSON: {error.msg}", code="")
    return _of_records(path, found, problems)


def _parquet(path: Path, problems: Problems) -> Source:
    try:
        from pyarrow import ArrowInvalid, parquet  # noqa: PLC0415 - an extra, read for this alone
    except ImportError:
        raise StudyError(Finding(_PARQUET, str(path), code="BF801")) from None
    try:
        rows = parquet.read_table(path).to_pylist()
    except ArrowInvalid as error:
        raise StudyError(Finding(f"is no parquet: {error}", str(path), code="BF801")) from None
    return _of_records(path, [(number, row) for number, row in enumerate(rows, start=1)], problems)


def _of_records(path: Path, records: Sequence[tuple[int, Any]], problems: Problems) -> Source:
    """Lines of {column: value}; a mapping inside is flattened, `config: {lr: 1}` to `config.lr`."""
    source = Source(str(path))
    columns: dict[str, None] = {}
    for run, (number, record) in enumerate(records, start=1):
        line = Line({}, str(path), number, run=0 if path.suffix.lower() == ".jsonl" else run)
        if not isinstance(record, dict):
            line.wrong(problems, "is no run: expected {column: value}")
            continue
        for name, value in _flat(record, ""):
            if value is _TWICE or name in line.values:
                line.wrong(problems, f"'{name}' is there more than once")
            elif isinstance(value, str):
                line.values[name] = value_of(value)
            elif value is None or isinstance(value, bool | int | float):
                line.values[name] = _number(value) if isinstance(value, int | float) else value
            else:
                line.wrong(problems, f"is a {type(value).__name__}; expected a number, a word or true", name)
        columns |= dict.fromkeys(line.values)
        source.lines.append(line)
    source.columns = tuple(columns)
    for line in source.lines:
        line.values.update({name: None for name in columns if name not in line.values})
    return _not_empty(source)


def _flat(record: dict[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _not_empty(source: Source) -> Source:
    if not source.lines:
        raise StudyError(Finding("has no runs", source.file, code="BF801"))
    return source
