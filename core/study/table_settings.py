"""What a table of a study looks like: its layout, its numbers, and rows that somebody else has published."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from ..specs import Settings

Layout = Literal["auto", "components", "comparison", "sweep", "factorial", "robustness"]
"""How rows and columns are laid out; `auto` follows the design."""
Cost = Literal["parameters", "flops", "seconds", "memory"]
"""What a system costs."""
Spread = Literal["sd", "se", "ci"]
"""What stands behind ±."""


class FormatSettings(Settings):
    """How the numbers of a table are printed."""

    decimals: Annotated[int, Field(ge=0, le=8)] | None = None
    """Digits behind the point; null is as `decimals` beside it says."""
    percent: bool | None = None
    """Multiply rates (accuracy, F1) by 100; null is as `percent` beside it says."""
    spread: Spread = "sd"
    """What stands behind ±: standard deviation over the runs, standard error of the mean, or half its interval."""
    siunitx: bool = False
    """In LaTeX, numbers stand in `S` columns of the package siunitx (version 3), aligned at the point."""


class PublishedRow(Settings):
    """Numbers that somebody else has published: shown, marked as such, never tested, ranked or tied."""

    label: str = Field(min_length=1)
    """How the row reads."""
    values: dict[str, float] = Field(min_length=1)
    """{metric: value}, in the metric's own unit (0.83, not 83, for a rate in percent)."""
    source: str = Field(min_length=1)
    """Where they are from; stands under the table."""
    split: str = ""
    """The part of the data that they are of; empty for that of the table. Of another part they are refused."""
    level: str = ""
    """Of several data sets, the level of the factor (the heading of the columns) that they belong to."""
    parameters: int | None = Field(default=None, ge=0)
    """As published, for the column of `costs`."""

    @field_validator("label", "source")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("expected some words")
        return text
