"""Which papers the parts of a study come from, written down so that a report can cite them without loading plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..specs import Spec
    from .settings import CellSettings


def papers_of(cells: Iterable[CellSettings]) -> dict[str, str]:
    """{`KIND NAME`: BibTeX} of every part that some cell uses and that comes from a paper, held parts included."""
    found: dict[str, str] = {}
    for cell in cells:
        parts = (cell.dataset, *cell.encoder.values(), cell.fusion, *cell.losses.values())
        for part in parts:
            found |= {f"{spec.kind} {spec.name}": spec.paper for spec in _with_held(part) if spec.paper}
    return dict(sorted(found.items()))


def _with_held(part: Spec) -> Iterator[Spec]:
    yield part
    for _, held in part.inner():
        yield from _with_held(held)
