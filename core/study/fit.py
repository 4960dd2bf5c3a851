"""Do the parts of a cell fit each other, and do they fit the data?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..batch import Shapes
from ..errors import Finding, StudyError, nearest
from .locate import locate
from .tree import Node, Place, at, lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..dataset import Dataset, TaskKind
    from ..specs import Spec
    from .cell import Cell
    from .settings import CellSettings

_BETWEEN_PARTS = ("variance", "sequence")
_TASK_KINDS: tuple[TaskKind, ...] = ("classes", "values")
_FRAME_AXES = 3


def static_problems(settings: CellSettings, tree: Node, baseline: Node) -> Iterator[Finding]:
    """What can be said without data: widths, and what fusion and losses need of the encoders.

    `tree` is the cell's, `baseline` the baseline's: of two parts that do not fit, the one that a design changed is
    pointed at.
    """
    if not settings.losses:
        losses = tree.within("losses")
        yield at(
            losses.head if losses is not None else tree.head,
            "a cell needs at least one loss term",
            "losses",
            code="BF403",
        )
    yield from _widths(settings, tree)
    parts: list[tuple[str, Spec]] = [("fusion", settings.fusion)]
    parts += [(f"losses.{term}", loss) for term, loss in settings.losses.items()]
    for path, part in parts:
        for need in _BETWEEN_PARTS:
            if need in part.requirements():
                yield from _lacking(settings, (tree, baseline), path, part, need)


def _widths(settings: CellSettings, tree: Node) -> Iterator[Finding]:
    widths = {modality: encoder.width for modality, encoder in settings.encoder.items()}
    if len(set(widths.values())) > 1:
        common = max(widths.values(), key=list(widths.values()).count)
        odd = next(modality for modality, width in widths.items() if width != common)
        told = ", ".join(f"{modality} {width}" for modality, width in widths.items())
        path = f"encoder.{odd}.width"
        yield at(place_of(tree, path), f"all encoders need one width, and these have {told}", path, code="BF402")


def _lacking(settings: CellSettings, trees: tuple[Node, Node], path: str, part: Spec, need: str) -> Iterator[Finding]:
    """The first modality whose encoder lacks what `part` needs; `trees` are the cell's and the baseline's."""
    tree, baseline = trees
    for modality, encoder in settings.encoder.items():
        if need in encoder.capabilities():
            continue
        behind = f"encoder.{modality}"
        moved = lookup(tree, behind) is not lookup(baseline, behind) and lookup(tree, path) is lookup(baseline, path)
        blamed = behind if moved else path
        message = f"{part.kind} {_holder(part, need)} needs an encoder with a {need}"
        yield at(place_of(tree, blamed), f"{message}; '{encoder.name}' ({modality}) has none", blamed, code="BF401")
        return


def _holder(part: Spec, need: str) -> str:
    """The name of the part, and of the one inside it that has the need."""
    for _, held in part.inner():
        if need in held.requirements():
            return f"'{part.name}' with {_holder(held, need)}"
    return f"'{part.name}'"


def place_of(tree: Node, path: str) -> Place:
    """Where a setting or component was chosen: its name, else its key, else what stands around it."""
    node, _, found = locate(tree, path.split("."))
    name = node.within("name") if found else None
    return name.place if name is not None else node.head if node.is_mapping else node.place


def check_against_data(cell: Cell, data: Dataset) -> list[Finding]:
    """What only the data can show: whether its arrays are what the encoders read, its tasks what the losses need."""
    return [*_inputs(cell, data), *_tasks(cell, data)]


def _inputs(cell: Cell, data: Dataset) -> Iterator[Finding]:
    for modality, encoder in cell.settings.encoder.items():
        path = f"encoder.{modality}"
        if modality not in data.features:
            message = f"the data set has no modality '{modality}'"
            yield at(place_of(cell.node, path), message, path, nearest(modality, data.modalities), code="BF404")
            continue
        shape = data.features[modality].shape
        reads = encoder.requirements() & {"utterance", "frames"}
        given = "frames" if len(shape) == _FRAME_AXES else "utterance"
        if reads and given not in reads:
            axes = {"frames": "frames (N, T, D)", "utterance": "one vector a row (N, D)"}
            message = f"encoder '{encoder.name}' reads {axes[next(iter(reads))]}; '{modality}' comes as {axes[given]}"
            yield at(place_of(cell.node, path), message, path, code="BF405")


def _tasks(cell: Cell, data: Dataset) -> Iterator[Finding]:
    for term, loss in cell.settings.losses.items():
        for kind in _TASK_KINDS:
            if kind not in loss.requirements():
                continue
            wanted = getattr(loss, "task", None)
            shapes = Shapes(term, {}, {}, cell.settings.width, data.tasks)
            try:
                shapes.task(wanted if isinstance(wanted, str) else None, kind)
            except StudyError as error:
                path = f"losses.{term}.task" if lookup(cell.node, f"losses.{term}.task") else f"losses.{term}"
                yield at(place_of(cell.node, path), error.findings[0].message, path, code="BF406")
