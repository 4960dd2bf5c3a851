"""Mean absolute error of a task with values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...core import LossSpec, hookimpl
from ...core.regression import ValueLoss, ValueLossSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from ...core import Shapes


class MaeSpec(ValueLossSpec):
    """|prediction - value|, averaged over the labelled rows; the gradient of an exact hit is 0."""

    name: Literal["mae"] = "mae"
    """Which plugin."""

    def build(self, *, shapes: Shapes) -> Mae:
        """Raises StudyError where the task does not fit."""
        return Mae(self, shapes)


class Mae(ValueLoss):
    """Values (B,) of one task to a mean over its labelled rows, 0-d."""

    def penalty(self, error: Tensor) -> Tensor:
        """The absolute error."""
        return error.abs()


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer the mean absolute error."""
    return [MaeSpec]
