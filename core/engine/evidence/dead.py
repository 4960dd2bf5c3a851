"""Parameters that nothing trains: exactly zero gradient on every batch, in every term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..blame import Parts
from .answer import answer
from .harder import ANEW, seen_again
from .reasons import UNUSED, reasons
from .subject import Subject
from .wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...evidence import Evidence
    from ...study.cell import Cell
    from .prober import Prober

_NAMED = 3


def dead_parameters(prober: Prober, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """One answer for each part of a cell that has dead parameters, and each reason."""
    told: dict[str, Mapping[str, str]] = {}
    """{parts that are alike: reasons of what is dead in them, whatever they begin with}."""
    for cell in cells:
        found = prober.trace(cell)
        dead = [name for name in found.sizes if name not in found.alive] if found else []
        if not found or not dead:
            continue
        parts = Parts(cell.settings, prober.catalogue)
        context = repr([(path, spec.resolved()) for path, spec in parts.specs.items() if _holds(path, dead)] + dead)
        if context not in told:
            told[context] = _reasons(prober, cell, _always(prober, cell, dead))
        groups: dict[tuple[str, str], list[str]] = {}
        for name in told[context]:
            groups.setdefault((parts.at(name).path, told[context][name]), []).append(name)
        for (path, reason), names in groups.items():
            yield _evidence(cell, path, reason, names, found.sizes)


def _always(prober: Prober, cell: Cell, dead: Sequence[str]) -> list[str]:
    """Those of the parameters that are dead with other initial values, too: one unit may be so by chance."""
    left = list(dead)
    for found in seen_again(prober, cell, ANEW):
        left = [name for name in left if name not in found.alive]
    return left


def _holds(path: str, names: Sequence[str]) -> bool:
    return any(name.startswith(f"{path}.") for name in names)


def _reasons(prober: Prober, cell: Cell, dead: Sequence[str]) -> Mapping[str, str]:
    try:
        subject = Subject(cell.settings, prober.ground(cell))
        subject.move()
        return reasons(subject, dead)
    except Exception:  # noqa: BLE001 - a plugin may mind being watched, and the parameters are dead all the same
        return dict.fromkeys(dead, UNUSED)


def _evidence(cell: Cell, path: str, reason: str, names: Sequence[str], sizes: Mapping[str, int]) -> Evidence:
    count = sum(sizes[name] for name in names)
    short = [name.removeprefix(f"{path}.") for name in names]
    return answer(
        cell,
        "dead parameters",
        f"no gradient reaches {counted(count, 'parameter')}: {listed(short, _NAMED)}; {reason}",
        (path,),
        "BF506",
        numbers=count,
        share=round(count / sum(sizes.values()), 4),
        names=list(names),
        reason=reason,
    )
