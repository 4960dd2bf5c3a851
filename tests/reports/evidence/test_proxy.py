"""A validation part that says nothing about the test, and those that do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from butfor.reports.evidence.groups import group_evidence
from butfor.reports.evidence.proxy import proxy_evidence
from butfor.reports.evidence.seen import Seen

Made = Callable[..., Seen]


def cell(
    valid: list[float],
    test: list[float],
    *,
    metric: str = "weighted_f1",
    modalities: tuple[str, ...] = ("text", "audio"),
    rows: int = 400,
    split: str = "test",
) -> dict[str, Any]:
    """A trial for each seed, with these values."""
    trials = {
        (seed, "0"): {
            "metrics": {"valid": {metric: one}, split: {metric: other}},
            "predictions": {"valid/rows": np.arange(rows), f"{split}/rows": np.arange(rows, 2 * rows)},
        }
        for seed, (one, other) in enumerate(zip(valid, test, strict=True))
    }
    return {"trials": trials, "settings": {"modalities": list(modalities)}}


FAR = cell([0.99, 0.98, 0.99], [0.75, 0.76, 0.74])
NEAR = cell([0.80, 0.82, 0.81], [0.78, 0.77, 0.79], modalities=("audio",))


def test_validation_far_above_test_on_every_seed_is_told_with_its_numbers(seen: Made) -> None:
    (one,) = proxy_evidence(seen({"base": FAR}))
    assert (one.question, one.phase, one.mark) == ("selection split", "after", "")
    assert one.details["code"] == "BF742"
    assert "no proxy for test: weighted_f1 is 0.987 on validation, far above 0.750 on test, on each of 3 seeds" in (
        one.message
    )
    assert one.details["by_seed"] == [0.24, 0.22, 0.25]


def test_a_little_optimism_is_no_evidence(seen: Made) -> None:
    assert list(proxy_evidence(seen({"base": NEAR}))) == []
    assert list(proxy_evidence(seen({"base": cell([0.85] * 3, [0.76] * 3)}))) == []


def test_one_seed_without_the_gap_is_enough_to_trust(seen: Made) -> None:
    assert list(proxy_evidence(seen({"base": cell([0.99, 0.98, 0.70], [0.75, 0.76, 0.74])}))) == []


@pytest.mark.parametrize(("rows", "told"), [(30, 0), (400, 1)])
def test_few_rows_make_gaps_by_chance(seen: Made, rows: int, told: int) -> None:
    assert len(list(proxy_evidence(seen({"base": cell([0.9] * 3, [0.75] * 3, rows=rows)})))) == told


def test_modalities_that_no_clean_cell_has_are_named(seen: Made) -> None:
    made = seen(
        {
            "base": cell([0.99], [0.75], modalities=("text", "audio", "video")),
            "video": cell([0.93], [0.54], modalities=("video",)),
            "text": cell([0.98], [0.76], modalities=("text",)),
            "audio": cell([0.56], [0.56], modalities=("audio",)),
        }
    )
    found = {one.cell: one for one in proxy_evidence(made)}
    assert set(found) == {"base", "video", "text"}
    assert all(one.details["suspects"] == ["text", "video"] for one in found.values())
    assert found["base"].message.endswith("on the one seed; only cells with text or video show it")


def test_nobody_is_accused_where_no_cell_is_clean_or_the_clean_ones_have_it_all(seen: Made) -> None:
    (alone,) = proxy_evidence(seen({"base": FAR}))
    assert alone.details["suspects"] == []
    (mixed,) = proxy_evidence(seen({"base": FAR, "same modalities": cell([0.7] * 3, [0.7] * 3)}))
    assert mixed.details["suspects"] == []


def test_errors_are_held_against_each_other_by_ratio(seen: Made) -> None:
    far = cell([0.5, 0.4], [1.0, 0.9], metric="mse")
    (one,) = proxy_evidence(seen({"base": far}))
    assert "mse is 0.450 on validation, far below 0.950 on test" in one.message
    assert list(proxy_evidence(seen({"base": cell([0.5, 0.4], [0.6, 0.5], metric="mse")}))) == []
    assert list(proxy_evidence(seen({"base": cell([1.0, 0.9], [0.5, 0.4], metric="mse")}))) == []


def test_a_test_above_validation_is_no_evidence(seen: Made) -> None:
    assert list(proxy_evidence(seen({"base": cell([0.5] * 3, [0.9] * 3)}))) == []


def test_every_test_part_is_asked_by_itself_and_conditions_are_not(seen: Made) -> None:
    made = cell([0.95] * 3, [0.6] * 3, split="noisy")
    for fields in made["trials"].values():
        fields["metrics"]["clean"] = {"weighted_f1": 0.94}
        fields["metrics"]["clean@missing:0.5"] = {"weighted_f1": 0.4}
        fields["predictions"]["clean/rows"] = np.arange(900, 1300)
    assert [one.details["split"] for one in proxy_evidence(seen({"base": made}))] == ["noisy"]


def test_without_predictions_or_the_metric_there_is_nothing_to_tell(seen: Made) -> None:
    gone = cell([0.99], [0.5])
    gone["trials"][0, "0"]["predictions"] = {}
    assert list(proxy_evidence(seen({"base": gone, "other": cell([0.9], [0.1], metric="nobody")}))) == []


def test_folds_are_averaged_before_seeds_are_compared(seen: Made) -> None:
    made = cell([0.99], [0.60])
    made["trials"][0, "1"] = {
        "metrics": {"valid": {"weighted_f1": 0.70}, "test": {"weighted_f1": 0.70}},
        "predictions": made["trials"][0, "0"]["predictions"],
    }
    (one,) = proxy_evidence(seen({"base": made}))
    assert one.details["by_seed"] == [pytest.approx(0.195)]


def test_groups_in_two_parts_are_told_for_the_cells_whose_folds_have_them(seen: Made) -> None:
    leak = "fold '0': 2 groups in both train and test ('a', 'b')"
    trials = {(0, "0"): {}}
    made = seen({"base": {"trials": trials}, "other": {"trials": trials}}, leaks={"base": (leak, "fold '1': 1 group")})
    (one,) = group_evidence(made)
    assert (one.cell, one.question, one.phase) == ("base", "shared groups", "after")
    assert one.message == f"a group stands in two parts: {leak}; and 1 more such pairs of parts"
    assert one.details["code"] == "BF743"
