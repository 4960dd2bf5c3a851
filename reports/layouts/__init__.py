"""How a table is laid out: from its numbers to the rows and columns of a sheet. One layout a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .across import across
from .cross import cross
from .listed import listed
from .robust import robust
from .swept import swept

if TYPE_CHECKING:
    from ..sheet import Sheet
    from ..table import Table


def sheet_of(table: Table) -> Sheet:
    """The sheet of a table, as its settings and its design ask for it."""
    if table.shape.across:
        return across(table)
    if table.shape.series:
        return swept(table)
    if table.shape.columns:
        return cross(table)
    if table.settings.layout == "robustness" and table.metrics:
        return robust(table)
    return listed(table)
