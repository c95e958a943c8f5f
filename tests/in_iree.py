"""Modules of MLIR in IREE: parsed and verified, compiled for the CPU of this machine, run.

IREE is imported when it is first asked for: only heavy tests do, for which `./dev test all` installs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tenuto_backend.iree import compiler
from tenuto_backend.iree.targets import HOST, target
from tenuto_backend.reference.values import Array

FLAGS = target(HOST).tries[0]


def verify(text: str) -> None:
    """Raises where real MLIR does not parse a module, or finds a type or a structure wrong."""
    ir: Any = import_module("iree.compiler.ir")
    with ir.Context():
        assert ir.Module.parse(text).operation.verify()


def canonical(text: str) -> str:
    """A module as real MLIR prints it in the generic form, without its places; raises as `verify` does."""
    ir: Any = import_module("iree.compiler.ir")
    with ir.Context():
        module = ir.Module.parse(text)
        assert module.operation.verify()
        return str(module.operation.get_asm(print_generic_op_form=True))


def compiled(text: str) -> bytes:
    """A binary for this processor; raises `NotCompiled`."""
    return compiler.compiled(text, target(HOST))


Loaded = Callable[[str, Sequence[Array]], Sequence[Array]]
"""Calls a function by its name."""


def loaded(binary: bytes, weights: Path | None = None) -> Loaded:
    """A binary, ready to run, with the file that gives its parameters."""
    runtime: Any = import_module("iree.runtime")
    config = runtime.Config("local-sync")
    context = runtime.SystemContext(config=config)
    if weights is not None:
        index = runtime.ParameterIndex()
        index.load(str(weights))
        provider = index.create_provider(scope="model")
        context.add_vm_module(runtime.create_io_parameters_module(config.vm_instance, provider))
    module = runtime.VmModule.copy_buffer(config.vm_instance, binary)
    context.add_vm_module(module)

    def run(name: str, inputs: Sequence[Array]) -> Sequence[Array]:
        given = [np.require(array, requirements="C") for array in inputs]
        found = context.modules[module.name][name](*given)
        results = found if isinstance(found, tuple | list) else [found]
        return [np.array(result.to_host()) for result in results]  # What is not copied is gone with the result.

    return run


def as_expected(found: Sequence[Array], expected: Sequence[Array]) -> Sequence[Array]:
    """Results in the dtypes that are expected: MLIR's integers have no sign, and 16 bits come back as they are."""
    return [
        result.view(wanted.dtype) if result.dtype.itemsize == wanted.dtype.itemsize else result
        for result, wanted in zip(found, expected, strict=True)
    ]
