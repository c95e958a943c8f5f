"""The process that runs one module: `python -m tenuto_backend.iree.worker`. Whatever the module does ends it alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import iree.runtime
import numpy as np

from tenuto_backend.iree.messages import Failed, Load, Loaded, Ran, Run, Tensor, array_of, receive, send
from tenuto_backend.mlir.printing import SCOPE

_Function = Callable[[Sequence[Tensor]], list[Tensor]]


def main() -> None:
    """Answers messages until there are no more."""
    given, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What the runtime prints must not stand among the answers.
    asked = receive(given)
    assert isinstance(asked, Load)
    try:
        told, function = _loaded(asked)
    except Exception as error:  # The runtime has no class of its own for what may go wrong.
        send(answers, Failed(_told(error)))
        return
    send(answers, told)
    while function is not None:
        try:
            run = receive(given)
        except EOFError:
            return
        assert isinstance(run, Run)
        try:
            send(answers, Ran(function(run.tensors)))
        except Exception as error:
            send(answers, Failed(_told(error)))


def _loaded(asked: Load) -> tuple[Loaded, _Function | None]:
    if asked.device is None:
        module = iree.runtime.VmModule.copy_buffer(iree.runtime.VmInstance(), Path(asked.module).read_bytes())
        return _noted(module), None
    config = iree.runtime.Config(asked.device)
    context = iree.runtime.SystemContext(config=config)
    if asked.weights is not None:
        index = iree.runtime.ParameterIndex()
        index.load(asked.weights)
        provider = index.create_provider(scope=SCOPE)
        context.add_vm_module(iree.runtime.create_io_parameters_module(config.vm_instance, provider))
    module = iree.runtime.VmModule.mmap(config.vm_instance, asked.module)
    context.add_vm_module(module)
    told = _noted(module)
    called = context.modules[module.name][told.function]

    def function(tensors: Sequence[Tensor]) -> list[Tensor]:
        found = called(*map(array_of, tensors))
        return [_answer(item) for item in (found if isinstance(found, tuple | list) else [found])]

    return told, function


def _noted(module: Any) -> Loaded:
    """A module of ours has one function that can be called, and that has notes."""
    for name in module.function_names:
        notes = dict(module.lookup_function(name).reflection)
        if "tenuto.target" in notes:
            return Loaded(module.name, name, notes)
    return Loaded(module.name, "", {})


def _answer(result: Any) -> Tensor:
    array = np.asarray(result.to_host())
    return Tensor("", array.shape, array.tobytes())


def _told(error: Exception) -> str:
    """The first line, without the file of the runtime's source in front."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    main()
