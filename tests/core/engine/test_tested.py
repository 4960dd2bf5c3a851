"""What makes two cells comparable: the rows of each part and their labels, and not the features."""

import dataclasses

import numpy as np

from butfor.core.engine.tested import parts_digests
from butfor.core.splits import SplitSpec, make_folds
from butfor.plugins.datasets.planted import PlantedSpec


def digests(data, **splits):
    return parts_digests(data, make_folds(SplitSpec(**splits), data))


def test_other_features_on_the_same_rows_are_comparable_and_other_rows_or_labels_are_not():
    data = PlantedSpec(rows=120, groups=6).load()
    plain = digests(data)
    assert set(plain) >= {"valid", "test"}
    louder = {name: features * 2 for name, features in data.features.items()}
    assert digests(dataclasses.replace(data, features=louder)) == plain
    assert digests(data, folds=3)["test"] != plain["test"]
    task = next(iter(data.targets))
    targets = {**data.targets, task: np.roll(data.targets[task], 1)}
    assert digests(dataclasses.replace(data, targets=targets))["test"] != plain["test"]
