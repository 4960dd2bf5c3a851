"""Dividing rows into k parts or taking a share of them, seeded, with groups kept together and classes in proportion."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

from .errors import DataError, nearest
from .streams import numpy_stream, stream_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .dataset import Dataset

By = Literal["row", "class", "group", "group_and_class"]

_DRAWS = 16  # draws of groups among which the one nearest to the proportions of classes is taken


@dataclass(frozen=True, eq=False)
class Divider:
    """What stays together and in proportion, for every row of a data set."""

    by: By
    seed: int
    strata: NDArray[np.int64]
    """(N,) number of the class, -1 where unlabelled; all 0 where classes do not matter."""
    groups: NDArray[np.int64]
    """(N,) number of the group; the row's own number where groups do not matter."""
    title: str
    """The stratified task, for messages."""
    classes: tuple[str, ...]

    @classmethod
    def of(cls, data: Dataset, by: By, *, task: str | None = None, seed: int) -> Divider:
        """Divider of `data`. Raises DataError where it has no groups or no classes to go by."""
        strata, groups, title = np.zeros(len(data), np.int64), np.arange(len(data)), ""
        if by in {"group", "group_and_class"}:
            if data.groups is None:
                raise DataError("the data set has no groups: set `groups` of the data set to the array of them", "by")
            groups = np.unique(data.groups, return_inverse=True)[1].reshape(-1)
        if by in {"class", "group_and_class"}:
            title = _class_task(data, task)
            strata = np.where(data.labelled[title], data.targets[title], -1).astype(np.int64)
        return cls(by, seed, strata, groups, title, data.tasks[title].classes if title else ())

    def parts(self, rows: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
        """`rows` in `count` parts of about equal size, each ascending. Raises DataError where they do not suffice."""
        self._check(rows, count)
        state = stream_key(self.seed, "folds") % 2**32
        if self.by == "group":
            names = np.unique(self.groups[rows])
            chosen = KFold(count, shuffle=True, random_state=state).split(names)
            return [rows[np.isin(self.groups[rows], names[part])] for _, part in chosen]
        splitter = {"row": KFold, "class": StratifiedKFold, "group_and_class": StratifiedGroupKFold}[self.by]
        with warnings.catch_warnings():  # too few rows of a class are an error above; too few unlabelled ones are fine
            warnings.simplefilter("ignore", UserWarning)
            divided = splitter(count, shuffle=True, random_state=state).split(
                rows, self.strata[rows], self.groups[rows]
            )
            found = [rows[np.sort(part)] for _, part in divided]
        if not all(len(part) for part in found):
            said = f"the groups are too unequal for {count} folds that keep the classes of '{self.title}' in proportion"
            raise DataError(f"{said}; ask for fewer, or divide by group alone", "folds")
        return found

    def take(
        self, rows: NDArray[np.int64], share: float, purpose: str, fold: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What stays of `rows`, and the `share` that is taken from them, each ascending and never empty.

        A share of the rows, of the rows of each class, or of the groups; where classes matter too, the one of 16 draws
        of groups that is nearest to the share of each class. Raises DataError where there is too little to take from.
        """
        stream = numpy_stream(self.seed, "split", purpose, fold)
        taken = (
            self._take_rows(rows, share, stream)
            if self.by in {"row", "class"}
            else self._take_groups(rows, share, stream)
        )
        if not 0 < len(taken) < len(rows):
            what = "groups" if self.by in {"group", "group_and_class"} else "rows"
            size = len(np.unique(self.groups[rows]))
            setting = "holdout" if purpose == "holdout" else "validation"
            raise DataError(f"{size} {what} are too few to take {share:g} of them for the {purpose} part", setting)
        taken = np.sort(taken)
        return np.setdiff1d(rows, taken, assume_unique=True), taken

    def _take_rows(self, rows: NDArray[np.int64], share: float, stream: np.random.Generator) -> NDArray[np.int64]:
        pieces = []
        for stratum in np.unique(self.strata[rows]):
            members = stream.permutation(rows[self.strata[rows] == stratum])
            pieces.append(members[: round(share * len(members))])
        return np.concatenate(pieces) if pieces else rows

    def _take_groups(self, rows: NDArray[np.int64], share: float, stream: np.random.Generator) -> NDArray[np.int64]:
        groups, codes = np.unique(self.groups[rows], return_inverse=True)
        strata, columns = np.unique(self.strata[rows], return_inverse=True)
        counts = np.zeros((len(groups), len(strata)))
        np.add.at(counts, (codes.reshape(-1), columns.reshape(-1)), 1)
        size = min(max(1, round(share * len(groups))), len(groups) - 1)
        # With one draw a small number of groups still gives other folds for another seed.
        draws = [stream.permutation(len(groups))[:size] for _ in range(1 if self.by == "group" else _DRAWS)]
        wanted = share * counts.sum(axis=0)
        best = min(draws, key=lambda draw: float(np.abs(counts[draw].sum(axis=0) - wanted).sum()))
        return rows[np.isin(self.groups[rows], groups[best])]

    def _check(self, rows: NDArray[np.int64], count: int) -> None:
        what = "groups" if self.by in {"group", "group_and_class"} else "rows"
        size = len(np.unique(self.groups[rows]))
        if size < count:
            raise DataError(f"{size} {what} cannot make {count} folds; ask for at most {size}", "folds")
        for number, name in enumerate(self.classes):
            members = int((self.strata[rows] == number).sum())
            if 0 < members < count:
                few = f"class '{name}' of task '{self.title}' has {members} row{'s' if members > 1 else ''}"
                raise DataError(f"{few}, fewer than {count} folds; ask for fewer, or divide by row or group", "folds")


def _class_task(data: Dataset, wanted: str | None) -> str:
    fitting = [name for name, task in data.tasks.items() if task.kind == "classes"]
    if wanted is None and not fitting:
        raise DataError("the data set has no task with classes to keep in proportion; divide by row or group", "by")
    if wanted is not None and wanted not in fitting:
        kind = f"task '{wanted}' has values, not classes" if wanted in data.tasks else f"unknown task '{wanted}'"
        raise DataError(f"{kind}; {nearest(wanted, fitting) or 'no task has classes'}", "stratify")
    return wanted or fitting[0]
