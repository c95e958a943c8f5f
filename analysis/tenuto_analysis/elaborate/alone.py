"""The graph of a model or a `fn` by itself, without a deploy: what its caller decides stays open, where it can.

Sizes, those of a configuration too, are symbols of the entry. A pack of axes is one axis, of its name. A generic with a
default takes it, a dtype that a caller chooses is f32, or the widest integer where only those are allowed. What a graph
must know and only a caller says (how many layers there are, which model is a part) makes a `Refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.check import queries
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Symbol, of
from tenuto_analysis.dtypes import SCALARS, DTypeClass
from tenuto_analysis.elaborate import policies
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.casts import place_casts
from tenuto_analysis.elaborate.instances import Table, spelled_out
from tenuto_analysis.graph import Graph
from tenuto_analysis.modules import declaration
from tenuto_analysis.precision.policies import F32
from tenuto_analysis.shapes import Known, has_pack
from tenuto_analysis.signature import Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    NONE,
    DTypeKind,
    DTypeValue,
    Int,
    ListKind,
    ListValue,
    ModelBound,
    OptionalValue,
    RecordKind,
    RecordValue,
    Sequence,
    ShapeValue,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax

_CHOSEN = {
    DTypeClass.FLOATING: SCALARS["f32"],
    DTypeClass.NUMBER: SCALARS["f32"],
    DTypeClass.ANY: SCALARS["f32"],
    DTypeClass.INTEGER: SCALARS["i64"],
    DTypeClass.UNSIGNED: SCALARS["u64"],
}


@query
def alone(db: Database, file: str, name: str) -> Graph | Refusal:
    """The graph of a definition that has no error, under its own policy, else f32."""
    signature = queries.signature(db, file, name)
    node = declaration(db, file, name)
    assert signature is not None
    assert isinstance(node, syntax.Definition)
    place = Place(file, name, node.name.span)
    if node.body is None:
        return Refusal(place, f"`{name}` is a primitive: it has no body")
    bindings = {key: value for key, value, _ in queries.interface(db, file, name).bindings}
    models = [generic.name for generic in signature.generics if isinstance(generic.kind, ModelBound)]
    if models:
        return Refusal(place, f"which model `{models[0]}` of `{name}` is, its caller decides")
    statics = _statics(db, signature, bindings)
    substitution = Substitution(signature.owner, Known(), dict(statics))
    inputs: dict[str, Value] = {}
    for parameter in signature.parameters:
        type_ = spelled_out(substitution.value(bindings[parameter.name]))
        if _lists(type_):
            return Refusal(place, f"`{parameter.name}` of `{name}` holds a list, which its caller spells out")
        match type_:
            case OptionalValue() if parameter.default is not None:
                statics[parameter.name] = NONE
            case Tensor() | TupleValue() | ListValue() | RecordValue():
                inputs[parameter.name] = type_
            case _ if parameter.default is not None:
                statics[parameter.name] = substitution.value(parameter.default)
            case Int(value=size) if size.constant is None:
                pass
            case _:
                return Refusal(place, f"`{parameter.name}` of `{name}` has no default, and is no tensor")
    table = Table(db)
    policy = policies.of_definition(db, file, name) or F32
    try:
        entry = table.make(signature, statics, inputs, (), policy)
    except Refusal as refusal:
        return refusal
    functions = table.functions(entry)
    if table.casts:
        place_casts(functions, entry)
    return Graph(name, file, functions, tuple(item.constraint for item in signature.requirements))


def _lists(value: Value) -> bool:
    """Whether a value is, or holds, a list whose elements are not spelled out."""
    match value:
        case Sequence() | ListKind():
            return True
        case TupleValue(items=items) | ListValue(items=items):
            return any(map(_lists, items))
        case RecordValue(fields=fields):
            return any(_lists(item) for _, item in fields)
        case _:
            return False


def _statics(db: Database, signature: Signature, bindings: Mapping[str, Value]) -> dict[str, Value]:
    """What stands for the generics and the packs."""
    found: dict[str, Value] = {}
    substitution = Substitution(signature.owner, Known(), found)
    for generic in signature.generics:
        if generic.default is not None:
            found[generic.name] = substitution.value(generic.default)
        elif isinstance(generic.kind, RecordKind) and isinstance(own := bindings[generic.name], RecordValue):
            found[generic.name] = _configured(db, generic.kind, own)
        elif isinstance(generic.kind, DTypeKind):
            found[generic.name] = DTypeValue(_CHOSEN[generic.kind.bound])
    for name, value in bindings.items():
        if isinstance(value, ShapeValue) and has_pack(value.shape) and name not in found:
            found[name] = ShapeValue((of(Symbol(name, signature.owner, 0)),))
    return found


def _configured(db: Database, kind: RecordKind, own: RecordValue) -> RecordValue:
    """A configuration whose sizes are open; its other fields take their defaults."""
    record = queries.record(db, kind.file, kind.name)
    defaults = {field.name: field.default for field in record.fields} if record is not None else {}
    fields = ((name, value if isinstance(value, Int) else defaults.get(name) or value) for name, value in own.fields)
    return RecordValue(own.name, own.file, tuple(fields))
