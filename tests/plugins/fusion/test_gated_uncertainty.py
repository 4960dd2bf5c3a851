import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from butfor.plugins.fusion.gated_uncertainty import GatedUncertaintySpec, register_fusions
from butfor.plugins.fusion.uncertainty import UncertaintySpec

NAMES = ["audio", "text", "video"]
ALL, SOME = torch.ones(5, 3).bool(), torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]).bool()


def built(width=8, **settings):
    return GatedUncertaintySpec(**settings).build(modalities=NAMES, width=width).eval()


def gate_scores_by_hand(module, encoded, present):
    joined = torch.cat([part.mean * present[:, [i]] for i, part in enumerate(encoded.values())], dim=1)
    hidden = functional.gelu(joined @ module.gate_hidden.weight.T + module.gate_hidden.bias)
    return hidden @ module.gate_scores.weight.T + module.gate_scores.bias


def weighed(encoded, weights):
    return sum(weights[:, [i]] * part.mean for i, part in enumerate(encoded.values()))


@pytest.mark.parametrize("gate", ["softmax", "sigmoid", "sigmoid_normalized"])
@pytest.mark.parametrize("mask_mode", ["masked_softmax", "sigma_1e6"])
@pytest.mark.parametrize("score", ["inv_sigma_softmax", "precision_elementwise"])
def test_alpha_one_is_the_uncertainty_fusion(gate, mask_mode, score, encode):
    settings = {"mask_mode": mask_mode, "score": score, "temperature": 0.7}
    plain = UncertaintySpec(**settings).build(modalities=NAMES, width=8)(encode(), SOME)
    gated = built(gate=gate, gate_alpha=1.0, **settings)(encode(), SOME)
    assert torch.equal(gated.vector, plain.vector)
    assert torch.equal(gated.weights, plain.weights)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("present", [ALL, SOME], ids=["all", "some"])
@pytest.mark.parametrize("gate", ["softmax", "sigmoid", "sigmoid_normalized"])
def test_alpha_zero_is_the_gate_alone(gate, present, encode):
    encoded, module = encode(), built(gate=gate, gate_alpha=0.0)
    scores = gate_scores_by_hand(module, encoded, present)
    odds = (scores.exp() if gate == "softmax" else 1 / (1 + (-scores).exp())) * present
    weights = odds if gate == "sigmoid" else odds / odds.sum(1, keepdim=True)
    fused = module(encoded, present)
    torch.testing.assert_close(fused.weights, weights, rtol=1e-10, atol=0)
    torch.testing.assert_close(fused.vector, weighed(encoded, weights), rtol=1e-10, atol=1e-14)


@pytest.mark.usefixtures("float64")
def test_half_and_half_is_the_mean_of_both_with_its_gradients(encode):
    encoded, module = encode(), built(gate_alpha=0.5)
    u = torch.stack([(part.log_variance / 2).exp().mean(1) for part in encoded.values()], dim=1)
    gate = torch.softmax(gate_scores_by_hand(module, encoded, ALL), dim=1)
    weights = 0.5 * torch.softmax(1 / (u + 1e-6), dim=1) + 0.5 * gate
    fused = module(encoded, ALL)
    torch.testing.assert_close(fused.weights, weights, rtol=1e-10, atol=0)
    leaves = [*module.parameters(), *(leaf for part in encoded.values() for leaf in part[:2])]
    ours, theirs = (torch.autograd.grad(v.pow(3).sum(), leaves) for v in (fused.vector, weighed(encoded, weights)))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("gate", ["softmax", "sigmoid_normalized"])
def test_a_zero_last_layer_makes_a_uniform_gate(gate, encode):
    module = built(gate=gate, gate_alpha=0.0)
    module.gate_scores.weight.data.zero_()
    module.gate_scores.bias.data.zero_()
    weights = module(encode(), SOME).weights
    torch.testing.assert_close(weights, SOME / SOME.sum(1, keepdim=True))


@pytest.mark.parametrize(("mask_mode", "leak"), [("sigma_1e6", 0.5 * 0.15536 + 0.5 / 3), ("masked_softmax", 0.0)])
def test_only_the_compatible_mode_leaks_to_an_absent_modality(mask_mode, leak, encode):
    module = built(mask_mode=mask_mode)
    module.gate_scores.weight.data.zero_()
    module.gate_scores.bias.data.zero_()
    encoded = {name: part._replace(log_variance=torch.zeros(5, 8)) for name, part in encode().items()}
    weights = module(encoded, torch.tensor([[True, True, False]]).expand(5, 3)).weights
    assert weights[:, 2].tolist() == pytest.approx([leak] * 5, abs=1e-5)
    assert weights.sum(1).tolist() == pytest.approx([1.0] * 5)


def test_a_learned_share_starts_at_gate_alpha_and_is_trained(encode):
    learned, fixed = (built(alpha=alpha, gate_alpha=0.3) for alpha in ("learned", "fixed"))
    learned.load_state_dict({**fixed.state_dict(), "alpha_shift": torch.zeros(())})
    one, other = learned(encode(), SOME), fixed(encode(), SOME)
    torch.testing.assert_close(one.vector, other.vector)
    one.vector.square().sum().backward()
    assert learned.alpha_shift.grad != 0
    learned.alpha_shift.data.fill_(100.0)
    plain = UncertaintySpec().build(modalities=NAMES, width=8)(encode(), SOME)
    torch.testing.assert_close(learned(encode(), SOME).vector, plain.vector)


@pytest.mark.parametrize("gate_alpha", [0.0, 1.0])
def test_a_learned_share_that_could_not_move_is_refused(gate_alpha):
    with pytest.raises(ValidationError, match="never leaves"):
        GatedUncertaintySpec(alpha="learned", gate_alpha=gate_alpha)


def test_the_gate_drops_out_in_training_only(encode):
    module = built(gate_alpha=0.0, gate_dropout=0.9)
    calm = module(encode(), ALL).weights
    assert torch.equal(calm, module(encode(), ALL).weights)
    assert not torch.equal(calm, module.train()(encode(), ALL).weights)
    module.gate_dropout.zero_()
    torch.testing.assert_close(module(encode(), ALL).weights, calm)


@pytest.mark.parametrize(("alpha", "expected"), [("fixed", 49_667), ("learned", 49_668)])
def test_parameters_are_those_of_v4(alpha, expected):
    assert sum(parameter.numel() for parameter in built(width=128, alpha=alpha).parameters()) == expected


def test_it_needs_a_variance_and_tells_its_knobs():
    assert GatedUncertaintySpec().requirements() == {"variance"}
    assert set(GatedUncertaintySpec.knobs()) == {"temperature", "gate_alpha", "gate_dropout"}
    assert register_fusions() == [GatedUncertaintySpec]
