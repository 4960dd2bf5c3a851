import math

import numpy as np
import pytest
import torch

from butfor.core import Encoded, StudyError
from butfor.core.uncertainty import (
    Score,
    present_log_variances,
    present_means,
    uncertainty_scores,
    uncertainty_weights,
    weigh,
)

SCORES = Score.__args__
BY_DIMENSION = ("elementwise", "precision_elementwise")


def weights_of(log_variances, present=None, *, score="inv_sigma_softmax", temperature=1.0, mask_mode="masked_softmax"):
    present = torch.ones(log_variances.shape[:2], dtype=torch.bool) if present is None else present
    return uncertainty_weights(
        log_variances, present, score=score, temperature=torch.tensor(temperature), mask_mode=mask_mode
    )


def constant_sigmas(*sigmas, width=4):
    return (2 * torch.tensor([sigmas], dtype=torch.get_default_dtype()).log())[:, :, None].expand(1, -1, width)


def numpy_oracle(log_variances, score, temperature):
    """The definitions as they are written, without any care for overflow."""
    sigma = np.exp(log_variances.numpy() / 2)
    u, v = sigma.mean(-1, keepdims=True), (sigma**2).mean(-1, keepdims=True)
    unnormalised = {
        "inv_sigma_softmax": lambda: np.exp(1 / (u + 1e-6) / temperature),
        "neg_sigma_softmax": lambda: np.exp(-u / temperature),
        "normalized_inv_sigma": lambda: (1 / u) ** (1 / temperature),
        "precision": lambda: (1 / v) ** (1 / temperature),
        "precision_elementwise": lambda: (1 / sigma**2) ** (1 / temperature),
        "elementwise": lambda: np.exp(1 / sigma / temperature),
        "mean_var_softmax": lambda: np.exp(1 / (v + 1e-6) / temperature),
    }[score]()
    return unnormalised / unnormalised.sum(1, keepdims=True)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("score", SCORES)
def test_every_score_is_its_definition(score, temperature):
    log_variances = torch.randn(6, 3, 5)
    ours = weights_of(log_variances, score=score, temperature=temperature)
    assert ours.shape == (6, 3, 5 if score in BY_DIMENSION else 1)
    np.testing.assert_allclose(ours.numpy(), numpy_oracle(log_variances, score, temperature), rtol=1e-10)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("inv_sigma_softmax", (0.629, 0.231, 0.140)),
        ("neg_sigma_softmax", (0.547, 0.331, 0.122)),
        ("normalized_inv_sigma", (0.571, 0.286, 0.143)),
        ("precision", (0.762, 0.190, 0.048)),
        ("precision_elementwise", (0.762, 0.190, 0.048)),
        ("elementwise", (0.629, 0.231, 0.140)),
    ],
)
def test_half_one_and_two_give_the_recorded_weights(score, expected):
    weights = weights_of(constant_sigmas(0.5, 1.0, 2.0), score=score)[0].mean(-1)
    assert weights.tolist() == pytest.approx(expected, abs=5e-4)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("present", "temperature", "expected"),
    [
        ((True, True, False), 1.0, (0.42232, 0.42232, 0.15536)),
        ((True, False, False), 1.0, (0.57612, 0.21194, 0.21194)),
        ((True, True, False), 2.0, (0.38365, 0.38365, 0.23270)),
        ((True, True, False), 0.25, (0.49546, 0.49546, 0.00907)),
    ],
)
def test_sigma_1e6_leaks_the_recorded_weight_to_an_absent_modality(present, temperature, expected):
    log_variances = torch.zeros(1, 3, 4)
    weights = weights_of(log_variances, torch.tensor([present]), temperature=temperature, mask_mode="sigma_1e6")
    assert weights[0, :, 0].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.usefixtures("float64")
def test_very_sure_encoders_saturate_and_unsure_ones_are_flat():
    assert weights_of(constant_sigmas(0.1, 1.0, 1.0))[0, 0, 0].item() == pytest.approx(0.99975, abs=1e-5)
    flat = weights_of(constant_sigmas(148.0, 148.0, 1e6))[0, :, 0]
    assert flat.tolist() == pytest.approx([1 / 3] * 3, abs=3e-3)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("score", SCORES)
def test_masking_equals_dropping_the_modality_from_the_list(score):
    log_variances = torch.randn(6, 4, 5)
    present = torch.tensor([[True, False, True, True]]).expand(6, 4)
    masked = weights_of(log_variances, present, score=score)
    dropped = weights_of(log_variances[:, [0, 2, 3]], score=score)
    assert torch.equal(masked[:, 1], torch.zeros_like(masked[:, 1]))
    torch.testing.assert_close(masked[:, [0, 2, 3]], dropped, rtol=1e-12, atol=0)


@pytest.mark.parametrize("score", SCORES)
def test_equal_uncertainties_weigh_equally(score):
    weights = weights_of(torch.full((2, 4, 3), 0.7), score=score)
    torch.testing.assert_close(weights, torch.full_like(weights, 0.25))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("score", SCORES)
