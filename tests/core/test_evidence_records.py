"""Evidence comes back from the store as it was, of either database, and a row that was changed is found."""

import pytest
from sqlalchemy import update

from butfor.core import upkeep
from butfor.core.errors import StoreError
from butfor.core.evidence import Evidence
from butfor.core.evidence_records import evidence_identities, keep_evidence, kept_evidence
from butfor.core.schema import evidence
from butfor.core.store import Store


def said(cell="a", phase="before", **more):
    fields = {"question": "dead parameters", "message": "4 of 8 are dead: é \ud800\0", "details": {"share": 0.1 + 0.2}}
    return Evidence(cell=cell, phase=phase, **{**fields, **more})


def test_evidence_comes_back_by_cell_and_phase_with_its_numbers_to_the_bit(where):
    during = said("b", "during", question="gradient share", mark="½", other="a", paths=("losses.kl",))
    with Store.open(where) as store:
        keep_evidence(store, "s", "during", ["b"], [during])
        keep_evidence(store, "s", "before", ["a", "b"], [said("b", mark="≡"), said()], identity="digest")
    with Store.open(where, create=False) as store:
        found = kept_evidence(store, "s")
        assert [(one.cell, one.phase, one.mark) for one in found] == [
            ("a", "before", ""),
            ("b", "before", "≡"),
            ("b", "during", "½"),
        ]
        assert found[2] == during
        assert found[0].details == {"share": 0.1 + 0.2}
        assert found[0].message == "4 of 8 are dead: é \ud800\0"
        assert kept_evidence(store, "s", "during") == (during,)
        assert [one.cell for one in kept_evidence(store, "s", cells=["a"])] == ["a"]
        assert evidence_identities(store, "s", "before") == {"a": "digest", "b": "digest"}
        assert kept_evidence(store, "another") == ()


def test_what_is_kept_again_takes_the_place_of_what_was_there_and_only_of_its_cells_and_phase(where):
    with Store.open(where) as store:
        keep_evidence(store, "s", "before", ["a", "b"], [said(), said("b")], identity="old")
        keep_evidence(store, "s", "after", ["a"], [said(phase="after")])
        keep_evidence(store, "s", "before", ["a"], [], identity="new")
        assert [(one.cell, one.phase) for one in kept_evidence(store, "s")] == [("a", "after"), ("b", "before")]
        assert evidence_identities(store, "s", "before") == {"a": "new", "b": "old"}


@pytest.mark.parametrize("wrong", [said("other"), said(phase="after")])
def test_evidence_of_another_cell_or_phase_is_refused(store, wrong):
    with pytest.raises(ValueError, match="among that of before training"):
        keep_evidence(store, "s", "before", ["a"], [wrong])
    assert kept_evidence(store, "s") == ()


def test_details_that_are_no_json_are_refused(store):
    with pytest.raises(ValueError, match="not JSON"):
        keep_evidence(store, "s", "before", ["a"], [said(details={"x": object()})])


def test_a_row_that_was_changed_is_found_when_it_is_read_and_by_upkeep(store, tmp_path):
    keep_evidence(store, "s", "before", ["a"], [said(mark="⊘")], identity="digest")
    assert upkeep.check(store, tmp_path).damaged == ()
    store.do(lambda c: c.execute(update(evidence).values(records="[]")), write=True)
    with pytest.raises(StoreError, match=r"evidence of cell 'a'.*checksum differs"):
        kept_evidence(store, "s")
    assert upkeep.check(store, tmp_path).damaged == (
        "evidence of s/a: it is not what was written: its checksum differs",
    )
    assert evidence_identities(store, "s", "before") == {}


def test_a_study_that_is_forgotten_takes_its_evidence_along(store, tmp_path, put, a_result):
    put(store, a_result())
    keep_evidence(store, "study", "before", ["a"], [said()])
    keep_evidence(store, "other", "before", ["a"], [said()])
    upkeep.forget(store, tmp_path, "study", keep=["a" * 16])
    assert len(kept_evidence(store, "study")) == 1
    upkeep.forget(store, tmp_path, "study")
    assert kept_evidence(store, "study") == ()
    assert len(kept_evidence(store, "other")) == 1
