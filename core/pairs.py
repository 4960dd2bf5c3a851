"""Pairs of modalities, for terms of the loss that compare them two by two."""

from __future__ import annotations

import difflib
from itertools import combinations
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from .errors import StudyError, nearest

if TYPE_CHECKING:
    from .batch import Shapes

NEAR = 0.8
"""Likeness (difflib's ratio) from which an unknown name counts as a misspelling of a modality."""


def _distinct(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    for first, second in pairs:
        if first == second:
            raise ValueError(f"a pair takes two modalities, not '{first}' twice")
    if len(set(pairs)) < len(pairs):
        raise ValueError("a pair is listed twice")
    return pairs


Pairs = Annotated[tuple[tuple[str, str], ...], Field(min_length=1), AfterValidator(_distinct)]
"""Explicit pairs, `[[text, audio], [text, video]]`."""


def resolve_pairs(wanted: Pairs | None, shapes: Shapes) -> tuple[tuple[str, str], ...]:
    """The pairs of a cell: every two modalities in their order, or those `wanted` that the cell has.

    A cell may hold some of the data set's modalities only, so a pair with a modality that is not here is left out. What
    can be told from that raises StudyError: a name that is nearly a modality of the cell which no pair names, and pairs
    that share no name with a cell of two modalities or more.
    """
    known = shapes.modalities
    if wanted is None:
        return tuple(combinations(known, 2))
    named = {name for pair in wanted for name in pair}
    unnamed = [name for name in known if name not in named]
    for name in sorted(named.difference(known)):
        if difflib.get_close_matches(name, unnamed, n=1, cutoff=NEAR):
            raise StudyError(
                f"loss term '{shapes.term}': unknown modality '{name}' in `pairs`; {nearest(name, unnamed)}"
            )
    if len(known) > 1 and not named.intersection(known):
        listed = ", ".join(f"'{name}'" for name in sorted(named))
        raise StudyError(
            f"loss term '{shapes.term}': `pairs` name {listed}, none of which is here; {nearest('', known)}"
        )
    return tuple(pair for pair in wanted if pair[0] in known and pair[1] in known)
