"""What goes with a part that a cell has not, or has another one for: parameters, and operations of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..structure import components, program
from .wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...specs import Spec
    from ...study.cell import Cell
    from .prober import Prober


def gone(baseline: Cell, cell: Cell) -> tuple[list[str], list[str]]:
    """(what the cell has not, what it has another one for), as a study names them, with the names of the parts."""
    before, after = dict(components(baseline.settings)), dict(components(cell.settings))
    modalities = [name for name in baseline.settings.modalities if name not in cell.settings.modalities]
    absent = [f"encoder.{name}" for name in modalities]
    missing = [path for path in before if path not in after and not _inside(path, absent)]
    other = [path for path in before if path in after and before[path].name != after[path].name]
    changed = [path for path in _changed(before, after) if not _inside(path, other)]
    without = [path for path in missing if not _inside(path, [*other, *(one for one in missing if one != path)])]
    replaced = [
        f"another {path} ({before[path].name}, {after[path].name})" for path in other if not _above(path, other)
    ]
    resized = [f"{path} set otherwise" for path in changed if not _above(path, changed)]
    return [*without, *(f"modality {name}" for name in modalities)], [*replaced, *resized]


def _inside(path: str, outer: list[str]) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in outer)


def _above(path: str, every: list[str]) -> bool:
    return _inside(path, [one for one in every if one != path])


def _changed(before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Iterator[str]:
    """Parts of one name whose program differs, for something that is not inside another part."""
    for path, spec in before.items():
        if path in after and spec.name == after[path].name:
            inner = {field for one in (spec, after[path]) for field, _ in one.inner()}
            first, second = (
                {name: value for name, value in program(one).items() if name not in inner}
                for one in (spec, after[path])
            )
            if first != second:
                yield path


def counts(prober: Prober, baseline: Cell, cell: Cell) -> tuple[str, dict[str, Any]] | None:
    """How many parameters and operations go, in words and numbers; None where that is not known."""
    before, after = prober.trace(baseline), prober.trace(cell)
    first, second = prober.effort(baseline), prober.effort(cell)
    if before is None or after is None or first is None or second is None:
        return None
    one, two = (dict(components(found.settings)) for found in (baseline, cell))
    other = [path for path, spec in one.items() if path in two and spec.name != two[path].name]
    kept = {name for name in before.sizes if name in after.sizes and not _inside(name, other)}
    lost = _rest(before.sizes, after.sizes, kept)
    new = _rest(after.sizes, before.sizes, kept)
    less = first.operations - second.operations
    share = 100 * abs(less) / max(first.operations, 1)
    words = f"{counted(lost, 'parameter')}{f' gone, {new:,} new,' if new else ''} and {share:.1f} % of a step's "
    words += f"operations {'gone' if less >= 0 else 'more'} ({first.operations:,} to {second.operations:,})"
    return words, {"parameters": lost, "new": new, "operations": [first.operations, second.operations]}


def moves_any(numbers: Mapping[str, Any]) -> bool:
    """Whether `counts` has any number that differs."""
    before, after = numbers["operations"]
    return bool(numbers["parameters"] or numbers["new"] or before != after)


def _rest(sizes: Mapping[str, int], others: Mapping[str, int], kept: set[str]) -> int:
    return sum(max(0, size - (others[name] if name in kept else 0)) for name, size in sizes.items())


def told(without: list[str], instead: list[str]) -> str:
    """`without losses.kl; another fusion (mean, concat)`."""
    parts = [f"without {listed(without)}" if without else "", listed(instead)]
    return "; ".join(part for part in parts if part)