def test_a_surer_modality_weighs_more(score):
    log_variances = torch.randn(20, 3, 5)
    surer = log_variances.clone()
    surer[:, 1] -= 0.3
    assert (weights_of(surer, score=score)[:, 1] > weights_of(log_variances, score=score)[:, 1]).all()


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("mask_mode", ["masked_softmax", "sigma_1e6"])
@pytest.mark.parametrize("score", SCORES)
def test_permuting_the_modalities_permutes_the_weights(score, mask_mode):
    log_variances, present, order = torch.randn(6, 3, 5), torch.rand(6, 3) > 0.3, [2, 0, 1]
    weights = weights_of(log_variances, present, score=score, mask_mode=mask_mode)
    permuted = weights_of(log_variances[:, order], present[:, order], score=score, mask_mode=mask_mode)
    torch.testing.assert_close(permuted, weights[:, order])


@pytest.mark.parametrize("mask_mode", ["masked_softmax", "sigma_1e6"])
@pytest.mark.parametrize("score", SCORES)
def test_nothing_present_gives_weights_of_zero_and_other_rows_sum_to_one(score, mask_mode):
    present = torch.tensor([[False, False], [True, False], [True, True]])
    weights = weights_of(torch.randn(3, 2, 4), present, score=score, mask_mode=mask_mode)
    sums = weights.sum(1)
    torch.testing.assert_close(sums, torch.tensor([0.0, 1.0, 1.0])[:, None].expand_as(sums))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("mask_mode", ["masked_softmax", "sigma_1e6"])
@pytest.mark.parametrize("score", SCORES)
def test_gradients_agree_with_finite_differences(score, mask_mode):
    present = torch.tensor([[True, True, True], [True, False, True], [False, False, False]])
    log_variances = torch.randn(3, 3, 2, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda values, heat: uncertainty_weights(
            torch.where(present[:, :, None], values, 0.0), present, score=score, temperature=heat, mask_mode=mask_mode
        ),
        (log_variances, torch.tensor(0.8, requires_grad=True)),
    )


@pytest.mark.parametrize("extreme", [-10.0, 10.0])
@pytest.mark.parametrize("mask_mode", ["masked_softmax", "sigma_1e6"])
@pytest.mark.parametrize("score", SCORES)
def test_single_precision_stays_finite_at_both_ends_of_the_clamp(score, mask_mode, extreme):
    present = torch.tensor([[True, True, False], [False, True, False], [False, False, False]])
    log_variances = torch.zeros(3, 3, 4)
    log_variances[:, 0] = extreme
    log_variances[:, 1] = -10.0
    log_variances.requires_grad_()
    weights = weights_of(log_variances, present, score=score, mask_mode=mask_mode)
    (weights * torch.arange(3.0)[:, None]).sum().backward()
    assert weights.isfinite().all()
    assert log_variances.grad.isfinite().all()


def test_the_naive_elementwise_form_overflows_where_ours_does_not():
    log_variances = torch.full((1, 2, 3), -10.0)
    naive = (1 / (log_variances / 2).exp()).exp()
    assert (naive / naive.sum(1, keepdim=True)).isnan().all()
    assert weights_of(log_variances, score="elementwise").eq(0.5).all()


@pytest.mark.usefixtures("float64")
def test_scores_are_logits_of_the_weights_at_temperature_one():
    log_variances = torch.randn(4, 3, 5)
    for score in SCORES:
        softmaxed = uncertainty_scores(log_variances, score).softmax(dim=1)
        torch.testing.assert_close(softmaxed, weights_of(log_variances, score=score))


def test_absent_numbers_are_zeros_without_gradient_even_when_they_are_not_finite():
    mean = torch.full((2, 3), math.nan, requires_grad=True)
    log_variance = torch.full((2, 3), math.inf, requires_grad=True)
    encoded = {"a": Encoded(mean, log_variance, mean), "b": Encoded(torch.ones(2, 3), torch.ones(2, 3), mean)}
    present = torch.tensor([[False, True], [False, True]])
    means, log_variances = present_means(encoded, present), present_log_variances(encoded, present)
    assert means.tolist() == log_variances.tolist() == [[[0.0] * 3, [1.0] * 3]] * 2
    (means + log_variances).sum().backward()
    assert not mean.grad.any()
    assert not log_variance.grad.any()


def test_an_encoder_without_variance_is_named():
    mean = torch.zeros(1, 2)
    encoded = {"text": Encoded(mean, mean, mean), "audio": Encoded(mean, None, mean)}
    with pytest.raises(StudyError, match="'audio' gives none"):
        present_log_variances(encoded, torch.ones(1, 2, dtype=torch.bool))


def test_weights_by_dimension_are_told_as_their_mean():
    means, weights = torch.randn(2, 3, 4), torch.rand(2, 3, 4)
    fused = weigh(means, weights)
    torch.testing.assert_close(fused.vector, torch.einsum("bmh,bmh->bh", means, weights))
    torch.testing.assert_close(fused.weights, weights.sum(-1) / 4)
