import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch.distributions import Normal

from butfor.plugins.fusion.product_of_experts import ProductOfExpertsSpec, register_fusions
from butfor.plugins.fusion.uncertainty import UncertaintySpec

NAMES = ["audio", "text", "video"]
SOME = torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]).bool()


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("prior", [True, False])
def test_the_vector_is_where_the_product_of_densities_peaks(prior, encode):
    encoded = encode()
    vector = ProductOfExpertsSpec(prior=prior).build(modalities=NAMES, width=8)(encoded, SOME).vector
    x = vector.detach().requires_grad_()
    total = Normal(0.0, 1.0).log_prob(x) * prior
    for column, part in enumerate(encoded.values()):
        total = total + Normal(part.mean, (part.log_variance / 2).exp()).log_prob(x) * SOME[:, [column]]
    (slope,) = torch.autograd.grad(total.sum(), x)
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-12)


@pytest.mark.usefixtures("float64")
def test_the_vector_is_the_mean_of_the_product_computed_on_a_grid(encode):
    encoded = encode(batch=1, width=1)
    vector = ProductOfExpertsSpec().build(modalities=NAMES, width=1)(encoded, torch.ones(1, 3).bool()).vector
    grid = np.linspace(-30, 30, 200_001)
    density = norm.pdf(grid)
    for part in encoded.values():
        density = density * norm.pdf(grid, part.mean.item(), np.exp(part.log_variance.item() / 2))
    assert vector.item() == pytest.approx((grid * density).sum() / density.sum(), rel=1e-10)


@pytest.mark.usefixtures("float64")
def test_gradients_are_those_of_the_closed_form(encode):
    encoded = encode()
    fused = ProductOfExpertsSpec().build(modalities=NAMES, width=8)(encoded, SOME)
    pi = torch.stack([(-part.log_variance).exp() * SOME[:, [i]] for i, part in enumerate(encoded.values())])
    mu = torch.stack([part.mean for part in encoded.values()])
    expected = (pi * mu).sum(0) / (pi.sum(0) + 1)
    torch.testing.assert_close(fused.vector, expected, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(fused.weights, (pi / (pi.sum(0) + 1)).mean(-1).T, rtol=1e-10, atol=1e-14)
    leaves = [leaf for part in encoded.values() for leaf in part[:2]]
    ours, theirs = (torch.autograd.grad(v.pow(3).sum(), leaves) for v in (fused.vector, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-13)


def test_without_the_prior_it_is_elementwise_precision(encode):
    ours = ProductOfExpertsSpec(prior=False).build(modalities=NAMES, width=8)(encode(), SOME)
    theirs = UncertaintySpec(score="precision_elementwise").build(modalities=NAMES, width=8)(encode(), SOME)
    torch.testing.assert_close(ours.vector, theirs.vector)
    torch.testing.assert_close(ours.weights, theirs.weights)


def test_the_prior_draws_to_zero_and_the_more_the_less_is_known(encode):
    encoded = {name: part._replace(log_variance=torch.zeros(5, 8)) for name, part in encode().items()}
    module = ProductOfExpertsSpec().build(modalities=NAMES, width=8)
    assert module(encoded, SOME).weights.sum(1).tolist() == pytest.approx([3 / 4, 2 / 3, 1 / 2, 2 / 3, 3 / 4])


def test_known_noise_orders_the_weights(encode):
    sigmas = {"audio": 3.0, "text": 0.5, "video": 1.0}
    encoded = {n: p._replace(log_variance=torch.full((5, 8), 2.0) * np.log(sigmas[n])) for n, p in encode().items()}
    weights = ProductOfExpertsSpec().build(modalities=NAMES, width=8)(encoded, torch.ones(5, 3).bool()).weights
    assert weights[0].argsort(descending=True).tolist() == [1, 2, 0]


def test_it_needs_a_variance():
    assert ProductOfExpertsSpec().requirements() == {"variance"}
    assert register_fusions() == [ProductOfExpertsSpec]
