"""What every fusion owes: any number of modalities, absent ones without effect, and the same numbers in a stack."""

import math

import pytest
import torch
from torch.func import functional_call, vmap
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from butfor.core import Encoded, Fused
from butfor.plugins.fusion.attention import AttentionSpec
from butfor.plugins.fusion.concat import ConcatSpec
from butfor.plugins.fusion.gated_uncertainty import GatedUncertaintySpec
from butfor.plugins.fusion.low_rank import LowRankSpec
from butfor.plugins.fusion.mean import MeanSpec
from butfor.plugins.fusion.product_of_experts import ProductOfExpertsSpec
from butfor.plugins.fusion.proxy_attention import ProxyAttentionSpec
from butfor.plugins.fusion.tensor import TensorSpec
from butfor.plugins.fusion.uncertainty import UncertaintySpec

GATED, SURE = GatedUncertaintySpec(), UncertaintySpec()
FUSIONS = {
    "concat": ConcatSpec(),
    "mean": MeanSpec(),
    "attention": AttentionSpec(),
    "attention none": AttentionSpec(normalise="none"),
    "uncertainty": SURE,
    "uncertainty sigma_1e6": UncertaintySpec(mask_mode="sigma_1e6"),
    "uncertainty elementwise": UncertaintySpec(score="elementwise"),
    "gated": GATED,
    "gated learned": GatedUncertaintySpec(alpha="learned", gate="sigmoid"),
    "gated sigma_1e6": GatedUncertaintySpec(mask_mode="sigma_1e6", gate="sigmoid_normalized", score="precision"),
    "experts": ProductOfExpertsSpec(),
    "experts without prior": ProductOfExpertsSpec(prior=False),
    "proxy attention": ProxyAttentionSpec(proxy=GATED),
    "proxy attention joint": ProxyAttentionSpec(proxy=SURE, kv_mode="joint", norm2=True, ffn_multiplier=(4, 2)),
    "proxy attention of concat": ProxyAttentionSpec(proxy=ConcatSpec()),
    "tensor": TensorSpec(projection=2),
    "tensor without projection": TensorSpec(projection=None),
    "low_rank": LowRankSpec(),
}
NAMES = ("audio", "text", "video", "touch-pad")
WITHOUT_WEIGHTS = {"concat", "tensor", "tensor without projection", "low_rank", "proxy attention of concat"}
KNOB_VALUES = {
    "dropout": (0.1, 0.3, 0.5),
    "gate_dropout": (0.5, 0.1, 0.3),
    "temperature": (0.5, 1.0, 2.0),
    "gate_alpha": (0.2, 0.5, 0.9),
}
each_fusion = pytest.mark.parametrize("label", FUSIONS)


@each_fusion
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("batch", [1, 5])
def test_any_number_of_modalities_gives_one_vector(label, number, batch, encode):
    encoded = encode(NAMES[:number], batch=batch, width=4)
    fused = FUSIONS[label].build(modalities=NAMES[:number], width=4)(encoded, torch.ones(batch, number).bool())
    assert isinstance(fused, Fused)
    assert fused.vector.shape == (batch, 4)
    assert fused.vector.isfinite().all()
    assert (fused.weights is None) == (label in WITHOUT_WEIGHTS)
    assert fused.weights is None or fused.weights.shape == (batch, number)


@each_fusion
@pytest.mark.parametrize("extreme", [-10.0, 0.0, 10.0])
def test_an_absent_modality_gets_exactly_no_gradient_and_nothing_becomes_nan(label, extreme, encode):
    encoded = encode(width=4)
    present = torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 0], [0, 0, 0], [0, 0, 1]]).bool()
    for column, part in enumerate(encoded.values()):
        absent = ~present[:, column, None]
        part.mean.data.masked_fill_(absent, math.nan)
        part.log_variance.data.fill_(extreme if column % 2 else -extreme).masked_fill_(absent, math.inf)
    module = FUSIONS[label].build(modalities=list(encoded), width=4)
    fused = module(encoded, present)
    (fused.vector * torch.randn_like(fused.vector)).sum().backward()
    assert fused.vector.isfinite().all()
    for name, parameter in module.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    for column, part in enumerate(encoded.values()):
        for leaf in (part.mean, part.log_variance):
            gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
            assert gradient.isfinite().all()
            assert not gradient[~present[:, column]].any()
    assert any(part.mean.grad[0].any() for part in encoded.values())


