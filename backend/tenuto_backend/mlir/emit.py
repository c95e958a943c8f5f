"""A typed graph as a module of MLIR: every function one `func.func`, the entry public, the weights named parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from tenuto_analysis.cost.told import told
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.diagnostics.deploys import CannotBuild
from tenuto_analysis.dims import Constraint, render
from tenuto_analysis.graph import Apply, Block, Call, Function, Graph, If, Literal, Loop, Node, Size, Ssa, dims_of
from tenuto_backend.build import stopped
from tenuto_backend.instances import names_of, policy_text
from tenuto_backend.mlir import operations as mlir
from tenuto_backend.mlir import sizes
from tenuto_backend.mlir.body import Axis, Body, Tensor
from tenuto_backend.mlir.entry import tell
from tenuto_backend.mlir.loops import loop
from tenuto_backend.mlir.operations import I1, I64, INDEX, Global, Location, Module, Note, Ranked, Region, Symbol, Value
from tenuto_backend.mlir.rules import RULES
from tenuto_backend.mlir.site import Site
from tenuto_backend.mlir.types import element, ranked
from tenuto_backend.onnx.provenance import Places
from tenuto_backend.runtime.base import of_graph
from tenuto_grammar.text import Span


class _Writer(Struct, eq=False):
    """What all functions of a module share."""

    db: Database
    places: Places
    names: Mapping[Function, str]
    made: dict[Function, mlir.Function] = field(default_factory=dict)
    definition: str = ""
    policy: str = ""


def emit(db: Database, graph: Graph) -> Module:
    """The module of a graph; raises `Stopped` where MLIR cannot say it."""
    writer = _Writer(db, Places(db), names_of(graph.functions))
    for function in graph.functions:
        bounds = graph.bounds if function is graph.entry else None
        writer.made[function] = _function(writer, function, bounds)
    writer.made[graph.entry].reflection = tuple(_notes(graph))
    for function, made in writer.made.items():
        _describe(writer, function, made)
    weights = tuple(Global(w.path, ranked(w.value.type), w.path) for w in graph.entry.weights)
    return Module(graph.name, weights, tuple(writer.made[function] for function in graph.functions))


def _describe(writer: _Writer, function: Function, made: mlir.Function) -> None:
    """Where a function is defined, and which of its arguments are weights."""
    writer.definition, writer.policy = function.name, policy_text(function)
    made.location = _location(writer, Place(function.file, function.key, Span(0, 0)))
    if not made.public:
        inputs = len(function.inputs) + len(function.size_inputs)
        weights = [(Note("tenuto.weight", weight.path),) for weight in function.weights]
        made.argument_notes = (*[()] * inputs, *weights)


def _notes(graph: Graph) -> Iterator[tuple[str, str]]:
    """What a binary keeps of the interface: what the model takes and gives, in order and as Tenuto writes it."""
    interface = of_graph(graph)
    yield "tenuto.deploy", graph.name
    interface_told = {
        "input": [str(port) for port in interface.inputs],
        "output": [str(port) for port in interface.outputs],
        "size": [*interface.symbols],
        "bound": [render(bound) for bound in interface.bounds],
        "size_input": [f"{name} = {leaf}" for name, leaf in interface.size_inputs],
    }
    for kind, items in interface_told.items():
        for at, item in enumerate(items):
            yield f"tenuto.{kind}.{at}", item
    for name, formula in told(graph):
        yield f"tenuto.{name}", formula


def _function(writer: _Writer, function: Function, bounds: Sequence[Constraint] | None) -> mlir.Function:
    """A function; the public one has the deploy's bounds, and loads the weights."""
    writer.definition, writer.policy = function.name, policy_text(function)
    weights = frozenset(weight.value for weight in function.weights)
    body = Body(location=_location(writer, Place(function.file, function.key, Span(0, 0))), weights=weights)
    arguments: list[Value] = []

    def take(ssa: Ssa, hint: str) -> Value:
        value = Value(ranked(ssa.type), hint)
        arguments.append(value)
        body.bind(ssa, Tensor(value, dims_of(ssa.type)))
        return value

    for ssa in function.inputs:
        take(ssa, ssa.name or "input")
    for leaf, ssa in function.size_inputs:
        number = body.op("tensor.extract", [take(ssa, ssa.name or str(leaf))], I64)
        body.axes[leaf] = Axis(body.op("arith.index_cast", [number], INDEX), None)
    if bounds is not None:
        tell(body, function.inputs, bounds)
    for weight in function.weights:
        if bounds is not None:
            body.hint = weight.path
            value = body.op("util.global.load", [], ranked(weight.value.type), **{"global": Symbol(weight.path)})
            body.bind(weight.value, Tensor(value, dims_of(weight.value.type)))
        else:
            take(weight.value, weight.path)
    results = _block(writer, body, function.body)
    body.ops("func.return", results, [])
    types = tuple(ranked(ssa.type) for ssa in function.results)
    return mlir.Function(writer.names[function], bounds is not None, Region(tuple(arguments), body.operations), types)


