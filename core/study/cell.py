"""A cell: one system that is trained over all seeds and folds. Its key is the hash of all its settings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..errors import StudyError, nearest
from ..specs import DatasetSpec
from .assign import Setter
from .differences import differences
from .fit import static_problems
from .layers import folder_of
from .limits import MAX_PARTS
from .messages import coerced, shown, translate, wrong_kind
from .names import part_problem
from .present import as_html, as_rich, cell_rows
from .settings import CellSettings
from .tree import Node, at, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.table import Table as RichTable

    from ..catalogue import Catalogue
    from .assign import Assignment
    from .grammar import Grammar
    from .problems import Problems

TITLE = "baseline"
NO_DATASET = "`dataset` is missing"
"""Said once, of the whole file, and not of each cell."""


def content_key(value: object) -> str:
    """Hash of JSON values; the order of keys makes no difference."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One system, checked, with the tree that says where each of its settings was written."""

    key: str
    """Hash of the settings."""
    label: str
    """How it reads in the first table that it is in."""
    settings: CellSettings
    resolved: Mapping[str, Any] = field(repr=False)
    """The settings as JSON values, defaults included."""
    node: Node = field(repr=False)
    """The settings as they were written, each with its place."""
    differs: Mapping[str, Any]
    """{path: value} against the baseline; None for a loss term that is gone."""
    designs: tuple[str, ...] = ()
    """The designs that it is in."""

    def has(self, path: str) -> bool:
        """Whether the cell has a setting of that path, defaults included; `encoder.width` is that of any encoder."""
        parts = path.split(".")
        if parts[0] == "encoder" and len(parts) > 1 and parts[1] not in self.resolved["encoder"]:
            parts.insert(1, self.settings.modalities[0])
        value: Any = self.resolved
        for part in parts:
            if not isinstance(value, dict) or part not in value:
                return False
            value = value[part]
        return True

    def __rich__(self) -> RichTable:
        return as_rich(*cell_rows(self))

    def _repr_html_(self) -> str:
        return as_html(*cell_rows(self))

    @property
    def data_key(self) -> str:
        """Hash of the data set and the splits: cells that share it share their folds."""
        return content_key([self.resolved["dataset"], self.resolved["splits"]])

    @property
    def folder(self) -> str:
        """The folder that relative paths of the data set start from."""
        return str(data_folder(self.node))


