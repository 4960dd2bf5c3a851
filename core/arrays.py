"""Named arrays of a file: .npz, a folder of .npy, .safetensors, .parquet, .csv. Nothing is ever unpickled."""

from __future__ import annotations

import csv
import re
import warnings
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar
from zipfile import is_zipfile

import numpy as np
import pandas as pd
from safetensors import safe_open

from .errors import DataError, nearest
from .natural import natural_key
from .npy import Archive, check_room, read_npy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


Opened = TypeVar("Opened")

_SUFFIXES = (".npz", ".safetensors", ".parquet", ".csv")
_MOST_TEXT = 1 << 30
"""Bytes of a column of text, in which every row takes as much as the longest."""
_CSV_GROWTH = 2
"""Bytes in memory for each byte of a CSV, at least."""
_PARQUET_ENTRY = 8
"""Bytes in memory for each entry of a Parquet file, however few it takes there."""
_SAID = 300
"""Characters of a reader's own words, which may quote the file."""


class Column(NamedTuple):
    """An array as it stands in the file, and which of its entries the file leaves open."""

    entries: NDArray[np.generic]
    """(N, ...) numbers or text."""
    missing: NDArray[np.bool_]
    """Like `entries`: NaN, an empty text, or an empty cell of a table."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """The arrays of one file, read one at a time."""

    source: str
    """Name of the file, for messages."""
    names: tuple[str, ...]
    table: bool
    """Whether each name is a column of a table, so that features come as many columns."""
    fetch: Callable[[str], Column]

    def read(self, name: str, setting: str) -> Column:
        """The array of that name. Raises DataError, with the nearest name, where there is none or it is unreadable."""
        if name not in self.names:
            what = "column" if self.table else "array"
            raise DataError(f"{self.source} has no {what} '{name}'; {nearest(name, self.names)}", setting)
        try:
            return self.fetch(name)
        except Exception as error:
            if "allow_pickle" in str(error):
                said = f"'{name}' of {self.source} holds Python objects, which are never unpickled"
                raise DataError(f"{said}; save it as an array of numbers or of fixed-width text", setting) from None
            raise DataError(f"'{name}' of {self.source} cannot be read: {_words(error)}", setting) from error

    def numbers(self, name: str, setting: str) -> Column:
        """Like `read`, refusing what is neither a number nor true or false. Missing entries of any type are NaN."""
        column = self.read(name, setting)
        if column.entries.dtype.kind not in "fiub":
            shown = "text" if column.entries.dtype.kind == "U" else f"type {column.entries.dtype}"
            raise DataError(f"'{name}' of {self.source} is {shown}, not numbers{_example(column)}", setting)
        if column.entries.dtype.kind != "f" and column.missing.any():
            return Column(np.where(column.missing, np.nan, column.entries.astype(np.float64)), column.missing)
        return column

    def texts(self, name: str, setting: str) -> NDArray[np.str_]:
        """A column (N,) of names: text, or whole numbers as text. Raises DataError where a row has none."""
        values, missing = self.read(name, setting)
        if values.ndim != 1:
            raise DataError(f"'{name}' of {self.source} has shape {values.shape}; expected (N,)", setting)
        if missing.any():
            row = int(np.flatnonzero(missing)[0])
            raise DataError(
                f"'{name}' of {self.source} is empty in {int(missing.sum())} rows, first: row {row}", setting
            )
        if values.dtype.kind == "f":
            if not np.array_equal(values, np.round(np.asarray(values, np.float64))):
                raise DataError(f"'{name}' of {self.source} has fractions; expected text or whole numbers", setting)
            values = values.astype(np.int64)
        return values.astype(np.str_)

    def matching(self, wanted: Sequence[str], setting: str, *, apart: Collection[str]) -> tuple[str, ...]:
        """Names with every pattern (`audio_*`) replaced by what it matches, in natural order, but for those `apart`."""
        found: list[str] = []
        for name in wanted:
            if name in self.names or "*" not in name:
                found.append(name)
                continue
            pattern = re.compile(".*".join(re.escape(piece) for piece in name.split("*")), re.DOTALL)
            matched = [known for known in self.names if pattern.fullmatch(known) and known not in apart]
            if not matched:
                raise DataError(f"nothing in {self.source} matches '{name}'; {nearest(name, self.names)}", setting)
            found += sorted(matched, key=natural_key)
        return tuple(dict.fromkeys(found))


@contextmanager
def open_arrays(path: Path, *, text: Collection[str] = ()) -> Iterator[Arrays]:
    """The arrays of `path`, by its suffix. Columns of a CSV that are named in `text` are not read as numbers.

    Raises DataError for a file that is missing, damaged, or of another kind.
    """
    if _is(path, "dir"):
        yield _folder(path)
        return
    _check_file(path)
    if path.suffix == ".npz":
        with closing(_opened(path, lambda: Archive(path))) as archive:
            yield Arrays(path.name, archive.names, table=False, fetch=lambda name: _column(archive.read(name)))
    elif path.suffix == ".safetensors":
        with _opened(path, lambda: safe_open(path, framework="numpy")) as archive:
            names = tuple(archive.keys())
            check_room(path.stat().st_size)
            yield Arrays(path.name, names, table=False, fetch=lambda name: _column(archive.get_tensor(name)))
    else:
        frame = _opened(path, lambda: _read_csv(path, text) if path.suffix == ".csv" else _read_parquet(path))
        names = tuple(str(name) for name in frame.columns)
        yield Arrays(path.name, names, table=True, fetch=lambda name: _series(frame.iloc[:, names.index(name)]))


def _check_file(path: Path) -> None:
    """Raise DataError where there is no file, or one that can be seen to be of another kind."""
    if not _is(path, "file"):
        folder = _is(path.parent, "dir")
        hint = nearest(path.name, _beside(path)) if folder else "neither does its folder"
        raise DataError(f"{path} does not exist" + (f"; {hint}" if hint else ""), "path")
    if path.suffix not in _SUFFIXES:
        known = f"expected {', '.join(_SUFFIXES)}, or a folder of .npy files"
        raise DataError(f"{path.name} has the unknown suffix '{path.suffix}'; {known}", "path")
    if path.suffix == ".npz" and not _opened(path, lambda: is_zipfile(path)):
        raise DataError(f"{path.name} is no zip archive: it is damaged, or not an .npz file", "path")


def _is(path: Path, what: Literal["dir", "file"]) -> bool:
    """Whether a folder or a regular file can be seen there; a path that no system could have is none."""
    try:
        return path.is_dir() if what == "dir" else path.is_file()
    except (OSError, ValueError):
        return False


def _beside(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return []


def _words(error: Exception) -> str:
    """What a reader says of a damaged file, whatever it raises."""
    said = str(error) or type(error).__name__
    return said if len(said) <= _SAID else f"{said[:_SAID]}..."


def _opened(path: Path, opening: Callable[[], Opened]) -> Opened:
    """What `opening` returns; raises DataError for a file that cannot be read."""
    try:
        return opening()
    except ImportError as error:
        raise DataError(f"{path.name} needs pyarrow: pip install 'butfor[parquet]'", "path") from error
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path.name} cannot be read: {_words(error)}", "path") from error


def _folder(path: Path) -> Arrays:
    files = {entry.stem: entry for entry in sorted(path.glob("*.npy"))}
    if not files:
        raise DataError(f"the folder {path} holds no .npy files", "path")
    return Arrays(path.name, tuple(files), table=False, fetch=lambda name: _column(read_npy(files[name])))


def _column(values: NDArray[np.generic]) -> Column:
    """Text as unicode; NaN and the empty text are missing."""
    if values.dtype.kind == "S":
        values = np.char.decode(values.astype(np.bytes_), "utf-8")
    if values.dtype.kind == "f":
        return Column(values, np.isnan(values))
    return Column(values, values == "" if values.dtype.kind == "U" else np.zeros(values.shape, bool))


def _read_csv(path: Path, text: Collection[str]) -> pd.DataFrame:
    check_room(_CSV_GROWTH * path.stat().st_size)
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    twice = sorted(name for name, number in Counter(header).items() if number > 1)
    if twice:
        raise DataError(f"{path.name} has more than one column '{twice[0]}'", "path")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # rows that are longer than the header
        warnings.filterwarnings("ignore", message="The 'float_precision'")  # pandas 3.1 is exact by itself, 2 is not
        return pd.read_csv(
            path,
            dtype=dict.fromkeys(set(text) & set(header), str),
            dtype_backend="numpy_nullable",
            encoding="utf-8-sig",
            float_precision="round_trip",  # the number that is written, to the last digit
            index_col=False,
            keep_default_na=False,  # a class may be called None or NA
            na_values=["", "nan", "NaN", "NAN"],
            low_memory=False,
        )


def _read_parquet(path: Path) -> pd.DataFrame:
    from pyarrow import parquet  # noqa: PLC0415 - an extra that only this kind of file needs

    with parquet.ParquetFile(path) as file:
        check_room(file.metadata.num_rows * file.metadata.num_columns * _PARQUET_ENTRY)
    frame = pd.read_parquet(path, engine="pyarrow", dtype_backend="numpy_nullable")
    return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()


def _series(column: pd.Series[str]) -> Column:
    """A column of a table, by its own type; what is neither numbers nor text is an error."""
    missing = column.isna().to_numpy(bool)
    if pd.api.types.is_bool_dtype(column):
        return Column(column.to_numpy(bool, na_value=False), missing)
    if pd.api.types.is_integer_dtype(column):
        return Column(column.to_numpy(np.int64, na_value=0), missing)
    if pd.api.types.is_float_dtype(column):
        return Column(column.to_numpy(np.float64, na_value=np.nan), missing)
    values = column.to_numpy(object, na_value="")
    odd = next((type(value).__name__ for value in values if not isinstance(value, str)), "")
    if odd:
        raise TypeError(f"expected a number or a text in each row, found {odd}")
    longest = max(map(len, values), default=0)
    if longest * len(values) * 4 > _MOST_TEXT:
        raise ValueError(f"{len(values):,} rows of text, of which one has {longest:,} characters, are too large")
    return Column(values.astype(np.str_), missing | (values == ""))


def _example(column: Column) -> str:
    """`, first: 'abc' in row 3`: what keeps text from being numbers."""
    if column.entries.dtype.kind != "U" or column.entries.ndim != 1:
        return ""
    for row, value in enumerate(column.entries.tolist()):
        try:
            float(value)
        except ValueError:
            if value:
                return f", first: '{value}' in row {row}"
    return ""
