"""An ONNX model as something to call: what it takes and gives is read from its own structure.

Nothing is read from the ledger. A range that an input declares (`within`) stands on the input itself; it is taken where
the rest of what is said there is what the structure says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from msgspec import Struct, field
from onnx import ModelProto, ValueInfoProto

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim, Symbol, literal, of
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.types import Tensor
from tenuto_backend.onnx.dtypes import NAMES
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import Interface, Port, RunError, Runner, WrongInput, backend
from tenuto_backend.runtime.inputs import ready

_FILE = "/interface.ten"
_OWNER = queries.owner_of(_FILE, "f")


class Artifact(Struct, frozen=True, eq=False):
    """A built model: `model` is its protobuf, `path` the file it was written to or read from.

    The weights of one that has a path may lie beside it; one without a path holds them.
    """

    model: ModelProto
    path: Path | None
    interface: Interface
    _runners: list[Runner] = field(default_factory=list)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What the model takes, in order."""
        return self.interface.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What the model gives, in order."""
        return self.interface.outputs

    def run(self, /, **inputs: Array) -> dict[str, Array]:
        """The outputs by name, computed by onnxruntime; names with dots are given as `**{"past.0.keys": keys}`.

        Raises `WrongInput` where an input does not fit its type, and `RunError` where onnxruntime fails.
        """
        found = self._runner(ready(self.interface, inputs).arrays)
        return {port.name: array for port, array in zip(self.outputs, found, strict=True)}

    def results(self, /, *inputs: Array) -> tuple[Array, ...]:
        """The same by place: inputs and outputs in their order."""
        if len(inputs) != len(self.inputs):
            raise WrongInput(f"`{self.interface.name}` takes {len(self.inputs)} inputs, not {len(inputs)}")
        by_name = {port.name: array for port, array in zip(self.inputs, inputs, strict=True)}
        return self._runner(ready(self.interface, by_name).arrays)

    @property
    def _runner(self) -> Runner:
        if not self._runners:
            of_model = backend("onnxruntime").of_model
            self._runners.append(of_model(self.path if self.path is not None else self.model.SerializeToString()))
        return self._runners[0]


Kind = tuple[str, int]
"""A dtype and a number of axes."""


def open_artifact(
    path: str | Path, *, takes: Sequence[Kind] | None = None, gives: Sequence[Kind] | None = None
) -> Artifact:
    """An ONNX model from a file, Tenuto's or another.

    `takes` and `gives` say what its inputs and outputs must be, as the modules that `tenuto bind` writes do:
    `[("i64", 2), ("bool", 2)]`. Raises `RunError` where the file cannot be read, or holds a model of other types.
    """
    file = Path(path)
    model = read_model(file)
    artifact = Artifact(model, file, interface_of(model))
    for ports, wanted, word in ((artifact.inputs, takes, "takes"), (artifact.outputs, gives, "gives")):
        if wanted is not None and [(str(port.type.dtype), len(port.shape)) for port in ports] != [*wanted]:
            raise RunError(f"`{path}` holds another model: it {word} ({', '.join(map(str, ports))})")
    return artifact


def read_model(path: Path) -> ModelProto:
    """The model without the weights that lie beside it."""
    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except OSError as error:
        raise RunError(f"cannot read `{path}`: {error.strerror or error}") from error
    except (DecodeError, ValueError) as error:
        raise RunError(f"`{path}` is no ONNX model: {error}") from error
    if not model.graph.output:
        raise RunError(f"`{path}` is no ONNX model: it has no output")
    return model


def interface_of(model: ModelProto) -> Interface:
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = [info for info in model.graph.input if info.name not in held]
    names = _Types(_size_names((*inputs, *model.graph.output)))
    return Interface(
        model.graph.name,
        tuple(Port(info.name, names.tensor(info)) for info in inputs),
        tuple(Port(info.name, names.tensor(info)) for info in model.graph.output),
    )


class _Types:
    """Types of values; one name of a size means one size everywhere."""

    def __init__(self, names: Iterable[str]) -> None:
        self._quantified = ", ".join(f"s{i}: bool[{name}]" for i, name in enumerate(names))
        self._unnamed = 0

    def tensor(self, info: ValueInfoProto) -> Tensor:
        if not info.type.HasField("tensor_type") or info.type.tensor_type.elem_type not in NAMES:
            raise RunError(f"`{info.name}` is no tensor of a dtype that Tenuto knows: such a model cannot be run here")
        dtype = SCALARS[NAMES[info.type.tensor_type.elem_type]]
        if not info.type.tensor_type.HasField("shape"):
            raise RunError(f"nothing tells how many axes `{info.name}` has: such a model cannot be run here")
        axes = info.type.tensor_type.shape.dim
        texts = [axis.dim_param if axis.HasField("dim_param") else str(axis.dim_value) for axis in axes]
        plain = f"{dtype}[{', '.join(texts)}]"
        declared = next((note.value for note in info.metadata_props if note.key == "tenuto.type"), "")
        wanted = declared if declared.startswith(f"{plain} within ") else plain
        found = self._parsed(wanted) if all(map(_told, axes)) else None
        return found if found is not None else Tensor(dtype, tuple(map(self._size, axes)))

    def _parsed(self, text: str) -> Tensor | None:
        """A type as the language writes it; None where it is something else, such as a size called `batch size`."""
        database = Database()
        database.set(modules.root, _FILE, "/")
        program = f"fn f(x: {text}, {self._quantified}) -> bool[] = true\n"
        database.set(modules.file_text, _FILE, program)
        if any(modules.parsed_problems(database, _FILE)):
            return None
        head = queries.interface(database, _FILE, "f")
        if head.signature is None or any(problem.severity.value == "error" for problem in head.problems):
            return None
        type_ = head.signature.parameters[0].type
        return type_ if isinstance(type_, Tensor) and all(isinstance(item, Dim) for item in type_.shape) else None

    def _size(self, axis: onnx.TensorShapeProto.Dimension) -> Dim:
        if axis.HasField("dim_value") and axis.dim_value >= 0:
            return literal(axis.dim_value)
        if axis.dim_param:
            return of(Symbol(axis.dim_param, _OWNER, 0))
        self._unnamed += 1
        return of(Symbol(f"unnamed_{self._unnamed}", _OWNER, 0))


def _told(axis: onnx.TensorShapeProto.Dimension) -> bool:
    return bool(axis.dim_param) or (axis.HasField("dim_value") and axis.dim_value >= 0)


def _size_names(infos: Iterable[ValueInfoProto]) -> Mapping[str, None]:
    params = (axis.dim_param for info in infos for axis in info.type.tensor_type.shape.dim)
    return dict.fromkeys(name for name in params if name.isidentifier())
