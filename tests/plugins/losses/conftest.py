"""A scene: what a term is built for, what the model said, and the batch, with every row present and labelled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from butfor.core import Batch, Encoded, Fused, Outputs, Shapes, Task

TASKS = {
    "emotion": Task("emotion", "classes", ("angry", "happy", "sad")),
    "valence": Task("valence", "values", span=3.0),
}


@dataclass(frozen=True)
class Scene:
    shapes: Shapes
    outputs: Outputs
    batch: Batch

    def term(self, spec):
        return spec.build(shapes=self.shapes)

    def value(self, spec):
        return self.term(spec)(self.outputs, self.batch)

    def leaves(self):
        """Every floating tensor that a model would have made, by name."""
        found = {f"prediction.{task}": values for task, values in self.outputs.predictions.items()}
        for name, encoded in self.outputs.encoded.items():
            found[f"mean.{name}"] = encoded.mean
            found[f"log_variance.{name}"] = encoded.log_variance
            found[f"sample.{name}"] = encoded.sample
        return found

    def with_leaves(self, leaves):
        encoded = {
            name: Encoded(leaves[f"mean.{name}"], leaves[f"log_variance.{name}"], leaves[f"sample.{name}"])
            for name in self.outputs.encoded
        }
        predictions = {task: leaves[f"prediction.{task}"] for task in self.outputs.predictions}
        return replace(self, outputs=self.outputs._replace(encoded=encoded, predictions=predictions))

    def tracked(self):
        return self.with_leaves({name: leaf.clone().requires_grad_() for name, leaf in self.leaves().items()})

    def gradients(self, loss):
        leaves = self.leaves()
        found = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True, materialize_grads=True)
        return dict(zip(leaves, found, strict=True))

    def with_batch(self, **changed):
        if "present" in changed:
            changed.setdefault("recorded", changed["present"])
        batch = self.batch._replace(**changed)
        return replace(self, batch=batch, outputs=self.outputs._replace(present=batch.present))

    def rows(self, kept):
        """The same scene with some of its rows only."""
        cut = self.with_leaves({name: leaf[kept] for name, leaf in self.leaves().items()})
        batch = self.batch
        columns = {
            field: {name: values[kept] for name, values in getattr(batch, field).items()}
            for field in ("features", "complete", "lengths", "targets", "labelled")
        }
        return cut.with_batch(**columns, present=batch.present[kept], rows=batch.rows[kept])


def make_scene(*, rows=5, modalities=("audio", "text", "video"), width=4, features=3, frames=(), steps=3, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(torch.get_default_dtype())

    sizes = {name: features + index for index, name in enumerate(modalities)}
    inputs = {name: draw(rows, steps, size) if name in frames else draw(rows, size) for name, size in sizes.items()}
    lengths = {
        name: torch.arange(rows) % steps + 1 if name in frames else torch.ones(rows, dtype=torch.int64)
        for name in modalities
    }
    present = torch.ones(rows, len(modalities), dtype=torch.bool)
    targets = {"emotion": torch.arange(rows) % 3, "valence": draw(rows)}
    labelled = {task: torch.ones(rows, dtype=torch.bool) for task in TASKS}
    batch = Batch(inputs, dict(inputs), lengths, present, present, targets, labelled, torch.arange(rows))
    encoded = {name: Encoded(draw(rows, width), draw(rows, width), draw(rows, width)) for name in modalities}
    predictions = {"emotion": draw(rows, 3), "valence": draw(rows)}
    outputs = Outputs(encoded, Fused(draw(rows, width)), predictions, present, 0)
    shapes = Shapes("term", sizes, {name: name in frames for name in modalities}, width, TASKS)
    return Scene(shapes, outputs, batch)


@pytest.fixture
def scene():
    return make_scene
