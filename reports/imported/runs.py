"""Lines of a file as runs: their settings, seed, fold, state and metrics, with every problem at its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, get_args

from ...core.errors import nearest
from ...core.results import State
from .metrics import Place, add_metric, finite, metric_columns, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...core.study.problems import Problems
    from .mapping import Choice, RunsMapping, Value
    from .source import Line, Source

_SEEDS = 1 << 63
"""The store keeps 64 bits of a seed."""
_ENDED: dict[str, State] = {
    **{state: state for state in get_args(State)},
    **dict.fromkeys(("finished", "completed", "complete", "success", "succeeded", "ok"), "done"),
    **dict.fromkeys(("crashed", "killed", "error", "errored", "timeout", "cancelled", "oom"), "failed"),
    "nan": "diverged",
}
"""{word of other tools: state}."""


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
    taken |= {column for _, _, column in metric_columns(mapping)}
    if said.long is not None:
        taken |= {said.long.metric, said.long.value, said.long.split}
    return {column: column for column in source.columns if column not in taken}


def check_columns(mapping: RunsMapping, source: Source, problems: Problems) -> None:
    """Write down every column of the mapping that the file has not."""
    said = mapping.said
    asked: list[tuple[str, tuple[str | int, ...]]] = [
        (getattr(said, name), (name,)) for name in ("seed", "fold", "label", "state", "data_set") if getattr(said, name)
    ]
    asked += [(column, ("metrics", metric, "columns", split)) for metric, split, column in metric_columns(mapping)]
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
            for place in metric_columns(mapping):
                add_metric(mapping, run, line, place, problems)
    for run in runs:
        if run.state == "done" and not run.metrics:
            run.state = "failed"
    if not runs:
        problems.add(mapping.place("where"), "no line of the file has these values", "where", code="")
    return Taken(runs, len(every))


def _run(mapping: RunsMapping, line: Line, settings: Mapping[str, str], problems: Problems) -> Run:
    """A line as a run, its metrics left out."""
    said = mapping.said
    for column in settings.values():
        value = line.values.get(column)
        if isinstance(value, int | float) and not finite(value):
            line.wrong(problems, f"expected a setting, got {short(value)}, which is no finite number", column)
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


def _add_long(mapping: RunsMapping, run: Run, line: Line, problems: Problems) -> None:
    long = mapping.said.long
    if long is None or line.values.get(long.metric) is None:
        return
    metric, split = str(line.values[long.metric]), _text(line, long.split) or "test"
    if mapping.metrics and metric not in mapping.metrics:
        return
    if metric in run.metrics.get(split, {}):
        line.wrong(problems, f"this run has {metric} on {split} already, in {run.line.name} or after it", long.metric)
        return
    add_metric(mapping, run, line, Place(metric, split, long.value), problems)


def _seed(line: Line, column: str, problems: Problems) -> int | None:
    if not column:
        return None
    value = line.values.get(column)
    if isinstance(value, int) and not isinstance(value, bool):
        if -_SEEDS <= value < _SEEDS:
            return value
        line.wrong(problems, f"expected a seed, a whole number of at most 64 bits, got {short(value)}", column)
    elif column in line.values:
        told = "nothing" if value is None else short(value)
        line.wrong(problems, f"expected a seed, a whole number, got {told}", column)
    return None


def _state(line: Line, column: str, problems: Problems) -> State:
    if not column or column not in line.values:
        return "done"
    word = _text(line, column).lower()
    if word in _ENDED:
        return _ENDED[word]
    line.wrong(problems, f"unknown state '{word}'", column, nearest(word, list(_ENDED)))
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
