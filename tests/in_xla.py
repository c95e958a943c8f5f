"""Modules of StableHLO in XLA: parsed and verified, compiled for this machine's CPU, run.

jax is imported when it is first asked for: only heavy tests do, for which `./dev test all` installs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from tenuto_backend.reference.values import Array


@cache
def _jax() -> Any:
    jax: Any = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    return jax


def run(text: str, inputs: Sequence[Array]) -> Sequence[Array]:
    """The results of the function `main`; raises where real MLIR finds a type or a structure wrong."""
    jax = _jax()
    ir: Any = import_module("jaxlib.mlir.ir")
    client: Any = import_module("jaxlib._jax")
    xla: Any = import_module("jaxlib.xla_client")
    contexts: Any = import_module("jax._src.interpreters.mlir")
    device = jax.devices("cpu")[0]
    with contexts.make_ir_context():
        module = ir.Module.parse(text)
        assert module.operation.verify()
        loaded = device.client.compile_and_load(module, client.DeviceList((device,)), xla.CompileOptions())
    return [np.asarray(found) for found in loaded.execute([jax.device_put(array) for array in inputs])]
