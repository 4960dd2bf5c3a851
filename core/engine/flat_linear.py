"""Linear layers over rows of a stack: leading axes as one, or every row's weights are copied for every sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn import functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class FlatLinear(TorchFunctionMode):
    """Inside this mode, `functional.linear` of (..., D) is that of (n, D): the same numbers, no copies of weights."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Flatten for linear layers; pass all others on."""
        kwargs = kwargs or {}
        if func is functional.linear and not kwargs and args[0].shape[1:-1]:  # (B, S, D)
            flat = func(args[0].flatten(0, -2), *args[1:])
            return flat.unflatten(0, args[0].shape[:-1])
        return func(*args, **kwargs)
