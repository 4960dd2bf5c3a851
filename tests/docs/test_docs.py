"""Every fenced block of the README and the docs does what the page says: studies parse, code runs, commands answer.

The blocks of one page run one after the other in one folder. Marks in front of a block, unseen by readers:
`<!-- file: NAME -->` writes it there under that name, `<!-- exits N -->` says how its commands end. A `yaml` block
without `study:` is laid over a small study first; one that is called `yaml wrong` is only written.
"""

import contextlib
import io
import re
import shlex
import sys
import tomllib
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from butfor import runner
from butfor.cli import main
from butfor.core.engine.work import Shelf
from butfor.core.study.study import Study
from butfor.registry import load_file

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
UNDER_FRAGMENTS = "study: minimal\ninclude: v4_as_planned\ndataset: planted\n"

_FENCE = re.compile(
    r"(?:^<!-- (?P<mark>file|exits):? (?P<said>[\w.]+) -->\n)?^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_KEY = re.compile(r"\b[0-9a-f]{16}\b")
_NUMBER = re.compile(r"[-−+]?\d+\.\d+")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    kind: str
    body: str
    file: str = ""
    exits: int = 0

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        line = text.count("\n", 0, fence.start("kind")) + 1
        said = {fence["mark"]: fence["said"]}
        file, exits = said.get("file", ""), int(said.get("exits", 0))
        found.append(Block(page, line, fence["kind"], fence["body"], file, exits))
    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(found), f"{page.name}: a fence without an end"
    return found


def same_line(shown: str, told: str) -> bool:
    """Whether a command told what the page shows.

    `...` stands for anything, one key is as good as another, and a number in a table may differ by 50 of its last
    digit: trained numbers are equal on one machine, and nearly so on another.
    """
    shown, told = (_KEY.sub("KEY", line.rstrip()) for line in (shown, told))
    if shown.startswith("|") and "..." not in shown:
        pairs = zip(_NUMBER.findall(shown), _NUMBER.findall(told), strict=False)
        return _words(shown) == _words(told) and all(_close(one, other) for one, other in pairs)
    pattern = ".*".join(re.escape(part) for part in shown.split("..."))
    return re.fullmatch(re.sub(r"(\\ )+", r"\\s+", pattern), told) is not None


def _words(row: str) -> list[str]:
    """The fields of a table's row without marks, widths and digits."""
    return [re.sub(r"\s+|\*\*|(?<!\w)_|_(?!\w)|-{3,}", "", _NUMBER.sub("0.0", field)) for field in row.split("|")]


def _close(shown: str, told: str) -> bool:
    one, other = (float(number.replace("−", "-")) for number in (shown, told))
    return abs(one - other) <= 50 * 10.0 ** -len(shown.partition(".")[2])


def same_output(shown: list[str], told: list[str]) -> bool:
    """Line by line; a line `...` stands for any number of lines."""
    if not shown:
        return not told
    if shown[0].strip() == "...":
        return any(same_output(shown[1:], told[start:]) for start in range(len(told) + 1))
    return bool(told) and same_line(shown[0], told[0]) and same_output(shown[1:], told[1:])


@dataclass
class Session:
    """A folder in which the blocks of one page run."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})

    def run(self, block: Block) -> None:
        kinds: dict[str, Callable[[Block], None]] = {
            "yaml": self.study,
            "yaml wrong": lambda _: None,
            "python": self.code,
            "console": self.commands,
            "sh": self.shell,
            "toml": lambda block: assert_is_toml(block.body),
            "text": lambda _: None,
        }
        assert block.kind in kinds, f"{block}: a block of the kind '{block.kind}' would not be checked"
        if block.file:
            (self.folder / block.file).write_text(block.body, encoding="utf-8")
        kinds[block.kind](block)

    def study(self, block: Block) -> None:
        """A study, or a piece of one, reads without a warning, and can be trained: data, folds, every cell's parts."""
        path = self.folder / (block.file or "block.yaml")
        if not block.file and re.search(r"^study:", block.body, re.MULTILINE):
            path.write_text(block.body, encoding="utf-8")
        elif not block.file:
            (self.folder / "minimal.yaml").write_text(UNDER_FRAGMENTS, encoding="utf-8")
            path.write_text(f"study: fragment\ninclude: minimal.yaml\n{block.body}", encoding="utf-8")
        study, catalogue = runner.read_study(path)
        assert isinstance(study, Study)
        assert not study.warnings, f"{block}: {study.warnings}"
        assert len(runner.prepare(study, catalogue).trials) > 0

    def code(self, block: Block) -> None:
        if block.file:
            load_file(self.folder / block.file)
            return
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.body, str(block), "exec"), self.names)  # noqa: S102 - the page's own words

    def commands(self, block: Block) -> None:
        lines = block.body.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
        assert starts[:1] == [0], f"{block}: a console begins with `$ `"
        for start, end in pairwise([*starts, len(lines)]):
            command = lines[start].removeprefix("$ ")
            code, told = self.command(command)
            assert code == block.exits, f"{block}: `{command}` exits with {code}\n{told}"
            shown = [line for line in lines[start + 1 : end] if line.strip()]
            heard = [line for line in told.splitlines() if line.strip()]
            assert same_output(shown, heard), f"{block}: `{command}` tells\n{told}"

    def command(self, line: str) -> tuple[int, str]:
        """Exit code and all that is printed. Trials run in this process, on one thread, as they would in a worker."""
        program, *arguments = shlex.split(line)
        assert program == "butfor", f"`{line}` is no command of butfor"
        if arguments[0] == "run":
            arguments += ["--executor", "serial"]
        self.monkeypatch.setattr(sys, "argv", ["butfor", *arguments])
        told, code = io.StringIO(), 0
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            try:
                main()
            except SystemExit as leaving:
                code = int(leaving.code or 0)
        return code, told.getvalue()

    def shell(self, block: Block) -> None:
        """Commands that install: their targets and extras exist."""
        targets = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        for line in block.body.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            if program == "make":
                assert set(arguments) <= set(targets), f"{block}: {line}"
            elif program == "pip":
                asked = [extra for argument in arguments for extra in re.findall(r"\[(.*)\]", argument)]
                assert set(asked) <= set(extras), f"{block}: {line}"
            else:
                assert program in {"git", "cd", ".venv/bin/python", ".venv/bin/pre-commit"}, f"{block}: {line}"


