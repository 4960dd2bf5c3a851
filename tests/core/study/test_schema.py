"""The schema that editors check studies with: it refuses only what the reader refuses, and much of that."""

import importlib.util
import json
import re
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from jsonschema import Draft7Validator
from pydantic import ConfigDict, model_validator

from butfor.core import FusionSpec, StudyError
from butfor.core.catalogue import Catalogue, Entry
from butfor.core.study.locate import plain, read
from butfor.core.study.reading import KEYS
from butfor.core.study.schema import study_schema
from butfor.registry import PRESETS, assemble

ROOT = Path(__file__).resolve().parents[3]
STUDIES = [ROOT / "ablations.yaml", *sorted((ROOT / "examples").glob("*.yaml")), *sorted(PRESETS.glob("*.yaml"))]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    (page.name, number, text) for page in PAGES for number, text in enumerate(_BLOCK.findall(page.read_text("utf-8")))
]

GOOD = [
    "a: {leave_one_out: [losses.kl, modality_dropout, train.clip, train.patience]}",
    "a: {leave_one_out: {w/o gate: {fusion.proxy: uncertainty}, both: {losses.kl: null, losses.contrastive: null}}}",
    "a: {one_at_a_time: {fusion: [concat, {name: low_rank, rank: 8}, {heads: 2}, keep]}}",
    "a: {one_at_a_time: {fusion.proxy: [{temperature: 2.0}], fusion.proxy.gate_alpha: {low: 0.1, kept: keep}}}",
    "a: {one_at_a_time: {encoder: [{text: vmlp, audio: vmlp, video: {name: vmlp, dropout: 0.1}}, {skip: false}]}}",
    "a: {one_at_a_time: {encoder.width: [64], encoder.text.dropout: [{label: much, value: 0.5}]}}",
    "a: {one_at_a_time: {losses.emotion.class_weights: [[1, 2.5], null], losses.new: [mse, {name: kl}]}}",
    "a: {one_at_a_time: {train.scheduler: [cosine, null, {name: plateau, factor: 0.3}], train.clip: [2, {by: norm}]}}",
    "a: {one_at_a_time: {splits: [official, {folds: 3}], splits.folds: [4], splits.parts.test: [[a]]}}",
    "a: {one_at_a_time: {losses.kl.warmup: [3, {start: 1}], losses.kl.warmup.ramp: [2], modality_dropout.warmup: [0]}}",
    "a: {one_at_a_time: {dataset.rows: [50], dataset: [{name: toy, rows: 9}], modalities: [[text], [text, audio]]}}",
    "a: {factorial: {losses.kl: [keep, null], train.lr: [1e-3, 1e-2]}, when: {lr: {kl: keep}}, exclude: {lr: 1e-2}}",
    "a: {zip: {train.lr: [1e-3, 1e-2], train.batch_size: [32, 64]}, exclude: [{train.lr: [1e-3]}]}",
    "a: {from: {losses.kl: null}, ladder: [+ KL: {losses.kl: keep}, {label: wide, set: {encoder.width: 256}}]}",
    "a: {ladder: [{from: {label: x, set: {losses.kl: null}}}, {+ KL: {losses.kl: keep}}]}",
    "a: {subsets: all}\nb: {subsets: {sizes: 1}}\nc: {subsets: [[text, audio], text]}",
    "a: {cells: [{label: w, set: {encoder.width: 256}}, narrow: {encoder.width: 64}, {set: {fusion: concat}}]}",
    "a: {leave_one_out: [modalities.audio], at: [train, test]}\nb: {subsets: all, at: test}",
]
EVALUATE = [
    "{missing: {rates: [0, 0.1, 0.3, 0.5, 0.7], patterns: each}}",
    "{missing: {rates: [0.3], patterns: [audio, [audio, text]]}, noise: {levels: [0.5, 2], patterns: all}}",
    "{noise: {levels: [1], patterns: [[video]]}, missing: null}",
    "null",
]
WRONG = [
    ("ablations: {c: {one_at_a_time: {train.lr: [fast]}}}", "train.lr"),
    ("ablations: {c: {one_at_a_time: {train.lr: [0]}}}", "train.lr"),
    ("ablations: {c: {one_at_a_time: {fusoin: [concat]}}}", "one_at_a_time"),
    ("ablations: {c: {one_at_a_time: {fusion.proxy.gate_alhpa: [0.1]}}}", "one_at_a_time"),
    ("ablations: {c: {one_at_a_time: {fusion.proxy.gate_alpha: [1.5]}}}", "fusion.proxy.gate_alpha"),
    ("ablations: {c: {leave_one_out: [train.lr]}}", "leave_one_out"),
    ("ablations: {c: {cells: [{label: a, set: {losses.kl.weight: -1}}]}}", "losses.kl.weight"),
    ("ablations: {a/b: {subsets: all}}", "ablations"),
    ("tables: [{design: baseline, decimals: 99}]", "decimals"),
    ("plugins: own.py", "plugins"),
    ("evaluate: {missing: {rates: [3]}}", "rates"),
    ("evaluate: {missing: {rates: [0.3], patterns: eech}}", "patterns"),
    ("evaluate: {noise: {level: [1]}}", "noise"),
    ("ablations: {c: {subsets: all, at: tset}}", "at"),
    ("ablations: {c: {factorial: {train.lr: [1.0, 2.0]}, at: test}}", "c"),
    ("fusion: concat", ""),
]


