"""Studies with planted faults, looked at before training."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from butfor.core.engine.evidence.before import evidence_before
from butfor.core.engine.work import Shelf
from butfor.core.errors import Finding
from butfor.core.evidence import Evidence
from butfor.core.study.proof import findings_of
from butfor.core.study.study import Study
from butfor.registry import assemble

FAULTS = Path(__file__).with_name("planted_faults.py")
CARELESS = Path(__file__).with_name("careless_parts.py")
SOUND = Path(__file__).with_name("sound_parts.py")
HEAD = """\
study: planted
dataset: {name: planted, rows: 120, features: 8, classes: 3, groups: 8}
splits: official
seeds: 5
"""


class Proof(NamedTuple):
    """What was found of a study."""

    study: Study
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]

    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]

    def finding(self, code: str) -> Finding:
        (found,) = (finding for finding in self.findings if finding.code == code)
        return found

    def marks(self) -> dict[str, str]:
        labels = {cell.key: cell.label for cell in self.study.cells}
        return {labels[one.cell]: one.mark for one in self.evidence if one.mark}

    def told(self, question: str, label: str) -> list[Evidence]:
        (key,) = (cell.key for cell in self.study.cells if cell.label == label)
        return [one for one in self.evidence if one.cell == key and one.question == question]


@pytest.fixture(scope="session")
def faulty():
    """The catalogue with the planted faults, and parts that only look like some."""
    return assemble([FAULTS, CARELESS, SOUND])


@pytest.fixture(scope="session")
def shelf() -> Shelf:
    return Shelf(room=50)


@pytest.fixture
def prove(faulty, shelf) -> Callable[..., Proof]:
    def look(text: str, head: str = HEAD) -> Proof:
        study = Study.parse(head + text, faulty, "study.yaml")
        found = evidence_before(study, faulty, shelf)
        return Proof(study, found, findings_of(study, found))

    return look


@pytest.fixture
def pointed() -> Callable[..., str]:
    """The text of the file from where a finding points on."""

    def read(text: str, finding: Finding, head: str = HEAD) -> str:
        return (head + text).splitlines()[finding.line - 1][finding.column - 1 :]

    return read
