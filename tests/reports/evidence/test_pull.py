"""What each term pulled with: none at all, next to nothing, only on itself, or everything."""

from collections.abc import Callable
from typing import Any

import pytest

from butfor.core.evidence import Evidence
from butfor.reports.evidence.pull import pull_evidence
from butfor.reports.evidence.seen import Seen

Made = Callable[..., Seen]


def cell(
    norms: dict[str, list[float]],
    inside: dict[str, list[float]] | None = None,
    warmups: dict[str, dict[str, int]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A cell whose witness had these norms, epoch by epoch; all of it inside encoders and fusion unless it is said."""
    within = norms | (inside or {})
    curve = [
        {f"gradient.{term}": norms[term][epoch] for term in norms}
        | {f"reach.{term}": within[term][epoch] for term in norms}
        for epoch in range(len(next(iter(norms.values()))))
    ]
    settings = {
        "losses": {
            term: {"weight": 1.0, "warmup": (warmups or {}).get(term, {"start": 0, "ramp": 0})} for term in norms
        }
    }
    fields = {"curve": tuple(curve), "selected_epoch": len(curve) - 1}
    return {"settings": settings, "trials": {(0, "0"): fields, (1, "0"): {"curve": ({"loss": 1.0},)}}, **more}


def told(made: Seen) -> list[Evidence]:
    return list(pull_evidence(made))


def test_terms_that_all_pull_are_no_evidence(seen: Made) -> None:
    assert told(seen({"base": cell({"emotion": [1.0, 0.5], "kl": [0.02, 0.02]})})) == []


def test_a_term_without_any_gradient_is_named(seen: Made) -> None:
    (one,) = told(seen({"base": cell({"emotion": [1.0, 0.5], "focal": [0.0, 0.0]})}))
    assert one.message.startswith("losses.focal: no gradient at all, in 2 epochs")
    assert one.paths == ("losses.focal",)
    assert one.details["code"] == "BF720"
    assert one.mark == ""


def test_a_cell_about_a_term_without_gradient_has_not_taken_effect(seen: Made) -> None:
    made = seen(
        {
            "base": cell({"emotion": [1.0]}),
            "with focal": cell({"emotion": [1.0], "focal": [0.0]}, differs={"losses.focal": "focal"}),
            "stronger": cell({"emotion": [1.0], "focal": [0.0]}, differs={"losses.focal.weight": 3.0}),
            "elsewhere": cell({"emotion": [1.0], "focal": [0.0]}, differs={"fusion": "mean"}),
        }
    )
    assert {one.cell: one.mark for one in told(made)} == {"with focal": "⊘", "stronger": "⊘", "elsewhere": ""}


def test_removing_a_term_that_never_pulled_has_not_taken_effect(seen: Made) -> None:
    made = seen(
        {
            "base": cell({"emotion": [1.0], "focal": [0.0]}),
            "without focal": cell({"emotion": [1.0]}, differs={"losses.focal": None}),
        }
    )
    (one,) = [one for one in told(made) if one.cell == "without focal"]
    assert (one.mark, one.other) == ("⊘", "base")


@pytest.mark.parametrize(("norm", "vanishes"), [(5e-4, True), (2e-2, False)])
def test_a_term_vanishes_below_a_thousandth_of_the_norm(seen: Made, norm: float, vanishes: bool) -> None:
    found = told(seen({"base": cell({"emotion": [1.0, 1.0], "kl": [norm / 2, norm]})}))
    assert [one.paths for one in found] == ([("losses.kl",)] if vanishes else [])
    if vanishes:
        assert "at most 0.05 % of the gradient norm" in found[0].message


def test_a_term_that_leaves_nothing_to_the_others_dominates(seen: Made) -> None:
    norms = {"emotion": [0.005, 0.004, 1.0], "reconstruction": [1.0, 1.0, 1.0]}
    (one,) = told(seen({"base": cell(norms)}))
    assert one.paths == ("losses.reconstruction",)
    assert "99.5 % of the gradient norm in the median epoch" in one.message
    assert one.mark == ""


def test_the_only_term_dominates_nothing(seen: Made) -> None:
    assert told(seen({"base": cell({"emotion": [1.0, 1.0]})})) == []


def test_a_term_that_reaches_only_itself_is_told_unless_nothing_reaches_further(seen: Made) -> None:
    norms = {"emotion": [1.0], "probe": [1.0]}
    (one,) = told(seen({"base": cell(norms, {"probe": [0.0]})}))
    assert "losses.probe: its gradient reaches no encoder and no fusion" in one.message
    assert told(seen({"base": cell(norms, {"probe": [0.0], "emotion": [0.0]})})) == []


def test_epochs_in_which_a_schedule_holds_the_term_do_not_count(seen: Made) -> None:
    norms = {"emotion": [1.0, 1.0, 1.0], "kl": [0.0, 0.0, 0.5]}
    late = {"kl": {"start": 1, "ramp": 2}}
    assert told(seen({"base": cell(norms, warmups=late)})) == []
    assert told(seen({"base": cell({**norms, "kl": [0.0, 0.0, 0.0]}, warmups={"kl": {"start": 9, "ramp": 0}})})) == []


def test_epochs_after_the_selected_one_and_numbers_that_are_not_finite_do_not_count(seen: Made) -> None:
    later = cell({"emotion": [1.0, 1.0], "kl": [0.0, 1.0]})
    later["trials"][0, "0"]["selected_epoch"] = 0
    assert len(told(seen({"base": later}))) == 1
    broken = cell({"emotion": [1.0, float("nan")], "kl": [0.1, 0.0]})
    assert told(seen({"base": broken})) == []


def test_without_a_witness_there_is_nothing_to_tell(seen: Made) -> None:
    trials = {(0, "0"): {"curve": ({"loss": 1.0},)}}
    assert told(seen({"base": {"settings": {"losses": {"emotion": {"weight": 1.0}}}, "trials": trials}})) == []


def test_a_term_that_made_its_cell_collapse_or_diverge_is_told_all_the_same(seen: Made) -> None:
    for state, selected in (("collapsed", 1), ("diverged", -1)):
        broken = cell({"emotion": [0.001, 0.002], "giant": [1.0, 1.0]})
        broken["trials"][0, "0"] |= {"state": state, "selected_epoch": selected}
        (one,) = told(seen({"base": broken}))
        assert one.paths == ("losses.giant",)
        assert "in 2 epochs" in one.message


def test_the_term_that_a_cell_is_about_is_told_where_all_the_others_vanish_beside_it(seen: Made) -> None:
    norms = {"emotion": [1e-6], "giant": [1.0]}
    made = seen({"base": cell({"emotion": [1.0]}), "giant": cell(norms, differs={"losses.giant": "big"})})
    assert {(one.paths, one.details.get("code")) for one in told(made)} == {
        (("losses.emotion",), None),
        (("losses.giant",), "BF721"),
    }
    three = {"emotion": [1e-6], "kl": [1e-6], "giant": [1.0]}
    assert [one.paths[0] for one in told(seen({"base": cell(three)}))] == [
        "losses.emotion",
        "losses.kl",
        "losses.giant",
    ]
