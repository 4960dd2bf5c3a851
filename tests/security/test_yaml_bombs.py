"""Files that are made to cost much: each is refused, with a place, in a time that grows with the file and no faster."""

import re
import time
from pathlib import Path

import pytest

from butfor.core.errors import StudyError
from butfor.core.study import limits
from butfor.core.study.locate import read
from butfor.core.study.study import Study
from butfor.registry import assemble

HEAD = (
    "study: s\ndataset: {name: planted, rows: 100}\n"
    "baseline: {encoder: mlp, fusion: mean, losses: {emotion: cross_entropy}}\n"
)
FEATURES = HEAD.replace(
    "{name: planted, rows: 100}", "{name: features, path: x, modalities: {a: x}, task: {emotion: y}}"
)
MOST_SECONDS = 25.0
"""Of processor time on a slow machine; what is quadratic takes minutes."""


def many(number, item, between=", "):
    return between.join(item.replace("#", str(n)) for n in range(number))


def design(body):
    return f"{HEAD}ablations: {{d: {body}}}\n"


RATES = "#.5"
BOMBS = {
    "flow lists": ("[" * 500_000, "1:65: nested deeper than 64 levels"),
    "flow mappings": ("{a: " * 200_000, "1:257: nested deeper"),
    "block mappings": ("".join(" " * n + "a:\n" for n in range(1300)), "65:65: nested deeper"),
    "block lists": ("- " * 400_000, "1:129: nested deeper"),
    "keys of keys": ("? " * 400_000, "1:129: nested deeper"),
    "laughs": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", r"1:4: anchors \(&a\) are not read"),
    "anchors": (many(20_000, "- &a 1", "\n"), "1:3: anchors"),
    "a long anchor": ("&" + "x" * 100_000 + " a", r"anchors \(&x{40}\)"),
    "a long tag": ("!<" + "x" * 100_000 + "> a", r"tags \(x{40}\)"),
    "keys": (many(25_001, "k#: 1", "\n"), "more than 50,000 values and keys"),
    "a list": ("[" + "a," * 60_000, "more than 50,000 values and keys"),
    "unknown keys": (HEAD + many(6_000, "k#: 1", "\n"), "4:1: k0: unknown key"),
    "a text": ("a: " + "x " * 100_000, "1:4: a text of 199999 characters"),
    "a quoted text": ('a: "' + "x\\n" * 100_000 + '"', "1:4: a text of 200000"),
    "empty lines in a text": ("a: '" + "\n" * 200_000 + "'", "1:4: a text of 199999"),
    "a block text": ("a: |\n" + " x\n" * 50_000, "1:4: a text of 100000"),
    "a folded text": ("a: >\n" + " x\n\n" * 50_000, "1:4: a text of 100000"),
    "empty lines": ("\n" * 100_000 + "a: 1", "100001:1: a: unknown key"),
    "a long key": ("k" * 300 + ": 1", "1:1: a key of 300 characters"),
    "a long number": ("a: " + "9" * 300_000, "1:4: a number of 300000 digits"),
    "a long hexadecimal": ("a: 0x" + "f" * 4_000, "1:4: a number of 4002 digits"),
    "a whole number": ("a: 9223372036854775808", "1:4: the whole number 9223372036854775808 does not fit 64 bits"),
    "a quoted number": (HEAD.replace("100", "'" + "9" * 400 + "'"), "2:32: "),
    "no character": ('a: "\\UFFFFFFFF"', "1:7: not valid YAML"),
    "half a character": ('a: "\\ud800"', r"1:4: character U\+D800 is not allowed"),
    "an escape": ('a: "\\e[31m"', r"1:4: character U\+001B is not allowed"),
    "another direction": ('a: "\\u202e"', r"1:4: character U\+202E is not allowed"),
    "a version": ("%YAML 1." + "9" * 5000 + "\n---\na: 1", "1:9: not valid YAML"),
    "directives": ("%FOO bar\n" * 10_000 + "--- a", "10001:5: a study is a mapping"),
    "documents": ("---\n" * 100_000, "2:1: a study is one YAML document"),
    "many bytes": ("#" * (1 << 20) + "\n", "1:1: larger than 1024 KiB"),
    "seeds": (HEAD + "seeds: 4611686018427387904\n", "4:1: .*more than 10\\^18 seeds"),
    "a list of seeds": (HEAD + f"seeds: [{many(10_001, '#')}]\n", "4:1: .*10001 seeds"),
    "a wide grid": (design(f"{{factorial: {{{many(2_000, 'train.x#: [1, 2]')}}}}}"), r"4:1: .*more than 10\^\d+ cells"),
    "a tall grid": (
        design(f"{{factorial: {{train.lr: [{many(2_000, RATES)}], train.epochs: [{many(2_000, '#')}]}}}}"),
        "4:1: ablations: 4000001 cells",
    ),
    "a list of values": (
        design(f"{{one_at_a_time: {{train.lr: [{many(4_000, RATES)}]}}}}"),
        "4:1: ablations: 4001 cells",
    ),
    "equal values": (design(f"{{one_at_a_time: {{train.lr: [{many(3_000, '0.5')}]}}}}"), "stands here twice"),
    "parts": (design(f"{{leave_one_out: [{many(5_000, 'losses.x#')}]}}"), "4:17: .*5000 rows; at most 500"),
    "steps": (design(f"{{ladder: [{many(2_000, '{l#: {train.lr: 0.1}}')}]}}"), "4:17: .*2000 rows; at most 500"),
    "exclusions": (
        design(f"{{factorial: {{train.lr: [{many(3_000, RATES)}]}}, exclude: [{many(3_000, '{train.lr: 0.#}')}]}}"),
        "4:1: .*more than can be looked at",
    ),
    "subsets": (design(f"{{subsets: [{many(4_000, '[text]')}]}}"), "4:1: .*4001 cells"),
    "words of a subset": (design(f"{{subsets: [[{many(5_000, 'x#')}]]}}"), "4:28: .*unknown modality 'x0'"),
    "designs": (f"{HEAD}ablations: {{{many(2_000, 'd#: {subsets: all}')}}}\n", "4:1: .*12001 cells"),
    "tables": (f"{HEAD}tables: [{many(3_000, '{design: d#}')}]\n", "4:19: .*unknown design 'd0'"),
    "terms": (
        HEAD.replace("cross_entropy", f"cross_entropy, {many(3_000, 't#: mse')}"),
        "3:40: losses: 3001 loss terms",
    ),
    "modalities": (FEATURES.replace("{a: x}", f"{{{many(3_000, 'm#: x')}}}"), "2:1: dataset: 3000 modalities"),
    "subsets of modalities": (
        FEATURES.replace("{a: x}", f"{{{many(190, 'm#: x#')}}}") + "ablations: {d: {subsets: all}}\n",
        "4:1: ablations: more than 10\\^56 cells",
    ),
    "includes": (f"include: [{many(3_000, 'x#.yaml')}]\n{HEAD}", "1:11: include: cannot read 'x0.yaml'"),
}


