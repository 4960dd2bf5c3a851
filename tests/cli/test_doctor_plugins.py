"""`butfor doctor` and `butfor plugins`: what is here, and what is wrong with it."""

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from butfor import registry
from butfor.core.errors import PluginError
from butfor.core.specs import KINDS
from butfor.reports import doctor

ROOT = Path(__file__).resolve().parents[2]
HEALTHY = {"version": "2.13.0", "threads": 2, "cuda": [], "mps": False}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is asked in another process; one test does so for real."""
    monkeypatch.setattr(doctor, "_probed", lambda: HEALTHY)
    for name in (*doctor._THREADS, "PYTHONOPTIMIZE", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


def signs(command, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    done = command("doctor", "--json", *arguments)
    return done.code, {sign["check"]: (sign["state"], sign["value"]) for sign in json.loads(done.out)}


def test_a_healthy_machine_is_told_line_by_line(command) -> None:
    code, found = signs(command)
    assert code == 0
    assert {"butfor", "python", "packages", "torch", "device", "threads", "cores", "plugins", "store", "disk"} <= set(
        found
    )
    assert {state for state, _ in found.values()} <= {"ok", "note"}
    assert "from butfor" in found["plugins"][1]
    text = command("doctor")
    assert text.code == 0
    assert text.out.endswith("\nnothing is wrong\n")


def test_torch_itself_is_asked_in_a_process_of_its_own(monkeypatch) -> None:
    monkeypatch.undo()
    found = doctor._probed()
    assert isinstance(found, dict)
    assert found["threads"] >= 1
    monkeypatch.setattr(doctor, "_PROBE", "raise ImportError('libtorch is broken')")
    assert doctor._probed() == "cannot be imported: ImportError: libtorch is broken"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "cpu"),
        ({"cuda": ["H200", "H200"]}, "cpu; --device cuda takes H200"),
        ({"mps": True}, "cpu; mps is not used"),
    ],
)
def test_which_device_can_be_asked_for_is_said(command, monkeypatch, told: dict, said: str) -> None:
    monkeypatch.setattr(doctor, "_probed", lambda: HEALTHY | told)
    assert signs(command)[1]["device"] == ("ok", said)


def test_a_broken_torch_is_a_line_and_not_a_crash(command, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "_probed", lambda: "cannot be imported: ImportError: no")
    code, found = signs(command)
    assert code == 1
    assert found["torch"] == ("wrong", "cannot be imported: ImportError: no")


def test_a_plugin_that_does_not_load_is_wrong_and_said_why(command, monkeypatch) -> None:
    class Point:
        name, dist, value = "gadget", None, "gadget"

        def load(self):
            raise ImportError("No module named 'gizmo'")

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    code, found = signs(command)
    assert code == 1
    assert found["plugin gadget"][0] == "wrong"
    assert "No module named 'gizmo'" in found["plugin gadget"][1]


def test_two_plugins_of_one_name_are_wrong(command, monkeypatch) -> None:
    def clash() -> None:
        raise PluginError("two plugins offer the fusion 'mean'")

    monkeypatch.setattr(registry, "assemble", clash)
    code, found = signs(command)
    assert (code, found["plugins"]) == (1, ("wrong", "PluginError: two plugins offer the fusion 'mean'"))


def test_a_damaged_store_is_wrong_and_a_sound_one_is_counted(command, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "store.sqlite").write_text("garbage, and no database at all" * 40)
    code, found = signs(command, "--out", "bad")
    assert (code, found["store"][0]) == (1, "wrong")
    (tmp_path / "s.yaml").write_text(
        "study: counted\ndataset: {name: planted, rows: 200}\nseeds: 2\nbaseline:\n  encoder: mlp\n  fusion: mean\n"
        "  losses: {emotion: cross_entropy}\n  train: {epochs: 1, patience: null}\n"
    )
    assert command("run", "s.yaml", "--executor", "serial").code in (0, 1)  # one epoch may not be enough to learn
    code, found = signs(command)
    assert (code, found["store"][0]) == (0, "ok")
    assert "counted 2" in found["store"][1]


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("OMP_NUM_THREADS", "100000", "note"),
        ("OMP_NUM_THREADS", "many", "wrong"),
        ("MKL_NUM_THREADS", "0", "wrong"),
        ("OMP_NUM_THREADS", "1", "ok"),
        ("PYTHONOPTIMIZE", "1", "note"),
        ("CUDA_VISIBLE_DEVICES", "", "note"),
    ],
)
def test_traps_of_the_environment_are_told(command, monkeypatch, name: str, value: str, state: str) -> None:
    monkeypatch.setenv(name, value)
    code, found = signs(command)
    assert found[name][0] == state
    assert code == (1 if state == "wrong" else 0)


def test_a_package_that_is_missing_or_of_another_version_is_wrong(command, monkeypatch) -> None:
    real = doctor.version

    def version(name: str) -> str:
        if name == "pyarrow":
            raise PackageNotFoundError(name)
        return "1.0" if name == "torch" else real(name)

    monkeypatch.setattr(doctor, "version", version)
    code, found = signs(command)
    assert code == 1
    assert found["packages"][0] == "wrong"
    assert "torch 1.0 is installed; expected" in found["packages"][1]
    assert found["extra parquet"] == ("note", "pyarrow is not installed")


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_wrong(command, monkeypatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    code, found = signs(command)
    assert code == 1
    assert found["disk"][0] == found["folder"][0] == "wrong"


def test_every_plugin_is_listed_under_its_kind_and_as_json(command) -> None:
    told = json.loads(command("plugins", "--json").out)
    assert {(one["kind"], one["name"]) for one in told} == set(registry.assemble().entries)
    keys = {"kind", "name", "distribution", "version", "needs", "gives", "fields", "stackable", "paper"}
    assert all(keys <= one.keys() for one in told)
    assert all(field.keys() == {"type", "default", "doc"} for one in told for field in one["fields"].values())
    text = command("plugins").out
    assert [line for line in text.splitlines() if not line.startswith(" ") and line] == [kind.kind for kind in KINDS]


def test_one_plugin_is_told_whole(command) -> None:
    out = command("plugins", "fusion", "proxy_attention").out
    assert out.startswith("fusion proxy_attention [butfor ")
    for piece in (
        "trained in stacks: yes",
        '  proxy: "gated_uncertainty"  (a fusion)',
        "  heads: 4  (a whole number of at least 1)",
        '  kv_mode: "per_modality"  (per_modality | joint)',
        "  norm2: false  (true or false)",
        "@inproceedings{",
    ):
        assert piece in out
    assert "trained in stacks: no, one trial at a time" in command("plugins", "encoder", "lstm").out
    assert "trained in stacks" not in command("plugins", "dataset", "planted").out
    assert "no settings" in command("plugins", "fusion", "mean").out


def test_the_plugins_of_a_study_are_listed_with_it(command) -> None:
    out = command("plugins", "fusion", "--file", str(ROOT / "examples" / "own_fusion.yaml")).out
    assert "max_fusion.py]" in out
    assert "max_fusion.py" not in command("plugins", "fusion").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plugins", "fusoin"), "did you mean 'fusion'?"),
        (("plugins", "fusion", "meen"), "did you mean 'mean'?"),
        (("plugins", "fusion", "mlp"), "'mlp' is a plugin of kind encoder"),
        (("plugins", "--file", "nowhere.yaml"), "there is no such file"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest(command, arguments: tuple[str, ...], told: str) -> None:
    done = command(*arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
