"""What absent modalities do is told of every cell, with its own settings, and of no state or noise of a part."""

from collections.abc import Callable
from pathlib import Path

import pytest

from butfor.registry import assemble

SMALL = "train: {epochs: 4, batch_size: 16}"
MLP = f"encoder: {{name: mlp, width: 8, dropout: 0.0}}, {SMALL}"
VARIATIONAL = f"encoder: {{name: variational_mlp, width: 8, dropout: 0.0}}, {SMALL}"


@pytest.fixture(scope="module")
def faulty():
    """The catalogue with the planted faults, and parts that raise or move by themselves."""
    return assemble(
        [Path(__file__).with_name(name) for name in ("planted_faults.py", "sound_parts.py", "odd_parts.py")]
    )


def labels(proof) -> list[str]:
    return [cell.label for cell in proof.study.cells]


@pytest.mark.parametrize("sweep", ["", ", g: {one_at_a_time: {losses.emotion.gamma: [1.0]}}"])
def test_a_modality_that_is_ignored_is_so_in_a_study_that_varies_a_term(sweep: str, prove: Callable) -> None:
    proof = prove(
        f"baseline: {{{MLP}, fusion: first, losses: {{emotion: focal}}}}\n"
        f"ablations: {{m: {{subsets: [[text, audio], [text, video]]}}{sweep}}}\n"
    )
    assert proof.marks() == {"audio + text": "⊘"}


def test_a_study_that_varies_a_term_says_what_leaves_of_every_cell(prove: Callable) -> None:
    proof = prove(
        f"baseline: {{{MLP}, fusion: mean, losses: {{emotion: cross_entropy}}}}\n"
        "ablations: {m: {leave_one_out: [modalities.audio]}, "
        "s: {one_at_a_time: {losses.emotion.smoothing: [0.1, 0.2]}}}\n"
    )
    assert all(proof.told("what leaves", label) for label in labels(proof))
    assert any("without modality audio: " in one.message for one in proof.evidence)


def test_the_weight_that_an_absent_modality_keeps_is_that_of_the_cells_own_settings(prove: Callable) -> None:
    proof = prove(
        f"baseline: {{{VARIATIONAL}, fusion: {{name: uncertainty, mask_mode: sigma_1e6}}, "
        "modality_dropout: {rate: 0.5}, losses: {emotion: cross_entropy}}\n"
        "ablations: {t: {one_at_a_time: {fusion.temperature: [2.0, 0.25]}}}\n"
    )
    kept = [
        next(one.details["kept"]["text"] for one in proof.told("what leaves", label) if "kept" in one.details)
        for label in labels(proof)
    ]
    by_label = dict(zip(labels(proof), kept, strict=True))
    assert by_label["temperature=0.25"] < by_label["baseline"] / 3 < by_label["temperature=2.0"]
    assert by_label["temperature=2.0"] > by_label["baseline"]


@pytest.mark.parametrize(("conditions", "codes"), [("", []), ("evaluate: {missing: {rates: [0.5]}}\n", ["BF707"])])
def test_weight_that_is_kept_is_a_warning_where_a_test_takes_a_modality_away(
    conditions: str, codes: list[str], prove: Callable
) -> None:
    fusion = "fusion: {name: uncertainty, mask_mode: sigma_1e6}"
    proof = prove(f"{conditions}baseline: {{{VARIATIONAL}, {fusion}, losses: {{emotion: cross_entropy}}}}\n")
    assert [code for code in proof.codes() if code == "BF707"] == codes


@pytest.mark.parametrize(
    "parts",
    [
        "fusion: mean, losses: {emotion: cross_entropy, middle: centred}",
        "fusion: numpy_noise, losses: {emotion: cross_entropy}",
    ],
)
def test_what_moves_by_its_own_state_or_noise_is_no_leak(parts: str, prove: Callable) -> None:
    proof = prove(f"baseline: {{{MLP}, {parts}, modality_dropout: {{rate: 0.5}}}}\n")
    assert "BF706" not in proof.codes()


