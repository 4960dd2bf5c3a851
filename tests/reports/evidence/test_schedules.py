"""Schedules that had not come to their end at the selected epoch."""

from collections.abc import Callable
from typing import Any

import pytest

from butfor.core.evidence import Evidence
from butfor.core.specs import Warmup
from butfor.reports.evidence.schedules import reached, schedule_evidence, schedules
from butfor.reports.evidence.seen import Seen

Made = Callable[..., Seen]


def losses(start: int = 0, ramp: int = 0, weight: float = 0.01) -> dict[str, Any]:
    still = {"start": 0, "ramp": 0}
    return {
        "emotion": {"name": "cross_entropy", "weight": 1.0, "warmup": still},
        "kl": {"name": "kl_prior", "weight": weight, "warmup": {"start": start, "ramp": ramp}},
    }


def selected(*epochs: int) -> dict[tuple[int, str], dict[str, Any]]:
    return {(0, str(fold)): {"selected_epoch": epoch} for fold, epoch in enumerate(epochs)}


def of(found: list[Evidence], cell: str) -> list[Evidence]:
    return [one for one in found if one.cell == cell]


def test_a_schedule_that_was_over_in_every_trial_is_no_evidence(seen: Made) -> None:
    made = seen({"base": {"settings": {"losses": losses(ramp=3)}, "trials": selected(3, 9)}})
    assert list(schedule_evidence(made)) == []


@pytest.mark.parametrize(("ramp", "epochs", "share"), [(20, (25, 19, 30), 0.3333), (4, (3, 4), 0.5), (40, (9, 9), 1.0)])
def test_the_share_of_folds_that_were_selected_before_the_end_is_told(
    seen: Made, ramp: int, epochs: tuple[int, ...], share: float
) -> None:
    made = seen({"base": {"settings": {"losses": losses(ramp=ramp)}, "trials": selected(*epochs)}})
    (one,) = schedule_evidence(made)
    assert one.details["share"] == share
    assert one.paths == ("losses.kl.warmup",)
    assert (one.phase, one.mark) == ("during", "")
    assert f"{100 * share:.0f} %" in one.message
    assert one.details["factors"] == [min(1.0, epoch / ramp) for epoch in epochs]


def test_the_epochs_up_to_the_selected_one_count_and_no_later() -> None:
    assert reached(Warmup(start=2, ramp=2), [0, 1, 2, 3, 4, 9]) == [0.0, 0.0, 0.0, 0.5, 1.0, 1.0]
    assert reached(Warmup(), [0]) == [1.0]


def test_a_cell_that_brings_the_scheduled_part_is_marked_as_half(seen: Made) -> None:
    made = seen(
        {
            "base": {"settings": {"losses": {}}, "trials": selected(3)},
            "with kl": {
                "settings": {"losses": losses(ramp=20)},
                "differs": {"losses.kl": "kl_prior"},
                "trials": selected(3, 30),
            },
            "other": {
                "settings": {"losses": losses(ramp=20)},
                "differs": {"fusion": "mean"},
                "trials": selected(3, 30),
            },
        }
    )
    found = list(schedule_evidence(made))
    assert [one.mark for one in of(found, "with kl")] == ["½"]
    assert [one.mark for one in of(found, "other")] == [""]


def test_a_part_that_its_schedule_never_let_begin_has_not_taken_effect(seen: Made) -> None:
    made = seen(
        {
            "base": {"settings": {"losses": {}}, "trials": selected(3)},
            "with kl": {
                "settings": {"losses": losses(start=50)},
                "differs": {"losses.kl": "kl_prior"},
                "trials": selected(3, 30),
            },
        }
    )
    (one,) = schedule_evidence(made)
    assert one.mark == "⊘"
    assert "kept it at zero in all of 2 trials" in one.message


def test_removing_what_the_baseline_had_in_part_shows_only_part_of_it(seen: Made) -> None:
    made = seen(
        {
            "base": {"settings": {"losses": losses(ramp=20)}, "trials": selected(5, 30)},
            "without kl": {
                "settings": {"losses": {"emotion": losses()["emotion"]}},
                "differs": {"losses.kl": None},
                "trials": selected(5, 30),
            },
        }
    )
    (one,) = of(list(schedule_evidence(made)), "without kl")
    assert (one.mark, one.other) == ("½", "base")
    assert "'base'" in one.message


def test_schedules_are_found_in_parts_that_others_hold_and_in_modality_dropout() -> None:
    later = {"start": 5, "ramp": 5}
    settings = {
        "fusion": {"name": "outer", "inner": {"name": "held", "anneal": later}},
        "modality_dropout": {"rate": 0.2, "warmup": later},
        "losses": {"off": {"weight": 0, "warmup": later}},
        "train": {"warmup": later},
    }
    assert set(schedules(settings)) == {"fusion.inner.anneal", "modality_dropout.warmup"}
    assert schedules({"modality_dropout": {"rate": 0.0, "warmup": later}, "losses": None}) == {}


def test_trials_that_do_not_count_are_not_asked(seen: Made) -> None:
    trials = {(0, "0"): {"selected_epoch": -1, "state": "failed"}, (0, "1"): {"selected_epoch": 30}}
    made = seen({"base": {"settings": {"losses": losses(ramp=20)}, "trials": trials}})
    assert list(schedule_evidence(made)) == []
