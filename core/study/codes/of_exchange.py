"""BF8xx: runs that come from elsewhere, and what is taken out: `butfor import` and `butfor export`."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF801",
        "a file holds no runs that can be read",
        "Runs are a table, one in a row: CSV or TSV with a head, JSON as a list of {column: value}, JSON lines, or "
        "parquet (extra `parquet`), in UTF-8. The ending of the name says which.",
        '[{"fusion": "mean", "seed": 0, "accuracy": 0.71}',
        "Save the runs again in one of these forms, under a name with its ending.",
    ),
    Code(
        "BF802",
        "it is not said how the columns of runs are to be read",
        "A mapping, a few lines of YAML, says which columns are settings, seed, fold and metrics. `butfor import FILE "
        "--mapping MAPPING` takes it, or the mapping alone where it names the runs.",
        "runs: recorded_runs.csv\nsettings: [fusion, alpha]\nmetrics: [wa]",
        "Write a mapping; docs/import.md shows one whole.",
    ),
    Code(
        "BF803",
        "a file is no archive of a study",
        "`butfor export --archive` packs a study's file, plan, trials, evidence and predictions with their digests "
        "into a zip of known names. Another zip, or one that claims to be far larger, is not unpacked.",
        "archive.zip: evil/../../outside",
        "Export the study again with `butfor export --archive`.",
    ),
    Code(
        "BF804",
        "a file cannot be written",
        "It is there already, and nothing that a user has is overwritten unasked; or the system does not let it be.",
        "butfor export --to numbers.csv",
        "Give another name, or `--force`; where the system refuses, see to the folder's permissions and room.",
    ),
    Code(
        "BF805",
        "no predictions are stored of a study",
        "Predictions of every row are kept with each trial that has ended well, and the study has none yet.",
        "butfor export --predictions",
        "Train it first: `butfor run`.",
    ),
)
