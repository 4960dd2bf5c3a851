"""The mistakes of real launches (the reference notes, 3.4), each found before the first step, at its place."""

import json
from collections.abc import Callable

import pytest

SOUND = """\
study: launch
include: v4_as_planned
dataset: {name: planted, rows: 300, classes: 3, groups: 12}
splits: {folds: 5, by: group, test: official}
seeds: 5
baseline:
  train: {epochs: 100, patience: 30}
ablations:
  components:
    leave_one_out:
      no contrastive: {losses.contrastive: null}
      no gate: {fusion.proxy: uncertainty}
"""
MISTAKES = {
    "an argument that another version of the model had": (
        "  train: {epochs: 100, patience: 30}",
        "  train: {epochs: 100, patience: 30, use_vae: true}",
        ("BF201", 7, 38, "unknown setting"),
    ),
    "labels of another machine": (
        "dataset: {name: planted, rows: 300, classes: 3, groups: 12}",
        "dataset: {name: features, path: /gone/mer2023.npz, modalities: {text: text}, task: {emotion: label}}",
        ("BF408", 3, 33, "mer2023.npz"),
    ),
    "a setting that the chosen loss does not have": (
        "  train: {epochs: 100, patience: 30}",
        "  losses: {emotion: {name: cross_entropy, focal_gamma: 2.0}}",
        ("BF201", 7, 43, "unknown setting"),
    ),
    "a model that one of two registries does not know": (
        "no gate: {fusion.proxy: uncertainty}",
        "no gate: {fusion: attention_robust_v4}",
        ("BF205", 12, 25, "unknown fusion 'attention_robust_v4'"),
    ),
    "an option that shows only when the model is built": (
        "  train: {epochs: 100, patience: 30}",
        "  fusion: {heads: 5}",
        ("BF411", 11, 11, "heads: 5"),
    ),
    "a file to install that is not there": (
        "seeds: 5",
        "seeds: 5\nplugins: [./setup_v4.py]",
        ("BF117", 6, 11, "setup_v4.py does not exist"),
    ),
    "a switch that does nothing": (
        "no gate: {fusion.proxy: uncertainty}",
        "no gate: {latent: mean}",
        ("BF307", 12, 7, "leaves nothing out"),
    ),
    "an experiment with the name of another": (
        "no gate: {fusion.proxy: uncertainty}",
        "no contrastive: {fusion.proxy: uncertainty}",
        ("BF103", 12, 7, "stands here twice"),
    ),
    "one axis that moves three values": (
        "no gate: {fusion.proxy: uncertainty}",
        "no gate: {fusion.proxy: uncertainty, encoder.dropout: 0.4, train.lr: 3.0e-4}",
        ("BF605", 12, 7, "changes 3"),
    ),
    "a single run": ("seeds: 5", "seeds: 1", ("BF608", 5, 1, "one seed on 5 folds")),
    "the best of the rows that are reported": (
        "      no gate: {fusion.proxy: uncertainty}\n",
        "      no gate: {fusion.proxy: uncertainty}\ntables: [{design: components, split: valid}]\n",
        ("BF602", 13, 38, "rows that chose the epoch"),
    ),
    "a warm-up that no run outlives": (
        "  train: {epochs: 100, patience: 30}",
        "  train: {epochs: 30, patience: 10}",
        ("BF610", 18, 42, "45 % of its effect in 30 epochs"),
    ),
}


def test_the_launch_without_a_mistake_has_no_warnings(check: Callable) -> None:
    assert check({"study.yaml": SOUND}, "study.yaml", "--strict").code == 0


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_of_a_real_launch_is_found_at_its_place(name: str, check: Callable) -> None:
    old, new, (code, line, column, words) = MISTAKES[name]
    assert SOUND.count(old) == 1
    done = check({"study.yaml": SOUND.replace(old, new)}, "study.yaml", "--json")
    found = [finding for finding in json.loads(done.out) if finding["code"] == code]
    assert found, done.out
    assert words in found[0]["message"]
    assert (found[0]["line"], found[0]["column"]) == (line, column)
