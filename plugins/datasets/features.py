"""Features that were extracted before: arrays of an .npz, a folder of .npy, a .safetensors, .parquet or .csv file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, PrivateAttr, field_validator, model_validator

from ...core import DataError, Dataset, DatasetSpec, hookimpl
from ...core.arrays import Arrays, open_arrays
from ...core.errors import nearest
from ...core.frames import blank, check_finite, checked_lengths, checked_presence, trim
from ...core.labels import TaskColumn, read_task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_UTTERANCE, _FRAMES = 2, 3  # axes of (N, D) and (N, T, D)
_LONG_FORM = ("array", "lengths", "present")


def _tell_short_forms(schema: dict[str, Any]) -> None:
    """What `_short_forms` takes, for editors: a word or the long form in place of a list of arrays."""
    word = {"type": "string"}
    long = {"type": "object", "properties": {key: {} for key in _LONG_FORM}, "additionalProperties": False}
    whole = schema["properties"]["modalities"]
    whole["additionalProperties"] = {"anyOf": [word, whole["additionalProperties"], long]}


class FeaturesSpec(DatasetSpec):
    """Features of each row, one array (or many columns) a modality, with labels, groups and official parts beside."""

    model_config = ConfigDict(json_schema_extra=_tell_short_forms)

    name: Literal["features"] = "features"

    path: str = ""
    """The file, or a folder of .npy files (one an array). Relative to the study's file."""

    modalities: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """{modality: array (N, D) or (N, T, D)}, in the order that models see. For tables and several arrays: a list of
    columns, or a pattern (`audio_*`: all that match and have no other use, in natural order, 2 before 10), put side by
    side. Long form: `{array: audio, lengths: audio_len, present: has_audio}`."""

    task: dict[str, TaskColumn] = Field(default_factory=dict)
    """{task: array (N,) of labels}, or `{array: ..., kind: classes | values, classes: [...], missing: -1, span: 3}`."""

    lengths: dict[str, str] = Field(default_factory=dict)
    """{modality: array (N,) of numbers of valid frames}, or `auto`: all-zero frames at either end are padding. A row of
    length 0 is absent. A modality that is left out has T valid frames in each row."""

    present: dict[str, str] = Field(default_factory=dict)
    """{modality: array (N,) of true or false}: whether it was recorded. A modality that is left out is always present;
    rows of zeros are never taken for absent ones."""

    groups: str | None = None
    """Array (N,) of the speaker, video or participant of each row."""

    split: str | None = None
    """Array (N,) of the official part of each row: train, valid, test, ..."""

    ids: str | None = None
    """Array (N,) of the names of the rows, each only once."""

    _folder: Path = PrivateAttr(default_factory=Path)

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's signature
        """Remember the folder of the study's file, which is no part of what the study says."""
        folder = (context or {}).get("folder")
        if folder is not None:
            self._folder = Path(folder)

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: object) -> object:
        """Every modality becomes its list of arrays; what the long form says of it goes to `lengths` and `present`."""
        if not isinstance(value, dict) or not isinstance(value.get("modalities"), dict):
            return value
        filled = {key: dict(part) if isinstance(part, dict) else part for key, part in value.items()}
        for modality, said in filled["modalities"].items():
            if isinstance(said, dict):
                _spread(filled, modality, said)
        arrays = {m: (said,) if isinstance(said, str) else said for m, said in filled["modalities"].items()}
        for key in ("lengths", "present"):
            if isinstance(filled.get(key), dict):  # one order, however it is said
                filled[key] = {m: filled[key][m] for m in [*arrays, *filled[key]] if m in filled[key]}
        return filled | {"modalities": arrays}

    @field_validator("modalities")
    @classmethod
    def _names_and_arrays(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for modality, arrays in value.items():
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", modality):
                raise ValueError(f"modality '{modality}': a name is a letter, then letters, digits, _ or -")
            if not arrays:
                raise ValueError(f"modality '{modality}' names no array")
        return value

    @field_validator("task")
    @classmethod
    def _names_of_tasks(cls, value: dict[str, TaskColumn]) -> dict[str, TaskColumn]:
        for task in value:
            if not re.fullmatch(r"[\w-]{1,80}", task):
                raise ValueError(f"task '{task}': a name is letters, digits, _ or -")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> FeaturesSpec:
        for title, said in (("lengths", self.lengths), ("present", self.present)):
            for modality in said:
                if modality not in self.modalities:
                    raise ValueError(
                        f"`{title}`: unknown modality '{modality}'; {nearest(modality, list(self.modalities))}"
                    )
        labels = {column.array: name for name, column in self.task.items()}
        for modality, arrays in self.modalities.items():
            for array in arrays:
                if array in labels:
                    raise ValueError(
                        f"modality '{modality}' reads '{array}', which is the label of task '{labels[array]}'"
                    )
        return self

    def modality_names(self) -> tuple[str, ...]:
        """As the study names them, in its order."""
        return tuple(self.modalities)

    def location(self) -> Path:
        """The file or folder, relative paths taken from the folder of the study's file. Raises DataError for `~who`."""
        try:
            return self._folder / Path(self.path).expanduser()
        except RuntimeError as error:
            raise DataError(f"'{self.path}': {error}", "path") from None

    def load(self) -> Dataset:
        """Read the file. Raises DataError, naming the setting, for whatever is not as described."""
        for setting in ("path", "modalities", "task"):
            if not getattr(self, setting):
                raise DataError(f"the data set says no `{setting}`", setting)
        text = [column for column in (self.groups, self.split, self.ids) if column is not None]
        with open_arrays(self.location(), text=text) as arrays:
            features, lengths, present = {}, {}, {}
            for modality in self.modalities:
                features[modality], lengths[modality], present[modality] = self._modality(arrays, modality)
            rows = _same_rows(features)
            tasks = {name: read_task(arrays, name, column) for name, column in self.task.items()}
            for name, (_, target, _) in tasks.items():
                _check_rows(f"task '{name}'", len(target), rows, "task")
            named = {title: self._names(arrays, title, rows) for title in ("groups", "split", "ids")}
        _check_ids(named["ids"], named["split"])
        return Dataset(
            features,
            {name: task for name, (task, _, _) in tasks.items()},
            {name: target for name, (_, target, _) in tasks.items()},
            lengths,
            present,
            {name: labelled for name, (_, _, labelled) in tasks.items()},
            **named,
        )

    def _modality(
        self, arrays: Arrays, modality: str
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
        """Features, lengths and presence of one modality; padding and absent rows are zero."""
        names = arrays.matching(self.modalities[modality], "modalities", apart=self._other_uses())
        array = _side_by_side(arrays, names, modality)
        present = np.ones(len(array), bool)
        if modality in self.present:
            column = arrays.numbers(self.present[modality], "present").entries
            present = checked_presence(column, len(array), modality, "present")
        blank(array, None, present)
        lengths = np.full(len(array), array.shape[1] if array.ndim == _FRAMES else 1, np.int64)
        said = self.lengths.get(modality)
        if said is not None and array.ndim != _FRAMES:
            raise DataError(
                f"modality '{modality}' has shape {array.shape}: without frames it has no lengths", "lengths"
            )
        if said == "auto":
            array, lengths = trim(array)
        elif said is not None:
            column = arrays.numbers(said, "lengths").entries
            lengths = checked_lengths(column, array, modality, "lengths")
            present &= lengths > 0
            blank(array, lengths, present)
        check_finite(array, modality, "modalities")
        return array, np.maximum(lengths, 1), present

    def _other_uses(self) -> set[str]:
        """Arrays that are no features, which a pattern leaves out."""
        named = {name for name in (self.groups, self.split, self.ids) if name is not None}
        labels = {column.array for column in self.task.values()}
        return named | labels | set(self.lengths.values()) | set(self.present.values())

    def _names(self, arrays: Arrays, title: str, rows: int) -> NDArray[np.str_] | None:
        """The column that `groups`, `split` or `ids` names."""
        array: str | None = getattr(self, title)
        if array is None:
            return None
        column = arrays.texts(array, title)
        _check_rows(f"`{title}` ('{array}')", len(column), rows, title)
        return column


def _spread(filled: dict[str, Any], modality: str, said: dict[str, Any]) -> None:
    """Put what the long form says of a modality where the short form says it."""
    unknown = [key for key in said if key not in _LONG_FORM]
    if unknown or "array" not in said:
        wrong = (
            f"unknown setting '{unknown[0]}'; {nearest(str(unknown[0]), _LONG_FORM)}"
            if unknown
            else "it has no `array`"
        )
        raise ValueError(f"modality '{modality}': {wrong}")
    filled["modalities"][modality] = said["array"]
    for key in ("lengths", "present"):
        beside = filled.setdefault(key, {})
        if (
            said.get(key) is not None
            and isinstance(beside, dict)
            and beside.setdefault(modality, said[key]) != said[key]
        ):
            raise ValueError(f"`{key}` of modality '{modality}' are said twice and differ")


def _side_by_side(arrays: Arrays, names: tuple[str, ...], modality: str) -> NDArray[np.float32]:
    """Arrays as one, along the features. Raises DataError where they are no (N, D) or (N, T, D) of equal N and T."""
    pieces: list[NDArray[np.float32]] = []
    for name in names:
        values = arrays.numbers(name, "modalities").entries
        if arrays.table:
            values = values[:, None]
        if values.ndim not in {_UTTERANCE, _FRAMES} or not values.size:
            said = f"'{name}' of {arrays.source} has shape {values.shape}; expected (N, D) or (N, T, D)"
            raise DataError(f"modality '{modality}': {said}", "modalities")
        if pieces and values.shape[:-1] != pieces[0].shape[:-1]:
            said = f"'{name}' has shape {values.shape} beside '{names[0]}' with {pieces[0].shape}"
            raise DataError(f"modality '{modality}': {said}; all but the last axis must agree", "modalities")
        with np.errstate(over="ignore"):  # becomes infinite, which is reported with its place
            pieces.append(values.astype(np.float32))
    return np.concatenate(pieces, axis=-1)


def _same_rows(features: dict[str, NDArray[np.float32]]) -> int:
    first, *others = features
    rows = len(features[first])
    for modality in others:
        if len(features[modality]) != rows:
            said = f"modality '{modality}' has {len(features[modality])} rows, modality '{first}' has {rows}"
            raise DataError(f"{said}; row i of every array must be the same utterance", "modalities")
    return rows


def _check_rows(title: str, found: int, rows: int, setting: str) -> None:
    if found != rows:
        raise DataError(f"{title} has {found} rows, the features have {rows}", setting)


def _check_ids(ids: NDArray[np.str_] | None, split: NDArray[np.str_] | None) -> None:
    """Raise DataError where a row stands in the file twice; worse, in two official parts."""
    if ids is None:
        return
    names, where, counts = np.unique(ids, return_inverse=True, return_counts=True)
    twice = np.flatnonzero(counts > 1)
    if split is not None:
        for code in twice:
            parts = sorted(set(split[where == code].tolist()))
            if len(parts) > 1:
                said = f"row '{names[code]}' stands in the official parts {' and '.join(parts)}: a leak"
                raise DataError(f"{said}; each row belongs to one part", "split")
    if len(twice):
        raise DataError(f"{len(twice)} ids stand for more than one row, first: '{names[twice[0]]}'", "ids")


@hookimpl
def register_datasets() -> Iterable[type[DatasetSpec]]:
    """Offer the features of a file."""
    return [FeaturesSpec]
