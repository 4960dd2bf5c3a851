"""Folds: which rows train, select and test. Seeded by the study, stored, and shared by all cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from .divide import By, Divider
from .errors import DataError, nearest
from .natural import natural_key
from .specs import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .dataset import Dataset

_PARTS: dict[str, tuple[str, ...]] = {"train": ("train",), "valid": ("valid", "val", "dev"), "test": ("test",)}


class SplitSpec(Settings):
    """How rows are split. A bare word is a scheme; `folds: 5` alone asks for k folds, `holdout: 0.2` for one split."""

    scheme: Literal["official", "holdout", "kfold", "leave_one_group_out"] = "holdout"
    """The parts of the file, one seeded split, k folds, or a fold for each group."""

    folds: int = Field(default=5, ge=2)
    """k, for `kfold`. Source: MER2023 baseline and AttentionRobustV4, 5."""

    by: By = "row"
    """What `kfold` and `holdout` keep together or in proportion: nothing (row), the classes of a task (class), the rows
    of a group (group), or both (group_and_class)."""

    test: Literal["auto", "official", "fold"] = "auto"
    """What `kfold` and `holdout` test on. `official`: the official test rows; the folds then part the remaining rows,
    and each is once the validation part. `fold`: each fold, or the held-out share, is the test. `auto`: official where
    the data set has test rows, else fold; `holdout: 0.2` alone means fold."""

    holdout: float = Field(default=0.2, gt=0, lt=1)
    """Share of the rows that `holdout` tests on, where it does not test on official rows."""

    validation: float = Field(default=0.2, gt=0, lt=1)
    """Share of the rows outside the test (of the groups, where groups stay together) that selects the epoch, where
    neither the file nor a fold says which rows do."""

    stratify: str | None = None
    """For `class` and `group_and_class`: the task whose classes stay in proportion; null takes the first one."""

    parts: dict[str, tuple[str, ...]] = Field(default_factory=lambda: dict(_PARTS))
    """Official names of `train`, `valid`, and of every test part, by the name that results carry. A part left out keeps
    its default; further official names that start with `test` are test parts of that name."""

    seed: int = Field(default=0, ge=0)
    """Seed of the folds; trial seeds do not change them. The k folds of `group_and_class` are the best that a greedy
    search finds (scikit-learn's StratifiedGroupKFold): there the seed breaks ties and draws the validation part."""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: object) -> object:
        if isinstance(value, str):
            return {"scheme": value}
        if not isinstance(value, dict):
            return value
        filled = dict(value)
        if "scheme" not in filled and ("folds" in filled or "holdout" in filled):
            filled["scheme"] = "kfold" if "folds" in filled else "holdout"
        if filled.get("scheme") == "holdout" and "holdout" in filled:
            filled.setdefault("test", "fold")
        return filled

    @field_validator("parts", mode="before")
    @classmethod
    def _fill_parts(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return _PARTS | {part: (names,) if isinstance(names, str) else names for part, names in value.items()}

    @model_validator(mode="after")
    def _nothing_unread(self) -> SplitSpec:
        unread = sorted(self.model_fields_set - self.read())
        if unread:
            raise ValueError(f"{', '.join(f'`{name}`' for name in unread)} would not be read: {self._why()}")
        claimed = [name for names in self.parts.values() for name in names]
        twice = sorted({name for name in claimed if claimed.count(name) > 1})
        if twice:
            raise ValueError(f"`parts` claims {', '.join(repr(name) for name in twice)} more than once")
        return self

    @model_serializer(mode="wrap")
    def _only_what_is_read(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        kept = self.read()
        return {name: value for name, value in handler(self).items() if name in kept}

    def read(self) -> frozenset[str]:
        """The fields that decide anything, given the others; setting one of the rest is an error."""
        fields = {"scheme", "seed", "validation"}
        if self.scheme == "official":
            return frozenset(fields | {"parts"})
        if self.scheme == "leave_one_group_out":
            return frozenset(fields)
        fields |= {"by", "test"}
        if self.test != "fold":
            fields.add("parts")
        if self.by in {"class", "group_and_class"}:
            fields.add("stratify")
        if self.scheme == "kfold":
            fields.add("folds")
            return frozenset(fields - {"validation"} if self.test == "official" else fields)
        return frozenset(fields if self.test == "official" else fields | {"holdout"})

    def _why(self) -> str:
        settings = [f"scheme `{self.scheme}`"]
        if "test" in self.read():
            settings += [f"by `{self.by}`", f"test `{self.test}`"]
        reads = [f"`{name}`" for name in type(self).model_fields if name in self.read()]
        return f"{', '.join(settings)} reads {', '.join(reads)}"

    @property
    def num_folds(self) -> int | None:
        """How many folds there will be; None where only the data know (a fold for each group)."""
        if self.scheme == "leave_one_group_out":
            return None
        return self.folds if self.scheme == "kfold" else 1


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows of one fold, ascending; the parts are disjoint."""

    name: str
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    tests: Mapping[str, NDArray[np.int64]]
    """{split: rows}; usually one, named `test`."""


def make_folds(spec: SplitSpec, data: Dataset) -> tuple[Fold, ...]:
    """The folds of `data`: the same for the same spec and data. Raises DataError where the data cannot be split so.

    Folds are named `official`, after the group that is left out, or by their number from 0.
    """
    if spec.scheme == "official":
        return _official_fold(spec, data)
    if spec.scheme == "leave_one_group_out":
        return _group_folds(spec, data)
    return _seeded_folds(spec, data)


def held_out(folds: Sequence[Fold]) -> dict[str, float]:
    """{split: rows held out for each row that is trained on}, of several folds; what Nadeau and Bengio call n2/n1.

    Where all folds test on the same rows, their training rows differ by the validation part, and that one counts.
    """
    if len(folds) <= 1:  # one fold is no resample
        return {}
    train = sum(fold.train.size for fold in folds)
    valid = sum(fold.valid.size for fold in folds) / train
    shares = {"valid": valid}
    for split, rows in folds[0].tests.items():
        same = all(split in fold.tests and np.array_equal(rows, fold.tests[split]) for fold in folds)
        shares[split] = valid if same else sum(fold.tests[split].size for fold in folds if split in fold.tests) / train
    return shares


def leaks(data: Dataset, fold: Fold) -> tuple[str, ...]:
    """What a reader must be told of a fold: groups whose rows stand in two of its parts. Nothing without groups."""
    if data.groups is None:
        return ()
    pairs = [("train", "valid", fold.train, fold.valid)]
    for name, rows in fold.tests.items():
        pairs += [("train", name, fold.train, rows), ("valid", name, fold.valid, rows)]
    found = []
    for first, second, one, other in pairs:
        shared = sorted({*data.groups[one].tolist()} & {*data.groups[other].tolist()}, key=natural_key)
        if shared:
            some = ", ".join(f"'{group}'" for group in shared[:3]) + (", ..." if len(shared) > 3 else "")  # noqa: PLR2004 - a few examples
            counted = f"{len(shared)} group{'s' if len(shared) > 1 else ''}"
            found.append(f"fold '{fold.name}': {counted} in both {first} and {second} ({some})")
    return tuple(found)


def _official_fold(spec: SplitSpec, data: Dataset) -> tuple[Fold, ...]:
    parts = _official_parts(spec, data)
    train, valid = parts.pop("train"), parts.pop("valid")
    if not parts:
        raise DataError(f"the official parts {_listed(data)} hold no test; name it in `splits.parts`", "parts")
    if not len(valid):
        divider = Divider.of(data, "row" if data.groups is None else "group", seed=spec.seed)
        train, valid = divider.take(_some(train, "train", data), spec.validation, "validation", "official")
    return (Fold("official", _some(train, "train", data), valid, parts),)


def _group_folds(spec: SplitSpec, data: Dataset) -> tuple[Fold, ...]:
    divider = Divider.of(data, "group", seed=spec.seed)
    names = np.asarray(data.groups)
    folds = []
    for name in sorted(set(names.tolist()), key=natural_key):
        rest = np.flatnonzero(names != name)
        train, valid = divider.take(rest, spec.validation, "validation", name)
        folds.append(Fold(name, train, valid, {"test": np.flatnonzero(names == name)}))
    return tuple(folds)


def _seeded_folds(spec: SplitSpec, data: Dataset) -> tuple[Fold, ...]:
    divider = Divider.of(data, spec.by, task=spec.stratify, seed=spec.seed)
    pool, tests = _pool(spec, data)
    if spec.scheme == "holdout":
        if not tests:
            pool, held = divider.take(pool, spec.holdout, "holdout", "0")
            tests = {"test": held}
        train, valid = divider.take(pool, spec.validation, "validation", "0")
        return (Fold("0", train, valid, tests),)
    folds = []
    for number, rows in enumerate(divider.parts(pool, spec.folds)):
        rest = np.setdiff1d(pool, rows, assume_unique=True)
        if tests:
            folds.append(Fold(str(number), rest, rows, tests))
        else:
            train, valid = divider.take(rest, spec.validation, "validation", str(number))
            folds.append(Fold(str(number), train, valid, {"test": rows}))
    return tuple(folds)


def _pool(spec: SplitSpec, data: Dataset) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """The rows that are to be divided, and the official test rows, where they are asked for."""
    everything = np.arange(len(data))
    if spec.test == "fold" or (spec.test == "auto" and data.split is None):
        return everything, {}
    parts = _official_parts(spec, data)
    train, valid = parts.pop("train"), parts.pop("valid")
    if parts:
        return _some(np.union1d(train, valid), "train", data), parts
    if spec.test == "official":
        raise DataError(f"the official parts {_listed(data)} hold no test; name it in `splits.parts`", "test")
    return everything, {}


def _official_parts(spec: SplitSpec, data: Dataset) -> dict[str, NDArray[np.int64]]:
    """{train, valid, every test part that has rows}; train and valid may be empty."""
    if data.split is None:
        said = "set `split` of the data set to the array that holds them, or split in another way"
        raise DataError(
            f"the data set has no official parts: {said}", "scheme" if spec.scheme == "official" else "test"
        )
    named = {official: part for part, names in spec.parts.items() for official in names}
    found = sorted(set(data.split.tolist()), key=natural_key)
    unknown = [name for name in found if name not in named and not name.startswith("test")]
    if unknown:
        hint = f"say in `splits.parts` which part it is; {nearest(unknown[0], list(named))}"
        raise DataError(f"unknown official part '{unknown[0]}' among {_listed(data)}: {hint}", "parts")
    part_of = np.array([named.get(name, name) for name in data.split.tolist()])
    order = dict.fromkeys(["train", "valid", *spec.parts, *found])
    rows = {part: np.flatnonzero(part_of == part) for part in order}
    return {part: chosen for part, chosen in rows.items() if part in {"train", "valid"} or len(chosen)}


def _some(rows: NDArray[np.int64], part: str, data: Dataset) -> NDArray[np.int64]:
    if not len(rows):
        raise DataError(f"the official part '{part}' has no rows; the data set has {_listed(data)}", "parts")
    return rows


def _listed(data: Dataset) -> str:
    found = [] if data.split is None else sorted(set(data.split.tolist()), key=natural_key)
    return ", ".join(f"'{name}'" for name in found)
