"""The command line. Standard output carries data; standard error carries progress and problems.

One file a command. Heavy packages load inside the command that needs them, so that `butfor --help` answers at once.
"""

from __future__ import annotations

from . import (
    calibrate,
    check,
    compare,
    doctor,
    evidence,
    explain,
    export,
    imported,
    init,
    plan,
    plot,
    plugins,
    report,
    rerun,
    run,
    schema,
    status,
    store,
    table,
)
from .app import app
from .leaving import main

__all__ = [
    "app",
    "calibrate",
    "check",
    "compare",
    "doctor",
    "evidence",
    "explain",
    "export",
    "imported",
    "init",
    "main",
    "plan",
    "plot",
    "plugins",
    "report",
    "rerun",
    "run",
    "schema",
    "status",
    "store",
    "table",
]