@each_fusion
def test_a_modality_that_is_never_present_trains_none_of_its_own_parameters(label, encode):
    module = FUSIONS[label].build(modalities=NAMES[:3], width=4)
    present = torch.tensor([[True, False, True]]).expand(5, 3)
    module(encode(width=4), present).vector.square().sum().backward()
    own = {name: value.grad for name, value in module.named_parameters() if ".text" in name}
    if label == "low_rank":
        own = {name: gradient[:, 1:] for name, gradient in own.items()}
    assert all(not gradient.any() for gradient in own.values())
    assert bool(own) == (label in {"proxy attention", "proxy attention of concat", "low_rank", "tensor"})


@each_fusion
def test_a_row_with_nothing_present_has_no_weights_and_a_vector_that_ignores_the_encodings(label, encode):
    module = FUSIONS[label].build(modalities=NAMES[:3], width=4).eval()
    nothing = torch.zeros(5, 3).bool()
    one, other = (module(encode(width=4, seed=seed), nothing) for seed in (0, 7))
    assert one.weights is None or not one.weights.any()
    assert torch.equal(one.vector, other.vector)
    if label.split()[0] in {"mean", "attention", "uncertainty", "gated", "experts"}:
        assert not one.vector.any()


@each_fusion
def test_rows_do_not_look_at_each_other(label, encode):
    encoded, present = encode(width=4), torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 0], [0, 0, 0], [0, 0, 1]]).bool()
    module = FUSIONS[label].build(modalities=list(encoded), width=4).eval()
    together = module(encoded, present).vector
    for row in range(5):
        alone = {name: Encoded(*(part[row : row + 1] for part in parts[:3])) for name, parts in encoded.items()}
        torch.testing.assert_close(module(alone, present[row : row + 1]).vector, together[row : row + 1])


@each_fusion
def test_only_training_is_random(label, encode):
    module = FUSIONS[label].build(modalities=NAMES[:3], width=8)
    encoded, present = encode(), torch.ones(5, 3).bool()
    drops = any(name.endswith("dropout") for name, _ in module.named_buffers())
    assert torch.equal(module(encoded, present).vector, module(encoded, present).vector) != drops
    module.eval()
    assert torch.equal(module(encoded, present).vector, module(encoded, present).vector)


@each_fusion
@pytest.mark.usefixtures("float64")
def test_gradients_agree_with_finite_differences(label, encode):
    encoded = encode(batch=3, width=4)
    module = FUSIONS[label].build(modalities=list(encoded), width=4).eval()
    present = torch.tensor([[1, 1, 1], [0, 1, 1], [0, 0, 1]]).bool()

    def fuse(*leaves):
        parts = {name: Encoded(leaves[2 * i], leaves[2 * i + 1], leaves[2 * i]) for i, name in enumerate(encoded)}
        fused = module(parts, present)
        return fused.vector if fused.weights is None else (fused.vector, fused.weights)

    assert torch.autograd.gradcheck(fuse, [leaf for part in encoded.values() for leaf in part[:2]])


class ServedDropout(TorchFunctionMode):
    """Takes the numbers for dropout from a list, as the engine does, or notes which shapes are asked for."""

    def __init__(self, draws=None):
        super().__init__()
        self.draws = draws
        self.shapes = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is not functional.dropout:
            return func(*args, **(kwargs or {}))
        values, rate = args[0], kwargs["p"]
        self.shapes.append(values.shape)
        if self.draws is None:
            return values
        return torch.where(self.draws[len(self.shapes) - 1] >= rate, values / (1 - rate), 0.0)


