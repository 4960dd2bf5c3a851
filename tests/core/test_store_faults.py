"""The disk is full, the folder read-only, a write is cut anywhere: told in words, and everything finished is kept."""

import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest

from butfor.core import predictions
from butfor.core.errors import StoreError
from butfor.core.leases import Lease
from butfor.core.predictions import read_predictions, stage_predictions
from butfor.core.records import Entry
from butfor.core.store import Store

FILLER = """
    import json, resource, sys
    import numpy as np
    from pathlib import Path
    from butfor.core.errors import StoreError
    from butfor.core.leases import Lease
    from butfor.core.predictions import stage_predictions
    from butfor.core.records import Entry
    from butfor.core.results import TrainResult
    from butfor.core.store import Store
    path, limit, width = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    kept, told = [], ""
    with Store.open(path) as store:
        keys = [f"{number:016x}" for number in range(400)]
        store.enlist("study", [Entry(key, "cell", 0, "fold") for key in keys])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            with Lease(store) as lease:
                for key in keys:
                    lease.claim([key])
                    staged = stage_predictions(path.parent / "predictions", key, {"test/a": np.zeros(width)})
                    curve = ({"loss": 0.5},) * 100
                    if lease.finish(TrainResult(key, "cell", 0, "fold", "done", curve=curve), staged):
                        kept.append(key)
        except StoreError as error:
            told = str(error)
    print(json.dumps([kept, told]))
"""


def filled(path, limit, width=1):
    """Fill a store until a file would grow beyond `limit` bytes: the keys that were acknowledged, and what was said."""
    pytest.importorskip("resource", reason="this system cannot limit the size of files")
    command = [sys.executable, "-c", textwrap.dedent(FILLER), path, limit, width]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def test_a_full_disk_is_told_and_what_was_acknowledged_is_kept(tmp_path):
    kept, told = filled(tmp_path / "runs.sqlite", 600_000)
    assert "make room" in told
    assert 5 < len(kept) < 400
    with Store.open(tmp_path / "runs.sqlite") as store:
        found = store.load([f"{number:016x}" for number in range(400)])
        rows = store.standing(kept)
    assert [result.key for result in found][: len(kept)] == kept
    assert len(found) <= len(kept) + 1
    for key in kept:
        read_predictions(tmp_path / "predictions", key, rows[key]["predictions"])


def test_a_disk_without_room_for_predictions_is_told_and_leaves_no_half_file(tmp_path):
    kept, told = filled(tmp_path / "runs.sqlite", 600_000, width=100_000)
    assert kept == []
    assert "cannot write predictions" in told
    assert list((tmp_path / "predictions").iterdir()) == []
    with Store.open(tmp_path / "runs.sqlite") as store:
        assert set(store.states([f"{number:016x}" for number in range(400)]).values()) == {"pending"}


NOBODY = """
    import os, sys
    from butfor.core.errors import StoreError
    from butfor.core.store import Store
    Store.open(sys.argv[2]).close()  # loads all that opening needs, while that may still be read
    if os.geteuid() == 0:
        os.setuid(65534)  # root may write everywhere
    try:
        Store.open(sys.argv[1])
    except StoreError as error:
        print(error)
"""


def test_a_folder_that_is_read_only_is_told(tmp_path, put, a_result):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store.open(folder / "runs.sqlite") as store:
            put(store, a_result())
        (folder / "runs.sqlite").chmod(0o444)
        folder.chmod(0o555)
        for path in (folder / "runs.sqlite", folder / "new" / "runs.sqlite"):
            command = [sys.executable, "-c", textwrap.dedent(NOBODY), path, tmp_path / "other.sqlite"]
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True, cwd="/")
            assert "check its permissions" in done.stdout or "cannot make the folder" in done.stdout
        folder.chmod(0o755)


def test_predictions_cut_at_any_byte_are_found_by_their_checksum(tmp_path):
    staged = stage_predictions(tmp_path, "ab" * 8, {"test/a": np.arange(3.0)})
    staged.place()
    content = staged.path.read_bytes()
    for length in range(len(content)):
        staged.path.write_bytes(content[:length])
        with pytest.raises(StoreError, match="damaged"):
            read_predictions(tmp_path, "ab" * 8, staged.sha256)
    for place in range(len(content) * 8):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        staged.path.write_bytes(changed)
        with pytest.raises(StoreError, match="damaged"):
            read_predictions(tmp_path, "ab" * 8, staged.sha256)


def test_predictions_appear_before_the_row_that_speaks_of_them_and_never_without_the_lease(
    store, tmp_path, monkeypatch, a_result
):
    key, seen = "ab" * 8, []
    store.enlist("study", [Entry(key, "c0ffee", 3, "fold-1")])
    settle = predictions._settle
    with Lease(store) as lease:
        lease.claim([key])
        staged = stage_predictions(tmp_path, key, {"test/a": np.zeros(1)})
        assert not staged.path.exists()

        def look(folder):
            settle(folder)
            seen.append((staged.path.exists(), store.states([key])[key]))

        monkeypatch.setattr(predictions, "_settle", look)
        assert lease.finish(a_result(key), staged) is True
    assert seen == [(True, "running")]
