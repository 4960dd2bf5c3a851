import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax
from scipy.stats import pearsonr

from butfor.core import Task, TrainingError
from butfor.core.metrics import METRICS, evaluate, metric_names

EMOTION = Task("emotion", "classes", tuple("abcdef"))
BINARY = Task("sarcasm", "classes", ("no", "yes"))
VALENCE = Task("valence", "values", span=3.0)
PLAIN = Task("height", "values")
EXACT = {"rel": 1e-12, "abs": 1e-12}


def measure(task, predicted, target, mask=None):
    labelled = {} if mask is None else {task.name: np.asarray(mask)}
    return evaluate({task.name: task}, {task.name: np.asarray(predicted)}, {task.name: np.asarray(target)}, labelled)


def one_hot(choices, width):
    return np.eye(width)[np.asarray(choices)] * 4.0


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def mmsa(predicted, target):
    """The formulas of MMSA's evaluation for MOSI and MOSEI, written by hand with loops."""
    rows = list(zip(predicted.tolist(), target.tolist(), strict=True))
    kept = [(p, y) for p, y in rows if y != 0]

    def f1(pairs):
        total = 0.0
        for side in (True, False):
            hits = sum(p == side and y == side for p, y in pairs)
            said, true = sum(p == side for p, _ in pairs), sum(y == side for _, y in pairs)
            precision, recall = (hits / said if said else 0.0), (hits / true if true else 0.0)
            score = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
            total += score * true / len(pairs)
        return total

    def steps(end):
        return sum(round(min(max(p, -end), end)) == round(min(max(y, -end), end)) for p, y in rows) / len(rows)

    has0 = [(p >= 0, y >= 0) for p, y in rows]
    non0 = [(p > 0, y > 0) for p, y in kept]
    return {
        "acc2_has0": sum(p == y for p, y in has0) / len(has0),
        "f1_has0": f1(has0),
        "acc2_non0": sum(p == y for p, y in non0) / len(non0),
        "f1_non0": f1(non0),
        "acc7": steps(3),
        "acc5": steps(2),
        "mae": sum(abs(p - y) for p, y in rows) / len(rows),
        "pearson": float(np.corrcoef(predicted, target)[0, 1]),
    }


def test_the_metrics_of_classes_equal_scikit_learn(rng):
    for _ in range(20):
        target, logits = rng.integers(0, 6, 80), rng.normal(size=(80, 6))
        logits[np.arange(80), target] += 1
        got, choice = measure(EMOTION, logits, target), logits.argmax(1)
        assert got == pytest.approx(
            {
                "weighted_f1": oracle.f1_score(target, choice, average="weighted", zero_division=0),
                "accuracy": oracle.accuracy_score(target, choice),
                "macro_f1": oracle.f1_score(target, choice, average="macro", zero_division=0),
                "auc": oracle.roc_auc_score(target, softmax(logits, axis=1), multi_class="ovr", average="macro"),
            },
            **EXACT,
        )


def test_classes_that_are_absent_or_never_hit_equal_scikit_learn(rng):
    target, choice = rng.integers(1, 4, 50), rng.integers(2, 6, 50)  # 0 in neither, 1 never said, 4 and 5 only said
    got = measure(EMOTION, one_hot(choice, 6), target)
    seen = sorted(set(target) | set(choice))
    macro = oracle.f1_score(target, choice, labels=seen, average="macro", zero_division=0)
    weighted = oracle.f1_score(target, choice, average="weighted", zero_division=0)
    assert got["macro_f1"] == pytest.approx(macro, **EXACT)
    assert got["weighted_f1"] == pytest.approx(weighted, **EXACT)


