"""BF2xx: values and parts. What a setting may be, and which parts there are."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF201",
        "unknown setting",
        "The part that stands there has no setting of that name. Nothing is swallowed: a switch that is misspelt would "
        "switch nothing.",
        "baseline: {train: {epoch: 12}}",
        "Take the nearest setting; `butfor plugins KIND NAME` lists those of a part with their defaults.",
    ),
    Code(
        "BF202",
        "a value of the wrong kind",
        'The setting takes something else: a number where a word stands, a list where a number stands. The word `"10"` '
        "is not the number 10, and `no` is a word, not false.",
        "baseline: {train: {lr: fast}}",
        "Write what the message expects; take quotes away from numbers.",
    ),
    Code(
        "BF203",
        "a number outside its bounds",
        "The setting has a meaning only inside them: a rate from 0 to 1, a width of at least 1.",
        "baseline: {train: {lr: -0.1}}",
        "Choose a number within the bounds that the message names.",
    ),
    Code(
        "BF204",
        "a word that is none of the choices",
        "The setting takes one of a few words.",
        "baseline: {train: {optimizer: adamm}}",
        "Take one of the words that the message lists.",
    ),
    Code(
        "BF205",
        "unknown part",
        "No installed plugin offers a part of that kind and name. The lines below the message say which are installed, "
        "and which distribution each comes from.",
        "baseline: {fusion: low_rnk}",
        "Take the nearest name; or install the package that offers it; or name its file under `plugins`.",
    ),
    Code(
        "BF206",
        "a setting is missing that has no default",
        "A cell needs an encoder, a fusion and at least one term of the loss; a table needs its design.",
        "tables: [{metrics: [accuracy]}]",
        "Add it.",
    ),
    Code(
        "BF207",
        "a part that cannot be removed",
        "A system without a fusion, an encoder or a data set does not run; only terms of the loss can be left out.",
        "baseline: {fusion: null}",
        "Put another part in its place, such as the plainest one: `fusion: mean`.",
    ),
    Code(
        "BF208",
        "settings that do not go together",
        "Each is right by itself, and together one of them would not be read, or they contradict each other. These are "
        "the part's own words.",
        "baseline: {train: {optimizer: adamw, momentum: 0.5}}",
        "Change one of the two.",
    ),
    Code(
        "BF209",
        "unknown modality",
        "The data set has no modality of that name.",
        "baseline: {modalities: [text, adio]}",
        "Take one of the names of the data set: the keys of its `modalities`.",
    ),
    Code(
        "BF210",
        "a modality stands twice",
        "A modality takes part once, or not at all.",
        "baseline: {modalities: [text, audio, text]}",
        "Remove one.",
    ),
    Code(
        "BF211",
        "a modality without an encoder",
        "Encoders are given for some of the modalities and not for this one, which takes part.",
        "study: example\ninclude: []\ndataset: planted\nbaseline:\n"
        "  {encoder: {text: mlp}, fusion: mean, losses: {emotion: cross_entropy}}",
        "Give it an encoder, write one encoder for all, or leave it out with `modalities`.",
    ),
    Code(
        "BF212",
        "there is no such term to remove",
        "A row that removes what is not there would equal the baseline, and look like a part that does not matter.",
        "ablations: {components: {leave_one_out: [losses.contrastive]}}",
        "Name a term that the baseline has.",
    ),
)
