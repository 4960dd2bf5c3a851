"""`butfor export`: numbers, predictions and one archive; the same bytes each time, and nothing written over."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from butfor.core.predictions import read_predictions
from butfor.reports.frame import COLUMNS
from butfor.reports.rebuild import read_plan

STUDY = """\
study: small
include: parts/common.yaml
seeds: 2
ablations: {parts: {leave_one_out: [losses.kl]}}
"""
COMMON = """\
dataset: {name: planted, rows: 120, groups: 6}
splits: official
baseline:
  encoder: {name: variational_mlp, width: 4}
  fusion: uncertainty
  losses: {emotion: cross_entropy, valence: mse, kl: {name: kl_prior, weight: 0.001}}
  train: {epochs: 1, batch_size: 64}
"""


@pytest.fixture
def trained(command, tmp_path, monkeypatch):
    monkeypatch.delenv("BUTFOR_STORE", raising=False)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "common.yaml").write_text(COMMON)
    (tmp_path / "ablations.yaml").write_text(STUDY)
    done = command("run", "--executor", "serial", "--quiet")
    assert done.code == 0, done.err
    return command


def test_the_frame_has_a_line_for_each_number_in_every_form(trained, tmp_path):
    frame = pd.read_csv(io.StringIO(trained("export").out))
    assert tuple(frame.columns) == (*COLUMNS, "set.losses.kl")
    assert frame["key"].nunique() == 4
    rows = json.loads(trained("export", "--format", "json").out)
    assert [row["value"] for row in rows] == pytest.approx(frame["value"].tolist())
    pytest.importorskip("pyarrow")
    assert trained("export", "--format", "parquet", "--to", "n.parquet").code == 0
    read = pd.read_parquet(tmp_path / "n.parquet")
    assert read["value"].tolist() == [row["value"] for row in rows]
    assert "name a file" in trained("export", "--format", "parquet").err


def test_a_file_that_is_there_is_replaced_only_when_asked_for(trained, tmp_path):
    (tmp_path / "n.csv").write_text("mine")
    refused = trained("export", "--to", "n.csv")
    assert (refused.code, (tmp_path / "n.csv").read_text()) == (2, "mine")
    assert "--force" in refused.err
    assert trained("export", "--to", "n.csv", "--force").code == 0
    assert (tmp_path / "n.csv").read_text().startswith("study,cell")
    assert [path.name for path in tmp_path.glob(".*.tmp")] == []


def test_predictions_have_every_row_with_what_it_really_is(trained, tmp_path):
    frame = pd.read_csv(io.StringIO(trained("export", "--predictions").out))
    plan = read_plan(tmp_path / "ablations.yaml", tmp_path / "results")
    key = plan.trials[0].key
    kept = read_predictions(tmp_path / "results" / "predictions", key)
    mine = frame[(frame["key"] == key) & (frame["split"] == "test")].set_index("row")
    emotion = mine[mine["task"] == "emotion"]
    assert emotion.index.tolist() == kept["test/rows"].tolist()
    assert emotion["prediction"].tolist() == kept["test/emotion"].argmax(axis=1).tolist()
    np.testing.assert_allclose(emotion[[f"score.{c}" for c in range(4)]], kept["test/emotion"], rtol=1e-6)
    numbers = pd.read_csv(io.StringIO(trained("export").out))
    said = numbers[(numbers["key"] == key) & (numbers["split"] == "test")].set_index("metric")["value"]
    assert (emotion["prediction"] == emotion["target"]).mean() == pytest.approx(said["accuracy"])
    valence = mine[mine["task"] == "valence"]
    assert ((valence["prediction"] - valence["target"]) ** 2).mean() == pytest.approx(said["mse"], rel=1e-5)


def test_an_archive_rebuilds_the_same_tables_elsewhere_and_its_bytes_are_the_same_each_time(trained, tmp_path):
    assert trained("export", "--archive", "a.zip").code == 0
    assert trained("export", "--archive", "b.zip").code == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        names = packed.namelist()
    assert {"source/ablations.yaml", "source/parts/common.yaml", "plan.json", "versions.json"} <= set(names)
    assert sum(name.startswith("predictions/") for name in names) == 4
    here = {form: trained("table", "--format", form).out for form in ("markdown", "csv", "json", "latex", "html")}
    done = trained("import", "a.zip", "--out", "elsewhere")
    assert "4 trials, 4 of them new" in done.err
    study = ("--file", "elsewhere/small/source/ablations.yaml", "--out", "elsewhere")
    assert {form: trained("table", *study, "--format", form).out for form in here} == here
    assert trained("store", "check", "--out", "elsewhere").code == 0
    assert "4 done" in trained("status", study[1], *study[2:]).out
    again = trained("import", "a.zip", "--out", "elsewhere")
    assert (again.code, "0 of them new" in again.err) == (0, True)
    predicted = [trained("export", "--predictions").out, trained("export", study[1], *study[2:], "--predictions").out]
    assert predicted[0] == predicted[1]


def test_the_page_of_a_restored_archive_is_that_of_the_study_but_for_the_name_of_its_file(trained, tmp_path):
    assert trained("report").code == 0
    here = (tmp_path / "results/small/report.html").read_text("utf-8")
    assert trained("export", "--archive", "a.zip").code == 0
    assert trained("import", "a.zip", "--out", "elsewhere").code == 0
    file = "elsewhere/small/source/ablations.yaml"
    done = trained("report", file, "--out", "elsewhere")
    assert (done.code, done.out) == (0, "elsewhere/small/report.html\n")
    page = (tmp_path / "elsewhere/small/report.html").read_text("utf-8")
    assert "4 done of 4 trials" in " ".join(page.split())
    assert page == here
    assert trained("report", file, "--out", "elsewhere").code == 0
    assert (tmp_path / "elsewhere/small/report.html").read_text("utf-8") == page


def changed(path, name, content):
    """The archive with another content of one file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as packed, zipfile.ZipFile(stream, "w") as fresh:
        for entry in packed.namelist():
            fresh.writestr(entry, content if entry == name else packed.read(entry))
        if name not in packed.namelist():
            fresh.writestr(name, content)
    path.write_bytes(stream.getvalue())


