"""`butfor report` and `butfor plot` on a study that was really trained."""

import csv
import io
import re
import subprocess
import sys
from html import unescape

import pytest

STUDY = """
study: small
dataset: {name: planted, rows: 160, groups: 8}
splits: official
seeds: 2
baseline:
  encoder: {name: variational_mlp, width: 8}
  fusion: uncertainty
  losses: {emotion: cross_entropy, kl: {name: kl_prior, weight: 0.001}}
  train: {epochs: 3, batch_size: 32, lr: 1.0e-2}
ablations:
  components: {leave_one_out: [losses.kl]}
  fusions: {one_at_a_time: {fusion: [mean]}}
tables:
  - {design: components, metrics: [weighted_f1]}
  - {design: fusions, metrics: [weighted_f1, accuracy]}
"""


@pytest.fixture
def trained(command, tmp_path):
    (tmp_path / "small.yaml").write_text(STUDY, encoding="utf-8")
    assert command("run", "small.yaml", "--only", "components", "--executor", "serial", "--quiet").code == 0
    return command


def test_report_of_a_half_finished_study_then_of_the_whole(trained, tmp_path):
    done = trained("report", "small.yaml")
    assert (done.code, done.out) == (0, "results/small/report.html\n")
    half = (tmp_path / "results/small/report.html").read_text("utf-8")
    assert "4 done, 2 missing of 6 trials" in re.sub(r"\s+", " ", half)
    assert trained("run", "small.yaml", "--executor", "serial", "--quiet").code == 0
    trained("report", "small.yaml")
    page = (tmp_path / "results/small/report.html").read_text("utf-8")
    assert "6 done of 6 trials" in re.sub(r"\s+", " ", page)
    trained("report", "small.yaml")
    assert (tmp_path / "results/small/report.html").read_text("utf-8") == page
    copies = [unescape(text) for text in re.findall(r"<summary>CSV</summary><pre[^>]*>(.*?)</pre>", page, re.DOTALL)]
    assert "\n\n".join(copies).split() == trained("table", "--file", "small.yaml", "--format", "csv").out.split()
    for row in csv.DictReader(io.StringIO(copies[1])):
        assert f"{float(row['weighted_f1']):.3f}" in page
    assert "butfor run small.yaml --only fusions --seeds 2" in page
    assert "Deep Variational" in page or "@" in page.partition('id="bibliography"')[2]
    assert "fusion uncertainty" in page.partition('id="bibliography"')[2]


def test_report_needs_results(command, tmp_path):
    (tmp_path / "small.yaml").write_text(STUDY, encoding="utf-8")
    done = command("report", "small.yaml")
    assert done.code == 2
    assert "butfor run small.yaml" in done.err
    assert not (tmp_path / "results").exists()


def test_plot_lists_what_it_writes(trained, tmp_path):
    done = trained("plot", "forest", "--file", "small.yaml", "--format", "pdf")
    assert (done.code, done.out.split()) == (0, ["results/small/plots/forest-components.pdf"])
    assert (tmp_path / "results/small/plots/forest-components.pdf").read_bytes().startswith(b"%PDF")
    every = trained("plot", "--file", "small.yaml", "--only", "components").out.split()
    kinds = {line.rpartition("/")[2].partition("-")[0] for line in every}
    assert kinds == {"forest", "seeds", "curves", "cost", "weights"}
    assert all((tmp_path / line).read_text("utf-8").startswith("<?xml") for line in every)


def test_plot_says_what_is_missing(trained):
    done = trained("plot", "robustness", "--file", "small.yaml")
    assert done.code == 1
    assert "`evaluate:`" in done.err
    assert done.out == ""
    wrong = trained("plot", "forrest", "--file", "small.yaml")
    assert wrong.code == 2
    assert "forest" in wrong.err


def test_neither_needs_torch_and_tables_need_no_matplotlib():
    probe = (
        "import sys; import butfor.cli; import butfor.reports.rebuild;"
        "assert 'matplotlib' not in sys.modules and 'jinja2' not in sys.modules;"
        "import butfor.reports.page.page;"
        "assert 'torch' not in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", probe], check=True)
