import pytest
import torch
from torch.nn import functional

from butfor.plugins.fusion.concat import ConcatSpec, register_fusions

NAMES = ["audio", "text", "video"]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("activation", "function"),
    [("relu", torch.relu), ("gelu", functional.gelu), ("tanh", torch.tanh), ("silu", functional.silu)],
)
def test_it_is_the_layers_by_hand(activation, function, encode):
    encoded, present = encode(), torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]]).bool()
    module = ConcatSpec(activation=activation, layers=2).build(modalities=NAMES, width=8).eval()
    first, _, second, _ = module.layers
    joined = torch.cat([part.mean * present[:, [i]] for i, part in enumerate(encoded.values())], dim=1)
    expected = function(function(joined @ first.weight.T + first.bias) @ second.weight.T + second.bias)
    fused = module(encoded, present)
    torch.testing.assert_close(fused.vector, expected, rtol=1e-10, atol=1e-12)
    assert fused.weights is None


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_layers_are_counted(layers):
    module = ConcatSpec(layers=layers).build(modalities=NAMES, width=8)
    expected = 24 * 8 + 8 + (layers - 1) * (8 * 8 + 8)
    assert sum(parameter.numel() for parameter in module.parameters()) == expected


def test_dropout_falls_on_the_concatenation(encode):
    encoded, present = encode(batch=500), torch.ones(500, 3).bool()
    module = ConcatSpec(dropout=0.35, layers=1).build(modalities=NAMES, width=8)
    module.layers[0].weight.data = torch.eye(24)[:8]
    module.layers[0].bias.data.zero_()
    dropped = module(encoded, present).vector
    scaled = encoded["audio"].mean.relu() / 0.65
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], scaled[kept])
    assert kept.sum() / (scaled != 0).sum() == pytest.approx(0.65, abs=0.04)


def test_the_hook_offers_it():
    assert register_fusions() == [ConcatSpec]
