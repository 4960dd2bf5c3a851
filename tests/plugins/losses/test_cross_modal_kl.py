from itertools import combinations, permutations

import pytest
import torch
from pydantic import ValidationError
from torch.distributions import Categorical, MixtureSameFamily, Normal, kl_divergence

from butfor.core import StudyError, TrainingError
from butfor.plugins.losses.cross_modal_kl import CrossModalKlSpec

pytestmark = pytest.mark.usefixtures("float64")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def normal(encoded):
    return Normal(encoded.mean, (encoded.log_variance / 2).exp())


def mean_over(scene, pairs, rows=slice(None)):
    """Mean over the pairs of the divergences of torch.distributions, each a mean over rows and dimensions."""
    encoded = scene.outputs.encoded
    return torch.stack([kl_divergence(normal(encoded[i]), normal(encoded[j]))[rows].mean() for i, j in pairs]).mean()


def two(scene, first, second, rows=1):
    """Two modalities, each (mean, log-variance) alike in every row and dimension."""
    scene = scene(rows=rows, modalities=("a", "b"))
    leaves = scene.leaves()
    for name, (mean, log_variance) in {"a": first, "b": second}.items():
        leaves[f"mean.{name}"] = torch.full((rows, 4), mean)
        leaves[f"log_variance.{name}"] = torch.full((rows, 4), log_variance)
    return scene.with_leaves(leaves)


@pytest.mark.parametrize("modalities", [("a", "t"), ("a", "t", "v"), ("a", "t", "v", "e")])
def test_directed_is_every_earlier_modality_against_every_later_one(scene, modalities):
    scene = scene(modalities=modalities).tracked()
    found, wanted = scene.value(CrossModalKlSpec()), mean_over(scene, combinations(modalities, 2))
    torch.testing.assert_close(found, wanted, **CLOSE)
    torch.testing.assert_close(scene.gradients(found), scene.gradients(wanted), **CLOSE)


def test_symmetric_is_the_mean_over_all_ordered_pairs(scene):
    scene = scene()
    wanted = mean_over(scene, permutations(scene.shapes.modalities, 2))
    torch.testing.assert_close(scene.value(CrossModalKlSpec(direction="symmetric")), wanted, **CLOSE)


def test_the_sum_over_dimensions_is_their_number_times_the_mean(scene):
    torch.testing.assert_close(
        scene().value(CrossModalKlSpec(reduction="sum")), 4 * scene().value(CrossModalKlSpec()), **CLOSE
    )


def test_js_is_the_gain_of_the_moment_matched_normal(scene):
    """Half the KL of each to the normal of the mixture's moments is log(sd of the mixture) less the mean log sd."""
    scene = scene(modalities=("a", "t")).tracked()
    a, t = scene.outputs.encoded.values()
    variance = (a.log_variance.exp() + t.log_variance.exp()) / 2 + ((a.mean - t.mean) / 2) ** 2
    wanted = (variance.log() / 2 - (a.log_variance + t.log_variance) / 4).mean()
    found = scene.value(CrossModalKlSpec(direction="js"))
    torch.testing.assert_close(found, wanted, **CLOSE)
    torch.testing.assert_close(scene.gradients(found), scene.gradients(wanted), **CLOSE)
    swapped = scene.value(CrossModalKlSpec(direction="js", pairs=(("t", "a"),)))
    torch.testing.assert_close(found, swapped, **CLOSE)


def test_js_bounds_the_jensen_shannon_divergence_from_above(scene):
    scene = two(scene, (0.0, 0.0), (1.5, 1.0))
    grid = torch.linspace(-30, 30, 60001)
    one, other = Normal(0.0, 1.0), Normal(1.5, torch.tensor(0.5).exp())
    mixture = MixtureSameFamily(
        Categorical(torch.tensor([0.5, 0.5])),
        Normal(torch.stack([one.loc, other.loc]), torch.stack([one.scale, other.scale])),
    )
    exact = sum(
        torch.trapezoid(d.log_prob(grid).exp() * (d.log_prob(grid) - mixture.log_prob(grid)), grid) / 2
        for d in (one, other)
    )
    found = scene.value(CrossModalKlSpec(direction="js"))
    assert exact < found < exact * 1.2


@pytest.mark.parametrize("direction", ["directed", "symmetric", "js"])
@pytest.mark.parametrize("log_variance", [-10.0, 0.0, 10.0])
def test_equal_encodings_are_at_zero_with_no_gradient(scene, direction, log_variance):
    for eps_mode in ("none", "consistent"):
        scene_ = two(scene, (0.7, log_variance), (0.7, log_variance), rows=3).tracked()
        loss = scene_.value(CrossModalKlSpec(direction=direction, eps_mode=eps_mode))
        assert loss.abs() < 1e-12
        assert all(slope.abs().max() < 1e-9 for slope in scene_.gradients(loss).values())


