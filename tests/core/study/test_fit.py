"""Whether the parts of a cell fit each other and the data."""

import numpy as np
import pytest

from butfor.core import Dataset, Task
from butfor.core.study.fit import check_against_data


def data(frames=(), tasks=("emotion", "valence"), modalities=("text", "audio", "video")):
    rng = np.random.default_rng(0)
    kinds = {
        "emotion": Task("emotion", "classes", ("a", "b")), "mood": Task("mood", "classes", ("x", "y")),
        "valence": Task("valence", "values"),
    }  # fmt: skip
    return Dataset(
        features={
            m: rng.normal(size=(6, 3, 4) if m in frames else (6, 4)).astype(np.float32) for m in modalities
        },
        tasks={name: kinds[name] for name in tasks},
        targets={name: np.zeros(6, np.int64 if kinds[name].kind == "classes" else np.float32) for name in tasks},
    )  # fmt: skip


def told(study, dataset, cell=0):
    return [str(finding) for finding in check_against_data(study.cells[cell], dataset)]


def test_a_cell_that_fits_its_data_has_no_findings(parse):
    assert told(parse(), data()) == []


def test_an_encoder_of_vectors_does_not_read_frames(parse, base):
    text = base.replace("{name: vmlp, dropout: 0.3}", "{text: vmlp, audio: mlp, video: vmlp}")
    text = text.replace("fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}", "fusion: concat")
    text = text.replace("    kl: {name: kl, weight: 0.01}\n", "")
    study = parse(text=text)
    assert told(study, data()) == []
    assert told(study, data(frames=("text",))) == []
    assert told(study, data(frames=("audio",))) == [
        "study.yaml:6:32: encoder.audio: encoder 'mlp' reads one vector a row (N, D); 'audio' comes as frames (N, T, D)"
    ]


def test_an_encoder_of_frames_does_not_read_vectors(parse):
    study = parse("c: {cells: [{label: a, set: {encoder: {text: {name: lstm}}, fusion: concat, losses.kl: null}}]}")
    assert told(study, data(frames=("text",)), cell=1) == []
    (message,) = told(study, data(), cell=1)
    assert message == (
        "study.yaml:15:55: encoder.text: encoder 'lstm' reads frames (N, T, D); 'text' comes as one vector a row (N, D)"
    )


def test_a_modality_that_the_data_lack_is_named(parse):
    (message,) = told(parse(), data(modalities=("text", "audio", "vision")))
    assert message == (
        "study.yaml:6:19: encoder.video: the data set has no modality 'video'; known: 'text', 'audio', 'vision'"
    )


@pytest.mark.parametrize(
    ("loss", "tasks", "message"),
    [
        ("emotion: {name: ce}", ("emotion",), None),
        ("other: {name: ce}", ("emotion", "valence"), None),
        ("other: {name: ce, task: mood}", ("emotion", "mood"), None),
        (
            "other: {name: ce}", ("emotion", "mood"),
            "10:19: losses.other: loss term 'other' does not say which task it is for, and emotion, mood fit",
        ),
        (
            "emotion: {name: ce, task: emotions}", ("emotion",),
            "10:31: losses.emotion.task: loss term 'emotion': unknown task 'emotions'; did you mean 'emotion'?",
        ),
        (
            "valence: {name: ce}", ("emotion", "valence"),
            "10:21: losses.valence: loss term 'valence' needs a task with classes, and 'valence' has values",
        ),
        (
            "emotion: {name: mse}", ("mood",),
            "10:21: losses.emotion: loss term 'emotion' does not say which task it is for, and the data set has no",
        ),
    ],
)  # fmt: skip
def test_a_term_finds_its_task_or_says_why_not(parse, base, loss, tasks, message):
    study = parse(text=base.replace("emotion: {name: ce}", loss))
    findings = told(study, data(tasks=tasks))
    assert len(findings) == (message is not None)
    assert not message or findings[0].startswith(f"study.yaml:{message}")


def test_the_part_that_a_design_changed_is_pointed_at(parse):
    with pytest.raises(
        Exception, match=r"study\.yaml:15:33: encoder\.text: fusion 'proxy' with 'gated' needs"
    ) as caught:
        parse("c: {one_at_a_time: {encoder: [mlp]}}")
    assert len(caught.value.findings) == 2
    with pytest.raises(
        Exception, match=r"study\.yaml:15:32: fusion: fusion 'aligned' needs an encoder with a sequence"
    ):
        parse("c: {one_at_a_time: {fusion: [aligned]}}")