def _block(writer: _Writer, body: Body, block: Block) -> list[Value]:
    """The operations of a block; gives its results."""
    for node in block.nodes:
        body.location = _location(writer, node.origin)
        body.hint = next((result.name for result in node.results if result.name), "")
        for ssa, tensor in zip(node.results, _node(writer, body, node), strict=True):
            body.bind(ssa, tensor)
    body.hint = ""
    return [_whole(body, body.tensor(ssa)) for ssa in block.results]


def _node(writer: _Writer, body: Body, node: Node) -> Sequence[Tensor]:
    match node:
        case Apply(op=op, arguments=arguments, results=results):
            rule = RULES.get(op)
            if rule is None:
                reason = CannotBuild(node.origin.span, f"`{op}` has no lowering to MLIR yet")
                raise stopped(writer.db, node.origin, reason)
            values = rule(Site(op, arguments, results, body))
            return [_typed(ssa, value) for ssa, value in zip(results, values, strict=True)]
        case Literal(value=value, result=result):
            kind = element(result.type.dtype)
            return [Tensor(Value(Ranked(kind, ())), (), value)]
        case Size(dim=dim):
            number = body.op("arith.index_cast", [sizes.size(body, dim)], I64)
            return [Tensor(body.op("tensor.from_elements", [number], Ranked(I64, ())), ())]
        case Call():
            return _call(writer, body, node)
        case If():
            return _if(writer, body, node)
        case Loop():
            return _loop(writer, body, node)


def _typed(ssa: Ssa, value: Value) -> Tensor:
    assert value.type == ranked(ssa.type), f"{value.type} is not {ranked(ssa.type)}"
    return Tensor(value, dims_of(ssa.type))


def _whole(body: Body, tensor: Tensor) -> Value:
    """A tensor as a value, where it may be a number that the program writes."""
    if tensor.number is None:
        return tensor.value
    number = body.constant(tensor.number, tensor.element)
    return body.op("tensor.from_elements", [number], Ranked(tensor.element, ()))


def _fitted(body: Body, value: Value, type_: mlir.Type) -> Value:
    return value if value.type == type_ else body.op("tensor.cast", [value], type_)


def _call(writer: _Writer, body: Body, node: Call) -> Sequence[Tensor]:
    callee = writer.made[node.function]
    operands = [_whole(body, body.tensor(ssa)) for ssa in (*node.operands, *node.weights)]
    taken = [argument.type for argument in callee.body.arguments]
    given = [_fitted(body, value, type_) for value, type_ in zip(operands, taken, strict=True)]
    results = body.ops("func.call", given, callee.results, callee=Symbol(callee.name))
    return [
        Tensor(_fitted(body, value, ranked(ssa.type)), dims_of(ssa.type))
        for value, ssa in zip(results, node.results, strict=True)
    ]


# --------------------------------------------------------------------------------------------------------- control flow


def _if(writer: _Writer, body: Body, node: If) -> Sequence[Tensor]:
    if isinstance(node.test, Ssa):
        test = body.op("tensor.extract", [_whole(body, body.tensor(node.test))], I1)
    else:
        test = sizes.condition(body, node.test)
    types = [ranked(ssa.type) for ssa in node.results]
    regions = []
    for block in (node.then, node.otherwise):
        inner = body.inner()
        values = [_fitted(inner, v, t) for v, t in zip(_block(writer, inner, block), types, strict=True)]
        inner.ops("scf.yield", values, [])
        regions.append(Region((), inner.operations))
    found = body.ops("scf.if", [test], types, tuple(regions))
    return [Tensor(value, dims_of(ssa.type)) for value, ssa in zip(found, node.results, strict=True)]


def _loop(writer: _Writer, body: Body, node: Loop) -> Sequence[Tensor]:
    types = [ranked(ssa.type) for ssa in node.carried]
    initial = [_fitted(body, _whole(body, body.tensor(s)), t) for s, t in zip(node.initial, types, strict=True)]
    results = loop(body, node, lambda inner, block: _block(writer, inner, block), initial)
    return [
        Tensor(_fitted(body, value, ranked(ssa.type)), dims_of(ssa.type))
        for value, ssa in zip(results, node.results, strict=True)
    ]


def _location(writer: _Writer, place: Place) -> Location:
    file, line, column = writer.places.text(place).rsplit(":", 2)
    return Location(file, int(line), int(column), writer.definition, writer.policy)
