"""Calls: of primitives, which become nodes, and of definitions, which become functions of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext

from tenuto_analysis.check import builtins, queries
from tenuto_analysis.check.recorder import Resolved
from tenuto_analysis.dims import Dim, Leaf, literal
from tenuto_analysis.dims import substitute as substitute_leaves
from tenuto_analysis.dtypes import WEAK_FLOAT, WEAK_INT, DType, DTypeClass, Policy, Quantised, Scalar
from tenuto_analysis.elaborate import expressions, policies
from tenuto_analysis.elaborate.builder import WIDE_INT, Builder, Refusal, parts_of
from tenuto_analysis.elaborate.casts import MOVING
from tenuto_analysis.elaborate.forms import Fields, Form, Part, Several, is_static
from tenuto_analysis.elaborate.policies import NOTHING, Ruling
from tenuto_analysis.graph import Apply, Argument, Call, Ssa, Weight
from tenuto_analysis.precision.policies import Field
from tenuto_analysis.signature import Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    NONE,
    AxisKind,
    Builtin,
    DTypeKind,
    DTypeValue,
    Instance,
    Int,
    KindValue,
    ListKind,
    ListValue,
    OptionalValue,
    RecordValue,
    Reference,
    Sequence,
    ShapeValue,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import Keyword
from tenuto_grammar.text import Span

Given = tuple[str | None, syntax.Expression]


def call(b: Builder, callee: syntax.Expression, given: tuple[Given, ...], span: Span) -> Form:
    """A call that the checker has just resolved."""
    called = b.recorder.type_of(callee)
    match called:
        case Builtin(name=name):
            return _builtin(b, name, tuple(expressions.build(b, node) for _, node in given), span)
        case Reference(file=file, name=name) if queries.keyword_of(b.ctx.db, file, name) == "record":
            return _record(b, called, given)
        case _:
            resolved = b.recorder.calls[span]
            forms = dict(_arguments(b, resolved, given))
            if resolved.signature.keyword is Keyword.OP:
                return _primitive(b, resolved, forms, span)
            part = expressions.build(b, callee) if isinstance(called, Instance) else None
            return _definition(b, resolved, forms, part if isinstance(part, Part) else None, span)


def _builtin(b: Builder, name: str, forms: tuple[Form, ...], span: Span) -> Form:
    """What the language itself does with lists of tensors or of parts."""
    match name:
        case "zip":
            columns = [parts_of(form) for form in forms]
            return Several(tuple(Several(row) for row in zip(*columns, strict=True)))
        case "enumerate":
            return Several(tuple(Several((Int(literal(i)), item)) for i, item in enumerate(parts_of(forms[0]))))
        case "reversed":
            return Several(parts_of(forms[0])[::-1])
        case _:
            raise Refusal(b.place(span), f"`{name}` of tensors cannot be built")


def _record(b: Builder, reference: Reference, given: tuple[Given, ...]) -> Form:
    record = queries.record(b.ctx.db, reference.file, reference.name)
    assert record is not None
    names = [field.name for field in record.fields]
    found: dict[str, Form] = {
        name if name is not None else names[i]: expressions.build(b, node) for i, (name, node) in enumerate(given)
    }
    for field in record.fields:
        if field.name not in found and field.default is not None:
            found[field.name] = field.default
    return Fields({name: found[name] for name in names})


def _arguments(b: Builder, resolved: Resolved, given: tuple[Given, ...]) -> Iterator[tuple[str, Form]]:
    """Each parameter with what it takes, its numbers still numbers."""
    nodes = {node.span: node for _, node in given}
    for name, value, place, parts in resolved.arguments:
        if place is None or is_static(value):
            yield name, value
        elif place in nodes and parts != (place,):
            yield name, expressions.build(b, nodes[place])
        else:  # arguments that make one list, be it of one
            yield name, Several(tuple(expressions.build(b, nodes[part]) for part in parts))


# ----------------------------------------------------------------------------------------------------------- primitives


def _primitive(b: Builder, resolved: Resolved, forms: Mapping[str, Form], span: Span) -> Form:
    signature = resolved.signature
    values = {name: _weak_float(signature, name, value) for name, value in resolved.values.items()}
    known = Substitution(signature.owner, b.ctx.known, values)
    arguments: dict[str, Argument] = {
        generic.name: _plain_dtype(b, known.values[generic.name])
        for generic in signature.generics
        if generic.default is not None  # The others follow from the operands.
    }
    class_ = "any" if b.policy.uniform else policies.class_of(b.ctx.db, signature.file, signature.key)
    places = {name: place for name, _, place, _ in resolved.arguments}
    # What only moves numbers leaves them in the dtype that they have.
    moved = forms["x"] if b.mixes and signature.name in MOVING and _is_float(resolved.result) else None
    for parameter in signature.parameters:
        wanted = parameter.type.inner if isinstance(parameter.type, OptionalValue) else parameter.type
        field = policies.taken(class_, parameter.name)
        if parameter.name == "x" and isinstance(moved, Ssa):
            arguments["x"] = moved
            continue
        place = _place(b, places[parameter.name], span)
        arguments[parameter.name] = _argument(b, known, parameter.name, wanted, forms[parameter.name], field, place)
    result = resolved.result
    if isinstance(result, Tensor) and values != resolved.values:
        result = Tensor(WEAK_FLOAT, result.shape)
    results = tuple(b.value(tensor, field=policies.given(class_)) for tensor in _tensors_of(b, result))
    if isinstance(moved, Ssa):
        results = (b.like(moved, results[0].type),)
    b.add(Apply(signature.name, arguments, results, b.place(span)))
    return _form_of(b, resolved.result, iter(results))


def _place(b: Builder, argument: Span | None, call: Span) -> Span:
    """Where a cast of an argument stands: at the argument, so that an editor can show it there."""
    return argument if argument is not None and b.mixes else call


def _is_float(value: Value) -> bool:
    return isinstance(value, Tensor) and isinstance(value.dtype, Policy)


def _weak_float(signature: Signature, name: str, value: Value) -> Value:
    """`sqrt(D)`: an integer without a dtype of its own is a float where only a float will do."""
    kind = next((generic.kind for generic in signature.generics if generic.name == name), None)
    is_float = kind == DTypeKind(DTypeClass.FLOATING) and value == DTypeValue(WEAK_INT)
    return DTypeValue(WEAK_FLOAT) if is_float else value


def _plain_dtype(b: Builder, value: Value) -> Value:
    """A dtype as the graph keeps it."""
    if not isinstance(value, DTypeValue) or isinstance(value.dtype, Quantised):
        return value
    return DTypeValue(b.scalar(value.dtype))


def _argument(
    b: Builder, known: Substitution, name: str, wanted: Value, form: Form, field: Field, span: Span
) -> Argument:
    match wanted, form:
        case (_, value) if value == NONE:
            return NONE
        case (Tensor(), _):
            type_ = known.value(wanted)
            assert isinstance(type_, Tensor)
            return b.operand(form, type_.dtype, span, field)
        case (KindValue(kind=AxisKind.SHAPE, shape=shape), _):
            return ShapeValue(known.shape(shape))
        case (_, Several(items=items)):
            dtype = _common(b, known, wanted, items)
            return tuple(b.operand(item, dtype, span, field) for item in items)
        case (_, Fields() | Part()):
            raise Refusal(b.place(span), f"`{name}` cannot take this")
        case (_, Ssa()):
            return form
        case (_, value):
            found = known.values.get(name)
            return found if found is not None and is_static(found) and found != NONE else value


def _common(b: Builder, known: Substitution, wanted: Value, items: tuple[Form, ...]) -> DType:
    """The dtype of the elements of a list: where policies make them differ, that of the operator's type."""
    if b.mixes and isinstance(wanted, ListKind) and isinstance(wanted.element, Tensor):
        return known.dtype(wanted.element.dtype)
    dtype = next((item.type.dtype for item in items if isinstance(item, Ssa)), None)
    assert isinstance(dtype, Scalar)
    return dtype


