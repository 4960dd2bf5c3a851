"""What an engine lets be seen of a trial while it trains: gradients of its terms, and parameters that nothing moves.

The one piece of code that both engines call. It changes no number, and an error in it costs no trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .unmoved import Unmoved
from .witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from .assignment import Assignment
    from .course import Course
    from .feed import Feed
    from .model import System
    from .noise import Site

    Named = Mapping[str, Tensor | None]
    """{parameter: its gradient or moment}."""


class Onlooker:
    """Looks at one trial at the end of each epoch. `site` follows the modules of `system`."""

    def __init__(self, assignment: Assignment, system: System, feed: Feed, site: Site) -> None:
        self._unmoved = Unmoved(assignment.settings.train, system)
        self._witness: Witness | None = None
        self._make: Callable[[], Witness] | None = None
        if assignment.witness:
            self._make = lambda: Witness(assignment, system, feed, site)
        self._blind = ""

    def end_epoch(self, course: Course, gradients: Callable[[], Named]) -> None:
        """Look at the last step's `gradients`, and, of a witness, at those of each term: they go into the curve."""
        if not self._unmoved.memory:
            self._unmoved.look(gradients())
        if self._make is None or self._blind or course.state != "done":
            return
        try:
            self._witness = self._witness or self._make()
            course.note(self._witness.look(course.epoch - 1))
        except Exception as error:  # noqa: BLE001 - a look from outside costs no trial
            self._blind = f"{type(error).__name__}: {error}"

    def told(self, moments: Callable[[str], Named]) -> dict[str, Any]:
        """For the provenance, after training; `moments` gives the optimiser's `first` or `second`."""
        memory = self._unmoved.memory
        told = self._unmoved.told(moments(memory) if memory else {})
        return {"evidence": told | ({"witness": self._blind} if self._blind else {})}