def corpus(base: str) -> list[str]:
    """The wrong studies of `test_bad_studies`, which is no package to import from."""
    path = Path(__file__).with_name("test_bad_studies.py")
    specification = importlib.util.spec_from_file_location("bad_studies", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return [module.study_text(base, how) for _, how, *_ in module.CASES]


@pytest.fixture(scope="module")
def real() -> Draft7Validator:
    return Draft7Validator(study_schema(assemble([ROOT / "examples" / "max_fusion.py"])))


@pytest.fixture(scope="session")
def toy(catalogue) -> Draft7Validator:
    return Draft7Validator(study_schema(catalogue))


def problems(validator: Draft7Validator, text: str) -> list[str]:
    return [f"{list(found.absolute_path)}: {found.message}" for found in validator.iter_errors(plain(read(text, "s")))]


def test_the_schema_is_one_of_draft_07_without_loose_ends(catalogue) -> None:
    schema = study_schema(catalogue)
    Draft7Validator.check_schema(schema)
    named = set(re.findall(r'"#/definitions/([^"]*)"', json.dumps(schema)))
    assert named == set(schema["definitions"])
    assert set(schema["properties"]) == set(KEYS)
    assert not re.search(r'"x-', json.dumps(schema))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_every_study_that_ships_is_accepted(real: Draft7Validator, path: Path) -> None:
    assert problems(real, path.read_text("utf-8")) == []


@pytest.mark.parametrize(("page", "number", "text"), BLOCKS, ids=[f"{page}-{number}" for page, number, _ in BLOCKS])
def test_every_study_in_the_docs_is_accepted(real: Draft7Validator, page: str, number: int, text: str) -> None:
    if "plugins:" in text or "hadamard" in text:
        pytest.skip("it names a plugin that the page brings along")
    whole = re.search(r"^study:", text, re.MULTILINE)
    assert problems(real, text if whole else f"study: fragment\ninclude: minimal.yaml\n{text}") == []


@pytest.mark.parametrize("designs", GOOD)
def test_what_the_reader_takes_the_schema_takes(parse, toy: Draft7Validator, base: str, designs: str) -> None:
    parse(designs)
    assert problems(toy, base + "ablations:\n" + "".join(f"  {line}\n" for line in designs.splitlines())) == []


@pytest.mark.parametrize("said", EVALUATE)
def test_conditions_that_the_reader_takes_the_schema_takes(parse, toy: Draft7Validator, base: str, said: str) -> None:
    parse(text=f"{base}evaluate: {said}\n")
    assert problems(toy, f"{base}evaluate: {said}\n") == []


@pytest.mark.parametrize(("piece", "place"), WRONG)
def test_what_is_wrong_is_refused_at_its_place(parse, toy: Draft7Validator, base: str, piece: str, place: str) -> None:
    text = f"{base}{piece}\n"
    with pytest.raises(StudyError):
        parse(text=text)
    (found,) = toy.iter_errors(plain(read(text, "s")))
    assert place == "" or place in deepest(found)


def deepest(error) -> list[object]:
    inside = max(error.context, key=lambda one: len(one.absolute_path), default=None)
    return [*error.absolute_path, *(deepest(inside) if inside is not None else ())]


def test_the_schema_catches_most_of_what_the_reader_refuses(toy: Draft7Validator, base: str) -> None:
    caught = missed = 0
    for text in corpus(base):
        try:
            value = plain(read(text or " ", "s"))
        except StudyError:
            continue  # no YAML, or more than YAML: an editor's parser says so
        wrong = not toy.is_valid(value)
        caught, missed = caught + wrong, missed + (not wrong)
    assert caught >= 100
    assert caught / (caught + missed) >= 0.7


def test_a_component_inside_a_component_is_the_same_all_the_way_down(toy: Draft7Validator, base: str) -> None:
    old = "{name: proxy, proxy: {name: gated, gate_alpha: 0.4}}"
    assert old in base
    deep = "{name: proxy, proxy: {name: proxy, proxy: {name: proxy, proxy: {name: gated, gate_alpha: %s}}}}"
    assert problems(toy, base.replace(old, deep % "0.4")) == []
    assert len(problems(toy, base.replace(old, deep % "1.4"))) == 1
    paths = "ablations: {a: {one_at_a_time: {fusion.proxy.proxy.proxy.gate_alpha: [%s]}}}\n"
    assert problems(toy, base + paths % "0.4") == []
    assert len(problems(toy, base + paths % "1.4")) == 1


def test_a_file_that_includes_another_may_leave_out_what_stands_there(toy: Draft7Validator) -> None:
    part = "include: a.yaml\ndataset: {rows: 9}\nbaseline: {fusion: {heads: 2}, losses: {kl: null}}\n"
    part += "ablations: {a: null}\n"
    assert problems(toy, "study: s\n" + part) == []
    assert problems(toy, part) == []
    alone = " ".join(problems(toy, "study: s\n" + part.partition("\n")[2]))
    assert all(place in alone for place in ("'dataset'", "'fusion'", "'kl'", "'encoder'", "'ablations', 'a'"))
    assert len(problems(toy, part.replace("heads: 2", "heads: 0"))) == 1
    assert len(problems(toy, part.replace("heads", "haeds"))) == 1


def test_docstrings_defaults_and_bounds_reach_the_editor() -> None:
    found = study_schema(assemble())["definitions"]["GatedUncertaintySpec"]["properties"]["gate_alpha"]
    assert found["default"] == 0.5
    assert (found["minimum"], found["maximum"], found["type"]) == (0, 1, "number")
    assert "`" in found["markdownDescription"]
    assert "`" not in found["description"]


def test_names_in_the_file_are_offered_in_paths_and_others_stay_allowed(catalogue, base: str) -> None:
    schema = study_schema(catalogue, read(base, "s"))
    offered = schema["definitions"]["axes"]["properties"]
    assert {"losses.kl", "losses.kl.weight", "losses.emotion.class_weights", "fusion.proxy.gate_alpha"} <= set(offered)
    assert not any("losses.other" in path for path in offered)
    validator = Draft7Validator(schema)
    assert problems(validator, f"{base}ablations: {{a: {{one_at_a_time: {{losses.other.weight: [2]}}}}}}\n") == []


class _Short(FusionSpec):
    """A plugin that takes more than its types say."""

    name: Literal["short"] = "short"
    size: int = 1
    """Said as a number, or as `large`."""

    stackable: ClassVar[bool] = True

    def build(self, *, modalities, width):
        raise AssertionError(modalities, width)

    @model_validator(mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return {**value, "size": 9} if isinstance(value, dict) and value.get("size") == "large" else value


class _Told(_Short):
    """The same, and says so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"size": 3}]})


@pytest.mark.parametrize(("plugin", "refused"), [(_Short, False), (_Told, True)])
def test_a_plugin_that_rewrites_its_settings_is_believed_unless_it_says_what_it_takes(plugin, refused: bool) -> None:
    catalogue = Catalogue({("fusion", "short"): Entry(plugin, "butfor", "0", "d")})
    text = "baseline: {fusion: {name: short, size: large}}\n"
    assert bool(problems(Draft7Validator(study_schema(catalogue)), text)) is refused
