"""A typed graph as an ONNX model: the entry is the graph, every other function a function of its own.

The model holds no data of weights: `save.py` places them. Nothing is optimised here beyond what a lowering writes;
the graph is taken to be well formed (`graph_check.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from onnx import FunctionProto, GraphProto, ModelProto, OperatorSetIdProto, TensorProto

from tenuto_analysis.database import Database
from tenuto_analysis.graph import Function, Graph, dims_of
from tenuto_analysis.types import Tensor
from tenuto_backend.instances import names_of
from tenuto_backend.onnx.bodies import DOMAIN, Writer, exported, write
from tenuto_backend.onnx.dtypes import element
from tenuto_backend.onnx.infos import value_info
from tenuto_backend.onnx.ledger import KEY, Page, ledger
from tenuto_backend.onnx.options import IR_OF_OPSET, Options, opset_for
from tenuto_backend.onnx.provenance import Places
from tenuto_backend.onnx.scope import Axis, Names, Scope, Unit
from tenuto_backend.weights.beside import PRODUCER


class Placed(Struct, frozen=True):
    """A weight to be placed: its path in the program, its name in the model, its type, and that in the language."""

    path: str
    name: str
    type: Tensor
    said: str


class Emitted(Struct, frozen=True, eq=False):
    """A model without the data of its weights; `functions` are those of the program, in the order of the model's."""

    model: ModelProto
    weights: tuple[Placed, ...]
    functions: tuple[Function, ...]


class _Written(Struct, frozen=True, eq=False):
    """A function with all its nodes: values that come in (inputs, sizes, weights), values that go out."""

    function: Function
    scope: Scope
    inputs: tuple[tuple[str, Tensor], ...]
    weights: tuple[Placed, ...]
    outputs: tuple[tuple[str, Tensor], ...]
    page: Page


def emit(db: Database, graph: Graph, options: Options) -> Emitted:
    opset = opset_for(graph, options)
    writer = Writer(db, options, Places(db), names_of(graph.functions))
    entry = _write(writer, graph.entry, opset)
    # Callers first: only then is it known which functions are called and not replaced by an operator.
    found = [
        _write(writer, function, opset) for function in reversed(graph.functions[:-1]) if function in writer.called
    ]
    functions = [_function(written, opset) for written in reversed(found)]
    model = ModelProto(ir_version=IR_OF_OPSET[opset], producer_name=PRODUCER, graph=_graph(graph, entry))
    model.functions.extend(functions)
    model.opset_import.extend(_opsets(opset, bool(functions)))
    if options.ledger:
        _note(model, {KEY: ledger(graph, [*(item.page for item in reversed(found)), entry.page], options.checkpoints)})
    return Emitted(model, entry.weights, tuple(written.function for written in reversed(found)))


def _write(writer: Writer, function: Function, opset: int) -> _Written:
    names = Names(frozenset(writer.taken))
    scope = Scope(Unit(opset, names))
    inputs: list[tuple[str, Tensor]] = []
    for ssa in function.inputs:
        scope.bind(ssa, names.fresh(ssa.name or "input"))
        inputs.append((scope.value(ssa), ssa.type))
    for leaf, ssa in function.size_inputs:
        scope.bind(ssa, names.fresh(ssa.name or str(leaf)))
        scope.axes[leaf] = Axis(scope.value(ssa), None)
        inputs.append((scope.value(ssa), ssa.type))
    weights: list[Placed] = []
    for weight in function.weights:
        scope.bind(weight.value, names.fresh(weight.path))
        said = str(weight.typed or weight.value.type)
        weights.append(Placed(weight.path, scope.value(weight.value), weight.value.type, said))
    outputs = [names.fresh(name) for name in _output_names(function)]
    writer.definition = function.name
    writer.told = []
    writer.wanted = dict(zip(reversed(function.results), reversed(outputs), strict=True))
    write(writer, scope, function.body)
    exported(scope, function.body, outputs)
    writer.taken |= names.taken
    typed = tuple(zip(outputs, (ssa.type for ssa in function.results), strict=True))
    page = Page(
        function,
        writer.names[function],
        writer.places.of_function(function),
        [(value, str(type_)) for value, type_ in inputs],
        [(value, str(type_)) for value, type_ in typed],
        [(weight.name, str(weight.type)) for weight in weights],
        writer.told,
    )
    return _Written(function, scope, tuple(inputs), tuple(weights), typed, page)


def _output_names(function: Function) -> list[str]:
    if function.output_names:
        return list(function.output_names)
    return [ssa.name or "output" for ssa in function.results]


def _graph(graph: Graph, entry: _Written) -> GraphProto:
    unit, sizes = entry.scope.unit, entry.scope.unit.size_names
    found = GraphProto(name=graph.name, doc_string=entry.function.doc or "")
    found.node.extend(unit.constants)
    found.node.extend(entry.scope.nodes)
    found.input.extend(value_info(name, type_, sizes) for name, type_ in entry.inputs)
    found.output.extend(value_info(name, type_, sizes) for name, type_ in entry.outputs)
    found.value_info.extend(entry.scope.infos)
    found.initializer.extend(map(_empty, entry.weights))
    return found


def _empty(weight: Placed) -> TensorProto:
    sizes = [dim.constant for dim in dims_of(weight.type) if dim.constant is not None]
    assert len(sizes) == len(weight.type.shape), f"the size of the weight {weight.path} is not known"
    found = TensorProto(name=weight.name, data_type=element(weight.type.dtype), dims=sizes)
    _note(found, {"tenuto.path": weight.path, "tenuto.type": weight.said})
    return found


def _function(written: _Written, opset: int) -> FunctionProto:
    unit, page = written.scope.unit, written.page
    weights = [(weight.name, weight.type) for weight in written.weights]
    found = FunctionProto(name=page.name, domain=DOMAIN, doc_string=written.function.doc or "")
    found.input.extend(name for name, _ in (*written.inputs, *weights))
    found.output.extend(name for name, _ in written.outputs)
    found.node.extend(unit.constants)
    found.node.extend(written.scope.nodes)
    found.opset_import.extend(_opsets(opset, True))
    found.value_info.extend(
        value_info(name, type_, unit.size_names) for name, type_ in (*written.inputs, *weights, *written.outputs)
    )
    found.value_info.extend(written.scope.infos)
    statics = ", ".join(f"{name} = {value}" for name, value in written.function.statics)
    _note(found, {"tenuto.definition": written.function.name, "tenuto.source": page.source, "tenuto.statics": statics})
    return found


def _opsets(opset: int, functions: bool) -> list[OperatorSetIdProto]:
    found = [OperatorSetIdProto(domain="", version=opset)]
    return [*found, OperatorSetIdProto(domain=DOMAIN, version=1)] if functions else found


def _note(target: ModelProto | FunctionProto | TensorProto, texts: Mapping[str, str]) -> None:
    for key, text in texts.items():
        if text:
            note = target.metadata_props.add()
            note.key, note.value = key, text
