"""Files of features that are made to run something, or to fill the memory: none is unpickled or read whole."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch

from butfor.core import DataError, npy
from butfor.core.arrays import open_arrays
from butfor.plugins.datasets.features import FeaturesSpec
from butfor.reports.data import guarded


class Trap:
    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return os.mkdir, (self.file,)


@pytest.fixture
def trap(tmp_path):
    """A thing whose unpickling leaves a folder behind; checked at the end."""
    path = tmp_path / "sprung"
    yield Trap(path)
    assert not path.exists()


def refused(path, **said):
    said = {"path": str(path), "modalities": {"text": "text"}, "task": {"emotion": "label"}} | said
    with pytest.raises(DataError) as caught:
        FeaturesSpec.model_validate(said).load()
    assert len(str(caught.value)) < 3_000
    return str(caught.value)


def zipped(path, members, *, compressed=True):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def header(descr="'<f4'", shape="(2, 3)", extra=""):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}{extra}}}".encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def test_the_trap_springs_when_it_is_unpickled(tmp_path):
    pickle.loads(pickle.dumps(Trap(tmp_path / "there")))  # noqa: S301 - our own
    assert (tmp_path / "there").is_dir()


@pytest.mark.parametrize(
    "suffix", [".pkl", ".pt", ".pth", ".npz", ".npy", ".safetensors", ".csv", ".parquet", ".joblib"]
)
def test_a_pickle_is_never_opened_whatever_its_suffix(tmp_path, trap, suffix):
    path = tmp_path / f"data{suffix}"
    path.write_bytes(pickle.dumps(trap))
    assert refused(path)


@pytest.mark.parametrize("suffix", [".pt", ".npz"])
def test_what_torch_saves_is_never_opened(tmp_path, trap, suffix):
    torch.save({"text": trap}, tmp_path / "saved")
    path = (tmp_path / "saved").rename(tmp_path / f"data{suffix}")
    assert refused(path)
    if suffix == ".npz":
        with open_arrays(path) as arrays:
            name = next(name for name in arrays.names if name.endswith("data.pkl"))
            with pytest.raises(DataError, match="it is no array"):
                arrays.read(name, "modalities")


@pytest.mark.parametrize("kind", ["npz", "npy", "fields"])
def test_arrays_of_objects_are_never_unpickled(tmp_path, trap, kind):
    odd = np.array([trap] * 3, dtype=[("x", object)] if kind == "fields" else object)
    if kind == "npy":
        (tmp_path / "d").mkdir()
        np.save(tmp_path / "d" / "text.npy", odd)
        np.save(tmp_path / "d" / "label.npy", np.array([0, 1, 0]))
        path = tmp_path / "d"
    else:
        path = tmp_path / "d.npz"
        np.savez(path, text=odd, label=np.array([0, 1, 0]))
    assert "Python objects, which are never unpickled" in refused(path)


def test_a_file_that_is_a_pickle_and_a_zip_is_read_as_a_zip(tmp_path, trap):
    inner = io.BytesIO()
    np.savez(inner, text=np.ones((3, 2), np.float32), label=np.array([0, 1, 0]))
    (tmp_path / "both.npz").write_bytes(pickle.dumps(trap) + inner.getvalue())
    said = {"path": str(tmp_path / "both.npz"), "modalities": {"text": "text"}, "task": {"emotion": "label"}}
    assert len(FeaturesSpec.model_validate(said).load()) == 3


def test_a_file_that_is_an_array_and_a_zip_is_read_as_a_zip(tmp_path):
    first, inner = io.BytesIO(), io.BytesIO()
    np.save(first, np.ones(3))
    np.savez(inner, text=np.ones((3, 2), np.float32), label=np.array([0, 1, 0]))
    (tmp_path / "both.npz").write_bytes(first.getvalue() + inner.getvalue())
    with open_arrays(tmp_path / "both.npz") as arrays:
        assert arrays.names == ("text", "label")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(npy, "_read", lambda *_: pytest.fail("it was unpacked"))
    rows = (npy._BOMB_BYTES >> 10) + 1
    path = zipped(tmp_path / "d.npz", {"text.npy": header(shape=f"({rows}, 256)") + bytes(rows << 10)})
    assert path.stat().st_size < 200_000
    assert "are a zip bomb" in refused(path)


@pytest.mark.parametrize(
    "shape", ["(1000000000000, 3)", "(4294967296, 4294967296)", "(10**3, 9)", "(-1, 3)", "(3, 3.5)", "7"]
)
def test_a_header_that_says_more_than_the_file_holds_is_refused_before_memory_is_taken(tmp_path, shape):
    message = refused(zipped(tmp_path / "d.npz", {"text.npy": header(shape=shape) + bytes(24)}))
    assert "cannot hold that" in message or "header cannot be read" in message
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "text.npy").write_bytes(header(shape=shape) + bytes(24))
    assert "cannot be read" in refused(tmp_path / "d")


def test_a_text_type_of_gigabytes_is_refused_before_memory_is_taken(tmp_path):
    path = zipped(tmp_path / "d.npz", {"text.npy": header("'<U99999999'", "(1,)") + bytes(24)})
    assert "cannot hold that" in refused(path)


@pytest.mark.parametrize("descr", ["-" * 9000 + "1", "(" * 300, "[" * 5000, "__import__('os')", "'O", "'<f999'"])
def test_a_header_that_is_no_header_is_refused(tmp_path, descr):
    assert "cannot be read" in refused(zipped(tmp_path / "d.npz", {"text.npy": header(descr) + bytes(24)}))


def test_more_than_the_memory_of_this_machine_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: 1)
    np.savez(tmp_path / "d.npz", text=np.ones((6, 3)), label=np.arange(6))
    assert "this machine has 0.0 GiB" in refused(tmp_path / "d.npz")
    pd.DataFrame({"text": [1.0, 2.0], "label": [0, 1]}).to_parquet(tmp_path / "d.parquet")
    assert "this machine has 0.0 GiB" in refused(tmp_path / "d.parquet")
    pd.DataFrame({"text": [1.0, 2.0], "label": [0, 1]}).to_csv(tmp_path / "d.csv")
    assert "this machine has 0.0 GiB" in refused(tmp_path / "d.csv")


def test_one_long_text_among_many_rows_does_not_fill_the_memory(tmp_path):
    frame = pd.DataFrame({"text": ["x" * 3_000_000, *["y"] * 199], "label": [0, 1] * 100})
    frame.to_csv(tmp_path / "d.csv", index=False)
    assert "200 rows of text, of which one has 3,000,000 characters" in refused(tmp_path / "d.csv")


def test_a_pipe_or_a_device_is_never_waited_for(tmp_path):
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "d" / "text.npy")
    os.mkfifo(tmp_path / "d.npz")
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    assert "no regular file" in refused(tmp_path / "d")
    assert "does not exist" in refused(tmp_path / "d.npz")
    assert "does not exist" in refused(tmp_path / "zero.npz")


@pytest.mark.parametrize("path", ["x" * 3000, "~nobody_of_this_name/x.npz", "a\0b.npz", "d/" * 2000 + "x.npz"])
def test_a_path_that_no_system_could_have_is_an_error_in_words(path):
    message = refused(path[:1900])
    assert "does not exist" in message or "home" in message


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "parquet", "csv"])
def test_a_file_that_is_cut_or_flipped_anywhere_is_read_whole_or_refused(tmp_path, suffix):
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    text, label = rng.normal(size=(8, 1)).astype(np.float32), np.arange(8) % 2
    path = tmp_path / f"d.{suffix}"
    if suffix == "npz":
        np.savez_compressed(path, text=text, label=label)
    elif suffix == "safetensors":
        save_file({"text": text, "label": label}, path)
    else:
        frame = pd.DataFrame({"text": text[:, 0], "label": label})
        frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    whole = path.read_bytes()
    spec = FeaturesSpec.model_validate(
        {"path": str(path), "modalities": {"text": "text"}, "task": {"emotion": {"array": "label", "kind": "classes"}}}
    )
    outcomes = set()
    for case in range(60):
        content = bytearray(whole)
        if case % 2:
            content[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        else:
            content = content[: int(rng.integers(len(whole)))]
        path.write_bytes(content)
        try:
            outcomes.add(len(spec.load().features["text"]) > 0)
        except DataError as error:
            outcomes.add(str(error) == "")
    assert False in outcomes


def test_classes_that_are_formulas_stay_text_and_are_guarded_where_they_are_written(tmp_path):
    classes = ["=cmd|'/c calc'!A1", "@SUM(1)", "+1+1", "-1-1"]
    pd.DataFrame({"text": [1.0, 2, 3, 4], "label": classes}).to_csv(tmp_path / "d.csv", index=False)
    said = {"path": str(tmp_path / "d.csv"), "modalities": {"text": "text"}, "task": {"emotion": "label"}}
    found = FeaturesSpec.model_validate(said).load().tasks["emotion"].classes
    assert sorted(found) == sorted(classes)
    assert all(guarded(name).startswith("'") for name in found)
