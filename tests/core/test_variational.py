import pytest
import torch
from scipy import stats
from torch.distributions import Normal, kl_divergence

from butfor.core.variational import VariationalHead

LIMIT = torch.tensor(10.0)


def head_of(mean, log_variance, **settings):
    """A head that gives these rows for every input."""
    head = VariationalHead(len(mean), **settings)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
        head.mean[-1].bias.copy_(torch.tensor(mean))
        head.log_variance[-1].bias.copy_(torch.tensor(log_variance))
    return head


@pytest.mark.usefixtures("float64")
def test_samples_have_the_moments_and_the_law_of_the_gaussian():
    means, log_variances = [1.5, -20.0, 0.0], [-4.0, 3.0, 0.0]
    head = head_of(means, log_variances)
    encoded = head(torch.randn(200_000, 3), LIMIT)
    for column, (mean, log_variance) in enumerate(zip(means, log_variances, strict=True)):
        sigma = torch.tensor(log_variance).div(2).exp().item()
        drawn = (encoded.sample[:, column].detach() - mean) / sigma
        assert abs(drawn.mean().item()) < 0.01
        assert abs(drawn.std().item() - 1) < 0.01
        assert stats.kstest(drawn.numpy(), "norm").pvalue > 1e-3
    noise = (encoded.sample - encoded.mean).detach()
    assert torch.corrcoef(noise.T).triu(1).abs().max() < 0.01


@pytest.mark.usefixtures("float64")
def test_the_gradient_of_a_sample_is_one_by_its_mean_and_half_sigma_noise_by_its_log_variance():
    encoded = head_of([0.3, -1.0], [2.0, -3.0])(torch.randn(50, 2), LIMIT)
    by_mean, by_log_variance = torch.autograd.grad(encoded.sample.sum(), [encoded.mean, encoded.log_variance])
    noise = (encoded.sample - encoded.mean) / torch.tensor([2.0, -3.0]).div(2).exp()
    assert torch.equal(by_mean, torch.ones(50, 2))
    torch.testing.assert_close(by_log_variance, 0.5 * torch.tensor([2.0, -3.0]).div(2).exp() * noise)


@pytest.mark.usefixtures("float64")
def test_a_hard_clamp_has_exactly_no_gradient_outside_and_a_whole_one_inside():
    head = head_of([0.0] * 5, [-10.5, -9.5, 0.0, 9.5, 10.5])
    encoded = head(torch.randn(1, 5), LIMIT)
    assert encoded.log_variance.tolist() == [[-10.0, -9.5, 0.0, 9.5, 10.0]]
    (gradient,) = torch.autograd.grad(encoded.log_variance.sum(), head.log_variance[-1].bias)
    assert gradient.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.usefixtures("float64")
def test_a_soft_clamp_has_the_gradient_of_tanh_everywhere():
    raw = torch.tensor([-15.0, -5.0, 0.0, 5.0, 15.0])
    head = head_of([0.0] * 5, raw.tolist(), clamp="soft")
    encoded = head(torch.randn(1, 5), LIMIT)
    (gradient,) = torch.autograd.grad(encoded.log_variance.sum(), head.log_variance[-1].bias)
    torch.testing.assert_close(gradient, 1 / torch.cosh(raw / 10) ** 2)
    assert encoded.log_variance.abs().max() < 10


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("extreme", [-10.0, 10.0])
def test_at_the_extremes_samples_and_divergences_and_gradients_are_finite(extreme):
    head = head_of([0.5, 0.5], [2 * extreme, extreme])
    encoded = head(torch.randn(8, 2), LIMIT)
    posterior = Normal(encoded.mean, encoded.log_variance.div(2).exp())
    total = kl_divergence(posterior, Normal(0.0, 1.0)).sum() + encoded.sample.sum()
    assert total.isfinite()
    assert all(g.isfinite().all() for g in torch.autograd.grad(total, list(head.parameters())))


@pytest.mark.parametrize("deep", [False, True])
def test_only_the_last_log_variance_layer_starts_at_zero(deep):
    head = VariationalHead(8, deep=deep)
    zero = {name for name, parameter in head.named_parameters() if not parameter.any()}
    last = 2 if deep else 0
    assert zero == {f"log_variance.{last}.weight", f"log_variance.{last}.bias"}


def test_the_log_variance_learns_from_its_zero_start():
    head = VariationalHead(4)
    encoded = head(torch.randn(3, 4), LIMIT)
    gradients = torch.autograd.grad(encoded.log_variance.sum(), list(head.log_variance.parameters()))
    assert all(g.any() for g in gradients)


def test_in_evaluation_nothing_is_drawn():
    head = head_of([1.0, 2.0], [0.0, 0.0]).eval()
    state = torch.get_rng_state()
    encoded = head(torch.zeros(3, 2), LIMIT)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(encoded.sample, encoded.mean)
