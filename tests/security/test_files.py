"""Where a study may read and write: includes stay in its folder, names stay names, links are not followed out."""

# ruff: noqa: E501, RUF001 - hostile names, look-alikes among them

import os
import sys

import pytest

from butfor.core.errors import StoreError, StudyError
from butfor.core.study.layers import load_text
from butfor.core.study.names import folder_problem, name_problem
from butfor.core.study.plan import Plan
from butfor.core.study.study import Study
from butfor.registry import assemble
from butfor.reports import rebuild
from butfor.reports.render import file_names, write_tables

STUDY = "study: s\ndataset: planted\nbaseline: {encoder: mlp, fusion: mean, losses: {emotion: cross_entropy, valence: mse}}\n"


@pytest.fixture(scope="module")
def catalogue():
    return assemble()


@pytest.fixture
def load(tmp_path, catalogue):
    """Load a study in `home` that includes something."""

    def call(said, **files):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        (tmp_path / "secret.yaml").write_text("seeds: 77\n")
        (home / "study.yaml").write_text(f"include: {said}\n{STUDY}")
        for name, text in files.items():
            (home / f"{name}.yaml").write_text(text)
        return Study.load(home / "study.yaml", catalogue)

    return call


@pytest.mark.parametrize(
    "said",
    ["../secret.yaml", "/etc/passwd", "./../secret.yaml", "sub/../../secret.yaml", "link.yaml", "linked/secret.yaml"],
)
def test_an_include_does_not_lead_out_of_the_folder_of_the_study(load, tmp_path, said):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "home" / "linked").symlink_to(tmp_path)
    with pytest.raises(StudyError, match=r"study.yaml:1:10: include: '.*' leads out of the folder of the study"):
        load(said)


def test_an_included_file_leads_no_further_than_the_study(load, tmp_path):
    (tmp_path / "home" / "deep").mkdir(parents=True)
    (tmp_path / "home" / "deep" / "a.yaml").write_text("include: ../b.yaml\n")
    assert len(load("deep/a.yaml", b="seeds: 5\n").seeds) == 5
    (tmp_path / "home" / "deep" / "a.yaml").write_text("include: ../../secret.yaml\n")
    with pytest.raises(StudyError, match=r"a.yaml:1:10: .*leads out"):
        load("deep/a.yaml")


def test_a_link_inside_the_folder_is_a_file_like_any_other(load, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "link.yaml").symlink_to(tmp_path / "home" / "b.yaml")
    assert len(load("link.yaml", b="seeds: 6\n").seeds) == 6


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_an_include_that_is_no_regular_file_is_refused_and_not_waited_for(load, tmp_path, kind):
    odd = tmp_path / "home" / "odd.yaml"
    odd.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "folder":
        odd.mkdir()
    else:
        odd.symlink_to("/dev/zero")
    with pytest.raises(StudyError, match=r"1:10: include: .*(it is no regular file|leads out)"):
        load("odd.yaml")


def test_a_device_is_not_read_as_a_study(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="no regular file"):
            load_text(path)


def test_includes_nest_ten_deep_and_no_deeper(load):
    def chain(number):
        files = {f"f{n}": f"include: f{n + 1}.yaml\n" for n in range(1, number)}
        return load("f1.yaml", **files, **{f"f{number}": "seeds: 4\n"})

    assert len(chain(10).seeds) == 4
    with pytest.raises(StudyError, match=r"f10.yaml:1:10: include: includes nested deeper than 10 files"):
        chain(11)


def test_a_study_with_its_includes_is_no_larger_than_one_file_may_be(load):
    part = "# " + "x" * 300_000 + "\nseeds: 3\n"
    with pytest.raises(StudyError, match=r"1:35: include: the study and what it includes are larger than 1024 KiB"):
        load("[a.yaml, b.yaml, c.yaml, d.yaml]", a=part, b=part, c=part, d=part)


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "a\\b", "..", ".", ".x", "x.", "x ", " x", "", "CON", "nul.txt", "com1", "LPT¹", "a\nb", "a\x1bb", "a\u202eb", "a\ud800", "x" * 81, "𝐀" * 60, "a:b", "a*b", "-x", "e\u0301", "\u212bx"])  # fmt: skip
def test_a_name_that_some_system_would_not_keep_is_refused(name, catalogue):
    assert name_problem(name)
    quoted = '"' + "".join(f"\\U{ord(character):08x}" for character in name) + '"'
    with pytest.raises(StudyError, match=r"f:1:\d+"):
        Study.parse(STUDY.replace("study: s", f"study: {quoted}"), catalogue, "f")


