"""BF7xx: evidence. Whether what a cell changes changes anything, seen on a few rows before training."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF701",
        "two cells are the same computation",
        "On fixed rows with fixed streams both have the same parameters, outputs, terms and gradients, in training "
        "and in evaluation, and are trained alike. Their rows in a table would differ by nothing, and say nothing.",
        "ablations: {a: {one_at_a_time: {train.batch_size: [500, 600]}}}",
        "Look at the settings that differ on paper: something does not read them, or another one switches them off.",
    ),
    Code(
        "BF702",
        "two cells train and predict the same",
        "One of them has parameters or terms more, and nothing of them reaches a prediction or a gradient of what the "
        "other has: a term of weight zero, say, that is there in one and not in the other.",
        "baseline: {losses: {other: {name: mse, task: valence, weight: 0}}}\n"
        "ablations: {a: {leave_one_out: [losses.other]}}",
        "Let the part take effect in one of them, or leave one of the cells out.",
        "warning",
    ),
    Code(
        "BF703",
        "a difference acts only in evaluation",
        "Both cells train the same, and predict differently: the setting is read only when the model is in evaluation, "
        "or acts only where a test lacks a modality or adds noise.",
        "class Late(nn.Module):\n    def forward(self, encoded, present):\n        return "
        "first if self.training else second",
        "Where that is meant, ablate it at test (`at: test`) and save the training; else let it act in training, too.",
        "warning",
    ),
    Code(
        "BF704",
        "no code reads a setting",
        "A plugin declares the setting, or lets any setting pass, and nothing asks for its value while the system is "
        "built and run.",
        "class Deaf(nn.Module):\n    def __init__(self, spec):\n        self.strength = 1.0",
        "Correct its name, or the plugin; a study that varies it varies nothing.",
        "warning",
    ),
    Code(
        "BF705",
        "a setting does nothing here",
        "Its value is read, and other values give the same parameters, outputs, terms and gradients in every cell that "
        "has it: something else switches it off.",
        "baseline: {losses: {emotion: {name: focal, smoothing: 0, smoothing_mode: k}}}",
        "Leave it out, or switch on what it is about.",
        "warning",
    ),
    Code(
        "BF706",
        "an absent modality is not masked everywhere",
        "Other values in the features of a modality that is marked absent change a prediction or a term. A dropped "
        "modality is then not dropped.",
        "class Leaky(nn.Module):\n    def forward(self, encoded, present):\n        return "
        "sum(one.log_variance for one in encoded.values())",
        "Read nothing of a modality where `present` is false: `torch.where(present[:, column, None], values, 0)`.",
        "warning",
    ),
    Code(
        "BF707",
        "an absent modality keeps weight in the fusion",
        "What is left shares less than the whole weight, so the fused vector shrinks where something is missing.",
        "baseline: {encoder: variational_mlp, fusion: {name: uncertainty, mask_mode: sigma_1e6}, "
        "modality_dropout: {rate: 0.5}}",
        "Use a masked softmax (`mask_mode: masked_softmax`), whose weights of absent modalities are exactly 0.",
        "warning",
    ),
    Code(
        "BF708",
        "a modality reaches no prediction",
        "Other values in its features change no prediction, where it is present. Leaving it out is no ablation.",
        "class One(nn.Module):\n    def forward(self, encoded, present):\n        return "
        "Fused(next(iter(encoded.values())).mean)",
        "Let the fusion read it, or take it out of `modalities`.",
        "warning",
    ),
    Code(
        "BF709",
        "label smoothing is undone inside its term",
        "The term is lowest where the label's probability is 1, as without smoothing: a focal factor on the whole "
        "smoothed cross-entropy moves the optimum back (focal_on: target).",
        "baseline: {losses: {emotion: {name: focal, gamma: 2, smoothing: 0.1}}}",
        "Do not read a difference between levels of smoothing as its effect on confidence; or use cross_entropy.",
        "note",
    ),
    Code(
        "BF710",
        "cells that part only later",
        "On the rows looked at both cells compute the same at first. They part in other epochs, with other noise or "
        "with larger numbers: a limit, a rare event, a part that acts in some epochs. In training they may part, too.",
        "class Capped(nn.Module):\n    def forward(self, encoded, present):\n        return "
        "Fused(mean.clamp(max=self.cap))",
        "See whether their curves differ once trained: `butfor evidence` says so.",
        "note",
    ),
    Code(
        "BF711",
        "a cell could not be looked at",
        "The process that looks whether ablations can take effect hung or died in this cell, in a part that comes from "
        "a plugin; or a part raised when it was looked at, or where a modality was absent, and not in a rehearsal. The "
        "other cells were looked at without it, and trials are trained all the same, each with its own time limit and "
        "its own failure.",
        "class Dying(nn.Module):\n    def forward(self, encoded, present):\n        os._exit(1)",
        "Mend the plugin that is named; `butfor run --executor serial` runs it in one process, for a debugger.",
        "warning",
    ),
    Code(
        "BF712",
        "a term trains nothing",
        "Its weight is above zero, and in no look, with other initial values, noise and epochs and larger numbers, had "
        "it a gradient for any parameter: it is detached, or constant.",
        "class Detached(nn.Module):\n    def forward(self, outputs, batch):\n        return "
        "outputs.fused.vector.detach().square().mean()",
        "Let the gradient through, or leave the term out; a study of its weight varies nothing.",
        "warning",
    ),
    Code(
        "BF713",
        "a schedule never begins",
        "Its factor is zero up to the last epoch, so the term or the modality dropout that it belongs to never acts.",
        "baseline: {losses: {valence: {name: mse, warmup: {start: 50, ramp: 5}}}}",
        "Let it begin before `train.epochs` are over, or leave the part out.",
        "warning",
    ),
)