def three_trials(spec):
    """Parameters and buffers of three modules with other weights and other knobs, by name, with the trial in front."""
    module = spec.build(modalities=NAMES[:3], width=4)
    weights = {name: torch.randn(3, *value.shape).requires_grad_() for name, value in module.named_parameters()}
    buffers = {name: torch.tensor(KNOB_VALUES[name.split(".")[-1]]) for name, _ in module.named_buffers()}
    return module, {**weights, **buffers}


@each_fusion
@pytest.mark.usefixtures("float64")
def test_a_stack_of_trials_gives_what_each_trial_gives_alone(label, encode):
    module, state = three_trials(FUSIONS[label])
    trials = [encode(width=4, seed=seed) for seed in (0, 1, 2)]
    leaves = [
        torch.stack([trial[n][i] for trial in trials]).detach().requires_grad_() for n in NAMES[:3] for i in (0, 1)
    ]
    present = torch.rand(3, 5, 3) > 0.3
    with ServedDropout() as asked:
        module(trials[0], present[0])
    draws = [torch.rand(3, *shape) for shape in asked.shapes]

    def fuse(state, leaves, present, draws):
        parts = {n: Encoded(leaves[2 * i], leaves[2 * i + 1], leaves[2 * i]) for i, n in enumerate(NAMES[:3])}
        with ServedDropout(draws):
            fused = functional_call(module, state, (parts, present))
        return fused.vector, present.new_zeros(()) if fused.weights is None else fused.weights

    stacked = vmap(fuse)(state, leaves, present, draws)
    rows = [
        fuse({n: v[k] for n, v in state.items()}, [v[k] for v in leaves], present[k], [u[k] for u in draws])
        for k in range(3)
    ]
    alone = [torch.stack(values) for values in zip(*rows, strict=True)]
    for ours, theirs in zip(stacked, alone, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    inputs = [value for value in [*state.values(), *leaves] if value.requires_grad]
    ours, theirs = (
        torch.autograd.grad(values[0].square().sum(), inputs, allow_unused=True) for values in (stacked, alone)
    )
    for one, other in zip(ours, theirs, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


SYMMETRIC = ["mean", "uncertainty", "uncertainty sigma_1e6", "uncertainty elementwise", "experts"]
PROXIES = {
    "per modality": ProxyAttentionSpec(proxy=SURE),
    "joint": ProxyAttentionSpec(proxy=SURE, kv_mode="joint"),
    "of the mean": ProxyAttentionSpec(proxy=MeanSpec()),
}
each_symmetric = pytest.mark.parametrize("spec", [*map(FUSIONS.get, SYMMETRIC), *PROXIES.values()], ids=str)


@each_symmetric
@pytest.mark.usefixtures("float64")
def test_the_order_of_modalities_does_not_matter(spec, encode):
    order, present = [2, 0, 1], torch.rand(5, 3) > 0.3
    names = [NAMES[place] for place in order]
    first = spec.build(modalities=NAMES[:3], width=8).eval()
    second = spec.build(modalities=names, width=8).eval()
    one = first(encode(NAMES[:3]), present)
    other = second(encode(names), present[:, order])
    torch.testing.assert_close(one.vector, other.vector)
    torch.testing.assert_close(one.weights[:, order], other.weights)


MASKED = [spec for spec in [*map(FUSIONS.get, SYMMETRIC), *PROXIES.values()] if "sigma_1e6" not in str(spec)]


@pytest.mark.parametrize("spec", MASKED, ids=str)
@pytest.mark.usefixtures("float64")
def test_an_absent_modality_counts_as_if_it_were_not_in_the_list(spec, encode):
    three, two = (spec.build(modalities=names, width=8).eval() for names in (NAMES[:3], ("audio", "video")))
    masked = three(encode(NAMES[:3]), torch.tensor([[True, False, True]]).expand(5, 3))
    without = two(encode(("audio", "video")), torch.ones(5, 2).bool())
    torch.testing.assert_close(masked.vector, without.vector)
    torch.testing.assert_close(masked.weights[:, [0, 2]], without.weights)
    assert not masked.weights[:, 1].any()
