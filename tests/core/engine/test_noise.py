"""Random numbers served by site and step."""

from contextlib import suppress

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from butfor.core.engine.noise import ServedNoise


class Draws(nn.Module):
    def __init__(self, rate: float = 0.5) -> None:
        super().__init__()
        self.first = nn.Dropout(rate)
        self.second = nn.Dropout(rate)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.first(x), self.second(x), torch.randn_like(x)])


class Wrapped(nn.Module):
    """The same parts with another that draws before them."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Dropout(0.5)
        self.part = Draws()

    def forward(self, x: Tensor) -> Tensor:
        self.other(x)
        return self.part(x)


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part = Draws()

    def forward(self, x: Tensor) -> Tensor:
        return self.part(x)


def served(model: nn.Module, step: int = 0, stream: int = 3) -> Tensor:
    noise = ServedNoise(stream, "noise").attach(model)
    noise.begin(step)
    with noise:
        return model(torch.ones(64, 8))


def test_the_same_site_and_step_draw_the_same_whatever_else_draws() -> None:
    assert torch.equal(served(Plain()), served(Wrapped()))


def test_other_steps_and_other_streams_draw_otherwise() -> None:
    assert not torch.equal(served(Plain()), served(Plain(), step=1))
    assert not torch.equal(served(Plain()), served(Plain(), stream=4))


def test_two_sites_draw_different_masks() -> None:
    first, second, _ = served(Plain())
    assert not torch.equal(first, second)


def test_the_state_of_torchs_own_generator_does_not_matter() -> None:
    torch.manual_seed(1)
    one = served(Plain())
    torch.manual_seed(2)
    assert torch.equal(one, served(Plain()))


def test_dropout_keeps_the_expectation_and_takes_its_rate_as_a_tensor() -> None:
    noise = ServedNoise("expectation")
    x = torch.ones(200, 200)
    for rate in (0.0, 0.3, 0.9):
        noise.begin(0)
        with noise:
            by_number = functional.dropout(x, rate)
            assert (by_number == 0).float().mean().item() == pytest.approx(rate, abs=0.01)
            assert by_number.mean().item() == pytest.approx(1, abs=0.05)
        noise.begin(0)
        with noise:
            by_tensor = functional.dropout(x, torch.tensor(rate))
        assert torch.allclose(by_number, by_tensor)


def test_dropout_at_rate_one_is_zero_and_in_evaluation_does_nothing() -> None:
    x = torch.ones(4, 4)
    with ServedNoise("edge") as noise:
        noise.begin(0)
        assert functional.dropout(x, 1.0).sum() == 0
        assert torch.equal(functional.dropout(x, 0.7, training=False), x)


def test_functions_that_draw_inside_themselves_are_seeded_by_site() -> None:
    attention = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
    recurrent = nn.LSTM(8, 8, num_layers=2, dropout=0.5, batch_first=True)
    x = torch.randn(4, 5, 8)

    def both(burn: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(burn)
        with ServedNoise("composite") as noise:
            noise.begin(7)
            return attention(x, x, x, need_weights=True)[0], recurrent(x)[0]

    for one, other in zip(both(1), both(2), strict=True):
        assert torch.equal(one, other)


def test_a_module_that_raises_leaves_the_sites_of_later_draws_right() -> None:
    class Raises(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("no")

    class Caught(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bad = Raises()
            self.part = Draws()

        def forward(self, x: Tensor) -> Tensor:
            with suppress(ValueError):
                self.bad(x)
            return self.part(x)

    assert torch.equal(served(Caught()), served(Plain()))
