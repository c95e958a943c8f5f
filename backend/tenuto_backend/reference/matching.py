"""Declared types against real values: what names they bind, and whether the value fits.

A name of a signature that nothing gives yet is *open*: the first place where it stands alone binds it, and every other
place must then agree. What cannot be decided before more names are bound (two packs in one shape, `within 0 .. N - 1`)
waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct, field

from tenuto_backend.reference import dtypes
from tenuto_backend.reference.dtypes import DType
from tenuto_backend.reference.expressions import evaluate, sizes
from tenuto_backend.reference.values import (
    Applied,
    Array,
    Declared,
    Frame,
    Instance,
    Place,
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

STATIC_KINDS = frozenset(
    {"dim", "int", "float", "bool", "str", "axis", "axes", "after", "shape", "pattern", "dtype", "sizes", "reducer"}
)


DEFAULTS: Mapping[type, DType] = {
    bool: dtypes.BOOL,
    int: dtypes.DTYPES["i64"],
    Size: dtypes.DTYPES["i64"],
    float: dtypes.FLOAT,
}
"""The dtype of a number that meets no tensor."""


class Binder(Struct):
    """One signature at work: `frame` holds the names bound so far, `open` those that may still be bound.

    A check in `waiting` tells whether it is done; it is asked again when more names may be bound.
    """

    frame: Frame
    open: set[str]
    casts: bool = False
    waiting: list[Callable[[], bool]] = field(default_factory=list)

    def bind(self, name: str, value: Value) -> None:
        self.open.discard(name)
        self.frame.names[name] = value

    def later(self, check: Callable[[], bool]) -> None:
        if not check():
            self.waiting.append(check)

    def settle(self) -> None:
        """Ask the waiting checks again until none of them gets further."""
        progress = True
        while progress and self.waiting:
            known = len(self.open)
            waiting, self.waiting = self.waiting, []
            for check in waiting:
                self.later(check)
            progress = len(self.waiting) < len(waiting) or len(self.open) < known

    def closed(self, node: syntax.Node) -> bool:
        """Whether every name in `node` is bound."""
        return not any(name in self.open for name in names_in(node))


def fit(binder: Binder, declared: syntax.Type, value: Value, place: Place) -> Value:
    """`value` as `declared` has it: a number becomes a tensor, a cast is made where the definition allows casts."""
    if declared.optional and value is None:
        return None
    fitted = _fit_base(binder, declared.base, value, place)
    within = declared.within
    if within is not None:
        binder.later(lambda: _within(binder, within, fitted, place))
    return fitted


def names_in(node: syntax.Node) -> Iterator[str]:
    if isinstance(node, syntax.Name):
        yield node.text
    for child in syntax.children(node):
        yield from names_in(child)


def kind_of(declared: syntax.Type | None) -> str | None:
    """The static kind that a type names, `dim` where nothing is said; None for a type of tensors and the like."""
    if declared is None:
        return "dim"
    base = declared.base
    if not isinstance(base, syntax.TensorType) or base.path.text not in STATIC_KINDS:
        return None
    if base.dims is not None and base.path.text in ("float", "bool"):
        return None
    return base.path.text


def as_type(index: syntax.Index) -> syntax.Type:
    """The type that is written where an index may stand: `list[T[..S], n]`."""
    span = index.span
    match index:
        case syntax.ModelType():
            return syntax.Type(span, index, None, False)
        case syntax.Bounded(value=value, within=within):
            return syntax.Type(span, as_type(value).base, within, False)
        case syntax.Subscript(base=base, indices=indices):
            inner = as_type(base).base
            if isinstance(inner, syntax.TensorType):
                return syntax.Type(span, syntax.TensorType(span, inner.path, inner.arguments, indices), None, False)
        case syntax.Call(callee=callee, arguments=arguments):
            inner = as_type(callee).base
            if isinstance(inner, syntax.TensorType):
                return syntax.Type(span, syntax.TensorType(span, inner.path, arguments, None), None, False)
        case syntax.Tuple(items=items):
            return syntax.Type(span, syntax.TupleType(span, tuple(map(as_type, items))), None, False)
        case syntax.Name(text=text):
            path = syntax.Path(span, (syntax.Identifier(span, text),))
            return syntax.Type(span, syntax.TensorType(span, path, (), None), None, False)
        case _:
            pass
    raise Undetermined("a type of a form that is not known")


# -------------------------------------------------------------------------------------------------------- kinds of type


def _fit_base(
    binder: Binder,
    base: syntax.TensorType | syntax.TupleType | syntax.ModelType | syntax.Missing,
    value: Value,
    place: Place,
) -> Value:
    match base:
        case syntax.TupleType(items=items):
            if not isinstance(value, tuple) or len(value) != len(items):
                raise WrongByExecution(place, f"{describe(value)} is not a tuple of {len(items)}")
            return tuple(fit(binder, item, part, place) for item, part in zip(items, value, strict=True))
        case syntax.ModelType():
            if not isinstance(value, Applied | Instance):
                raise WrongByExecution(place, f"{describe(value)} is not a model")
            return value
        case syntax.TensorType():
            return _fit_named(binder, base, value, place)
        case syntax.Missing():
            raise Undetermined("a type is missing")


def _fit_named(binder: Binder, base: syntax.TensorType, value: Value, place: Place) -> Value:
    name = base.path.text
    if name == "list":
        return _fit_list(binder, base, value, place)
    if name == "quant":
        raise Undetermined("quantised tensors are not run")
    if name in STATIC_KINDS and (base.dims is None or name not in ("float", "bool")):
        return _fit_static(binder, name, base, value, place)
    if base.dims is not None and (name in binder.open or isinstance(_dtype(binder, base), np.dtype)):
        return _fit_tensor(binder, base, base.dims, value, place)
    if name in binder.open:
        binder.bind(name, _kind_seen(value))
        return value
    meaning = _meaning(binder, name)
    match meaning:
        case TypeValue(type=declared, frame=frame):
            inner = Binder(frame, set(), binder.casts)
            fitted = fit(inner, declared, value, place)
            _finish(inner, place)
            return fitted
        case TensorKind(dtype, found):
            if not isinstance(value, np.ndarray) or value.dtype != dtype or value.shape != found:
                raise WrongByExecution(place, f"{describe(value)} is not {dtypes.NAMES[dtype]}[{found}]")
            return value
        case Declared(file=file, declaration=syntax.TypeAlias(generics=generics, type=aliased) as declaration):
            inner = Binder(Frame(binder.frame.run, file, declaration, {}), set(), binder.casts)
            return _fit_generic(
                binder, inner, generics, base.dims or (), place, lambda: fit(inner, aliased, value, place)
            )
        case Declared(file=file, declaration=syntax.Record() as record):
            if not isinstance(value, RecordValue) or value.name != record.name.text:
                raise WrongByExecution(place, f"{describe(value)} is not a {record.name.text}")
            fields = value.fields
            inner = Binder(Frame(binder.frame.run, file, record, {}), set(), binder.casts)
            return _fit_generic(
                binder,
                inner,
                record.generics,
                base.dims or (),
                place,
                lambda: _fit_fields(inner, record, fields, place),
            )
        case _:
            raise WrongByExecution(place, f"`{name}` is not a type")


def _fit_fields(binder: Binder, record: syntax.Record, fields: Mapping[str, Value], place: Place) -> Value:
    found = {field.name.text: fit(binder, field.type, fields[field.name.text], place) for field in record.fields}
    return RecordValue(record.name.text, found)


def _fit_generic(
    binder: Binder,
    inner: Binder,
    generics: Sequence[syntax.Generic],
    arguments: Sequence[syntax.Index],
    place: Place,
    match: Callable[[], Value],
) -> Value:
    """Match a type with generics: those whose argument is still open are bound by the value, then handed back."""
    handed: list[tuple[str, syntax.Index]] = []
    for generic, argument in zip(generics, arguments, strict=False):
        if binder.closed(argument):
            inner.frame.names[generic.name.text] = _argument(binder.frame, argument)
        else:
            inner.open.add(generic.name.text)
            handed.append((generic.name.text, argument))
    for generic in generics[len(arguments) :]:
        inner.open.add(generic.name.text)
    fitted = match()
    _finish(inner, place)
    for name, argument in handed:
        found = inner.frame.names.get(name)
        if isinstance(found, int):
            fit_shape(binder, (argument,), (found,), place)
        elif isinstance(found, Shape):
            fit_shape(binder, (argument,), found.sizes, place)
        elif isinstance(argument, syntax.Name) and found is not None:
            binder.bind(argument.text, found)
    return fitted


def _argument(frame: Frame, argument: syntax.Index) -> Value:
    match argument:
        case syntax.Pack():
            return Shape(sizes(frame, (argument,)))
        case syntax.Named(value=value):
            return evaluate(frame, value)
        case syntax.ModelType() | syntax.Bounded():
            return TypeValue(as_type(argument), frame)
        case syntax.Slice() | syntax.Ellipsis() | syntax.AnyPack() | syntax.Exists():
            raise Undetermined("a generic argument of a form that is not known")
        case _:
            return evaluate(frame, argument)


def _finish(binder: Binder, place: Place) -> None:
    binder.settle()
    if binder.waiting:
        raise WrongByExecution(place, f"{', '.join(sorted(binder.open))} cannot be told from the values")


def _meaning(binder: Binder, name: str) -> Value:
    owner = binder.frame.owner(name)
    return owner[name] if owner is not None else binder.frame.run.find(binder.frame.file, name)


def _dtype(binder: Binder, base: syntax.TensorType) -> Value:
    name = base.path.text
    if name == "accumulated" and len(base.arguments) == 1:
        inner = evaluate(binder.frame, base.arguments[0].value)
        return dtypes.accumulated(inner) if isinstance(inner, np.dtype) else None
    owner = binder.frame.owner(name)
    return owner[name] if owner is not None else dtypes.named(name)


def _kind_seen(value: Value) -> Value:
    """What a generic of kind `type` is bound to by a value."""
    return TensorKind(value.dtype, value.shape) if isinstance(value, np.ndarray) else value


def _fit_list(binder: Binder, base: syntax.TensorType, value: Value, place: Place) -> Value:
    if not isinstance(value, list | tuple):
        raise WrongByExecution(place, f"{describe(value)} is not a list")
    dims = base.dims or ()
    found: list[Value] = list(value)
    if dims:
        element = as_type(dims[0])
        fresh = {node.name.text for node in _any_packs(element)}
        for at, item in enumerate(value):
            binder.open |= fresh
            for name in fresh:
                binder.frame.names.pop(name, None)
            found[at] = fit(binder, element, item, place)
            binder.settle()
        binder.open -= fresh
    if len(dims) > 1:
        fit_shape(binder, dims[1:2], (len(value),), place)
    return found


def _any_packs(node: syntax.Node) -> Iterator[syntax.AnyPack]:
    if isinstance(node, syntax.AnyPack):
        yield node
    for child in syntax.children(node):
        yield from _any_packs(child)


# -------------------------------------------------------------------------------------------------------------- tensors


def _fit_tensor(
    binder: Binder, base: syntax.TensorType, dims: Sequence[syntax.Index], value: Value, place: Place
) -> Value:
    if is_weak(value):
        tensor = _from_number(binder, base, value, place)
    elif isinstance(value, np.ndarray):
        tensor = _of_dtype(binder, base, value, place)
    else:
        raise WrongByExecution(place, f"{describe(value)} is not a tensor")
    fit_shape(binder, dims, tensor.shape, place)
    return tensor


def _of_dtype(binder: Binder, base: syntax.TensorType, tensor: Array, place: Place) -> Array:
    name = base.path.text
    if name in binder.open:
        binder.bind(name, tensor.dtype)
    dtype = _dtype(binder, base)
    if not isinstance(dtype, np.dtype):
        raise WrongByExecution(place, f"`{name}` is not a dtype")
    if tensor.dtype == dtype:
        return tensor
    if binder.casts and {tensor.dtype, dtype} <= dtypes.FLOATING:
        return tensor.astype(dtype)
    raise WrongByExecution(place, f"{describe(tensor)} where {dtypes.NAMES[dtype]} is needed")


def _from_number(binder: Binder, base: syntax.TensorType, value: Value, place: Place) -> Array:
    """A number takes the dtype of the tensors that it meets."""
    name = base.path.text
    if name in binder.open:
        binder.bind(name, DEFAULTS[type(value)])
    dtype = _dtype(binder, base)
    if not isinstance(dtype, np.dtype):
        raise WrongByExecution(place, f"`{name}` is not a dtype")
    if isinstance(value, bool) != (dtype == dtypes.BOOL):
        raise WrongByExecution(place, f"{value!r} against a tensor of {dtypes.NAMES[dtype]}")
    if isinstance(value, float) and dtype in dtypes.INTEGER:
        raise WrongByExecution(place, f"a float literal against a tensor of {dtypes.NAMES[dtype]}")
    return np.asarray(value).astype(dtype)


def fit_shape(binder: Binder, dims: Sequence[syntax.Index], found: tuple[int, ...], place: Place) -> None:
    binder.later(lambda: _shape(binder, dims, found, place))


def _shape(binder: Binder, dims: Sequence[syntax.Index], found: tuple[int, ...], place: Place) -> bool:
    """Bind what the shape tells, and compare the rest; whether all of it is done."""
    known = [_length(binder, dim) for dim in dims]
    unknown = [at for at, length in enumerate(known) if length is None]
    fixed = sum(length for length in known if length is not None)
    if fixed > len(found) or (not unknown and fixed != len(found)):
        raise WrongByExecution(place, f"{Shape(found).sizes} has not the rank of the declared shape")
    if len(unknown) > 1:
        return False
    if unknown:
        known[unknown[0]] = len(found) - fixed
    at = 0
    done = True
    for dim, length in zip(dims, known, strict=True):
        assert length is not None
        done = _dimension(binder, dim, found[at : at + length], place) and done
        at += length
    return done


def _length(binder: Binder, dim: syntax.Index) -> int | None:
    match dim:
        case syntax.Pack(value=value):
            if not binder.closed(value):
                return None
            return len(sizes(binder.frame, (dim,)))
        case syntax.AnyPack(name=name):
            bound = binder.frame.names.get(name.text)
            return len(bound.sizes) if isinstance(bound, Shape) and name.text not in binder.open else None
        case _:
            return 1


def _dimension(binder: Binder, dim: syntax.Index, found: tuple[int, ...], place: Place) -> bool:
    match dim:
        case syntax.Pack(value=syntax.Name(text=name)) | syntax.AnyPack(name=syntax.Identifier(text=name)) if (
            name in binder.open
        ):
            binder.bind(name, Shape(found))
            return True
        case syntax.Name(text=name) | syntax.Exists(name=syntax.Identifier(text=name)) if name in binder.open:
            binder.bind(name, Size(found[0]))
            return True
        case syntax.AnyPack():
            return True
        case _:
            pass
    if not binder.closed(dim):
        return False
    said = sizes(binder.frame, (dim,))
    if said != found:
        raise WrongByExecution(place, f"the size is {_words(found)} where the declared one is {_words(said)}")
    return True


def _words(found: tuple[int, ...]) -> str:
    return str(found[0]) if len(found) == 1 else str(found)


def _within(binder: Binder, within: syntax.Range, value: Value, place: Place) -> bool:
    if not binder.closed(within):
        return False
    low, high = evaluate(binder.frame, within.low), evaluate(binder.frame, within.high)
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        raise WrongByExecution(place, "the ends of a range must be numbers")
    tensor = np.asarray(value)
    slack = 0.0
    if tensor.dtype in dtypes.FLOATING:
        tensor = tensor.astype(np.float64)
        slack = 1e-3 * max(1.0, abs(low), abs(high))
    if bool(np.any((tensor < low - slack) | (tensor > high + slack))):
        raise WrongByExecution(place, f"a value lies outside {low} .. {high}")
    return True


# -------------------------------------------------------------------------------------------------------- static values


def _fit_static(binder: Binder, kind: str, base: syntax.TensorType, value: Value, place: Place) -> Value:
    match kind, value:
        case "bool", bool():
            return value
        case "dim", int() if not isinstance(value, bool) and value >= 0:
            return Size(value)
        case "int", int() if not isinstance(value, bool):
            return value
        case "float", int() | float() if not isinstance(value, bool):
            return float(value)
        case "str", str():
            return value
        case "pattern", str():
            return value
        case "dtype", np.dtype():
            return value
        case "reducer", Applied():
            return value
        case "sizes", dict():
            return value
        case "axis" | "axes" | "after" | "shape", int() | list() | tuple() | None | Shape():
            return value
        case _:
            pass
    raise WrongByExecution(place, f"{describe(value)} is not of the kind `{kind}`")
