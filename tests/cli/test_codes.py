"""Every code: its example shows it, code that finds something names it, and no two mean the same."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from butfor.core.errors import StudyError
from butfor.core.study.codes import CODES
from butfor.core.study.study import Study
from butfor.registry import assemble

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("core", "cli", "reports", "plugins")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.parent.name != "codes"
] + [ROOT / "runner.py", ROOT / "registry.py"]

BASE = """\
study: base
dataset: {name: planted, rows: 200, features: 6, classes: 2, groups: 8}
splits: {folds: 2, by: group, test: official}
seeds: 10
baseline:
  encoder: {name: mlp, width: 8, dropout: 0.0}
  fusion: low_rank
  losses: {emotion: cross_entropy, valence: mse}
  train: {epochs: 3, batch_size: 32, select: weighted_f1}
"""
ELSEWHERE = {
    "BF114": "from Python",
    "BF118": "with a broken package",
    "BF316": "with explain",
    "BF404": "with a data set of ours",
    "BF501": "with a plugin of ours",
    "BF502": "with a plugin of ours",
    "BF503": "with a plugin of ours",
    "BF504": "with a plugin of ours",
    "BF505": "with a plugin of ours",
    "BF613": "with a data set of ours",
    "BF703": "with a plugin of ours",
    "BF711": "with a plugin of ours",
    "BF704": "with a plugin of ours",
    "BF706": "with a plugin of ours",
    "BF708": "with a plugin of ours",
    "BF710": "with a plugin of ours",
    "BF712": "with a plugin of ours",
    **dict.fromkeys(("BF720", "BF721", "BF722", "BF723", "BF724"), "in training"),
    **dict.fromkeys(("BF801", "BF802", "BF803", "BF804", "BF805"), "with import and export"),
    **dict.fromkeys(("BF740", "BF741", "BF742", "BF743"), "in results"),
}
"""Codes whose example is no study; tests in this folder and of the evidence show them in another way."""


def example_of(code: str) -> str:
    """The example as a whole file, laid over a sound study unless it says itself what it stands on."""
    text = CODES[code].example
    head = "" if re.search(r"^(study:|- )", text, re.MULTILINE) else "study: example\n"
    under = "" if re.search(r"^(include:|- )", text, re.MULTILINE) else "include: base.yaml\n"
    return f"{head}{under}{text}\n"


def test_the_study_under_the_examples_has_nothing_to_tell_of(check: Callable) -> None:
    done = check({"base.yaml": BASE}, "base.yaml", "--json", "--strict")
    assert done.code == 0
    assert json.loads(done.out) == []


@pytest.mark.parametrize("code", [code for code in CODES if code not in ELSEWHERE])
def test_the_example_of_a_code_shows_it(code: str, check: Callable) -> None:
    done = check({"base.yaml": BASE, "example.yaml": example_of(code)}, "example.yaml", "--json")
    found = {finding["code"]: finding for finding in json.loads(done.out)}
    assert code in found, done.out
    assert found[code]["severity"] == CODES[code].severity
    assert done.code == (2 if CODES[code].severity == "error" else 0)


def test_a_set_in_a_study_from_python_is_no_value_of_a_study() -> None:
    with pytest.raises(StudyError) as caught:
        Study.from_settings({"study": "example", "seeds": {1, 2}}, assemble())
    assert [finding.code for finding in caught.value.findings] == ["BF114"]


def test_codes_are_numbered_by_chapter_and_say_everything() -> None:
    assert list(CODES) == sorted(CODES)
    for code, known in CODES.items():
        assert re.fullmatch(r"BF[1-8]\d\d", code)
        assert all((known.title, known.explanation, known.example, known.remedy))
        assert known.severity in {"error", "warning", "note"}
        assert known.remedy.endswith((".", "`"))
    titles = [known.title for known in CODES.values()]
    assert len(set(titles)) == len(titles)


def test_every_code_that_is_used_is_catalogued_and_every_catalogued_one_is_used() -> None:
    used = {code for path in SOURCES for code in re.findall(r'"(BF\d{3})"', path.read_text("utf-8"))}
    assert used == set(CODES)


def calls_without_a_code(path: Path) -> list[str]:
    """Places where a finding is made and none is given."""
    found = []
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        makes = name in {"at", "Finding", "self._wrong"} or re.search(r"(^|\.)problems\.(add|unknown)$", name)
        if makes and not any(keyword.arg == "code" for keyword in call.keywords):
            found.append(f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}")
    return found


def test_every_finding_is_made_with_a_code() -> None:
    paths = [path for path in SOURCES if path.name not in {"errors.py", "tree.py", "problems.py"}]
    assert [place for path in paths for place in calls_without_a_code(path)] == []