@dataclass(slots=True)
class CellMaker:
    """Makes cells of one study from what designs set on its baseline."""

    grammar: Grammar
    tree: Node
    """The baseline's settings, `dataset` and `splits` among them; encoders stand by modality."""
    modalities: tuple[str, ...]
    """Those of the baseline's data set; where it is wrong, those that the study speaks of."""
    problems: Problems
    baseline: Cell | None = None
    _datasets: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    def start(self, label: str) -> Cell | None:
        """The baseline's own cell, or None where it is wrong."""
        self.baseline = self.make(label, ())
        return self.baseline

    def make(self, label: str, assignments: Sequence[Assignment]) -> Cell | None:
        """The cell with `assignments` made in their order, or None where something is wrong with it."""
        self.problems.cell = label
        try:
            setter = Setter(self.grammar, self.tree, self.modalities)
            tree = self.tree
            for assignment in assignments:
                tree = setter.set(tree, assignment)
            return self._cell(label, tree)
        except StudyError as error:
            self.problems.take(error.findings)
            return None
        finally:
            self.problems.cell = ""

    def _cell(self, label: str, tree: Node) -> Cell | None:
        before = self.problems.num_errors
        whole = self._whole(tree)
        settings = self._validated(whole)
        if settings is None:
            return None
        resolved = settings.resolved()
        for path, node, wanted in coerced(whole, resolved):
            self.problems.take([wrong_kind(node, shown(whole, path), wanted)])
        self.problems.take(static_problems(settings, whole, self.tree))
        if self.problems.num_errors > before:
            return None
        key = content_key(resolved)
        differs = {} if self.baseline is None else differences(self.baseline.resolved, resolved, whole)
        return Cell(key, label, settings, resolved, whole, differs)

    def _whole(self, tree: Node) -> Node:
        """The tree with every choice made: modalities in the order of the data, their encoders, terms by name."""
        names = self._modality_names(tree)
        chosen = self._chosen(tree, names)
        tree = tree.having("modalities", chosen)
        encoders = tree.within("encoder")
        if encoders is not None and encoders.is_mapping:
            tree = tree.having("encoder", self._encoders(encoders, tuple(str(m.value) for m in chosen.items), names))
        losses = tree.within("losses")
        if losses is not None and losses.is_mapping:
            tree = tree.having("losses", self._terms(losses))
        return tree

    def _chosen(self, tree: Node, names: tuple[str, ...]) -> Node:
        said = tree.within("modalities")
        if said is None:
            return Node(tuple(Node(name) for name in names))
        words = [item.value for item in said.items]
        for number, item in enumerate(said.items):
            if not isinstance(item.value, str):
                continue
            if item.value not in names:
                self.problems.unknown(item.place, "modality", item.value, names, "modalities", code="BF209")
            elif item.value in words[:number]:
                self.problems.add(item.place, f"modality '{item.value}' stands here twice", "modalities", code="BF210")
        if not all(word in names for word in words):
            return said
        by_name = {str(item.value): item for item in said.items}
        return replace(said, value=tuple(by_name[name] for name in names if name in by_name)) if words else said

    def _encoders(self, encoders: Node, chosen: Sequence[str], names: Sequence[str]) -> Node:
        """The encoders of the modalities that take part. One that was written for all serves every modality."""
        given = encoders.children
        for modality, encoder in given.items():
            if modality not in names and modality not in self.modalities:
                self.problems.add(
                    encoder.head, "unknown modality", f"encoder.{modality}", nearest(modality, names), code="BF209"
                )
        common = next(iter(given.values())) if len({id(encoder) for encoder in given.values()}) == 1 else None
        kept: dict[str, Node] = {}
        for modality in chosen:
            chosen_encoder = given.get(modality) or (common if modality not in self.modalities else None)
            if chosen_encoder is not None:
                kept[modality] = chosen_encoder
            elif modality in names:
                self.problems.add(
                    encoders.head, f"there is no encoder for modality '{modality}'", "encoder", code="BF211"
                )
        return replace(encoders, value=kept)

    def _terms(self, losses: Node) -> Node:
        if len(losses.children) > MAX_PARTS:
            said = f"{len(losses.children)} loss terms; at most {MAX_PARTS} are allowed"
            raise StudyError(at(losses.head, said, "losses", code="BF105"))
        for term, loss in losses.children.items():
            wrong = part_problem(term)
            if wrong:
                self.problems.add(loss.head, f"the term '{term}' {wrong}", "losses", code="BF113")
            if loss.value is None:
                known = [other for other, said in losses.children.items() if said.value is not None]
                near = nearest(term, known)
                self.problems.add(loss.head, "there is no such term to remove", f"losses.{term}", near, code="BF212")
        kept = {term: loss for term, loss in sorted(losses.children.items()) if loss.value is not None}
        return replace(losses, value=kept)

    def _modality_names(self, tree: Node) -> tuple[str, ...]:
        """Those of the cell's data set, or the study's where it is wrong."""
        dataset = tree.within("dataset")
        if dataset is None:
            return self.modalities
        key = repr(plain(dataset))
        if key not in self._datasets:
            self._datasets[key] = modality_names(dataset, self.grammar.catalogue)
        return self._datasets[key] or self.modalities

    def _validated(self, tree: Node) -> CellSettings | None:
        try:
            return CellSettings.model_validate(
                plain(tree), context=context_of(tree.within("dataset") or tree, self.grammar.catalogue)
            )
        except ValidationError as error:
            found = translate(error, tree, self.grammar, self.grammar.root, TITLE)
            self.problems.take(finding for finding in found if finding.message != NO_DATASET)
            return None


def context_of(dataset: Node, catalogue: Catalogue) -> dict[str, object]:
    """What specs are validated with. `folder` is that of the file in which the data set's path stands."""
    return {"catalogue": catalogue, "folder": folder_of(dataset.within("path") or dataset)}


def data_folder(tree: Node) -> Path:
    """The folder of the file that says where the data are."""
    dataset = tree.within("dataset")
    path = dataset.within("path") if dataset is not None else None
    return folder_of(path or dataset or tree)


def modality_names(dataset: Node, catalogue: Catalogue) -> tuple[str, ...] | None:
    """The modalities of a data set, or None where its settings are wrong; a cell's check says what is."""
    try:
        return DatasetSpec.model_validate(plain(dataset), context=context_of(dataset, catalogue)).modality_names()
    except ValidationError:
        return None
