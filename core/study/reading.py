"""Read a study's tree key by key. What is wrong goes to `problems`; what can be read is read on."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ..splits import SplitSpec
from .assign import NOTHING, merge, per_modality
from .axes import Ground
from .cell import NO_DATASET, CellMaker, modality_names
from .designs import Design, Listed, Point
from .expansion import expand_designs
from .grammar import Grammar
from .kinds import BASELINE
from .layers import layers
from .limits import MAX_PARTS, MAX_WORK
from .messages import round_number, said, wrong_kind
from .names import folder_problem
from .plan import PlannedDesign, TableSettings
from .problems import Problems
from .read_designs import read_designs
from .read_tables import read_tables
from .settings import CellSettings
from .tree import Node, Place, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..catalogue import Catalogue
    from .cell import Cell

KEYS = ("study", "include", "plugins", "dataset", "splits", "seeds", "baseline", "ablations", "evaluate", "tables")
OUTSIDE = ("dataset", "splits")
"""Settings of a cell that stand beside `baseline`, because all cells usually share them."""
INSIDE = tuple(name for name in CellSettings.model_fields if name not in OUTSIDE)
DEFAULT_SEEDS = range(3)
"""Without `seeds`. Source: AttentionRobustV4 notes, at least three."""
_NO_DATA = ("modality",)
_NO_STUDY = (
    "this file is a mapping of runs that were trained elsewhere, and no study: there is nothing to train",
    "runs",
    "read it with `butfor import`; `table`, `report`, `plot` and `export` take it as it is",
)
_MANY = 10**100


@dataclass(frozen=True, slots=True)
class Reading:
    """A study while it is read."""

    grammar: Grammar
    root: Node
    """The file and its includes, laid over each other."""
    cell: Node
    """The baseline's settings with `dataset` and `splits`, encoders by modality."""
    modalities: tuple[str, ...]
    """Of the data set; where it is wrong, those that the baseline speaks of."""
    has_data: bool
    """Whether the data set's settings are right."""
    has_baseline: bool
    problems: Problems

    @classmethod
    def of(cls, tree: Node, catalogue: Catalogue) -> Reading:
        """Lay the file over its includes."""
        problems, grammar = Problems(), Grammar(catalogue)
        if tree.within("runs") is not None and not {"dataset", "include"} & set(tree.children):
            problems.add(tree.children["runs"].head, *_NO_STUDY, code="BF111")
            problems.stop_if_any()
        laid = layers(tree, catalogue.presets, problems)
        incomplete = bool(problems.errors)
        for layer in laid:
            _check_keys(layer, problems)
        if incomplete:
            problems.stop_if_any()
        root = _laid_over(grammar, laid)
        baselines = [baseline for layer in laid if (baseline := _baseline(layer, problems)) is not None]
        dataset = root.within("dataset")
        names = modality_names(dataset, grammar.catalogue) if dataset is not None else None
        if dataset is None:
            problems.add(root.head, NO_DATASET, code="BF110")
        modalities = (names or _spoken_of(baselines))[:MAX_PARTS]
        if names is not None and dataset is not None and len(names) > MAX_PARTS:
            problems.add(
                dataset.head, f"{len(names)} modalities; at most {MAX_PARTS} are allowed", "dataset", code="BF105"
            )
            problems.stop_if_any()
        cell = Node({}, root.place, root.key)
        for baseline in baselines:
            encoder = baseline.within("encoder")
            known = baseline if encoder is None else baseline.having("encoder", per_modality(encoder, modalities))
            cell = merge(grammar, cell, known, grammar.root) or cell
        for key in OUTSIDE:
            if root.within(key) is not None:
                cell = cell.having(key, root.within(key))
        return cls(grammar, root, cell, modalities, names is not None, bool(baselines), problems)

    def name(self) -> str:
        """`study`, checked."""
        node = self.root.within("study")
        if node is None:
            self.problems.add(
                self.root.head, "`study` is missing", remedy="name the study, such as `study: my-study`", code="BF110"
            )
            return ""
        if not isinstance(node.value, str):
            remedy = "quote it" if node.value is not None else ""
            self.problems.add(node.place, f"expected text, got {said(plain(node))}", "study", remedy, code="BF202")
            return ""
        wrong = folder_problem(node.value)
        if wrong:
            self.problems.add(node.place, f"'{node.value}' {wrong}", "study", code="BF113")
        return node.value

    def seeds(self) -> Sequence[int]:
        """`seeds`: a number n for 0 to n - 1, or a list of different numbers."""
        node = self.root.within("seeds")
        if node is None:
            return DEFAULT_SEEDS
        if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value > 0:
            return range(min(node.value, sys.maxsize))
        if not node.items:
            wanted = "expected a number of seeds of at least 1, or a list of seeds"
            self.problems.add(node.place, f"{wanted}, got {said(plain(node))}", "seeds", code="BF115")
        seeds: dict[int, None] = {}
        for item in node.items:
            if not isinstance(item.value, int) or isinstance(item.value, bool) or item.value < 0:
                message = f"expected a whole number of at least 0, got {said(plain(item))}"
                self.problems.add(item.place, message, "seeds", code="BF115")
            elif item.value in seeds:
                self.problems.add(item.place, f"seed {item.value} stands here twice", "seeds", code="BF116")
            else:
                seeds[item.value] = None
        return tuple(seeds)

    def check_plugins(self) -> None:
        """`plugins`: a list of files, which the registry has loaded before."""
        node = self.root.within("plugins")
        if node is None or node.value == ():
            return
        if not node.items:
            self.problems.take([wrong_kind(node, "plugins", "a list of files")])
        for item in node.items:
            if not isinstance(item.value, str):
                self.problems.take([wrong_kind(item, "plugins", "the path of a file")])

    def maker(self) -> CellMaker:
        """What makes the cells; it has made the baseline's already, if that is right."""
        maker = CellMaker(self.grammar, self.cell, self.modalities, self.problems)
        if self.root.within("baseline") is None:
            self.problems.add(self.root.head, "`baseline` is missing", code="BF110")
        elif self.has_baseline:
            maker.start(BASELINE)
        return maker

    def designs(self, maker: CellMaker, only: Collection[str]) -> tuple[Design, ...]:
        """`ablations`, or those of them that `only` names; without any, one design that is the baseline alone."""
        node = self.root.within("ablations")
        if node is None or (node.is_mapping and not node.children):
            point = Point(BASELINE, self.cell.head)
            return (Design(BASELINE, "cells", self.cell.head, Listed((point,)), leads=True),)
        for name in only:
            if name not in node.children:
                self.problems.unknown(Place(node.place.file), "design", name, tuple(node.children), code="BF313")
        if only and node.is_mapping:
            node = replace(node, value={name: child for name, child in node.children.items() if name in only})
        baseline = maker.baseline
        names = baseline.settings.modalities if baseline else self.modalities if self.has_data else ()
        resolved = baseline.resolved if baseline else None
        return read_designs(Ground(self.grammar, self.cell, resolved, names, self.problems), node)

    def check_size(self, designs: Sequence[Design], seeds: int, folds: int | None, max_trials: int) -> int:
        """The number of cells at most. Raises StudyError where they would make more than `max_trials`."""
        cells = 1 + sum(design.count - design.leads for design in designs)
        folds = folds or self._num_folds() or 1
        node = self.root.within("ablations") or self.root.within("seeds") or self.root
        if cells * seeds * folds > max_trials:
            said = f"{round_number(cells)} cells x {round_number(seeds)} seeds x {round_number(folds)} folds are up to "
            self.problems.add(
                node.head,
                f"{said}{round_number(cells * seeds * folds)} trials, more than the {max_trials} allowed",
                "ablations",
                "vary less, or raise the limit with --max-trials",
                code="BF312",
            )
            self.problems.stop_if_any()
        if cells * self.cell.size + sum(design.work for design in designs) > MAX_WORK:
            said = f"{cells} cells of {self.cell.size} settings, with their conditions, are more than can be looked at"
            self.problems.add(node.head, said, "ablations", "vary less, or make several studies of it", code="BF312")
            self.problems.stop_if_any()
        return cells

    def _num_folds(self) -> int | None:
        splits = self.cell.within("splits")
        try:
            return SplitSpec.model_validate({} if splits is None else plain(splits)).num_folds
        except ValidationError:
            return None

    def expand(self, maker: CellMaker, designs: Sequence[Design]) -> tuple[dict[str, Cell], tuple[PlannedDesign, ...]]:
        """The cells and the rows of the designs; without a data set or a baseline there are none to look at."""
        possible = self.has_data and self.has_baseline
        return expand_designs(maker, self.problems, designs if possible else ())

    def tables(
        self, designs: Sequence[PlannedDesign], only: Collection[str], cells: Mapping[str, Cell]
    ) -> tuple[TableSettings, ...]:
        """`tables`, checked; one for each design where none is asked for."""
        node = self.root.within("tables")
        if node is None or node.value == ():
            return tuple(TableSettings(design=design.name) for design in designs)
        differs = {cell.key: cell.differs for cell in cells.values()}
        return read_tables(self, designs, differs, only)


