"""Runs models in onnxruntime, on the processor."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from tenuto_analysis.database import Database
from tenuto_backend.build import Program
from tenuto_backend.onnx.dtypes import ELEMENTS, NAMES
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import Options
from tenuto_backend.onnx.save import save
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.dtypes import NAMES as NAMES_OF_DTYPES
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import RunError, Runner

# Without it, products of 4-bit and 8-bit weights are computed with activations of 8 bits, and nobody is told.
EXACT_PRODUCTS = ("session.qdq_matmulnbits_accuracy_level", "1")
# It ends the process where a loop multiplies by the transpose of a weight that is cast (1.31).
BROKEN_OPTIMIZERS = ("MatmulTransposeFusion",)
_ERRORS_ONLY = 3
_NO_CODE = "Could not find an implementation"


def of_program(database: Database, made: Program) -> Runner:
    """The artifact is built in a temporary folder, whose weights are read while the session is made."""
    with tempfile.TemporaryDirectory(prefix="tenuto-") as folder:
        emitted = emit(database, made.graph, Options())
        return of_model(save(emitted, made.weights, Path(folder) / f"{made.graph.name}.onnx").model)


def of_model(model: Path | bytes) -> Runner:
    """A model in a file, or one that holds its weights."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(*EXACT_PRODUCTS)
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=[*BROKEN_OPTIMIZERS],
        )
    except Exception as error:  # Its exceptions have no class in common.
        told = f"onnxruntime cannot load the model: {_told(error)}"
        if _NO_CODE in told:
            told += "; the backends `iree` and `reference` run a deploy whatever its dtypes are"
        raise RunError(told) from error
    names = [node.name for node in session.get_inputs()]

    def run(inputs: Sequence[Array]) -> tuple[Array, ...]:
        try:
            values = {name: _value(array) for name, array in zip(names, inputs, strict=True)}
            return tuple(map(_array, session.run_with_ort_values(None, values)))
        except Exception as error:
            raise RunError(f"onnxruntime cannot run the model: {_told(error)}") from error

    return run


def _value(array: Array) -> onnxruntime.OrtValue:
    compact = np.require(array, requirements="C")
    if array.dtype.isbuiltin == 1:
        return onnxruntime.OrtValue.ortvalue_from_numpy(compact)
    element = ELEMENTS[NAMES_OF_DTYPES[array.dtype]]
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(compact.view(f"u{array.dtype.itemsize}"), element)


def _array(value: onnxruntime.OrtValue) -> Array:
    """NumPy has no bf16 and no f8 of its own: their bytes are copied."""
    dtype = DTYPES[NAMES[value.element_type()]]
    if dtype.isbuiltin == 1:
        return np.asarray(value.numpy())
    data = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
    return np.frombuffer(data, dtype).reshape(value.shape()).copy()


def _told(error: Exception) -> str:
    """Without the name of a class and a number in front: `[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : ...`."""
    return str(error).split(" : ", 3)[-1].strip()
