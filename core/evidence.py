"""What shows whether an ablation took effect: plain records that engines write and reports read without torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .specs import Settings

Phase = Literal["before", "during", "after"]
"""When it was seen: on fixed batches before training, while training, or in the results."""
Mark = Literal["", "≡", "⊘", "½"]
"""In a table: `≡` the same computation as another cell, `⊘` did not take effect, `½` took effect in part."""
Question = Literal[
    "same computation",
    "unread setting",
    "setting without influence",
    "dead parameters",
    "what leaves",
    "factors",
    "gradient share",
    "schedule",
    "unmoved parameters",
    "same predictions",
    "selection split",
    "shared groups",
    "looking",
]
"""What was asked of a cell."""


class Evidence(Settings):
    """One answer to one question about one cell."""

    cell: str
    """Key of the cell."""
    question: Question
    """What was asked."""
    phase: Phase
    """When it was seen."""
    message: str
    """The answer, a sentence that names settings, terms, modalities or parameters and numbers."""
    mark: Mark = ""
    """What a table prints beside the cell; empty where the answer is as hoped for, or only worth knowing."""
    other: str = ""
    """Key of the cell that this one is held against; empty where the answer is about the cell alone."""
    paths: tuple[str, ...] = ()
    """The settings that it is about."""
    details: dict[str, Any] = Field(default_factory=dict)
    """Numbers behind the message, as plain JSON."""
