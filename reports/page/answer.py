"""The answer in one sentence, one more for each further table, and what is left of conclusions that others drew."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ..claims import judge_claims
from .sentence import STANDING, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..claims import JudgedClaim
    from ..material import Material


class Answer(NamedTuple):
    """What the page begins with."""

    first: str
    """The study's answer."""
    claims: list[str]
    """Every conclusion that was drawn from imported runs, with what the runs say of it."""
    others: list[tuple[str, str]]
    """(table, what it says) of the tables that the answer is not about."""


def answer_of(material: Material) -> Answer:
    """The answer of the first table; of imported runs which conclusions stand."""
    if not material.tables:
        return Answer(_without_tables(material), [], [])
    judged = judge_claims(material.frame, material.plan)
    said = [(named, sentence(table, judged)) for table, named in material.named]
    if not judged:
        return Answer(said[0][1], [], said[1:])
    return Answer(_claimed(judged), [one.sentence() for one in judged], said)


def _claimed(judged: Sequence[JudgedClaim]) -> str:
    found = Counter(one.standing for one in judged)
    stand = found.pop("stands", 0)
    parts = [f"{stand or 'none'} {STANDING['stands'][stand > 1]}"]
    parts += [f"{number} {STANDING[standing][number > 1]}" for standing, number in found.most_common()]
    many = "conclusions that were" if len(judged) > 1 else "conclusion that was"
    return f"Of {len(judged)} {many} drawn from these runs, {', '.join(parts)}."


def _without_tables(material: Material) -> str:
    done = sum(len(results) for results in material.by_cell.values())
    return f"The study asks for no table and compares nothing; {done} of {len(material.plan.trials)} trials are done."
