"""The portable form of StableHLO: bytes of a stated version, which readers of that version and of later ones take.

They are written in the oldest version that can be, by the compiler's own library, which checks every type on the way.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from msgspec import Struct

from tenuto_backend.weights.beside import ArtifactError

MARK = b"tenuto.definition"
"""Stands in all that is written here: a file without it is another's."""


class Portable(Struct, frozen=True):
    """The bytes, and the version of StableHLO that a reader must know at least."""

    content: bytes
    version: str


def portable(text: str) -> Portable:
    """The portable form of a module; raises `ArtifactError` where StableHLO does not accept it."""
    ir: Any = _jaxlib("jaxlib.mlir.ir")
    dialect: Any = _jaxlib("jaxlib.mlir.dialects.stablehlo")
    library: Any = _jaxlib("jaxlib.mlir._mlir_libs._jax_mlir_ext")
    context = ir.Context()
    registry = ir.DialectRegistry()
    library.register_dialects(registry)
    context.append_dialect_registry(registry)
    context.load_all_available_dialects()
    dialect.register_dialect(context)
    with context:
        try:
            module = ir.Module.parse(text)
            module.operation.verify()
            version: str = dialect.get_minimum_version()
            return Portable(bytes(dialect.serialize_portable_artifact(module, version)), version)
        except (ir.MLIRError, ValueError) as error:
            raise ArtifactError(f"the module has no portable form: {error}") from error


def _jaxlib(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        told = f"this needs the package `{error.name}`: run `pip install 'tenuto[xla]'`"
        raise ModuleNotFoundError(told, name=error.name) from error
