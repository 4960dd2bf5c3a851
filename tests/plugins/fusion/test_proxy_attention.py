import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from butfor.core import StudyError
from butfor.core.catalogue import Catalogue, Entry
from butfor.plugins.fusion.concat import ConcatSpec
from butfor.plugins.fusion.gated_uncertainty import GatedUncertaintySpec
from butfor.plugins.fusion.mean import MeanSpec
from butfor.plugins.fusion.proxy_attention import CrossAttention, ProxyAttentionSpec, register_fusions
from butfor.plugins.fusion.uncertainty import UncertaintySpec

NAMES = ["audio", "text", "video"]
ALL, SOME = torch.ones(5, 3).bool(), torch.tensor([[1, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1]]).bool()


def built(width=8, proxy=None, **settings):
    spec = ProxyAttentionSpec(proxy=proxy or UncertaintySpec(), **settings)
    return spec.build(modalities=NAMES, width=width).eval()


def torch_attention(ours: CrossAttention, dropout: float = 0.0) -> nn.MultiheadAttention:
    """torch's own attention with our weights."""
    width = ours.query.weight.shape[0]
    theirs = nn.MultiheadAttention(width, ours.heads, dropout=dropout, batch_first=True)
    maps = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([linear.weight.data for linear in maps])
    theirs.in_proj_bias.data = torch.cat([linear.bias.data for linear in maps])
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    return theirs


def finish(module, proxy, found):
    """Norm and feed-forward of the plan, by hand."""
    y = functional.layer_norm(proxy + found, proxy.shape[-1:], module.norm.weight, module.norm.bias)
    first, last = module.feed_forward
    return y + functional.gelu(y @ first.weight.T + first.bias) @ last.weight.T + last.bias


def jitter(module):
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("mask_mode", ["masked_softmax", "sigma_1e6"])
def test_per_modality_is_three_torch_attentions_summed_by_the_proxys_weights(mask_mode, encode):
    encoded, module = encode(), built(proxy=GatedUncertaintySpec(mask_mode=mask_mode))
    jitter(module)
    proxy, fused = module.proxy(encoded, SOME), module(encoded, SOME)
    found = 0.0
    for column, (name, part) in enumerate(encoded.items()):
        key = (part.mean * SOME[:, [column]])[:, None]
        answer, _ = torch_attention(module.attend[name])(proxy.vector[:, None], key, key)
        found = found + proxy.weights[:, [column]] * answer[:, 0]
    torch.testing.assert_close(fused.vector, finish(module, proxy.vector, found), rtol=1e-10, atol=1e-12)
    assert torch.equal(fused.weights, proxy.weights)


