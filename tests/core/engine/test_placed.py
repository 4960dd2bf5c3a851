"""Gradients that products write where they are to lie: the same bits, and no memory but that one."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from butfor.core.engine.flat import Layout
from butfor.core.engine.placed import place
from butfor.core.engine.recorder import recorded
from butfor.core.engine.simplify import simplify

ROWS, BATCH, INPUTS, OUTPUTS = 3, 8, 160, 128


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def memory(*shape: int) -> Tensor:
    """(rows, *shape) inside rows that are longer, laid out as the weights of a stack are."""
    layout = Layout({"before": torch.zeros(5), "weight": torch.zeros(shape), "after": torch.zeros(70)})
    return layout.views(torch.full((ROWS, layout.size), 7.0))["weight"]


def written(
    function: Callable[..., Sequence[Tensor]], there: Sequence[tuple[int, Tensor]], *inputs: Tensor
) -> list[bool]:
    """Which of the outputs that have a place are computed in it; all are what they were."""
    graph = recorded(function, inputs)
    simplify(graph)
    place(graph, there)
    for seed in (1, 2):
        other = [numbers(*x.shape, seed=seed) for x in inputs]
        found, wanted = graph(*other), function(*other)
        for mine, right in zip(found, wanted, strict=True):
            assert torch.equal(mine, right)
    return [found[number].data_ptr() == memory.data_ptr() for number, memory in there]


def test_the_gradient_of_a_large_linear_layer_is_written_in_its_place_and_nowhere_else() -> None:
    there = memory(OUTPUTS, INPUTS)
    around = there._base
    assert around is not None
    before = around.clone()

    def gradient(upper: Tensor, x: Tensor) -> list[Tensor]:
        return [upper.sum(), torch.bmm(x.transpose(1, 2), upper).transpose(1, 2)]

    inputs = numbers(ROWS, BATCH, OUTPUTS), numbers(ROWS, BATCH, INPUTS)
    assert written(gradient, [(1, there)], *inputs) == [True]
    there.fill_(7.0)
    assert torch.equal(around, before)


@pytest.mark.parametrize("turn", ["permute", "view", "as it is"])
def test_views_are_followed_backwards(turn: str) -> None:
    def gradient(upper: Tensor, x: Tensor) -> list[Tensor]:
        found = torch.bmm(x.transpose(1, 2), upper)
        ways = {"permute": found.permute(0, 2, 1), "view": found.view(ROWS, 1, INPUTS, OUTPUTS), "as it is": found}
        return [ways[turn]]

    shapes = {"permute": (OUTPUTS, INPUTS), "view": (1, INPUTS, OUTPUTS), "as it is": (INPUTS * OUTPUTS,)}
    there = memory(*shapes[turn])
    there = there.view(ROWS, INPUTS, OUTPUTS) if turn == "as it is" else there
    assert written(gradient, [(0, there)], numbers(ROWS, BATCH, OUTPUTS), numbers(ROWS, BATCH, INPUTS)) == [True]


def test_what_is_small_or_no_product_or_lies_across_is_left_as_it_is() -> None:
    def several(upper: Tensor, x: Tensor) -> list[Tensor]:
        small = torch.bmm(x[:, :, :4].transpose(1, 2), upper[:, :, :4])
        product = torch.bmm(x.transpose(1, 2), upper)
        return [small, product + 1, product]

    places = [memory(16).view(ROWS, 4, 4), memory(OUTPUTS, INPUTS).transpose(1, 2), memory(INPUTS, OUTPUTS)]
    inputs = numbers(ROWS, BATCH, OUTPUTS), numbers(ROWS, BATCH, INPUTS)
    assert written(several, list(enumerate(places)), *inputs) == [False, False, False]


def test_a_product_that_is_two_gradients_is_written_once() -> None:
    def twice(upper: Tensor, x: Tensor) -> list[Tensor]:
        product = torch.bmm(x.transpose(1, 2), upper)
        return [product.transpose(1, 2), torch.bmm(x.transpose(1, 2), upper).transpose(1, 2)]

    places = list(enumerate([memory(OUTPUTS, INPUTS), memory(OUTPUTS, INPUTS)]))
    assert written(twice, places, numbers(ROWS, BATCH, OUTPUTS), numbers(ROWS, BATCH, INPUTS)) == [True, False]
