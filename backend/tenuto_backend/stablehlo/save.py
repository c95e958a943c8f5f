"""A module of StableHLO as files: its text, its weights beside it, and its portable form where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.compat import override
from tenuto_analysis.graph import Graph
from tenuto_backend.mlir.operations import Module
from tenuto_backend.mlir.save import content
from tenuto_backend.mlir.save import save as save_text
from tenuto_backend.stablehlo.portable import MARK, Portable, portable
from tenuto_backend.weights.beside import Array, ArtifactError, Saved, Temporary

KIND = ".stablehlo"
ENDING = f"{KIND}.mlir"
PORTABLE = ".mlirbc"


class StablehloArtifact(Struct, frozen=True, eq=False):
    """A module of StableHLO as text, and its file; `functions` ends in `main`, `weights` are its last arguments."""

    text: str
    functions: tuple[str, ...]
    weights: tuple[str, ...]
    path: Path | None

    @override
    def __repr__(self) -> str:
        return f"<StableHLO of {len(self.functions)} functions, {self.path or 'in memory'}>"

    def portable(self) -> Portable:
        """The portable form, in the oldest version that can be; needs the extra `xla`."""
        return portable(self.text)


def artifact(module: Module, graph: Graph, path: Path | None = None) -> StablehloArtifact:
    """What whoever builds from Python is given."""
    names = tuple(function.name for function in module.functions)
    return StablehloArtifact(content(module), names, tuple(weight.path for weight in graph.entry.weights), path)


def save(module: Module, graph: Graph, arrays: Mapping[str, Array], path: Path, with_portable: bool = False) -> Saved:
    """Writes `NAME.stablehlo.mlir`, `NAME.safetensors` and, where it is asked for, `NAME.mlirbc`."""
    if not with_portable:
        return save_text(module, graph, arrays, path, KIND)
    made = portable(content(module)).content
    other = path.with_name(path.name.removesuffix(ENDING) + PORTABLE)
    if other.exists() and MARK not in other.read_bytes():
        raise ArtifactError(f"{other} exists and is not Tenuto's: move it, or choose another folder")
    saved = save_text(module, graph, arrays, path, KIND)
    with Temporary(other) as whole:
        whole.file.write(made)
        whole.keep()
    return replace(saved, others=(other,))
