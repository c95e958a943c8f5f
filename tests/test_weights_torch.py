"""Checkpoints of PyTorch: read in a process of their own, and never by running what they hold.

They need `torch`, which `./dev test all` installs; it is imported in other processes alone, as Tenuto does.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tenuto_analysis.weights import Stored
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.weights.base import WeightsError
from tenuto_backend.weights.files import open_weights, read_header

pytestmark = pytest.mark.heavy

STATE = """
weight = torch.arange(6, dtype=torch.float32).reshape(2, 3)
state = {
    "weight": weight,
    "tied": weight,
    "turned": weight.T,
    "half": torch.ones(3, dtype=torch.bfloat16),
    "steps": torch.tensor(7),
    "empty": torch.zeros(0, 3),
}
torch.save({"state_dict": state, "epoch": 3}, path, _use_new_zipfile_serialization=NEW)
"""

# What a pickle may hold: a call that runs when it is loaded.
MISCHIEF = """
class Mischief:
    def __reduce__(self):
        return os.mkdir, (os.path.join(os.path.dirname(path), "ran"),)
torch.save({"weight": Mischief()}, path)
"""


def written(path: Path, program: str) -> Path:
    """The file that PyTorch writes to `path`."""
    subprocess.run([sys.executable, "-c", f"import os, sys, torch\npath = sys.argv[1]\n{program}", path], check=True)
    return path


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_a_state_dictionary_gives_its_tensors(tmp_path: Path, new: bool) -> None:
    weights = open_weights(written(tmp_path / "model.pth", STATE.replace("NEW", str(new))), tmp_path)
    assert set(weights.header.tensors) == {
        Stored("state_dict.weight", "f32", (2, 3)),
        Stored("state_dict.tied", "f32", (2, 3)),
        Stored("state_dict.turned", "f32", (3, 2)),
        Stored("state_dict.half", "bf16", (3,)),
        Stored("state_dict.steps", "i64", ()),
        Stored("state_dict.empty", "f32", (0, 3)),
    }
    np.testing.assert_array_equal(weights.tensor("state_dict.tied"), np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(weights.tensor("state_dict.turned"), np.arange(6).reshape(2, 3).T)
    np.testing.assert_array_equal(weights.tensor("state_dict.half"), np.ones(3, DTYPES["bf16"]))
    assert weights.tensor("state_dict.steps") == 7


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "model.pth", MISCHIEF)
    with pytest.raises(
        WeightsError,
        match=r"to load it would call `posix.mkdir`, and could run any code; ask for a `.safetensors` of it",
    ):
        open_weights(path, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_damaged_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "model.pt", 'torch.save({"weight": torch.ones(50)}, path)')
    whole = path.read_bytes()
    for damaged in (b"", whole[:10], whole[: len(whole) // 2], whole[:-1], b"hello world"):
        path.write_bytes(damaged)
        header = read_header(path, tmp_path)
        assert header is not None
        problem = header.problem
        assert problem is not None and problem.startswith("cannot be read: PyTorch cannot load it")
