"""BF5xx: the rehearsal. One step forward and back of every cell on a few rows of the real data."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF501",
        "a part fails in its forward pass",
        "The part was built, and raised when real rows went through it. It would do so in the first step of training.",
        "class Broken(nn.Module):\n    def forward(self, encoded, present):\n        return encoded['voice']",
        "The message names the part, where it is from, and the line of its own code; correct it there.",
    ),
    Code(
        "BF502",
        "a part returns something else than it promises",
        "An encoder returns `Encoded` with a mean (B, H), a fusion `Fused` with a vector (B, H), a term a 0-d tensor.",
        "class Tall(nn.Module):\n    def forward(self, encoded, present):\n        return "
        "Fused(encoded['text'].mean[0])",
        "Return what docs/plugins.md says of the kind; `butfor.core.testing` has a check for each.",
    ),
    Code(
        "BF503",
        "a number is not finite",
        "Infinity or NaN before the first step: of a prediction, of a term, or of a gradient.",
        "class Log(nn.Module):\n    def forward(self, outputs, batch):\n        return "
        "outputs.fused.vector.log().mean()",
        "Look for a logarithm or a division of something that can be 0, or for features of a huge scale.",
    ),
    Code(
        "BF504",
        "the backward pass fails",
        "The loss was computed and its gradient could not be.",
        "class Hard(nn.Module):\n    def forward(self, encoded, present):\n        return "
        "Fused(Rounded.apply(encoded['text'].mean))",
        "Do not write into tensors that the gradient needs; give an autograd function its backward.",
    ),
    Code(
        "BF505",
        "a term of the loss reaches no parameter",
        "It is computed, and its gradient is nowhere: it can be switched on and off without changing anything. Usually "
        "something is detached on the way, or taken from the batch alone.",
        "class Detached(nn.Module):\n    def forward(self, outputs, batch):\n"
        "        return outputs.fused.vector.detach().square().mean()",
        "Compute the term from what the model gives, without `detach`, `no_grad` or `argmax` on the way.",
        "warning",
    ),
    Code(
        "BF506",
        "parameters that no gradient reaches",
        "They stay as they were initialised. That can be as meant (a fusion that does not read the variance), or a "
        "part "
        "that is not connected.",
        "baseline: {encoder: variational_mlp, fusion: mean}",
        "If the part is to matter, look for what uses its output.",
        "note",
    ),
)
