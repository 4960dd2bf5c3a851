"""Types of settings in words."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from butfor.core.markers import Knob, component, knob
from butfor.core.specs import EncoderSpec, FusionSpec, Settings, Warmup
from butfor.reports.type_words import in_words


class Every(Settings):
    """One field of each sort."""

    plain: float = 1.0
    half: Knob = knob(0.5, ge=0, lt=1)
    share: float = Field(default=0.5, ge=0, le=1)
    count: int | None = Field(default=None, ge=1)
    choice: Literal["a", "b"] = "a"
    switch: bool = True
    inner: FusionSpec = component("mean")
    each: dict[str, EncoderSpec] = Field(default_factory=dict)
    names: tuple[str, ...] = ()
    rates: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    either: int | tuple[float, ...] = 1
    ramp: Warmup = Warmup()
    path: complex = 1j


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plain", "a number"),
        ("half", "a number of at least 0 and less than 1"),
        ("share", "a number from 0 to 1"),
        ("count", "a whole number of at least 1 or null"),
        ("choice", "a | b"),
        ("switch", "true or false"),
        ("inner", "a fusion"),
        ("each", "a mapping of names to an encoder"),
        ("names", "a list of texts"),
        ("rates", "a mapping of names to a number greater than 0"),
        ("either", "a whole number or a list of numbers"),
        ("ramp", "a mapping (start, ramp)"),
        ("path", "complex"),
    ],
)
def test_a_type_is_told_with_its_bounds(name: str, words: str) -> None:
    assert in_words(Every.model_fields[name]) == words
