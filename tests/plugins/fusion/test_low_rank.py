import string

import pytest
import torch

from butfor.plugins.fusion.low_rank import LowRankSpec, register_fusions

NAMES = ["audio", "text", "video", "touch"]


def with_one(values):
    return torch.cat([torch.ones(len(values), 1), values], dim=1)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize("number", [1, 3, 4])
def test_it_is_a_decomposed_weight_contracted_with_the_tensor(number, rank, encode):
    names, letters = NAMES[:number], string.ascii_lowercase[:number]
    encoded = encode(names, width=3)
    module = LowRankSpec(rank=rank).build(modalities=names, width=3)
    module.bias.data = torch.randn(3)
    tensor = torch.einsum(
        ",".join(f"Z{letter}" for letter in letters) + f"->Z{letters}", *(with_one(encoded[n].mean) for n in names)
    )
    weight = torch.einsum(
        "R," + ",".join(f"R{letter}H" for letter in letters) + f"->{letters}H",
        module.rank_weights[0],
        *(module.factors[n] for n in names),
    )
    expected = torch.einsum(f"Z{letters},{letters}H->ZH", tensor, weight) + module.bias
    fused = module(encoded, torch.ones(5, number).bool())
    torch.testing.assert_close(fused.vector, expected, rtol=1e-10, atol=1e-12)
    assert fused.weights is None
    leaves = [*module.parameters(), *(part.mean for part in encoded.values())]
    ours, theirs = (torch.autograd.grad(v.pow(3).sum(), leaves) for v in (fused.vector, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.usefixtures("float64")
def test_an_absent_modality_counts_as_zeros(encode):
    encoded, names = encode(NAMES[:3]), NAMES[:3]
    module = LowRankSpec().build(modalities=names, width=8)
    zeros = {**encoded, "text": encoded["text"]._replace(mean=torch.zeros(5, 8))}
    absent = module(encoded, torch.tensor([[True, False, True]]).expand(5, 3))
    assert torch.equal(absent.vector, module(zeros, torch.ones(5, 3).bool()).vector)


def test_factors_start_by_xavier_and_the_bias_at_zero():
    module = LowRankSpec(rank=6).build(modalities=NAMES, width=64)
    for name in NAMES:
        assert module.factors[name].shape == (6, 65, 64)
        assert module.factors[name].std().item() == pytest.approx((2 / (65 + 64)) ** 0.5, rel=0.03)
    assert module.rank_weights.shape == (1, 6)
    assert not module.bias.any()
    assert not torch.equal(module.factors["audio"], module.factors["text"])


def test_a_modality_starts_the_same_whichever_others_there_are():
    four, one = (LowRankSpec().build(modalities=names, width=8) for names in (NAMES, ["video"]))
    assert torch.equal(four.factors["video"], one.factors["video"])
    assert register_fusions() == [LowRankSpec]
