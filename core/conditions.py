"""Conditions under which a trained trial is tested besides the clean test, and what their figures are called.

The figures of a condition are a split of their own, `SPLIT@CONDITION`: `test@missing:0.3`, `test@missing:0.3:audio`,
`test@noise:0.5:audio+text`, `test@without:audio`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

ConditionKind = Literal["missing", "noise", "without"]

_UNDER = "@"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a test takes away from its rows, or adds to them. Who takes part in the study decides it, never a cell."""

    kind: ConditionKind
    """`missing`: absent in a share of the rows; `noise`: Gaussian noise on the features; `without`: absent in all."""
    level: float
    """The share of rows, or the noise in standard deviations of each feature; 1 for `without`."""
    modalities: tuple[str, ...]
    """Those concerned, together. Empty for every one of `among`: `missing` then takes each by itself."""
    among: tuple[str, ...]
    """The modalities of the baseline: `missing` never takes the last of them from a row."""

    @property
    def name(self) -> str:
        """`missing:0.3:audio`; without the modalities where it concerns every one."""
        level = "" if self.kind == "without" else f":{self.level:g}"
        which = f":{'+'.join(self.modalities)}" if self.modalities else ""
        return f"{self.kind}{level}{which}"

    @property
    def concerned(self) -> tuple[str, ...]:
        """The modalities that it may change."""
        return self.modalities or self.among

    def plain(self) -> dict[str, Any]:
        """As JSON values, for the key of a trial."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def split_under(split: str, condition: str) -> str:
    """The name of the figures of `split` under the condition of that name; the split itself without one."""
    return f"{split}{_UNDER}{condition}" if condition else split


def split_and_condition(name: str) -> tuple[str, str]:
    """(`test`, `missing:0.3`) of `test@missing:0.3`; the condition of a clean split is empty."""
    split, _, condition = name.partition(_UNDER)
    return split, condition


def parts_of(condition: str) -> tuple[str, float | None, str]:
    """(kind, level, modalities) of the name of a condition: ("missing", .3, "audio+text"); no level for `without`."""
    kind, _, rest = condition.partition(":")
    if kind == "without":
        return kind, None, rest
    level, _, which = rest.partition(":")
    return kind, float(level), which
