"""Natural order of names: `audio_2` before `audio_10`."""

from __future__ import annotations

import re


def natural_key(name: str) -> tuple[tuple[str, int], ...]:
    """Sort key in which runs of digits count as numbers; distinct names keep distinct keys up to leading zeros."""
    pieces = re.findall(r"(\D*)(\d*)", name, flags=re.ASCII)
    return (*((text, int(digits) if digits else -1) for text, digits in pieces), (name, 0))
