"""What trials cost: means over those that recorded it."""

from dataclasses import replace

from butfor.reports.spent import spent_of


def test_imported_runs_took_no_time_that_anybody_knows(make_study):
    _, results = make_study(seeds=2)
    assert spent_of(results)["full"].seconds == 1.5
    imported = [replace(one, seconds=0.0, provenance={"imported": "runs.csv"}) for one in results]
    assert spent_of(imported)["full"].seconds is None
