"""An ONNX file as it is: what comes in and goes out, its functions, steps, weights, and the types that it states.

Any `.onnx` can be read, not only ours; nothing here looks into the ledger. Data of weights is not loaded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from google.protobuf.message import DecodeError
from msgspec import Struct
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    ValueInfoProto,
    numpy_helper,
)

from tenuto_analysis.compat import override
from tenuto_analysis.dtypes import SCALARS
from tenuto_backend.onnx.dtypes import NAMES

_MOST_CONSTANT_BYTES = 4096
"""Up to here, an initializer may be a constant of the program; a program writes no longer ones."""


class UnreadableModel(Exception):
    """The file is no ONNX model; the message says why."""


class Type(Struct, frozen=True):
    """What a model states of a value: None is a size, or a shape, of which it says nothing."""

    dtype: str
    shape: tuple[int | str | None, ...] | None
    other: str = ""

    @override
    def __str__(self) -> str:
        """As a Tenuto type where it is a tensor; `?` is a size that is not stated."""
        if self.other or self.shape is None:
            return self.other or f"{self.dtype}[..?]"
        return f"{self.dtype}[{', '.join('?' if size is None else str(size) for size in self.shape)}]"


class Branch(Struct, frozen=True):
    """A graph inside a step, by the names of what comes in and goes out."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Step(Struct, frozen=True, eq=False):
    """A node. `op` has its domain before it where that is not ONNX's own."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: tuple[tuple[str, bytes], ...] = ()
    branches: tuple[Branch, ...] = ()
    source: str = ""


class Stored(Struct, frozen=True):
    """A tensor that the model holds; `file` is empty where it lies in the model's own, `path` where none is told."""

    type: Type
    elements: int
    bytes: int
    file: str
    path: str


