"""A second training held against the first: equal means every bit, and what differs is named."""

import math
from dataclasses import replace

import numpy as np

from butfor.core.results import TrainResult
from butfor.reports.again import Comparison, compare, environment

ONE = TrainResult(
    "ab12", "cell", 0, "0", "done",
    metrics={"test": {"f1": 0.5, "lost": math.nan}},
    curve=({"loss": 1.0}, {"loss": 0.5}),
    selected_epoch=1,
    seconds=3.0,
    predictions={"test/rows": np.arange(3), "test/y": np.array([[0.1], [0.2], [0.3]], dtype=np.float32)},
    provenance={"torch": "2", "epochs": 2},
)  # fmt: skip


def told(**changes: object) -> dict[str, tuple[str, str]]:
    return {one.what: (one.stored, one.again) for one in compare(ONE, replace(ONE, **changes))}


def test_equal_results_are_equal_nan_included_and_time_does_not_count() -> None:
    copied = {name: values.copy() for name, values in ONE.predictions.items()}
    assert told(predictions=copied, seconds=9.0, metrics={"test": {"f1": 0.5, "lost": float("nan")}}) == {}


def test_one_bit_is_a_difference() -> None:
    near = math.nextafter(0.5, 1)
    assert told(metrics={"test": {"f1": near, "lost": math.nan}}) == {"test f1": ("0.5", repr(near))}
    assert told(curve=({"loss": 1.0}, {"loss": near})) == {"epoch 1 loss": ("0.5", repr(near))}
    values = ONE.predictions["test/y"].copy()
    values[1] = np.nextafter(values[1], np.float32(1))
    (found,) = told(predictions={**ONE.predictions, "test/y": values}).items()
    assert found[0] == "predictions test/y"
    assert found[1][1].startswith("1 of them others, by ")


def test_minus_zero_is_not_zero() -> None:
    zero = replace(ONE, metrics={"test": {"f1": 0.0}})
    (found,) = compare(zero, replace(ONE, metrics={"test": {"f1": -0.0}}))
    assert (found.stored, found.again) == ("0.0", "-0.0")


def test_what_is_on_one_side_only_is_told() -> None:
    assert told(metrics={"test": {"lost": math.nan}}) == {"test f1": ("0.5", "nothing")}
    assert told(curve=ONE.curve[:1]) == {"epoch 1 loss": ("0.5", "nothing")}
    assert told(predictions={"test/rows": np.arange(3)}) == {"predictions test/y": ("there", "nothing")}
    assert told(state="failed")["state"] == ("'done'", "'failed'")
    shape = {**ONE.predictions, "test/rows": np.arange(4)}
    assert told(predictions=shape) == {"predictions test/rows": ("int64 (3,)", "int64 (4,)")}


def test_the_environment_names_versions_and_digests_once() -> None:
    found = environment(
        {"torch": "2", "fusion:mean": "aa"}, {"torch": "3", "fusion:mean": "bb", "loss:mse": "cc"},
        {"torch": "2", "epochs": 2, "slot_use": 0.5}, {"torch": "3", "epochs": 2, "slot_use": 0.7},
    )  # fmt: skip
    assert [(one.what, one.stored, one.again) for one in found] == [
        ("fusion:mean", "aa", "bb"),
        ("loss:mse", "", "cc"),
        ("torch", "2", "3"),
    ]


def test_the_text_says_equal_or_what_and_the_json_says_the_same() -> None:
    equal = Comparison("ab12", "mean, seed 0", (), ())
    assert equal.as_text() == "ab12 (mean, seed 0): equal to the bit: state, metrics, curve and predictions"
    assert equal.as_json()["equal"] is True
    differences = compare(ONE, replace(ONE, metrics={"test": {f"m{i}": 1.0 for i in range(20)}}))
    other = Comparison("ab12", "mean, seed 0", differences, environment({"torch": "2"}, {}, {}, {}))
    assert "test f1: stored 0.5, now nothing" in other.as_text()
    assert "... and 10 more" in other.as_text()
    assert "torch: stored 2, now nothing" in other.as_text()
    assert other.as_json()["environment"] == [{"what": "torch", "stored": "2", "again": ""}]
    assert "nothing that is recorded" in Comparison("ab12", "x", differences, ()).as_text()
