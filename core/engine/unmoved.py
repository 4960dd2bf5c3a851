"""Parameters that training never moved: those that no gradient ever came to, whatever weight decay did to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor, nn

    from ..study.settings import TrainSettings

ALL_STEPS = "every step"
LAST_STEPS = "the last step of every epoch"


def memory_of(train: TrainSettings) -> str:
    """Which moment of the optimiser, `first` or `second`, is zero where no gradient ever was; empty where none tells.

    Coupled weight decay is a part of the gradient, and its moments are not zero where only the weights decay.
    """
    if train.optimizer == "adamw" or (train.optimizer == "adam" and not train.weight_decay):
        return "second"
    return "first" if train.optimizer == "sgd" and train.momentum and not train.weight_decay else ""


class Unmoved:
    """Watches one trial."""

    def __init__(self, train: TrainSettings, system: nn.Module) -> None:
        self.memory = memory_of(train)
        named = dict(system.named_parameters())
        self._sizes = {name: p.numel() for name, p in named.items() if p.requires_grad}
        self._frozen = {name: p.numel() for name, p in named.items() if not p.requires_grad}
        self._still = set(self._sizes)

    def look(self, gradients: Mapping[str, Tensor | None]) -> None:
        """Take down the gradients of the last step of an epoch, where the optimiser's moments tell nothing."""
        if not self.memory:
            self._still -= _moved(self._still, gradients)

    def told(self, moments: Mapping[str, Tensor | None]) -> dict[str, Any]:
        """`unmoved` {name: elements} after training, and in which steps it was `looked_at`.

        `whole` are the components of which nothing moved, `frozen` {component: elements} what nothing may move.
        """
        if self.memory:
            self._still -= _moved(self._still, moments)
        unmoved = {name: size for name, size in self._sizes.items() if name in self._still}
        told: dict[str, Any] = {"unmoved": unmoved}
        if unmoved:
            told["looked_at"] = ALL_STEPS if self.memory else LAST_STEPS
            still, parts = _by_part(unmoved), _by_part(self._sizes)
            told["whole"] = [part for part, sizes in still.items() if len(sizes) == len(parts[part])]
        if self._frozen:
            told["frozen"] = {part: sum(sizes) for part, sizes in _by_part(self._frozen).items()}
        return told


def _moved(names: Iterable[str], values: Mapping[str, Tensor | None]) -> set[str]:
    known = ((name, values.get(name)) for name in names)
    return {name for name, value in known if value is not None and bool(value.any())}


def _by_part(sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """{component: sizes of its parameters}; a component is `fusion`, or `encoder.text`."""
    found: dict[str, list[int]] = {}
    for name, size in sizes.items():
        first, second, *_ = name.split(".")
        found.setdefault("fusion" if first == "fusion" else f"{first}.{second}", []).append(size)
    return found
