"""The value of a setting, by its dotted path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def setting_of(settings: object, path: str) -> Any:  # noqa: ANN401 - settings are plain JSON
    """The value at a dotted path, or None; a name that holds a dot is found too, longest first."""
    if not isinstance(settings, Mapping):
        return None
    if path in settings:
        return settings[path]
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        head = ".".join(parts[:cut])
        if head in settings:
            return setting_of(settings[head], ".".join(parts[cut:]))
    return None
