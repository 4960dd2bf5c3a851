"""Parameters that no trial of a cell moved."""

from collections.abc import Callable
from typing import Any

from butfor.reports.evidence.seen import Seen
from butfor.reports.evidence.unmoved import unmoved_evidence

Made = Callable[..., Seen]


def trial(unmoved: dict[str, int], whole: tuple[str, ...] = ()) -> dict[str, Any]:
    told = {"unmoved": unmoved, "looked_at": "every step", "whole": list(whole)}
    return {"provenance": {"parameters": 1000, "evidence": told}}


def test_parameters_that_every_trial_left_are_counted_and_named_by_layer(seen: Made) -> None:
    names = {"fusion.query.weight": 90, "fusion.query.bias": 10}
    more = names | {"fusion.key.weight": 5}
    (one,) = unmoved_evidence(seen({"base": {"trials": {(0, "0"): trial(more), (1, "0"): trial(names)}}}))
    assert one.message == "100 parameters of 1,000 (10.0 %) never moved from initialisation: fusion.query (100)"
    assert one.details["names"] == names
    assert one.details["elements"] == 100
    assert (one.question, one.phase, one.mark) == ("unmoved parameters", "during", "")


def test_where_everything_moves_there_is_nothing_to_tell(seen: Made) -> None:
    trials = {(0, "0"): trial({}), (1, "0"): trial({"fusion.a.weight": 3})}
    assert list(unmoved_evidence(seen({"base": {"trials": trials}, "old": {"trials": {(0, "0"): {}}}}))) == []


def test_a_cell_about_a_part_that_was_not_trained_at_all_is_marked(seen: Made) -> None:
    trials = {(0, "0"): trial({"fusion.a.weight": 3}, ("fusion",))}
    made = seen(
        {
            "base": {"trials": trials},
            "fused": {"trials": trials, "differs": {"fusion": "odd"}},
            "inner": {"trials": trials, "differs": {"fusion.proxy.alpha": 1}},
            "other": {"trials": trials, "differs": {"losses.kl": None}},
        }
    )
    marks = {one.cell: one.mark for one in unmoved_evidence(made)}
    assert marks == {"base": "", "fused": "½", "inner": "½", "other": ""}
