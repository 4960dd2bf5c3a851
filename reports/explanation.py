"""One cell explained: why it is there, what sets it apart, and where each of its values comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import Finding, StudyError, nearest
from ..core.study.grammar import Grammar
from ..core.study.tree import Node, lookup
from .listing import short
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.catalogue import Catalogue
    from ..core.study.cell import Cell
    from ..core.study.study import Study

_KEY = 4
"""Fewest characters of a key that name a cell."""


@dataclass(frozen=True, slots=True)
class Value:
    """A setting of a cell and where it comes from."""

    path: str
    value: Any
    origin: str
    """`file`, `include NAME`, `preset NAME`, `design NAME`, or `default`."""
    file: str = ""
    line: int = 0
    column: int = 0
    doc: str = ""
    """Of a default: what the setting means, in its plugin's words."""


def find_cell(study: Study, said: str) -> Cell:
    """The cell of that label or of a key that begins so. Raises StudyError with the nearest label."""
    labels: dict[str, set[str]] = {}
    for cell in study.cells:
        labels.setdefault(cell.label, set()).add(cell.key)
    for design in study.designs:
        for row in design.rows:
            labels.setdefault(row.label, set()).add(row.cell)
    keys = labels.get(said) or {cell.key for cell in study.cells if len(said) >= _KEY and cell.key.startswith(said)}
    if len(keys) == 1:
        return study.cell(next(iter(keys)))
    if keys:
        told = ", ".join(sorted(keys))
        raise StudyError(Finding(f"'{said}' is the label of {len(keys)} cells: {told}", study.source, code="BF316"))
    near = nearest(said, list(labels))
    raise StudyError(Finding(f"there is no cell '{said}'", study.source, code="BF316", remedy=near))


def explain_json(study: Study, cell: Cell, catalogue: Catalogue) -> dict[str, Any]:
    """The explanation for programs."""
    rows = [(design, row) for design in study.designs for row in design.rows if row.cell == cell.key]
    names = {design.name for design, _ in rows}
    values = values_of(study, cell, catalogue)
    return {
        "key": cell.key,
        "label": cell.label,
        "baseline": cell.key == study.baseline.key,
        "designs": [
            {"name": design.name, "kind": design.kind, "row": row.label}
            | ({"condition": row.condition} if row.condition else {})
            for design, row in rows
        ],
        "tested_under": [condition.name for condition in study.conditions_of(cell)],
        "tables": [
            {"design": table.design, "metrics": list(table.metrics), "split": table.split, "caption": table.caption}
            for table in study.tables
            if table.design in names
        ],
        "differs": [
            {"path": path, "value": value, "baseline": _baseline_value(study, path), **_place(values, path)}
            for path, value in cell.differs.items()
        ],
        "settings": [asdict(value) for value in values],
    }


def explain_text(study: Study, cell: Cell, catalogue: Catalogue) -> str:
    """The explanation for people: what was written first, what is left at its default last."""
    told = explain_json(study, cell, catalogue)
    lines = [f"cell {cell.key}: {plain(cell.label)}", "", "why it is there"]
    lines += ["  it is the baseline: every other cell is held against it"] if told["baseline"] else []
    lines += [
        f"  {plain(one['name'])} ({one['kind']}): row '{plain(one['row'])}'{_only_tested(one)}"
        for one in told["designs"]
    ]
    if told["tested_under"]:
        lines += ["", "tested under, besides the clean test", *(f"  {plain(name)}" for name in told["tested_under"])]
    lines += ["", "tables"]
    for table in told["tables"]:
        metrics = ", ".join(table["metrics"]) or "its first metrics"
        lines.append(f"  {plain(table['design'])}: {metrics}, {plain(table['split'])} split")
    lines += [] if told["tables"] else ["  none"]
    if not told["baseline"]:
        lines += ["", "what differs from the baseline"]
        for one in told["differs"]:
            where = f"  ({_where(one)})" if one["origin"] else ""
            lines.append(f"  {one['path']}: {short(one['value'])}, baseline {short(one['baseline'])}{where}")
    values = values_of(study, cell, catalogue)
    lines += ["", "what was written", *_columns([one for one in values if one.origin != "default"])]
    return "\n".join([*lines, "", "defaults", *_columns([one for one in values if one.origin == "default"])])


def _only_tested(row: Mapping[str, Any]) -> str:
    """That a row is the same trained trials under a condition."""
    return f", tested {plain(row['condition']).replace(':', ' ')}; trains nothing" if "condition" in row else ""


