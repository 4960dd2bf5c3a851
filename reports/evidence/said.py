"""Evidence in a few sentences, for the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.study.codes import severity_of
from .seen import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...core.evidence import Evidence
    from ...core.study.plan import Plan

_FEW = 3
_MOST = 8


def sentences(plan: Plan, found: Iterable[Evidence], cells: Iterable[str] | None = None) -> list[str]:
    """What a reader of the tables must know, warnings alone: one sentence for all cells that a thing is said of.

    Of `cells` alone, where they are given.
    """
    labels = {cell.key: cell.label for cell in plan.cells}
    wanted = set(labels if cells is None else cells) & set(labels)
    alike: dict[tuple[str, ...], list[Evidence]] = {}
    order = {key: number for number, key in enumerate(labels)}
    for one in sorted((one for one in found if one.cell in wanted), key=lambda one: order[one.cell]):
        code = str(one.details.get("code", ""))
        if code and severity_of(code) == "warning":
            alike.setdefault(_kind(one), []).append(one)
    said = [_sentence(group, labels) for group in alike.values()]
    if len(said) > _MOST:
        said[_MOST:] = [f"evidence: {len(said) - _MOST} more sentences"]
    return [*said, "`butfor evidence` lists all of it"] if said else []


def _kind(one: Evidence) -> tuple[str, ...]:
    return (one.question, one.mark, one.other, *one.paths, str(one.details.get("split", "")))


def _sentence(group: list[Evidence], labels: Mapping[str, str]) -> str:
    first, others = group[0], [f"'{labels[one.cell]}'" for one in group[1:]]
    also = f" (likewise {listed(others, _FEW)})" if others else ""
    mark = f"{first.mark} " if first.mark else ""
    return f"evidence: {mark}'{labels[first.cell]}'{also}: {first.message}"
