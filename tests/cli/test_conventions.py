"""What people and shells expect of a command line."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from butfor.cli import app

ROOT = Path(__file__).resolve().parents[2]
BUTFOR = [sys.executable, "-m", "butfor"]


def commands(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


EVERY = list(commands(typer.main.get_command(app)))


def process(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    return subprocess.run(
        [*BUTFOR, *arguments], cwd=cwd, env=kept | variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_every_command_has_an_example_that_names_it_and_options_that_it_has(path: tuple[str, ...], command) -> None:
    examples = re.findall(r"^Example: butfor (.*)$", command.help or "", re.MULTILINE)
    assert examples, f"butfor {' '.join(path)} --help has no example"
    for example in examples:
        words = example.split(">")[0].split()
        assert tuple(words[: len(path)]) == path
        options = {word for word in words if word.startswith("-")}
        assert options <= {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_every_option_and_argument_says_what_it_is(path: tuple[str, ...], command) -> None:
    assert [parameter.name for parameter in command.params if not parameter.help] == [], path


def test_h_is_help() -> None:
    short, long = process("plan", "-h"), process("plan", "--help")
    assert short.returncode == 0
    assert short.stdout == long.stdout
    assert "Example: butfor plan" in short.stdout


def test_a_misspelt_command_is_guessed() -> None:
    done = process("plgins")
    assert done.returncode == 2
    assert "Did you mean 'plugins'" in done.stderr
    assert done.stdout == ""


def test_colour_is_off_in_pipes_on_by_force_and_never_with_no_color() -> None:
    assert "\x1b[" not in process("--help").stdout
    assert "\x1b[" in process("--help", FORCE_COLOR="1").stdout
    coloured = process("--help", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert not re.search(r"\x1b\[[\d;]*3\d", coloured)


def test_columns_sets_the_width_of_help() -> None:
    narrow, wide = (max(map(len, process("run", "--help", COLUMNS=str(n)).stdout.splitlines())) for n in (60, 140))
    assert narrow <= 60 < wide <= 140


@pytest.mark.parametrize("arguments", [("plugins",), ("schema",), ("plugins", "--json"), ("plan",)])
def test_a_reader_that_leaves_early_is_no_error_of_ours(arguments: tuple[str, ...]) -> None:
    running = subprocess.Popen([*BUTFOR, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    told = running.stderr.read()
    running.stderr.close()
    running.wait()
    assert told == b""


def test_the_shell_completes_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "BUTFOR", [str(Path(sys.executable).with_name("butfor"))])
    asked = f"{shlex.join(BUTFOR)} --show-completion; exit $?"  # whose shell it is: tests may have been started by none
    script = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=False)
    assert script.returncode == 0, script.stderr
    assert "_BUTFOR_COMPLETE=complete_bash" in script.stdout
    done = process(_BUTFOR_COMPLETE="complete_bash", COMP_WORDS="butfor pl", COMP_CWORD="1")
    assert done.stdout.split() == ["plan", "plot", "plugins"]


def test_a_study_is_found_and_its_paths_hold_from_any_folder(tmp_path: Path) -> None:
    done = process("plan", str(ROOT / "examples" / "own_fusion.yaml"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "max (baseline)" in done.stdout
    assert list(tmp_path.iterdir()) == []