class Body(Struct, frozen=True, eq=False):
    """The main graph or a function, with the steps of its branches among its own.

    `ranges` are the Tenuto types that stand in the metadata of values; `constants` tell small tensors by content.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    types: Mapping[str, Type]
    ranges: Mapping[str, str]
    stored: Mapping[str, Stored]
    constants: Mapping[str, str]
    steps: tuple[Step, ...]
    twice: tuple[str, ...]


class Structure(Struct, frozen=True, eq=False):
    """`functions` by the op that calls them; `notes` is the metadata of the whole model."""

    entry: Body
    functions: Mapping[str, Body]
    opset: int
    ir: int
    producer: str
    notes: Mapping[str, str]

    @property
    def bodies(self) -> Iterator[Body]:
        yield from self.functions.values()
        yield self.entry

    def calls(self) -> Counter[str]:
        """How often a run of the model calls each function, where every branch is taken and every loop runs once."""
        order: list[str] = []

        def visit(body: Body, inside: tuple[str, ...]) -> None:
            for op in dict.fromkeys(step.op for step in body.steps):
                if op in self.functions and op not in order and op not in inside:  # A broken file may have recursion.
                    visit(self.functions[op], (*inside, op))
                    order.append(op)

        visit(self.entry, ())
        found: Counter[str] = Counter(step.op for step in self.entry.steps if step.op in self.functions)
        for caller in reversed(order):
            for step in self.functions[caller].steps:
                if step.op in self.functions:
                    found[step.op] += found[caller]
        return found

    def weight_inputs(self) -> Mapping[str, frozenset[str]]:
        """For each function, the inputs under which every call gives a stored tensor."""
        found = {op: set(body.inputs) for op, body in self.functions.items()}
        changed = True
        while changed:
            changed = False
            for caller, body in [("", self.entry), *self.functions.items()]:
                held = set(body.stored) | (found[caller] if caller else set())
                for step in body.steps:
                    if step.op in found:
                        pairs = zip(self.functions[step.op].inputs, step.inputs, strict=False)
                        given = {name for name, value in pairs if value in held}
                        changed |= bool(found[step.op] - given)
                        found[step.op] &= given
        called = self.calls()
        return {op: frozenset(names) if called[op] else frozenset() for op, names in found.items()}


def open_model(path: Path) -> ModelProto:
    """The model of a file, without the data beside it; raises `UnreadableModel`."""
    try:
        model = ModelProto.FromString(path.read_bytes())
    except OSError as error:
        raise UnreadableModel(f"cannot read `{path}`: {error.strerror or error}") from error
    except DecodeError as error:
        raise UnreadableModel(f"`{path}` is no ONNX model, or is cut off") from error
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise UnreadableModel(f"`{path}` is no ONNX model: it holds no graph")
    return model


def structure(model: ModelProto) -> Structure:
    """What a model is by its graph and functions."""
    opsets = {str(item.domain): item.version for item in model.opset_import}
    functions = {_op(function.domain, function.name, function.overload): function for function in model.functions}
    return Structure(
        _graph(model.graph),
        {op: _function(function) for op, function in functions.items()},
        opsets.get("", opsets.get("ai.onnx", 0)),
        model.ir_version,
        str(model.producer_name),
        _notes(model),
    )


# --------------------------------------------------------------------------------------------------------------- bodies


def _graph(graph: GraphProto) -> Body:
    reader = _Reader()
    reader.graph(graph, {})
    held = {str(item.name) for item in graph.initializer}
    inputs = tuple(name for name in _names(graph.input) if name not in held)
    return reader.body(str(graph.name), inputs, _names(graph.output))


def _function(function: FunctionProto) -> Body:
    reader = _Reader()
    reader.tell(function.value_info, {})
    reader.nodes(function.node, {})
    return reader.body(str(function.name), tuple(map(str, function.input)), tuple(map(str, function.output)))


class _Reader:
    """What is found in one function and its branches.

    Two branches may use one name for two things. The second then has a number here; `names` says what a graph's own
    names are called.
    """

    def __init__(self) -> None:
        self._types: dict[str, Type] = {}
        self._ranges: dict[str, str] = {}
        self._stored: dict[str, Stored] = {}
        self._constants: dict[str, str] = {}
        self._steps: list[Step] = []
        self._twice: list[str] = []
        self._inside: set[str] = set()

    def graph(self, graph: GraphProto, names: Mapping[str, str]) -> None:
        self.tell((*graph.input, *graph.output, *graph.value_info), names)
        for tensor in graph.initializer:
            name = names.get(str(tensor.name), str(tensor.name))
            self._stored[name] = _stored(tensor)
            self._types[name] = self._stored[name].type
            content = _content(tensor)
            if content is not None:
                self._constants[name] = content
        self.nodes(graph.node, names)

    def tell(self, values: Iterable[ValueInfoProto], names: Mapping[str, str]) -> None:
        for value in values:
            name, type_ = names.get(str(value.name), str(value.name)), _type(value.type)
            known = self._types.setdefault(name, type_)
            if known != type_:
                self._twice.append(f"`{name}` is stated twice: as {known} and as {type_}")
            note = _notes(value).get("tenuto.type")
            if note is not None:
                self._ranges[name] = note

    def nodes(self, nodes: Iterable[NodeProto], names: Mapping[str, str]) -> None:
        def named(found: Iterable[str]) -> tuple[str, ...]:
            return tuple(names.get(str(name), str(name)) for name in found)

        for node in nodes:
            content = _constant(node)
            if content is not None:
                self._constants[named(node.output)[0]] = content
            branches: list[Branch] = []
            for graph in (graph for attribute in node.attribute for graph in _graphs(attribute)):
                own = {**names, **self._own(graph)}
                self.graph(graph, own)
                inputs, outputs = _names(graph.input), _names(graph.output)
                branches.append(Branch(*(tuple(own.get(name, name) for name in side) for side in (inputs, outputs))))
            self._steps.append(
                Step(
                    _op(node.domain, node.op_type, node.overload),
                    str(node.name),
                    named(node.input),
                    named(node.output),
                    tuple(sorted((str(item.name), _bytes(item)) for item in node.attribute if not _graphs(item))),
                    tuple(branches),
                    _notes(node).get("tenuto.source", ""),
                )
            )

    def _own(self, graph: GraphProto) -> dict[str, str]:
        """What the names that a branch gives are called here."""
        found = {}
        given = (*_names(graph.input), *(str(item.name) for item in graph.initializer))
        for name in dict.fromkeys((*given, *(str(name) for node in graph.node for name in node.output if name))):
            fresh, count = name, 1
            while fresh in self._inside:
                count += 1
                fresh = f"{name} #{count}"
            self._inside.add(fresh)
            found[name] = fresh
        return found

    def body(self, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Body:
        steps, twice = tuple(self._steps), tuple(self._twice)
        return Body(name, inputs, outputs, self._types, self._ranges, self._stored, self._constants, steps, twice)


def _op(domain: str, name: str, overload: str) -> str:
    found = str(name) if domain in ("", "ai.onnx") else f"{domain}.{name}"  # Damaged text is bytes.
    return f"{found}:{overload}" if overload else found


def _names(values: Iterable[ValueInfoProto]) -> tuple[str, ...]:
    return tuple(str(value.name) for value in values)


def _graphs(attribute: AttributeProto) -> list[GraphProto]:
    found = [attribute.g] if attribute.HasField("g") else []
    return [*found, *attribute.graphs]


def _bytes(attribute: AttributeProto) -> bytes:
    """An attribute's value; its documentation does not count."""
    plain = AttributeProto()
    plain.CopyFrom(attribute)
    plain.ClearField("doc_string")
    plain.ClearField("name")
    return plain.SerializeToString(deterministic=True)


