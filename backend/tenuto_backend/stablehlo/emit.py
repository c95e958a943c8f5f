"""A typed graph whose sizes are numbers as a module of StableHLO: its entry is `main`, its weights are arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.diagnostics.deploys import CannotBuild
from tenuto_analysis.dims import Truth
from tenuto_analysis.graph import Apply, Block, Call, Function, Graph, If, Literal, Loop, Node, Size, Ssa, dims_of, walk
from tenuto_backend.bound import bound, open_sizes
from tenuto_backend.build import name_span, stopped
from tenuto_backend.instances import names_of, policy_text
from tenuto_backend.mlir import operations as mlir
from tenuto_backend.mlir.body import Axis, Body, Tensor
from tenuto_backend.mlir.operations import I64, Location, Module, Note, Ranked, Region, Symbol, Value
from tenuto_backend.onnx.provenance import Places
from tenuto_backend.stablehlo import sizes, tensors
from tenuto_backend.stablehlo.rules import REFUSED, RULES
from tenuto_backend.stablehlo.site import Site, whole
from tenuto_backend.stablehlo.types import NotLowered, element, number, ranked, shape
from tenuto_grammar.text import Span

MAIN = "main"
"""What those who run a module of StableHLO call."""


class _Writer(Struct, eq=False):
    """What all functions of a module share."""

    db: Database
    places: Places
    names: Mapping[Function, str]
    made: dict[Function, mlir.Function] = field(default_factory=dict)
    definition: str = ""
    policy: str = ""


def emit(db: Database, graph: Graph) -> Module:
    """The module of a graph; raises `Stopped` where a size is open, or StableHLO cannot say it."""
    leaves = open_sizes(graph)
    if leaves:
        told = ", ".join(f"`{leaf}`" for leaf in leaves)
        fixed = ", ".join(f"{leaf}: 8" for leaf in leaves)
        said = " ".join(f"--dim {leaf}=8" for leaf in leaves)
        reason = (
            f"the sizes of StableHLO are numbers, and {told} {'are' if len(leaves) > 1 else 'is'} open: "
            f"write `dims: {{ {fixed} }}` in the deploy, or build with `{said}`"
        )
        whole_deploy = Place(graph.file, graph.name, Span(0, 0))
        raise stopped(db, whole_deploy, CannotBuild(name_span(db, graph.file, graph.name), reason))
    graph = bound(graph, {})  # What is called with numbers for sizes is a function of its own.
    names = names_of(graph.functions[:-1], {MAIN})
    writer = _Writer(db, Places(db), {**names, graph.entry: MAIN})
    _refuse(writer, graph)
    for function in graph.functions:
        writer.made[function] = _function(writer, function, public=function is graph.entry)
    return Module(graph.name, (), tuple(writer.made[function] for function in graph.functions))


def _refuse(writer: _Writer, graph: Graph) -> None:
    """What has no form in StableHLO is told where it stands, before what follows from it."""
    for function in graph.functions:
        for node in walk(function.body):
            match node:
                case Apply(op=op, origin=origin) if op in REFUSED:
                    reason = f"`{op}` has no form in StableHLO: {REFUSED[op]}"
                    raise stopped(writer.db, origin, CannotBuild(origin.span, reason))
                case Apply(op=op, origin=origin) if op not in RULES:
                    reason = f"`{op}` has no lowering to StableHLO yet"
                    raise stopped(writer.db, origin, CannotBuild(origin.span, reason))
                case _:
                    pass


def _function(writer: _Writer, function: Function, public: bool) -> mlir.Function:
    writer.definition, writer.policy = function.name, policy_text(function)
    start = Place(function.file, function.key, Span(0, 0))
    body = Body(location=_location(writer, start))
    arguments: list[Value] = []

    def take(ssa: Ssa, hint: str) -> Value:
        value = Value(_ranked(writer, start, ssa), hint)
        arguments.append(value)
        body.bind(ssa, Tensor(value, dims_of(ssa.type)))
        return value

    for ssa in function.inputs:
        take(ssa, ssa.name or "input")
    for leaf, ssa in function.size_inputs:
        body.axes[leaf] = Axis(take(ssa, ssa.name or str(leaf)), None)
    for weight in function.weights:
        take(weight.value, weight.path)
    results = _block(writer, body, function.body)
    body.ops("func.return", results, [])
    types = tuple(result.type for result in results)
    made = mlir.Function(writer.names[function], public, Region(tuple(arguments), body.operations), types)
    made.argument_notes = tuple(_arguments(function, public))
    if public:
        made.result_notes = tuple(_results(function))
    made.location = _location(writer, start)
    made.notes = (Note("tenuto.definition", function.name),)
    return made


def _arguments(function: Function, public: bool) -> Iterator[tuple[Note, ...]]:
    """What each argument is: an input, with its type where the function is the model's own, or a weight by its path."""
    for ssa in (*function.inputs, *(ssa for _, ssa in function.size_inputs)):
        yield (Note("tenuto.input", f"{ssa.name}: {ssa.type}"),) if public else ()
    for weight in function.weights:
        yield (Note("tenuto.weight", weight.path),)


def _results(entry: Function) -> Iterator[tuple[Note, ...]]:
    names = entry.output_names or [ssa.name for ssa in entry.results]
    for name, ssa in zip(names, entry.results, strict=True):
        yield (Note("tenuto.output", f"{name}: {ssa.type}"),)


