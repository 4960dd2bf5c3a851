"""Random numbers for a forward pass, served from the trial's own streams, by site and step.

A site is the qualified name of the module that draws (`encoder.text.drop`) and the number of the draw inside it. The
numbers depend on the trial's stream, the site and the step, and on nothing else: not on which other parts the system
has, on what they draw, or on what ran before. So two cells of a seed and fold share the masks of the parts they share.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ..streams import stream_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, nn

COMPOSITE = frozenset(
    {
        "lstm",
        "gru",
        "rnn_tanh",
        "rnn_relu",
        "multi_head_attention_forward",
        "scaled_dot_product_attention",
        "gumbel_softmax",
        "rrelu",
        "alpha_dropout",
        "feature_alpha_dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "bernoulli",
        "bernoulli_",
        "normal",
        "normal_",
        "uniform_",
        "rand",
        "randn",
        "randint",
        "rand_like",
        "randn_like",
        "randint_like",
        "randperm",
        "multinomial",
        "poisson",
        "exponential_",
        "geometric_",
        "cauchy_",
        "log_normal_",
        "random_",
        "trunc_normal_",
    }
)
"""Functions that draw inside themselves: the default generator is seeded for the site before each call."""


@cache
def _draws(func: Callable[..., Any]) -> bool:
    return func is functional.dropout or getattr(func, "__name__", "") in COMPOSITE


class ServedNoise(TorchFunctionMode):
    """Inside this mode, dropout and random tensors come from the streams `parts`; call `begin` before each pass."""

    def __init__(self, *parts: str | int) -> None:
        super().__init__()
        self._base = stream_key(*parts)
        self._generator = torch.Generator()
        self._draws: Counter[str] = Counter()
        self._path: list[str] = []
        self._step = 0

    def begin(self, step: int) -> None:
        """Start a pass: the next draws are those of `step`, whatever was drawn before."""
        self._step = step
        self._draws.clear()
        self._path.clear()

    def attach(self, model: nn.Module) -> Self:
        """Follow the modules of `model` as they are called, to know the site of a draw."""
        for name, module in model.named_modules():
            module.register_forward_pre_hook(lambda _module, _args, name=name: self._path.append(name))
            module.register_forward_hook(lambda _module, _args, _output: self._leave(), always_call=True)
        return self

    def _leave(self) -> None:
        if self._path:
            self._path.pop()

    def _key(self) -> int:
        site = self._path[-1] if self._path else ""
        number = self._draws[site]
        self._draws[site] += 1
        return stream_key(self._base, site, number, self._step)

    def _seeded(self) -> torch.Generator:
        return self._generator.manual_seed(self._key())

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        """Serve the functions that draw; pass all others on."""
        kwargs = kwargs or {}
        if not _draws(func):
            return func(*args, **kwargs)
        if func is functional.dropout:
            return self._dropout(*args, **kwargs)
        if func in (torch.rand_like, torch.randn_like) and len(args) == 1 and not kwargs:
            draw = torch.rand if func is torch.rand_like else torch.randn
            like: Tensor = args[0]
            return draw(like.shape, generator=self._seeded(), dtype=like.dtype).to(like.device)
        if kwargs.get("generator") is None:
            torch.default_generator.manual_seed(self._key())
        return func(*args, **kwargs)

    def _dropout(
        self,
        input: Tensor,  # noqa: A002 - torch's name
        p: float | Tensor = 0.5,
        training: bool = True,
        inplace: bool = False,  # noqa: ARG002 - the result is the same
    ) -> Tensor:
        """Inverted dropout whose rate may be a 0-d tensor: keep where a served uniform is at least p."""
        if not training:
            return input
        key = self._seeded()
        if not isinstance(p, torch.Tensor) and p in (0, 1):
            return input * (1 - p)
        uniform = torch.rand(input.shape, generator=key, dtype=input.dtype).to(input.device)
        return input * (uniform >= p) / (1 - p)