def _columns(values: list[Value]) -> list[str]:
    cells = [(one.path, "null" if one.value is None else plain(short(one.value))) for one in values]
    path, width = (max((len(row[column]) for row in cells), default=0) for column in (0, 1))
    return [
        f"  {name:<{path}}  {value:<{width}}  {_where(asdict(one))}".rstrip()
        for (name, value), one in zip(cells, values, strict=True)
    ]


def _where(value: Mapping[str, Any]) -> str:
    """`study.yaml:7:13`, with the design, include or preset that it belongs to; of a default its docstring."""
    if value["origin"] == "default":
        return " ".join(str(value["doc"]).split())
    position = f":{value['line']}:{value['column']}" if value["line"] else ""
    if value["origin"].startswith("preset "):
        return f"{value['origin']}{position}"
    place = f"{value['file']}{position}"
    return f"{place}, {value['origin']}".removeprefix(", ") if value["origin"].startswith("design ") else place


def values_of(study: Study, cell: Cell, catalogue: Catalogue) -> list[Value]:
    """Every setting of a cell; those that all encoders share in value and place stand once, as `encoder.width`."""
    every = [_value(study, cell, catalogue, path, value) for path, value in _leaves(cell.resolved, "")]
    modalities = list(cell.resolved["encoder"])
    tails: dict[str, list[Value]] = {}
    for one in every:
        parts = one.path.split(".", 2)
        if parts[0] == "encoder":
            tails.setdefault(parts[2], []).append(one)
    found: dict[str, Value] = {}
    for one in every:
        parts = one.path.split(".", 2)
        twins = tails[parts[2]] if parts[0] == "encoder" else []
        shared = len(twins) == len(modalities) > 1 and len({_identity(twin) for twin in twins}) == 1
        path = f"encoder.{parts[2]}" if shared else one.path
        found.setdefault(path, Value(**{**asdict(one), "path": path}))
    return list(found.values())


def _identity(value: Value) -> str:
    return repr((value.value, value.origin, value.file, value.line, value.column))


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inside in value.items():
            yield from _leaves(inside, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _value(study: Study, cell: Cell, catalogue: Catalogue, path: str, value: object) -> Value:
    node = _written(cell.node, path)
    if node is None or not (node.place.file or node.place.line):
        return Value(path, value, "default", doc=_doc(cell, catalogue, path))
    place = node.place
    origin = _origin(study, cell, catalogue, path, node)
    return Value(path, value, origin, place.file, place.line, place.column)


def _doc(cell: Cell, catalogue: Catalogue, path: str) -> str:
    """The docstring of a setting, or of the one that holds it: a key of a mapping has none of its own."""
    while path:
        slot = Grammar(catalogue).walk(cell.node, path.split("."))
        if slot is not None and slot.field is not None and slot.field.description:
            return slot.field.description
        path = path.rpartition(".")[0]
    return ""


def _written(tree: Node, path: str) -> Node | None:
    """What was written for a setting: at its path, or a short form further up (`mlp`, a warm-up of 20) that sets it."""
    said, last = path, path.rpartition(".")[2]
    while said:
        node = lookup(tree, said)
        if node is not None and node.is_mapping and (node.children or said != path):
            return None
        if node is not None:
            names = isinstance(node.value, str) and said != path
            return node if not names or last in {"name", "scheme"} else None
        said = said.rpartition(".")[0]
    return None


def _origin(study: Study, cell: Cell, catalogue: Catalogue, path: str, node: Node) -> str:
    if _written(study.baseline.node, path) is not node and cell.key != study.baseline.key:
        return f"design {', '.join(cell.designs)}"
    file = node.place.file
    preset = next((name for name, known in catalogue.presets.items() if str(known) == file), None)
    if preset is not None:
        return f"preset {preset}"
    return "file" if file == study.source else f"include {file}"


def _baseline_value(study: Study, path: str) -> object:
    """The baseline's value at a path of `differs`, where `encoder.width` stands for all encoders."""
    parts = path.split(".")
    if parts[0] == "encoder" and len(parts) > 1 and parts[1] not in study.baseline.resolved["encoder"]:
        parts.insert(1, study.baseline.settings.modalities[0])
    value: Any = study.baseline.resolved
    for part in parts:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _place(values: list[Value], path: str) -> dict[str, Any]:
    """Origin and place of what was set at a path; of a component those of its name; nothing for what is gone."""
    keys = ("origin", "file", "line", "column", "doc")
    one = next((value for value in values if value.path in (path, f"{path}.name")), None)
    return {key: getattr(one, key) if one is not None else {"line": 0, "column": 0}.get(key, "") for key in keys}
