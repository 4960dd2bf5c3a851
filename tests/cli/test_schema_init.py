"""`butfor schema`, `butfor init` and `butfor new`: an editor's schema, a study to start from, a plugin that works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from butfor.core.study.locate import plain, read

KINDS = ("dataset", "encoder", "fusion", "loss")
PLUGIN = """
from typing import Literal
from butfor.core import FusionSpec, hookimpl

class NearSpec(FusionSpec):
    \"\"\"Near.\"\"\"

    name: Literal["near"] = "near"
    far: int = 3
    \"\"\"How far.\"\"\"

    def build(self, *, modalities, width):
        raise NotImplementedError

@hookimpl
def register_fusions():
    return [NearSpec]
"""


def test_the_schema_knows_the_plugins_that_a_study_brings(command, tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text(PLUGIN)
    (tmp_path / "study.yaml").write_text("study: s\nplugins: [near.py]\nbaseline: {fusion: near}\n")
    done = command("schema", "study.yaml")
    assert (done.code, done.err) == (0, "")
    assert "near" in json.loads(done.out)["definitions"]["fusion"]["anyOf"][0]["enum"]
    assert "near" not in json.loads(command("schema").out)["definitions"]["fusion"]["anyOf"][0]["enum"]


def test_a_study_that_is_no_yaml_yet_has_a_schema_all_the_same(command, tmp_path: Path) -> None:
    (tmp_path / "half.yaml").write_text("study: s\nbaseline: {fusion: [\n")
    assert json.loads(command("schema", "half.yaml").out)["title"] == "A study of butfor"


def test_a_plugin_file_that_is_missing_is_told(command, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("study: s\nplugins: [nowhere.py]\n")
    done = command("schema", "study.yaml")
    assert done.code == 2
    assert "nowhere.py" in done.err
    assert done.out == ""


def test_the_first_study_fits_its_schema_and_trains(command, tmp_path: Path) -> None:
    done = command("init", "my study!")
    assert done.code == 0, done.err
    folder = tmp_path / "my study!"
    text = (folder / "ablations.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=butfor.schema.json\n")
    schema = json.loads((folder / "butfor.schema.json").read_text())
    assert list(Draft7Validator(schema).iter_errors(plain(read(text, "s")))) == []
    ran = command("run", str(folder / "ablations.yaml"), "--executor", "serial", "--seeds", "1", "--only", "components")
    assert ran.code == 0, ran.err
    assert "w/o valence" in ran.out


@pytest.mark.parametrize("there", ["ablations.yaml", "butfor.schema.json"])
def test_init_overwrites_nothing_and_then_writes_nothing(command, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    done = command("init")
    assert done.code == 2
    assert there in done.err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


@pytest.mark.parametrize("folder", ["1e3", "true", "- a", "ünï", "x" * 200])
def test_every_folder_gives_a_study_a_name_that_reads(command, tmp_path: Path, folder: str) -> None:
    assert command("init", "--", folder).code == 0
    assert command("plan", str(tmp_path / folder / "ablations.yaml")).code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_keeps_the_contract_as_its_own_test_shows(command, tmp_path: Path, kind: str) -> None:
    assert command("new", kind, "my_own").code == 0
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_my_own.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_is_clean_and_can_be_named_in_a_study(command, tmp_path: Path, kind: str) -> None:
    command("new", kind, "my_own")
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,F,UP,D100,D101,D102,D103,B",
        "--line-length",
        "120",
    ]
    linted = subprocess.run([*ruff, "my_own.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    parts = {"dataset": "planted", "encoder": "mlp", "fusion": "mean", "loss": "cross_entropy"} | {kind: "my_own"}
    terms = "emotion: cross_entropy, other: my_own" if kind == "loss" else "emotion: cross_entropy"
    (tmp_path / "s.yaml").write_text(
        f"study: s\nplugins: [my_own.py]\ndataset: {parts['dataset']}\nbaseline:\n  encoder: {parts['encoder']}\n"
        f"  fusion: {parts['fusion']}\n  losses: {{{terms}}}\n  train: {{epochs: 1, patience: null}}\n"
    )
    ran = command("run", "s.yaml", "--executor", "serial", "--seeds", "1")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("fusion", "mean"), "already"),
        (("fusion", "My-Own"), "small letters"),
        (("fusion", "../up"), "small letters"),
        (("fusion", "class"), "no name of a plugin"),
        (("gadget", "mine"), "gadget"),
    ],
)
def test_new_refuses_names_that_would_not_work(command, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = command("new", *arguments)
    assert done.code == 2
    assert told in done.err
    assert list(tmp_path.iterdir()) == []


def test_new_overwrites_nothing(command, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("mine")
    assert command("new", "loss", "mine").code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]
