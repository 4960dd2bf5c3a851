import numpy as np
import pytest
import torch

from butfor.core.pooling import AttentionPool, mean_over_frames

LENGTHS = torch.tensor([4, 1, 3, 0])


@pytest.fixture
def pool():
    return AttentionPool(3)


@pytest.fixture(params=["mean", "attention"])
def pooled(request, pool):
    return mean_over_frames if request.param == "mean" else pool


@pytest.mark.usefixtures("float64")
def test_the_mean_is_that_of_each_row_cut_to_its_length():
    x = torch.randn(4, 4, 3)
    means = mean_over_frames(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()[:3]):
        np.testing.assert_allclose(means[row].numpy(), x[row, :length].numpy().mean(0), rtol=1e-12)


@pytest.mark.usefixtures("float64")
def test_attention_is_the_softmax_of_each_row_cut_to_its_length(pool):
    x = torch.randn(4, 4, 3)
    attended = pool(x, LENGTHS).detach().numpy()
    weight, bias = pool.score[0].weight.detach().numpy(), pool.score[0].bias.detach().numpy()
    vector = pool.score[2].weight.detach().numpy()[0]
    for row, length in enumerate(LENGTHS.tolist()[:3]):
        states = x[row, :length].numpy()
        scores = np.exp(np.tanh(states @ weight.T + bias) @ vector)
        np.testing.assert_allclose(attended[row], scores @ states / scores.sum(), rtol=1e-12)


@pytest.mark.usefixtures("float64")
def test_a_row_without_frames_is_zero_and_sends_no_gradient_back(pooled):
    x = torch.randn(4, 4, 3, requires_grad=True)
    result = pooled(x, LENGTHS)
    assert result[3].tolist() == [0.0] * 3
    (gradient,) = torch.autograd.grad(result.square().sum(), x)
    valid = torch.arange(4)[None] < LENGTHS[:, None]
    assert torch.equal(gradient.ne(0).any(-1), valid)


@pytest.mark.usefixtures("float64")
def test_the_padding_may_hold_anything(pooled):
    x = torch.randn(4, 4, 3)
    valid = torch.arange(4)[None] < LENGTHS[:, None]
    garbage = torch.where(valid[..., None], x, 1e6)
    longer = torch.cat([garbage, torch.full((4, 9, 3), -1e6)], dim=1)
    torch.testing.assert_close(pooled(longer, LENGTHS), pooled(x, LENGTHS), rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("float64")
def test_gradients_are_those_of_the_function(pooled):
    x = torch.randn(4, 4, 3, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: pooled(y, LENGTHS), x)


def test_lengths_may_be_of_any_integer_type_and_the_mean_keeps_the_type_of_the_frames():
    x = torch.randn(4, 4, 3)
    assert torch.equal(mean_over_frames(x, LENGTHS.int()), mean_over_frames(x, LENGTHS))
    assert mean_over_frames(x, LENGTHS).dtype == torch.float32
    assert mean_over_frames(x.double(), LENGTHS).dtype == torch.float64