def _laid_over(grammar: Grammar, laid: Sequence[Node]) -> Node:
    """The layers as one; `plugins` add up, and null removes a design. Baselines are laid over each other elsewhere."""
    root = Node({})
    slots = grammar.children(grammar.root, None)
    for layer in laid:
        root = replace(layer, value=root.children)
        for key, child in layer.children.items():
            old = root.within(key)
            if key == "plugins" and old is not None and isinstance(old.value, tuple) and isinstance(child.value, tuple):
                root = root.having(key, replace(child, value=(*old.value, *child.value)))
            elif key == "baseline" or key not in KEYS:
                root = root.having(key, child) if key in KEYS else root
            elif key == "ablations" and old is not None and old.is_mapping and child.is_mapping:
                gone = {
                    name for name, design in child.children.items() if design.value is None and name in old.children
                }
                left = {name: design for name, design in old.children.items() if name not in gone}
                said = {name: design for name, design in child.children.items() if name not in gone}
                merged = merge(grammar, replace(old, value=left), replace(child, value=said), NOTHING, (key,))
                root = root.having(key, merged)
            else:
                slot = slots[key] if key in OUTSIDE else NOTHING
                root = root.having(key, merge(grammar, old, child, slot, (key,)))
    return root


def _check_keys(layer: Node, problems: Problems) -> None:
    for key, child in layer.children.items():
        if key in INSIDE:
            problems.add(child.head, f"`{key}` stands in `baseline`, not beside it", key, "move it in", code="BF112")
    others = replace(layer, value={key: child for key, child in layer.children.items() if key not in INSIDE})
    problems.check_keys(others, KEYS)


