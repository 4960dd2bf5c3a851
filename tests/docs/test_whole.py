"""The docs stay whole: every key, default, design, plugin, hook, metric, command and option stands in them.

A table of settings is announced by `<!-- settings: MODEL -->`: its rows are the fields of that model, all of them, with
the defaults that they have.
"""

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from butfor import core
from butfor.cli import app
from butfor.core import hookspecs, testing
from butfor.core.labels import TaskColumn
from butfor.core.metrics import METRICS
from butfor.core.results import State
from butfor.core.specs import KINDS, Warmup
from butfor.core.splits import SplitSpec
from butfor.core.study import settings
from butfor.core.study.evaluate import MissingSettings, NoiseSettings
from butfor.core.study.locate import plain, read
from butfor.core.study.plan import DesignKind, StatisticsSettings, TableSettings
from butfor.core.study.reading import KEYS
from butfor.core.study.table_settings import FormatSettings, PublishedRow
from butfor.plugins.datasets.features import FeaturesSpec
from butfor.plugins.datasets.planted import PlantedSpec
from butfor.plugins.executors.local import LocalSpec
from butfor.registry import PRESETS, assemble
from butfor.reports.frame import COLUMNS
from butfor.reports.render import FORMATS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
CATALOGUE = assemble()
MODELS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        *(settings.CellSettings, settings.TrainSettings, settings.Plateau, settings.Cosine, settings.Clip),
        *(settings.HeadSettings, settings.ModalityDropout, Warmup, SplitSpec, TableSettings, StatisticsSettings),
        *(FormatSettings, PublishedRow),
        *(PlantedSpec, FeaturesSpec, TaskColumn, LocalSpec, MissingSettings, NoiseSettings),
    )
}
COMMANDS = typer.main.get_command(app)

