"""BF3xx: designs and tables. What is varied, and what is printed."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF301",
        "unknown path",
        "A path names a setting as the file does: `losses.contrastive.weight`. Nothing in a cell answers to this one.",
        "ablations: {tuning: {one_at_a_time: {train.learning_rate: [0.1, 0.01]}}}",
        "Take the nearest path; a path starts with `encoder`, `fusion`, `losses`, `train`, `dataset`, ...",
    ),
    Code(
        "BF302",
        "this cell has no such setting",
        "The path exists in the baseline, and an assignment before it took its part away.",
        "ablations: {both: {cells: [{label: a, set: {fusion: mean, fusion.rank: 8}}]}}",
        "Let it vary only where its part stands, with `when`.",
    ),
    Code(
        "BF303",
        "no kind of design, or several, or a key that has no meaning in it",
        "Each design is one of leave_one_out, one_at_a_time, factorial, ladder, subsets, zip and cells. `when` "
        "belongs to "
        "factorial and zip, `from` to ladder.",
        "ablations: {a: {grid: {train.lr: [0.1, 0.01]}}}",
        "Choose one kind; make a design of each.",
    ),
    Code(
        "BF304",
        "the body of a design has another form",
        "What each kind of design takes is shown, with examples, in docs/language.md.",
        "ablations: {a: {one_at_a_time: {train.lr: 0.1}}}",
        "Write what the message expects.",
    ),
    Code(
        "BF305",
        "lists of different lengths",
        "`zip` takes the first value of each list, then the second, and so on.",
        "ablations: {a: {zip: {train.lr: [0.1, 0.01], train.batch_size: [32]}}}",
        "Make the lists equally long, or use `factorial` for every combination.",
    ),
    Code(
        "BF306",
        "a condition on what does not vary",
        "`when` and `exclude` speak of paths and factors of their own design, and no path can depend on itself, nor "
        "two "
        "on each other.",
        "ablations: {a: {factorial: {train.lr: [keep, 0.1]}, exclude: [{train.batch_size: 64}]}}",
        "Name a path of the design.",
    ),
    Code(
        "BF307",
        "a row leaves nothing out",
        "It equals the baseline. In a table it would read as a part that does not matter.",
        "ablations: {a: {leave_one_out: {w/o dropout: {encoder.dropout: 0.0}}}}",
        "Look at the baseline: the value is that already.",
    ),
    Code(
        "BF308",
        "two rows have one label",
        "A reader could not tell them apart.",
        "ablations: {a: {cells: [{label: x, set: {train.lr: 0.1}}, {label: x, set: {train.lr: 0.2}}]}}",
        "Give each a label of its own.",
    ),
    Code(
        "BF309",
        "a value stands twice on an axis",
        "It would make one cell, not two.",
        "ablations: {a: {one_at_a_time: {train.lr: [0.1, 0.1]}}}",
        "Remove one.",
    ),
    Code(
        "BF310",
        "two rows are one cell",
        "Different assignments that come to the same settings. The cell is trained once, and the second row is left "
        "out.",
        "ablations: {a: {cells: [{label: x, set: {train.lr: 0.1}}, {label: y, set: {train: {lr: 0.1}}}]}}",
        "Remove one, or set what was meant to differ.",
        "warning",
    ),
    Code(
        "BF311",
        "an exclusion excludes nothing",
        "No row has those values, so a combination that was to be left out may be there under another spelling.",
        "ablations: {a: {factorial: {train.lr: [keep, 0.1]}, exclude: [{train.lr: 0.2}]}}",
        "Write the value as the axis has it, or remove the exclusion.",
        "warning",
    ),
    Code(
        "BF312",
        "too many trials",
        "Cells x seeds x folds are counted before the first cell is made, and a study of more than the limit is "
        "refused.",
        "seeds: 20000",
        "Vary less, take fewer seeds, or raise the limit with `--max-trials`.",
    ),
    Code(
        "BF313",
        "unknown design",
        "A table, or `--only`, names a design that the study does not have.",
        "tables: [{design: componnets}]",
        "Take the nearest name of `ablations`.",
    ),
    Code(
        "BF314",
        "a table asks for a metric that nothing gives",
        "Metrics come from the tasks that the terms of the loss train: classes give accuracy and F1, values give mse "
        "and ccc.",
        "ablations: {a: {leave_one_out: [losses.valence]}}\ntables: [{design: a, metrics: [acuracy]}]",
        "Take the nearest name; docs/training.md lists the metrics.",
    ),
    Code(
        "BF315",
        "a table asks for a part of the data that is not there",
        "There are `valid`, `test`, and the further test parts of the data by their names.",
        "ablations: {a: {leave_one_out: [losses.valence]}}\ntables: [{design: a, split: testing}]",
        "Take one of the parts that the message lists.",
    ),
    Code(
        "BF316",
        "unknown cell",
        "`butfor explain` takes a cell by its label in any design, or by the beginning of its key.",
        "butfor explain 'w/o contrastiv'",
        "Take the nearest label; `butfor plan` lists labels and keys. Where two designs use one label, give the key.",
    ),
    Code(
        "BF317",
        "a condition of the test stands twice, or leaves nothing",
        "Each rate, level and pattern of `evaluate` makes conditions of its own; without any modality there is nothing "
        "to predict from.",
        "evaluate: {missing: {rates: [0.3, 0.3], patterns: each}}",
        "Remove what stands twice; leave at least one modality.",
    ),
    Code(
        "BF318",
        "a rate that cannot be reached",
        "With `patterns: random` every row keeps one of its modalities, so of three no more than two thirds can be "
        "missing. A higher rate is tested at that share.",
        "evaluate: {missing: {rates: [0.3, 0.9], patterns: random}}",
        "Stay below, or take modalities away one at a time with `patterns: each`.",
        "warning",
    ),
    Code(
        "BF319",
        "what cannot be taken away at test time",
        "`at: test` tests the trained baseline without some of its modalities. Any other part is in the weights: "
        "without it, another system has to be trained.",
        "ablations: {a: {leave_one_out: [losses.valence], at: test}}",
        "Leave `at` out, or make a design of its own for the modalities.",
    ),
    Code(
        "BF320",
        "a layout that does not fit",
        "A table asks for a layout that its design does not have, such as a cross table without two factors, or puts a "
        "published number into a column that it is not of.",
        "ablations: {a: {leave_one_out: [losses.valence]}}\ntables: [{design: a, layout: factorial}]",
        "Take another layout or another design; docs/results.md says what each layout needs.",
    ),
)
