"""The false positive rate of a study's own tables: A/A studies from seeds of its baseline."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import StudyError
from .numerals import heading
from .statistics.calibrate import STUDIES, Calibration, calibrate
from .statistics.procedure import looks_of, procedure_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from ..core.study.plan import Plan, TableSettings

SEEDS = 5
"""Seeds of an arm where nobody says another number; the fewest that are tested."""

_TESTS = {
    "paired_t": "paired t",
    "nadeau_bengio": "corrected resampled t over folds",
    "wilcoxon": "signed ranks",
    "welch": "Welch's t over runs that nothing pairs",
    "pooled_t": "t over runs that nothing pairs, one spread for both arms",
}
_NOMINAL = {
    "above": " That is more than nominal: this test calls what is none, so take none of its p for what it says.",
    "within": "",
    "below": " That is less than nominal: this test is careful here, and sees less than it could.",
}


def calibrations(
    frame: pd.DataFrame, plan: Plan, table: TableSettings, *, seeds: int = 0, studies: int = STUDIES
) -> dict[str, Calibration]:
    """{metric: false positive rate} of the table's test on the baseline's trials in `frame`.

    An arm has `seeds` seeds; 0 takes the looks of the table's `sequential`, or 5. Raises StudyError where seeds do not
    suffice for two arms, or where the table tests nothing.
    """
    settings = table.statistics
    if settings.test == "none":
        raise StudyError("the table asks for `test: none`; there is nothing to calibrate")
    looks = arm_looks(table, seeds)
    known = [metric.name for metric in plan.metrics]
    wanted = table.metrics or tuple(known[:1])
    found = {}
    for metric in wanted:
        values, blocks = _values(frame, plan.baseline, table.split, metric)
        if values.size:
            procedure = procedure_for(settings, blocks, plan.held_out.get(table.split))
            procedure = dataclasses.replace(procedure, looks=1 if procedure.anytime else len(looks))
            try:
                found[metric] = calibrate(values, procedure, looks, studies=studies)
            except StudyError as error:
                raise StudyError(f"{error}{_lost(frame, plan.baseline)}{_remedy(plan, looks, values)}") from None
    if not found:
        raise StudyError(f"the baseline has no finished trial with {', '.join(wanted)} on the {table.split} split")
    return found


def arm_looks(table: TableSettings, seeds: int = 0) -> tuple[int, ...]:
    """Seeds of an arm at each look of an A/A study of this table."""
    sequential = table.statistics.sequential
    return (seeds,) if seeds else looks_of(sequential) if sequential else (SEEDS,)


def calibration_text(found: Mapping[str, Calibration]) -> str:
    """A line for each metric, ready to print."""
    return "\n".join(
        f"{heading(metric)}: {100 * one.rate:.1f} % of {one.studies:,} A/A studies called a difference "
        f"(95 % interval {100 * one.low:.1f} to {100 * one.high:.1f} %; nominal at most {100 * one.alpha:g} %), "
        f"{' or '.join(str(count) for count in one.looks)} seeds an arm, drawn from {one.seeds}; {_TESTS[one.test]}."
        f"{_NOMINAL[one.nominal]}"
        for metric, one in found.items()
    )


def calibration_rows(found: Mapping[str, Calibration]) -> list[dict[str, object]]:
    """A JSON row for each metric."""
    return [{"metric": metric, **dataclasses.asdict(one), "nominal": one.nominal} for metric, one in found.items()]


def _remedy(plan: Plan, looks: tuple[int, ...], values: NDArray[np.float64]) -> str:
    """Where more seeds are to be had from."""
    few = not plan.imported and len(values) < 2 * looks[-1]
    return f"; `butfor calibrate --train {2 * looks[-1]}` trains them, apart from the study" if few else ""


def _lost(frame: pd.DataFrame, cell: str) -> str:
    """What became of the baseline's other trials, where there are any."""
    states = frame[(frame["cell"] == cell) & (frame["state"] != "done")].drop_duplicates("key")["state"].value_counts()
    told = ", ".join(f"{count} {state}" for state, count in states.items())
    return f"; of its trials {told} and take no part" if told else ""


def _values(
    frame: pd.DataFrame, cell: str, split: str, metric: str
) -> tuple[NDArray[np.float64], list[tuple[int, str]]]:
    """(seeds, folds) of the seeds that have every fold, and their blocks."""
    part = frame[
        (frame["cell"] == cell) & (frame["state"] == "done") & (frame["split"] == split) & (frame["metric"] == metric)
    ]
    wide = part.pivot_table(index="seed", columns="fold", values="value").dropna()
    blocks = [(int(seed), str(fold)) for seed in wide.index for fold in wide.columns]
    return wide.to_numpy(dtype=np.float64), blocks