_TABLE = re.compile(r"^<!-- settings: (?P<model>\w+) -->\n(?P<rows>(?:\|[^\n]*\n)+)", re.MULTILINE)
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def words(name: str) -> set[str]:
    """What stands between backticks on a page."""
    prose = re.sub(r"^```.*?^```$", "", text(name), flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", prose))


def blocks(name: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}[^\n]*\n(.*?)^```$", text(name), re.MULTILINE | re.DOTALL)


TABLES = {
    found["model"]: found["rows"].splitlines()[2:]
    for page in PAGES
    for found in _TABLE.finditer(page.read_text("utf-8"))
}


def described(model: str) -> dict[str, str]:
    """{field: default as the page says it, or nothing}."""
    rows = (row.split("|") for row in TABLES[model])
    return {row[1].strip(" `"): row[2].strip(" `") for row in rows}


def test_every_key_of_a_study_is_described() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", text("docs/language.md").partition("## The baseline")[0], re.MULTILINE)
    assert sorted(rows) == sorted(KEYS)


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_is_described(model: str) -> None:
    assert set(described(model)) == set(MODELS[model].model_fields) - {"name"}


@pytest.mark.parametrize("model", MODELS)
def test_every_default_is_the_one_that_the_page_says(model: str) -> None:
    for name, said in described(model).items():
        field = MODELS[model].model_fields[name]
        if field.is_required() or not said:
            assert field.is_required(), f"the page says no default of {model}.{name}"
            assert not said, f"{model}.{name} has no default"
            continue
        value = plain(read(f"value: {said}", "page"))["value"]
        default = field.get_default(call_default_factory=True)
        try:
            given = getattr(MODELS[model].model_validate({name: value}), name)
        except ValidationError:
            given = TypeAdapter(field.annotation).validate_python(value)
        assert to_jsonable_python(given) == to_jsonable_python(default), f"{model}.{name}"


def test_every_design_has_a_section_and_an_example() -> None:
    page = text("docs/language.md")
    used = set()
    for block in blocks("docs/language.md", "yaml"):
        for design in (yaml.safe_load(block).get("ablations") or {}).values():
            used |= set(design)
    for kind in get_args(DesignKind):
        assert f"\n### {kind}\n" in page
        assert kind in used
    assert {"exclude", "when", "from"} <= used


def test_every_preset_is_described() -> None:
    assert {path.stem for path in PRESETS.glob("*.yaml")} <= words("docs/language.md")


@pytest.mark.parametrize("kind", [base.kind for base in KINDS])
def test_every_plugin_that_ships_is_listed_and_no_other(kind: str) -> None:
    section = text("docs/plugins.md").partition("## What comes with butfor")[2].partition("\n## ")[0]
    table = section.partition(f"| {kind} |")[2].partition("\n\n")[0]
    firsts = [row.partition(" | ")[0] for row in table.splitlines()[2:]]
    ours = {entry.name for known, entry in CATALOGUE if known == kind and entry.distribution == "butfor"}
    assert {name for first in firsts for name in re.findall(r"`(\w+)`", first)} == ours


def test_every_hook_is_shown_with_its_signature() -> None:
    shown = "\n".join(blocks("docs/plugins.md", "python"))
    hooks = [function for name, function in inspect.getmembers(hookspecs, inspect.isfunction) if name != "hookspec"]
    hooks = [function for function in hooks if function.__module__ == hookspecs.__name__]
    assert hooks
    for hook in hooks:
        parameters = ", ".join(str(parameter) for parameter in inspect.signature(hook).parameters.values())
        returns = inspect.signature(hook).return_annotation
        assert f"@hookimpl\ndef {hook.__name__}({parameters}) -> {returns}:" in shown


def test_every_name_for_plugin_authors_and_every_check_is_mentioned() -> None:
    page = text("docs/plugins.md")
    assert [name for name in core.__all__ if not re.search(rf"\b{name}\b", page)] == []
    checks = [name for name in dir(testing) if name.startswith("check_")]
    assert [name for name in checks if f"`{name}(spec)`" not in page] == []


@pytest.mark.parametrize("name", ["Batch", "Encoded", "Fused", "Outputs", "Shapes"])
def test_every_field_that_a_module_sees_is_listed(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| (.*) \|$", text("docs/plugins.md"), re.MULTILINE)
    assert row
    fields = set(getattr(core, name)._fields) - {"asked"}
    assert fields <= set(re.findall(r"`(\w+)", row[1]))


def test_every_metric_is_explained_and_no_other() -> None:
    section = text("docs/training.md").partition("## Metrics")[2].partition("\n## ")[0]
    firsts = [row.partition(" | ")[0] for row in section.splitlines() if row.startswith("| `")]
    told = {name for first in firsts for name in re.findall(r"`(\w+)`", first)} | {"emoval"}
    assert "`emoval`" in section
    assert told == {metric.name for metric in METRICS}


def test_every_state_format_and_column_is_explained() -> None:
    assert set(get_args(State)) <= words("docs/training.md")
    assert set(FORMATS) | set(COLUMNS) <= words("docs/results.md")


def options_of(command: Any) -> set[str]:
    """Of a command and of those below it."""
    own = {option for parameter in command.params for option in parameter.opts}
    return own.union(*(options_of(inner) for inner in getattr(command, "commands", {}).values()))


def test_every_command_and_option_is_listed_and_no_other() -> None:
    section = text("docs/results.md").partition("## The command line")[2].partition("\n## ")[0]
    rows = [row.split(" | ")[0] for row in section.splitlines() if row.startswith("| `")]
    commands = {found[1] for row in rows if (found := re.match(r"\| `butfor (\w+)", row))}
    assert commands == set(COMMANDS.commands)
    options = {option for command in COMMANDS.commands.values() for option in options_of(command)}
    told = {option for row in rows for option in re.findall(r"(?<!\w)(--?[a-z][\w-]*)", row)}
    assert told - {"--version"} == {option for option in options if option.startswith("-")} - {"--help", "-h"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_speaks_of_a_command_that_is_not_there(page: Path) -> None:
    spoken = re.findall(r"(?:^\$ |`)butfor ([^`\n]+)", page.read_text("utf-8"), re.MULTILINE)
    for line in spoken:
        name, *arguments = line.split()
        if name.startswith("-"):
            continue
        assert name in COMMANDS.commands, f"butfor {line}"
        known = options_of(COMMANDS.commands[name])
        assert {word for word in arguments if word.startswith("-")} <= known | {"--help"}, f"butfor {line}"
        if name == "plugins" and arguments and not arguments[0].startswith(("-", "[")):
            assert arguments[0] in {base.kind for base in KINDS} | {"KIND"}, f"butfor {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for found in _LINK.finditer(re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)):
        target, _, anchor = found["target"].partition("#")
        if target.startswith("https:"):
            continue
        other = (page.parent / target).resolve() if target else page
        assert other.exists(), found["target"]
        if anchor:
            titles = re.findall(r"^#+ (.*)$", other.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_folder_of_one_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:home|Users|root|work|tmp|mnt|opt)/", page.read_text("utf-8"))


def test_the_readme_says_what_the_package_says() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    (torch,) = (need.removeprefix("torch") for need in project["dependencies"] if need.startswith("torch"))
    assert f"`{torch}`" in text("README.md")
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in text("README.md")
    assert project["license"] in text("README.md")


def test_the_changelog_keeps_its_form() -> None:
    titles = re.findall(r"^## (.*)$", text("CHANGELOG.md"), re.MULTILINE)
    assert titles[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", title) for title in titles[1:])
    kinds = re.findall(r"^### (.*)$", text("CHANGELOG.md"), re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_commit_hook_is_local_and_runs_what_make_check_runs() -> None:
    repos = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    makefile = text("Makefile")
    targets = re.search(r"^check: (.*)$", makefile, re.MULTILINE)
    assert targets
    for hook in repos[0]["hooks"]:
        program, *arguments = hook["entry"].split()
        if program == "make":
            assert set(arguments) <= set(targets[1].split()) | {"--silent"}
        else:
            assert program.replace(".venv/bin/", "$(BIN)/") in makefile
