"""What an expression gives, with the names of a frame.

Static values are computed here in plain Python; what touches a tensor is a call of the standard library, made by
`Run.call`, operators too: `a + b` is `add(a, b)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import EllipsisType

import numpy as np

from tenuto_backend.reference import dtypes, functions, operators
from tenuto_backend.reference.operators import guarded
from tenuto_backend.reference.values import (
    Applied,
    Array,
    Declared,
    Frame,
    Instance,
    RecordValue,
    Shape,
    Size,
    TensorKind,
    TypeValue,
    Undetermined,
    Value,
    WrongByExecution,
    describe,
    is_weak,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import BinaryOperator
from tenuto_grammar.text import Span


def evaluate(frame: Frame, expression: syntax.Expression) -> Value:
    value = _evaluate(frame, expression)
    frame.note(expression.span, value)
    return value


def _evaluate(frame: Frame, expression: syntax.Expression) -> Value:
    match expression:
        case syntax.Name(text=name):
            return look_up(frame, name, expression.span)
        case syntax.Integer() | syntax.Float() | syntax.Boolean() | syntax.String():
            return expression.value
        case syntax.NoneLiteral():
            return None
        case syntax.Tuple(items=items):
            return tuple(evaluate(frame, item) for item in items)
        case syntax.Parenthesized(inner=inner):
            return evaluate(frame, inner)
        case syntax.ListLiteral(items=items):
            return [evaluate(frame, item) for item in items]
        case syntax.Comprehension():
            return _comprehension(frame, expression)
        case syntax.Conditional(test=test, then=then, otherwise=otherwise):
            return evaluate(frame, then if truth(frame, test) else otherwise)
        case syntax.Call(callee=callee, arguments=arguments):
            return _call(frame, expression.span, callee, [], arguments)
        case syntax.Pipe(left=left, right=right):
            return _pipe(frame, expression.span, left, right)
        case syntax.Subscript(base=base, indices=indices):
            return _subscript(frame, expression.span, base, indices)
        case syntax.Attribute(base=base, name=name):
            return _attribute(frame, expression.span, base, name.text)
        case syntax.Element(base=base, index=index):
            whole = evaluate(frame, base)
            if not isinstance(whole, tuple) or index >= len(whole):
                raise WrongByExecution(frame.place(expression.span), f"{describe(whole)} has no element {index}")
            return whole[index]
        case syntax.Unary(operator=operator, operand=operand):
            return operators.unary(frame, expression.span, operator, evaluate(frame, operand))
        case syntax.Binary(operator=operator, left=left, right=right):
            first = evaluate(frame, left)
            if (operator is BinaryOperator.AND and first is False) or (operator is BinaryOperator.OR and first is True):
                return first
            return operators.binary(frame, expression.span, operator, first, evaluate(frame, right))
        case syntax.Compare(operands=operands, operators=signs):
            return operators.compare(frame, expression.span, [evaluate(frame, operand) for operand in operands], signs)
        case syntax.Cast(value=inner, dtype=dtype):
            return _cast(frame, expression.span, evaluate(frame, inner), dtype)
        case syntax.Map() | syntax.Missing():
            raise Undetermined("a map or a missing expression has no value")


def look_up(frame: Frame, name: str, span: Span) -> Value:
    """What `name` means: a local, or a declaration (a constant is its value)."""
    owner = frame.owner(name)
    if owner is not None:
        return owner[name]
    found = frame.run.find(frame.file, name)
    if found is None:
        raise WrongByExecution(frame.place(span), f"`{name}` is not known")
    if isinstance(found, np.dtype):
        return found
    return _meaning(frame, found)


def truth(frame: Frame, expression: syntax.Expression) -> bool:
    """Whether a test holds: a static value, or a tensor of rank 0."""
    value = evaluate(frame, expression)
    if isinstance(value, bool):
        return value
    if isinstance(value, np.ndarray) and value.dtype == dtypes.BOOL and value.ndim == 0:
        return bool(value)
    raise WrongByExecution(frame.place(expression.span), f"a test must be a `bool`, not {describe(value)}")


def integer(frame: Frame, expression: syntax.Expression) -> int:
    value = evaluate(frame, expression)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise WrongByExecution(frame.place(expression.span), f"an integer is needed here, not {describe(value)}")


def sizes(frame: Frame, dims: Sequence[syntax.Index]) -> tuple[int, ...]:
    """The sizes that a shape in a type says, every name in it being known."""
    found: list[int] = []
    for dim in dims:
        match dim:
            case syntax.Pack(value=value):
                pack = _shape_function(frame, value)
                if not isinstance(pack, Shape):
                    raise WrongByExecution(frame.place(dim.span), f"a pack is needed here, not {describe(pack)}")
                found += pack.sizes
            case syntax.Exists(name=name):
                size = look_up(frame, name.text, dim.span)
                found.append(size if isinstance(size, int) else -1)
            case (
                syntax.Slice()
                | syntax.Ellipsis()
                | syntax.AnyPack()
                | syntax.Named()
                | syntax.Bounded()
                | syntax.ModelType()
            ):
                raise WrongByExecution(frame.place(dim.span), "this is not a dimension")
            case _:
                found.append(integer(frame, dim))
    return tuple(found)


def _shape_function(frame: Frame, expression: syntax.Expression) -> Value:
    """A pack; here `concat(parts, axis)` is the function of shapes, not the operator."""
    match expression:
        case syntax.Call(callee=syntax.Name(text=name), arguments=arguments) if name in functions.SHAPES:
            values = [_shape_function(frame, argument.value) for argument in arguments]
            return guarded(frame, expression.span, lambda: functions.SHAPES[name](*values))
        case _:
            return evaluate(frame, expression)


def generic_arguments(
    frame: Frame, generics: Sequence[syntax.Generic], indices: Sequence[syntax.Index]
) -> dict[str, Value]:
    """Generic arguments by name, from `[a, b, N = c]`."""
    found: dict[str, Value] = {}
    position = 0
    for index in indices:
        if isinstance(index, syntax.Named):
            if index.name.text not in {generic.name.text for generic in generics}:
                raise WrongByExecution(frame.place(index.span), f"there is no generic `{index.name.text}`")
            found[index.name.text] = evaluate(frame, index.value)
            continue
        if position >= len(generics):
            raise WrongByExecution(frame.place(index.span), "too many generic arguments")
        found[generics[position].name.text] = _generic_argument(frame, index)
        position += 1
    return found


def _generic_argument(frame: Frame, index: syntax.Index) -> Value:
    match index:
        case syntax.Pack(value=value):
            return evaluate(frame, value)
        case syntax.Bounded(value=value):
            return evaluate(frame, value)
        case syntax.ModelType():
            return TypeValue(syntax.Type(index.span, index, None, False), frame)
        case syntax.Slice() | syntax.Ellipsis() | syntax.AnyPack() | syntax.Exists() | syntax.Named():
            raise WrongByExecution(frame.place(index.span), "this is not a generic argument")
        case _:
            return evaluate(frame, index)


def _meaning(frame: Frame, found: Declared) -> Value:
    match found.declaration:
        case syntax.Const(name=name, type=declared, value=value):
            key = (found.file, name.text)
            if key not in frame.run.constants:
                inner = Frame(frame.run, found.file, found.declaration, {})
                frame.run.constants[key] = as_declared(evaluate(inner, value), declared)
            return frame.run.constants[key]
        case syntax.Definition() as definition:
            return Applied(found.file, definition, {})
        case _:
            return found


def as_declared(value: Value, declared: syntax.Type | None) -> Value:
    """A static integer that a declaration calls a `dim` is a size from there on, one that it calls an `int` is none."""
    if declared is None or not isinstance(declared.base, syntax.TensorType) or declared.base.dims is not None:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return _KINDS.get(declared.base.path.text, int)(value)
    return value


_KINDS: Mapping[str, type[int] | type[float]] = {"dim": Size, "int": int, "float": float}


def _comprehension(frame: Frame, expression: syntax.Comprehension) -> Value:
    found: list[Value] = []
    for item in iterate(frame, expression.iterable):
        inner = frame.inner()
        destructure(inner, expression.pattern, item)
        found.append(evaluate(inner, expression.element))
    return found


def iterate(frame: Frame, expression: syntax.Expression) -> list[Value]:
    value = evaluate(frame, expression)
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, np.ndarray) and value.ndim:
        return functions.Steps(map(np.asarray, value))
    raise WrongByExecution(frame.place(expression.span), f"{describe(value)} cannot be gone through")


def destructure(frame: Frame, pattern: syntax.Pattern, value: Value) -> None:
    """Bind the names of `pattern` in the innermost block."""
    if isinstance(pattern, syntax.Identifier):
        frame.names[pattern.text] = value
        frame.note(pattern.span, value)
        return
    if not isinstance(value, tuple | list) or len(value) != len(pattern.items):
        raise WrongByExecution(frame.place(pattern.span), f"{describe(value)} is not {len(pattern.items)} values")
    for part, item in zip(pattern.items, value, strict=True):
        destructure(frame, part, item)


# ---------------------------------------------------------------------------------------------------------------- calls


def _pipe(frame: Frame, span: Span, left: syntax.Expression, right: syntax.Expression) -> Value:
    value = evaluate(frame, left)
    match right:
        case syntax.Call(callee=callee, arguments=arguments):
            return _call(frame, span, callee, [value], arguments)
        case _:
            return _call(frame, span, right, [value], ())


def _call(
    frame: Frame,
    span: Span,
    callee: syntax.Expression,
    first: list[Value],
    arguments: Sequence[syntax.Argument],
) -> Value:
    positional = [*first, *(evaluate(frame, argument.value) for argument in arguments if argument.name is None)]
    named: dict[str, Value] = {}
    for argument in arguments:
        if argument.name is not None:
            if argument.name.text in named:
                raise WrongByExecution(frame.place(argument.span), f"`{argument.name.text}` is given twice")
            named[argument.name.text] = evaluate(frame, argument.value)
    if isinstance(callee, syntax.Name) and frame.owner(callee.text) is None:
        static = functions.static(callee.text, positional, named)
        if static is not None:
            return guarded(frame, span, lambda: static(*positional))
    target = evaluate(frame, callee)
    if isinstance(target, Applied | Instance):
        return frame.run.call(frame, target, positional, named, frame.place(span))
    if isinstance(target, Declared) and isinstance(target.declaration, syntax.Record):
        return frame.run.call(frame, target, positional, named, frame.place(span))
    raise WrongByExecution(frame.place(span), f"{describe(target)} cannot be called")


# --------------------------------------------------------------------------------------------------------- after a name


def _attribute(frame: Frame, span: Span, base: syntax.Expression, name: str) -> Value:
    value = evaluate(frame, base)
    match value:
        case RecordValue(fields=fields) if name in fields:
            return fields[name]
        case Instance():
            return frame.run.member(frame, value, name, frame.place(span))
        case Declared(declaration=syntax.Import(path=path)):
            found = frame.run.find(path.text, name)
            if isinstance(found, Declared):
                return _meaning(frame, found)
        case _:
            pass
    raise WrongByExecution(frame.place(span), f"{describe(value)} has no field `{name}`")


def _subscript(frame: Frame, span: Span, base: syntax.Expression, indices: Sequence[syntax.Index]) -> Value:
    if isinstance(base, syntax.Name) and base.text == "shape" and frame.owner("shape") is None:
        return Shape(sizes(frame, indices))
    value = evaluate(frame, base)
    match value:
        case Applied(file=file, definition=definition, generics=given):
            added = generic_arguments(frame, definition.generics, indices)
            return Applied(file, definition, {**given, **added})
        case Declared(file=file, declaration=syntax.Record(generics=generics) as declaration):
            return Declared(file, declaration, generic_arguments(frame, generics, indices))
        case np.dtype():
            return TensorKind(value, sizes(frame, indices))
        case Shape(sizes=items):
            return Size(_element(frame, span, items, indices))
        case tuple() | list():
            return _elements(frame, span, value, indices)
        case np.ndarray():
            return _index(frame, span, value, indices)
        case _:
            raise WrongByExecution(frame.place(span), f"{describe(value)} has no elements")


def _element(frame: Frame, span: Span, items: tuple[int, ...], indices: Sequence[syntax.Index]) -> int:
    match indices:
        case [index] if not isinstance(index, _NOT_EXPRESSIONS):
            place = integer(frame, index)
            if -len(items) <= place < len(items):
                return items[place]
            raise WrongByExecution(frame.place(span), f"a shape of {len(items)} axes has no axis {place}")
        case _:
            raise WrongByExecution(frame.place(span), "a shape takes one index")


def _elements(
    frame: Frame, span: Span, items: tuple[Value, ...] | list[Value], indices: Sequence[syntax.Index]
) -> Value:
    match indices:
        case [syntax.Slice() as part]:
            return items[_slice(frame, part)]
        case [index] if not isinstance(index, _NOT_EXPRESSIONS):
            place = integer(frame, index)
            if -len(items) <= place < len(items):
                return items[place]
            raise WrongByExecution(frame.place(span), f"there is no element {place} of {len(items)}")
        case _:
            raise WrongByExecution(frame.place(span), "a list takes one index")


def _index(frame: Frame, span: Span, tensor: Array, indices: Sequence[syntax.Index]) -> Value:
    found: list[slice | int | EllipsisType | Array | None] = []
    for index in indices:
        match index:
            case syntax.Slice():
                found.append(_slice(frame, index))
            case syntax.Ellipsis():
                found.append(...)
            case syntax.NoneLiteral():
                found.append(None)
            case _ if not isinstance(index, _NOT_EXPRESSIONS):
                found.append(_position(frame, evaluate(frame, index), index.span))
            case _:
                raise WrongByExecution(frame.place(index.span), "this is not an index")
    try:
        return np.asarray(tensor[tuple(found)])
    except IndexError as problem:
        raise WrongByExecution(frame.place(span), str(problem)) from problem


def _position(frame: Frame, value: Value, span: Span) -> int | Array:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, np.ndarray) and value.dtype in dtypes.INTEGER:
        return value
    raise WrongByExecution(frame.place(span), f"{describe(value)} is not an index")


def _slice(frame: Frame, part: syntax.Slice) -> slice:
    start, stop, step = (None if end is None else integer(frame, end) for end in (part.start, part.stop, part.step))
    if step == 0:
        raise WrongByExecution(frame.place(part.span), "a slice cannot step by 0")
    return slice(start, stop, step)


_NOT_EXPRESSIONS = (
    syntax.Slice,
    syntax.Ellipsis,
    syntax.Pack,
    syntax.AnyPack,
    syntax.Exists,
    syntax.Named,
    syntax.Bounded,
    syntax.ModelType,
)


def _cast(frame: Frame, span: Span, value: Value, path: syntax.Path) -> Value:
    dtype = dtypes.named(path.text) if frame.owner(path.text) is None else look_up(frame, path.text, path.span)
    if not isinstance(dtype, np.dtype):
        raise WrongByExecution(frame.place(path.span), f"`{path.text}` is not a dtype")
    if isinstance(value, np.ndarray) or is_weak(value):
        with np.errstate(all="ignore"):
            return dtypes.cast(np.asarray(value), dtype)
    raise WrongByExecution(frame.place(span), f"{describe(value)} has no dtype to cast")
