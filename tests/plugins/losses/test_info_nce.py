import math

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from butfor.core import Shapes, StudyError
from butfor.plugins.losses.info_nce import InfoNceSpec

pytestmark = pytest.mark.usefixtures("float64")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}
SMALL = {"projection": 6}


def projected(term, scene, name):
    """The head by hand, from its parameters, scaled by torch's own normalisation."""
    first, _, last = term.heads[name]
    hidden = torch.relu(functional.linear(scene.outputs.encoded[name].mean, first.weight, first.bias))
    return functional.normalize(functional.linear(hidden, last.weight, last.bias), dim=1)


def closed_form(scores, direction="bi"):
    """-1/2 mean(diagonal of log softmax over rows + over columns)."""
    rows, columns = scores.log_softmax(dim=1).diagonal(), scores.log_softmax(dim=0).diagonal()
    return -(rows + columns).mean() / 2 if direction == "bi" else -rows.mean()


def expected(term, scene, pairs, *, temperature=0.07, direction="bi", rows=slice(None)):
    found = []
    for first, second in pairs:
        scores = projected(term, scene, first)[rows] @ projected(term, scene, second)[rows].T / temperature
        found.append(closed_form(scores, direction))
    return torch.stack(found).mean()


THREE = (("audio", "text"), ("audio", "video"), ("text", "video"))


def test_heads_have_the_parameters_of_the_original():
    names = ("audio", "text", "video")
    shapes = Shapes("c", dict.fromkeys(names, 9), dict.fromkeys(names, False), 128, {})
    assert sum(parameter.numel() for parameter in InfoNceSpec().build(shapes=shapes).parameters()) == 74304


@pytest.mark.parametrize("direction", ["bi", "uni"])
def test_it_is_the_closed_form(scene, direction):
    scene = scene().tracked()
    term = scene.term(InfoNceSpec(direction=direction, **SMALL))
    found, wanted = term(scene.outputs, scene.batch), expected(term, scene, THREE, direction=direction)
    torch.testing.assert_close(found, wanted, **CLOSE)
    parameters = list(term.parameters())
    slopes = [torch.autograd.grad(value, parameters, retain_graph=True) for value in (found, wanted)]
    torch.testing.assert_close(*slopes, rtol=1e-9, atol=1e-12)


