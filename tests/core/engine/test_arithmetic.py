"""Faster products: had only where they are asked for, tested in the process that uses them, refused with a reason."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from butfor.core.engine import arithmetic, products
from butfor.core.engine.arithmetic import AVX512, STOCK, is_active, started_with, why_not_here
from butfor.core.errors import StudyError, TrainingError

here = pytest.mark.skipif(
    sys.platform != "linux" or not arithmetic._compiler(), reason="a library for the loader of Linux has to be compiled"
)
BITS = """
import torch
from butfor.core.engine.products import check
check("{name}")
torch.set_num_threads(1)
draw = torch.Generator().manual_seed(0)
one = torch.randn(3, 32, 300, generator=draw)
other = torch.randn(3, 300, 64, generator=draw)
print((one @ other).double().sum().item().hex())
"""


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Whatever this machine has, it says that it has one that MKL holds back: MKL looks for itself what it can do."""
    file = tmp_path / "cpuinfo"
    file.write_text("vendor_id: AuthenticAMD\nflags: avx2 avx512f")
    monkeypatch.setattr(arithmetic, "_PROCESSOR", file)
    return file


def computed(name: str, asked: str | None = None) -> subprocess.CompletedProcess:
    with started_with(name):
        return subprocess.run(
            [sys.executable, "-c", BITS.format(name=asked or name)], capture_output=True, text=True, check=False
        )


@here
@pytest.mark.usefixtures("processor")
def test_a_process_started_so_computes_so_and_no_other_does() -> None:
    before = os.environ.get("LD_PRELOAD")
    stock, fast = computed(STOCK), computed(AVX512)
    assert (stock.returncode, fast.returncode) == (0, 0), stock.stderr + fast.stderr
    assert float.fromhex(fast.stdout) == pytest.approx(float.fromhex(stock.stdout), rel=1e-3)
    assert os.environ.get("LD_PRELOAD") == before
    assert not is_active()


@here
@pytest.mark.usefixtures("processor")
def test_a_process_that_computes_otherwise_than_asked_refuses() -> None:
    wrong = computed(AVX512, asked=STOCK)
    assert "this process started with AVX-512 for another's sake" in wrong.stderr
    with pytest.raises(TrainingError, match="was not started with it; take an executor that starts its workers here"):
        products.check(AVX512)


@here
@pytest.mark.usefixtures("processor")
def test_the_library_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUTFOR_CACHE", str(tmp_path))
    monkeypatch.setenv("LD_PRELOAD", "libc.so.6")
    for _ in range(2):
        with started_with(AVX512):
            first, second = os.environ["LD_PRELOAD"].split()
            made = Path(first).stat().st_mtime_ns
        assert second == os.environ["LD_PRELOAD"] == "libc.so.6"
    assert [path.stat().st_mtime_ns for path in tmp_path.rglob("*.so")] == [made]


@here
@pytest.mark.usefixtures("processor")
def test_a_compiler_that_fails_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("BUTFOR_CACHE", str(tmp_path))
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(StudyError, match="the library cannot be made: no space left"), started_with(AVX512):
        pytest.fail("it was made")


@pytest.mark.parametrize(
    ("told", "compiler", "reason"),
    [
        ("vendor_id: AuthenticAMD\nflags: avx2", "cc", "no AVX-512"),
        ("vendor_id: GenuineIntel\nflags: avx512f", "cc", "takes AVX-512 by itself"),
        ("vendor_id: AuthenticAMD\nflags: avx512f", "", "has to be compiled"),
        ("vendor_id: AuthenticAMD\nflags: avx512f", "cc", ""),
        ("", "cc", "not on Linux"),
    ],
)
def test_where_it_cannot_be_had_the_reason_is_said(
    told: str, compiler: str, reason: str, processor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.write_text(told) if told else processor.unlink()
    monkeypatch.setattr(arithmetic, "_compiler", lambda: compiler)
    found = why_not_here(AVX512)
    assert reason in found
    assert bool(found) == bool(reason)
    assert why_not_here(STOCK) == ""
    if reason:
        with pytest.raises(StudyError, match="leave it out"), started_with(AVX512):
            pytest.fail("it was had")


def test_wrong_products_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "is_active", lambda: True)
    monkeypatch.setattr(
        torch.Tensor, "__matmul__", lambda one, other: one.matmul(other) * (1.001 if one.dtype == torch.float32 else 1)
    )
    with pytest.raises(TrainingError, match="its products are wrong"):
        products.check(AVX512)


def test_products_that_depend_on_their_number_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "is_active", lambda: True)
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda one, other: one.matmul(other) + 1e-7 * len(one))
    with pytest.raises(TrainingError, match="depends on how many there are"):
        products.check(AVX512)