@pytest.fixture(scope="module")
def catalogue():
    return assemble()


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_is_made_to_cost_much_is_refused_with_a_place_and_soon(name, catalogue, tmp_path, monkeypatch):
    text, told = BOMBS[name]
    monkeypatch.chdir(tmp_path)
    started = time.process_time()
    with pytest.raises(StudyError) as caught:
        Study.parse(text, catalogue, "study.yaml")
    assert re.search(f"study.yaml:{told}" if told[0].isdigit() else told, str(caught.value)[:2000])
    assert time.process_time() - started < MOST_SECONDS
    assert all(finding.line and finding.column for finding in caught.value.findings)
    assert len(caught.value.findings) <= limits.MAX_PROBLEMS + 1
    assert len(str(caught.value)) < 100_000


def test_a_study_right_below_the_limits_is_read():
    assert len(read("[" * limits.MAX_DEPTH + "]" * limits.MAX_DEPTH, "f").items) == 1
    assert len(read("[" + "a," * (limits.MAX_NODES - 1) + "]", "f").items) == limits.MAX_NODES - 1
    assert read(f"a: {'x' * limits.MAX_TEXT}\n{'k' * limits.MAX_KEY}: -9223372036854775808\n", "f").size == 5


def test_a_grid_is_counted_and_not_made(catalogue, monkeypatch):
    made = []
    monkeypatch.setattr("butfor.core.study.designs.Grid.__iter__", lambda _: made.append(1) or iter(()))
    axes = many(40, "losses.x#.weight: [1, 2]")
    with pytest.raises(StudyError, match=r"4:1: ablations: 1099511627777 cells"):
        Study.parse(design(f"{{factorial: {{{axes}}}}}"), catalogue, "study.yaml")
    assert not made


def test_the_limits_that_are_documented_are_those_that_hold():
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    for name in ("MAX_DEPTH", "MAX_NODES", "MAX_KEY", "MAX_TEXT", "MAX_FILES", "MAX_NESTED", "MAX_STEPS", "MAX_PARTS"):
        assert f"{getattr(limits, name):,}" in page, name