def test_a_damaged_archive_is_refused_and_nothing_of_it_is_kept(trained, tmp_path):
    trained("export", "--archive", "a.zip")
    changed(tmp_path / "a.zip", "trials.jsonl", b"")
    done = trained("import", "a.zip", "--out", "elsewhere")
    assert (done.code, "trials.jsonl is not what was written" in done.err) == (3, True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_number_changed_with_its_manifest_is_found_by_the_checksum_of_the_row(trained, tmp_path):
    trained("export", "--archive", "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        rows = [json.loads(line) for line in packed.read("trials.jsonl").splitlines()]
        manifest = json.loads(packed.read("manifest.json"))
    rows[0]["metrics"] = '{"test": {"weighted_f1": 0.99}}'
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    manifest["sha256"]["trials.jsonl"] = hashlib.sha256(content).hexdigest()
    changed(tmp_path / "a.zip", "trials.jsonl", content)
    changed(tmp_path / "a.zip", "manifest.json", json.dumps(manifest))
    done = trained("import", "a.zip", "--out", "elsewhere")
    assert (done.code, "its checksum differs" in done.err) == (3, True)


@pytest.mark.parametrize(
    "name", ["source/../../evil.yaml", "/evil", "source/.hidden", "predictions/x.safetensors", "C:\\evil"]
)
def test_an_archive_that_would_write_elsewhere_is_none(trained, tmp_path, name):
    trained("export", "--archive", "a.zip")
    changed(tmp_path / "a.zip", name, b"x")
    done = trained("import", "a.zip", "--out", "elsewhere")
    assert (done.code, "is no archive of a study" in done.err) == (2, True)
    assert not list(tmp_path.rglob("evil*"))
