"""Which layouts a design can have: the setting of a sweep, the factors of a cross table, the data sets of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .plan import PlannedDesign, TableSettings

    Differences = Mapping[str, Mapping[str, Any]]
    """{key of the cell: {path: value} against the baseline}."""

_FEWEST = 2
"""Values of a sweep, and factors of a cross table."""


class Misfit(NamedTuple):
    """Why a design cannot have the layout that a table asks for."""

    key: str
    """The key of the table that is to blame."""
    message: str
    remedy: str = ""


def sweep_paths(design: PlannedDesign, differs: Differences) -> tuple[str, ...]:
    """The settings to which cells of the design give numbers, in order; the baseline's own value is one more."""
    found: dict[str, set[float]] = {}
    for row in design.rows:
        for path, value in differs.get(row.cell, {}).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.setdefault(path, set()).add(float(value))
    return tuple(found)


def named_path(name: str, paths: Iterable[str]) -> str:
    """The path that `name` is, or that alone ends in it; empty for none."""
    known = list(paths)
    ends = [path for path in known if path == name or path.endswith(f".{name}")]
    return name if name in known else ends[0] if len(ends) == 1 else ""


def crossed(design: PlannedDesign) -> bool:
    """Whether every row has a level of each of two or more factors, and no two rows have the same."""
    points = [tuple(row.levels.get(factor) for factor in design.factors) for row in design.rows]
    whole = all(factor in row.levels for row in design.rows for factor in design.factors)
    return len(design.factors) >= _FEWEST and whole and len(set(points)) == len(points)


def misfit(table: TableSettings, design: PlannedDesign, differs: Differences, *, evaluated: bool) -> Misfit | None:
    """Why the design cannot have that layout; None where it can.

    `evaluated` is whether the study tests under further conditions, such as missing modalities.
    """
    if table.layout == "sweep":
        return _no_sweep(table, design, differs)
    if table.layout == "robustness" and not evaluated:
        told = "layout 'robustness' shows tests with missing or noisy modalities, and the study has none"
        return Misfit("layout", told, "ask for some, such as `evaluate: {missing: {rates: [0, 0.3, 0.5]}}`")
    if table.layout == "factorial" and not crossed(design):
        told = "layout 'factorial' needs two factors or more, each with a level in every row"
        return Misfit("layout", f"{told}; '{design.name}' is a {design.kind}", "take a design of kind factorial")
    if table.factor and table.layout in ("factorial", "comparison") and table.factor not in design.factors:
        told = f"'{table.factor}' is no factor of '{design.name}'"
        return Misfit("factor", told, nearest(table.factor, list(design.factors)))
    if table.factor and table.layout not in ("factorial", "comparison"):
        return Misfit(
            "factor", "is read by the layouts sweep, factorial and comparison", "name one of them as `layout`"
        )
    return None


def _no_sweep(table: TableSettings, design: PlannedDesign, differs: Differences) -> Misfit | None:
    paths = sweep_paths(design, differs)
    if not paths:
        told = f"layout 'sweep' needs a setting that has several numbers; '{design.name}' has none"
        return Misfit("layout", told, "vary a number, such as `one_at_a_time: {train.lr: [0.01, 0.001]}`")
    if table.factor and not named_path(table.factor, paths):
        return Misfit("factor", f"'{table.factor}' has no numbers in '{design.name}'", nearest(table.factor, paths))
    if not table.factor and len(paths) > 1:
        told = f"layout 'sweep' is of one setting; '{design.name}' varies {', '.join(paths)}"
        return Misfit("layout", told, f"say which, such as `factor: {paths[0]}`")
    return None
