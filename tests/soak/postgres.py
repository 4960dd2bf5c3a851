"""A PostgreSQL server of our own, in a folder that is removed, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def programs() -> Path | None:
    """Folder of PostgreSQL's programs; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places else None


@dataclass(frozen=True)
class Server:
    """One that runs."""

    folder: Path
    data: Path
    port: int

    @property
    def address(self) -> str:
        """Without the name of a database."""
        return f"postgresql://butfor@127.0.0.1:{self.port}"

    def control(self, *arguments: str) -> None:
        """Ask pg_ctl, and wait."""
        settings = f"-p {self.port} -k {self.data} -h 127.0.0.1 -F"
        started = ["-o", settings, "-l", self.data / "log"] if "stop" not in arguments else []
        _run([self.folder / "pg_ctl", "-D", self.data, "-w", *started, *arguments])

    def restart(self) -> None:
        """As after a crash: connections break, what was committed is recovered."""
        self.control("-m", "immediate", "restart")

    def empty(self, name: str) -> str:
        """The address of a new, empty database."""
        import psycopg

        with psycopg.connect(f"{self.address}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
        return f"{self.address}/{name}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server, stopped and removed at the end."""
    folder = programs()
    if folder is None:
        raise FileNotFoundError("no PostgreSQL server is installed (apt-get install postgresql)")
    data = Path(tempfile.mkdtemp(prefix="butfor-postgres-"))
    if _user():
        shutil.chown(data, _user())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(folder, data, port)
    try:
        _run([folder / "initdb", "-D", data, "-A", "trust", "-U", "butfor", "--no-sync"])
        server.control("start")
        yield server
    finally:
        if (data / "postmaster.pid").exists():
            server.control("-m", "immediate", "stop")
        shutil.rmtree(data, ignore_errors=True)


def _user() -> str | None:
    """It refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def _run(command: list[object]) -> None:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([str(part) for part in command], check=True, user=_user(), cwd="/", **quiet)