def _notes(target: ModelProto | NodeProto | ValueInfoProto | TensorProto) -> dict[str, str]:
    return {str(note.key): str(note.value) for note in target.metadata_props}


# ---------------------------------------------------------------------------------------------------- types and tensors


def _type(proto: TypeProto) -> Type:
    match proto.WhichOneof("value"):
        case "tensor_type":
            return _tensor(proto.tensor_type)
        case "sequence_type":
            return Type("", None, f"sequence({_type(proto.sequence_type.elem_type)})")
        case "optional_type":
            return Type("", None, f"{_type(proto.optional_type.elem_type)}?")
        case "map_type":
            key = NAMES.get(proto.map_type.key_type, "?")
            return Type("", None, f"map({key}, {_type(proto.map_type.value_type)})")
        case "sparse_tensor_type":
            return Type("", None, f"sparse {_dtype(proto.sparse_tensor_type.elem_type)}")
        case _:
            return Type("?", None)


def _tensor(proto: TypeProto.Tensor) -> Type:
    if not proto.HasField("shape"):
        return Type(_dtype(proto.elem_type), None)
    sizes: list[int | str | None] = []
    for dim in proto.shape.dim:
        match dim.WhichOneof("value"):
            case "dim_value":
                sizes.append(dim.dim_value)
            case "dim_param":
                sizes.append(str(dim.dim_param) or None)
            case _:
                sizes.append(None)
    return Type(_dtype(proto.elem_type), tuple(sizes))


def _dtype(element: int) -> str:
    return NAMES.get(element, "?")


def _stored(tensor: TensorProto) -> Stored:
    dtype, elements = _dtype(tensor.data_type), math.prod(tensor.dims)
    bits = SCALARS[dtype].bits if dtype in SCALARS else 0
    places = {str(entry.key): str(entry.value) for entry in tensor.external_data}
    file = places.get("location", "") if tensor.data_location == TensorProto.EXTERNAL else ""
    path = _notes(tensor).get("tenuto.path", "")
    return Stored(Type(dtype, tuple(tensor.dims)), elements, -(-elements * bits // 8), file, path)


def _constant(node: NodeProto) -> str | None:
    """The content of a `Constant`."""
    if node.op_type != "Constant" or node.domain not in ("", "ai.onnx") or len(node.attribute) != 1:
        return None
    (attribute,) = node.attribute
    if attribute.HasField("t"):
        return _content(attribute.t)
    return f"{attribute.name} {sha256(_bytes(attribute)).hexdigest()}"


def _content(tensor: TensorProto) -> str | None:
    """The content of a small tensor, whichever way it is written; None of a large one, or one that lies elsewhere."""
    if tensor.data_location == TensorProto.EXTERNAL or math.prod(tensor.dims) > _MOST_CONSTANT_BYTES:
        return None
    try:
        data = numpy_helper.to_array(tensor).tobytes()
    except (ValueError, TypeError, KeyError):  # Damaged, or a weight whose data is not there yet.
        return None
    return f"{_dtype(tensor.data_type)}{list(tensor.dims)} {sha256(data).hexdigest()}"
