"""What the plots draw: the numbers of the tables, in the right place, with shapes beside colours."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from butfor.core.study.plan import PlannedDesign, PlannedRow, TableSettings
from butfor.reports.material import material_of
from butfor.reports.plots import cost, curves, forest, interactions, ranks, robustness, seeds, weights
from butfor.reports.plots.look import _LOOKS, house_style, wrapped
from butfor.reports.plots.series import thinned


@pytest.fixture(scope="module")
def material(make_study):
    return material_of(*make_study())


def figure_of(make, material, about="parts"):
    (picture,) = [picture for picture in make.pictures(material) if picture.about == about]
    with house_style():
        return picture, picture.draw()


def lines_of(panel):
    return [np.asarray(line.get_xydata()) for line in panel.lines if len(line.get_xydata())]


def test_forest_draws_the_differences_and_intervals_of_the_table(material):
    picture, figure = figure_of(forest, material)
    score = material.tables[0].rows[1].scores["weighted_f1"]
    bar, point = lines_of(figure.axes[0])[1:3]
    assert bar[:2, 0] == pytest.approx([score.judged.comparison.low, score.judged.comparison.high])
    assert point[0, 0] == pytest.approx(score.delta)
    assert "worse" in picture.numbers
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["w/o gate"]


def test_forest_points_where_better_is(material):
    _, figure = figure_of(forest, material)
    assert [panel.get_xlabel().splitlines()[-1] for panel in figure.axes[:2]] == ["better →", "← better"]


def test_forest_shows_the_margin_and_its_verdict(make_study):
    plan, results = make_study()
    wanted = TableSettings(design="grid", metrics=("weighted_f1",), statistics={"margin": 0.05})
    picture, figure = figure_of(forest, material_of(plan.model_copy(update={"tables": (wanted,)}), results), "grid")
    (band,) = figure.axes[0].patches
    assert (band.get_x(), band.get_width()) == (pytest.approx(-0.05), pytest.approx(0.1))
    assert "mean fusion +0.01" in picture.numbers
    assert "equivalent" in picture.numbers


def test_verdicts_differ_in_shape_as_well_as_in_colour():
    assert len({marker for _, marker, _ in forest.VERDICTS.values()}) == len(forest.VERDICTS)
    assert len({(one.line, one.marker) for one in _LOOKS}) == len(_LOOKS)
    assert len({one.colour for one in _LOOKS}) == len(_LOOKS)
    assert len({one.hatch for one in _LOOKS}) == len(_LOOKS)


def test_slopes_go_from_the_baseline_to_the_system_on_the_same_seed(material):
    picture, figure = figure_of(seeds, material)
    slopes, mean = lines_of(figure.axes[0])
    base, own = (material.blocks(cell, "test", "weighted_f1") for cell in ("full", "less"))
    drawn = slopes[~np.isnan(slopes[:, 0])].reshape(-1, 2, 2)
    assert drawn.tolist() == [[[0, base[block]], [1, own[block]]] for block in sorted(base)]
    assert mean[:, 1] == pytest.approx([np.mean(list(base.values())), np.mean(list(own.values()))])
    assert "better in 0 of 6" in picture.numbers


def test_interactions_hold_the_means_and_the_effects_of_the_notes(material):
    picture, figure = figure_of(interactions, material, "grid")
    means, effects = ({text.get_text().split("\n")[0] for text in panel.texts} for panel in figure.axes)
    table = material.tables[1]
    assert means == {f"{row.scores['weighted_f1'].mean:.3f}" for row in table.rows}
    found = table.effects["weighted_f1"]["effects"]
    notes = " ".join(table.notes)
    assert effects == {f"{one.value:+.4f}".replace("-", "−") for one in found}
    for text in (text.get_text().split("\n") for text in figure.axes[1].texts):
        assert " ".join(text[:2]) in notes
    assert "gate without × fusion mean" in picture.numbers


def test_curves_have_a_panel_for_each_metric_and_each_loss_term(material):
    _, figure = figure_of(curves, material)
    titles = [panel.get_title() for panel in figure.axes]
    assert titles == ["Weighted F1 (validation)", "total loss", "loss term emotion"]
    assert lines_of(figure.axes[1])[0].tolist() == [[1, 1], [2, 1 / 2], [3, 1 / 3], [4, 1 / 4]]


def test_curves_of_trials_that_stop_early_are_means_over_those_that_still_train(make_study):
    plan, results = make_study(seeds=2)
    short = [replace(results[0], curve=results[0].curve[:2])]
    _, figure = figure_of(curves, material_of(plan, [*short, *results[1:]]))
    assert len(lines_of(figure.axes[0])[0]) == 4


def test_a_long_line_keeps_its_ends_and_few_points():
    kept = thinned(1000)
    assert (kept[0], kept[-1]) == (0, 999)
    assert len(kept) <= 30
    assert thinned(5) == [0, 1, 2, 3, 4]


def test_robustness_begins_at_the_clean_split_and_leaves_out_what_has_no_strength(material):
    picture, figure = figure_of(robustness, material)
    (sweep,) = robustness.sweeps(material.splits, "test")
    assert sweep.strengths == {0.0: "test", 0.3: "test@missing:0.3", 0.7: "test@missing:0.7"}
    line = lines_of(figure.axes[0])[0]
    clean = np.mean(list(material.blocks("full", "test", "weighted_f1").values()))
    assert line[:, 0].tolist() == [0, 0.3, 0.7]
    assert line[:, 1] == pytest.approx([clean, clean - 0.1, clean - 0.1])
    assert "each modality" in picture.numbers


def test_weights_are_means_by_modality_under_each_condition(material):
    assert weights.weights_of(material, "full", "test") == {
        "": {"text": pytest.approx(0.7), "audio": pytest.approx(0.3)},
        "missing:0.3": {"text": pytest.approx(0.8), "audio": pytest.approx(0.2)},
    }
    _, figure = figure_of(weights, material)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names[:2] == ["full: clean", "full: each modality missing in 30 %"]
    text, audio = (shape.get_path().vertices.reshape(4, 5, 2)[0, :2, 0].tolist() for shape in figure.axes[0].patches)
    assert text == pytest.approx([0, 0.7])
    assert audio == pytest.approx([0.7, 1])


def test_cost_stands_at_the_parameters_of_each_system(material):
    picture, figure = figure_of(cost, material, "grid")
    places = [drawn.lines[0].get_xdata()[0] for drawn in figure.axes[0].containers]
    assert places == [1000, 1200, 1010, 1250]
    assert "1,200 parameters" in picture.numbers


def by_data_sets(make_study, num):
    """Three methods on `num` data sets, the first always best."""
    plan, results = make_study(seeds=1)
    cells, rows, trained, trials = [], [], [], []
    for data in range(num):
        for place, method in enumerate(("gated", "mean", "concat")):
            key = f"{method}{data}"
            settings = {"dataset": {"name": f"set{data}"}, "fusion": {"name": method}}
            cells.append(plan.cells[0].model_copy(update={"key": key, "label": key, "settings": settings}))
            rows.append(PlannedRow(cell=key, label=key, levels={"dataset": f"set{data}", "fusion": method},
                                   baseline=place == 0 and data == 0))  # fmt: skip
            trials.append(plan.trials[0].model_copy(update={"key": f"{data:04x}{place:04x}", "cell": key}))
            score = {"weighted_f1": 0.9 - 0.1 * place - 0.01 * data}
            trained.append(replace(results[0], key=f"{data:04x}{place:04x}", cell=key, metrics={"test": score}))
    design = PlannedDesign(name="sets", kind="factorial", factors=("dataset", "fusion"), rows=tuple(rows))
    table = TableSettings(design="sets", metrics=("weighted_f1",))
    whole = {"cells": tuple(cells), "designs": (design,), "tables": (table,), "trials": tuple(trials)}
    return material_of(plan.model_copy(update={**whole, "baseline": "gated0"}), trained)


def light(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear)) + 0.05


def test_the_text_of_a_heat_map_can_be_read_on_all_of_its_colours(make_study):
    plan, results = make_study()
    for sign in (1, -1):
        turned = tuple(one.model_copy(update={"higher_is_better": sign > 0}) for one in plan.metrics)
        shifted = [
            replace(one, metrics={"test": {name: sign * value for name, value in one.metrics["test"].items()}})
            for one in results
        ]
        made = material_of(plan.model_copy(update={"metrics": turned}), shifted)
        _, figure = figure_of(interactions, made, "grid")
        for panel in figure.axes:
            assert len(panel.texts) == len(panel.patches) > 2
            for text, field in zip(panel.texts, panel.patches, strict=True):
                dark, pale = sorted((light(text.get_color()), light(field.get_facecolor()[:3])))
                assert pale / dark >= 4.5


def test_hatches_are_lines_which_take_little_room():
    assert not {"o", "O", ".", "*"} & set("".join(one.hatch for one in _LOOKS))


def test_ranks_are_over_data_sets(make_study):
    picture, figure = figure_of(ranks, by_data_sets(make_study, 6), "sets")
    found = ranks.ranked(by_data_sets(make_study, 6), by_data_sets(make_study, 6).tables[0])
    assert found.methods == ("gated", "mean", "concat")
    assert found.ranks.tolist() == [1, 2, 3]
    assert found.data_sets == 6
    assert "gated 1.00; mean 2.00; concat 3.00" in picture.numbers
    assert {"gated", "mean", "concat"} <= {text.get_text().strip() for text in figure.axes[0].texts}


def test_seeds_are_no_data_sets(make_study):
    assert not list(ranks.pictures(by_data_sets(make_study, 1)))


def test_long_labels_are_wrapped_and_cut():
    assert wrapped("a b", 10) == "a b"
    assert wrapped("one two three four five six", 9, 2).splitlines()[-1].endswith("…")
    assert wrapped("", 9) == ""
