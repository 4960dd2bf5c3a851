"""Every inert axis of the reference system, and more, planted in small studies: found, and named where it stands.

The numbers F2, F3, F4, F7 and 1.7 are sections of the method's description.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

HEAD = """\
study: planted
dataset: {name: planted, rows: 120, features: 8, classes: 3, groups: 8}
splits: official
seeds: 5
"""
SMALL = "train: {epochs: 4, batch_size: 16}"


def mlp(rest: str) -> str:
    return "baseline: {" + f"encoder: {{name: mlp, width: 8, dropout: 0.0}}, {SMALL}, {rest}" + "}\n"


def variational(rest: str) -> str:
    return "baseline: {" + f"encoder: {{name: variational_mlp, width: 8, dropout: 0.0}}, {SMALL}, {rest}" + "}\n"


class Fault(NamedTuple):
    """A planted fault: the study, the code that must be found, where it points, and words that it says."""

    study: str
    code: str
    points: str
    """The beginning of the text that the finding points at."""
    says: tuple[str, ...]
    mark: str = ""


FOCAL = "losses: {emotion: {name: focal, gamma: 2.0, "
TWO = "dataset: {name: planted, rows: 120, features: 8, classes: 3, groups: 8, modalities: [text, audio]}\n"

FAULTS: dict[str, Fault] = {
    "F2 focal gamma is parsed and never read": Fault(
        mlp("fusion: mean, losses: {emotion: {name: deaf, gamma: 1.0}}"),
        "BF704",
        "1.0",
        ("no code reads 'gamma'", "loss 'deaf' never reads it"),
    ),
    "F2 label smoothing is parsed and never read": Fault(
        mlp("fusion: mean, losses: {emotion: {name: deaf, smoothing: 0.2}}"),
        "BF704",
        "0.2",
        ("no code reads 'smoothing'",),
    ),
    "F2 a sweep of the unread gamma": Fault(
        mlp("fusion: mean, losses: {emotion: deaf}")
        + "ablations: {sweep: {one_at_a_time: {losses.emotion.gamma: [0.5, 4.0]}}}\n",
        "BF701",
        "0.5, 4.0",
        ("no effect", "are the same computation", "losses.emotion.gamma (2.0, 0.5)"),
        "≡",
    ),
    "F2 mixup is defined and never called": Fault(
        mlp("fusion: mixing, losses: {emotion: cross_entropy}")
        + "ablations: {mixup: {one_at_a_time: {fusion.mixup: [true]}}}\n",
        "BF701",
        "true",
        ("no effect", "fusion.mixup (false, true)"),
        "≡",
    ),
    "F2 a flag that is always on": Fault(
        mlp("fusion: {name: mixing, gate: false}, losses: {emotion: cross_entropy}"),
        "BF705",
        "false",
        ("'gate' does nothing here",),
    ),
    "F2 modality dropout at a tensor that nobody reads": Fault(
        variational("fusion: mean, modality_dropout: {rate: 0.3, site: sample}, losses: {emotion: cross_entropy}"),
        "BF705",
        "sample",
        ("modality dropout does nothing", "`modality_dropout.site: mean`", "`latent: sample`"),
    ),
    "F2 leaving out the modality dropout that does nothing": Fault(
        variational("fusion: mean, modality_dropout: {rate: 0.3, site: sample}, losses: {emotion: cross_entropy}")
        + "ablations: {a: {leave_one_out: [modality_dropout]}}\n",
        "BF701",
        "",
        ("no effect",),
        "≡",
    ),
    "F2 and 1.7 queries and keys of attention to one key": Fault(
        variational("fusion: {name: proxy_attention, dropout: 0.1}, losses: {emotion: cross_entropy}"),
        "BF506",
        "proxy_attention",
        ("no gradient reaches 432 parameters", "attend.audio.query.weight", "a softmax over a single key is always 1"),
    ),
    "1.7 heads over one key without dropout": Fault(
        variational("fusion: {name: proxy_attention, dropout: 0.0}, losses: {emotion: cross_entropy}")
        + "ablations: {heads: {one_at_a_time: {fusion.heads: [1, 2, 8]}}}\n",
        "BF705",
        "1, 2, 8",
        ("'heads' does nothing here",),
        "≡",
    ),
    "F3 a dropped modality keeps weight": Fault(
        variational(
            "fusion: {name: uncertainty, mask_mode: sigma_1e6}, modality_dropout: {rate: 0.5}, "
            "losses: {emotion: cross_entropy, kl: kl_prior}"
        ),
        "BF707",
        "uncertainty",
        ("an absent modality keeps part of the fusion's weight", "text 1", "%"),
    ),
    "F4 what is absent is encoded all the same and read": Fault(
        variational("fusion: leaky, losses: {emotion: cross_entropy}"),
        "BF706",
        "leaky",
        ("is absent, its values still move predictions",),
    ),
    "F7 a focal factor undoes label smoothing": Fault(
        mlp(f"fusion: mean, {FOCAL}smoothing: 0.1}}}}"),
        "BF709",
        "0.1",
        ("a smoothing of 0.1 holds nothing back", "0.9999, not 0.9"),
    ),
    "a misspelt setting that a sloppy spec keeps": Fault(
        mlp("fusion: {name: sloppy, temprature: 2.0}, losses: {emotion: cross_entropy}"),
        "BF704",
        "2.0",
        ("no code reads 'temprature'", "has no such setting", "did you mean 'temperature'?"),
    ),
    "a misspelt setting that a sloppy spec forgets": Fault(
        mlp("fusion: {name: forgetful, temprature: 2.0}, losses: {emotion: cross_entropy}"),
        "BF704",
        "2.0",
        ("no code reads 'temprature'", "did you mean 'temperature'?"),
    ),
    "a term that is detached": Fault(
        mlp("fusion: mean, losses: {emotion: cross_entropy, extra: detached}")
        + "ablations: {a: {leave_one_out: [losses.extra]}}\n",
        "BF702",
        "",
        ("no effect", "train and predict the same", "losses.extra"),
        "⊘",
    ),
    "a fusion that ignores modalities": Fault(
        mlp("fusion: first, losses: {emotion: cross_entropy}"),
        "BF708",
        "",
        ("reaches no prediction and no term",),
    ),
    "modality dropout whose rate is never reached": Fault(
        mlp("fusion: mean, modality_dropout: {rate: 0.5, warmup: 20}, losses: {emotion: cross_entropy}")
        + "ablations: {a: {leave_one_out: [modality_dropout]}}\n",
        "BF701",
        "",
        ("no effect", "modality_dropout"),
        "≡",
    ),
    "a term whose warm-up never begins": Fault(
        mlp("fusion: mean, losses: {emotion: cross_entropy, valence: {name: mse, warmup: {start: 50, ramp: 5}}}")
        + "ablations: {a: {leave_one_out: [losses.valence]}}\n",
        "BF702",
        "",
        ("no effect", "losses.valence"),
        "⊘",
    ),
    "a switch that changes evaluation only": Fault(
        mlp("fusion: mixing, losses: {emotion: cross_entropy}")
        + "ablations: {late: {one_at_a_time: {fusion.only_late: [true]}}}\n",
        "BF703",
        "true",
        ("train the same", "fusion.only_late acts only in evaluation"),
        "½",
    ),
    "a latent of encoders without a variance": Fault(
        mlp("fusion: mean, latent: sample, losses: {emotion: cross_entropy}"),
        "BF705",
        "sample",
        ("'latent' does nothing here",),
    ),
    "where smoothing goes when there is none": Fault(
        mlp("fusion: mean, losses: {emotion: {name: cross_entropy, smoothing_mode: k_minus_1}}"),
        "BF705",
        "k_minus_1",
        ("'smoothing_mode' does nothing here",),
    ),
    "whose p a factor reads when there is no smoothing": Fault(
        mlp(f"fusion: mean, {FOCAL}focal_on: per_class}}}}"),
        "BF705",
        "per_class",
        ("'focal_on' does nothing here",),
    ),
    "dividing by weights of classes that have none": Fault(
        mlp(f"fusion: mean, {FOCAL}weight_normalize: true}}}}"),
        "BF705",
        "true",
        ("'weight_normalize' does nothing here",),
    ),
    "a term that is detached, though nothing leaves it out": Fault(
        mlp("fusion: mean, losses: {emotion: cross_entropy, extra: detached}"),
        "BF712",
        "detached",
        ("'extra' trains nothing",),
    ),
    "a term whose warm-up never begins, though nothing leaves it out": Fault(
        mlp("fusion: mean, losses: {emotion: cross_entropy, valence: {name: mse, warmup: {start: 50, ramp: 5}}}"),
        "BF713",
        "warmup: {start: 50",
        ("losses.valence reaches nothing of its effect in 4 epochs",),
    ),
    "modality dropout that never begins, though nothing leaves it out": Fault(
        mlp("fusion: mean, modality_dropout: {rate: 0.5, warmup: 20}, losses: {emotion: cross_entropy}"),
        "BF713",
        "20",
        ("modality_dropout reaches nothing of its effect in 4 epochs",),
    ),
    "a misspelt setting that a group of settings forgets": Fault(
        mlp("fusion: {name: nested, deep: {scael: 2.5}}, losses: {emotion: cross_entropy}"),
        "BF704",
        "2.5",
        ("no code reads 'deep.scael'", "did you mean 'scale'?"),
    ),
    "a misspelt setting that a group of settings keeps": Fault(
        mlp("fusion: {name: nested, deeper: {scael: 2.5}}, losses: {emotion: cross_entropy}"),
        "BF704",
        "2.5",
        ("no code reads 'deeper.scael'", "did you mean 'scale'?"),
    ),
    "numbers by name that nobody asks for": Fault(
        mlp("fusion: {name: nested, options: {scael: 2.5}}, losses: {emotion: cross_entropy}"),
        "BF705",
        "",
        ("'options' does nothing here",),
    ),
    "what selects the only epoch": Fault(
        mlp("fusion: mean, losses: {emotion: cross_entropy}").replace("epochs: 4", "epochs: 1")
        + "ablations: {a: {one_at_a_time: {train.select: ['2 * weighted_f1 - 1']}}}\n",
        "BF701",
        "",
        ("no effect", "train.select"),
        "≡",
    ),
    "two cells that differ in evaluation only, and not from the baseline": Fault(
        mlp("fusion: concat, losses: {emotion: cross_entropy}")
        + "ablations: {a: {cells: [{label: p, set: {fusion: mixing}}, "
        + "{label: q, set: {fusion: {name: mixing, only_late: true}}}]}}\n",
        "BF703",
        "",
        ("'p' and 'q' train the same: fusion.only_late acts only in evaluation",),
        "½",
    ),
    "patterns of dropout with two modalities": Fault(
        mlp(
            "fusion: mean, modalities: [text, audio], modality_dropout: {rate: 0.5, patterns: single}, "
            "losses: {emotion: cross_entropy}"
        ),
        "BF705",
        "single",
        ("'patterns' does just what the default 'subsets' does with 2 modalities",),
    ),
    "a batch larger than all rows": Fault(
        mlp("fusion: mean, losses: {emotion: cross_entropy}")
        + "ablations: {b: {one_at_a_time: {train.batch_size: [1000, 2000]}}}\n",
        "BF701",
        "",
        ("no effect", "train.batch_size (1000, 2000)"),
        "≡",
    ),
    "a patience that cannot run out": Fault(
        mlp("fusion: mean, losses: {emotion: cross_entropy}")
        + "ablations: {b: {one_at_a_time: {train.patience: [50]}}}\n",
        "BF701",
        "50",
        ("no effect", "train.patience (30, 50)"),
        "≡",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_named_where_it_stands(name: str, prove: Callable, pointed: Callable) -> None:
    fault = FAULTS[name]
    proof = prove(fault.study)
    hits = [finding for finding in proof.findings if finding.code == fault.code]
    assert hits, [str(finding) for finding in proof.findings]
    fitting = [
        finding
        for finding in hits
        if all(word in finding.message for word in fault.says)
        and pointed(fault.study, finding).startswith(fault.points)
    ]
    assert fitting, [(str(finding), pointed(fault.study, finding)) for finding in hits]
    if fault.mark:
        assert fault.mark in proof.marks().values()


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("spare", "it is never called"),
        ("clamped.layer", "all of it lies beyond a limit, where the gradient is zero"),
        ("cut.layer", "what it makes is detached from the loss"),
    ],
)
def test_dead_parameters_are_counted_with_their_reason(layer: str, reason: str, prove: Callable) -> None:
    proof = prove(
        "baseline: {encoder: {name: wasteful, width: 8}, fusion: mean, "
        f"losses: {{emotion: cross_entropy}}, {SMALL}}}\n"
    )
    dead = {
        one.details["reason"]: one
        for one in proof.told("dead parameters", "baseline")
        if one.paths == ("encoder.text",)
    }
    assert dead[reason].details["names"] == [f"encoder.text.{layer}.weight", f"encoder.text.{layer}.bias"]
    assert dead[reason].details["numbers"] == 8 * 8 + 8


def test_parameters_of_a_term_of_weight_zero_are_dead_for_that(prove: Callable) -> None:
    proof = prove(mlp("fusion: mean, losses: {emotion: cross_entropy, near: {name: info_nce, weight: 0}}"))
    (one,) = (one for one in proof.told("dead parameters", "baseline") if one.paths == ("losses.near",))
    assert one.details["reason"] == "its term has weight zero"


def test_a_removed_modality_that_the_fusion_ignored_is_no_ablation(prove: Callable) -> None:
    proof = prove(
        mlp("fusion: first, losses: {emotion: cross_entropy}")
        + "ablations: {m: {subsets: [[text, audio], [text, video]]}}\n"
    )
    told = [one for one in proof.evidence if one.question == "what leaves" and one.mark]
    assert told
    assert all("reaches no prediction either" in one.message and one.mark == "⊘" for one in told)


def test_what_leaves_with_a_term_is_counted(prove: Callable) -> None:
    proof = prove(
        mlp("fusion: mean, losses: {emotion: cross_entropy, near: {name: info_nce, projection: 4}}")
        + "ablations: {a: {leave_one_out: {no contrast: {losses.near: null}}}}\n"
    )
    removed = next(one for one in proof.told("what leaves", "no contrast") if "gone" in one.message)
    assert removed.details["parameters"] == 3 * (8 * 8 + 8 + 8 * 4 + 4)
    before, after = removed.details["operations"]
    assert 0 < after < before


def test_a_difference_that_a_schedule_holds_back_is_said_with_its_epoch(prove: Callable) -> None:
    proof = prove(
        mlp("fusion: mean, losses: {emotion: cross_entropy, valence: {name: mse, warmup: {start: 2, ramp: 1}}}")
        + "ablations: {a: {leave_one_out: {no valence: {losses.valence: null}}}}\n"
        + "tables: []\n"
    )
    told = [one.message for one in proof.told("same computation", "no valence")]
    assert any("until epoch 3: a schedule keeps the difference at zero" in message for message in told)
    assert "no valence" not in proof.marks()


def test_modality_dropout_that_begins_late_is_the_same_until_then(prove: Callable) -> None:
    proof = prove(
        mlp("fusion: mean, modality_dropout: {rate: 0.5, warmup: 1}, losses: {emotion: cross_entropy}")
        + "ablations: {a: {leave_one_out: {no dropout: {modality_dropout: null}}}}\n"
    )
    (start,) = (one.details["start"] for one in proof.told("same computation", "no dropout") if "start" in one.details)
    assert start == 2


def test_what_acts_only_in_training_is_said_and_not_marked(prove: Callable) -> None:
    proof = prove(
        mlp("fusion: mean, losses: {emotion: cross_entropy}")
        + "ablations: {d: {one_at_a_time: {head.dropout: [0.5]}}}\n"
    )
    (told,) = (one.message for one in proof.evidence if one.question == "same computation")
    assert "predict the same in evaluation: what differs acts only in training" in told
    assert proof.marks() == {}
    assert proof.findings == ()


def test_a_limit_that_the_rows_do_not_reach_is_no_error(prove: Callable) -> None:
    proof = prove(
        mlp("fusion: mixing, losses: {emotion: cross_entropy}")
        + "ablations: {cap: {one_at_a_time: {fusion.cap: [2000.0]}}}\n"
    )
    assert proof.codes() == ["BF710"]
    assert proof.marks() == {}


def test_factors_are_counted_in_words(prove: Callable) -> None:
    proof = prove(
        mlp("fusion: mean, losses: {emotion: cross_entropy, valence: mse}")
        + "ablations: {a: {cells: [{label: one, set: {fusion: concat}}, "
        + "{label: two, set: {losses.valence: null, train.lr: 0.1}}]}}\n"
    )
    (one,), (two,) = proof.told("factors", "one"), proof.told("factors", "two")
    assert one.message == "one factor; against 'baseline': fusion (mean, concat)"
    assert two.message.startswith("2 factors at once, their effects are not told apart; against 'baseline': without")
    assert (one.details["factors"], two.details["factors"]) == (1, 2)


def test_a_group_of_cells_that_are_equal_in_part_is_told_of_once(prove: Callable) -> None:
    cells = ", ".join(
        f"{{label: {label}, set: {{fusion: mean, losses.valence: {{name: mse, {rest}}}}}}}"
        for label, rest in (
            ("a", "warmup: {start: 2, ramp: 1}"),
            ("b", "warmup: {start: 1, ramp: 1}"),
            ("c", "weight: 2"),
        )
    )
    proof = prove(mlp("fusion: concat, losses: {emotion: cross_entropy}") + f"ablations: {{a: {{cells: [{cells}]}}}}\n")
    told = [one.message for one in proof.evidence if one.question == "same computation"]
    assert told == [
        "'a' and 'b' are the same computation until epoch 2: a schedule keeps the difference at zero",
        "'a', 'b' and 'c' predict the same in evaluation with equal weights: what differs acts only in training",
    ]
    assert proof.marks() == {}


def test_a_study_about_a_term_without_gradient_is_marked(prove: Callable) -> None:
    proof = prove(
        mlp("fusion: mean, losses: {emotion: cross_entropy}")
        + "ablations: {a: {cells: [{label: with it, set: {losses.extra: detached, head.dropout: 0.5}}]}}\n"
    )
    assert proof.marks() == {"with it": "⊘"}


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ("modality_dropout: {rate: 0.5, warmup: 20}, losses: {emotion: cross_entropy}", "modality_dropout"),
        ("modality_dropout: {rate: 0.5, warmup: {ramp: 20}}, losses: {emotion: cross_entropy}", ""),
        ("losses: {emotion: cross_entropy, v: {name: mse, task: valence, warmup: {start: 50}}}", "losses.v"),
        ("losses: {emotion: cross_entropy, v: {name: mse, task: valence, warmup: {start: 50}, weight: 0}}", ""),
    ],
)
def test_a_schedule_that_never_begins_is_found_without_an_ablation(rest: str, path: str, prove: Callable) -> None:
    proof = prove(mlp(f"fusion: mean, {rest}"))
    found = [finding.path for finding in proof.findings if finding.code == "BF713"]
    assert found == ([f"{path}.warmup"] if path else [])


def test_a_misspelt_setting_of_a_data_set_is_found(prove: Callable, pointed: Callable) -> None:
    head = HEAD.replace("name: planted", "name: forgetful_data, rwos: 77")
    text = mlp("fusion: mean, losses: {emotion: cross_entropy}")
    finding = prove(text, head).finding("BF704")
    assert finding.path == "dataset.rwos"
    assert pointed(text, finding, head).startswith("77")
    assert "did you mean 'rows'?" in finding.message


def test_a_setting_of_a_data_set_that_no_code_reads_is_found(prove: Callable, pointed: Callable) -> None:
    """And one that is read where nobody looks is not accused: changing it changes the data."""
    head = HEAD.replace("name: planted", "name: forgetful_data, context: 9, more: 3")
    text = mlp("fusion: mean, losses: {emotion: cross_entropy}")
    proof = prove(text, head)
    assert [found.path for found in proof.findings if found.code == "BF704"] == ["dataset.context"]
    finding = proof.finding("BF704")
    assert pointed(text, finding, head).startswith("9")
    assert "no code reads 'context': dataset 'forgetful_data' never reads it" in finding.message


def test_numbers_by_name_that_are_used_are_not_accused(prove: Callable) -> None:
    proof = prove(mlp("fusion: {name: nested, options: {scale: 2.0}}, losses: {emotion: cross_entropy}"))
    assert proof.codes() == []
