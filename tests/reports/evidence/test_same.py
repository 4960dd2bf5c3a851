"""Cells that predict the same: to the bit, up to rounding, in every decision; and cells that do not."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from butfor.reports.evidence.same import prints, same_evidence
from butfor.reports.evidence.seen import Seen

Made = Callable[..., Seen]
SEEDS = 3


def logits(seed: int, rows: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)


def cell(
    change: Callable[[np.ndarray, int], np.ndarray] = lambda x, _: x,
    *,
    values: Callable[[np.ndarray], np.ndarray] | None = None,
    first_row: int = 0,
    accuracy: float = 0.8,
    seeds: int = SEEDS,
    under: Mapping[str, float] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Predictions of every seed, changed; with `values`, of a second task without classes; accuracies `under` tests."""
    trials = {}
    disturbed = {f"test@{name}": {"accuracy": value} for name, value in (under or {}).items()}
    for seed in range(seeds):
        found = {
            "test/rows": np.arange(first_row, first_row + 40),
            "test/emotion": change(logits(seed), seed),
            "valid/rows": np.arange(100, 120),
            "valid/emotion": change(logits(seed + 50, 20), seed),
        }
        if values is not None:
            found["test/valence"] = values(logits(seed + 90)[:, 0])
        trials[seed, "0"] = {"predictions": found, "metrics": {"test": {"accuracy": accuracy}, **disturbed}}
    return {"trials": trials, **more}


def told(made: Seen) -> dict[str, tuple[str, str]]:
    return {one.cell: (one.mark, one.other) for one in same_evidence(made, prints(made))}


def other(x: np.ndarray, seed: int) -> np.ndarray:
    return x[::-1].copy() + seed


def test_cells_that_predict_differently_are_no_evidence(seen: Made) -> None:
    assert told(seen({"base": cell(), "other": cell(other)})) == {}


def test_equal_predictions_name_the_cell_that_they_are_of_and_what_differs_on_paper(seen: Made) -> None:
    made = seen(
        {
            "base": cell(other),
            "gamma 2": cell(differs={"losses.emotion.gamma": 2.0}),
            "gamma 5": cell(differs={"losses.emotion.gamma": 5.0}),
        }
    )
    (one,) = same_evidence(made, prints(made))
    assert (one.cell, one.other, one.mark, one.phase) == ("gamma 5", "gamma 2", "≡", "after")
    assert one.paths == ("losses.emotion.gamma",)
    assert one.message == (
        "every prediction of 'emotion' is to the bit that of 'gamma 2', in 3 trials, though they differ in "
        "losses.emotion.gamma"
    )


def test_the_baseline_comes_first_and_each_cell_is_told_once(seen: Made) -> None:
    assert told(seen({"base": cell(), "a": cell(), "b": cell()})) == {"a": ("≡", "base"), "b": ("≡", "base")}


def test_one_seed_that_differs_is_enough_to_differ(seen: Made) -> None:
    assert told(seen({"base": cell(), "almost": cell(lambda x, seed: other(x, seed) if seed == 2 else x)})) == {}


def test_one_bit_that_differs_is_rounding_and_not_the_same(seen: Made) -> None:
    made = seen({"base": cell(), "near": cell(lambda x, _: np.nextafter(x, np.float32(9)))})
    assert told(made) == {"near": ("⊘", "base")}


def test_values_that_move_without_moving_a_decision_take_effect_in_part(seen: Made) -> None:
    made = seen({"base": cell(), "scaled": cell(lambda x, _: 2 * x)})
    (one,) = same_evidence(made, prints(made))
    assert one.mark == "½"
    assert "not one of 180 decisions on 'emotion' differs from 'base', in 3 trials" in one.message


def test_equal_decisions_show_nothing_where_all_are_right(seen: Made) -> None:
    assert told(seen({"base": cell(), "scaled": cell(lambda x, _: 2 * x, accuracy=1.0)})) == {"scaled": ("", "base")}


def test_a_task_without_classes_must_be_equal_up_to_rounding(seen: Made) -> None:
    made = seen(
        {
            "base": cell(values=lambda x: x),
            "near": cell(values=lambda x: x * np.float32(1 + 1e-6)),
            "far": cell(values=lambda x: x * np.float32(1.01)),
        }
    )
    assert told(made) == {"near": ("⊘", "base")}


def test_tasks_that_only_one_has_do_not_make_a_difference(seen: Made) -> None:
    made = seen({"base": cell(values=lambda x: x), "without": cell(differs={"losses.valence": None})})
    assert told(made) == {"without": ("≡", "base")}


def test_predictions_of_other_rows_are_not_compared(seen: Made) -> None:
    assert told(seen({"base": cell(), "other rows": cell(first_row=1)})) == {}


def test_trials_that_only_one_has_do_not_make_a_difference_and_none_in_common_show_nothing(seen: Made) -> None:
    assert told(seen({"base": cell(), "fewer": cell(seeds=1)})) == {"fewer": ("≡", "base")}
    apart = cell()
    apart["trials"] = {(9, "0"): apart["trials"][0, "0"]}
    assert told(seen({"base": cell(), "apart": apart})) == {}


def test_predictions_that_are_gone_show_nothing(seen: Made) -> None:
    gone = {"trials": {(seed, "0"): {} for seed in range(SEEDS)}}
    assert told(seen({"base": cell(), "gone": gone, "gone too": gone})) == {}


def test_a_hundred_cells_that_differ_stay_apart(seen: Made) -> None:
    cells = {f"cell {n}": cell(lambda x, seed, n=n: logits(1000 * n + seed, len(x))) for n in range(100)}
    assert told(seen(cells)) == {}


def test_cells_that_only_a_condition_tells_apart_are_the_same_on_clean_tests_and_unmarked(seen: Made) -> None:
    made = seen(
        {
            "base": cell(under={"missing:0.5": 0.5, "noise:1": 0.6}),
            "sigma": cell(under={"missing:0.5": 0.4, "noise:1": 0.6}, differs={"fusion.mask_mode": "sigma_1e6"}),
            "sigma too": cell(under={"missing:0.5": 0.4, "noise:1": 0.6}),
        }
    )
    found = {one.cell: one for one in same_evidence(made, prints(made))}
    assert (found["sigma"].mark, found["sigma"].details) == ("", {"trials": 3, "under": ["missing:0.5"]})
    assert "to the bit that of 'base' on clean tests, and figures differ under missing:0.5," in found["sigma"].message
    assert (found["sigma too"].mark, found["sigma too"].other) == ("≡", "sigma")
    assert len(found) == 2


def test_what_is_equal_up_to_rounding_or_in_decisions_is_unmarked_where_a_condition_tells_it_apart(seen: Made) -> None:
    made = seen(
        {
            "base": cell(under={"missing:0.5": 0.5}),
            "near": cell(lambda x, _: np.nextafter(x, np.float32(9)), under={"missing:0.5": 0.4}),
            "scaled": cell(lambda x, _: 2 * x, under={"missing:0.5": 0.4}),
            "scaled alike": cell(lambda x, _: 3 * x, under={"missing:0.5": 0.5}),
        }
    )
    assert told(made) == {"near": ("", "base"), "scaled": ("", "base"), "scaled alike": ("½", "base")}
    assert all("figures differ under missing:0.5" in one.message for one in list(same_evidence(made, prints(made)))[:2])


def test_conditions_of_the_baseline_alone_tell_nothing_apart(seen: Made) -> None:
    made = seen({"base": cell(under={"without:audio": 0.3}), "other": cell()})
    assert told(made) == {"other": ("≡", "base")}