def test_it_is_cross_entropy_against_the_own_row(scene):
    scene = scene(modalities=("a", "b"))
    term = scene.term(InfoNceSpec(temperature=0.5, **SMALL))
    scores = projected(term, scene, "a") @ projected(term, scene, "b").T / 0.5
    own = torch.arange(5)
    wanted = (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2
    torch.testing.assert_close(term(scene.outputs, scene.batch), wanted, **CLOSE)


def test_a_single_row_is_at_zero(scene):
    scene = scene(rows=1).tracked()
    loss = scene.value(InfoNceSpec(**SMALL))
    assert loss == 0
    assert all((slope == 0).all() for slope in scene.gradients(loss).values())


def test_rows_that_are_all_alike_are_at_log_b(scene):
    scene = scene()
    leaves = {name: leaf[:1].expand_as(leaf).clone() for name, leaf in scene.leaves().items()}
    loss = scene.with_leaves(leaves).value(InfoNceSpec(**SMALL))
    torch.testing.assert_close(loss, torch.tensor(math.log(5)), **CLOSE)


def test_zero_vectors_have_finite_gradients(scene):
    scene = scene().tracked()
    term = scene.term(InfoNceSpec(**SMALL))
    with torch.no_grad():
        term.heads["text"][2].weight.zero_()
        term.heads["text"][2].bias.zero_()
    loss = term(scene.outputs, scene.batch)
    slopes = torch.autograd.grad(loss, list(term.parameters()))
    assert loss.isfinite()
    assert all(slope.isfinite().all() and slope.abs().max() < 1e3 for slope in slopes)


def test_rows_without_a_modality_are_neither_anchors_nor_negatives(scene):
    scene = scene()
    present = scene.batch.present.clone()
    present[0, 0] = False
    present[3, 1] = False
    scene = scene.with_batch(present=present)
    term = scene.term(InfoNceSpec(**SMALL))
    kept = {("audio", "text"): [1, 2, 4], ("audio", "video"): [1, 2, 3, 4], ("text", "video"): [0, 1, 2, 4]}
    wanted = torch.stack([expected(term, scene, [pair], rows=rows) for pair, rows in kept.items()]).mean()
    torch.testing.assert_close(term(scene.outputs, scene.batch), wanted, **CLOSE)


def test_only_rows_of_another_class_can_be_negatives(scene):
    """Classes 0 1 2 0 1 where the last has no label, so that it is different from all."""
    scene = scene(modalities=("a", "b"))
    labelled = torch.tensor([True, True, True, True, False])
    scene = scene.with_batch(labelled={**scene.batch.labelled, "emotion": labelled})
    term = scene.term(InfoNceSpec(negatives="different_label", **SMALL))
    scores = projected(term, scene, "a") @ projected(term, scene, "b").T / 0.07
    scores[0, 3] = scores[3, 0] = -math.inf
    torch.testing.assert_close(term(scene.outputs, scene.batch), closed_form(scores), **CLOSE)


def test_a_batch_of_one_class_has_no_negatives(scene):
    scene = scene()
    scene = scene.with_batch(targets={**scene.batch.targets, "emotion": torch.ones(5, dtype=torch.int64)}).tracked()
    loss = scene.value(InfoNceSpec(negatives="different_label", **SMALL))
    assert loss == 0
    assert all(slope.isfinite().all() for slope in scene.gradients(loss).values())


def test_labels_are_needed_only_to_choose_negatives(scene):
    assert InfoNceSpec().requirements() == frozenset()
    assert InfoNceSpec(negatives="different_label").requirements() == {"classes"}
    bare = scene().shapes._replace(tasks={})
    InfoNceSpec(**SMALL).build(shapes=bare)
    with pytest.raises(StudyError, match="no task with classes"):
        InfoNceSpec(negatives="different_label", **SMALL).build(shapes=bare)
    with pytest.raises(ValidationError, match="`task` is read only with"):
        InfoNceSpec(task="emotion")


def test_pairs_can_be_listed_and_only_their_modalities_have_heads(scene):
    scene = scene()
    term = scene.term(InfoNceSpec(pairs=(("video", "text"),), direction="uni", **SMALL))
    assert list(term.heads) == ["text", "video"]
    wanted = expected(term, scene, [("video", "text")], direction="uni")
    torch.testing.assert_close(term(scene.outputs, scene.batch), wanted, **CLOSE)
    with pytest.raises(StudyError, match="did you mean 'audio'"):
        scene.term(InfoNceSpec(pairs=(("text", "audoi"),)))


def test_one_modality_has_nothing_to_find(scene):
    scene = scene(modalities=("text",))
    term = scene.term(InfoNceSpec())
    assert term(scene.outputs, scene.batch) == 0
    assert not list(term.parameters())


def test_a_learnable_temperature_starts_at_the_knob_and_is_learned(scene):
    scene = scene()
    fixed, learned = (scene.term(InfoNceSpec(learnable=flag, temperature=0.3, **SMALL)) for flag in (False, True))
    learned.heads.load_state_dict(fixed.heads.state_dict())
    loss = learned(scene.outputs, scene.batch)
    torch.testing.assert_close(loss, fixed(scene.outputs, scene.batch), **CLOSE)
    (slope,) = torch.autograd.grad(loss, learned.log_factor)
    assert slope != 0
    with torch.no_grad():
        learned.log_factor.fill_(math.log(2))
    torch.testing.assert_close(
        learned(scene.outputs, scene.batch), expected(learned, scene, THREE, temperature=0.6), **CLOSE
    )


def test_gradients_are_those_of_the_values(scene):
    scene = scene(rows=3).tracked()
    term = scene.term(InfoNceSpec(temperature=0.5, **SMALL))
    names, leaves = zip(*scene.leaves().items(), strict=True)

    def value(*changed):
        other = scene.with_leaves(dict(zip(names, changed, strict=True)))
        return term(other.outputs, other.batch)

    assert torch.autograd.gradcheck(value, leaves)


def test_a_head_starts_the_same_whichever_other_modalities_there_are(scene):
    three = scene().term(InfoNceSpec()).heads["video"].state_dict()
    two = scene(modalities=("text", "video")).term(InfoNceSpec()).heads["video"].state_dict()
    assert all(torch.equal(weight, three[name]) for name, weight in two.items())
