"""Every code of a finding, by chapter: what `butfor check --explain CODE` prints.

The first digit says where to look: 1 the file, 2 values and parts, 3 designs and tables, 4 parts and data, 5 the
rehearsal, 6 what the numbers could show, 7 whether ablations take effect, 8 runs
brought in and taken out.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from . import (
    of_designs,
    of_evidence,
    of_exchange,
    of_files,
    of_parts,
    of_rehearsal,
    of_science,
    of_training_evidence,
    of_values,
)
from .code import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...errors import Severity

__all__ = ["CODES", "Code", "severity_of"]

_CHAPTERS = (
    of_files,
    of_values,
    of_designs,
    of_parts,
    of_rehearsal,
    of_science,
    of_evidence,
    of_training_evidence,
    of_exchange,
)
CODES: Mapping[str, Code] = MappingProxyType({code.code: code for chapter in _CHAPTERS for code in chapter.CODES})
"""{code: what it means}, in order."""


def severity_of(code: str) -> Severity:
    """How grave findings of a code are; those without one are errors."""
    return CODES[code].severity if code else "error"
