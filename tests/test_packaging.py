"""What ships: every package folder, typed, without stray modules; and quick to answer `--help`."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_SHIPPED = {"tests", "docs", "examples", "benchmarks", "build", "dist", "results"}


def folders() -> set[str]:
    found = {"butfor"}
    for init in ROOT.rglob("__init__.py"):
        parts = init.relative_to(ROOT).parent.parts
        if parts and parts[0] not in NOT_SHIPPED and not parts[0].startswith("."):
            found.add(".".join(("butfor", *parts)))
    return found


def test_every_folder_of_code_is_listed_as_a_package() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders()


def test_every_folder_with_modules_is_a_package() -> None:
    for module in ROOT.rglob("*.py"):
        top = module.relative_to(ROOT).parts[0]
        if top not in NOT_SHIPPED and not top.startswith("."):
            assert (module.parent / "__init__.py").exists(), module


def test_only_the_modules_of_the_house_stand_in_the_root() -> None:
    allowed = {"__init__.py", "__main__.py", "registry.py", "runner.py"}
    assert {path.name for path in ROOT.glob("*.py")} == allowed


def test_the_root_package_is_a_docstring_and_nothing_else() -> None:
    lines = (ROOT / "__init__.py").read_text().strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith('"""')


def test_no_file_of_the_package_is_longer_than_a_room() -> None:
    long = [path for path in ROOT.rglob("*.py") if _ships(path) and len(path.read_text().splitlines()) > 300]
    assert not long


def _ships(path: Path) -> bool:
    top = path.relative_to(ROOT).parts[0]
    return top not in NOT_SHIPPED and not top.startswith(".")


@pytest.mark.slow
def test_the_wheel_holds_every_module_the_presets_and_the_shipped_study(tmp_path: Path) -> None:
    source = tmp_path / "source"
    copy = ["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(source)]
    subprocess.run(copy, check=True)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for module in source.rglob("*.py"):
        relative = module.relative_to(source)
        if relative.parts[0] not in NOT_SHIPPED:
            assert f"butfor/{relative.as_posix()}" in names
    assert {"butfor/py.typed", "butfor/ablations.yaml", "butfor/plugins/presets/v4_as_planned.yaml"} <= names
    assert {f"butfor/reports/page/templates/{name}" for name in ("page.html", "parts.html", "page.css")} <= names
    assert not [name for name in names if name.startswith(("butfor/tests", "tests"))]


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_no_heavy_package(arguments: list[str]) -> None:
    heavy = ("torch", "pandas", "scipy", "matplotlib", "sqlalchemy", "sklearn")
    code = (
        "import sys\n"
        "from butfor.cli import main\n"
        f"sys.argv = ['butfor', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as leaving:\n    assert not leaving.code, leaving.code\n"
        f"print('loaded:', [name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("loaded: []")


def test_tables_are_rebuilt_without_torch() -> None:
    code = "import sys, butfor.reports.rebuild; print([n for n in ('torch', 'matplotlib') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
