"""The three ways in for a plugin, and what is said of a broken one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from butfor.core.errors import PluginError
from butfor.core.specs import FusionSpec
from butfor.registry import BUILT_IN, NO_PART_IN_NUMBERS, assemble, core_digest

ROOT = Path(__file__).resolve().parents[1]

PLUGIN = """
from typing import Literal
from butfor.core import FusionSpec, {imports} hookimpl

class S(FusionSpec):
    '''A fusion.'''
    name: Literal["{name}"] = "{name}"
    def build(self, *, modalities, width): ...

@hookimpl
def {hook}({parameter}):
    return [{offer}]
"""


def plugin(
    folder: Path, name: str = "mine", *, offer: str = "S", hook: str = "register_fusions", parameter: str = ""
) -> Path:
    path = folder / f"{name}_plugin.py"
    path.write_text(PLUGIN.format(name=name, offer=offer, hook=hook, parameter=parameter, imports=""))
    return path


def test_every_module_in_the_plugin_folders_is_asked() -> None:
    on_disk = {
        f"butfor.plugins.{path.parent.name}.{path.stem}"
        for path in (ROOT / "plugins").glob("*/*.py")
        if "@hookimpl" in path.read_text()
    }
    assert {module.__name__ for module in BUILT_IN} == on_disk


def test_every_preset_can_be_included_by_name() -> None:
    assert {"v4_as_planned", "v4_as_run", "pure_vae"} <= set(assemble().presets)


def test_a_single_file_adds_a_fusion(tmp_path: Path) -> None:
    path = plugin(tmp_path)
    entry = assemble([path]).entry("fusion", "mine")
    assert entry.distribution == str(path)
    assert len(entry.digest) == 16
    assert issubclass(entry.spec, FusionSpec)


def test_the_digest_of_a_plugin_follows_its_source(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    changed = plugin(second)
    changed.write_text(changed.read_text() + "# changed\n")
    digests = [assemble([path]).entry("fusion", "mine").digest for path in (plugin(first), changed)]
    assert digests[0] != digests[1]


def test_two_plugins_of_one_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    path = plugin(tmp_path, "mean")
    with pytest.raises(PluginError) as caught:
        assemble([path])
    assert "two plugins offer the fusion 'mean'" in str(caught.value)
    assert str(path) in str(caught.value)
    assert "butfor.plugins.fusion.mean" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"parameter": "cell"}, "Argument(s) {'cell'} are declared in the hookimpl but can not be found"),
        ({"hook": "register_fusion"}, "unknown hook 'register_fusion'"),
        ({"offer": "int"}, "offers <class 'int'>; expected a subclass of FusionSpec"),
        ({"offer": "FusionSpec"}, "expected a subclass of FusionSpec with a default `name`"),
        ({"offer": "1 / 0"}, "failed: ZeroDivisionError"),
    ],
)
def test_a_broken_plugin_is_named_with_what_is_wrong(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    path = plugin(tmp_path, "broken", **changes)
    with pytest.raises(PluginError) as caught:
        assemble([path])
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_missing_or_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="does not exist"):
        assemble([tmp_path / "absent.py"])
    bad = tmp_path / "bad.py"
    bad.write_text("import nothing_of_this_name\n")
    with pytest.raises(PluginError, match="ModuleNotFoundError"):
        assemble([bad])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's outside package, really installed by pip."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", folder]
    subprocess.run([*pip, ROOT / "examples" / "outside_plugin"], check=True, capture_output=True)
    return folder


def butfor(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "butfor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_an_installed_package_adds_a_fusion_through_its_entry_point(site: Path) -> None:
    done = butfor(site, "plugins", "fusion", "hadamard")
    assert done.returncode == 0, done.stderr
    assert "fusion hadamard [butfor-hadamard 0.1.0]" in done.stdout
    assert "dropout: 0.1" in done.stdout


def test_an_installed_package_that_fails_to_import_is_a_warning_and_no_more(site: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[butfor]\nbroken = nothing_of_this_name\n")
    done = butfor(tmp_path, "plugins", "fusion")
    assert done.returncode == 0
    assert "warning: plugin broken could not be imported" in done.stderr
    assert "gated_uncertainty" in done.stdout


def test_the_outside_package_keeps_the_contract(site: Path) -> None:
    code = (
        "from butfor.core.testing import check_fusion, check_spec\n"
        "from butfor_hadamard import HadamardSpec\n"
        "check_spec(HadamardSpec()); check_fusion(HadamardSpec())"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_the_digest_of_the_core_covers_what_training_runs_and_not_the_store() -> None:
    core = ROOT / "core"
    counted = {path.stem for path in core.glob("*.py")} - NO_PART_IN_NUMBERS
    assert {"modules", "streams", "splits", "standardise", "metrics", "selection", "uncertainty"} <= counted
    assert {path.stem for path in core.glob("*.py")} >= NO_PART_IN_NUMBERS
    assert core_digest() == core_digest()
    assert len(core_digest()) == 16
