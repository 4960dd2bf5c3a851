"""Whatever stands in the file: a study, or findings; never another exception."""

import copy

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from butfor.core.errors import StudyError
from butfor.core.study.study import Study

ABLATIONS = {
    "list": {"leave_one_out": ["losses.contrastive", "modality_dropout"]},
    "labels": {"leave_one_out": {"without gate": {"fusion.proxy": "uncertainty"}}},
    "grid": {
        "factorial": {"losses.contrastive": ["keep", None], "losses.contrastive.temperature": [0.1, 0.2]},
        "when": {"temperature": {"contrastive": "keep"}},
        "exclude": [{"temperature": 0.1, "contrastive": None}],
    },
    "sizes": {"subsets": {"sizes": [1]}},
    "subsets": {"subsets": [["text", "audio"]]},
    "values": {"one_at_a_time": {"fusion": {"A": "concat"}, "encoder.width": [{"value": 3, "label": "x"}]}},
    "zip": {"zip": {"train.lr": [0.1, 0.2], "train.batch_size": [2, 3]}},
    "ladder": {"from": {"losses.kl": None}, "ladder": [{"+ kl": {"losses.kl": "keep"}}, {"set": {"train.lr": 1}}]},
    "points": {"cells": [{"label": "a", "set": {"encoder": "mlp", "fusion": "concat", "losses.kl": None}}]},
}
STRANGE = [
    None, True, 0, -1, 3, 1e9, "", " ", "keep", "all", "concat", "text", [], {}, [None], [[]], {"name": None}, [{}],
    {"name": "nope"}, {"a": {}}, {"label": "x"}, {"set": {}}, {"": 1}, {"losses.": 3}, {".": 1}, {"encoder.": 1},
    {"name": ["a"]}, {"losses": None}, {"encoder": {"text": "mlp"}}, {"train": 3}, {"modalities": ["text", {"x": 1}]},
    {"dataset.modalities": ["a", "b"]}, {"dataset": None}, {"splits": "official"}, float("nan"), 10**400, "x" * 200,
]  # fmt: skip
SLOW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def spots(value, path=()):
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inside:
        yield (*path, key)
        yield from spots(child, (*path, key))


def whole_study(base):
    tables = [{"design": "grid", "metrics": ["a"], "decimals": 2}]
    return yaml.safe_load(base.replace("1e-3", "0.001")) | {"ablations": ABLATIONS, "tables": tables}


@pytest.fixture
def accepted(catalogue):
    """Whether a study is one; if not, each finding has words, and a line where there is text."""

    def call(text):
        findings = []
        try:
            Study.parse(text, catalogue, "study.yaml").plan().model_dump_json()
        except StudyError as error:
            findings = error.findings or [None]
        assert all(finding.message and finding.line for finding in findings)
        return not findings

    return call


def test_the_study_that_is_spoilt_here_is_right(accepted, base):
    assert accepted(yaml.safe_dump(whole_study(base), sort_keys=False))


@SLOW
@given(st.data())
def test_a_value_in_the_wrong_place_is_told_of_or_accepted(accepted, base, data):
    study = copy.deepcopy(whole_study(base))
    path = data.draw(st.sampled_from(list(spots(study))))
    around = study
    for key in path[:-1]:
        around = around[key]
    around[path[-1]] = copy.deepcopy(data.draw(st.sampled_from(STRANGE)))
    accepted(yaml.safe_dump(study, sort_keys=False, default_flow_style=None))


@SLOW
@example([(40, "{")])
@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from("{}[]:,-?*&!|>'\"%@#\n\t 0a\x00~<")), min_size=1, max_size=4
    )
)
def test_a_character_in_the_wrong_place_is_told_of_or_accepted(accepted, base, changes):
    text = yaml.safe_dump(whole_study(base), sort_keys=False, default_flow_style=None)
    for position, character in changes:
        place = position % len(text)
        text = text[:place] + character + text[place + 1 :]
    accepted(text)
