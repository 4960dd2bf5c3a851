"""Designs: what a set of cells varies. A design knows how many rows it has before it makes the first one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import combinations, islice, product
from typing import TYPE_CHECKING, Literal

from .assign import KEEP, Assignment
from .tree import Node, Place, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .plan import DesignKind, Level

Moment = Literal["train", "test"]
FULL = "full"
TRAIN: Moment = "train"
TEST: Moment = "test"
_AS_CELLS = 100
"""Settings that a row which trains nothing counts for, where cells are weighed by their settings."""


@dataclass(frozen=True, slots=True)
class Point:
    """A row before its cell is made: what it sets on the baseline, in order."""

    label: str
    place: Place
    assignments: tuple[Assignment, ...] = ()
    levels: Mapping[str, Level] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    """Modalities that the trained baseline is tested without: such a row trains nothing."""

    def at(self, moments: Sequence[Moment], removed: tuple[str, ...]) -> Iterator[Point]:
        """The row at each of the moments at which the modalities `removed` are taken away; `train` alone goes unsaid.

        A row that takes none away comes once.
        """
        if tuple(moments) == (TRAIN,) or not removed:
            yield self
            return
        for moment in moments:
            if moment == TRAIN:
                yield replace(self, label=f"{self.label} (retrained)")
            else:
                yield replace(self, label=f"{self.label} (at test)", without=removed)


@dataclass(frozen=True, slots=True)
class Condition:
    """That a path (or a factor) has one of some values."""

    key: str
    path: str
    values: tuple[Node, ...]
    place: Place

    def holds(self, candidates: Iterable[object]) -> bool:
        """Whether any candidate is one of the values."""
        found = list(candidates)
        return any(same(plain(value), candidate) for value in self.values for candidate in found)


def same(wanted: object, value: object) -> bool:
    """Equal and of one type (1 is not true); a component is also known by its name alone."""
    if isinstance(value, dict) and "name" in value and wanted == value["name"]:
        return True
    return isinstance(wanted, bool) == isinstance(value, bool) and wanted == value


@dataclass(frozen=True, slots=True)
class Choice:
    """One level of an axis."""

    label: str
    """Its part of a row's label; empty for what is as in the baseline."""
    level: Level
    assignment: Assignment | None
    """None leaves the path as it is in the baseline."""
    values: tuple[object, ...]
    """What conditions may call it."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A path that varies, and its levels."""

    factor: str
    path: str
    choices: tuple[Choice, ...]
    kept: Choice
    """What stands where a condition does not hold: the baseline's value."""
    when: tuple[tuple[int, Condition], ...] = ()
    """The axis varies only where each of these holds: (number of the other axis, condition on it)."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Points that the file lists."""

    points: tuple[Point, ...]

    @property
    def size(self) -> int:
        """Number of points."""
        return len(self.points)

    @property
    def trained(self) -> int:
        """Of them those that are cells of their own."""
        return sum(not point.without for point in self.points)

    def __iter__(self) -> Iterator[Point]:
        return iter(self.points)


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes that vary together: every combination, or in parallel."""

    axes: tuple[Axis, ...]
    place: Place
    parallel: bool = False
    order: tuple[int, ...] = ()
    """The axes in an order in which each comes after those that its conditions look at."""

    @property
    def size(self) -> int:
        """Number of points at most, by arithmetic."""
        sizes = [len(axis.choices) for axis in self.axes]
        return min(sizes, default=0) if self.parallel else math.prod(sizes)

    @property
    def trained(self) -> int:
        """All of them are cells."""
        return self.size

    def __iter__(self) -> Iterator[Point]:
        """The points; those that conditions make equal come once."""
        levels = [axis.choices for axis in self.axes]
        rows: Iterable[tuple[Choice, ...]] = zip(*levels, strict=False) if self.parallel else product(*levels)
        seen = set()
        for row in rows:
            chosen = self._effective(row)
            identity = tuple(id(choice) for choice in chosen)
            if identity not in seen:
                seen.add(identity)
                yield self._point(chosen)

    def _effective(self, row: Sequence[Choice]) -> list[Choice]:
        chosen = list(row)
        for number in self.order:
            axis = self.axes[number]
            if not all(condition.holds(chosen[other].values) for other, condition in axis.when):
                chosen[number] = axis.kept
        return chosen

    def _point(self, chosen: Sequence[Choice]) -> Point:
        label = ", ".join(choice.label for choice in chosen if choice.label) or FULL
        assignments = tuple(choice.assignment for choice in chosen if choice.assignment is not None)
        levels = {axis.factor: choice.level for axis, choice in zip(self.axes, chosen, strict=True)}
        return Point(label, self.place, assignments, levels)


@dataclass(frozen=True, slots=True)
class Subsets:
    """Subsets of the modalities, by size from all of them down to one; the whole set is the baseline."""

    modalities: tuple[str, ...]
    sizes: tuple[int, ...]
    value: Node
    """Where the design asks for them."""
    moments: tuple[Moment, ...] = (TRAIN,)
    """When the others are taken away; a point for each."""

    @property
    def size(self) -> int:
        """Number of points, by arithmetic."""
        return 1 + len(self.moments) * self._smaller

    @property
    def trained(self) -> int:
        """Of them those that are cells of their own."""
        return 1 + (TRAIN in self.moments) * self._smaller

    @property
    def _smaller(self) -> int:
        whole = len(self.modalities)
        return sum(math.comb(whole, size) for size in self.sizes if size != whole)

    def __iter__(self) -> Iterator[Point]:
        yield self.point(self.modalities, self.value, baseline=True)
        for size in sorted(set(self.sizes) - {len(self.modalities)}, reverse=True):
            for subset in combinations(self.modalities, size):
                removed = tuple(name for name in self.modalities if name not in subset)
                yield from self.point(subset, self.value).at(self.moments, removed)

    def point(self, subset: Sequence[str], said: Node, *, baseline: bool = False) -> Point:
        """The row of one subset."""
        items = tuple(Node(name, said.place, said.place) for name in subset)
        given = Assignment("modalities", Node(items, said.place, said.head))
        levels = {name: name in subset for name in dict.fromkeys((*self.modalities, *subset))}
        return Point(" + ".join(subset), said.place, () if baseline else (given,), levels)


@dataclass(frozen=True, slots=True)
class Design:
    """A named design: its rows, fewer what it excludes."""

    name: str
    kind: DesignKind
    place: Place
    rows: Listed | Grid | Subsets
    factors: tuple[str, ...] = ()
    leads: bool = False
    """Whether the first row is the baseline's, which stays whatever is excluded."""
    exclude: tuple[tuple[Condition, ...], ...] = ()
    baseline: Mapping[str, object] = field(default_factory=dict)
    """{path: the baseline's value} of the paths that `exclude` names."""

    def levels(self, point: Point, has: Callable[[str], bool]) -> dict[str, Level]:
        """The levels of a row; None for a setting that its cell has not, as `has` says of a path."""
        axes = self.rows.axes if isinstance(self.rows, Grid) else ()
        given = {made.path for made in point.assignments}
        absent = {axis.factor for axis in axes if axis.path not in given and not has(axis.path)}
        return {factor: None if factor in absent else level for factor, level in point.levels.items()}

    @property
    def count(self) -> int:
        """Number of rows at most that are cells of their own, before exclusions; no row is made for it."""
        return self.rows.trained

    @property
    def work(self) -> int:
        """How many values its conditions are held against at most, over all rows, and what other rows weigh."""
        asked = [condition for entry in self.exclude for condition in entry]
        if isinstance(self.rows, Grid):
            asked += [condition for axis in self.rows.axes for _, condition in axis.when]
        held = self.rows.size * (len(self.exclude) + sum(len(condition.values) for condition in asked))
        return held + _AS_CELLS * (self.rows.size - self.rows.trained)

    def points(self, used: set[int]) -> Iterator[Point]:
        """The rows that no exclusion takes out; the numbers of exclusions that took one out go to `used`."""
        rows = iter(self.rows)
        if self.leads:
            yield from islice(rows, 1)
        for point in rows:
            hits = [number for number, entry in enumerate(self.exclude) if self._matches(point, entry)]
            used.update(hits)
            if not hits:
                yield point

    def _matches(self, point: Point, entry: tuple[Condition, ...]) -> bool:
        return all(condition.holds(self._candidates(point, condition)) for condition in entry)

    def _candidates(self, point: Point, condition: Condition) -> Iterator[object]:
        if condition.key in point.levels:
            yield point.levels[condition.key]
        given = [made for made in point.assignments if made.path == condition.path]
        if given and not given[-1].keeps:
            yield plain(given[-1].value)
        else:
            yield KEEP
            if condition.path in self.baseline:
                yield self.baseline[condition.path]
