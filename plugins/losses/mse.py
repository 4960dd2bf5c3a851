"""Mean squared error of a task with values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...core import LossSpec, hookimpl
from ...core.regression import ValueLoss, ValueLossSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from ...core import Shapes


class MseSpec(ValueLossSpec):
    """(prediction - value)^2, averaged over the labelled rows. Source: AttentionRobustV4 plan, for valence."""

    name: Literal["mse"] = "mse"
    """Which plugin."""

    def build(self, *, shapes: Shapes) -> Mse:
        """Raises StudyError where the task does not fit."""
        return Mse(self, shapes)


class Mse(ValueLoss):
    """Values (B,) of one task to a mean over its labelled rows, 0-d."""

    def penalty(self, error: Tensor) -> Tensor:
        """The squared error."""
        return error.square()


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer the mean squared error."""
    return [MseSpec]