@pytest.mark.parametrize(
    "name", ["predictions", "Predictions", "store.sqlite", "store.sqlite-wal", "plan.json", "logs"]
)
def test_the_name_of_a_study_is_none_that_the_run_folder_has_already(name):
    assert folder_problem(name)
    assert not name_problem(name)


@pytest.mark.parametrize(
    "name", ["attention-robust-v4", "2x2", "v4.1", "情感", "Übung 3", "x" * 80, "console", "com10"]
)
def test_plain_names_are_kept(name):
    assert not folder_problem(name)


@pytest.mark.parametrize("term", ["../x", "a.b", "a b", "''", '"a\\nb"', "x" * 81])
def test_the_name_of_a_term_is_one_word(term, catalogue):
    with pytest.raises(StudyError, match=r"f:3:\d+: losses: the term"):
        Study.parse(STUDY.replace("valence: mse", f"valence: mse, {term}: mse"), catalogue, "f")


def test_a_label_is_one_plain_line(catalogue):
    for label in ('"a\\nb"', '""', '" "'):
        for body in (
            f"{{cells: [{{{label}: {{train.lr: 0.1}}}}]}}",
            f"{{leave_one_out: {{{label}: {{train.lr: 0.1}}}}}}",
        ):
            with pytest.raises(StudyError, match=r"f:4:\d+: .*the label"):
                Study.parse(f"{STUDY}ablations: {{d: {body}}}\n", catalogue, "f")


@pytest.mark.parametrize("study", ["../x", "/nowhere/x", "a/../../x", "CON", "predictions"])
def test_a_plan_that_names_another_folder_writes_nothing(tmp_path, study):
    plan = Plan(study=study, baseline="a", cells=(), designs=(), tables=(), trials=(), metrics=())
    with pytest.raises(StudyError, match="the name of the study"):
        rebuild.write_plan(plan, tmp_path / "out")
    with pytest.raises(StudyError, match="the name of the study"):
        rebuild.write([], plan, tmp_path / "out")
    (tmp_path / "s.yaml").write_text(f"study: {study}\n")
    with pytest.raises(StudyError, match="the name of the study"):
        rebuild.read_plan(tmp_path / "s.yaml", tmp_path / "out")
    assert not list(tmp_path.glob("**/plan.json"))


def test_nothing_is_written_through_a_link(tmp_path):
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.mkdir()
    (out / "s").symlink_to(outside)
    plan = Plan(study="s", baseline="a", cells=(), designs=(), tables=(), trials=(), metrics=())
    with pytest.raises(StoreError, match="is a symbolic link"):
        rebuild.write_plan(plan, out)
    (out / "s").unlink()
    (out / "s").mkdir()
    (out / "s" / "tables").symlink_to(outside)
    with pytest.raises(StoreError, match="is a symbolic link"):
        write_tables([], out / "s" / "tables")
    (out / "s" / "plan.json").symlink_to(outside / "kept")
    (outside / "kept").write_text("kept")
    rebuild.write_plan(plan, out)
    assert (outside / "kept").read_text() == "kept"
    assert sorted(path.name for path in outside.iterdir()) == ["kept"]


@pytest.mark.skipif(sys.platform == "win32", reason="names of this system")
def test_tables_of_hostile_designs_stay_in_their_folder(tmp_path):
    names = ["../x", "/etc/passwd", "CON", "a" * 300, "tables", "TABLES", "\x00", "..", "x/../../y", ""]
    safe = file_names(names)
    assert len({name.casefold() for name in safe} | {"tables"}) == len(names) + 1
    for name in safe:
        assert (tmp_path / f"{name}.html").resolve().parent == tmp_path.resolve()
        (tmp_path / f"{name}.html").touch()