def _block(writer: _Writer, body: Body, block: Block) -> list[Value]:
    """The operations of a block; gives its results."""
    for node in block.nodes:
        body.location = _location(writer, node.origin)
        body.hint = next((result.name for result in node.results if result.name), "")
        try:
            found = _node(writer, body, node)
        except NotLowered as error:
            raise stopped(writer.db, node.origin, CannotBuild(node.origin.span, str(error))) from error
        for ssa, tensor in zip(node.results, found, strict=True):
            body.bind(ssa, tensor)
    body.hint = ""
    return [whole(body, body.tensor(ssa)) for ssa in block.results]


def _node(writer: _Writer, body: Body, node: Node) -> Sequence[Tensor]:
    match node:
        case Apply(op=op, arguments=arguments, results=results):
            return _tensors(results, RULES[op](Site(op, arguments, results, body)))
        case Literal(value=value, result=result):
            return [Tensor(Value(Ranked(element(result.type.dtype), ())), (), value)]
        case Size(dim=dim, result=result):
            return _tensors([result], [sizes.size(body, dim)])
        case Call(function=function):
            callee = writer.made[function]
            operands = [whole(body, body.tensor(ssa)) for ssa in (*node.operands, *node.weights)]
            return _tensors(node.results, body.ops("func.call", operands, callee.results, callee=Symbol(callee.name)))
        case If():
            return _tensors(node.results, _if(writer, body, node))
        case Loop():
            return _tensors(node.results, _loop(writer, body, node))


def _tensors(results: Sequence[Ssa], values: Sequence[Value]) -> list[Tensor]:
    for ssa, value in zip(results, values, strict=True):
        assert value.type == ranked(ssa.type), f"{value.type} is not {ranked(ssa.type)}"
    return [Tensor(value, dims_of(ssa.type)) for ssa, value in zip(results, values, strict=True)]


# --------------------------------------------------------------------------------------------------------- control flow


def _if(writer: _Writer, body: Body, node: If) -> Sequence[Value]:
    match node.test:
        case Truth(value=known):
            return _block(writer, body, node.then if known else node.otherwise)
        case Ssa() as ssa:
            test = whole(body, body.tensor(ssa))
        case constraint:
            test = sizes.condition(body, constraint)
    regions = []
    for block in (node.then, node.otherwise):
        inner = body.inner()
        inner.ops("stablehlo.return", _block(writer, inner, block), [])
        regions.append(Region((), inner.operations))
    return body.ops("stablehlo.if", [test], [ranked(ssa.type) for ssa in node.results], tuple(regions))


def _loop(writer: _Writer, body: Body, node: Loop) -> Sequence[Value]:
    """`stablehlo.while` over the number of the step, what is carried, and what is collected so far."""
    kept = len(node.carried)
    collected = node.results[kept:]
    if node.length is None and collected:
        raise NotLowered("how often this loop runs is known only at run time, and the sizes of StableHLO are numbers")
    rooms = [tensors.constant(body, 0, element(ssa.type.dtype), _sizes(ssa)) for ssa in collected]
    state = [tensors.constant(body, 0, I64), *(whole(body, body.tensor(ssa)) for ssa in node.initial), *rooms]

    before, given = _step(body, node, state)
    if node.test is not None:
        (test,) = _block(writer, before, node.test)
    else:
        assert node.length is not None
        test = tensors.compare(before, "LT", given[0], sizes.size(before, node.length))
    before.ops("stablehlo.return", [test], [])
    regions = [Region(tuple(given), before.operations)]

    inner, given = _step(body, node, state)
    results = _block(writer, inner, node.body)
    rows = [_put(inner, room, row, given[0]) for room, row in zip(given[1 + kept :], results[kept:], strict=True)]
    after = tensors.same(inner, "add", [given[0], tensors.constant(inner, 1, I64)])
    inner.ops("stablehlo.return", [after, *results[:kept], *rows], [])
    regions.append(Region(tuple(given), inner.operations))
    return body.ops("stablehlo.while", state, [value.type for value in state], tuple(regions))[1:]


def _step(body: Body, node: Loop, state: Sequence[Value]) -> tuple[Body, list[Value]]:
    """A body of one step, and what it is given."""
    inner = body.inner()
    names = [node.index.name or "step", *(ssa.name for ssa in node.carried)]
    names += [""] * (len(state) - len(names))
    given = [Value(value.type, name) for value, name in zip(state, names, strict=True)]
    inner.axes[node.symbol] = Axis(given[0], None)
    for ssa, value in zip((node.index, *node.carried), given, strict=False):
        inner.bind(ssa, Tensor(value, dims_of(ssa.type)))
    return inner, given


def _put(body: Body, room: Value, row: Value, step: Value) -> Value:
    """What is collected, with the row of this step."""
    own = shape(room)
    whole_row = tensors.reshaped(body, row, (1, *own[1:]))
    nought = tensors.constant(body, 0, I64)
    return tensors.same(body, "dynamic_update_slice", [room, whole_row, step, *[nought] * (len(own) - 1)])


def _sizes(ssa: Ssa) -> tuple[int, ...]:
    return tuple(map(number, dims_of(ssa.type)))


def _ranked(writer: _Writer, place: Place, ssa: Ssa) -> Ranked:
    try:
        return ranked(ssa.type)
    except NotLowered as error:
        raise stopped(writer.db, place, CannotBuild(place.span, str(error))) from error


def _location(writer: _Writer, place: Place) -> Location:
    file, line, column = writer.places.text(place).rsplit(":", 2)
    return Location(file, int(line), int(column), writer.definition, writer.policy)
