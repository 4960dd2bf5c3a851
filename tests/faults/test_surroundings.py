"""Closed standard streams, an odd locale, no home, and installed plugins that cannot be imported."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from butfor.core.store import Store

SMALL = ["run", "--executor", "serial", "--only", "parts", "--quiet"]


def start(folder: Path, arguments: list[str], shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`butfor ARGUMENTS` with nothing in its environment but what it is given; `shell` goes behind the command."""
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV", "BUTFOR_TEST") if name in os.environ}
    command = " ".join([sys.executable, "-m", "butfor", *arguments, shell])
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**kept, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        encoding="latin-1",
        check=False,
    )


def done(folder: Path) -> int:
    with Store.open(folder / "results" / "store.sqlite") as store:
        return store.studies()["faults"]


def test_a_run_with_closed_streams_no_home_and_an_odd_locale_is_a_run(study: Callable[..., Path]) -> None:
    folder = study(ordinary="does: nothing").parent
    ran = start(folder, SMALL, "<&- >&- 2>&-", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert ran.returncode == 0, ran
    assert done(folder) == 2
    pages = [path for path in (folder / "results" / "faults" / "tables").iterdir() if path.suffix == ".md"]
    assert "ordinary" in pages[0].read_text(encoding="utf-8")
    told = start(folder, ["table"], LC_ALL="xx_YY.nothing", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", HOME="/nowhere")
    assert told.returncode == 0, told.stderr
    assert "ordinary" in told.stdout
    assert "Traceback" not in told.stderr


def test_letters_that_a_terminal_cannot_show_cost_themselves_only(study: Callable[..., Path]) -> None:
    path = study(ordinary="does: nothing")
    path.write_text(path.read_text().replace("label: ordinary", 'label: "größer ∞"'), encoding="utf-8")
    ran = start(path.parent, SMALL, PYTHONUTF8="0", PYTHONIOENCODING="latin-1")
    assert ran.returncode == 0, ran.stderr
    assert "größer \\u221e" in ran.stdout


def test_a_reader_that_leaves_early_is_no_trouble(study: Callable[..., Path]) -> None:
    folder = study(ordinary="does: nothing").parent
    told = start(folder, ["plugins"], "| head -n 1")
    assert told.stdout.count("\n") == 1
    assert "Traceback" not in told.stderr


@pytest.fixture
def broken_package(tmp_path: Path) -> Path:
    """A distribution whose entry point cannot be imported."""
    site = tmp_path / "site"
    about = site / "broken_fusion-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-fusion\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[butfor]\nbroken = broken_fusion\n")
    (site / "broken_fusion.py").write_text("raise RuntimeError('broken on purpose')\n")
    return site


def test_an_installed_plugin_that_fails_to_import_warns_when_unused_and_is_named_when_used(
    study: Callable[..., Path], broken_package: Path
) -> None:
    path = study(ordinary="does: nothing")
    unused = start(path.parent, ["plan"], PYTHONPATH=str(broken_package))
    assert unused.returncode == 0, unused.stderr
    assert "warning" in unused.stderr
    assert "broken-fusion: RuntimeError: broken on purpose" in unused.stderr
    path.write_text(path.read_text().replace("fusion: mean", "fusion: broken"))
    used = start(path.parent, ["plan"], PYTHONPATH=str(broken_package))
    assert used.returncode == 2
    assert "broken on purpose" in used.stderr
    assert "Traceback" not in used.stderr