def test_the_codes_epsilon_makes_equal_encodings_negative(scene):
    loss = two(scene, (0.7, -10.0), (0.7, -10.0)).value(CrossModalKlSpec(eps_mode="code"))
    assert loss == pytest.approx(-0.0108, abs=5e-5)


def test_the_codes_epsilon_makes_a_gross_difference_at_the_clamp(scene):
    apart = two(scene, (0.0, 10.0), (0.0, -10.0))
    assert apart.value(CrossModalKlSpec(eps_mode="none")) == pytest.approx(2.43e8, rel=5e-3)
    assert apart.value(CrossModalKlSpec(eps_mode="code")) == pytest.approx(2.37e8, rel=5e-3)


def test_the_codes_formula(scene):
    scene = scene(modalities=("a", "t"))
    a, t = scene.outputs.encoded.values()
    ratio = (a.log_variance.exp() + (a.mean - t.mean) ** 2) / (t.log_variance.exp() + 1e-6)
    wanted = (0.5 * (t.log_variance - a.log_variance + ratio - 1)).mean()
    torch.testing.assert_close(scene.value(CrossModalKlSpec(eps_mode="code")), wanted, **CLOSE)


def test_the_consistent_epsilon_is_the_divergence_of_widened_normals(scene):
    scene = scene(modalities=("a", "t"))
    leaves = scene.leaves() | {f"log_variance.{m}": scene.leaves()[f"log_variance.{m}"] - 9 for m in ("a", "t")}
    scene = scene.with_leaves(leaves)
    wide = [Normal(e.mean, (e.log_variance.exp() + 1e-6).sqrt()) for e in scene.outputs.encoded.values()]
    found = scene.value(CrossModalKlSpec(eps_mode="consistent"))
    torch.testing.assert_close(found, kl_divergence(*wide).mean(), **CLOSE)
    assert abs(found / scene.value(CrossModalKlSpec()) - 1) > 1e-4


def test_a_pair_counts_only_where_both_are_present(scene):
    scene = scene()
    present = scene.batch.present.clone()
    present[0, 0] = False
    present[3, 1] = False
    scene = scene.with_batch(present=present)
    wanted = [
        mean_over(scene, [("audio", "text")], [1, 2, 4]),
        mean_over(scene, [("audio", "video")], [1, 2, 3, 4]),
        mean_over(scene, [("text", "video")], [0, 1, 2, 4]),
    ]
    torch.testing.assert_close(scene.value(CrossModalKlSpec()), torch.stack(wanted).mean(), **CLOSE)


def test_pairs_can_be_listed_with_their_direction(scene):
    scene = scene()
    pairs = (("video", "text"), ("audio", "text"))
    torch.testing.assert_close(scene.value(CrossModalKlSpec(pairs=pairs)), mean_over(scene, pairs), **CLOSE)
    with pytest.raises(StudyError, match="did you mean 'audio'"):
        scene.term(CrossModalKlSpec(pairs=(("text", "audoi"),)))
    with pytest.raises(ValidationError, match="two modalities"):
        CrossModalKlSpec(pairs=(("text", "text"),))


def test_one_modality_has_nothing_to_compare(scene):
    assert scene(modalities=("text",)).value(CrossModalKlSpec()) == 0
    assert scene(modalities=("text", "video")).value(CrossModalKlSpec(pairs=(("text", "audio"),))) == 0


@pytest.mark.parametrize("direction", ["directed", "symmetric", "js"])
def test_gradients_are_those_of_the_values(scene, direction):
    scene = scene(rows=2).tracked()
    names, leaves = zip(*scene.leaves().items(), strict=True)

    def value(*changed):
        return scene.with_leaves(dict(zip(names, changed, strict=True))).value(CrossModalKlSpec(direction=direction))

    assert torch.autograd.gradcheck(value, leaves)


def test_an_encoding_without_a_variance_is_refused(scene):
    scene = scene()
    bare = {name: encoded._replace(log_variance=None) for name, encoded in scene.outputs.encoded.items()}
    with pytest.raises(TrainingError, match="needs encoders with a variance"):
        scene.term(CrossModalKlSpec())(scene.outputs._replace(encoded=bare), scene.batch)
    assert CrossModalKlSpec().requirements() == {"variance"}
