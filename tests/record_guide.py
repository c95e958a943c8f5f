"""Writes `data/guide.npz`: what PyTorch computes in the guide `docs/pytorch.md`, from the programs that stand there.

Run by hand where the guide's PyTorch programs change: `pip install torch==2.13.0`, then `python -m tests.record_guide`.
The tests need the file alone, which holds the programs too, so that they notice a change.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tests.guide import files

RECORD = Path(__file__).parent / "data" / "guide.npz"
GUIDE = Path(__file__).parent.parent / "docs" / "pytorch.md"
PROGRAMS = ("sentiment.py", "save.py", "expect.py")


def trained() -> dict[str, Any]:
    """The weights of the guide's model, by PyTorch's names: drawn, for who would train it here."""
    random = np.random.default_rng(3)
    weights: dict[str, Any] = {}

    def weight(name: str, *shape: int, mean: float = 0.0, deviation: float = 0.1) -> None:
        weights[name] = random.normal(mean, deviation, shape).astype(np.float32)

    def linear(name: str, wide: int, out: int) -> None:
        weight(f"{name}.weight", out, wide, deviation=wide**-0.5)
        weight(f"{name}.bias", out)

    def norm(name: str) -> None:
        weight(f"{name}.weight", 64, mean=1.0)
        weight(f"{name}.bias", 64)

    weight("token.weight", 1000, 64, deviation=1.0)
    weight("position.weight", 128, 64)
    for block in ("blocks.0", "blocks.1"):
        norm(f"{block}.norm1")
        linear(f"{block}.qkv", 64, 192)
        linear(f"{block}.proj", 64, 64)
        norm(f"{block}.norm2")
        linear(f"{block}.fc1", 64, 256)
        linear(f"{block}.fc2", 256, 64)
    norm("norm")
    linear("head", 64, 2)
    return weights


def programs() -> dict[str, str]:
    made = files(GUIDE.read_text(encoding="utf-8"))
    return {name: made[name] for name in PROGRAMS}


def record() -> None:
    torch = import_module("torch")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.path.insert(0, folder)
        for name, text in programs().items():
            Path(name).write_text(text, encoding="utf-8")
        weights = trained()
        torch.save({name: torch.from_numpy(value) for name, value in weights.items()}, "trained.pt")
        runpy.run_path("save.py")
        runpy.run_path("expect.py")
        saved = load_file("sentiment.safetensors")
        assert saved.keys() == weights.keys()
        assert all(np.array_equal(saved[name], weights[name]) for name in weights)
        with np.load("expected.npz") as expected:
            np.savez_compressed(RECORD, allow_pickle=False, **expected, **programs())


if __name__ == "__main__":
    record()
