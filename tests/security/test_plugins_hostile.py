"""Plugins that end the program, hide their source, or lie about what they are; and the only way a study names code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from butfor import registry, runner
from butfor.core.errors import PluginError, StudyError
from butfor.core.sources import imported_files, source_digest
from butfor.core.specs import FusionSpec
from butfor.core.study.study import Study

HEADER = "from typing import Literal\nfrom butfor.core import FusionSpec, hookimpl\n"
PLUGIN = (
    HEADER
    + """
class S(FusionSpec):
    '''A fusion.'''
    name: Literal["NAME"] = "NAME"
    def build(self, *, modalities, width): ...

@hookimpl
def register_fusions():
    return [S]
"""
)
STUDY = "study: s\ndataset: planted\nbaseline: {encoder: mlp, fusion: FUSION, losses: {emotion: cross_entropy}}\n"


def plugin(folder, name="mine", before="", after=""):
    path = folder / f"{name}_of_a_test.py"
    path.write_text(before + PLUGIN.replace("NAME", name) + after)
    return path


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys\nsys.exit(0)", r"it calls sys.exit\(0\)"),
        ("raise SystemExit('bye')", r"it calls sys.exit\('bye'\)"),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("class E(Exception):\n    def __str__(self): return 1 / 0\nraise E", "E: .and its message cannot be read"),
        ("import asyncio\nraise asyncio.CancelledError", "CancelledError"),
        ("def f(): f()\nf()", "RecursionError"),
        ("(", "SyntaxError"),
        ("\0", "null bytes|SyntaxError"),
    ],
)
def test_a_file_that_ends_the_program_or_raises_is_named(tmp_path, code, told):
    path = tmp_path / "ends.py"
    path.write_text(code)
    with pytest.raises(PluginError, match=told) as caught:
        registry.assemble([path])
    assert str(path) in str(caught.value)
    assert not [name for name in sys.modules if name.startswith("butfor_local_ends")]


def test_a_hook_that_ends_the_program_is_named(tmp_path):
    path = plugin(tmp_path)
    path.write_text(path.read_text().replace("return [S]", "raise SystemExit(0)"))
    with pytest.raises(PluginError, match=r"register_fusions of .*mine_of_a_test.py.* failed: it calls sys.exit\(0\)"):
        registry.assemble([path])


def test_ctrl_c_while_a_plugin_loads_is_still_ctrl_c(tmp_path):
    path = tmp_path / "stopped.py"
    path.write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        registry.assemble([path])


@pytest.mark.parametrize("name", ["../x", "a b", "", "x" * 81, "\\x1b[31m", "a.b"])
def test_a_plugin_cannot_offer_a_name_that_is_none(tmp_path, name):
    with pytest.raises(PluginError, match=r"offers the name .*; expected letters, digits, `-` and `_`"):
        registry.assemble([_named(tmp_path, name)])


def _named(folder, name):
    path = folder / "named_of_a_test.py"
    path.write_text(PLUGIN.replace("NAME", name))
    return path


@pytest.mark.parametrize("suffix", [".so", ".pyc", ".txt", ".pyd", ""])
def test_only_python_source_is_loaded(tmp_path, suffix):
    path = plugin(tmp_path).rename(tmp_path / f"x{suffix}")
    with pytest.raises(PluginError, match=r"expected the ending .py"):
        registry.load_file(path)


@pytest.mark.parametrize("path", ["x" * 3000 + ".py", "a\0.py", "/dev/zero", "."])
def test_a_plugin_that_is_no_file_is_an_error_in_words(path):
    with pytest.raises(PluginError, match="does not exist"):
        registry.load_file(Path(path))


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "subprocess.Popen",
        "butfor.plugins.fusion.mean",
        "./mine.py",
        "mean:MeanSpec",
        "builtins.eval",
        "mean.py",
    ],
)
def test_a_study_cannot_name_a_module_in_place_of_a_plugin(name):
    catalogue = registry.assemble()
    for text in (STUDY.replace("FUSION", f"'{name}'"), STUDY.replace("FUSION", f"{{name: '{name}'}}")):
        with pytest.raises(StudyError, match=r"f:3:\d+: fusion: unknown fusion"):
            Study.parse(text, catalogue, "f")
    for key in ("_target_", "class", "module", "__class__", "type"):
        with pytest.raises(StudyError, match="unknown setting"):
            Study.parse(STUDY.replace("FUSION", f"{{name: mean, {key}: os.system}}"), catalogue, "f")


def test_a_plugin_that_a_study_names_and_that_fails_is_shown_where_it_is_named(tmp_path):
    (tmp_path / "ends.py").write_text("raise SystemExit(0)")
    (tmp_path / "s.yaml").write_text(STUDY.replace("FUSION", "mean") + "plugins:\n  - ends.py\n")
    with pytest.raises(StudyError, match=r"s.yaml:5:5: plugins: plugin file .*ends.py failed: it calls sys.exit\(0\)"):
        runner.read_study(tmp_path / "s.yaml")


# ----------------------------------------------------------------------------------------------------- installed ones


def installed(folder, name, code):
    """A package as pip leaves it, with an entry point."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[butfor]\n{name} = {name}\n")
    (folder / f"{name}.py").write_text(code)


