"""Runs as the rows of designs: replicates together, each row with its label, the baseline first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ...core.errors import nearest
from ...core.study.cell import content_key
from ...core.study.labels import level, told
from ...core.study.plan import PlannedDesign, PlannedRow
from .runs import same_settings, settings_in, varying

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.study.problems import Problems
    from .mapping import Pick, RunsMapping, Value
    from .runs import Run


@dataclass(eq=False)
class Group:
    """Runs that count as replicates of one system."""

    key: str
    settings: dict[str, Value]
    runs: list[Run]
    label: str = ""


@dataclass(eq=False)
class Rows:
    """A design with the runs of each of its rows."""

    design: PlannedDesign
    groups: list[Group] = field(default_factory=list)
    asked: str = ""
    """Name of the design in the mapping, which has it once for each data set."""

    def pick(self, wanted: Pick) -> list[Group]:
        """The rows with that label, or with those settings."""
        if isinstance(wanted, str):
            return [group for group in self.groups if group.label == wanted]
        return [group for group in self.groups if _has(group, wanted)]


def rows_of(
    mapping: RunsMapping, name: str, runs: Sequence[Run], problems: Problems, *, data_set: str = ""
) -> Rows | None:
    """A design of the mapping; None where no run or no baseline is there, which is written down."""
    path, asked = ("designs", name), mapping.designs[name]
    names = [*runs[0].settings] if runs else []
    for place, setting in enumerate(asked.settings):
        if setting not in names:
            where = mapping.place(*path, "settings", place)
            problems.unknown(where, "setting", setting, names, f"designs.{name}.settings", code="")
            return None
    chosen = [run for run in runs if run.matches(asked.where)]
    if not chosen:
        problems.add(mapping.place(*path, "where"), "no run has these values", f"designs.{name}.where", code="")
        return None
    by = asked.settings or tuple(names)
    groups = _grouped(chosen, by, data_set)
    base = _baseline(mapping, name, groups, problems)
    if base is None:
        return None
    factors = varying([group.runs[0] for group in groups], by)
    _name(mapping, name, groups, _Apart(base, factors), problems)
    groups.sort(key=lambda group: group is not base)
    shown = () if asked.kind == "cells" else factors
    rows = tuple(
        PlannedRow(
            cell=group.key,
            label=group.label,
            levels={factor: level(group.settings.get(factor)) for factor in shown},
            baseline=group is base,
        )
        for group in groups
    )
    others = [setting for setting in names if setting not in by]
    pooled = tuple(dict.fromkeys(one for group in groups for one in varying(group.runs, others)))
    title = f"{name} {data_set}".strip()
    return Rows(PlannedDesign(name=title, kind=asked.kind, factors=shown, rows=rows, pooled=pooled), groups, name)


def find(
    mapping: RunsMapping, rows: Rows, wanted: Pick, path: tuple[str | int, ...], problems: Problems
) -> Group | None:
    """The one row that is meant; None where there is none or several, which is written down."""
    found = rows.pick(wanted)
    if len(found) == 1:
        return found[0]
    place, at = mapping.place(*path), ".".join(map(str, path))
    labels = [group.label for group in rows.groups]
    if isinstance(wanted, str):
        problems.unknown(place, f"row of '{rows.design.name}'", wanted, labels, at, code="")
    elif not found:
        problems.add(place, f"no row of '{rows.design.name}' has {told(wanted)}", at, nearest("", labels), code="")
    else:
        apart = varying([group.runs[0] for group in found], found[0].settings)
        words = f"{len(found)} rows of '{rows.design.name}' have {told(wanted)}; they differ in {', '.join(apart)}"
        problems.add(place, words, at, code="")
    return None


def _grouped(runs: Sequence[Run], by: Sequence[str], data_set: str) -> list[Group]:
    """Runs with equal settings together; by label where nothing is a setting."""
    found: dict[tuple[object, ...], Group] = {}
    for run in runs:
        settings = settings_in(run, by)
        place = same_settings(settings) if by else (run.label,)
        found.setdefault(place, Group("", settings, [])).runs.append(run)
    for group in found.values():
        lines = [run.line.number for run in group.runs]
        told_apart = {**group.settings, **({} if by else {"label": group.runs[0].label})}
        if data_set:
            group.settings = {"data_set": data_set, **group.settings}
        group.key = content_key({"imported": told_apart, "data_set": data_set, "lines": lines})
    return list(found.values())


def _baseline(mapping: RunsMapping, name: str, groups: list[Group], problems: Problems) -> Group | None:
    asked = mapping.designs[name]
    path: tuple[str | int, ...] = ("designs", name, "baseline")
    wanted = asked.baseline
    if wanted is None:
        wanted, path = mapping.said.baseline, ("baseline",)
        if isinstance(wanted, dict):  # that of the study may name settings which this design does not tell apart
            wanted = {setting: value for setting, value in wanted.items() if any(setting in g.settings for g in groups)}
    if wanted is None:
        words = f"`baseline` is missing: say which row of '{name}' the others are held against"
        problems.add(mapping.tree.head, words, code="")
        return None
    factors = varying([group.runs[0] for group in groups], groups[0].runs[0].settings)
    factors = tuple(factor for factor in factors if any(factor in group.settings for group in groups))
    for group in groups:
        alone = told(group.settings.get(factors[0])) if len(factors) == 1 else ""
        group.label = _own_label(group) or alone
    for label, values in asked.labels.items():
        for group in groups:
            group.label = label if _has(group, values) else group.label
    return find(mapping, Rows(PlannedDesign(name=name, kind=asked.kind, rows=()), groups), wanted, path, problems)


class _Apart(NamedTuple):
    """What tells the rows of a design apart from its baseline."""

    base: Group
    factors: tuple[str, ...]


def _name(mapping: RunsMapping, name: str, groups: list[Group], apart: _Apart, problems: Problems) -> None:
    """A label for each row: as the mapping says, as the file says, or by what sets it apart from the baseline."""
    factors = apart.factors
    for group in groups:
        group.label = _own_label(group) or _described(group, apart) or "baseline"
    for label, values in mapping.designs[name].labels.items():
        named = [group for group in groups if _has(group, values)]
        if len(named) == 1:
            named[0].label = label
        else:
            words = f"{len(named)} rows of '{name}' have {told(values)}; a label is for one"
            problems.add(mapping.place("designs", name, "labels", label), words, f"designs.{name}.labels", code="")
    labels = [group.label for group in groups]
    for group in groups:
        if labels.count(group.label) > 1:  # one label for two systems: what sets them apart is told too
            group.label = f"{group.label} ({_all(group, factors)})"


def _own_label(group: Group) -> str:
    """The label that the file gives all its runs."""
    labels = {run.label for run in group.runs}
    return labels.pop() if len(labels) == 1 else ""


def _described(group: Group, apart: _Apart) -> str:
    """Its value where one setting tells all rows apart, else what differs from the baseline."""
    if len(apart.factors) == 1:
        return told(group.settings.get(apart.factors[0]))
    parts = []
    for factor in apart.factors:
        value, other = group.settings.get(factor), apart.base.settings.get(factor)
        if (value, isinstance(value, bool)) != (other, isinstance(other, bool)):
            gone = value is None or (value is False and other is True)
            parts.append(f"w/o {factor}" if gone else factor if value is True else f"{factor}={told(value)}")
    return ", ".join(parts)


def _all(group: Group, factors: tuple[str, ...]) -> str:
    return ", ".join(f"{factor}={told(group.settings.get(factor))}" for factor in factors)


def _has(group: Group, wanted: dict[str, Value]) -> bool:
    return all(
        (group.settings.get(name), isinstance(group.settings.get(name), bool)) == (value, isinstance(value, bool))
        for name, value in wanted.items()
    )
