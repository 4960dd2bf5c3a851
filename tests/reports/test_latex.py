"""LaTeX: what is written, and that pdflatex sets it."""

# ruff: noqa: RUF001 - characters that look like others are what this is about

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from butfor.reports.latex import latex, latex_document
from butfor.reports.render import write_tables

HOSTILE = [
    "<script>alert('x')</script>",
    "a|b & c \\\\ d",
    "50%_x&y#{}~^\\",
    "=cmd()",
    "two\nlines \x1b[31mred",
    "[bracket] *star",
    "\\input{/etc/passwd} \\end{table} $",
    "± – — ✓ ✗ − × ≤ α Ω é ß Ø ł ñ ő ą ² “quoted” „low“ …",
    "情感 한국어 😀 кириллица",
    "-- --- `` '' << >> ,, ?` !`",
    "a_very_long_label_" * 8,
    "a long label with words that can be broken " * 3,
]


def compile_document(folder: Path, text: str) -> str:
    """Run pdflatex once and return its log; skip where there is none."""
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    (folder / "document.tex").write_text(text, encoding="utf-8")
    environment = {**os.environ, "max_print_line": "1000"}
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "document.tex"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert (folder / "document.pdf").read_bytes().startswith(b"%PDF")
    return done.stdout


@pytest.fixture
def hostile(make_table):
    """Every nasty text as label, factor, level and caption."""
    cells = [f"c{place}" for place in range(len(HOSTILE))]
    outcomes = {
        cell: {(seed, "a"): {"weighted_f1": place / 10 + seed / 100} for seed in (1, 2)}
        for place, cell in enumerate(cells)
    }
    return make_table(
        outcomes,
        {"caption": "All at once: " + " ".join(HOSTILE[:10])},
        labels=dict(zip(cells, HOSTILE, strict=True)),
        factors=("50%_x&y#", "✓情"),
        levels={cell: {"50%_x&y#": True, "✓情": text} for cell, text in zip(cells, HOSTILE, strict=True)},
    )


def test_the_small_table_is_a_booktabs_table(small):
    text = latex(small.sheet())
    for part in (
        r"\caption{Parts: each component removed in turn (study small, test split).}",
        r"\label{tab:parts}",
        r"\begin{tabular}{@{}lcrrrrr@{}}",
        r"\multicolumn{2}{c}{Weighted F1 $\uparrow$} & \multicolumn{2}{c}{MSE $\downarrow$}",
        r"\cmidrule(lr){3-4} \cmidrule(lr){5-6}",
        r"full system & $\checkmark$ & \textbf{0.815}\,{\scriptsize$\pm$\,0.013} &  &",
        r"w/o gate & $\times$ & \underline{0.710}\,{\scriptsize$\pm$\,0.010} & $-$0.100 &",
    ):
        assert part in text
    assert [len(re.findall(rule, text)) for rule in (r"\\toprule", r"\\midrule", r"\\bottomrule")] == [1, 2, 1]


def test_every_row_has_as_many_fields_as_columns(hostile):
    body = latex(hostile.sheet()).split(r"\midrule")[1].split(r"\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.endswith(r" \\")]
    columns = len(hostile.sheet().columns)
    assert [len(re.split(r"(?<!\\)&", row)) for row in rows[:1]] == [columns]
    assert all(len(re.split(r"(?<!\\)&", row)) == columns for row in rows)


def test_hostile_labels_compile_and_stay_inside_the_page(hostile, tmp_path):
    log = compile_document(tmp_path, latex_document([hostile.sheet()]))
    assert "Output written on document.pdf (1 page" in log
    assert "Overfull" not in log


def test_small_tables_compile_without_an_overfull_line(small, tmp_path):
    log = compile_document(tmp_path, latex_document([small.sheet()]))
    assert "Overfull" not in log


def test_a_paper_with_old_and_new_font_encoding_takes_the_fragment(hostile, tmp_path):
    text = latex_document([hostile.sheet()]).replace(
        r"\begin{document}", "\\usepackage[T1]{fontenc}\n\\begin{document}"
    )
    compile_document(tmp_path, text)


def test_a_table_above_forty_rows_goes_on_under_the_same_number(small, tmp_path):
    long = dataclasses.replace(small, rows=small.rows * 45)
    text = latex(long.sheet())
    assert text.count(r"\begin{table}") == 3
    assert text.count(r"\addtocounter{table}{-1}") == 2
    assert text.count("(continued)") == 2
    assert text.count(r"\label") == 1
    assert text.count(r"\footnotesize") == 1
    assert text.count("full system &") == 45
    compile_document(tmp_path, latex_document([long.sheet(), small.sheet()]))


def test_a_document_of_many_tables_compiles(small, tmp_path):
    written = write_tables([small] * 30, tmp_path / "tables")
    log = compile_document(tmp_path, next(path for path in written if path.name == "tables.tex").read_text("utf-8"))
    assert "multiply" not in log


def test_a_document_without_tables_compiles(tmp_path):
    compile_document(tmp_path, latex_document([]))
