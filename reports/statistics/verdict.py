"""The verdict in a word: better, worse, equivalent, or not settled."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["better", "worse", "equivalent", "not settled"]


def verdict(
    delta: float | None,
    p_adjusted: float | None,
    *,
    higher_is_better: bool,
    alpha: float = 0.05,
    equivalence: float | None = None,
) -> Verdict | None:
    """What may be said of a difference from the baseline; None where nothing could be tested.

    `equivalent` where the difference is shown to lie within the margin (`equivalence`, its adjusted p, is at most
    alpha), even if it is shown not to be zero: it is then too small to matter. `better` and `worse` where it is shown
    not to be zero. Everything else is not settled, which is no finding of "no effect".
    """
    if equivalence is not None and equivalence <= alpha:
        return "equivalent"
    if p_adjusted is None:
        return None if equivalence is None else "not settled"
    if delta is None or p_adjusted > alpha or delta == 0:
        return "not settled"
    return "better" if (delta > 0) == higher_is_better else "worse"
