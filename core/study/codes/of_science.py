"""BF6xx: what the numbers could show. Nothing is wrong with the program; something may be wrong with the conclusion."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF601",
        "one seed only",
        "A difference between two single runs cannot be told from the spread of one system over its seeds, which is "
        "often as large as the effect of the part that is ablated.",
        "splits: official\nseeds: 1",
        "Train at least 3 seeds, better 5 or more: `seeds: 5`.",
        "warning",
    ),
    Code(
        "BF602",
        "rows that select are shown, or rows to be tested select",
        "The epoch is the best one on the validation rows, so their score is too good. A table of `valid` shows that "
        "score; an official test part that is used for validation makes the test one.",
        "ablations: {a: {leave_one_out: [losses.valence]}}\ntables: [{design: a, split: valid}]",
        "Report a part that selected nothing; take the validation rows from the training part.",
        "warning",
    ),
    Code(
        "BF603",
        "a group stands in two parts of a fold",
        "Rows of one speaker, video or participant are alike. Where some train and some test, the score says how well "
        "known groups are recognised again, not how well new ones are.",
        "dataset: {groups: 8}\nsplits: {folds: 3, by: row, test: fold}",
        "Keep groups together: `splits: {folds: 5, by: group}`.",
        "warning",
    ),
    Code(
        "BF604",
        "the baseline is not among the rows",
        "The table gives each row's difference from a system that it does not show.",
        "ablations: {a: {zip: {train.lr: [0.1, 0.01], train.batch_size: [64, 32]}}}",
        "Add the baseline's values: `keep` on each axis, or a row of its own.",
        "warning",
    ),
    Code(
        "BF605",
        "a row that leaves one thing out changes several",
        "Whatever the difference is, it cannot be put down to one of them.",
        "ablations: {a: {leave_one_out: {w/o valence: {losses.valence: null, train.lr: 0.05}}}}",
        "Make a row of each change; for steps that build on each other use a `ladder`, for interactions a `factorial`.",
        "warning",
    ),
    Code(
        "BF606",
        "the selection rewards a metric for getting worse",
        "An expression is maximised as it is written. An error that stands in it with a plus is driven up, and the "
        "worst "
        "epoch may be kept.",
        "baseline: {train: {select: weighted_f1 + mse}}",
        "Subtract errors: `weighted_f1 - 0.25 * mse`.",
        "warning",
    ),
    Code(
        "BF607",
        "a test that can never reach its alpha",
        "Signed ranks over n seeds have no two-sided p below 2 to the power 1 - n, and a correction such as Holm's "
        "multiplies the smallest by the number of comparisons. With too few seeds every row is 'not settled', whatever "
        "the numbers are.",
        "seeds: 6\nablations: {a: {leave_one_out: [losses.valence]}}\n"
        "tables: [{design: a, metrics: [accuracy, macro_f1], statistics: {test: wilcoxon}}]",
        "Train as many seeds as the message says, compare fewer rows and metrics, or use `test: paired_t`.",
        "warning",
    ),
    Code(
        "BF608",
        "folds of one seed are not independent",
        "Their training parts overlap, and they share one initialisation. The spread over them says how much the rows "
        "matter, not how sure a difference is.",
        "dataset: {groups: 8}\nsplits: {folds: 3, by: group}\nseeds: 1",
        "Train several seeds on the same folds: the seeds are the blocks.",
        "warning",
    ),
    Code(
        "BF609",
        "a patience that can never run out",
        "It is as long as the training or longer, so it never stops anything, or never lowers the learning rate.",
        "baseline: {train: {epochs: 10, patience: 20}}",
        "Make it shorter than `epochs`, or write `patience: null`, `scheduler: null`.",
        "note",
    ),
    Code(
        "BF610",
        "a warm-up that is longer than the training",
        "What it holds back never takes its full effect, so removing it tells less than it seems to.",
        "baseline: {losses: {valence: {warmup: 500}}}",
        "Shorten the warm-up, or train longer.",
        "warning",
    ),
    Code(
        "BF611",
        "a term of weight zero",
        "It is computed, and counts for nothing, in every epoch.",
        "baseline: {losses: {valence: {weight: 0}}}",
        "Remove the term with null, or give it a weight.",
        "note",
    ),
    Code(
        "BF612",
        "a batch larger than the training part",
        "All training rows make one batch, so there is one step an epoch.",
        "dataset: {rows: 60}\nbaseline: {train: {batch_size: 512}}",
        "Choose a smaller `train.batch_size`.",
        "note",
    ),
    Code(
        "BF613",
        "rows of the test stand in the training part as well",
        "Their features are equal in every modality. The test then asks in part for what was learned by heart.",
        "# a data file in which samples were copied before they were split",
        "Remove the copies, or make equal rows a group and split by group.",
        "warning",
    ),
    Code(
        "BF614",
        "too few seeds or folds for a p",
        "Below 5 blocks the tables give intervals only: so few differences do not show whether a test may be used on "
        "them. The last line says how large a difference has to be, in standard deviations, for its interval to leave "
        "zero out.",
        "seeds: 3\nsplits: official\nablations: {a: {leave_one_out: [losses.valence]}}",
        "Train at least 5 seeds, or read the intervals and claim no test.",
        "note",
    ),
    Code(
        "BF615",
        "cells without figures under a condition",
        "They read so few modalities that `evaluate` leaves some rows nothing to predict from.",
        "ablations: {a: {subsets: all}}\nevaluate: {missing: {rates: [0.3]}}",
        "Compare such cells with `patterns: each`, or leave them out of the table.",
        "note",
    ),
)
