"""Groups whose rows stand in two parts of a fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .seen import evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...core.evidence import Evidence
    from .seen import Seen


def group_evidence(seen: Seen) -> Iterator[Evidence]:
    """One record for each cell whose folds share groups."""
    for cell in seen.done:
        told = seen.plan.leaks.get(cell, ())
        if told:
            more = f"; and {len(told) - 1} more such pairs of parts" if len(told) > 1 else ""
            message = f"a group stands in two parts: {told[0]}{more}"
            yield evidence(
                cell,
                "shared groups",
                "after",
                message,
                paths=("splits",),
                code="BF743",
                numbers={"leaks": list(told)},
            )