def butfor(site, *arguments, folder):
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "butfor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)


@pytest.mark.parametrize("code", ["import nothing_of_this_name", "raise SystemExit(0)"])
def test_an_installed_plugin_that_fails_to_import_is_a_warning_when_unused_and_an_error_when_used(tmp_path, code):
    installed(tmp_path, "broken_of_a_test", code)
    (tmp_path / "s.yaml").write_text(STUDY.replace("FUSION", "mean"))
    unused = butfor(tmp_path, "plan", "s.yaml", folder=tmp_path)
    assert unused.returncode == 0, unused.stderr
    assert "warning: plugin broken_of_a_test could not be imported" in unused.stderr
    (tmp_path / "s.yaml").write_text(STUDY.replace("FUSION", "from_the_broken_one"))
    used = butfor(tmp_path, "plan", "s.yaml", folder=tmp_path)
    assert used.returncode == 2
    assert "s.yaml:3:34: fusion: unknown fusion 'from_the_broken_one'" in used.stderr
    assert "plugin broken_of_a_test could not be imported" in used.stderr
    assert "Traceback" not in used.stderr


# ------------------------------------------------------------------------------------------------------------ digests


def digest_of(path):
    return registry.assemble([path]).entry("fusion", "mine").digest


@pytest.mark.parametrize(
    ("before", "helper"),
    [
        ("import helper_a\n", "helper_a.py"),
        ("from helper_a import x\n", "helper_a.py"),
        ("import helper_a.inner.deep\n", "helper_a/inner/deep.py"),
        ("from helper_a import inner\n", "helper_a/inner.py"),
        ("def later():\n    import helper_a\n", "helper_a.py"),
        ("import helper_b\n", "helper_a.py"),
    ],
)
def test_a_helper_beside_a_single_file_is_part_of_its_digest(tmp_path, before, helper):
    digests = set()
    for content in ("x = inner = 1\n", "x = inner = 2\n"):
        folder = tmp_path / content[-2]
        path = folder / helper
        path.parent.mkdir(parents=True)
        for package in [parent for parent in path.parents if parent.is_relative_to(folder) and parent != folder]:
            (package / "__init__.py").touch()
        path.write_text(content)
        (folder / "helper_b.py").write_text("from helper_a import x\n")
        (folder / "unused.py").write_text(content)
        digests.add(digest_of(plugin(folder, before=before)))
        for name in [name for name in sys.modules if name.startswith("helper_")]:
            del sys.modules[name]
    assert len(digests) == 2


def test_a_file_that_is_not_imported_is_no_part_of_the_digest(tmp_path):
    path = plugin(tmp_path)
    before = digest_of(path)
    (tmp_path / "other.py").write_text("x = 1\n")
    del sys.modules[registry.load_file(path).__name__]
    assert digest_of(path) == before


def test_a_helper_that_another_module_hides_is_told_of(tmp_path):
    (tmp_path / "random.py").write_text("x = 1\n")
    with pytest.raises(PluginError, match=r"imports 'random', and Python knows that as .*rename random.py"):
        registry.assemble([plugin(tmp_path, before="import random\n")])


def test_the_folder_of_a_plugin_is_importable_only_while_it_loads(tmp_path):
    before = list(sys.path)
    registry.assemble([plugin(tmp_path)])
    assert sys.path == before


def test_imports_are_followed_once_and_inside_the_folder_only(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "outside.py").write_text("x = 1\n")
    (tmp_path / "in" / "a.py").write_text("import b\nimport json\nfrom .. import outside\nfrom . import c\n")
    (tmp_path / "in" / "b.py").write_text("import a\n(")
    (tmp_path / "in" / "c.py").write_text("import a\n")
    names = {file.name for file in imported_files(tmp_path / "in" / "a.py", tmp_path / "in")}
    assert names == {"a.py", "b.py", "c.py"}


def test_the_modules_of_an_installed_package_are_part_of_the_digest(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    digests = set()
    for content in ("x = 1\n", "x = 2\n"):
        package = tmp_path / "package_of_a_test"
        shutil.rmtree(package, ignore_errors=True)
        (package / "deep").mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "deep" / "__init__.py").touch()
        (package / "common.py").write_text(content)
        (package / "deep" / "mine.py").write_text("from ..common import x\n" + PLUGIN)
        import importlib

        importlib.invalidate_caches()
        module = importlib.import_module("package_of_a_test.deep.mine")
        digests.add(source_digest(module.S))
        for name in [name for name in sys.modules if name.startswith("package_of_a_test")]:
            del sys.modules[name]
    assert len(digests) == 2


def test_a_class_without_a_source_file_has_a_digest_that_follows_its_code():
    def made(body):
        space = {"__name__": "nowhere_of_a_test"}
        exec(PLUGIN.replace("NAME", "mine").replace("): ...", f"): return {body}"), space)  # noqa: S102 - no file is the point
        return space["S"]

    digests = [source_digest(made(body)) for body in ("width", "width", "width + 1")]
    assert all(len(digest) == 16 for digest in digests)
    assert digests[0] == digests[1] != digests[2]
    assert issubclass(made("1"), FusionSpec)
