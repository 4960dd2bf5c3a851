"""Every question that can be answered before training, of all cells of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...study.cell import content_key
from ..rehearse import one_thread
from .data_settings import idle_data_settings
from .dead import dead_parameters
from .factors import factors
from .idle import idle_terms
from .influence import Influences
from .leaving import Leaving
from .optimum import undone_smoothing
from .prober import Prober
from .same import same_computation
from .schedules import unreached
from .unread import idle_settings
from .unseen import unseen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...catalogue import Catalogue
    from ...evidence import Evidence
    from ...study.study import Study
    from ...study.trial import Trial
    from ..work import Shelf


def evidence_before(
    study: Study, catalogue: Catalogue, shelf: Shelf, *, load_again: bool = True
) -> tuple[Evidence, ...]:
    """Whether each ablation can take effect, seen on a few rows; nothing is trained.

    Which settings of a data set are read is only seen where it may be loaded again.

    `study` is one that `prepare` has accepted. Of a cell whose parts raise, the rehearsal or a record
    tells why.
    """
    prober, cells = Prober(shelf, catalogue, (*study.conditions, *study.at_test)), study.cells
    influences = Influences(prober)
    with one_thread():
        found = [
            *factors(study.baseline, cells),
            *same_computation(prober, influences, cells),
            *idle_settings(prober, influences, cells),
            *(idle_data_settings(prober, cells) if load_again else ()),
            *idle_terms(prober, cells),
            *dead_parameters(prober, cells),
            *Leaving(prober).look(study.baseline, cells),
            *undone_smoothing(prober, cells),
            *unreached(cells),
            *unseen(prober, study),
        ]
    return tuple(found)


def identity_of(study: Study, trials: Iterable[Trial]) -> str:
    """A hash of what the answers follow from: every cell with all that decides its numbers, and how it is called."""
    first = study.seeds[0]
    keys = [trial.key for trial in trials if trial.seed == first]
    called = [[cell.key, cell.label, sorted(cell.differs)] for cell in study.cells]
    return content_key([keys, called, study.baseline.key])