def test_looking_at_dropout_leaves_running_statistics_as_they_were(prove: Callable) -> None:
    cells = "{label: x, set: {losses.v: {name: mse, task: valence, weight: 0}}}"
    proof = prove(
        f"baseline: {{{MLP}, fusion: norm, modality_dropout: {{rate: 0.5}}, losses: {{emotion: cross_entropy}}}}\n"
        f"ablations: {{a: {{cells: [{cells}]}}}}\n"
    )
    assert proof.finding("BF702").message.startswith("no effect: cells 'baseline' and 'x' train and predict the same")


RAISES = f"baseline: {{{MLP}, fusion: needy, losses: {{emotion: cross_entropy}}}}\n"
DOUBLES = RAISES + "ablations: {a: {one_at_a_time: {train.batch_size: [1000, 2000]}}}\n"


def test_a_part_that_raises_where_a_modality_is_absent_costs_nothing_else(prove: Callable) -> None:
    proof = prove(DOUBLES)
    assert proof.codes() == ["BF701"]
    (one,) = proof.told("looking", "baseline")
    assert one.message == "what an absent modality does could not be looked at: ValueError: all must be there"
    assert "code" not in one.details


def test_that_it_raises_is_a_warning_where_a_modality_is_absent_in_the_study(prove: Callable) -> None:
    text = RAISES.replace("fusion: needy", "fusion: {name: needy, training: false}, modality_dropout: {rate: 0.5}")
    assert "BF711" in prove(text).codes()


def test_a_look_that_raises_in_a_cell_that_runs_is_told(prove: Callable) -> None:
    proof = prove(RAISES.replace("fusion: needy", "fusion: shy"))
    assert proof.finding("BF711").message == (
        "whether it can take effect could not be looked at before training: RuntimeError: too many rows"
    )


def places(proof, label: str) -> list[dict]:
    return [one.details for one in proof.told("what leaves", label) if "encoding" in one.details]


def test_it_is_told_where_an_absent_modality_is_masked_and_what_it_weighs(prove: Callable) -> None:
    proof = prove(
        f"baseline: {{{VARIATIONAL}, fusion: uncertainty, losses: {{emotion: cross_entropy, kl: kl_prior}}}}\n"
        "ablations: {a: {cells: ["
        "{label: dropped, set: {modality_dropout: {rate: 0.5}}}, "
        "{label: sigma, set: {fusion.mask_mode: sigma_1e6}}, "
        "{label: leaky, set: {fusion: leaky}}, "
        "{label: joined, set: {fusion: concat}}]}}\n"
    )
    said = {label: [one.message for one in proof.told("what leaves", label)] for label in labels(proof)}
    assert (
        "an absent modality is masked at the input, at the encoding, in every term (losses.emotion, losses.kl); "
        "its weight in the fusion is 0"
    ) in said["baseline"]
    assert any(
        "not masked at the input (dropout takes it away at the mean, behind its encoder)" in one
        for one in said["dropped"]
    )
    assert {one["weight"] > 0.01 for one in places(proof, "sigma")} == {True}
    assert all(not one["encoding"] and not one["terms"]["emotion"] for one in places(proof, "leaky"))
    assert [one["weight"] for one in places(proof, "joined")] == [None]


def test_rows_that_are_tested_without_a_modality_that_is_ignored_have_a_mark(prove: Callable) -> None:
    proof = prove(
        f"baseline: {{{MLP}, fusion: first, losses: {{emotion: cross_entropy}}}}\n"
        "ablations: {m: {leave_one_out: [modalities.video, modalities.audio], at: [train, test]}}\n"
    )
    (one,) = (one for one in proof.told("what leaves", "baseline") if "condition" in one.details)
    assert (one.mark, one.details["condition"]) == ("⊘", "without:video")
    assert one.message == "without 'video' at test, no prediction changes"


def test_an_encoder_whose_modality_is_never_there_is_dead_for_that(prove: Callable) -> None:
    proof = prove(
        f"baseline: {{{MLP}, fusion: mean, losses: {{emotion: cross_entropy}}}}\n",
        "study: planted\ndataset: {name: planted, rows: 120, features: 8, missing: {video: 1.0}}\n"
        "splits: official\nseeds: 5\n",
    )
    reasons = {one.paths[0]: one.details["reason"] for one in proof.told("dead parameters", "baseline")}
    assert reasons["encoder.video"] == "its modality is present in no training row"
