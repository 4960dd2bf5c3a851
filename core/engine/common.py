"""A data set that several workers read from one place: written once by the run, mapped into memory by each worker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ..dataset import Dataset, Task

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_ARRAYS = ("features", "targets", "lengths", "present", "labelled")
_NAMES = ("groups", "split", "ids")


def common_file(folder: Path, key: str) -> Path:
    """Where the data set of that key lies in `folder`."""
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"


def write_common(data: Dataset, file: Path) -> None:
    """Write a data set so that `read_common` gives the same."""
    arrays = [(f"{group}/{name}", x) for group in _ARRAYS for name, x in getattr(data, group).items()]
    tensors: dict[str, torch.Tensor] = {}
    for name, array in arrays:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        twice = any(tensor.data_ptr() == other.data_ptr() for other in tensors.values())
        tensors[name] = tensor.clone() if twice else tensor  # the format refuses memory that two names share
    names = {name: _listed(getattr(data, name)) for name in _NAMES}
    told = {"order": list(tensors), "tasks": [asdict(task) for task in data.tasks.values()], **names}
    part = file.with_suffix(".part")
    save_file(tensors, part, {"data": json.dumps(told)})
    part.replace(file)


def read_common(file: Path) -> Dataset:
    """The data set in a file; its arrays are the file's pages, which all processes share."""
    groups: dict[str, Any] = {group: {} for group in _ARRAYS}
    with safe_open(file, framework="pt") as kept:
        told = json.loads(kept.metadata()["data"])
        for title in told["order"]:
            group, _, name = title.partition("/")
            groups[group][name] = kept.get_tensor(title).numpy()
    tasks = [Task(**{**task, "classes": tuple(task["classes"])}) for task in told["tasks"]]
    names: dict[str, Any] = {
        name: None if told[name] is None else np.array(told[name], dtype=np.str_) for name in _NAMES
    }
    return Dataset(tasks={task.name: task for task in tasks}, **groups, **names)


def _array(names: list[str] | None) -> NDArray[np.str_] | None:
    return None if names is None else np.array(names, dtype=np.str_)


def _listed(names: NDArray[np.str_] | None) -> list[str] | None:
    return None if names is None else [str(name) for name in names]