# ---------------------------------------------------------------------------------------------------------- definitions


def _definition(b: Builder, resolved: Resolved, forms: Mapping[str, Form], part: Part | None, span: Span) -> Form:
    known = Substitution(resolved.signature.owner, b.ctx.known, resolved.values)
    ruling = part.ruling if part is not None else NOTHING
    policy = policies.of_call(b.ctx.db, resolved, ruling.policy or b.policy)
    given = {name: (value, _place(b, place, span)) for name, value, place, _ in resolved.arguments}
    with b.ruled(Ruling(policy)) if policy is not b.policy else nullcontext():
        settled = {
            parameter.name: _settled(b, known, parameter.type, forms[parameter.name], *given[parameter.name])
            for parameter in resolved.signature.parameters
        }
    called = b.instances.instance(b, resolved, settled, policy, b.place(span))
    function = called.function
    path = part.path if part is not None else ""
    weights = tuple(_weight(b, path, weight, called.sizes, span) for weight in function.weights)
    sizes = tuple(b.tensor(Int(called.sizes[leaf]), WIDE_INT, span) for leaf, _ in function.size_inputs)
    results = tuple(
        Ssa(Tensor(made.type.dtype, tensor.shape, tensor.within), "", made.role)
        for tensor, made in zip(_tensors_of(b, resolved.result), function.results, strict=True)
    )
    arguments = {name: _as_argument(form) for name, form in settled.items()}
    operands = (*called.operands, *sizes)
    b.add(Call(function, arguments, operands, weights, called.sizes, results, path, b.place(span), ruling.target))
    return _form_of(b, resolved.result, iter(results))


