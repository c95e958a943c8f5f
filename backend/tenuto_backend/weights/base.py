"""What the readers of all formats have in common: what they offer, how they fail, which files they may open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from tenuto_analysis.weights import Header
from tenuto_backend.reference.dtypes import DTYPES, NAMES, DType
from tenuto_backend.reference.values import Array


class WeightsError(Exception):
    """A file of weights cannot be used: `reason` goes on from the file's name and says why, and what to do."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"`{path}` {reason}")
        self.path = path
        self.reason = reason


class Weights(Protocol):
    """An open file of weights. Its numbers stay in the file until they are asked for."""

    @property
    def path(self) -> Path:
        """The file, as it was named."""

    @property
    def header(self) -> Header:
        """The tensors of the file, in its order."""

    def tensor(self, name: str) -> Array:
        """One of the tensors of the header, in the machine's byte order; perhaps read-only, and a view of the file."""


def broken(path: Path, reason: str) -> WeightsError:
    return WeightsError(path, f"is damaged: {reason}; fetch or write it anew")


def unreadable(path: Path, error: OSError) -> WeightsError:
    return WeightsError(path, f"cannot be opened: {error.strerror or error}")


def allowed(path: Path, root: Path | None) -> Path:
    """The path itself, if it lies below `root`, wherever links lead; None allows every path."""
    if root is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        reason = f"lies outside of the workspace `{root}`: move it there, or say `--allow-outside` to read it"
        raise WeightsError(path, reason)
    return path


def scalar(dtype: DType) -> str:
    """The name of a dtype: Tenuto's, or NumPy's for what Tenuto does not have."""
    native = dtype.newbyteorder("=")
    return NAMES.get(native) or {"complex64": "c64", "complex128": "c128"}.get(str(native), str(native))


def numpy_dtype(path: Path, name: str, dtype: str) -> DType:
    """The NumPy dtype of a tensor whose dtype has a name that Tenuto knows."""
    found = DTYPES.get(dtype)
    if found is None:
        raise WeightsError(path, f"holds `{name}` as `{dtype}`, which no weight is made of: leave it `unused`")
    return found
