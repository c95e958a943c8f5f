"""An emitted model with its weights: inline, or beside it in one safetensors file that runtimes read in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from onnx import ModelProto, TensorProto

from tenuto_backend.onnx.emit import Emitted
from tenuto_backend.onnx.options import OnnxError
from tenuto_backend.weights.beside import (
    Array,
    Saved,
    Temporary,
    bytes_of,
    layout_of,
    refuse_to_replace,
    size_of,
    write_weights,
)
from tenuto_backend.weights.mapped import read

PROTOBUF_LIMIT = 2**31 - 1


def with_weights(emitted: Emitted, arrays: Mapping[str, Array]) -> ModelProto:
    """A model that holds its weights; `arrays` gives them by path."""
    _refuse_beyond_limit(emitted)
    model = ModelProto()
    model.CopyFrom(emitted.model)
    for weight, tensor in zip(emitted.weights, model.graph.initializer, strict=True):
        tensor.raw_data = read(bytes_of(weight.path, weight.type, arrays[weight.path])).tobytes()
    return model


def save(emitted: Emitted, arrays: Mapping[str, Array], path: Path, inline: bool = False) -> Saved:
    """Write the model to `path`, and its weights beside it under the same name with the ending `.safetensors`."""
    total = sum(size_of(weight.type) for weight in emitted.weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = path.with_suffix(".safetensors")
    if inline or not emitted.weights:
        refuse_to_replace(path)
        with Temporary(path) as whole:
            whole.file.write(with_weights(emitted, arrays).SerializeToString())
            whole.keep()
        return Saved(path, None, total)
    refuse_to_replace(path, data)
    layout = layout_of([(weight.path, weight.type) for weight in emitted.weights])
    model = ModelProto()
    model.CopyFrom(emitted.model)
    for weight, tensor in zip(emitted.weights, model.graph.initializer, strict=True):
        if size_of(weight.type):
            _refer(tensor, data.name, layout.places[weight.path])
        else:
            tensor.raw_data = b""  # onnxruntime does not read nothing from the end of a file.
    with Temporary(data) as temporary:
        write_weights(temporary.file, layout, arrays)
        with Temporary(path) as other:
            other.file.write(model.SerializeToString())
            temporary.keep()
            other.keep()
    return Saved(path, data, total)


def _refer(tensor: TensorProto, location: str, place: tuple[int, int]) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", location), ("offset", str(place[0])), ("length", str(place[1]))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, text


def _refuse_beyond_limit(emitted: Emitted) -> None:
    total = sum(size_of(weight.type) for weight in emitted.weights)
    if total > PROTOBUF_LIMIT:
        raise OnnxError(f"{total} bytes of weights do not fit into one .onnx file (2 GB): keep them beside it")
