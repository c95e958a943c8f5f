"""Numbers go from a mapped file to another file, or into memory; one that becomes shorter meanwhile is told."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tenuto.cli import build, execute
from tenuto_backend.weights.mapped import mapped, read, write
from tests.command import Command

SOURCE = """
model Square(x: f32[B, 256]) -> f32[B, 256] {
  param weight: DTYPE[256, 256]
  return x @ (weight as f32)
}

deploy square = Square { weights: WEIGHTS, dims: { B: 1 .. 8 } }
"""
AS_IT_STANDS = 'load("checkpoint.safetensors", unused = ["top", "left"])'
TURNED = 'load("checkpoint.safetensors", transpose = ["weight"], unused = ["top", "left"])'
JOINED = 'load("checkpoint.safetensors", concat = { weight: ["top", "left"] }, unused = ["weight"])'

random = np.random.default_rng(0)


def test_bytes_go_from_file_to_file(tmp_path: Path) -> None:
    content = random.integers(0, 256, 5_000_000, np.uint8)
    (tmp_path / "source").write_bytes(content.tobytes())
    data = mapped(tmp_path / "source")
    with (tmp_path / "target").open("wb") as file:
        file.write(b"before")
        write(file, data[10:4_900_000])
        file.write(b"between")
        write(file, content[:20])
        write(file, data[:0])
        write(file, data[4_900_000:].copy())
    parts = [
        b"before",
        content[10:4_900_000].tobytes(),
        b"between",
        content[:20].tobytes(),
        content[4_900_000:].tobytes(),
    ]
    assert (tmp_path / "target").read_bytes() == b"".join(parts)


def test_what_is_read_has_the_same_layout(tmp_path: Path) -> None:
    content = random.standard_normal((6, 8)).astype(np.float32)
    (tmp_path / "source").write_bytes(content.tobytes())
    whole = mapped(tmp_path / "source").view(np.float32).reshape(6, 8)
    for found in (whole, whole.T, whole[1:3], whole[:, 2:5], whole[::2, ::-3], whole[2, 3], whole[:0], content[1:]):
        given = read(np.asarray(found))
        np.testing.assert_array_equal(given, found)
        assert given.strides == np.asarray(found).strides


def test_a_file_whose_name_goes_to_another_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"old" * 5000)
    data = mapped(path)
    (tmp_path / "other").write_bytes(b"new" * 5000)
    os.replace(tmp_path / "other", path)
    with (tmp_path / "target").open("wb") as file:
        write(file, data)
    assert read(data).tobytes() == (tmp_path / "target").read_bytes() == b"old" * 5000


@pytest.fixture
def checkpoint(tenuto: Command) -> Path:
    tenuto.write({"tenuto.toml": ""})
    path = tenuto.folder / "checkpoint.safetensors"
    whole = random.standard_normal((256, 256)).astype(np.float32)
    save_file({"weight": whole, "top": whole[:100].copy(), "left": whole[100:].copy()}, path)
    return path


@pytest.mark.parametrize("weights", [AS_IT_STANDS, TURNED, JOINED])
@pytest.mark.parametrize("dtype", ["f32", "f16"])
def test_what_a_checkpoint_gives(tenuto: Command, checkpoint: Path, weights: str, dtype: str) -> None:
    tenuto.write({"a.ten": SOURCE.replace("DTYPE", dtype).replace("WEIGHTS", weights)})
    assert tenuto("build", "a.ten:square", "-o", "out").code == 0
    found = load_file(tenuto.folder / "out/square.safetensors")["weight"]
    stored = load_file(checkpoint)["weight"].astype(found.dtype)
    np.testing.assert_array_equal(found, stored.T if weights is TURNED else stored)


@pytest.mark.parametrize("weights", [AS_IT_STANDS, TURNED, JOINED])
@pytest.mark.parametrize("dtype", ["f32", "f16"])
@pytest.mark.parametrize("way", ["beside", "inline", "run"])
def test_a_file_that_becomes_shorter_is_told(
    tenuto: Command, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, weights: str, dtype: str, way: str
) -> None:
    tenuto.write({"a.ten": SOURCE.replace("DTYPE", dtype).replace("WEIGHTS", weights)})
    module, command = {
        "beside": (build, ["build", "a.ten", "-o", "out"]),
        "inline": (build, ["build", "a.ten", "-o", "out", "--inline"]),
        "run": (execute, ["run", "a.ten", "--backend", "reference"]),
    }[way]
    opening = module.program

    def shortened(*arguments: object, **named: object) -> object:
        made = opening(*arguments, **named)
        os.truncate(checkpoint, 10_000)
        return made

    monkeypatch.setattr(module, "program", shortened)
    told = tenuto(*command)
    assert told.code in (1, 2)
    assert "checkpoint.safetensors` is damaged: it ended at byte" in told.err
    assert not (tenuto.folder / "out").exists() or not list((tenuto.folder / "out").iterdir())
