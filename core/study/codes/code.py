"""One code of a finding: what a reader looks up when a message alone is not enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...errors import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding, stable from 0.1 on: its number is never given to another kind."""

    code: str
    """`BF` and three digits; the first says the chapter."""
    title: str
    """What is wrong, in a line."""
    explanation: str
    """Why that is wrong, or why it matters."""
    example: str
    """A few lines that show it: YAML that is laid over a sound study, or Python of a plugin."""
    remedy: str
    """What to do."""
    severity: Severity = "error"
    """`error`: nothing is trained. `warning`: allowed, and probably not meant. `note`: worth knowing."""
