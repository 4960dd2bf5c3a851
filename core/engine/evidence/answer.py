"""An answer from before training, about one cell or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...evidence import Evidence

if TYPE_CHECKING:
    from ...evidence import Mark, Question
    from ...study.cell import Cell


def answer(
    cell: Cell,
    question: Question,
    message: str,
    paths: tuple[str, ...],
    code: str = "",
    *,
    mark: Mark = "",
    other: Cell | None = None,
    **details: object,
) -> Evidence:
    """What was seen of `cell`, beside an `other` where it is held against one; `details` are the numbers behind it."""
    return Evidence(
        cell=cell.key,
        question=question,
        phase="before",
        message=message,
        mark=mark,
        other=other.key if other else "",
        paths=paths,
        details={**({"code": code} if code else {}), **details},
    )
