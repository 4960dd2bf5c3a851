"""BF4xx: parts and data. Whether the parts of a cell fit each other and what they are to be trained on."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF401",
        "a part needs what another does not give",
        "A fusion that weighs by uncertainty needs encoders with a variance; one that aligns frames needs sequences.",
        "baseline: {fusion: gated_uncertainty}",
        "Choose an encoder that gives it (`butfor plugins encoder` says what each gives), or another part.",
    ),
    Code(
        "BF402",
        "encoders of different widths",
        "The encodings of all modalities are fused, so they need one width.",
        "baseline: {encoder: {text: {name: mlp, width: 8}, audio: {name: mlp, width: 16}, video: {name: mlp, width: "
        "8}}}",
        "Set `encoder.width`, which is that of all.",
    ),
    Code(
        "BF403",
        "no term of the loss is left",
        "Without one there is nothing to train.",
        "baseline: {losses: {emotion: null, valence: null}}",
        "Keep at least one term.",
    ),
    Code(
        "BF404",
        "the data have no such modality",
        "The data set's settings promise a modality that its file does not hold.",
        "# a dataset plugin whose `modality_names` names more than its `load` returns",
        "Take one of the names that the message lists.",
    ),
    Code(
        "BF405",
        "an encoder reads another shape",
        "Some encoders read one vector a row (N, D), some read frames (N, T, D).",
        "baseline: {encoder: lstm}",
        "Choose an encoder for what the data have, or pool the frames: `encoder: mean_pool`.",
    ),
    Code(
        "BF406",
        "a term has no task to work on",
        "A term for classes needs a task with classes. It works on the task that it names, else on the one that it is "
        "called after, else on the only one that fits.",
        "baseline: {losses: {emotion: mse}}",
        "Set `task` of the term, or call the term after its task.",
    ),
    Code(
        "BF407",
        "the selection cannot be read",
        "`train.select` is a metric of the validation rows, or arithmetic with them. The test rows cannot be named: "
        "they "
        "are read once, after the epoch is chosen.",
        "baseline: {train: {select: weighted_f2}}",
        "Take a metric of a task that is trained: `weighted_f1`, or `weighted_f1 - 0.25 * mse`.",
    ),
    Code(
        "BF408",
        "the data cannot be read",
        "The file is not there, holds no such array, or its arrays do not fit each other.",
        "dataset: {name: features, path: /data/of/another/machine.npz, modalities: {text: text}, task: {emotion: "
        "label}}\n"
        "baseline: {losses: {valence: null}}",
        "Correct the setting that the message points at. A path starts from the folder of the study.",
    ),
    Code(
        "BF409",
        "the data cannot be split so",
        "There are fewer groups than folds, no official parts, or a part without rows.",
        "dataset: {rows: 60, groups: 3}\nsplits: {scheme: kfold, folds: 5, by: group, test: fold}",
        "Ask for what the data can give: fewer folds, another `by`, another scheme.",
    ),
    Code(
        "BF410",
        "a name that modules cannot have",
        "Modalities, terms and tasks become names of modules, and torch keeps some words for itself.",
        "baseline: {losses: {keys: {name: mse, task: valence}}}",
        "Choose another name.",
    ),
    Code(
        "BF411",
        "a part cannot be built",
        "The part itself refuses these settings or these data, or its `build` fails.",
        "baseline: {losses: {emotion: {name: cross_entropy, class_weights: [1.0, 2.0, 3.0]}}}",
        "Do as the part says; where its code failed, the file and line are named.",
    ),
)
