"""The extremes of weights: read right in every dtype, once, and only when it is their time."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from tenuto_analysis.extremes import Extreme
from tenuto_backend.weights import extremes as reader
from tenuto_server import extremes
from tenuto_server.extremes import KnownExtremes
from tests.client import Client
from tests.command import Command

HEAD = """\
import std.nn { Linear }

model Head(x: float[B, 4]) -> float[B, 2] {
  sub project = Linear[4, 2]
  return project(x)
}

deploy head = Head {
  weights: "stored.safetensors",
  dims: { B: 1 },
}
"""


def write_head(folder: Path, bias: float = 0.0) -> Path:
    path = folder / "stored.safetensors"
    weight = np.linspace(-0.5, 0.25, 8, dtype=np.float32).reshape(2, 4)
    save_file({"project.weight": weight, "project.bias": np.asarray([bias, 0.0], np.float32)}, path)
    return path


def read_all(path: Path) -> dict[str, Extreme]:
    found = KnownExtremes(None, 2**40).of(str(path), str(path.parent))
    assert found is not None
    return {item.name: item for item in found}


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "int8", "int64", "uint8"]
)
def test_the_extremes_are_those_of_the_numbers(tmp_path: Path, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_CHUNK", 7)
    numbers = np.random.default_rng(0).integers(0, 100, (5, 20)).astype(getattr(ml_dtypes, dtype, dtype))
    save_file(
        {"numbers": numbers, "none": numbers[:0], "scalar": np.asarray(numbers[0, 0])}, tmp_path / "a.safetensors"
    )
    found = read_all(tmp_path / "a.safetensors")
    wide = numbers.astype(np.float64)
    assert (found["numbers"].low, found["numbers"].high, found["numbers"].nans) == (wide.min(), wide.max(), 0)
    assert found["none"] == Extreme("none", float("inf"), float("-inf"))
    assert found["scalar"].low == found["scalar"].high == wide[0, 0]


def test_nan_is_counted_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_CHUNK", 3)
    numbers = np.asarray([1, np.nan, -2, np.nan, np.nan, np.nan, np.inf], np.float16)
    save_file({"numbers": numbers}, tmp_path / "a.safetensors")
    assert read_all(tmp_path / "a.safetensors")["numbers"] == Extreme("numbers", -2, float("inf"), 4)


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cache = write_head(tmp_path), str(tmp_path / "cache")
    first = KnownExtremes(cache, 2**40).of(str(path), str(tmp_path))
    reads: list[str] = []
    original = extremes._pieces

    def pieces(path: str, root: str) -> object:
        reads.append(path)
        return original(path, root)

    monkeypatch.setattr(extremes, "_pieces", pieces)
    assert KnownExtremes(cache, 2**40).of(str(path), str(tmp_path)) == first
    assert KnownExtremes(cache).of(str(path), str(tmp_path)) == first
    assert not reads
    write_head(tmp_path, bias=3.0)
    assert KnownExtremes(cache).of(str(path), str(tmp_path)) is None
    changed = KnownExtremes(cache, 2**40).of(str(path), str(tmp_path))
    assert changed is not None and {item.name: item.high for item in changed}["project.bias"] == 3.0
    assert len(reads) == 1


def test_what_is_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_CHUNK", 2)
    path = str(write_head(tmp_path))
    known, stops = KnownExtremes(None), iter([False, False, True, False, True] + [False] * 100)

    class Stopped(Exception):
        pass

    def stop() -> None:
        if next(stops):
            raise Stopped

    for _ in range(2):
        with pytest.raises(Stopped):
            known.read(path, str(tmp_path), stop)
    assert known.read(path, str(tmp_path), stop) == KnownExtremes(None, 2**40).of(path, str(tmp_path))


def test_a_file_that_is_damaged_missing_or_elsewhere_has_none(tmp_path: Path) -> None:
    known = KnownExtremes(None, 2**40)
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    inside = tmp_path / "inside"
    inside.mkdir()
    for path, root in (("a.safetensors", tmp_path), ("b.safetensors", tmp_path), ("a.safetensors", inside)):
        assert known.of(str(tmp_path / path), str(root)) is None


def test_a_build_refuses_weights_that_are_nan(tenuto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    tenuto.write({"head.ten": HEAD})
    write_head(tenuto.folder, bias=float("nan"))
    monkeypatch.setattr("tenuto.cli.analyse.SMALL", 0)
    assert tenuto("check", "head.ten").code == 0
    built = tenuto("build", "head.ten")
    assert built.code == 1
    assert "weight-not-finite" in built.out
    assert not [*tenuto.folder.glob("*.onnx")]
    # What the build has read is known to every later check.
    assert "`project.bias` (1 NaN)" in tenuto("check", "head.ten").out
    write_head(tenuto.folder)
    assert tenuto("build", "head.ten").code == 0
    assert tenuto("check", "head.ten").code == 0


def test_a_check_reads_a_small_file_itself(tenuto: Command) -> None:
    tenuto.write({"head.ten": HEAD})
    write_head(tenuto.folder, bias=float("inf"))
    assert "`project.bias` (infinities)" in tenuto("check", "head.ten").out


def test_an_editor_learns_of_weights_when_nobody_waits(tmp_path: Path) -> None:
    write_head(tmp_path, bias=float("nan"))
    with Client(tmp_path) as client:
        client.initialize()
        client.open("head.ten", HEAD)
        first = client.heard("textDocument/publishDiagnostics")["diagnostics"]
        then = client.heard("textDocument/publishDiagnostics")["diagnostics"]
    assert first == []
    assert [item["code"] for item in then] == ["weight-not-finite"]
