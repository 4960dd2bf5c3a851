"""The command line in this process, in a folder of its own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from butfor import runner
from butfor.cli import main
from butfor.core.engine.work import Shelf


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Done]:
    """Run `butfor ARGUMENTS` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "_shelf", Shelf())
    runner.catalogue_with.cache_clear()

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["butfor", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return run


@pytest.fixture
def check(command: Callable[..., Done], tmp_path: Path) -> Callable[..., Done]:
    """Write some files and run `butfor check` on them."""

    def run(files: dict[str, str], *arguments: str) -> Done:
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return command("check", *arguments)

    return run
