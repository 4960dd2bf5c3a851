"""What is installed of a kind of part, and from which distribution: for a study that names a part that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..catalogue import Catalogue


def installed(catalogue: Catalogue, kind: str) -> str:
    """`installed: concat, mean (butfor 0.1.0); hadamard (butfor-hadamard 0.1.0)`, and what failed to be imported."""
    origins: dict[str, list[str]] = {}
    for known, entry in catalogue:
        if known == kind:
            origins.setdefault(f"{entry.distribution} {entry.version}".strip(), []).append(entry.name)
    told = "; ".join(f"{', '.join(names)} ({origin})" for origin, names in origins.items())
    lines = [f"installed: {told or f'no {kind}'}"]
    lines += [f"not loaded: plugin {name} of {reason}" for name, reason in catalogue.failures.items()]
    return "\n".join(lines)