def assert_is_toml(text: str) -> None:
    assert tomllib.loads(text)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Session:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "_shelf", Shelf())
    runner.catalogue_with.cache_clear()
    return Session(tmp_path, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_does_what_it_says(page: Path, session: Session) -> None:
    for block in blocks_of(page):
        session.run(block)


def test_a_line_of_output_is_compared_and_not_waved_through() -> None:
    assert same_line("[1/6] full: done (... s)", "[1/6] full: done (4.1 s)")
    assert not same_line("[1/6] full: done (... s)", "[1/6] full: failed (4.1 s)")
    assert same_line("  0123456789abcdef  full", "  fedcba9876543210  full")
    assert not same_line("  0123456789abcdef  full", "  fedcba9876543210  mean")


def test_numbers_in_a_table_may_differ_a_little_and_signs_and_names_may_not() -> None:
    shown = "| low_rank | **76.4** ± 1.1 | +0.3 |"
    assert same_line(shown, "| low_rank |   _75.9_  ± 1.3 | +0.1 |")
    assert not same_line(shown, "| low_rank | **70.1** ± 1.1 | +0.3 |")
    assert not same_line(shown, "| lowrank | **76.4** ± 1.1 | +0.3 |")
    assert not same_line(shown, "| low_rank | **76.4** ± 1.1 |")


def test_an_ellipsis_stands_for_any_lines_and_nothing_else_does() -> None:
    assert same_output(["a", "...", "z"], ["a", "b", "c", "z"])
    assert same_output(["a", "...", "z"], ["a", "z"])
    assert not same_output(["a", "z"], ["a", "b", "z"])
    assert not same_output(["a"], ["a", "b"])
    assert not same_output([], ["a"])
