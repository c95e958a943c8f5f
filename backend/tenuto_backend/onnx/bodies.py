"""The nodes of a function, one kind at a time: primitives, numbers, sizes, calls, branches, loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field
from onnx import GraphProto, NodeProto, ValueInfoProto

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dtypes import BOOL, SCALARS, Kind, Scalar
from tenuto_analysis.graph import Apply, Block, Call, Function, If, Literal, Loop, Node, Size, Ssa, dims_of
from tenuto_analysis.types import Tensor
from tenuto_backend.applied import scalar
from tenuto_backend.dense import Dense, dense, makers_in, reads_in
from tenuto_backend.onnx import sizes
from tenuto_backend.onnx.declared import Declared, declared, lower
from tenuto_backend.onnx.infos import value_info
from tenuto_backend.onnx.library import between_casts, computed_in, has_others
from tenuto_backend.onnx.options import OnnxError, Options
from tenuto_backend.onnx.provenance import Places
from tenuto_backend.onnx.rules import EXCEPTIONS, RULES
from tenuto_backend.onnx.schemas import takes
from tenuto_backend.onnx.scope import Axis, Scope
from tenuto_backend.onnx.site import Site
from tenuto_backend.passes.constant_folding import exact

DOMAIN = "tenuto"
TRUTH = Tensor(BOOL, ())
F32 = SCALARS["f32"]


class Told(Struct, frozen=True):
    """What the ledger says of a value."""

    name: str
    type: str
    source: str


class Writer(Struct, eq=False):
    """What all functions of a model share: `names` gives each its name, `called` those that are used.

    `taken` are the names in the functions that are written already: all callers.
    """

    db: Database
    options: Options
    places: Places
    names: Mapping[Function, str]
    called: set[Function] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    wanted: dict[Ssa, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    definition: str = ""


def write(writer: Writer, scope: Scope, block: Block) -> None:
    """The nodes of a block, in order; a dense layer is one node where its last one stands."""
    layers = _dense(scope, block) if writer.options.recognise else {}
    inside = {id(node) for layer in layers.values() for node in layer.inside}
    for node in block.nodes:
        if id(node) in inside:
            continue
        _tell(writer, scope, node)
        since = len(scope.nodes)
        layer = layers.get(id(node))
        names = _node(writer, scope, node) if layer is None else _gemm(scope, node, layer)
        _bind(writer, scope, node.results, names, since, node.origin)


def exported(scope: Scope, block: Block, outputs: Sequence[str]) -> None:
    """Call the results of a block by their names as outputs; what another node or scope made passes through a node."""
    for ssa, name in zip(block.results, outputs, strict=True):
        if scope.value(ssa) != name:
            scope.ops("Identity", [scope.value(ssa)], [name])


def _node(writer: Writer, scope: Scope, node: Node) -> Sequence[str]:
    match node:
        case Apply(op=op, arguments=arguments, results=results):
            return _apply(writer, Site(op, arguments, results, scope))
        case Literal(value=value, result=result):
            return [scope.number(value, result.type.dtype)]
        case Size(dim=dim):
            return [sizes.scalar(scope, dim)]
        case Call():
            return _call(writer, scope, node)
        case If():
            return _if(writer, scope, node)
        case Loop():
            return _loop(writer, scope, node)


def _tell(writer: Writer, scope: Scope, node: Node) -> None:
    """What the next nodes say of their origin, and what their names begin with."""
    scope.unit.hint = next((result.name for result in node.results if result.name), _word(node))
    scope.unit.notes = {
        "tenuto.source": writer.places.text(node.origin),
        "tenuto.definition": writer.definition,
        "tenuto.type": ", ".join(str(result.type) for result in node.results),
    }


def _word(node: Node) -> str:
    match node:
        case Apply(op=op):
            return op
        case Call(function=function, part=part):
            return part or function.name
        case _:
            return type(node).__name__.lower()


def _bind(
    writer: Writer, scope: Scope, results: Sequence[Ssa], names: Sequence[str], since: int, origin: Place
) -> None:
    """Give what the last nodes made the names of the source."""
    made = {name for node in scope.nodes[since:] for name in node.output} - scope.unit.shared
    for ssa, name in zip(results, names, strict=True):
        found = name
        if name in made:
            found = writer.wanted.get(ssa) or scope.unit.names.fresh(ssa.name or scope.unit.hint)
            scope.rename(since, name, found)
            made.discard(name)
        scope.bind(ssa, found)
        if found != name and ssa not in writer.wanted:
            scope.describe(ssa)
        writer.told.append(Told(found, str(ssa.type), writer.places.text(origin)))


def _dense(scope: Scope, block: Block) -> dict[int, Dense]:
    """The dense layers of a block that are one operator, by their last nodes; onnxruntime has it for floats alone.

    A product whose sums are kept in a wider dtype is that operator in it, where the bias is added in it too.
    """
    makers, reads = makers_in(block), reads_in(block)
    found: dict[int, Dense] = {}
    for node in block.nodes:
        layer = dense(node, makers, reads)
        if layer is not None and layer.bias is not None:
            dtype = scalar(node.results[0].type.dtype)
            if dtype.kind is Kind.FLOAT and takes("Gemm", scope.unit.opset, dtype) and _sums_in(layer, dtype):
                found[id(node)] = layer
    return found


def _sums_in(layer: Dense, dtype: Scalar) -> bool:
    """Whether the product is given in a dtype, and computed in it: a short one is rounded before the bias is added."""
    operands = [scalar(ssa.type.dtype) for ssa in (layer.x, layer.kernel)]
    if layer.product.type.dtype != dtype or layer.bias is None or layer.bias.type.dtype != dtype:
        return False
    return all(found == dtype for found in operands) or (
        dtype.bits >= F32.bits and all(exact(found, dtype) for found in operands)
    )


def _gemm(scope: Scope, node: Node, layer: Dense) -> Sequence[str]:
    assert layer.bias is not None
    site = Site("Gemm", {}, node.results, scope)
    dtype = node.results[0].type.dtype
    operands = [
        site.recast(scope.value(ssa), scalar(ssa.type.dtype), dtype) for ssa in (layer.x, layer.kernel, layer.bias)
    ]
    return [scope.op("Gemm", *operands, transB=1)]


# ----------------------------------------------------------------------------------------------------------- primitives


def _apply(writer: Writer, site: Site) -> Sequence[str]:
    rule = EXCEPTIONS.get(site.op)
    names = rule(site) if rule is not None else None
    if names is not None:
        return names
    if site.op in ("slice", "select", "dequantize"):
        return _required(RULES[site.op](site), site)
    target = modules.prelude()[site.op]
    found = declared(writer.db, target.file, site.op)
    assert found is not None, f"the op `{site.op}` does not say how ONNX does it"
    return _required(_as_declared(site, found), site)


def _as_declared(site: Site, found: Declared) -> Sequence[str] | None:
    if found.lowering.operator is not None:
        return lower(site, found)
    return RULES[site.op](site)


def _required(names: Sequence[str] | None, site: Site) -> Sequence[str]:
    if names is None:
        raise OnnxError(f"`{site.op}` of {site.result.dtype} has no ONNX operator in opset {site.scope.unit.opset}")
    return names


# ---------------------------------------------------------------------------------------------------------------- calls


def _call(writer: Writer, scope: Scope, node: Call) -> Sequence[str]:
    names = _recognised(writer, scope, node) if writer.options.recognise else None
    if names is not None:
        return names
    function = node.function
    writer.called.add(function)
    name = writer.names[function]
    inputs = [scope.value(ssa) for ssa in (*node.operands, *node.weights)]
    outputs = [scope.unit.names.fresh(f"{scope.unit.hint}.{name}") for _ in node.results]
    call = NodeProto(op_type=name, domain=DOMAIN, input=inputs, output=outputs, name=node.part)
    scope.add(call)
    return outputs


def _recognised(writer: Writer, scope: Scope, node: Call) -> Sequence[str] | None:
    """The call of a library function as the one operator that its declaration names, between casts where it has any."""
    function = node.function
    if not function.file.startswith(str(modules.STD)):
        return None
    found = declared(writer.db, function.file, function.key)
    dtype = computed_in(node) if found is not None else None
    if found is None or dtype is None:
        return None
    if not has_others(node, dtype):
        return _as_declared(Site(function.name, node.arguments, node.results, scope), found)
    # Written apart, so that nothing is left of it where there is no such operator.
    apart = Scope(scope.unit, scope)
    site = between_casts(apart, node, dtype)
    names = _as_declared(site, found)
    if names is None:
        return None
    cast = [
        site.recast(name, scalar(wide.type.dtype), result.type.dtype)
        for name, wide, result in zip(names, site.results, node.results, strict=True)
    ]
    scope.nodes += apart.nodes
    scope.infos += apart.infos
    scope.made |= apart.made
    return cast


# -------------------------------------------------------------------------------------------------------- control flow


def _if(writer: Writer, scope: Scope, node: If) -> Sequence[str]:
    test = scope.value(node.test) if isinstance(node.test, Ssa) else sizes.condition(scope, node.test)
    notes = scope.unit.notes
    branches = {
        name: _branch(writer, scope, block, name)
        for name, block in (("then_branch", node.then), ("else_branch", node.otherwise))
    }
    scope.unit.notes, scope.unit.hint = notes, _word(node)
    return scope.ops("If", [test], [scope.unit.names.fresh("if") for _ in node.results], **branches)


def _branch(writer: Writer, scope: Scope, block: Block, name: str) -> GraphProto:
    inner = scope.inner()
    with scope.unit.names.in_branch():
        write(writer, inner, block)
        outputs = [scope.unit.names.fresh(f"{name}.{ssa.name or at}") for at, ssa in enumerate(block.results)]
        exported(inner, block, outputs)
    return _graph(inner, name, [], zip(outputs, (ssa.type for ssa in block.results), strict=True))


def _loop(writer: Writer, scope: Scope, node: Loop) -> Sequence[str]:
    unit, notes = scope.unit, scope.unit.notes
    length = "" if node.length is None else sizes.scalar(scope, node.length)
    initial = [scope.value(ssa) for ssa in node.initial]
    first = scope.number(True, BOOL) if node.test is None else _test(writer, scope, node, initial)
    with unit.names.in_branch():
        body = _body(writer, scope, node)
    unit.notes, unit.hint = notes, _word(node)
    results = scope.ops("Loop", [length, first, *initial], [unit.names.fresh("loop") for _ in node.results], body=body)
    kept = len(node.initial)
    stacked = zip(results[kept:], node.results[kept:], strict=True)
    return [*results[:kept], *(_stacked(scope, name, ssa) for name, ssa in stacked)]


def _body(writer: Writer, scope: Scope, node: Loop) -> GraphProto:
    unit, inner = scope.unit, scope.inner()
    step, going = unit.names.fresh(node.index.name or "step"), unit.names.fresh("going")
    inner.bind(node.index, step)
    inner.axes[node.symbol] = Axis(step, None)
    carried = [unit.names.fresh(ssa.name or "carried") for ssa in node.carried]
    for ssa, name in zip(node.carried, carried, strict=True):
        inner.bind(ssa, name)
    write(writer, inner, node.body)
    outputs = [unit.names.fresh(f"next.{ssa.name or at}") for at, ssa in enumerate(node.body.results)]
    exported(inner, node.body, outputs)
    goes_on = going if node.test is None else _test(writer, inner, node, outputs[: len(carried)])
    (after,) = inner.ops("Identity", [goes_on], [unit.names.fresh("goes_on")])
    return _graph(
        inner,
        "body",
        [(step, node.index.type), (going, TRUTH), *zip(carried, (ssa.type for ssa in node.carried), strict=True)],
        [(after, TRUTH), *zip(outputs, (ssa.type for ssa in node.body.results), strict=True)],
    )


def _stacked(scope: Scope, name: str, ssa: Ssa) -> str:
    """What a loop collected, in its shape: after no step onnxruntime tells another, and onnx joins the rows."""
    return scope.op("Reshape", name, sizes.shape(scope, dims_of(ssa.type)), allowzero=1)


def _test(writer: Writer, scope: Scope, node: Loop, carried: Sequence[str]) -> str:
    """The test of a loop on these values, written among the other nodes of `scope`."""
    assert node.test is not None
    view = Scope(scope.unit, scope, scope.nodes, scope.infos, made=scope.made)
    for ssa, name in zip(node.carried, carried, strict=True):
        view.bind(ssa, name)
    write(writer, view, node.test)
    return view.value(node.test.results[0])


def _graph(
    scope: Scope, name: str, inputs: Iterable[tuple[str, Tensor]], outputs: Iterable[tuple[str, Tensor]]
) -> GraphProto:
    names = scope.unit.size_names

    def infos(values: Iterable[tuple[str, Tensor]]) -> list[ValueInfoProto]:
        return [value_info(value, type_, names) for value, type_ in values]

    return GraphProto(name=name, node=scope.nodes, input=infos(inputs), output=infos(outputs), value_info=scope.infos)
