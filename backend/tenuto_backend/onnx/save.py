"""An emitted model with its weights: inline, or beside it in one safetensors file that runtimes read in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from onnx import ModelProto, TensorProto

from tenuto_backend.onnx.emit import Emitted
from tenuto_backend.onnx.options import OnnxError
from tenuto_backend.weights.beside import (
    Array,
    ArtifactError,
    Saved,
    Temporary,
    bytes_of,
    layout_of,
    refuse_to_replace,
    size_of,
    write_weights,
)
from tenuto_backend.weights.mapped import place_of, read

PROTOBUF_LIMIT = 2**31 - 1


def with_weights(emitted: Emitted, arrays: Mapping[str, Array]) -> ModelProto:
    """A model that holds its weights; `arrays` gives them by path."""
    _refuse_beyond_limit(emitted)
    model = ModelProto()
    model.CopyFrom(emitted.model)
    for weight, tensor in zip(emitted.weights, model.graph.initializer, strict=True):
        tensor.raw_data = read(bytes_of(weight.path, weight.type, arrays[weight.path])).tobytes()
    return model


def save(
    emitted: Emitted, arrays: Mapping[str, Array], path: Path, inline: bool = False, in_place: bool = False
) -> Saved:
    """Write the model to `path`, and its weights beside it under the same name with the ending `.safetensors`.

    With `inline` the weights are in the model. With `in_place` those that stand in a checkpoint of the same folder as
    the model wants them are read from there, and only the others are written; raises `ArtifactError` where none does.
    """
    total = sum(size_of(weight.type) for weight in emitted.weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = path.with_suffix(".safetensors")
    if inline or not emitted.weights:
        refuse_to_replace(path)
        with Temporary(path) as whole:
            whole.file.write(with_weights(emitted, arrays).SerializeToString())
            whole.keep()
        return Saved(path, None, total)
    left = _left_in_place(emitted, arrays, path.parent) if in_place else {}
    layout = layout_of([(weight.path, weight.type) for weight in emitted.weights if weight.path not in left])
    model = ModelProto()
    model.CopyFrom(emitted.model)
    for weight, tensor in zip(emitted.weights, model.graph.initializer, strict=True):
        if not size_of(weight.type):
            tensor.raw_data = b""  # onnxruntime does not read nothing from the end of a file.
        elif weight.path in left:
            checkpoint, offset = left[weight.path]
            _refer(tensor, checkpoint.name, (offset, size_of(weight.type)))
        else:
            _refer(tensor, data.name, layout.places[weight.path])
    checkpoints = tuple(sorted({checkpoint for checkpoint, _ in left.values()}))
    refuse_to_replace(*((path, data) if layout.order else (path,)))
    with Temporary(path) as other:
        other.file.write(model.SerializeToString())
        if not layout.order:
            other.keep()
            return Saved(path, None, total, checkpoints)
        with Temporary(data) as temporary:
            write_weights(temporary.file, layout, arrays)
            temporary.keep()
            other.keep()
    return Saved(path, data, total, checkpoints)


def _left_in_place(emitted: Emitted, arrays: Mapping[str, Array], folder: Path) -> dict[str, tuple[Path, int]]:
    """The weights that a model in this folder can read from their checkpoint, with the place of each in it."""
    found: dict[str, tuple[Path, int]] = {}
    for weight in emitted.weights:
        place = place_of(bytes_of(weight.path, weight.type, arrays[weight.path]))
        if place is not None and place[0].resolve().parent == folder.resolve():
            found[weight.path] = place
    if not found:
        reason = "a checkpoint in the model's own folder must hold them as the model wants them, and none does"
        raise ArtifactError(f"no weight can be read in place: {reason}")
    return found


def _refer(tensor: TensorProto, location: str, place: tuple[int, int]) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", location), ("offset", str(place[0])), ("length", str(place[1]))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, text


def _refuse_beyond_limit(emitted: Emitted) -> None:
    total = sum(size_of(weight.type) for weight in emitted.weights)
    if total > PROTOBUF_LIMIT:
        raise OnnxError(f"{total} bytes of weights do not fit into one .onnx file (2 GB): keep them beside it")
