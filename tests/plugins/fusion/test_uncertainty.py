import pytest
import torch

from butfor.core import Encoded
from butfor.plugins.fusion.uncertainty import UncertaintySpec, register_fusions

NAMES = ["audio", "text", "video"]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_it_is_the_softmax_of_inverse_mean_sigmas(temperature, encode):
    encoded = encode()
    fused = UncertaintySpec(temperature=temperature).build(modalities=NAMES, width=8)(encoded, torch.ones(5, 3).bool())
    u = torch.stack([(part.log_variance / 2).exp().mean(1) for part in encoded.values()], dim=1)
    weights = torch.softmax(1 / (u + 1e-6) / temperature, dim=1)
    expected = sum(weights[:, [i]] * part.mean for i, part in enumerate(encoded.values()))
    torch.testing.assert_close(fused.weights, weights, rtol=1e-10, atol=0)
    torch.testing.assert_close(fused.vector, expected, rtol=1e-10, atol=1e-14)
    leaves = [leaf for part in encoded.values() for leaf in part[:2]]
    ours, theirs = (torch.autograd.grad(v.pow(3).sum(), leaves) for v in (fused.vector, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-13)


def test_equal_uncertainties_give_the_plain_mean(encode):
    encoded = {name: part._replace(log_variance=torch.zeros(5, 8)) for name, part in encode().items()}
    fused = UncertaintySpec().build(modalities=NAMES, width=8)(encoded, torch.ones(5, 3).bool())
    torch.testing.assert_close(fused.vector, sum(part.mean for part in encoded.values()) / 3)


@pytest.mark.usefixtures("float64")
def test_elementwise_weights_act_in_each_dimension_and_are_told_as_their_mean(encode):
    encoded = encode()
    fused = UncertaintySpec(score="elementwise").build(modalities=NAMES, width=8)(encoded, torch.ones(5, 3).bool())
    sigma = torch.stack([(part.log_variance / 2).exp() for part in encoded.values()], dim=1)
    weights = (1 / sigma).exp() / (1 / sigma).exp().sum(1, keepdim=True)
    means = torch.stack([part.mean for part in encoded.values()], dim=1)
    torch.testing.assert_close(fused.vector, (weights * means).sum(1), rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(fused.weights, weights.mean(-1), rtol=1e-10, atol=0)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("mask_mode", "factor"), [("masked_softmax", 1.0), ("sigma_1e6", 0.84464)])
def test_sigma_1e6_shrinks_the_vector_and_the_masked_softmax_does_not(mask_mode, factor):
    part = Encoded(torch.ones(1, 4), torch.zeros(1, 4), torch.ones(1, 4))
    module = UncertaintySpec(mask_mode=mask_mode).build(modalities=NAMES, width=4)
    fused = module(dict.fromkeys(NAMES, part), torch.tensor([[True, True, False]]))
    assert fused.vector.tolist() == [[pytest.approx(factor, abs=1e-5)] * 4]


def test_one_modality_is_passed_through(encode):
    encoded = encode(["text"])
    fused = UncertaintySpec().build(modalities=["text"], width=8)(encoded, torch.ones(5, 1).bool())
    assert torch.equal(fused.vector, encoded["text"].mean)


def test_it_needs_a_variance_and_has_no_parameters():
    assert UncertaintySpec().requirements() == {"variance"}
    assert UncertaintySpec.knobs() == ("temperature",)
    assert not list(UncertaintySpec().build(modalities=NAMES, width=4).parameters())
    assert register_fusions() == [UncertaintySpec]
