"""A data set that workers share is the data set, without a copy; where it cannot be shared each loads its own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from butfor.core import Dataset
from butfor.core.engine import work as work_module
from butfor.core.engine.common import read_common, write_common
from butfor.core.engine.work import Shelf
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]


def test_a_shared_data_set_is_the_same(data: Dataset, tmp_path: Path) -> None:
    rows, every = len(data), np.ones(len(data), bool)
    full = Dataset(
        data.features,
        data.tasks,
        data.targets,
        data.lengths,
        data.present,
        dict.fromkeys(data.tasks, every),
        groups=np.array([f"g{i % 7}" for i in range(rows)]),
        split=np.array(["train", "test"] * (rows // 2)),
        ids=np.array([f"é {i}" for i in range(rows)]),
    )
    write_common(full, tmp_path / "a.safetensors")
    again = read_common(tmp_path / "a.safetensors")
    assert again.digest() == full.digest()
    assert again.tasks == full.tasks
    assert again.modalities == full.modalities
    for name in ("groups", "split", "ids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(full, name))
    write_common(data, tmp_path / "b.safetensors")
    assert read_common(tmp_path / "b.safetensors").groups is None


def test_its_arrays_are_pages_of_the_file(data: Dataset, tmp_path: Path) -> None:
    write_common(data, tmp_path / "a.safetensors")
    _ = read_common(tmp_path / "a.safetensors")
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("no /proc here")
    assert str(tmp_path / "a.safetensors") in maps.read_text()


def test_a_worker_finds_what_its_run_has_loaded(cell: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = cell().dataset
    run = Shelf()
    loaded = run.data(spec, "")
    with run.shared(2) as folder:
        monkeypatch.setattr(type(spec), "load", lambda _: pytest.fail("loaded again"))
        assert Shelf(common=Path(folder)).data(spec, "").digest() == loaded.digest()
    assert not Path(folder).exists()


def test_one_worker_and_a_full_disk_share_nothing(cell: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = cell().dataset
    run = Shelf()
    digest = run.data(spec, "").digest()
    with run.shared(1) as folder:
        assert folder == ""

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(work_module, "write_common", full)
    with run.shared(2) as folder:
        assert Shelf(common=Path(folder)).data(spec, "").digest() == digest
