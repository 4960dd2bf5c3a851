"""What a run leaves behind holds nothing of the environment that it was started in."""

import os
import subprocess
import sys

STUDY = """
study: quiet
dataset: {name: planted, rows: 120, features: 6, classes: 2, groups: 6}
splits: {folds: 2, by: group}
seeds: 1
baseline:
  encoder: {name: variational_mlp, width: 4}
  fusion: mean
  losses: {emotion: cross_entropy}
  train: {epochs: 1}
plugins: [./failing.py]
ablations: {f: {one_at_a_time: {fusion: [failing]}}}
"""
FAILING = """
from typing import Literal
from butfor.core import FusionSpec, hookimpl
from butfor.plugins.fusion.mean import MeanSpec
import torch

class Failing(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner, self.calls = inner, 0

    def forward(self, *arguments):
        self.calls += 1
        if self.calls > 3:
            raise RuntimeError("on purpose")
        return self.inner(*arguments)

class S(FusionSpec):
    '''Fails after a few steps.'''
    name: Literal["failing"] = "failing"
    stackable = False
    def build(self, *, modalities, width):
        return Failing(MeanSpec().build(modalities=modalities, width=width))

@hookimpl
def register_fusions():
    return [S]
"""
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "hidden-8f3a1c-aws",
    "GITHUB_TOKEN": "hidden-8f3a1c-token",
    "MY_PASSWORD": "hidden-8f3a1c-password",
    "DATABASE_URL": "postgresql://user:hidden-8f3a1c-url@nowhere/x",
    "HTTP_PROXY": "http://user:hidden-8f3a1c-proxy@nowhere",
    "PS1": "hidden-8f3a1c-prompt",
}


def test_no_variable_of_the_environment_is_in_anything_that_a_run_writes(tmp_path):
    (tmp_path / "s.yaml").write_text(STUDY)
    (tmp_path / "failing.py").write_text(FAILING)
    environment = {**os.environ, **SECRETS, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "butfor", "run", "s.yaml", "--out", "out", "--jobs", "1"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr.decode()
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) > 3
    for content in [done.stdout, done.stderr, *(path.read_bytes() for path in files)]:
        assert b"hidden-8f3a1c" not in content
        assert not [name for name in SECRETS if name.encode() in content]
