"""Opens a file of weights, by its name's ending, and says what is in it.

Each format has a module with `open_weights(path, root)`, which is loaded when a file of it is opened: it needs a
package that an extra installs.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from msgspec import Struct

from tenuto_analysis.weights import Header
from tenuto_backend.weights.base import Weights, WeightsError, allowed, unreadable


class Format(Struct, frozen=True):
    """The module of a format in this package, the package that it needs, and the extra of Tenuto that installs that."""

    module: str
    needs: str
    extra: str


FORMATS: Mapping[str, Format] = {
    ".safetensors": Format("safetensors", "safetensors", "onnx"),
    ".index.json": Format("sharded", "safetensors", "onnx"),
    ".npz": Format("npz", "numpy", "onnx"),
    ".pth": Format("pickled", "torch", "torch"),
    ".pt": Format("pickled", "torch", "torch"),
    ".gguf": Format("gguf", "gguf", "gguf"),
    ".onnx": Format("onnx", "onnx", "onnx"),
}


def resolve(path: str, file: Path, root: Path, allow_outside: bool) -> Path:
    """The file that a deploy in the source `file` names; it lies below `root`, unless others are allowed."""
    return allowed(file.parent / path, None if allow_outside else root)


def open_weights(path: Path, root: Path | None) -> Weights:
    """The file at `path`; what it names in turn (shards, external data) must lie below `root`, None allows all."""
    ending = next((ending for ending in FORMATS if path.name.endswith(ending)), None)
    if ending is None:
        known = ", ".join(FORMATS)
        raise WeightsError(path, f"is of no known format: the names of files of weights end in {known}")
    chosen = FORMATS[ending]
    try:
        with path.open("rb"):
            pass  # One wording for a file that is not there, in all formats.
        opened: Weights = import_module(f"tenuto_backend.weights.{chosen.module}").open_weights(path, root)
        return opened
    except OSError as error:
        raise unreadable(path, error) from error
    except ModuleNotFoundError as error:
        if error.name != chosen.needs:
            raise
        raise missing_package(path, chosen.needs, chosen.extra) from error


def read_header(path: Path, root: Path | None) -> Header | None:
    """What a file holds; what is wrong with it stands in the header, and goes on from the file's name.

    None where the package that reads it is not installed: a check then says nothing of the file, a build does.
    """
    try:
        return open_weights(path, root).header
    except WeightsError as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            return None
        return Header((), error.reason if error.path == path else str(error))


def missing_package(path: Path, package: str, extra: str) -> WeightsError:
    reason = f'needs the package `{package}`, which is not installed: `pip install "tenuto[{extra}]"` does it'
    return WeightsError(path, reason)
