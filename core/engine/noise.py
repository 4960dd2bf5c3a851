"""Random numbers for a forward pass, served from the trial's own streams, by site and step.

A site is the qualified name of the module that draws (`encoder.text.drop`) and the number of the draw inside it. The
numbers depend on the trial's stream, the site and the step, and on nothing else: not on which other parts the system
has, on what they draw, or on what ran before. So two cells of a seed and fold share the masks of the parts they share.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ..errors import TrainingError
from ..streams import step_key, stream_key
from .devices import seed_default

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
        "_standard_gamma",
        "_sample_dirichlet",
        "binomial",
        "dropout",
        "dropout_",
        "native_dropout",
        "alpha_dropout_",
        "feature_alpha_dropout_",
        "feature_dropout",
        "feature_dropout_",
        "rrelu_",
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
RATES = {"multi_head_attention_forward": 10, "scaled_dot_product_attention": 4}
"""Those with a `dropout_p`, and its place: without a rate they draw nothing."""


@cache
def _draws(func: Callable[..., Any]) -> bool:
    return func is functional.dropout or getattr(func, "__name__", "") in COMPOSITE


def _silent(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a function that could draw has no rate to draw with, in this call."""
    place = RATES.get(getattr(func, "__name__", ""))
    if place is None or func is functional.dropout:
        return False
    rate = args[place] if len(args) > place else kwargs.get("dropout_p", 0.0)
    return not isinstance(rate, torch.Tensor) and (rate == 0 or not kwargs.get("training", True))


class Draw(NamedTuple):
    """One draw of a forward pass."""

    site: str
    number: int
    kind: str
    """`uniform`, `normal`, or the name of a function that draws inside itself."""
    shape: tuple[int, ...]
    dtype: torch.dtype


class Site:
    """Which module is running, and how often it has drawn in this pass."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Start a pass."""
        self._path.clear()
        self._counts.clear()

    def attach(self, model: nn.Module, prefix: str = "") -> None:
        """Follow the modules of `model` as they are called."""
        for name, module in model.named_modules(prefix=prefix):
            module.register_forward_pre_hook(lambda _module, _args, name=name: self._path.append(name))
            module.register_forward_hook(lambda _module, _args, _output: self._leave(), always_call=True)

    def _leave(self) -> None:
        if self._path:
            self._path.pop()

    def next(self) -> tuple[str, int]:
        """Site and number of the next draw."""
        site = self._path[-1] if self._path else ""
        number = self._counts[site]
        self._counts[site] += 1
        return site, number

    def peek(self) -> tuple[str, int]:
        """The same, without drawing."""
        site = self._path[-1] if self._path else ""
        return site, self._counts[site]


