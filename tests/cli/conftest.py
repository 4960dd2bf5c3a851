"""The command line in this process, in a folder of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from butfor import runner
from butfor.core.engine.work import Shelf


@pytest.fixture
def command(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command line, with no data and no plugins of the test before."""
    monkeypatch.setattr(runner, "_shelf", Shelf())
    runner.catalogue_with.cache_clear()
    return command


@pytest.fixture
def check(command: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Write some files and run `butfor check` on them."""

    def run(files: dict[str, str], *arguments: str) -> Any:
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return command("check", *arguments)

    return run
