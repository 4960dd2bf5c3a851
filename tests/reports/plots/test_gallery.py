"""Every plot of a study: which there are, what they say in words, and the same bytes each time."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from butfor.core.errors import StudyError
from butfor.core.study.plan import TableSettings
from butfor.reports.material import material_of
from butfor.reports.plots.gallery import KINDS, NEEDS, gallery
from butfor.reports.plots.save import drawn, save


@pytest.fixture(scope="module")
def material(make_study):
    return material_of(*make_study())


@pytest.fixture(scope="module")
def pictures(material):
    return {picture.name: picture for picture in gallery(material)}


def test_a_study_with_everything_has_every_plot_but_ranks_which_need_data_sets(pictures):
    assert {picture.kind for picture in pictures.values()} == set(KINDS) - {"ranks"}
    assert {"forest-parts", "forest-grid", "interactions-grid", "seeds-parts", "cost-grid"} <= set(pictures)
    assert set(NEEDS) == set(KINDS)


@pytest.mark.parametrize("form", ["svg", "pdf", "png"])
def test_the_same_numbers_give_the_same_bytes(pictures, form):
    for name in ("forest-parts", "robustness-grid", "weights-parts"):
        assert drawn(pictures[name], form) == drawn(pictures[name], form)


def test_a_plot_does_not_depend_on_the_settings_of_whoever_draws_it(pictures):
    import matplotlib as mpl

    before = drawn(pictures["forest-grid"], "svg")
    with mpl.rc_context({"font.size": 20, "axes.grid": True, "lines.linewidth": 9, "svg.fonttype": "path"}):
        assert drawn(pictures["forest-grid"], "svg") == before
        assert mpl.rcParams["font.size"] == 20


def test_every_plot_is_written_under_its_name(pictures, tmp_path):
    some = [pictures["forest-parts"], pictures["forest-parts"], pictures["curves-grid"]]
    paths = save(some, tmp_path / "plots", "png")
    assert [path.name for path in paths] == ["forest-parts.png", "forest-parts-2.png", "curves-grid.png"]
    with Image.open(paths[0]) as image:
        assert image.width == 1440
        assert np.asarray(image.convert("L")).std() > 5


def test_plots_are_not_written_through_a_link(pictures, tmp_path):
    from butfor.core.errors import StoreError

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "plots").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="symbolic link"):
        save([pictures["forest-parts"]], tmp_path / "plots", "svg")


def test_an_unknown_plot_or_design_is_refused_with_the_nearest(material):
    with pytest.raises(StudyError, match="forest"):
        gallery(material, ["forrest"])
    with pytest.raises(StudyError, match="parts"):
        gallery(material, [], ["part"])
    assert {picture.about for picture in gallery(material, [], ["grid"])} == {"grid"}


def test_a_study_of_one_seed_has_points_without_bars(make_study):
    found = {picture.name: picture for picture in gallery(material_of(*make_study(seeds=1)))}
    told = found["forest-parts"].numbers
    assert "w/o gate −0.2" in told
    assert "(" not in told
    for picture in found.values():
        drawn(picture, "svg")


def test_a_study_with_nothing_done_has_no_plots(make_study):
    plan, results = make_study()
    assert gallery(material_of(plan, [])) == []
    assert gallery(material_of(plan.model_copy(update={"tables": ()}), results)) == []


def test_runs_that_nothing_pairs_have_no_slopes(make_study):
    plan, results = make_study()
    unpaired = plan.model_copy(
        update={
            "paired": False,
            "tables": tuple(TableSettings(design=table.design, statistics={"test": "welch"}) for table in plan.tables),
        }
    )
    kinds = {picture.kind for picture in gallery(material_of(unpaired, results))}
    assert "seeds" not in kinds
    assert "forest" in kinds


def test_every_plot_shows_something(pictures, marks_of):
    assert all(marks_of(picture) for picture in pictures.values())


def test_costs_that_nobody_recorded_have_no_plot(make_study):
    plan, results = make_study()
    bare = [replace(one, seconds=0.0, provenance={}) for one in results]
    assert "cost" not in {picture.kind for picture in gallery(material_of(plan, bare))}
