"""What stands under a table about its layout: what a sweep leaves out, what an area is, what is not comparable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .comparison_columns import TIED
from .data_set_ranks import ranks_note
from .layouts.parts import APART, PUBLISHED
from .robustness import Measure
from .text import plain

if TYPE_CHECKING:
    from .table import Table

_LISTED = 8
_SCALES = {
    "missing": "Missing: share of the test rows without the modalities",
    "noise": "Noise: in standard deviations of each feature",
}


def layout_notes(table: Table) -> list[str]:
    """Sentences on the layout, its columns and its rows."""
    return [
        _data_sets(table),
        ranks_note(table),
        _sweep(table),
        _cross(table),
        _area(table),
        *_apart(table),
        _costs(table),
        _published(table),
    ]


def spread_note(table: Table) -> str:
    """`Mean ± sd (ddof 1)`, or what else stands behind ±."""
    kind, procedure = table.settings.format.spread, table.statistics.procedure
    unit = f"{procedure.unit}s" + (", corrected for shared training rows" if procedure.test == "nadeau_bengio" else "")
    level = 100 * (1 - table.statistics.settings.alpha)
    return {
        "sd": "Mean ± sd (ddof 1)",
        "se": f"Mean ± standard error (of {unit})",
        "ci": f"Mean ± half of its {level:g} % interval (t over {unit})",
    }[kind]


def _data_sets(table: Table) -> str:
    if not table.shape.across:
        return ""
    return "Every data set has a baseline of its own; no row is marked or tested across data sets."


def _sweep(table: Table) -> str:
    """Rows that differ from the others in more than the swept setting."""
    out, trend = table.shape.left_out, ""
    if any("trend" in kinds for kinds in table.effects.values()) and table.shape.series:
        trend = f"Trend: the slope per unit of {table.shape.swept}. "
    if not table.shape.series or not out:
        return trend.strip()
    more = f"; and {len(out) - _LISTED} more" if len(out) > _LISTED else ""
    return f"{trend}Not part of the sweep, as more than {table.shape.swept} differs: {'; '.join(out[:_LISTED])}{more}."


def _cross(table: Table) -> str:
    if not table.shape.columns:
        return ""
    told = "“all”: mean over the levels, within each block first"
    if any(kinds.get("effects") for kinds in table.effects.values()):
        told += "; “effect”: change from the baseline's level, averaged over the other factor"
    return f"{told}."


def _area(table: Table) -> str:
    """How tests under conditions were made, each kind on a scale of its own, and what an area is."""
    levels: dict[str, list[float]] = {}
    for metric in table.metrics:
        if isinstance(metric, Measure) and metric.level is not None:
            levels.setdefault(metric.kind, []).append(metric.level)
    if not levels:
        return ""
    scales = " ".join(f"{_SCALES[kind]}, {min(found):g} to {max(found):g}." for kind, found in levels.items())
    apart = ", never over both kinds" if len(levels) > 1 else ""
    return (
        f"{scales} 0 is the clean test; every system meets the same draws. AUC: area under the metric over that scale "
        f"(trapezoids){apart}, divided by its width, so a mean in the metric's own unit; it alone is tested."
    )


def _apart(table: Table) -> list[str]:
    """Which rows are not comparable, by the reason."""
    reasons: dict[str, list[str]] = {}
    for row in table.rows:
        if row.apart:
            reasons.setdefault(row.apart, []).append(row.label)
    return [
        f"{APART} not comparable with the rest of the column, so not shown in it, ranked or tested: "
        f"{'; '.join(labels[:_LISTED])}: {plain(reason)}."
        for reason, labels in reasons.items()
    ]


def _costs(table: Table) -> str:
    """What each cost is."""
    words = {
        "parameters": "numbers that are trained",
        "flops": "floating point operations of one row forward (matrix products and convolutions)",
        "seconds": "mean wall time of a trial, in a stack its share",
        "memory": "weights, gradients, moments, buffers and what a batch keeps for the backward, of one trial, counted",
    }
    names = {"parameters": "Parameters", "flops": "FLOPs", "seconds": "Seconds", "memory": "Memory"}
    return "; ".join(f"{names[cost]}: {words[cost]}" for cost in dict.fromkeys(table.settings.costs)) + (
        "." if table.settings.costs else ""
    )


def _published(table: Table) -> str:
    """Where published rows are from."""
    rows = table.settings.reference
    if not rows:
        return ""
    told = "; ".join(f"{plain(row.label)}: {plain(row.source)}" for row in rows)
    nowhere = [plain(row.label) for row in rows if table.shape.across and not row.level]
    more = f" In no column, as no data set is named (`level`): {'; '.join(nowhere)}." if nowhere else ""
    return f"{PUBLISHED} published, not run here: never tested, ranked or marked {TIED}. {told}.{more}"