class _Noise(TorchFunctionMode):
    """Inside this mode, dropout and random tensors are served. `begin` comes before each pass."""

    def __init__(self, site: Site | None = None) -> None:
        super().__init__()
        self.site = site or Site()

    def attach(self, model: nn.Module) -> Self:
        """Follow the modules of `model` as they are called, to know the site of a draw."""
        self.site.attach(model)
        return self

    def draw(self, kind: str, like: Tensor) -> Tensor:
        """A `uniform` or `normal` tensor of the shape of `like`."""
        raise NotImplementedError

    def seed(self, name: str) -> None:
        """Make the default generator ready for `name`, which draws inside itself."""
        raise NotImplementedError

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Serve the functions that draw; pass all others on."""
        kwargs = kwargs or {}
        if not _draws(func) or _silent(func, args, kwargs):
            return func(*args, **kwargs)
        if func is functional.dropout:
            return self._dropout(*args, **kwargs)
        if func in (torch.rand_like, torch.randn_like) and len(args) == 1 and not kwargs:
            return self.draw("uniform" if func is torch.rand_like else "normal", args[0])
        if kwargs.get("generator") is None:
            self.seed(func.__name__)
        return func(*args, **kwargs)

    def _dropout(
        self,
        input: Tensor,  # noqa: A002 - torch's name
        p: float | Tensor = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        """Inverted dropout whose rate may be a 0-d tensor: keep where a served uniform is at least p."""
        if not training:
            return input
        if not isinstance(p, torch.Tensor) and p in (0, 1):
            self.site.next()
            factor: float | Tensor = 1 - p
        else:
            factor = (self.draw("uniform", input) >= p) * (1 / (1 - p))
        return input.mul_(factor) if inplace else input * factor


class ServedNoise(_Noise):
    """Noise of the streams `parts`; call `begin` with the step before each pass."""

    def __init__(self, *parts: str | int, site: Site | None = None) -> None:
        super().__init__(site)
        self.keys = SiteKeys(*parts)
        self._generator = torch.Generator()
        self._step = 0

    def begin(self, step: int) -> None:
        """Start a pass: the next draws are those of `step`, whatever was drawn before."""
        self._step = step
        self.site.begin()

    def draw(self, kind: str, like: Tensor) -> Tensor:
        """From the stream of the site and step."""
        served = torch.empty(like.shape, dtype=like.dtype)
        fill(served, kind, self._generator, self.keys.at(self.site.next(), self._step))
        return served.to(like.device)

    def seed(self, name: str) -> None:  # noqa: ARG002 - whichever it is
        """Seed the default generators."""
        seed_default(self.keys.at(self.site.next(), self._step))


class RecordedNoise(ServedNoise):
    """The same, and takes down every draw in `record`."""

    def __init__(self, *parts: str | int, site: Site | None = None) -> None:
        super().__init__(*parts, site=site)
        self.record: list[Draw] = []

    def draw(self, kind: str, like: Tensor) -> Tensor:
        """Served, and taken down."""
        self.record.append(Draw(*self.site.peek(), kind, tuple(like.shape), like.dtype))
        return super().draw(kind, like)

    def seed(self, name: str) -> None:
        """Seeded, and taken down."""
        self.record.append(Draw(*self.site.peek(), name, (), torch.get_default_dtype()))
        super().seed(name)


class HandedNoise(_Noise):
    """Noise that was drawn before the pass and is handed in, so that the pass itself is a pure function."""

    def __init__(self, site: Site | None = None) -> None:
        super().__init__(site)
        self._tensors: Mapping[tuple[str, int], Tensor] = {}

    def begin(self, tensors: Mapping[tuple[str, int], Tensor]) -> None:
        """Start a pass that is served `tensors` {(site, number): values}."""
        self._tensors = tensors
        self.site.begin()

    def draw(self, kind: str, like: Tensor) -> Tensor:
        """What was handed in for this site. Raises TrainingError where the pass draws what none before it drew."""
        site, number = self.site.next()
        served = self._tensors.get((site, number))
        if served is None or served.shape != like.shape or served.dtype != like.dtype:
            drawn = f"{kind} numbers of shape {tuple(like.shape)} and type {like.dtype}"
            raise TrainingError(f"'{site}' draws {drawn} that it did not draw before")
        return served

    def seed(self, name: str) -> None:
        """No row of a stack has a generator of its own."""
        raise TrainingError(f"'{self.site.peek()[0]}' draws inside torch's `{name}`, which has one stream for all rows")


class SiteKeys:
    """The keys of a trial's sites: made from names once, and from numbers at each step."""

    def __init__(self, *parts: str | int) -> None:
        self._base = stream_key(*parts)
        self._sites: dict[tuple[str, int], int] = {}

    def at(self, site: tuple[str, int], step: int) -> int:
        """Key of a draw (site, number) at a step."""
        key = self._sites.get(site)
        if key is None:
            key = self._sites[site] = stream_key(self._base, *site)
        return step_key(key, step)


def fill(tensor: Tensor, kind: str, generator: torch.Generator, key: int) -> None:
    """Fill `tensor` in place, in the order of its memory, with `uniform` [0, 1) or `normal` numbers of `key`."""
    generator.manual_seed(key)
    if kind == "uniform":
        tensor.uniform_(generator=generator)
    else:
        tensor.normal_(generator=generator)
