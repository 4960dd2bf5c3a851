import pytest
import torch

from butfor.core import StudyError
from butfor.plugins.fusion.tensor import TensorSpec, register_fusions

NAMES = ["audio", "text", "video"]


def with_one(values):
    return torch.cat([torch.ones(len(values), 1), values], dim=1)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("projection", [None, 2])
def test_it_is_the_einsum_of_the_encodings_with_one_in_front(projection, encode):
    encoded = encode(width=4)
    module = TensorSpec(projection=projection).build(modalities=NAMES, width=4).eval()
    parts = [part.mean for part in encoded.values()]
    if projection:
        linears = [module.project[name] for name in NAMES]
        parts = [part @ linear.weight.T + linear.bias for part, linear in zip(parts, linears, strict=True)]
    cells = torch.einsum("bi,bj,bk->bijk", *map(with_one, parts)).reshape(5, -1)
    present = torch.ones(5, 3).bool()
    torch.testing.assert_close(module.outer(encoded, present), cells, rtol=1e-12, atol=1e-14)
    first, _, second, _ = module.layers
    expected = torch.relu(torch.relu(cells @ first.weight.T + first.bias) @ second.weight.T + second.bias)
    fused = module(encoded, present)
    torch.testing.assert_close(fused.vector, expected, rtol=1e-10, atol=1e-12)
    assert fused.weights is None
    leaves = [*module.parameters(), *(part.mean for part in encoded.values())]
    ours, theirs = (torch.autograd.grad(v.pow(3).sum(), leaves) for v in (fused.vector, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("projection", [None, 2])
def test_an_absent_modality_leaves_only_the_interactions_of_the_others(projection, encode):
    encoded, spec = encode(width=4), TensorSpec(projection=projection)
    size = (projection or 4) + 1
    absent = torch.tensor([[True, False, True]]).expand(5, 3)
    cells = spec.build(modalities=NAMES, width=4).outer(encoded, absent).reshape(5, size, size, size)
    two = {name: encoded[name] for name in ("audio", "video")}
    others = spec.build(modalities=list(two), width=4).outer(two, torch.ones(5, 2).bool()).reshape(5, size, size)
    torch.testing.assert_close(cells[:, :, 0], others)
    assert not cells[:, :, 1:].any()


def test_parameters_grow_with_the_power_of_the_projection():
    count = {
        projection: sum(
            p.numel() for p in TensorSpec(projection=projection).build(modalities=NAMES, width=8).parameters()
        )
        for projection in (None, 3)
    }
    assert count == {None: 9**3 * 8 + 8 + 72, 3: 3 * (8 * 3 + 3) + 4**3 * 8 + 8 + 72}


@pytest.mark.parametrize(("projection", "number"), [(None, 4), (16, 6)])
def test_a_tensor_that_would_not_fit_is_refused(projection, number):
    with pytest.raises(StudyError, match=r"lower `projection`, or take the fusion 'low_rank'"):
        TensorSpec(projection=projection).build(modalities=[f"m{i}" for i in range(number)], width=128)


def test_dropout_falls_on_the_tensor(encode):
    module = TensorSpec(projection=None, dropout=0.5).build(modalities=["audio"], width=4)
    module.layers[0].weight.data = torch.eye(5)[:4]
    module.layers[0].bias.data.zero_()
    module.layers[2].weight.data = torch.eye(4)
    module.layers[2].bias.data.zero_()
    constant = module(encode(["audio"], batch=400, width=4), torch.ones(400, 1).bool()).vector[:, 0]
    assert set(constant.tolist()) == {0.0, 2.0}
    assert constant.mean().item() == pytest.approx(1.0, abs=0.2)


def test_a_projection_starts_the_same_whichever_other_modalities_there_are():
    three, one = (TensorSpec(projection=3).build(modalities=names, width=8).project for names in (NAMES, ["video"]))
    assert torch.equal(three["video"].weight, one["video"].weight)
    assert not torch.equal(three["audio"].weight, three["text"].weight)


def test_the_hook_offers_it():
    assert register_fusions() == [TensorSpec]
