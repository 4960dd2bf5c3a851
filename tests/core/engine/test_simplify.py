"""A pass that was taken down and simplified: the same bits on other inputs, with less to do."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from torch.fx import GraphModule

from butfor.core.engine.recorder import recorded
from butfor.core.engine.simplify import LARGE, fold_views, simplify

Function = Callable[..., Sequence[Tensor]]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def simplified(function: Function, *inputs: Tensor) -> GraphModule:
    graph = recorded(function, [x.clone() for x in inputs])
    simplify(graph)
    return graph


def operators(graph: GraphModule) -> Counter[str]:
    return Counter(str(node.target) for node in graph.graph.nodes if node.op == "call_function")


def same(function: Function, graph: GraphModule, *inputs: Tensor) -> None:
    """On other inputs than it was recorded with, and what it writes into them."""
    ours, theirs = [x.clone() for x in inputs], [x.clone() for x in inputs]
    for mine, wanted in zip([*graph(*ours), *ours], [*function(*theirs), *theirs], strict=True):
        assert mine.dtype == wanted.dtype
        assert mine.stride() == wanted.stride()
        torch.testing.assert_close(mine, wanted, rtol=0, atol=0, equal_nan=True)


def test_what_is_computed_twice_is_computed_once() -> None:
    def twice(x: Tensor) -> list[Tensor]:
        return [x.exp() * x.exp()[:, None].expand(3, 1, 4).squeeze(1)]

    graph = simplified(twice, numbers(3, 4))
    assert operators(graph)["aten.exp.default"] == 1
    same(twice, graph, numbers(3, 4, seed=1))


def test_constants_are_computed_once_for_all_passes() -> None:
    def constant(x: Tensor) -> list[Tensor]:
        return [x * (torch.arange(4.0) + torch.tensor(1.0)).sqrt(), torch.zeros(2).cos()]

    graph = simplified(constant, numbers(3, 4))
    assert operators(graph) == {"aten.mul.Tensor": 1}
    same(constant, graph, numbers(3, 4, seed=1))


def test_a_number_is_not_taken_for_another_that_equals_it() -> None:
    """1, 1.0 and True, and zeros of either sign."""

    def alike(x: Tensor) -> list[Tensor]:
        choose = x > 0
        return [choose + 1, choose + 1.0, choose + True, torch.where(choose, x, -0.0), torch.where(choose, x, 0.0)]

    graph = simplified(alike, numbers(3, 4))
    same(alike, graph, numbers(3, 4, seed=1))
    assert graph(numbers(3, 4))[3].signbit().any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_under_a_mask_have_the_bits_of_a_choice(dtype: torch.dtype) -> None:
    rows = LARGE // 16

    def chosen(x: Tensor, keep: Tensor) -> list[Tensor]:
        return [torch.where(keep[:, None], x, 0.0), torch.where(keep, x.t(), 0.0)]

    odd = numbers(rows, 16, seed=1).to(dtype)
    odd[0, :4] = torch.tensor([torch.nan, torch.inf, -torch.inf, -0.0])
    odd[1] = odd[0]
    keep = torch.arange(rows) % 2 == 0
    graph = simplified(chosen, numbers(rows, 16).to(dtype), keep)
    assert operators(graph)["aten.bitwise_and.Tensor"] == 2
    assert not operators(graph)["aten.where.self"]
    same(chosen, graph, odd, keep)
    same(chosen, graph, odd, ~keep)


def test_a_choice_that_is_no_mask_stays_one() -> None:
    """Few values, other than zeros, negative zeros, whole numbers, values that are the same for many rows."""
    rows = LARGE // 16

    def chosen(x: Tensor, keep: Tensor) -> list[Tensor]:
        return [
            torch.where(keep[:3, None], x[:3], 0.0),
            torch.where(keep[:, None], x, 1.0),
            torch.where(keep[:, None], x, -0.0),
            torch.where(keep[:, None], (4 * x).long(), 0),
            torch.where(keep[:, None], x[:1], 0.0),
            torch.where(keep[:, None], x, x),
        ]

    keep = torch.arange(rows) % 2 == 0
    graph = simplified(chosen, numbers(rows, 16), keep)
    assert operators(graph)["aten.where.self"] == 6
    same(chosen, graph, numbers(rows, 16, seed=1), keep)


def test_what_reads_memory_before_and_after_it_is_written_is_computed_twice() -> None:
    def running(x: Tensor, mean: Tensor) -> list[Tensor]:
        before = mean.exp()
        mean[:2].mul_(0.5).add_(x[:2])
        return [before, mean.exp(), mean.view(-1).exp()]

    graph = simplified(running, numbers(3, 4), numbers(3, 4, seed=1))
    assert operators(graph)["aten.exp.default"] == 3
    same(running, graph, numbers(3, 4, seed=2), numbers(3, 4, seed=3))


def test_a_constant_that_is_written_into_is_made_anew() -> None:
    def counted(x: Tensor) -> list[Tensor]:
        start = torch.zeros(3, 4)
        start.add_(x)
        return [start, torch.zeros(3, 4) + x]

    graph = simplified(counted, numbers(3, 4))
    same(counted, graph, numbers(3, 4, seed=1))
    same(counted, graph, numbers(3, 4, seed=1))


def test_random_numbers_are_drawn_as_often_as_they_were() -> None:
    def drawn(x: Tensor) -> list[Tensor]:
        return [torch.rand_like(x), torch.rand_like(x)]

    with torch.random.fork_rng():
        graph = simplified(drawn, numbers(3, 4))
        one, other = graph(numbers(3, 4))
    assert not torch.equal(one, other)


def test_gradients_below_vmap_are_recorded() -> None:
    def graded(weights: Tensor, x: Tensor) -> list[Tensor]:
        leaf = weights.requires_grad_()
        loss = torch.func.vmap(lambda w, row: torch.nn.functional.gelu(row @ w).square().sum())(leaf, x)
        return [loss.detach(), *torch.autograd.grad(loss.sum(), [leaf])]

    inputs = numbers(3, 4, 2), numbers(3, 5, 4, seed=1)
    graph = simplified(graded, *inputs)
    found = graph(*(x.roll(1, 0) for x in inputs))
    for mine, wanted in zip(found, graded(*(x.roll(1, 0) for x in inputs)), strict=True):
        assert torch.equal(mine, wanted)


def test_parts_of_a_result_are_told_apart() -> None:
    def parted(x: Tensor) -> list[Tensor]:
        values, places = x.sort(dim=1)
        first, *_, last = x.unbind(1)
        return [values, places, first - last, torch.nn.functional.layer_norm(x, (4,))]

    graph = simplified(parted, numbers(3, 4))
    same(parted, graph, numbers(3, 4, seed=1))


@pytest.mark.parametrize(("column", "row"), [((6, 16, 1), (6, 1, 1)), ((6, 1, 1), (6, 1, 16)), ((6, 4, 1), (6, 1, 5))])
def test_columns_times_rows_are_multiplied_with_the_bits_of_a_product(
    column: tuple[int, ...], row: tuple[int, ...]
) -> None:
    def product(a: Tensor, b: Tensor) -> list[Tensor]:
        return [torch.bmm(a, b), torch.bmm(a.transpose(1, 2), a)]

    a, b = numbers(*column, seed=1), numbers(*row, seed=2)
    a[:3], b[2:4] = torch.tensor([0.0, -0.0, 1e-30])[:, None, None], -0.0
    a[4, 0, 0], b[5, 0, 0] = torch.nan, -torch.inf
    graph = simplified(product, numbers(*column), numbers(*row))
    assert operators(graph)["aten.bmm.default"] == (1 if column[1] > 1 else 0)
    for mine, wanted in zip(graph(a, b), product(a, b), strict=True):
        assert torch.equal(mine.nan_to_num().view(torch.int32), wanted.nan_to_num().view(torch.int32))


def test_products_that_lie_otherwise_stay_products() -> None:
    def product(a: Tensor, b: Tensor) -> list[Tensor]:
        return [torch.bmm(a, b)]

    column, row = numbers(5, 2, 3).permute(1, 0, 2)[:, :, :1], numbers(2, 1, 5)
    graph = simplified(product, column, row)
    same(product, graph, column, row)
    sideways = numbers(4, 5, 1).transpose(0, 1), numbers(5, 1, 1)
    same(product, simplified(product, *sideways), *sideways)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_products_of_other_types_or_of_a_single_row_stay_products(dtype: torch.dtype) -> None:
    def product(a: Tensor, b: Tensor) -> list[Tensor]:
        return [torch.bmm(a, b)]

    for a, b in (
        (numbers(3, 4, 1).mul(9).to(dtype), numbers(3, 1, 5).mul(9).to(dtype)),
        (numbers(1, 4, 1), numbers(1, 1, 5)),
    ):
        graph = simplified(product, a, b)
        assert operators(graph) == {"aten.bmm.default": 1}
        same(product, graph, a, b)


def test_what_stands_in_for_a_product_may_stand_for_more() -> None:
    def again(a: Tensor, b: Tensor) -> list[Tensor]:
        return [torch.bmm(a, b), (a * b).view(3, -1) + 1, torch.where(a > 0, a * b, 0.0)]

    graph = simplified(again, numbers(3, 4, 1), numbers(3, 1, 5))
    assert operators(graph)["aten.mul.Tensor"] == 1
    same(again, graph, numbers(3, 4, 1, seed=1), numbers(3, 1, 5, seed=2))


def test_a_view_that_is_given_another_shape_in_place_is_made_every_time() -> None:
    def turned(x: Tensor) -> list[Tensor]:
        square = x[:3]
        square.t_()
        return [square @ x[:3]]

    given = [numbers(4, 3)]
    graph = simplified(turned, *given)
    fold_views(graph, given)
    for _ in range(3):
        assert torch.equal(graph(*given)[0], turned(*given)[0])


def test_views_of_inputs_are_made_once_and_follow_their_memory() -> None:
    def viewed(x: Tensor, mean: Tensor) -> list[Tensor]:
        mean.view(-1)[2:].mul_(0.5)
        turned = x.t()[:, None].expand(4, 2, 3)
        return [turned.reshape(-1, 3) @ x, mean[0].exp(), x.clone().t() + 1.0]

    given = [numbers(3, 4), numbers(3, 4, seed=1)]
    graph = simplified(viewed, *given)
    before = operators(graph)
    fold_views(graph, given)
    assert before - operators(graph) == {
        "aten.view.default": 1,
        "aten.slice.Tensor": 1,
        "aten.t.default": 1,
        "aten.unsqueeze.default": 1,
        "aten.expand.default": 1,
        "aten.select.int": 1,
    }
    for seed in (2, 3):
        for place, value in zip(given, (numbers(3, 4, seed=seed), numbers(3, 4, seed=seed + 9)), strict=True):
            place.copy_(value)
        theirs = [x.clone() for x in given]
        for mine, wanted in zip([*graph(*given), *given], [*viewed(*theirs), *theirs], strict=True):
            assert torch.equal(mine, wanted)
