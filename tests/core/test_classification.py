import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from sklearn.utils.class_weight import compute_class_weight

from butfor.core import Shapes, StudyError, Task
from butfor.core.classification import (
    ClassWeights,
    EffectiveNumber,
    InverseFrequency,
    mean_of_rows,
    smoothed_targets,
    weight_vector,
)

TASK = Task("emotion", "classes", ("angry", "happy", "sad"))
SHAPES = Shapes("emotion", {"text": 3}, {"text": False}, 4, {"emotion": TASK})


def test_inverse_frequency_is_what_sklearn_calls_balanced():
    labels = np.repeat([0, 1, 2], [5, 2, 9])
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert InverseFrequency(counts=(5, 2, 9)).weights() == pytest.approx(wanted, rel=1e-12)


def test_effective_numbers_go_from_equal_weights_to_inverse_frequencies():
    counts = (50, 2, 9)
    assert EffectiveNumber(counts=counts, beta=0.0).weights() == pytest.approx((1, 1, 1))
    inverse = np.array([1 / count for count in counts])
    assert EffectiveNumber(counts=counts, beta=1 - 1e-9).weights() == pytest.approx(inverse / inverse.mean(), rel=1e-5)


def test_effective_numbers_count_the_geometric_series():
    beta, counts = 0.9, (4, 1, 2)
    numbers = np.array([sum(beta**step for step in range(count)) for count in counts])
    wanted = (1 / numbers) / (1 / numbers).mean()
    assert EffectiveNumber(counts=counts, beta=beta).weights() == pytest.approx(wanted, rel=1e-12)


def test_weights_are_read_as_a_list_or_as_a_rule():
    read = TypeAdapter(ClassWeights).validate_python
    assert read([1, 2.5, 0]) == (1.0, 2.5, 0.0)
    assert read({"rule": "inverse_frequency", "counts": [1, 2]}) == InverseFrequency(counts=(1, 2))
    assert read({"rule": "effective_number", "counts": [1, 2]}) == EffectiveNumber(counts=(1, 2), beta=0.999)
    for wrong in ([-1.0, 1.0], {"rule": "inverse_frequency", "counts": [0, 2]}, {"rule": "balanced", "counts": [1]}):
        with pytest.raises(ValidationError):
            read(wrong)


def test_weights_for_another_number_of_classes_are_refused_with_the_classes_named():
    with pytest.raises(StudyError, match=r"'emotion': `alpha` is for 2 classes.*has 3 \(angry, happy, sad\)"):
        weight_vector((1.0, 2.0), TASK, SHAPES, "alpha")
    with pytest.raises(StudyError, match="has 3"):
        weight_vector(InverseFrequency(counts=(1, 2)), TASK, SHAPES, "alpha")


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(StudyError, match="0 for every class"):
        weight_vector((0.0, 0.0, 0.0), TASK, SHAPES, "class_weights")


@pytest.mark.parametrize("mode", ["k", "k_minus_1"])
def test_smoothed_targets_are_distributions(mode):
    found = smoothed_targets(torch.tensor([0, 2]), 3, torch.tensor(0.3), mode)
    assert found.sum(dim=1) == pytest.approx([1, 1])
    ratio = {"k": (0.8, 0.1), "k_minus_1": (0.7, 0.15)}[mode]
    assert found[1].tolist() == pytest.approx([ratio[1], ratio[1], ratio[0]])


def test_smoothing_a_single_class_is_finite():
    assert smoothed_targets(torch.tensor([0]), 1, torch.tensor(0.1), "k_minus_1").tolist() == [[pytest.approx(0.9)]]


def test_means_leave_unlabelled_rows_out_and_are_zero_when_nothing_is_left():
    rows, labelled = torch.tensor([1.0, 5.0, 3.0]), torch.tensor([True, False, True])
    assert mean_of_rows(rows, labelled) == 2
    assert mean_of_rows(rows, labelled, torch.tensor([1.0, 9.0, 3.0])) == 1
    assert mean_of_rows(rows, torch.zeros(3, dtype=torch.bool)) == 0
    assert mean_of_rows(rows, labelled, torch.tensor([0.0, 9.0, 0.0])) == 4