def _weight(b: Builder, part: str, weight: Weight, sizes: Mapping[Leaf, Dim], span: Span) -> Ssa:
    """A weight of a part that is called, in the dtype that the part takes it in."""
    found = b.weights.get(f"{part}.{weight.path}")
    if found is None:
        type_ = in_terms_of(weight.value.type, sizes)
        value = Ssa(type_, f"{part}.{weight.path}", weight.value.role)
        found = b.weights[value.name] = Weight(value.name, value, weight.initialiser, weight.policy)
    dtype = weight.value.type.dtype
    if not isinstance(dtype, Scalar):
        return found.value  # Quantised as its type says.
    return b.cast(found.value, dtype, span, Field.PARAMS)


def _settled(b: Builder, known: Substitution, wanted: Value, form: Form, given: Value, span: Span) -> Form:
    """An argument in the dtype that its parameter has, under the policy of what is called."""
    if isinstance(wanted, OptionalValue):
        wanted = wanted.inner
    if isinstance(wanted, Tensor) and form != NONE:
        type_ = known.value(wanted)
        assert isinstance(type_, Tensor)
        return b.operand(form, type_.dtype, span)
    return b.stored(form, given, span) if b.mixes else form


def _as_argument(form: Form) -> Argument:
    match form:
        case Several(items=items):
            return tuple(map(_as_argument, items))
        case Fields(fields=fields):
            return tuple(map(_as_argument, fields.values()))
        case Part():
            return NONE
        case _:
            return form


def in_terms_of(type_: Tensor, sizes: Mapping[Leaf, Dim]) -> Tensor:
    """A callee's type with the caller's sizes."""
    shape = tuple(
        substitute_leaves(item, sizes.get, lambda _: None) if isinstance(item, Dim) else item for item in type_.shape
    )
    return Tensor(type_.dtype, shape, type_.within)


# -------------------------------------------------------------------------------------------------------------- results


def _tensors_of(b: Builder, value: Value) -> Iterator[Tensor]:
    """The tensors that a result holds, in order."""
    match value:
        case Tensor():
            yield value
        case TupleValue(items=items) | ListValue(items=items):
            for item in items:
                yield from _tensors_of(b, item)
        case RecordValue(fields=fields):
            for _, item in fields:
                yield from _tensors_of(b, item)
        case Sequence(length=length) if length.constant is not None:
            for item in _elements(b, value):
                yield from _tensors_of(b, item)
        case _ if is_static(value):
            pass
        case _:
            raise TypeError(f"a call cannot give `{value}`")


def _form_of(b: Builder, value: Value, tensors: Iterator[Ssa]) -> Form:
    """A result as a form, its tensors taken in order."""
    match value:
        case Tensor():
            return next(tensors)
        case TupleValue(items=items) | ListValue(items=items) if not is_static(value):
            return Several(tuple(_form_of(b, item, tensors) for item in items))
        case RecordValue(fields=fields) if not is_static(value):
            return Fields({name: _form_of(b, item, tensors) for name, item in fields})
        case Sequence():
            return Several(tuple(_form_of(b, item, tensors) for item in _elements(b, value)))
        case _:
            return value


def _elements(b: Builder, value: Sequence) -> Iterable[Value]:
    assert value.length.constant is not None
    return (builtins.at_index(b.ctx, value, literal(i)) for i in range(value.length.constant))
