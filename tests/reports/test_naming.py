"""Tables of one design are told apart by name, wherever they stand."""

import pytest

from butfor.core.study.plan import TableSettings
from butfor.reports.material import material_of
from butfor.reports.page.compared import how_compared
from butfor.reports.plots.gallery import gallery


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ([{}], ["Grid"]),
        ([{}, {"split": "test@without:audio"}], ["Grid (test)", "Grid (test@without:audio)"]),
        ([{"metrics": ("mse",)}, {"metrics": ("weighted_f1",)}], ["Grid (MSE)", "Grid (Weighted F1)"]),
        ([{}, {"layout": "robustness", "metrics": ("mse",)}], ["Grid", "Grid (robustness)"]),
        ([{}, {"decimals": 2}], ["Grid", "Grid, 2"]),
    ],
)
def test_tables_of_one_design_have_names_of_their_own(make_study, settings, wanted):
    plan, results = make_study()
    tables = tuple(TableSettings(design="grid", **one) for one in settings)
    material = material_of(plan.model_copy(update={"tables": tables}), results)
    assert [named for _, named in material.named] == wanted
    assert [row[0] for row in how_compared(material)[0].rows] == wanted
    assert [picture.named for picture in gallery(material, ["forest"])] == wanted
