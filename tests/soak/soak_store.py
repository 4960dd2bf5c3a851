"""Kill runners at random, again and again, until a grid is complete: nothing may be lost, doubled or changed.

    python tests/soak/soak_store.py --trials 2000 --kills 100 --runners 2 --seed 0
    python tests/soak/soak_store.py --postgres --restarts 5

Each runner is a process that trains do-nothing trials through the real session, leases and store. Some are killed by
us at a random moment, some kill themselves right after a claim or right after a commit. The suite runs a short count
(`tests/core/test_store_kills.py`).
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

STARTED = time.monotonic()
RUNNER = """
import os, signal, sys
import numpy as np
from dataclasses import dataclass, replace
from pathlib import Path
from butfor.core import database, leases, session
from butfor.core.records import Entry
from butfor.core.results import TrainResult
from butfor.core.store import UNFINISHED, Store

where, folder, count, point, after = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
session.POLL, leases.BEAT = 0.05, 0.5
keys = [f"{number:016x}" for number in range(count)]

@dataclass(frozen=True)
class Part:
    key: str
    cell: str = "cell"
    seed: int = 0
    fold: str = "fold"

@dataclass(frozen=True)
class Bundle:
    trials: tuple
    def one_at_a_time(self, keys):
        return [replace(self, trials=(trial,)) for trial in self.trials if trial.key in keys]

def bundle(keys):
    return [Bundle(tuple(map(Part, keys[i : i + 3]))) for i in range(0, len(keys), 3)]

def die_at(name, call):
    left = [after]
    def hooked(*arguments, **named):
        given = call(*arguments, **named)
        left[0] -= 1
        if point == name and left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return given
    return hooked

def note(line):
    with (folder / "trained.txt").open("a") as file:
        file.write(line + "\\n")

def execute(works):
    for work in works:
        for trial in work.trials:
            note(trial.key)
            who = {"test": {"who": float(os.getpid()), "f1": 0.5}}
            predictions = {"test/who": np.array([os.getpid()])}
            curve = ({"loss": 1.0},) * 20
            yield work, TrainResult(trial.key, "cell", 0, "fold", "done", "", who, curve, predictions=predictions)

leases.Lease.claim = die_at("claim", leases.Lease.claim)
leases.Lease.finish = die_at("commit", leases.Lease.finish)
with Store.open(where) as store:
    store.enlist("study", [Entry(key, "cell", 0, "fold", {"x": 1}) for key in keys])
    left = [key for key, state in store.states(keys).items() if state in UNFINISHED]
    with leases.Lease(store) as lease:
        (folder / f"ready-{os.getpid()}").touch()
        session.Session(store, lease, left, bundle, folder / "predictions", lambda _: None).complete(execute)
"""


@dataclass
class Grid:
    """Trials in a store, runners that come and go, and what was seen of the store so far."""

    where: str
    folder: Path
    trials: int
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    seen: dict[str, str] = field(default_factory=dict)
    """{key: checksum of its row} of every trial that was done when we looked."""

    def start(self, point: str = "never", after: int = 0) -> subprocess.Popen[bytes]:
        """A runner, which kills itself the `after`-th time that it comes to `point`."""
        command = [sys.executable, "-c", RUNNER, self.where, self.folder, self.trials, point, after]
        with (self.folder / "errors.txt").open("a") as errors:
            return subprocess.Popen([str(part) for part in command], stderr=errors)

    def look(self) -> int:
        """Number of trials done; every one seen before is unchanged, and its predictions are its own."""
        from butfor.core.predictions import read_predictions
        from butfor.core.store import Store

        keys = [f"{number:016x}" for number in range(self.trials)]
        with Store.open(self.where) as store:
            done = {key: row for key, row in store.standing(keys).items() if row["state"] == "done"}
            found = {result.key: result for result in store.load(done)}
        for key, sha256 in self.seen.items():
            assert done[key]["sha256"] == sha256, f"{key} was lost or changed"
        for key in done.keys() - self.seen.keys():
            who = read_predictions(self.folder / "predictions", key, done[key]["predictions"])["test/who"]
            assert float(who[0]) == found[key].metrics["test"]["who"], f"{key} has the predictions of another"
        self.seen = {key: row["sha256"] for key, row in done.items()}
        return len(done)

    def kill_one(self, runners: int) -> None:
        """Start some runners and end one of them in one of three ways; the others are killed when it is dead."""
        way = self.chance.choice(["random", "claim", "commit"])
        started = [self.start() for _ in range(runners - 1)]
        started.append(self.start() if way == "random" else self.start(way, self.chance.randrange(1, 30)))
        ready = time.monotonic() + self.chance.uniform(0.3, 2.5)
        while time.monotonic() < ready or way != "random":
            if started[-1].poll() is not None:
                break
            time.sleep(0.01)
        for process in started:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.kills[way] += 1

    def complete(self, runners: int) -> None:
        """Let some runners end the grid in peace."""
        started = [self.start() for _ in range(runners)]
        codes = [process.wait() for process in started]
        assert codes == [0] * runners, (codes, (self.folder / "errors.txt").read_text()[-2000:])

    def judge(self) -> str:
        """The grid is complete, and no more trials were trained twice than kills explain."""
        assert self.look() == self.trials, "the grid is not complete"
        trained = Counter((self.folder / "trained.txt").read_text().split())
        assert len(trained) == self.trials
        files = list((self.folder / "predictions").glob("*.safetensors"))
        assert len(files) == self.trials
        again = sum(trained.values()) - self.trials
        return f"{self.trials} trials, kills {dict(self.kills)}, {again} begun again, 0 lost, 0 doubled"


def soak(where: str, folder: Path, *, trials: int, kills: int, runners: int, seed: int) -> str:
    """Kill, look, and in the end complete and judge."""
    grid = Grid(where, folder, trials, random.Random(seed))
    for _ in range(kills):
        grid.kill_one(runners)
        grid.look()
    grid.complete(max(2, runners))
    return grid.judge()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--runners", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgres", action="store_true", help="on a server of our own")
    parser.add_argument("--restarts", type=int, default=5, help="of that server while runners work")
    asked = parser.parse_args()
    counts = {"trials": asked.trials, "kills": asked.kills, "runners": asked.runners, "seed": asked.seed}
    with tempfile.TemporaryDirectory(prefix="butfor-soak-") as name:
        folder = Path(name)
        if not asked.postgres:
            say(soak(str(folder / "store.sqlite"), folder, **counts))
            return
        from postgres import serving

        with serving() as server:
            say(soak(server.empty("runs"), folder, **counts))
            (folder / "again").mkdir()
            say(restarted(server, folder / "again", asked.trials, asked.restarts))


def say(line: str) -> None:
    """Print it, with the time since the start."""
    sys.stdout.write(f"{line} ({time.monotonic() - STARTED:.0f} s)\n")
    sys.stdout.flush()


def restarted(server: object, folder: Path, trials: int, restarts: int) -> str:
    """Two runners, and a server that crashes and comes back under them."""
    grid = Grid(server.empty("again"), folder, trials, random.Random(0))
    runners = [grid.start() for _ in range(2)]
    patience = time.monotonic() + 120  # a server that is away when a runner comes is an error, and not what is tested
    while time.monotonic() < patience and not all((folder / f"ready-{p.pid}").exists() for p in runners):
        time.sleep(0.01)
    for number in range(restarts):
        time.sleep(2 if number else 0)
        server.restart()
    codes = [process.wait() for process in runners]
    assert codes == [0, 0], (codes, (folder / "errors.txt").read_text()[-2000:])
    return f"{grid.judge()}, {restarts} restarts of the server"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
