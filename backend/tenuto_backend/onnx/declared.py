"""The lowering that a declaration of `std` says: `lower onnx "CumSum"(x, axis, reverse = reverse)` is one node.

Where the operator does not take a dtype, it computes in a wider one between casts; a library call is then left to its
body instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_letters

from msgspec import Struct

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Truth, literal
from tenuto_analysis.dtypes import SCALARS, Kind, Scalar
from tenuto_analysis.graph import Argument, Ssa, tensors_of
from tenuto_analysis.patterns import Pattern, parse_pattern
from tenuto_analysis.types import Bool, DTypeValue, Float, Int, ListValue, NoneValue, Str, TupleValue, Value
from tenuto_backend.applied import dims, scalar
from tenuto_backend.onnx import sizes
from tenuto_backend.onnx.dtypes import element, wider
from tenuto_backend.onnx.schemas import Schema, schema
from tenuto_backend.onnx.scope import Attribute
from tenuto_backend.onnx.site import Site
from tenuto_grammar import syntax

F32 = SCALARS["f32"]


class Declared(Struct, frozen=True, eq=False):
    """A definition of `std` and its clause for ONNX."""

    definition: syntax.Definition
    lowering: syntax.Lowering


def declared(db: Database, file: str, key: str) -> Declared | None:
    """What the declaration says of ONNX; None where it says nothing."""
    definition = modules.declaration(db, file, key)
    if not isinstance(definition, syntax.Definition):
        return None
    lowering = next((found for found in definition.clauses.lower if found.backend.text == "onnx"), None)
    return Declared(definition, lowering) if lowering is not None else None


def lower(site: Site, found: Declared) -> Sequence[str] | None:
    """The one node and its casts; None where this opset has no such operator, or a static value is known too late."""
    assert found.lowering.operator is not None
    operator = found.lowering.operator.value
    known = schema(operator, site.scope.unit.opset)
    if known is None:
        return None
    attributes = _attributes(site, found)
    if attributes is None:
        return None
    inputs = _inputs(site, found)
    fitted = _fitted(site, known, inputs)
    if fitted is None or (fitted and found.definition.keyword is not syntax.Keyword.OP):
        return None
    names = [
        item.name if item.dtype is None else site.recast(item.name, item.dtype, fitted.get(known.input(at), item.dtype))
        for at, item in enumerate(inputs)
    ]
    while names and not names[-1]:
        names.pop()
    unit = site.scope.unit
    outputs = [unit.names.fresh(f"{unit.hint}.{operator}") for _ in site.results]
    results = site.scope.ops(operator, names, outputs, **attributes)
    return [
        site.recast(name, fitted.get(known.output(at), scalar(result.type.dtype)), result.type.dtype)
        for at, (name, result) in enumerate(zip(results, site.results, strict=True))
    ]


# --------------------------------------------------------------------------------------------------------------- inputs


class _Input(Struct, frozen=True):
    """A value and the dtype that it has, where it is a tensor of the program."""

    name: str
    dtype: Scalar | None = None


def _inputs(site: Site, found: Declared) -> list[_Input]:
    written = [argument.value for argument in found.lowering.arguments if argument.name is None]
    if written:
        return [item for expression in written for item in _input(site, found.definition, expression)]
    return [
        _Input(site.scope.value(ssa), scalar(ssa.type.dtype))
        for parameter in found.definition.parameters
        for ssa in tensors_of(site.arguments.get(parameter.name.text, NoneValue()))
    ]


def _input(site: Site, definition: syntax.Definition, expression: syntax.Expression) -> list[_Input]:
    argument = _evaluate(site, definition, expression)
    tensors = list(tensors_of(argument))
    if tensors:
        return [_Input(site.scope.value(ssa), scalar(ssa.type.dtype)) for ssa in tensors]
    kind = _kind(definition, expression)
    match argument:
        case NoneValue():
            return [_Input("")]
        case Int(value=dim) if kind in ("int", "dim", "axis", "after"):
            return [_Input(sizes.scalar(site.scope, dim))]
        case _ if kind == "axes":
            return [_Input(site.integers(*site.axes(argument)))]
        case _ if kind in ("shape", "list") or isinstance(expression, syntax.ListLiteral):
            return [_Input(sizes.shape(site.scope, dims(argument)))]
        case _:
            raise AssertionError(f"{site.op}: no input can be {argument}")


def _kind(definition: syntax.Definition, expression: syntax.Expression) -> str:
    """The declared type of the parameter that an expression names: `axes`, `int`; empty for any other expression."""
    if not isinstance(expression, syntax.Name):
        return ""
    for parameter in definition.parameters:
        if parameter.name.text == expression.text and isinstance(parameter.type.base, syntax.TensorType):
            return parameter.type.base.path.text
    return ""


def _fitted(site: Site, known: Schema, inputs: Sequence[_Input]) -> Mapping[str, Scalar] | None:
    """For each type variable whose dtype the operator lacks, or that would have several, the dtype to compute in.

    None where there is none. Floats meet in `f32` or `f64`, which hold every shorter one: the product of a mixed type.
    """
    found: dict[str, Scalar] = {}
    places = [(known.input(at), item.dtype) for at, item in enumerate(inputs) if item.dtype is not None]
    places += [(known.output(at), scalar(result.type.dtype)) for at, result in enumerate(site.results)]
    for variable, dtype in places:
        several = {other for name, other in places if name == variable}
        mixed = len(several) > 1 and all(other.kind is Kind.FLOAT for other in several)
        if variable not in found and (mixed or not known.takes(variable, dtype.name)):
            widest = max(several, key=lambda other: other.bits) if mixed else dtype
            candidates = (widest, *wider(widest)) if widest.bits >= F32.bits else wider(widest)
            chosen = next((wide for wide in candidates if known.takes(variable, wide.name)), None)
            if chosen is None:
                return None
            found[variable] = chosen
    return found


# ----------------------------------------------------------------------------------------------------------- attributes


def _attributes(site: Site, found: Declared) -> dict[str, Attribute] | None:
    attributes: dict[str, Attribute] = {}
    for argument in found.lowering.arguments:
        if argument.name is not None:
            value = _attribute(_evaluate(site, found.definition, argument.value))
            if value is None:
                return None
            attributes[argument.name.text] = value
    axis = attributes.get("axis")
    if isinstance(axis, int) and axis < 0:
        # Counted from the front: not every tool knows the other way.
        attributes["axis"] = axis + site.rank
    return attributes


def _attribute(value: Argument) -> Attribute | None:
    match value:
        case Int(value=dim):
            return dim.constant
        case Float(value=number):
            return number
        case Bool(value=Truth(truth)):
            return int(truth)
        case Str(value=str(text)):
            return equation(text) if "->" in text else text
        case DTypeValue(dtype=dtype):
            return element(dtype)
        case TupleValue() | ListValue():
            known = [dim.constant for dim in dims(value) if dim.constant is not None]
            return known if len(known) == len(dims(value)) else None
        case _:
            return None


def equation(text: str) -> str:
    """A pattern of names as ONNX writes it, one letter an axis: `b in k, b k j -> b in j` as `abc,acd->abd`."""
    pattern = parse_pattern(text)
    assert isinstance(pattern, Pattern), pattern
    letters: dict[str, str] = {}
    for side in (*pattern.inputs, pattern.output):
        for group in side:
            letters.setdefault(group[0], ascii_letters[len(letters)])
    inputs, output = (
        ["".join(letters[group[0]] for group in side) for side in sides]
        for sides in (pattern.inputs, (pattern.output,))
    )
    return f"{','.join(inputs)}->{output[0]}"


def _evaluate(site: Site, definition: syntax.Definition, expression: syntax.Expression) -> Argument:
    """An expression of a `lower` clause: a parameter, a dtype, a literal, a list of those."""
    match expression:
        case syntax.Name(text=name):
            return _named(site, definition, name)
        case syntax.Integer(value=integer):
            return Int(literal(integer))
        case syntax.Float(value=number):
            return Float(number)
        case syntax.Unary(operator=syntax.UnaryOperator.NEGATE, operand=syntax.Integer(value=integer)):
            return Int(literal(-integer))
        case syntax.Unary(operator=syntax.UnaryOperator.NEGATE, operand=syntax.Float(value=number)):
            return Float(-number)
        case syntax.Boolean(value=truth):
            return Bool(Truth(truth))
        case syntax.String(value=text):
            return Str(text)
        case syntax.NoneLiteral():
            return NoneValue()
        case syntax.ListLiteral(items=items):
            return ListValue(tuple(_static(_evaluate(site, definition, item)) for item in items))
        case _:
            raise AssertionError(f"`{definition.name.text}`: a `lower` clause takes names and literals")


def _static(argument: Argument) -> Value:
    assert not isinstance(argument, Ssa | tuple), "a list in a `lower` clause holds static values"
    return argument


def _named(site: Site, definition: syntax.Definition, name: str) -> Argument:
    """What a name stands for: a generic dtype is that of the result; a parameter what was passed, else its default."""
    if any(generic.name.text == name for generic in definition.generics):
        return DTypeValue(site.result.dtype)
    if name in site.arguments:
        return site.arguments[name]
    default = next((item.default for item in definition.parameters if item.name.text == name), None)
    assert default is not None, f"`{name}` of {site.op} was not passed"
    return _evaluate(site, definition, default)
