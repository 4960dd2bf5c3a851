"""What is wrong about runs brought in and taken out has codes that `check --explain` explains."""

import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from butfor.cli.export import _samples, _write
from butfor.cli.imported import _which
from butfor.core.errors import StudyError
from butfor.core.store import STORE, Store
from butfor.core.study.problems import Problems
from butfor.reports.exported.restore import read_archive
from butfor.reports.imported.source import read_source


def codes(act, *given, **more) -> list[str]:
    with pytest.raises(StudyError) as caught:
        act(*given, **more)
    return [finding.code for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("runs.xlsx", b""),
        ("runs.csv", b""),
        ("runs.csv", b"a,b\n"),
        ("runs.csv", b"a,b\n\xff,1\n"),
        ("runs.json", b"{}"),
        ("runs.json", b"[{]"),
        ("runs.json", b'[{"a": 1}'),
        ("runs.parquet", b"none"),
    ],
)
def test_files_without_runs(name: str, content: bytes, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    assert codes(read_source, tmp_path / name, Problems()) == ["BF801"]


@pytest.mark.parametrize("kept", [None, "evil", "plan.json"])
def test_files_that_are_no_archive(kept: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_text("none")
    if kept:
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(kept, "{}")
    assert codes(read_archive, path) == ["BF803"]


def test_files_that_are_there_or_cannot_be_written(tmp_path: Path) -> None:
    assert codes(_write, b"", tmp_path, force=False) == ["BF804"]
    assert codes(_write, b"", tmp_path / "none" / "a", force=True) == ["BF804"]


def test_commands_that_lack_a_mapping_or_predictions(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    (tmp_path / "map.yaml").write_text("study: a")
    for name, is_mapping in (("runs.csv", False), ("map.yaml", True)):
        assert _which(tmp_path / name, is_mapping=is_mapping).code == "BF802"
    with Store.open(tmp_path / STORE):
        assert codes(_samples, SimpleNamespace(trials=()), tmp_path / "a.yaml", tmp_path) == ["BF805"]
