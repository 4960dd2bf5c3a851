"""Numbers and names of metrics as a paper prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..core.study.plan import PlannedMetric

ABSENT = "–"
"""What stands where there is no number."""
MINUS = "−"
_HUGE = 1e7
_LEAST_P = 0.001
_INITIALS = frozenset({"auc", "ccc", "f1", "mae", "mse", "r2", "rmse", "uar", "war", "wa", "ua"})


def numeral(value: float | None, decimals: int, *, signed: bool = False) -> str:
    """`0.812`, `−0.012`, `+0.012` when signed; never `-0.000`; the dash for None; powers of ten from 10^7 on."""
    if value is None:
        return ABSENT
    style = "e" if abs(value) >= _HUGE else "f"
    digits = f"{abs(value):.{decimals}{style}}"
    if not float(digits):
        return digits
    sign = MINUS if value < 0 else "+" if signed else ""
    return sign + digits


def significant(value: float, *, signed: bool = False) -> str:
    """Three digits that count: `0.0123`, `+1.23e-05`, `1230`."""
    digits = f"{abs(value):#.3g}".rstrip(".")
    if not float(digits):
        return "0"
    return (MINUS if value < 0 else "+" if signed else "") + digits


def amount(metric: PlannedMetric, value: float, decimals: int, *, percent: bool) -> str:
    """A difference of a metric, in the unit and with the digits of its column."""
    return numeral(value * scale(metric, percent=percent), digits(metric, decimals, percent=percent))


def probability(value: float) -> str:
    """`0.012`, `<0.001`; two digits would hide what is near .05."""
    return f"<{_LEAST_P}" if value < _LEAST_P else f"{value:.3f}"


def span(counts: Collection[int]) -> str:
    """`5`, or `3 to 5`."""
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def scale(metric: PlannedMetric, *, percent: bool) -> float:
    """What its values are multiplied by in print: 100 for a rate in percent."""
    return 100.0 if percent and metric.rate else 1.0


def digits(metric: PlannedMetric, decimals: int, *, percent: bool) -> int:
    """Digits behind the point: where rates are in percent, other metrics get two more, as they are not multiplied."""
    return decimals + 2 if percent and not metric.rate else decimals


def heading(name: str) -> str:
    """`weighted_f1` reads `Weighted F1`, `emotion.acc2_non0` `Emotion: acc2 non0`, `mse@noise:auc` `MSE, noise AUC`."""
    name, _, condition = name.partition("@")
    if condition:
        return f"{heading(name)}, {condition.replace(':', ' ').replace(' auc', ' AUC')}"
    parts = [_words(part) for part in name.split(".")]
    words = ": ".join(part for part in parts if part) or name
    return words[:1].upper() + words[1:]


def _words(part: str) -> str:
    words = part.replace("_", " ").split()
    return " ".join(word.upper() if word.lower() in _INITIALS else word for word in words)
