"""Labels as tasks: which array holds them, what it means, and which rows have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from .dataset import Task
from .errors import DataError, nearest
from .natural import natural_key
from .specs import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .arrays import Arrays


class TaskColumn(Settings):
    """A task and the array of its labels. A bare word is the array. NaN and empty cells are never labels."""

    array: str
    """(N,) class numbers, class names, or values."""

    kind: Literal["auto", "classes", "values"] = "auto"
    """`auto`: values where a span is said or the array is of floating type, else classes."""

    classes: tuple[str, ...] | None = None
    """Names of the classes, in the order of their numbers. Labels that are none of the names are numbers from 0. Null
    takes the labels that occur, sorted."""

    missing: float | str | None = None
    """A label that says that there is none (-1, -10); null: every label is one."""

    span: float | None = Field(default=None, gt=0)
    """For values on a scale that is symmetric about zero, its end (3 for [-3, 3]): turns on sign metrics."""

    @model_validator(mode="before")
    @classmethod
    def _word_is_an_array(cls, value: object) -> object:
        return {"array": value} if isinstance(value, str) else value

    @field_validator("classes", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: object) -> object:
        return [str(name) for name in value] if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _one_meaning(self) -> TaskColumn:
        if self.classes is not None and (self.kind == "values" or self.span is not None):
            raise ValueError("`classes` belong to classes; values have none")
        if self.span is not None and self.kind == "classes":
            raise ValueError("`span` belongs to values; classes have none")
        if self.classes is not None and len(set(self.classes)) != max(len(self.classes), 2):
            raise ValueError(f"`classes` must be two or more different names, got {list(self.classes)}")
        return self


def read_task(arrays: Arrays, name: str, column: TaskColumn) -> tuple[Task, NDArray[np.generic], NDArray[np.bool_]]:
    """The task, its targets (N,) int64 or float32 with 0 where not labelled, and which rows are labelled (N,).

    Raises DataError for labels that are not as described.
    """
    values, missing = arrays.read(column.array, "task")
    if values.ndim != 1:
        raise DataError(f"task '{name}': '{column.array}' has shape {values.shape}; expected (N,)", "task")
    labelled = ~(missing | _is_sentinel(values, column.missing, name))
    if not labelled.any():
        raise DataError(f"task '{name}': no row of '{column.array}' is labelled", "task")
    if column.span is not None or column.kind == "values" or _looks_continuous(values, column):
        return _values(values, labelled, name, column)
    return _classes(values, labelled, name, column)


def _looks_continuous(values: NDArray[np.generic], column: TaskColumn) -> bool:
    return column.kind == "auto" and column.classes is None and values.dtype.kind == "f"


def _is_sentinel(values: NDArray[np.generic], sentinel: float | str | None, name: str) -> NDArray[np.bool_]:
    if sentinel is None:
        return np.zeros(len(values), bool)
    if values.dtype.kind == "U":
        return np.asarray(values == (sentinel if isinstance(sentinel, str) else f"{sentinel:g}"))
    if isinstance(sentinel, str):
        raise DataError(f"task '{name}': `missing` is '{sentinel}', and the labels are numbers", "task")
    return np.asarray(values == sentinel)


def _values(
    values: NDArray[np.generic], labelled: NDArray[np.bool_], name: str, column: TaskColumn
) -> tuple[Task, NDArray[np.generic], NDArray[np.bool_]]:
    if values.dtype.kind not in "fiub":
        raise DataError(f"task '{name}': '{column.array}' is no array of numbers, so it has no values", "task")
    targets = np.where(labelled, np.asarray(values, np.float64), 0).astype(np.float32)
    if not np.isfinite(targets).all():
        row = int(np.flatnonzero(~np.isfinite(targets))[0])
        raise DataError(f"task '{name}': '{column.array}' is infinite in row {row}", "task")
    lowest, highest = float(targets[labelled].min()), float(targets[labelled].max())
    if column.span is not None and max(-lowest, highest) > column.span:
        said = f"values {lowest:g}..{highest:g} do not lie in the span [-{column.span:g}, {column.span:g}]"
        raise DataError(f"task '{name}': {said}; is a label of it the mark of a `missing` one?", "task")
    return Task(name, "values", span=column.span), targets, labelled


def _classes(
    values: NDArray[np.generic], labelled: NDArray[np.bool_], name: str, column: TaskColumn
) -> tuple[Task, NDArray[np.generic], NDArray[np.bool_]]:
    words = _words(values, labelled, name, column)
    found = sorted(set(words[labelled].tolist()), key=natural_key if values.dtype.kind != "U" else None)
    names = column.classes or tuple(found)
    if column.classes is None:
        _refuse_odd_classes(found, name, column)
    elif not set(found) <= set(names) and values.dtype.kind in "fiu":
        return Task(name, "classes", names), _numbers(values, labelled, name, names), labelled
    unknown = [word for word in found if word not in names]
    if unknown:
        raise DataError(
            f"task '{name}': label '{unknown[0]}' is none of its classes; {nearest(unknown[0], names)}", "task"
        )
    codes = {word: number for number, word in enumerate(names)}
    targets = np.array([codes[word] if known else 0 for word, known in zip(words.tolist(), labelled, strict=True)])
    return Task(name, "classes", names), targets.astype(np.int64), labelled


def _words(values: NDArray[np.generic], labelled: NDArray[np.bool_], name: str, column: TaskColumn) -> NDArray[np.str_]:
    """Labels as text: whole numbers without a fraction, text as it is."""
    if values.dtype.kind == "f":
        numbers = np.where(labelled, np.asarray(values, np.float64), 0)
        if not np.array_equal(numbers, np.round(numbers)):
            row = int(np.flatnonzero(numbers != np.round(numbers))[0])
            raise DataError(
                f"task '{name}': '{column.array}' is {numbers[row]:g} in row {row}, no class number", "task"
            )
        values = numbers.astype(np.int64)
    if values.dtype.kind not in "iubU":
        raise DataError(f"task '{name}': '{column.array}' is of type {values.dtype}; expected numbers or text", "task")
    return values.astype(np.str_)


def _refuse_odd_classes(found: list[str], name: str, column: TaskColumn) -> None:
    if len(found) == 1:
        raise DataError(
            f"task '{name}': every label of '{column.array}' is '{found[0]}'; two classes are needed", "task"
        )
    negative = next((word for word in found if word.startswith("-") and word[1:].isdigit()), "")
    if negative:
        said = f"task '{name}': class {negative} in '{column.array}'; if it marks a missing label, say"
        raise DataError(f"{said} `missing: {negative}`; if it is a class, name all `classes`", "task")


def _numbers(
    values: NDArray[np.generic], labelled: NDArray[np.bool_], name: str, names: tuple[str, ...]
) -> NDArray[np.int64]:
    """Class numbers as they stand in the file. Raises DataError where there are more than names."""
    numbers = np.where(labelled, np.asarray(values, np.float64), 0).astype(np.int64)
    lowest, highest = int(numbers.min()), int(numbers.max())
    if lowest < 0 or highest >= len(names):
        said = f"task '{name}' has labels {lowest}..{highest} for the {len(names)} classes {', '.join(names)}"
        raise DataError(f"{said}; expected numbers 0..{len(names) - 1} or their names", "task")
    return numbers
