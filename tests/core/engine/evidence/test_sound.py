"""Parts that a quick look may take for faults, and that train differently: none is accused."""

from collections.abc import Callable

import pytest

ENCODER = "{name: mlp, width: 8, dropout: 0.0}"


def sound(rest: str, *, encoder: str = ENCODER, train: str = "epochs: 4, batch_size: 16") -> str:
    """A baseline, and what stands under it."""
    return f"baseline: {{encoder: {encoder}, train: {{{train}}}, {rest}}}\n"


@pytest.mark.parametrize(
    "study",
    [
        "fusion: {name: dividing, heads: 2}, losses: {emotion: cross_entropy}",
        "fusion: mean, losses: {emotion: picky}",
    ],
)
def test_what_a_plugin_raises_for_values_that_nobody_wrote_stops_nothing(study: str, prove: Callable) -> None:
    assert prove(sound(study)).codes() == []


VARIATIONAL = "{name: variational_mlp, width: 8, dropout: 0.0}"
LATER = {
    "free bits that only large divergences pass": (
        "fusion: uncertainty, losses: {emotion: cross_entropy, k: {name: kl_prior, free_bits: 1.0}, r: reconstruction}",
        "leave_one_out: [losses.k]",
    ),
    "a switch of a limit": (
        "fusion: late, losses: {emotion: cross_entropy}",
        "one_at_a_time: {fusion.clamp: [true]}",
    ),
    "a limit by its name": (
        "fusion: late, losses: {emotion: cross_entropy}",
        "one_at_a_time: {fusion.act: [tanh6]}",
    ),
    "noise in one batch of five": (
        "fusion: late, losses: {emotion: cross_entropy}",
        "one_at_a_time: {fusion.noisy: [true]}",
    ),
    "a term that acts in two epochs": (
        "fusion: mean, losses: {emotion: cross_entropy, h: hill}",
        "leave_one_out: [losses.h]",
    ),
}


HIDDEN = ["derived, temperature", "cached, temperature", "copied, scale", "buffered, scale"]


def late(name: str) -> str:
    baseline, design = LATER[name]
    encoder = VARIATIONAL if "kl_prior" in baseline else ENCODER
    return sound(baseline, encoder=encoder) + f"ablations: {{a: {{{design}}}}}\n"


def hidden(fusion: str) -> str:
    name, setting = fusion.split(", ")
    baseline = sound(f"fusion: {{name: {name}, {setting}: 2.0}}, losses: {{emotion: cross_entropy}}")
    return baseline + f"ablations: {{a: {{one_at_a_time: {{fusion.{setting}: [3.0]}}}}}}\n"


def sound_studies() -> list[str]:
    """All of them, for the table of detection."""
    return [*map(late, LATER), *map(hidden, HIDDEN)]


@pytest.mark.parametrize("name", LATER)
def test_what_acts_later_in_training_is_no_error_and_has_no_mark(name: str, prove: Callable) -> None:
    proof = prove(late(name))
    assert set(proof.codes()) <= {"BF710"}
    assert proof.marks() == {}


def test_cells_that_part_later_are_still_held_against_each_other(prove: Callable) -> None:
    cells = "[{label: one, set: {fusion.clamp: true, train.batch_size: 1000}}, "
    cells += "{label: two, set: {fusion.clamp: true, train.batch_size: 2000}}]"
    train = "epochs: 4, batch_size: 3000"
    baseline = sound("fusion: late, losses: {emotion: cross_entropy}", train=train)
    proof = prove(baseline + f"ablations: {{a: {{cells: {cells}}}}}\n")
    assert sorted(proof.codes()) == ["BF701", "BF710"]
    assert "cells 'one' and 'two' are the same computation" in proof.finding("BF701").message
    assert proof.marks() == {"two": "≡"}


def test_a_switch_that_acts_later_is_not_said_to_do_nothing(prove: Callable) -> None:
    proof = prove(sound("fusion: {name: late, clamp: true}, losses: {emotion: cross_entropy}"))
    assert proof.codes() == []
    (told,) = proof.told("setting without influence", "baseline")
    assert "it acts in other epochs, with other noise or with larger numbers" in told.message


@pytest.mark.parametrize(
    ("rest", "design"),
    [
        ("modalities: [text], fusion: mean", "{one_at_a_time: {encoder.dropout: [0.3]}}"),
        ("fusion: mean", "{leave_one_out: [modalities.audio]}"),
    ],
)
@pytest.mark.parametrize("name", ["mlp", "variational_mlp"])
def test_a_unit_that_happens_to_be_dead_hides_nothing(rest: str, design: str, name: str, prove: Callable) -> None:
    encoder = f"{{name: {name}, width: 1, dropout: 0.0}}"
    proof = prove(
        sound(f"{rest}, losses: {{emotion: cross_entropy}}", encoder=encoder) + f"ablations: {{a: {design}}}\n"
    )
    assert not {"BF701", "BF702", "BF705", "BF708"} & set(proof.codes()), proof.findings


@pytest.mark.parametrize("fusion", HIDDEN)
def test_a_setting_that_is_read_where_nobody_looks_is_read(fusion: str, prove: Callable) -> None:
    assert prove(hidden(fusion)).codes() == []


def test_running_statistics_are_those_of_the_passes_that_cells_share(prove: Callable) -> None:
    rest = "fusion: norm, modality_dropout: {rate: 0.5}, losses: {emotion: cross_entropy}"
    cells = "{cells: [{label: x, set: {losses.v: {name: mse, task: valence, weight: 0}}}]}"
    assert "BF703" not in prove(sound(rest) + f"ablations: {{a: {cells}}}\n").codes()
