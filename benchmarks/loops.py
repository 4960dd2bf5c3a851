"""The loop that users write: a data set of samples, torch's DataLoader, an eager model, torch's optimiser.

One trial from start to end, the same work as ours: the same folds, batches of 32, epochs, selection on the validation
rows, best weights restored, test rows read once. It trains in whatever process calls it.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error
from torch.nn.utils import clip_grad_value_
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from butfor.core.standardise import standardise

from .plain import PlainModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from butfor.core.dataset import Dataset
    from butfor.core.splits import Fold
    from butfor.core.study.settings import CellSettings


@dataclass(frozen=True)
class PeerTrial:
    """A trial as it is handed to the peers."""

    settings: CellSettings
    seed: int
    fold: Fold


class Samples(TorchDataset[Any]):
    """One sample an index: `({modality: (D,)}, {task: ()})`."""

    def __init__(
        self, features: Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor], rows: NDArray[np.int64]
    ) -> None:
        self.features = features
        self.targets = targets
        self.rows = rows.tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        row = self.rows[index]
        return {m: x[row] for m, x in self.features.items()}, {t: y[row] for t, y in self.targets.items()}


def loaders(trial: PeerTrial, data: Dataset) -> dict[str, DataLoader[Any]]:
    """Batches of the rows of each part; those of `train` in a new order every epoch."""
    features = dict(standardise(data.features, data.lengths, data.present, trial.fold.train))
    tensors = {m: torch.from_numpy(np.asarray(features[m], np.float32)) for m in trial.settings.modalities}
    targets = {t: torch.from_numpy(np.asarray(y)) for t, y in data.targets.items()}
    size = trial.settings.train.batch_size
    parts = {"train": trial.fold.train, "valid": trial.fold.valid, **trial.fold.tests}
    return {
        part: DataLoader(Samples(tensors, targets, rows), size, shuffle=part == "train", drop_last=part == "train")
        for part, rows in parts.items()
    }


def train_trial(trial: PeerTrial, data: Dataset) -> dict[str, Any]:
    """Train, select, test; the metrics of both parts, and how much work it was."""
    started = time.perf_counter(), time.process_time()
    torch.manual_seed(trial.seed)
    train = trial.settings.train
    model = PlainModel(trial.settings, data, trial.seed, trial.fold.name)
    parts = loaders(trial, data)
    optimizer = torch.optim.AdamW(model.parameters(), lr=train.lr, weight_decay=train.weight_decay)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=10, min_lr=1e-6, threshold_mode="abs"
    )
    best, counted, waited, steps, epochs = -math.inf, -math.inf, 0, 0, 0
    weights: dict[str, Any] = {}
    for epoch in range(train.epochs):
        steps += train_epoch(model, parts["train"], optimizer, epoch, train.clip.limit if train.clip else math.inf)
        epochs += 1
        metrics = evaluate(model, parts["valid"], epoch)
        score = metrics["weighted_f1"] - 0.25 * metrics["mse"]
        plateau.step(score)
        if score > best:
            best, weights = score, copy.deepcopy(model.state_dict())
        counted, waited = (score, 0) if score > counted + train.min_delta else (counted, waited + 1)
        if train.patience is not None and waited >= train.patience:
            break
    model.load_state_dict(weights)
    metrics = {part: evaluate(model, parts[part], epochs) for part in parts if part != "train"}
    return {
        "steps": steps,
        "epochs": epochs,
        "parameters": sum(p.numel() for p in model.parameters()),
        "metrics": metrics,
        "wall": time.perf_counter() - started[0],
        "cpu": time.process_time() - started[1],
    }


def train_epoch(
    model: PlainModel, batches: DataLoader[Any], optimizer: torch.optim.Optimizer, epoch: int, limit: float
) -> int:
    """One pass over the training rows; how many steps it took."""
    model.train()
    total = 0.0
    for features, targets in batches:
        optimizer.zero_grad()
        loss = model.loss(features, targets, epoch)
        loss.backward()
        clip_grad_value_(model.parameters(), limit)
        optimizer.step()
        total += loss.item()
    if not math.isfinite(total):
        raise FloatingPointError(f"the loss of epoch {epoch} is {total}")
    return len(batches)


@torch.no_grad()
def evaluate(model: PlainModel, batches: DataLoader[Any], epoch: int) -> dict[str, float]:
    """Weighted F1 and accuracy of the classes, mean squared error of the values."""
    model.eval()
    logits, values, classes, wanted = [], [], [], []
    for features, targets in batches:
        predictions = model(features, epoch).predictions
        logits.append(predictions["emotion"])
        values.append(predictions["valence"])
        classes.append(targets["emotion"])
        wanted.append(targets["valence"])
    chosen, true = torch.cat(logits).argmax(dim=1).numpy(), torch.cat(classes).numpy()
    return {
        "weighted_f1": float(f1_score(true, chosen, average="weighted", zero_division=0)),
        "accuracy": float(accuracy_score(true, chosen)),
        "mse": float(mean_squared_error(torch.cat(wanted).numpy(), torch.cat(values).numpy())),
    }
