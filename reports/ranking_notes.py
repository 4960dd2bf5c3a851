"""What stands under a table about its marks: on which blocks rows were ranked, which were not, and what † is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .comparison_columns import TIED
from .numerals import span
from .statistics.corrections import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .ranking import Ranking
    from .table import Table

_LISTED = 8


def ranking_notes(table: Table) -> list[str]:
    """Sentences on best, second and †; none where the marks need no word."""
    rankings = [one for some in table.rankings.values() for one in some]
    return [_restricted(rankings), _unranked(table, rankings), _tied(table, rankings)]


def _restricted(rankings: Iterable[Ranking]) -> str:
    counts = [one.blocks for one in rankings if one.restricted]
    if not counts:
        return ""
    many = f"{span(counts)} block{'s' if max(counts) > 1 else ''}"
    return (
        f"Best and second: by the means over the {many} (seed on fold) that all ranked rows have, not by those shown."
    )


def _unranked(table: Table, rankings: Iterable[Ranking]) -> str:
    found = _labels(table, [key for one in rankings for key in one.unranked])
    return f"Neither best nor second, as they share too few blocks with the other rows: {found}." if found else ""


def _tied(table: Table, rankings: Iterable[Ranking]) -> str:
    if not any(score.tied for row in table.rows for score in row.scores.values()):
        return ""
    name = NAMES[table.statistics.settings.correction]
    among = "metric" if table.settings.along == "columns" or table.shape.columns else "column"
    untested = _labels(table, [key for one in rankings for key in one.untested])
    more = (
        f" It stands too behind what shares too few blocks with the best to be tested: {untested}." if untested else ""
    )
    return f"{TIED}: not told apart from the best of its {among} (same test, {name} over the {among}).{more}"


def _labels(table: Table, keys: Iterable[str]) -> str:
    wanted = set(keys)
    labels = [row.label for row in table.rows if row.key in wanted]
    more = f"; and {len(labels) - _LISTED} more rows" if len(labels) > _LISTED else ""
    return "; ".join(labels[:_LISTED]) + more
