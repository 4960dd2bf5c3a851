import math
import pickle
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butfor.core import StudyError, TrainingError
from butfor.core.selection import DEEPEST, LONGEST, Selection
from butfor.core.study.plan import PlannedMetric


def planned(*names):
    return tuple(PlannedMetric(name=name, higher_is_better=name.split(".")[-1] not in {"mse", "mae"}) for name in names)


KNOWN = planned("weighted_f1", "accuracy", "mse", "emotion.auc", "valence.mae", "task-2.mae")
VALUES = {name.name: value for name, value in zip(KNOWN, (0.75, 0.5, 0.25, 0.875, 1.5, 2.0), strict=True)}


def score(text, values=VALUES):
    return Selection.parse(text, KNOWN).score(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("weighted_f1 - 0.25 * mse", 0.75 - 0.25 * 0.25),
        ("weighted_f1", 0.75),
        ("mse", -0.25),
        ("(mse)", -0.25),
        ("-mse", -0.25),
        ("mse * 1", 0.25),
        ("valence.mae", -1.5),
        ("emotion.auc / 2 + accuracy", 0.875 / 2 + 0.5),
        ("2 - 1 - accuracy", 0.5),
        ("-(accuracy - 3) * -2", -(0.5 - 3) * -2),
        ("min(weighted_f1, accuracy, 0.6)", 0.5),
        ("max(weighted_f1, accuracy)", 0.75),
        ("abs(mse - 1)", 0.75),
        ("task-2.mae", -2.0),
        ("accuracy - 'task-2.mae'", -1.5),
        ("  weighted_f1\n  - 1e-1 * mse ", 0.75 - 0.1 * 0.25),
    ],
)
def test_an_expression_is_computed_as_written_and_a_lone_error_is_turned_round(text, expected):
    assert score(text) == expected


@pytest.mark.parametrize(
    ("names", "chosen", "sign"),
    [
        (("mae", "weighted_f1", "mse"), "weighted_f1", 1),
        (("b.weighted_f1", "a.weighted_f1"), "b.weighted_f1", 1),
        (("mae", "mse"), "mse", -1),
        (("x.mae", "x.mse", "y.mse"), "x.mse", -1),
    ],
)
def test_auto_takes_weighted_f1_and_else_the_squared_error(names, chosen, sign):
    selection = Selection.parse("auto", planned(*names))
    assert selection.metrics == (chosen,)
    assert selection.score({chosen: 0.5}) == sign * 0.5


def test_auto_without_any_metric_is_a_study_error():
    with pytest.raises(StudyError, match="no metric to select"):
        Selection.parse("auto", ())


def test_the_metrics_that_are_used_come_first_in_the_order_of_the_expression():
    selection = Selection.parse("accuracy - mse + accuracy", KNOWN)
    assert selection.metrics == ("accuracy", "mse")
    ordered = [metric.name for metric in selection.first(KNOWN)]
    assert ordered == ["accuracy", "mse", "weighted_f1", "emotion.auc", "valence.mae", "task-2.mae"]


def test_every_unknown_metric_is_a_finding_with_the_nearest_one():
    with pytest.raises(StudyError) as caught:
        Selection.parse("weightd_f1 - 0.25 * valence.mea + mse", KNOWN)
    found = caught.value.findings
    assert [finding.message.split("'")[1] for finding in found] == ["weightd_f1", "valence.mea"]
    assert [finding.remedy for finding in found] == ["did you mean 'weighted_f1'?", "did you mean 'valence.mae'?"]


def test_a_metric_without_a_value_is_named():
    with pytest.raises(TrainingError, match=r"needs 'mse'.*no labels"):
        score("weighted_f1 - mse", {"weighted_f1": 0.5})


