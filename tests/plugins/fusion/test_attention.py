import pytest
import torch

from butfor.plugins.fusion.attention import AttentionSpec, register_fusions

NAMES = ["audio", "text", "video"]


def scores_by_hand(module, encoded, present):
    hidden = torch.cat([part.mean * present[:, [i]] for i, part in enumerate(encoded.values())], dim=1)
    for layer in list(module.hidden)[::2]:
        hidden = (hidden @ layer.weight.T + layer.bias).clamp(min=0)
    return hidden @ module.scores.weight.T + module.scores.bias


@pytest.mark.usefixtures("float64")
def test_without_normalising_the_numbers_themselves_are_the_weights(encode):
    encoded, present = encode(), torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]).bool()
    module = AttentionSpec(normalise="none").build(modalities=NAMES, width=8).eval()
    module.scores.bias.data = torch.tensor([-3.0, 2.0, 0.5])
    fused = module(encoded, present)
    weights = scores_by_hand(module, encoded, present) * present
    torch.testing.assert_close(fused.weights, weights, rtol=1e-10, atol=1e-12)
    means = torch.stack([part.mean for part in encoded.values()], dim=1)
    torch.testing.assert_close(fused.vector, torch.einsum("bm,bmh->bh", weights, means), rtol=1e-10, atol=1e-12)
    assert (fused.weights < 0).any()


@pytest.mark.usefixtures("float64")
def test_softmax_shares_one_among_what_is_present(encode):
    encoded, present = encode(), torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]).bool()
    module = AttentionSpec().build(modalities=NAMES, width=8).eval()
    fused = module(encoded, present)
    odds = scores_by_hand(module, encoded, present).exp() * present
    weights = odds / odds.sum(dim=1, keepdim=True)
    torch.testing.assert_close(fused.weights, weights, rtol=1e-10, atol=1e-12)
    means = torch.stack([part.mean for part in encoded.values()], dim=1)
    torch.testing.assert_close(fused.vector, torch.einsum("bm,bmh->bh", weights, means), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layers", [1, 3])
def test_layers_are_counted(layers):
    module = AttentionSpec(layers=layers).build(modalities=NAMES, width=8)
    expected = (24 * 8 + 8) + (layers - 1) * (8 * 8 + 8) + (8 * 3 + 3)
    assert sum(parameter.numel() for parameter in module.parameters()) == expected
    assert register_fusions() == [AttentionSpec]


def test_dropout_falls_on_the_concatenation(encode):
    module = AttentionSpec(normalise="none", layers=1, dropout=0.35).build(modalities=["audio"], width=4)
    module.hidden[0].weight.data, module.scores.weight.data = torch.eye(4), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    module.hidden[0].bias.data.zero_()
    module.scores.bias.data.zero_()
    encoded = encode(["audio"], batch=800, width=4)
    weights, scaled = module(encoded, torch.ones(800, 1).bool()).weights, encoded["audio"].mean[:, :1].relu() / 0.65
    kept = weights != 0
    torch.testing.assert_close(weights[kept], scaled[kept])
    assert (kept.sum() / (scaled != 0).sum()).item() == pytest.approx(0.65, abs=0.07)
