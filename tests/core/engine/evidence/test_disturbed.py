"""What acts only where a test takes modalities away or adds noise makes two cells, and one where no test does."""

from collections.abc import Callable

import pytest

UNCERTAIN = """\
baseline:
  encoder: {name: variational_mlp, width: 8}
  fusion: FUSION
  losses: {emotion: cross_entropy, kl: kl_prior}
  train: {epochs: 3, batch_size: 16}
ablations: {a: {one_at_a_time: {fusion.mask_mode: [sigma_1e6]}}}
"""
SOME = """\
study: planted
dataset: {name: incomplete, part: PART}
splits: official
seeds: 5
"""


def only_in_testing(proof) -> None:
    assert "BF701" not in proof.codes()
    assert "BF702" not in proof.codes()
    assert "BF705" not in proof.codes()
    found = proof.finding("BF703")
    assert found.message.endswith(
        "train and predict the same: fusion.mask_mode acts only where a modality is absent in testing"
    )
    assert proof.marks()["mask_mode=sigma_1e6"] == "½"


@pytest.mark.parametrize("fusion", ["uncertainty", "gated_uncertainty"])
@pytest.mark.parametrize("patterns", ["random", "each", "[[audio, video]]"])
def test_what_acts_where_a_condition_takes_a_modality_away_is_no_double(
    fusion: str, patterns: str, prove: Callable
) -> None:
    conditions = f"evaluate: {{missing: {{rates: [0.0, 0.1], patterns: {patterns}}}}}\n"
    only_in_testing(prove(conditions + UNCERTAIN.replace("FUSION", fusion)))


def test_what_acts_where_a_row_is_tested_without_a_modality_is_no_double(prove: Callable) -> None:
    text = UNCERTAIN.replace("FUSION", "uncertainty").replace("sigma_1e6]}}}", "sigma_1e6]}}")
    only_in_testing(prove(text + ", m: {leave_one_out: [modalities.audio], at: [train, test]}}\n"))


@pytest.mark.parametrize("part", ["valid", "test"])
def test_what_acts_where_rows_of_testing_lack_a_modality_is_no_double(part: str, prove: Callable) -> None:
    only_in_testing(prove(UNCERTAIN.replace("FUSION", "uncertainty"), SOME.replace("PART", part)))


def test_what_acts_where_few_training_rows_lack_a_modality_acts_in_training(prove: Callable) -> None:
    proof = prove(UNCERTAIN.replace("FUSION", "uncertainty"), SOME.replace("PART", "train"))
    assert not {"BF701", "BF702", "BF703", "BF705"} & set(proof.codes())


@pytest.mark.parametrize("conditions", ["", "evaluate: {noise: {levels: [0.5]}}\n"])
def test_a_mask_is_a_double_where_nothing_is_ever_absent(conditions: str, prove: Callable) -> None:
    proof = prove(conditions + UNCERTAIN.replace("FUSION", "uncertainty"))
    assert {"BF701", "BF705"} <= set(proof.codes())


def test_what_acts_under_noise_alone_is_said_so(prove: Callable) -> None:
    study = UNCERTAIN.replace("FUSION", "guarded").replace("fusion.mask_mode: [sigma_1e6]", "fusion.guard: [true]")
    proof = prove("evaluate: {noise: {levels: [100.0]}}\n" + study)
    assert proof.finding("BF703").message.endswith("fusion.guard acts only under noise in testing")


def test_two_cells_that_only_a_condition_tells_apart_are_no_double_of_one_another(prove: Callable) -> None:
    study = UNCERTAIN.replace("FUSION", "uncertainty").replace(
        "one_at_a_time: {fusion.mask_mode: [sigma_1e6]}",
        "factorial: {train.lr: [0.1], fusion.mask_mode: [masked_softmax, sigma_1e6]}",
    )
    assert "BF701" not in prove("evaluate: {missing: {rates: [0.5]}}\n" + study).codes()
