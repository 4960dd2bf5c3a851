"""The schema in a real editor's server: yaml-language-server over stdio says what is wrong, completes and explains.

It runs where node is and the package: `npm install --prefix DIR yaml-language-server`, and DIR in the environment
variable BUTFOR_YAML_LANGUAGE_SERVER.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("language_server.py")
_specification = importlib.util.spec_from_file_location("butfor_language_server", _SOURCE)
assert _specification is not None
assert _specification.loader is not None
client = importlib.util.module_from_spec(_specification)
sys.modules[client.__name__] = client
_specification.loader.exec_module(client)

ROOT = Path(__file__).resolve().parents[2]
STUDIES = [ROOT / "ablations.yaml", *sorted((ROOT / "examples").glob("*.yaml"))]
EMPTY = ""
MODELINE = "# yaml-language-server: $schema=butfor.schema.json\n"
STUDY = f"""{MODELINE}study: demo
dataset: planted
baseline:
  encoder: {{name: mlp, width: 32}}
  fusion:
    name: gated_uncertainty
    gate_alpha: 0.5
    {EMPTY}
  losses: {{emotion: cross_entropy}}
ablations:
  a:
    one_at_a_time:
      fusion: [concat]
      {EMPTY}
"""

pytestmark = pytest.mark.skipif(
    client.command() is None, reason=f"node, or the npm package {client.PACKAGE} (folder in {client.FOLDER}), is absent"
)


@pytest.fixture
def server(tmp_path: Path):
    with client.Server(client.command(), tmp_path) as running:
        yield running


@pytest.fixture
def study(command, tmp_path: Path):
    """Write a study beside its schema."""
    (tmp_path / "butfor.schema.json").write_text(command("schema").out)

    def write(text: str, name: str = "study.yaml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_good_study_has_no_mark_and_each_mistake_has_one_in_its_line(server, study) -> None:
    assert server.diagnostics(study(STUDY)) == []
    wrong = STUDY.replace("gate_alpha: 0.5", "gate_alhpa: 0.5").replace("width: 32", "width: 0")
    wrong = wrong.replace("[concat]", "[concta]")
    found = {one["range"]["start"]["line"]: one["message"] for one in server.diagnostics(study(wrong, "wrong.yaml"))}
    assert found.keys() == {4, 7, 13}
    assert "minimum" in found[4]
    assert "gate_alhpa is not allowed" in found[7]
    assert '"low_rank"' in found[13]


def test_settings_of_the_chosen_plugin_names_and_paths_are_completed(server, study) -> None:
    path = study(STUDY)
    server.diagnostics(path)
    settings = [item["label"] for item in server.completion(path, 8, 4)]
    assert {"gate_dropout", "temperature", "score"} <= set(settings)
    assert "rank" not in settings
    assert {"mean", "low_rank", "proxy_attention"} <= {item["label"] for item in server.completion(path, 6, 10)}
    paths = {item["label"] for item in server.completion(path, 14, 6)}
    assert {"train.lr", "fusion.proxy.gate_alpha", "modality_dropout.rate"} <= paths


def test_a_setting_is_explained_by_its_docstring(server, study) -> None:
    path = study(STUDY)
    server.diagnostics(path)
    assert "share of the uncertainty" in server.hover(path, 7, 6)
    assert "The full system" in server.hover(path, 3, 2)


@pytest.mark.parametrize("example", STUDIES, ids=lambda path: path.name)
def test_every_example_is_right_in_the_editor(command, server, study, example: Path) -> None:
    path = study(MODELINE + example.read_text("utf-8"))
    (path.parent / "butfor.schema.json").write_text(command("schema", str(example)).out)
    assert server.diagnostics(path) == []