@pytest.mark.parametrize(
    "text", ["mse / (accuracy - accuracy)", "(1e308 + mse) * 1e10", "1e308 * 1e10 * accuracy - 1e308 * 1e10"]
)
def test_a_score_that_is_no_finite_number_is_never_selected(text):
    assert score(text) == -math.inf


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "(lambda: mse)()",
        "f'{mse}'",
        "mse ** 9",
        "9**9**9**9",
        "mse // 2",
        "mse % 2",
        "mse @ mse",
        "mse < 1",
        "mse if mse else 1",
        "mse and accuracy",
        "not mse",
        "~1",
        "mse[0]",
        "[mse]",
        "{mse: 1}",
        "[x for x in (1,)]",
        "(x := mse)",
        "mse, accuracy",
        "emotion.auc.mean()",
        "(mse).real",
        "(1).real",
        "'mse'.join('mse')",
        "mse.__class__",
        "True * mse",
        "1j * mse",
        "None",
        "b'mse'",
        "... + mse",
        "exec('mse')",
        "min(mse)",
        "min(*mse)",
        "min(mse, accuracy, key=abs)",
        "abs(mse, mse)",
        "abs()",
        "pow(mse, 2)",
        "import os",
        "mse; mse",
        "mse = 1",
        "mse +",
        "",
        "   ",
        "1 + 2",
        "0.5",
        "\x00mse",
        "mse # comment \ud800",
        "1e999 * mse",
        f"{'9' * 400} * mse",
        "0x1for x in mse",
        "'\\d' + mse",
        "(" * 300 + "mse" + ")" * 300,
        "-" * (DEEPEST + 1) + "mse",
        "+mse" * LONGEST,
        "await mse",
        "yield mse",
        "weighted_f1 - 0.25 × mse",
    ],
)
def test_what_is_not_arithmetic_on_metrics_is_refused_with_words(text):
    with pytest.raises(StudyError) as caught:
        Selection.parse(text, KNOWN)
    assert all(finding.message and len(str(finding)) < 400 for finding in caught.value.findings)


def test_nothing_is_run_while_a_selection_is_read(tmp_path):
    target = tmp_path / "made"
    with pytest.raises(StudyError):
        Selection.parse(f"__import__('pathlib').Path('{target}').touch()", KNOWN)
    assert not target.exists()


def test_python_does_not_warn_about_the_text():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for text in ("1if mse else 2", "'\\d' + mse"):
            with pytest.raises(StudyError):
                Selection.parse(text, KNOWN)
    assert heard == []


def test_a_text_that_is_too_long_is_refused_for_its_length():
    with pytest.raises(StudyError, match="characters; at most"):
        Selection.parse(f"max({'mse, ' * LONGEST} mse)", KNOWN)


def test_a_selection_crosses_a_process_border():
    selection = Selection.parse("weighted_f1 - 0.25 * mse", KNOWN)
    assert pickle.loads(pickle.dumps(selection)) == selection  # noqa: S301 - our own bytes


def divide(left, right):
    return left / right if right else math.nan


def joined(parts):
    """An operator in text, and beside it what Python's own arithmetic makes of the two values."""
    (left, x), sign, (right, y) = parts
    computed = {"+": lambda: x + y, "-": lambda: x - y, "*": lambda: x * y, "/": lambda: divide(x, y)}[sign]
    return f"({left}) {sign} ({right})", computed()


LEAVES = st.sampled_from([(name, VALUES[name]) for name in ("weighted_f1", "accuracy", "mse", "emotion.auc")]) | (
    st.floats(0, 100).map(lambda x: (repr(x), x)) | st.integers(0, 99).map(lambda x: (str(x), float(x)))
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(joined)
        | inner.map(lambda part: (f"-({part[0]})", -part[1]))
        | inner.map(lambda part: (f"abs({part[0]})", abs(part[1])))
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_random_expressions_equal_pythons_own_arithmetic(tree):
    text, expected = tree[0] + " + 0 * accuracy", tree[1] + 0 * VALUES["accuracy"]
    assert score(text) == (expected if math.isfinite(expected) else -math.inf)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | st.text("mse.()+-*/ 0123e_'\"[]{},:=@\\", max_size=40))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    try:
        selection = Selection.parse(text, KNOWN)
    except StudyError:
        return
    assert selection.metrics
    assert isinstance(selection.score(VALUES), float)
