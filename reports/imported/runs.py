"""Lines of a file as runs: their settings, seed, fold, state and metrics, with every problem at its place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, get_args

from ...core.errors import nearest
from ...core.metrics import METRICS
from ...core.results import State
from ...core.study.plan import PlannedMetric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...core.study.problems import Problems
    from .mapping import Choice, RunsMapping, Value
    from .source import Line, Source

_ENDED: dict[str, State] = {
    **{state: state for state in get_args(State)},
    **dict.fromkeys(("finished", "completed", "complete", "success", "succeeded", "ok"), "done"),
    **dict.fromkeys(("crashed", "killed", "error", "errored", "timeout", "cancelled", "oom"), "failed"),
    "nan": "diverged",
}
"""{word of other tools: state}."""
_KNOWN = {metric.name: metric for metric in METRICS}


@dataclass(eq=False)
class Run:
    """One training, as the file has it."""

    line: Line
    settings: dict[str, Value]
    seed: int | None
    fold: str
    state: State
    label: str
    data_set: str
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    """{split: {metric: value}}."""

    def matches(self, where: Choice) -> bool:
        """Whether it has the values that are asked for, by names of settings or of columns."""
        every = {**self.line.values, **self.settings}
        return all(
            every.get(name) in (wanted if isinstance(wanted, tuple) else (wanted,)) for name, wanted in where.items()
        )


def settings_of(mapping: RunsMapping, source: Source) -> dict[str, str]:
    """{name of a setting: its column}."""
    said = mapping.said
    if isinstance(said.settings, dict):
        return dict(said.settings)
    if isinstance(said.settings, tuple):
        return {column: column for column in said.settings}
    taken = {said.seed, said.fold, said.label, said.state, said.data_set, *said.ignore}
    taken |= {column for _, _, column in _metric_columns(mapping)}
    if said.long is not None:
        taken |= {said.long.metric, said.long.value, said.long.split}
    return {column: column for column in source.columns if column not in taken}


def check_columns(mapping: RunsMapping, source: Source, problems: Problems) -> None:
    """Write down every column of the mapping that the file has not."""
    said = mapping.said
    asked: list[tuple[str, tuple[str | int, ...]]] = [
        (getattr(said, name), (name,)) for name in ("seed", "fold", "label", "state", "data_set") if getattr(said, name)
    ]
    asked += [(column, ("metrics", metric, "columns", split)) for metric, split, column in _metric_columns(mapping)]
    asked += [(column, ("where",)) for column in said.where]
    asked += [(column, ("ignore", place)) for place, column in enumerate(said.ignore)]
    if isinstance(said.settings, dict):
        asked += [(column, ("settings", name)) for name, column in said.settings.items()]
    elif isinstance(said.settings, tuple):
        asked += [(column, ("settings", place)) for place, column in enumerate(said.settings)]
    if said.long is not None:
        asked += [
            (column, ("long", name)) for name in ("metric", "value", "split") if (column := getattr(said.long, name))
        ]
    for column, path in asked:
        if column not in source.columns:
            problems.unknown(mapping.place(*path), "column", column, source.columns, ".".join(map(str, path)), code="")


def metrics_of(mapping: RunsMapping, runs: Iterable[Run], problems: Problems) -> tuple[PlannedMetric, ...]:
    """The metrics with their directions; those of a long file in the order in which they come."""
    recorded = dict.fromkeys(metric for run in runs for found in run.metrics.values() for metric in found)
    said = mapping.metrics
    found = []
    for name in said or recorded:
        known, one = _KNOWN.get(name.rpartition(".")[2]), said.get(name)
        higher = one.higher_is_better if one else None
        if higher is None and known is None:
            place = mapping.place("metrics", name) if one else mapping.place("metrics")
            words = f"`higher_is_better` is missing: whether more of '{name}' is better cannot be known"
            problems.add(place, words, f"metrics.{name}", nearest(name, list(_KNOWN)), code="")
            continue
        rate = one.rate if one and one.rate is not None else bool(known and known.rate)
        up = known.higher_is_better if higher is None and known else bool(higher)
        found.append(PlannedMetric(name=name, higher_is_better=up, rate=rate))
    return tuple(found)


class Taken(NamedTuple):
    """The runs that a mapping asks for."""

    runs: list[Run]
    file: int
    """Runs in the file, with those that are not asked for."""


def read_runs(mapping: RunsMapping, source: Source, problems: Problems) -> Taken:
    """The runs of the lines that the mapping asks for; in a long file the lines of one run together."""
    said, settings, runs = mapping.said, settings_of(mapping, source), list[Run]()
    every, together = set[tuple[object, ...]](), dict[tuple[object, ...], Run]()
    for line in source.lines:
        run = _run(mapping, line, settings, problems)
        same = (id(line),) if said.long is None else _identity(run)
        every.add(same)
        if not run.matches(said.where):
            continue
        first = together.setdefault(same, run)
        if first is run:
            runs.append(run)
        if said.long is not None:
            _add_long(mapping, first, line, problems)
        else:
            for place in _metric_columns(mapping):
                _add(mapping, run, line, place, problems)
    for run in runs:
        if run.state == "done" and not run.metrics:
            run.state = "failed"
    if not runs:
        problems.add(mapping.place("where"), "no line of the file has these values", "where", code="")
    return Taken(runs, len(every))


def _run(mapping: RunsMapping, line: Line, settings: Mapping[str, str], problems: Problems) -> Run:
    """A line as a run, its metrics left out."""
    said = mapping.said
    return Run(
        line=line,
        settings={name: line.values.get(column) for name, column in settings.items()},
        seed=_seed(line, said.seed, problems),
        fold=_text(line, said.fold) or "all",
        state=_state(line, said.state, problems),
        label=_text(line, said.label),
        data_set=_text(line, said.data_set),
    )


def _identity(run: Run) -> tuple[object, ...]:
    """What lines of one run have in common, in a long file."""
    return (*same_settings(run.settings), run.seed, run.fold, run.state, run.label, run.data_set)


class _Place(NamedTuple):
    """Where a metric of a part of the data stands."""

    metric: str
    split: str
    column: str


def _metric_columns(mapping: RunsMapping) -> list[_Place]:
    """Every metric of a wide file."""
    if mapping.said.long is not None:
        return []
    return [
        _Place(name, split, column)
        for name, one in mapping.metrics.items()
        for split, column in (one.columns or {"test": name}).items()
    ]


def _add_long(mapping: RunsMapping, run: Run, line: Line, problems: Problems) -> None:
    long = mapping.said.long
    if long is None or line.values.get(long.metric) is None:
        return
    metric, split = str(line.values[long.metric]), _text(line, long.split) or "test"
    if mapping.metrics and metric not in mapping.metrics:
        return
    if metric in run.metrics.get(split, {}):
        words = f"this run has {metric} on {split} already, in line {run.line.number} or after it"
        problems.add(line.place(long.metric), words, code="")
        return
    _add(mapping, run, line, _Place(metric, split, long.value), problems)


def _add(mapping: RunsMapping, run: Run, line: Line, place: _Place, problems: Problems) -> None:
    """The value of one metric; one that is absent or not finite is none."""
    value, column = line.values.get(place.column), place.column
    if value is None:
        return
    if isinstance(value, bool | str):
        problems.add(line.place(column), f"expected a number, got {value!r}", column, code="")
        return
    asked = mapping.metrics.get(place.metric)
    number = value / 100 if asked and asked.percent else float(value)
    if not math.isfinite(number):
        return
    known = _KNOWN.get(place.metric.rpartition(".")[2])
    rate = asked.rate if asked and asked.rate is not None else bool(known and known.rate)
    if rate and not 0 <= number <= 1:
        remedy = "if it is in percent, write `percent: true` beside its columns"
        words = f"{place.metric} is a rate, and {value} is not between 0 and 1"
        problems.add(line.place(column), words, column, remedy, code="")
        return
    run.metrics.setdefault(place.split, {})[place.metric] = number


def _seed(line: Line, column: str, problems: Problems) -> int | None:
    if not column:
        return None
    value = line.values.get(column)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if column in line.values:
        told = "nothing" if value is None else repr(value)
        problems.add(line.place(column), f"expected a seed, a whole number, got {told}", column, code="")
    return None


def _state(line: Line, column: str, problems: Problems) -> State:
    if not column or column not in line.values:
        return "done"
    word = _text(line, column).lower()
    if word in _ENDED:
        return _ENDED[word]
    problems.unknown(line.place(column), "state", word, list(_ENDED), column, code="")
    return "failed"


def _text(line: Line, column: str) -> str:
    value = line.values.get(column) if column else None
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def varying(runs: Sequence[Run], names: Iterable[str]) -> tuple[str, ...]:
    """Those settings in which the runs differ."""
    return tuple(name for name in names if len({_typed(run.settings.get(name)) for run in runs}) > 1)


def settings_in(run: Run, names: Iterable[str]) -> dict[str, Value]:
    """What it has of some settings; one without a value is not there."""
    return {name: run.settings[name] for name in names if run.settings.get(name) is not None}


def same_settings(one: Mapping[str, Value]) -> tuple[object, ...]:
    """Settings as a key: `1` and `true` are two values."""
    return tuple((name, _typed(value)) for name, value in one.items())


def _typed(value: Value) -> tuple[bool, Value]:
    return isinstance(value, bool), value
