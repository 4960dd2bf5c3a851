"""What each kind of part promises of its output, looked at while a system runs: types, shapes, finite numbers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from ..batch import Encoded, Fused

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from .model import System


class BrokenPromiseError(Exception):
    """A part gave something else than its kind does."""

    def __init__(self, path: str, message: str, code: str) -> None:
        super().__init__(message)
        self.path = path
        self.code = code


def watch(system: System) -> None:
    """Let every component of `system` raise BrokenPromiseError as soon as it breaks its promise."""
    width = system.cell.width
    for modality, encoder in system.encoder.items():
        gives = system.cell.encoder[modality].capabilities()
        _look(encoder, f"encoder.{modality}", partial(_encoded, width, gives))
    _look(system.fusion, "fusion", partial(_fused, width))
    for term, loss in system.losses.items():
        _look(loss, f"losses.{term}", _term)


def _look(module: nn.Module, path: str, check: Callable[[Any, Any], dict[str, Tensor]]) -> None:
    def hook(_: nn.Module, args: tuple[Any, ...], made: object) -> None:
        try:
            tensors = check(made, args)
        except TypeError as error:
            raise BrokenPromiseError(path, str(error), "BF502") from None
        for name, tensor in tensors.items():
            if not bool(torch.isfinite(tensor).all()):
                raise BrokenPromiseError(path, f"gives NaN or infinity{f' as its {name}' if name else ''}", "BF503")

    module.register_forward_hook(hook)


def _encoded(width: int, gives: frozenset[str], made: object, args: tuple[Any, ...]) -> dict[str, Tensor]:
    rows = len(args[0])
    if not isinstance(made, Encoded):
        raise TypeError(f"gives {_kind(made)} where an encoder gives Encoded")
    for name, promised in (("log_variance", "variance"), ("sequence", "sequence")):
        given = getattr(made, name) is not None
        if given != (promised in gives):
            says = "no" if given else "a"
            raise TypeError(f"says that it gives {says} {promised}, and its {name} is {_kind(getattr(made, name))}")
    flat = {name: getattr(made, name) for name in ("mean", "log_variance", "sample") if getattr(made, name) is not None}
    for name, tensor in flat.items():
        _shaped(name, tensor, (rows, width), "(B, H)")
    if made.sequence is not None:
        steps = made.sequence.shape[1] if made.sequence.ndim == 3 else -1  # noqa: PLR2004 - (B, T, H)
        _shaped("sequence", made.sequence, (rows, steps, width), "(B, T, H)")
        flat["sequence"] = made.sequence
    return flat


def _fused(width: int, made: object, args: tuple[Any, ...]) -> dict[str, Tensor]:
    present = args[1].shape
    if not isinstance(made, Fused):
        raise TypeError(f"gives {_kind(made)} where a fusion gives Fused")
    _shaped("vector", made.vector, (present[0], width), "(B, H)")
    if made.weights is None:
        return {"vector": made.vector}
    _shaped("weights", made.weights, tuple(present), "(B, M)")
    return {"vector": made.vector, "weights": made.weights}


def _term(made: object, _: tuple[Any, ...]) -> dict[str, Tensor]:
    if not isinstance(made, torch.Tensor):
        raise TypeError(f"gives {_kind(made)} where a term gives a 0-d tensor")
    if made.ndim:
        raise TypeError(f"gives a value of shape {tuple(made.shape)}; a loss term returns a 0-d tensor")
    return {"": made}


def _shaped(name: str, tensor: object, wanted: tuple[int, ...], letters: str) -> None:
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"gives {_kind(tensor)} as its {name}; expected a tensor {letters}")
    if tuple(tensor.shape) != wanted:
        raise TypeError(f"gives a {name} of shape {tuple(tensor.shape)}; expected {letters} = {wanted}")


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
