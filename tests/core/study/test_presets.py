"""The presets that come with butfor are the AttentionRobustV4 systems, and no module of the language needs torch."""

import subprocess
import sys

import pytest

from butfor.core.study.study import Study
from butfor.registry import assemble

TEXT = """\
study: demo
include: {preset}
dataset: {{name: planted}}
ablations:
  v4_2x2: {{factorial: {{losses.contrastive: [keep, null], fusion.proxy: [keep, &]}}}}
""".replace("&", "{{name: uncertainty, mask_mode: sigma_1e6}}")


@pytest.fixture(scope="module")
def catalogue():
    return assemble()


def settings(catalogue, preset):
    return Study.parse(TEXT.split("ablations", maxsplit=1)[0].format(preset=preset), catalogue).baseline.resolved


def test_v4_as_planned_has_the_numbers_of_the_plan(catalogue):
    planned = settings(catalogue, "v4_as_planned")
    for encoder in planned["encoder"].values():
        assert (encoder["name"], encoder["variant"], encoder["width"], encoder["dropout"]) == (
            "variational_mlp", "v4", 128, 0.35,
        )  # fmt: skip
    fusion = planned["fusion"]
    assert (fusion["name"], fusion["kv_mode"], fusion["dropout"]) == ("proxy_attention", "per_modality", 0.35)
    assert (fusion["proxy"]["name"], fusion["proxy"]["gate_alpha"]) == ("gated_uncertainty", 0.5)
    assert planned["head"] == {"dropout": 0.35}
    assert planned["modality_dropout"]["rate"] == 0.15
    assert planned["modality_dropout"]["site"] == "mean"
    assert planned["modality_dropout"]["warmup"] == {"start": 20, "ramp": 20}
    losses = planned["losses"]
    assert {term: (loss["name"], loss["weight"]) for term, loss in losses.items()} == {
        "emotion": ("focal", 1.0), "valence": ("mse", 1.0), "kl": ("kl_prior", 0.01),
        "cross_kl": ("cross_modal_kl", 0.01), "reconstruction": ("reconstruction", 0.1),
        "contrastive": ("info_nce", 0.1),
    }  # fmt: skip
    assert (losses["emotion"]["gamma"], losses["emotion"]["smoothing"]) == (2.0, 0.1)
    assert losses["kl"]["reduction"] == "sum"
    assert losses["cross_kl"]["direction"] == "directed"
    assert losses["contrastive"]["temperature"] == 0.07
    train = planned["train"]
    assert (train["optimizer"], train["lr"], train["weight_decay"]) == ("adamw", 5e-4, 5e-5)
    assert (train["epochs"], train["batch_size"], train["patience"]) == (100, 32, 30)
    assert train["scheduler"]["name"] == "plateau"
    assert train["clip"] == {"by": "value", "limit": 1.0}
    assert train["select"] == "weighted_f1 - 0.25 * mse"


def test_v4_as_run_differs_from_the_plan_where_the_code_did(catalogue):
    planned, run = settings(catalogue, "v4_as_planned"), settings(catalogue, "v4_as_run")
    assert run["losses"].pop("emotion")["name"] == "cross_entropy"
    assert run["losses"]["cross_kl"].pop("eps_mode") == "code"
    assert run["fusion"]["proxy"].pop("mask_mode") == "sigma_1e6"
    planned["losses"].pop("emotion")
    planned["losses"]["cross_kl"].pop("eps_mode")
    planned["fusion"]["proxy"].pop("mask_mode")
    assert run == planned


def test_pure_vae_is_v4_as_run_without_contrast_and_gate(catalogue):
    run, pure = settings(catalogue, "v4_as_run"), settings(catalogue, "pure_vae")
    run["losses"].pop("contrastive")
    assert pure["fusion"].pop("proxy")["name"] == "uncertainty"
    run["fusion"].pop("proxy")
    assert pure == run


def test_the_v4_two_by_two_holds_pure_vae(catalogue):
    study = Study.parse(TEXT.format(preset="v4_as_run"), catalogue)
    assert [row.label for row in study.designs[0].rows] == [
        "full",
        "uncertainty (mask_mode=sigma_1e6)",
        "w/o contrastive",
        "w/o contrastive, uncertainty (mask_mode=sigma_1e6)",
    ]
    pure = Study.parse(TEXT.split("ablations", maxsplit=1)[0].format(preset="pure_vae"), catalogue)
    assert study.designs[0].rows[3].cell == pure.baseline.key


def test_reading_a_study_loads_no_torch():
    code = (
        "import sys, butfor.core.study.study, butfor.core.study.trial, butfor.core.study.fit\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