def test_macro_f1_counts_every_class_that_is_labelled_or_predicted_and_no_other():
    got = measure(EMOTION, one_hot([0, 0, 1, 2], 6), [0, 0, 1, 1])
    assert got["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_auc_of_two_classes_is_that_of_the_second_with_ties_as_halves():
    logits = np.array([[0.0, 1], [0, 2], [0, 1], [0, 0], [0, -1]])
    target = np.array([1, 1, 0, 0, 1])
    got = measure(BINARY, logits, target)["auc"]
    assert got == pytest.approx(oracle.roc_auc_score(target, softmax(logits, axis=1)[:, 1]), **EXACT)
    assert got == pytest.approx((0.5 + 1 + 1 + 1 + 0 + 0) / 6)


def test_auc_averages_over_the_classes_that_have_rows(rng):
    target, logits = rng.choice([0, 2, 5], 40), rng.normal(size=(40, 6))
    chances = softmax(logits, axis=1)
    by_class = [oracle.roc_auc_score(target == c, chances[:, c]) for c in (0, 2, 5)]
    assert measure(EMOTION, logits, target)["auc"] == pytest.approx(np.mean(by_class), **EXACT)


def test_auc_survives_huge_logits():
    assert measure(BINARY, [[0.0, 2], [1000, 1001]], [1, 0])["auc"] == 1
    assert measure(BINARY, [[0.0, 1e9], [1e9, 0]], [1, 0])["auc"] == 1


def test_auc_is_absent_when_all_rows_have_one_label():
    got = measure(EMOTION, one_hot([1, 1, 2], 6), [1, 1, 1])
    assert set(got) == {"weighted_f1", "accuracy", "macro_f1"}
    assert got["weighted_f1"] == pytest.approx(0.8)


def test_the_metrics_of_values_equal_scikit_learn_and_scipy(rng):
    for scale in (1e-3, 1, 1e6):
        target = rng.normal(size=60) * scale
        predicted = 0.5 * target + rng.normal(size=60) * scale + scale
        got = measure(PLAIN, predicted, target)
        assert got["mae"] == pytest.approx(oracle.mean_absolute_error(target, predicted), rel=1e-12)
        assert got["mse"] == pytest.approx(oracle.mean_squared_error(target, predicted), rel=1e-12)
        assert got["pearson"] == pytest.approx(pearsonr(predicted, target).statistic, rel=1e-12)
        # Lin's coefficient is the share of the expected square distance that agreement takes away
        spread = np.var(predicted) + np.var(target) + (predicted.mean() - target.mean()) ** 2
        assert got["ccc"] == pytest.approx(1 - got["mse"] / spread, rel=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_the_sets_of_the_field_equal_mmsa_on_halves_zeros_and_values_out_of_range(seed):
    rng = np.random.default_rng(seed)
    grid = np.array([-4.0, -3.5, -3, -2.5, -1.5, -0.5, -0.0, 0, 0.2, 0.5, 1, 1.5, 2.5, 3, 3.5, 9])
    predicted, target = rng.choice(grid, 70), rng.choice(grid[2:-2], 70)
    got = measure(VALENCE, predicted, target)
    expected = mmsa(predicted, target)
    assert {name: got[name] for name in expected} == pytest.approx(expected, **EXACT)
    side, said = target >= 0, predicted >= 0
    assert got["f1_has0"] == pytest.approx(oracle.f1_score(side, said, average="weighted"), **EXACT)
    side, said = target[target != 0] > 0, predicted[target != 0] > 0
    assert got["f1_non0"] == pytest.approx(oracle.f1_score(side, said, average="weighted"), **EXACT)
    assert got["acc2_non0"] == oracle.accuracy_score(side, said)


def test_steps_round_half_to_even_and_clip():
    half = measure(VALENCE, [0.5, -0.5, 1.5, 2.5], [0.0, 0, 2, 2])
    assert half["acc7"] == 1
    assert half["acc5"] == 1
    beyond = measure(VALENCE, [9.0, -9, 2.6], [3.0, -3, 2])
    assert beyond["acc7"] == pytest.approx(2 / 3)
    assert beyond["acc5"] == 1


def test_a_prediction_of_zero_is_positive_with_zeros_and_negative_without():
    got = measure(VALENCE, [0.0, 0.0], [1.0, -1.0])
    assert (got["acc2_has0"], got["acc2_non0"]) == (0.5, 0.5)
    got = measure(VALENCE, [0.0, 0.0], [0.0, -1.0])
    assert (got["acc2_has0"], got["acc2_non0"]) == (0.5, 1.0)


def test_labels_that_are_all_zero_leave_the_sets_without_zeros_absent():
    got = measure(VALENCE, [0.5, -1.0], [0.0, 0.0])
    assert not {"acc2_non0", "f1_non0", "pearson"} & set(got)
    assert got["acc2_has0"] == 0.5


@pytest.mark.parametrize(
    ("span", "expected"),
    [(None, set()), (1.0, {"acc2_has0"}), (2.0, {"acc2_has0", "acc5"}), (3.0, {"acc2_has0", "acc5", "acc7"})],
)
def test_the_span_of_a_task_decides_about_sides_and_steps(span, expected):
    task = Task("v", "values", span=span)
    got = measure(task, [0.1, 0.6], [0.5, 1.0])
    assert {"acc2_has0", "acc5", "acc7"} & set(got) == expected
    assert tuple(got) == tuple(metric.name for metric in metric_names({"v": task}))


def test_pearson_is_absent_for_constant_predictions_or_labels_and_ccc_is_zero():
    for predicted, target in (([0.1] * 3, [1.0, 2, 4]), ([1.0, 2, 4], [0.1] * 3)):
        got = measure(PLAIN, predicted, target)
        assert "pearson" not in got
        assert got["ccc"] == 0
    assert set(measure(PLAIN, [0.1] * 3, [0.1] * 3)) == {"mae", "mse"}
    assert measure(PLAIN, [0.1] * 3, [0.2] * 3)["ccc"] == 0
    assert set(measure(PLAIN, [0.1], [0.2])) == {"mae", "mse"}


def test_rows_without_a_label_change_nothing(rng):
    target, predicted = rng.normal(size=20), rng.normal(size=20)
    mask = rng.random(20) < 0.6
    poisoned = np.where(mask, predicted, np.nan)
    assert measure(VALENCE, poisoned, target, mask) == measure(VALENCE, predicted[mask], target[mask])


def test_without_labels_there_are_no_metrics():
    assert measure(EMOTION, np.zeros((3, 6)), [0, 0, 0], [False] * 3) == {}
    assert measure(VALENCE, np.zeros(0), np.zeros(0)) == {}


def test_emoval_is_the_combined_score_of_mer2023(rng):
    tasks = {"emotion": EMOTION, "valence": VALENCE}
    predictions = {"emotion": rng.normal(size=(30, 6)), "valence": rng.normal(size=30)}
    targets = {"emotion": rng.integers(0, 6, 30), "valence": rng.normal(size=30)}
    half = np.arange(30) < 15
    got = evaluate(tasks, predictions, targets, {"valence": half})
    assert got["emoval"] == got["weighted_f1"] - 0.25 * got["mse"]
    assert got["mse"] == pytest.approx(np.mean((predictions["valence"] - targets["valence"])[half] ** 2))
    assert "emoval" not in evaluate(tasks, predictions, targets, {"valence": np.zeros(30, bool)})


def test_emoval_needs_exactly_one_task_of_each_kind():
    def names(*tasks):
        return {metric.name for metric in metric_names({task.name: task for task in tasks})}

    assert "emoval" in names(EMOTION, PLAIN)
    assert "emoval" not in names(EMOTION)
    assert "emoval" not in names(EMOTION, BINARY, PLAIN)
    assert "emoval" not in names(EMOTION, PLAIN, VALENCE)


def test_a_metric_is_named_after_its_task_only_where_several_tasks_have_it():
    tasks = {"emotion": EMOTION, "valence": VALENCE, "height": PLAIN}
    names = [metric.name for metric in metric_names(tasks)]
    assert names[:6] == ["weighted_f1", "valence.mae", "height.mae", "accuracy", "valence.pearson", "height.pearson"]
    assert {"acc7", "f1_non0", "valence.ccc", "height.mse", "macro_f1"} < set(names)
    assert len(names) == len(set(names))
    two = [metric.name for metric in metric_names({"a": EMOTION, "b": BINARY})]
    assert two[:2] == ["a.weighted_f1", "b.weighted_f1"]


def test_a_metric_keeps_its_name_and_meaning_whichever_tasks_a_cell_trains():
    tasks = {"emotion": EMOTION, "valence": VALENCE, "height": PLAIN}
    every = {metric.name for metric in metric_names(tasks)}
    without_height = [metric.name for metric in metric_names(tasks, ["emotion", "valence"])]
    assert set(without_height) < every
    assert "valence.mse" in without_height
    assert "mse" not in without_height
    got = evaluate(tasks, {"valence": np.ones(3)}, {"valence": np.zeros(3)}, {})
    assert got["valence.mse"] == 1
    assert not any(name.startswith("height") for name in got)
    assert set(evaluate(tasks, {"valence": np.ones(3)}, {"valence": np.zeros(3)}, {}, {"valence.mae"})) == {
        "valence.mae"
    }


def test_each_task_of_several_gets_its_own_values():
    tasks = {"a": PLAIN, "b": PLAIN}
    got = evaluate(tasks, {"a": np.zeros(2), "b": np.ones(2)}, {"a": np.zeros(2), "b": np.zeros(2)}, {})
    assert (got["a.mae"], got["b.mae"]) == (0, 1)


def test_directions_and_rates_are_those_of_the_field():
    lower = {metric.name for metric in METRICS if not metric.higher_is_better}
    assert lower == {"mae", "mse"}
    assert {m.name for m in METRICS if not m.rate} == {"mae", "mse", "pearson", "ccc", "emoval"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_predictions_that_are_not_finite_are_refused_and_not_scored(bad):
    with pytest.raises(TrainingError, match=r"'height': 1 of 2 predictions are NaN or Inf"):
        measure(PLAIN, [bad, 0.0], [0.0, 0.0])


def test_predictions_of_the_wrong_shape_are_refused():
    for predicted in (np.zeros((3, 5)), np.zeros((2, 6)), np.zeros(3)):
        with pytest.raises(TrainingError, match="emotion"):
            measure(EMOTION, predicted, [0, 1, 2])


def test_single_precision_is_computed_in_double():
    target = np.full(1000, 0.1, np.float32)
    predicted = np.full(1000, 4097.1, np.float32)
    exact = (float(np.float32(4097.1)) - float(np.float32(0.1))) ** 2
    assert measure(PLAIN, predicted, target)["mse"] == pytest.approx(exact, rel=1e-14)
    sure = np.array([[0, 30], [0, 20]], np.float32)  # both probabilities are 1 in single precision
    assert measure(BINARY, sure, [1, 0])["auc"] == 1


def test_an_overflow_leaves_a_metric_absent():
    got = measure(PLAIN, [1e200, -1e200, 0], [0.0, 1.0, 2.0])
    assert "mse" not in got
    assert all(np.isfinite(list(got.values())))


FINITE = st.floats(-1e30, 1e30) | st.sampled_from([0.0, -0.0, 0.5, -0.5, 3.0])


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 12))
def test_every_metric_is_finite_and_every_rate_lies_between_zero_and_one(data, rows):
    tasks = {"emotion": EMOTION, "valence": VALENCE}
    predictions = {
        "emotion": data.draw(arrays(float, (rows, 6), elements=FINITE)),
        "valence": data.draw(arrays(float, rows, elements=FINITE)),
    }
    targets = {
        "emotion": data.draw(arrays(np.int64, rows, elements=st.integers(0, 5))),
        "valence": data.draw(arrays(float, rows, elements=FINITE)),
    }
    mask = {task: data.draw(arrays(bool, rows)) for task in tasks}
    got = evaluate(tasks, predictions, targets, mask)
    planned = {metric.name: metric for metric in metric_names(tasks)}
    assert set(got) <= set(planned)
    for name, value in got.items():
        assert np.isfinite(value)
        assert type(value) is float
        if planned[name].rate:
            assert 0 <= value <= 1
        if name in {"pearson", "ccc"}:
            assert -1 <= value <= 1
    order = data.draw(st.permutations(range(rows)))
    shuffled = evaluate(
        tasks,
        {task: array[order] for task, array in predictions.items()},
        {task: array[order] for task, array in targets.items()},
        {task: array[order] for task, array in mask.items()},
    )
    rates = [name for name in got if planned[name].rate]
    assert [shuffled[name] for name in rates] == pytest.approx([got[name] for name in rates])