@pytest.mark.usefixtures("float64")
def test_per_modality_is_a_linear_map_of_each_mean(encode):
    encoded, module = encode(), built()
    jitter(module)
    proxy = module.proxy(encoded, ALL)
    found = 0.0
    for column, (name, part) in enumerate(encoded.items()):
        value, out = module.attend[name].value, module.attend[name].out
        mapped = (part.mean @ value.weight.T + value.bias) @ out.weight.T + out.bias
        found = found + proxy.weights[:, [column]] * mapped
    expected = finish(module, proxy.vector, found)
    vector = module(encoded, ALL).vector
    torch.testing.assert_close(vector, expected, rtol=1e-10, atol=1e-12)
    leaves = [leaf for part in encoded.values() for leaf in part[:2]]
    ours, theirs = (torch.autograd.grad(v.pow(3).sum(), leaves, retain_graph=True) for v in (vector, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.usefixtures("float64")
def test_joint_is_torch_attention_over_what_is_present_with_its_gradients(encode):
    encoded, module = encode(), built(kv_mode="joint")
    jitter(module)
    proxy = module.proxy(encoded, SOME)
    keys = torch.stack([part.mean for part in encoded.values()], dim=1)
    theirs = torch_attention(module.attend["joint"])
    answer, weights = theirs(proxy.vector[:, None], keys, keys, key_padding_mask=~SOME)
    fused, expected = module(encoded, SOME), finish(module, proxy.vector, answer[:, 0])
    torch.testing.assert_close(fused.vector, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(fused.weights, weights[:, 0], rtol=1e-10, atol=1e-12)
    ours = module.attend["joint"]
    fused.vector.pow(3).sum().backward(retain_graph=True)
    expected.pow(3).sum().backward()
    gradient = torch.cat([linear.weight.grad for linear in (ours.query, ours.key, ours.value)])
    torch.testing.assert_close(gradient, theirs.in_proj_weight.grad, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(ours.out.weight.grad, theirs.out_proj.weight.grad, rtol=1e-9, atol=1e-11)


@pytest.mark.usefixtures("float64")
def test_joint_is_scaled_dot_product_attention_of_each_head(encode):
    encoded, module = encode(), built(kv_mode="joint", heads=2)
    attend, query = module.attend["joint"], torch.randn(5, 8)
    keys = torch.stack([part.mean for part in encoded.values()], dim=1)
    q = attend.query(query).view(5, 1, 2, 4).transpose(1, 2)
    k, v = (linear(keys).view(5, 3, 2, 4).transpose(1, 2) for linear in (attend.key, attend.value))
    expected = functional.scaled_dot_product_attention(q, k, v, attn_mask=SOME[:, None, None, :])
    ours, _ = attend(query, keys, SOME, torch.tensor(0.0))
    torch.testing.assert_close(ours, attend.out(expected.transpose(1, 2).reshape(5, 8)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("keys", [1, 3])
def test_dropout_falls_on_the_attention_weights_as_in_torch(keys):
    ours = CrossAttention(8, 4)
    theirs = torch_attention(ours, dropout=0.4)
    query, tokens = torch.randn(6, 8), torch.randn(6, keys, 8)
    torch.manual_seed(3)
    answer, _ = ours(query, tokens, torch.ones(6, keys).bool(), torch.tensor(0.4))
    torch.manual_seed(3)
    expected, _ = theirs(query[:, None], tokens, tokens)
    torch.testing.assert_close(answer, expected[:, 0])
    assert not torch.equal(answer, ours.eval()(query, tokens, torch.ones(6, keys).bool(), torch.tensor(0.4))[0])


@pytest.mark.usefixtures("float64")
def test_training_drops_whole_heads_and_both_layers_of_the_feed_forward_part(encode):
    encoded, module = encode(), built(dropout=0.4).train()
    jitter(module)
    proxy = module.proxy(encoded, ALL)
    torch.manual_seed(3)
    vector = module(encoded, ALL).vector
    torch.manual_seed(3)
    found = 0.0
    for column, (name, part) in enumerate(encoded.items()):
        heads = functional.dropout(torch.ones(5, 4, 1), 0.4) * module.attend[name].value(part.mean).view(5, 4, 2)
        found = found + proxy.weights[:, [column]] * module.attend[name].out(heads.view(5, 8))
    y = module.norm(proxy.vector + found)
    hidden = functional.dropout(functional.gelu(module.feed_forward[0](y)), 0.4)
    expected = y + functional.dropout(module.feed_forward[1](hidden), 0.4)
    torch.testing.assert_close(vector, expected, rtol=1e-10, atol=1e-12)


def test_query_and_key_maps_are_dead_in_per_modality_and_alive_in_joint(encode):
    for kv_mode, alive in (("per_modality", False), ("joint", True)):
        module = built(kv_mode=kv_mode)
        module(encode(), SOME).vector.pow(3).sum().backward()
        for attend in module.attend.values():
            for linear in (attend.query, attend.key):
                assert linear.weight.grad.any().item() is alive
            assert attend.value.weight.grad.any()


def test_parameters_are_those_of_v4_and_a_third_of_them_is_dead():
    module = built(width=128, proxy=MeanSpec())
    counts = {name: parameter.numel() for name, parameter in module.named_parameters()}
    assert sum(counts.values()) == 264_320
    assert sum(number for name, number in counts.items() if ".query." in name or ".key." in name) == 99_072


def test_attention_starts_like_torchs_own():
    ours, theirs = CrossAttention(128, 4), nn.MultiheadAttention(128, 4)
    packed = torch.cat([linear.weight for linear in (ours.query, ours.key, ours.value)])
    bound = math.sqrt(6 / (384 + 128))
    for mine, other in ((packed, theirs.in_proj_weight), (ours.out.weight, theirs.out_proj.weight)):
        assert mine.shape == other.shape
        assert mine.abs().max().item() == pytest.approx(other.abs().max().item(), rel=1e-3)
        assert mine.std().item() == pytest.approx(other.std().item(), rel=0.03)
    assert packed.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert not any(linear.bias.any() for linear in (ours.query, ours.key, ours.value, ours.out))


@pytest.mark.parametrize(("heads", "width", "closest"), [(5, 128, 4), (7, 128, 8), (6, 9, 3), (200, 128, 128)])
def test_heads_that_do_not_divide_the_width_are_refused_with_the_nearest_that_do(heads, width, closest):
    with pytest.raises(StudyError, match=rf"heads: {heads} does not divide .* width {width}; .* is {closest}$"):
        built(width=width, heads=heads)


@pytest.mark.usefixtures("float64")
def test_an_inner_fusion_without_weights_counts_what_is_present_equally(encode):
    encoded, module = encode(), built(proxy=ConcatSpec())
    proxy, fused = module.proxy(encoded, SOME), module(encoded, SOME)
    found = 0.0
    for column, (name, part) in enumerate(encoded.items()):
        attend = module.attend[name]
        found = found + (SOME / SOME.sum(1, keepdim=True))[:, [column]] * attend.out(attend.value(part.mean))
    torch.testing.assert_close(fused.vector, finish(module, proxy.vector, found), rtol=1e-10, atol=1e-12)
    assert fused.weights is None


@pytest.mark.usefixtures("float64")
def test_the_second_norm_is_the_norm_of_the_vector_without_it(encode):
    plain, normed = built(), built(norm2=True)
    assert normed.load_state_dict(plain.state_dict(), strict=False).missing_keys == ["norm2.weight", "norm2.bias"]
    expected = functional.layer_norm(plain(encode(), SOME).vector, (8,))
    torch.testing.assert_close(normed(encode(), SOME).vector, expected)


@pytest.mark.parametrize(("multiplier", "widths"), [(2, [16, 8]), (3, [24, 8]), ([4, 2], [32, 16, 8])])
def test_the_feed_forward_part_has_the_asked_widths(multiplier, widths):
    assert [layer.out_features for layer in built(ffn_multiplier=multiplier).feed_forward] == widths


def test_the_rest_starts_the_same_whatever_the_proxy_is():
    one, other = (built(proxy=proxy) for proxy in (GatedUncertaintySpec(), MeanSpec()))
    rest = other.state_dict()
    assert rest
    assert all(torch.equal(one.state_dict()[name], value) for name, value in rest.items())


def test_the_proxy_starts_the_same_whatever_was_drawn_before():
    torch.rand(17)
    one = built(proxy=GatedUncertaintySpec()).proxy.state_dict()
    torch.rand(3)
    other = built(proxy=GatedUncertaintySpec()).proxy.state_dict()
    assert all(torch.equal(one[name], value) for name, value in other.items())


def test_modalities_start_differently():
    attend = built().attend
    assert not torch.equal(attend["audio"].value.weight, attend["text"].value.weight)


def test_settings_choose_the_proxy_and_its_needs_come_along():
    specs = (GatedUncertaintySpec, MeanSpec, ProxyAttentionSpec)
    entries = {("fusion", s.model_fields["name"].default): Entry(s, "butfor", "0", "") for s in specs}
    context = {"catalogue": Catalogue(entries)}
    default = ProxyAttentionSpec.model_validate({"name": "proxy_attention"}, context=context)
    assert default.proxy == GatedUncertaintySpec()
    assert default.requirements() == {"variance"}
    swapped = ProxyAttentionSpec.model_validate({"name": "proxy_attention", "proxy": "mean"}, context=context)
    assert swapped.requirements() == frozenset()
    assert register_fusions() == [ProxyAttentionSpec]
