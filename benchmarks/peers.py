"""The contenders of a whole study: each is a command that trains given trials and leaves their results in a file."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .report import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

PEERS_PYTHON = FOLDER / "peers" / "bin" / "python"
"""`make bench-peers` makes it: a Python with what `peers.txt` lists, apart from butfor's own."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody else's way of training trials."""

    title: str
    module: str
    jobs: int
    packages: tuple[str, ...] = ()
    """Beside torch; none: runs in butfor's own Python."""

    def command(self, python: Path, task: Path, out: Path) -> list[str]:
        """Train the trials of `task`, leave the results in `out`."""
        chosen = str(python) if self.packages else sys.executable
        return [chosen, "-m", f"butfor.benchmarks.{self.module}", str(task), str(out), str(self.jobs)]

    def missing(self, python: Path) -> str:
        """Why it cannot take part; empty if it can."""
        if not self.packages:
            return ""
        if not python.exists():
            return f"no Python of the peers at {python}: `make bench-peers`"
        lacking = [name for name, found in versions(python, self.packages).items() if found == "missing"]
        return f"{', '.join(lacking)} not installed in {python}" if lacking else ""


def peers(jobs: int = 2) -> dict[str, Peer]:
    """All of them, by a short name."""
    return {
        "loop": Peer("DataLoader loop", "peer_loop", 1),
        "loops": Peer(f"DataLoader loop, {jobs} processes", "peer_loop", jobs),
        "ray": Peer("Ray Tune", "peer_ray", jobs, ("torch", "ray")),
        "optuna": Peer("Optuna", "peer_optuna", jobs, ("torch", "optuna")),
        "hydra": Peer("Hydra + joblib", "peer_hydra", jobs, ("torch", "hydra-core", "hydra-joblib-launcher", "joblib")),
    }


def versions(python: Path, packages: tuple[str, ...]) -> dict[str, str]:
    """Of the packages that the peers' Python has."""
    code = "import json, sys; from butfor.benchmarks.machine import versions; print(json.dumps(versions(sys.argv[1:])))"
    done = subprocess.run([str(python), "-c", code, *packages], capture_output=True, text=True, check=False)
    if done.returncode:
        return dict.fromkeys(packages, "missing")
    return dict(json.loads(done.stdout))
