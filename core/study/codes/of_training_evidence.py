"""Codes of what only training shows of an ablation: while it runs, and in what it leaves behind."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF720",
        "a loss term never pulled",
        "On a fixed batch, at the end of every epoch up to the selected one, the term had no gradient at all. What a "
        "study changes in it, or takes away with it, changes nothing.",
        "class Detached(nn.Module):\n    def forward(self, outputs, batch):\n"
        "        return outputs.fused.vector.detach().square().mean()",
        "Compute the term from what the model gives, or leave it out.",
        "warning",
    ),
    Code(
        "BF721",
        "a loss term is next to nothing beside the others, or all of it",
        "Its share of the gradient norm is below a thousandth in every epoch up to the selected one, or above 99 % in "
        "half of them. It may be as meant: Adam's steps forget the size of a gradient, but not its direction.",
        "baseline: {losses: {kl: {name: kl_prior, weight: 1.0e-7}}}",
        "Compare `gradient.TERM` in the curves, and weigh the terms so that each is heard.",
        "note",
    ),
    Code(
        "BF722",
        "a schedule was not at its end at the selected epoch",
        "The selected weights were trained before the part had its full weight or rate, in some trials or in all. What "
        "the table shows of the part is less than all of it.",
        "baseline: {losses: {valence: {name: mse, warmup: 50}}, train: {epochs: 10}}",
        "Shorten the schedule, train longer, or select only among epochs after it.",
        "warning",
    ),
    Code(
        "BF723",
        "a part was not trained at all",
        "No gradient ever came to any of its parameters: they stand where initialisation put them, but for what weight "
        "decay did.",
        "class Unused(nn.Module):\n    def forward(self, encoded, present):\n"
        "        return Fused(self.mixed(encoded).detach())",
        "Look for what reads the output of the part; `butfor evidence CELL` names the parameters.",
        "warning",
    ),
    Code(
        "BF724",
        "a loss term reaches only parameters of its own",
        "Its gradient comes to no encoder and to no fusion, where that of another term does. Nothing that others read "
        "is changed by it.",
        "class Probe(nn.Module):\n    def forward(self, outputs, batch):\n"
        "        return self.own(outputs.fused.vector.detach()).square().mean()",
        "For a probe this is right; else compute the term from what the model gives, without `detach`.",
        "note",
    ),
    Code(
        "BF740",
        "two cells predict the same to the bit",
        "Every prediction of every task that both have is equal on all trials that both have. What differs between "
        "them on paper did nothing.",
        "ablations: {a: {one_at_a_time: {losses.emotion.never_read: [0, 2, 5]}}}",
        "Look at the settings that the message names; `butfor check` says which of them nothing reads.",
        "warning",
    ),
    Code(
        "BF741",
        "what a cell changes moves no prediction",
        "Against the baseline, values differ by rounding alone, or not one decision differs in any trial.",
        "ablations: {a: {leave_one_out: {without a whisper: {losses.whisper: null}}}}",
        "Do not read the difference of scores as the worth of the part: it had no say.",
        "warning",
    ),
    Code(
        "BF742",
        "the selection split is no proxy for the test",
        "Validation is far above test on every seed: by a tenth, or half as much error again, and by four standard "
        "errors. So look features that were fitted on labels of the validation part, or a test of another kind.",
        "dataset: {name: features, path: mosi.npz}  # text and video features were fitted on these very labels",
        "Select on rows that nobody has seen (`splits: {folds: 5, by: group, test: fold}`), or leave the features out.",
        "warning",
    ),
    Code(
        "BF743",
        "groups stand in two parts of a fold",
        "Rows of one speaker or video are trained on and tested on: the test says less about new speakers.",
        "splits: {folds: 5, by: row}",
        "Keep groups together (`by: group`).",
        "warning",
    ),
)
