"""What the encoders' tests share: noise served in order, and the check that an encoder runs as one of a stack."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class Served(TorchFunctionMode):
    """Serves dropout's uniforms and normal noise: those given, else new ones; takes down what it served."""

    def __init__(self, given: Sequence[Tensor] = ()) -> None:
        super().__init__()
        self.given = list(given)
        self.served = []
        self.rates = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is functional.dropout:
            return self._dropout(*args, **kwargs)
        if func is torch.randn_like:
            return self._next(args[0], torch.randn)
        return func(*args, **kwargs)

    def _next(self, like, draw):
        drawn = self.given[len(self.served)] if self.given else draw(like.shape, dtype=like.dtype)
        self.served.append(drawn)
        return drawn

    def _dropout(self, x, p=0.5, training=True, inplace=False):
        if not training:
            return x
        self.rates.append(p)
        return x * (self._next(x, torch.rand) >= p) / (1 - p)


@pytest.fixture
def served() -> type[Served]:
    return Served


def _disturb(module: nn.Module) -> nn.Module:
    """Random values everywhere, the zero-initialised log-variance layer included."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module


@pytest.fixture
def disturb() -> Callable[[nn.Module], nn.Module]:
    return _disturb


def _energy(encoded) -> Tensor:
    parts = [encoded.mean, encoded.sample] + ([] if encoded.log_variance is None else [encoded.log_variance])
    return sum((part * part).sum() for part in parts)


def _one_by_one(modules, xs, lengths):
    noises, energies, gradients = [], [], []
    for module, x in zip(modules, xs, strict=True):
        with Served() as mode:
            energy = _energy(module(x, lengths))
        gradients.append(torch.autograd.grad(energy, list(module.parameters())))
        energies.append(energy.detach())
        noises.append(mode.served)
    return noises, energies, gradients


def _check_stack(modules: Sequence[nn.Module], xs: Tensor, lengths: Tensor) -> None:
    """K modules under vmap in training mode give the values and gradients of K single ones; `xs` (K, B, ...)."""
    noises, energies, gradients = _one_by_one(modules, xs, lengths)
    rows = {name: torch.stack([dict(m.named_parameters())[name].detach() for m in modules]) for name in _names(modules)}
    for row in rows.values():
        row.requires_grad_()
    buffers = {name: torch.stack([dict(m.named_buffers())[name] for m in modules]) for name, _ in _buffers(modules)}
    noise = [torch.stack(draws) for draws in zip(*noises, strict=True)]
    assert noise or not modules[0].training

    def run(row, held, x, draws):
        with Served(draws):
            return _energy(functional_call(modules[0], {**row, **held}, (x, lengths)))

    stacked = vmap(run)(rows, buffers, xs, noise)
    together = torch.autograd.grad(stacked.sum(), list(rows.values()))
    torch.testing.assert_close(stacked, torch.stack(energies), rtol=1e-10, atol=1e-12)
    for k, single in enumerate(gradients):
        for ours, theirs in zip(together, single, strict=True):
            torch.testing.assert_close(ours[k], theirs, rtol=1e-10, atol=1e-11)


def _names(modules):
    return [name for name, _ in modules[0].named_parameters()]


def _buffers(modules):
    return list(modules[0].named_buffers())


@pytest.fixture
def check_stack() -> Callable[..., None]:
    return _check_stack


@pytest.fixture
def ones() -> Callable[[int], Tensor]:
    """Lengths of utterances."""
    return lambda rows: torch.ones(rows, dtype=torch.int64)


@pytest.fixture
def frames() -> SimpleNamespace:
    """Five rows of at most seven frames of three features; every kind of length but 0."""
    return SimpleNamespace(x=torch.randn(5, 7, 3), lengths=torch.tensor([7, 1, 4, 2, 7]))
