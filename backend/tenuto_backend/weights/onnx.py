"""`.onnx`: the initialisers of the main graph. Those in external files are views of the mapped files."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.message import DecodeError
from msgspec import Struct
from onnx import TensorProto, load_model, numpy_helper
from onnx.external_data_helper import uses_external_data
from onnx.helper import tensor_dtype_to_np_dtype

from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.weights import Header, Stored
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import WeightsError, allowed, broken, numpy_dtype, scalar
from tenuto_backend.weights.mapped import mapped, read, view


class Onnx(Struct, frozen=True):
    path: Path
    root: Path | None
    header: Header
    tensors: dict[str, TensorProto]

    def tensor(self, name: str) -> Array:
        proto = self.tensors[name]
        stored = _stored(name, proto)
        dtype = numpy_dtype(self.path, name, stored.dtype)
        if uses_external_data(proto):
            data, start = self._external(name, proto)
            if SCALARS[stored.dtype].bits >= 8:
                return view(self.path, name, data, start, dtype, stored.shape)
            packed = TensorProto(name=name, data_type=proto.data_type, dims=proto.dims)
            packed.raw_data = read(data[start:]).tobytes()
            proto = packed
        try:
            return numpy_helper.to_array(proto)
        except (ValueError, TypeError) as error:
            raise broken(self.path, f"`{name}`: {error}") from error

    def _external(self, name: str, proto: TensorProto) -> tuple[Array, int]:
        """The bytes of the file that holds a tensor, up to the tensor's end, and where the tensor begins."""
        said = {entry.key: str(entry.value) for entry in proto.external_data}  # Damaged text is bytes.
        place, start, length = said.get("location", ""), said.get("offset", "0"), said.get("length")
        location = Path(place)
        if not place or location.is_absolute() or ".." in location.parts:
            raise broken(self.path, f"`{name}` lies in `{place}`, which is not below the model's folder")
        file = allowed(self.path.parent / location, self.root)
        if not file.is_file():
            raise WeightsError(self.path, f"keeps `{name}` in `{place}`, which is not there: fetch it too")
        data = mapped(file)
        if not start.isdecimal() or not (length or "0").isdecimal():
            raise broken(self.path, f"`{name}` lies at {start}, {length} bytes long")
        end = len(data) if length is None else int(start) + int(length)
        if end > len(data):
            raise broken(file, f"`{name}` ends at byte {end}, and the file has {len(data)}")
        return data[:end], int(start)


def open_weights(path: Path, root: Path | None) -> Onnx:
    try:
        model = load_model(path, load_external_data=False)
    except DecodeError as error:
        raise broken(path, str(error)) from error
    if not model.opset_import:  # It stands after the graph, and every model has it.
        raise broken(path, "it ends before the model does")
    tensors = {str(item.name): item for item in model.graph.initializer}
    header = Header(tuple(_stored(name, item) for name, item in tensors.items()))
    return Onnx(path, root, header, tensors)


def _stored(name: str, proto: TensorProto) -> Stored:
    return Stored(name, _dtype(proto), tuple(proto.dims))


def _dtype(proto: TensorProto) -> str:
    if proto.data_type == TensorProto.STRING:
        return "string"
    try:
        return scalar(tensor_dtype_to_np_dtype(proto.data_type))
    except KeyError:
        return f"onnx dtype {proto.data_type}"