def _baseline(layer: Node, problems: Problems) -> Node | None:
    """A layer's baseline without what is unknown in it."""
    node = layer.within("baseline")
    if node is None:
        return None
    if not node.is_mapping:
        problems.take([wrong_kind(node, "baseline", "a mapping")])
        return None
    for key, child in node.children.items():
        if key in KEYS:
            problems.add(
                child.head,
                f"`{key}` stands beside `baseline`, not in it",
                f"baseline.{key}",
                "move it out",
                code="BF112",
            )
    others = replace(node, value={key: child for key, child in node.children.items() if key not in KEYS})
    problems.check_keys(others, INSIDE, "baseline")
    return replace(node, value={key: child for key, child in node.children.items() if key in INSIDE})


def _spoken_of(baselines: Sequence[Node]) -> tuple[str, ...]:
    """Modalities that baselines name, for a data set that cannot say."""
    names: list[str] = []
    for baseline in baselines:
        chosen, encoder = baseline.within("modalities"), baseline.within("encoder")
        names += [str(item.value) for item in chosen.items] if chosen is not None else []
        if encoder is not None and "name" not in encoder.children:
            names += [name for name, child in encoder.children.items() if child.is_mapping or child.name]
    return tuple(dict.fromkeys(names)) or _NO_DATA
