"""Many comparisons at once: p values adjusted over all that were declared, also those that could not be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Correction = Literal["holm", "hommel", "bonferroni", "fdr_bh", "none"]
NAMES: dict[Correction, str] = {
    "holm": "Holm",
    "hommel": "Hommel",
    "bonferroni": "Bonferroni",
    "fdr_bh": "Benjamini-Hochberg",
    "none": "not corrected",
}


def named(method: Correction, count: int, what: str = "comparison") -> str:
    """`Holm over 3 comparisons`, for notes; `not corrected`."""
    return NAMES[method] if method == "none" else f"{NAMES[method]} over {count} {what}{'' if count == 1 else 's'}"


def adjusted(p: Sequence[float | None], method: Correction = "holm") -> list[float | None]:
    """Each p adjusted over all; None stays None and is counted as a 1, so that a lost comparison earns nobody power."""
    if method == "none" or not any(value is not None for value in p):
        return list(p)
    known = np.array([1.0 if value is None else value for value in p])
    found = _holm(known) if method == "holm" else _by_statsmodels(known, method)
    return [None if value is None else float(new) for value, new in zip(p, found, strict=True)]


def _by_statsmodels(p: NDArray[np.float64], method: Correction) -> NDArray[np.float64]:
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415 - seconds to import; tables mostly ask for Holm

    return np.asarray(multipletests(p, method=method)[1])


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's p (m,). As statsmodels has it, which takes seconds to import, and clears the whole heap at every call."""
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)).clip(max=1.0)
    found = np.empty_like(p)
    found[order] = raised
    return found
