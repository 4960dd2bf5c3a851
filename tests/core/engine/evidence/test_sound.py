"""Parts that a quick look may take for faults, and that train differently: none is accused."""

from collections.abc import Callable

import pytest

ENCODER = "{name: mlp, width: 8, dropout: 0.0}"


def sound(rest: str, *, encoder: str = ENCODER, train: str = "epochs: 4, batch_size: 16") -> str:
    """A baseline, and what stands under it."""
    return f"baseline: {{encoder: {encoder}, train: {{{train}}}, {rest}}}\n"


@pytest.mark.parametrize(
    "study",
    [
        "fusion: {name: dividing, heads: 2}, losses: {emotion: cross_entropy}",
        "fusion: mean, losses: {emotion: picky}",
    ],
)
def test_what_a_plugin_raises_for_values_that_nobody_wrote_stops_nothing(study: str, prove: Callable) -> None:
    assert prove(sound(study)).codes() == []
