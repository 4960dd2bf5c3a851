"""Failures: which class an exception is of, and which plugin its traceback shows."""

import errno
import pickle
import sys
from pathlib import Path

import pytest
import torch

from butfor.core.errors import TrialFailure
from butfor.core.failures import failure_from_dump, failure_of, is_out_of_memory, plugin_in
from butfor.plugins.fusion import mean
from butfor.registry import load_file

PLUGIN = """
from typing import Literal
from butfor.core import FusionSpec

class OwnSpec(FusionSpec):
    '''Own.'''
    name: Literal["own"] = "own"

def fails():
    raise KeyError("lost")
"""


def raised(error: BaseException) -> BaseException:
    """With a traceback that leads here."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("x"), "error", "ValueError: x"),
        (RuntimeError(), "error", "RuntimeError"),
        (SystemExit(3), "error", "it asked to exit: sys.exit(3)"),
        (MemoryError(), "out of memory", "MemoryError"),
        (torch.OutOfMemoryError("no room"), "out of memory", "OutOfMemoryError: no room"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory", "Cannot allocate memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you"), "out of memory", "allocate"),
        (ValueError("out of memory is only a word here"), "error", "a word"),
    ],
)
def test_an_exception_is_of_its_class(error: BaseException, kind: str, message: str) -> None:
    failure = failure_of(raised(error), "a.log")
    assert failure.kind == kind
    assert message in failure.message
    assert failure.log == "a.log"
    assert "test_failures.py" in failure.traceback
    assert failure_of(failure) is failure


def test_a_failure_survives_pickling() -> None:
    failure = TrialFailure("timeout", "too long", "a.log", "fusion 'x'", "trace")
    assert vars(pickle.loads(pickle.dumps(failure))) == vars(failure)  # noqa: S301 - our own bytes


def test_the_plugin_of_the_innermost_frame_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(PLUGIN)
    module = load_file(tmp_path / "own.py")
    with pytest.raises(KeyError) as caught:
        module.fails()
    failure = failure_of(caught.value)
    assert failure.plugin == f"fusion 'own' of {tmp_path / 'own.py'}"
    assert failure.message == f"KeyError: 'lost' (in {failure.plugin})"
    chained = RuntimeError("outer")
    chained.__cause__ = caught.value
    assert failure_of(chained).plugin == failure.plugin
    del sys.modules[module.__name__]


SEVERAL = """
from typing import Literal
from torch import nn
from butfor.core import FusionSpec, LossSpec

class FirstSpec(FusionSpec):
    '''One.'''
    name: Literal["first"] = "first"

    def build(self, *, modalities, width):
        return First()

class SecondSpec(LossSpec):
    '''Two.'''
    name: Literal["second"] = "second"

    def build(self, *, shapes):
        raise KeyError("spec")

class First(nn.Module):
    def forward(self):
        return Inner()()

class Inner(nn.Module):
    def forward(self):
        lost()

def lost():
    raise KeyError("module")
"""


def test_of_several_parts_in_a_file_the_one_that_ran_is_named_and_all_of_them_where_that_is_not_known(
    tmp_path: Path,
) -> None:
    file = tmp_path / "several.py"
    file.write_text(SEVERAL)
    module = load_file(file)
    blamed = {
        f"fusion 'first' of {file}": module.First(),
        f"loss 'second' of {file}": lambda: module.SecondSpec().build(shapes=None),
        f"fusion 'first' or loss 'second' of {file}": module.lost,
    }
    for plugin, fails in blamed.items():
        with pytest.raises(KeyError) as caught:
            fails()
        assert failure_of(caught.value).plugin == plugin
    assert plugin_in([str(file)]) == f"fusion 'first' or loss 'second' of {file}"
    del sys.modules[module.__name__]


def test_no_memory_is_known_by_what_was_raised_and_by_what_was_told_of_it() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(TrialFailure("out of memory", "it died"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_a_built_in_plugin_and_a_dump_are_read_the_same_way() -> None:
    assert plugin_in(["elsewhere.py", str(mean.__file__)]) == "fusion 'mean' of butfor"
    assert plugin_in(["elsewhere.py"]) == ""
    dump = f'Stack (most recent call first):\n  File "x.py", line 3 in f\n  File "{mean.__file__}", line 9 in g\n'
    failure = failure_from_dump("crashed", "SIGSEGV", dump)
    assert failure.message == "SIGSEGV (in fusion 'mean' of butfor)"


def test_another_file_of_a_package_that_offers_plugins_is_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "many_fusions"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "own.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    __import__("many_fusions.own")
    assert plugin_in([str(package / "deep" / "inner.py")]).startswith("plugin package ")
    assert "many_fusions" in plugin_in([str(package / "deep" / "inner.py")])
