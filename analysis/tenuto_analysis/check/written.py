"""From written types to values: `float[B, S]`, `axis[S]`, `list[T, n]`, `model(A) -> B`, aliases and records."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.check import expressions, quantised, queries
from tenuto_analysis.check.bounds import bounded
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.evidence import failure_of
from tenuto_analysis.diagnostics.names import UnknownName
from tenuto_analysis.diagnostics.types import InvalidType
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import ZERO, Compare, Dim, Relation, Symbol, of
from tenuto_analysis.dtypes import FLOAT, SCALARS, UNKNOWN_DTYPE, DType, DTypeClass, Quantised, Scalar, accumulated
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.patterns import PATTERN_FUNCTIONS
from tenuto_analysis.shapes import FUNCTIONS, Failure
from tenuto_analysis.substitute import Substitution, shape_call
from tenuto_analysis.types import (
    UNKNOWN,
    AxisKind,
    DTypeKind,
    DTypeValue,
    Float,
    Int,
    Interval,
    KindValue,
    ListKind,
    ModelBound,
    OptionalValue,
    PackVariable,
    Placeholder,
    RecordKind,
    RecordValue,
    Reference,
    Shape,
    ShapeItem,
    ShapeValue,
    StaticKind,
    Tensor,
    TupleValue,
    TypeValue,
    TypeVariable,
    Unknown,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

STATIC_KINDS: Mapping[str, StaticKind] = {kind.value: kind for kind in StaticKind}
AXIS_KINDS: Mapping[str, AxisKind] = {kind.value: kind for kind in AxisKind}
DTYPE_CLASSES: Mapping[str, DTypeClass] = {kind.value: kind for kind in DTypeClass}
_UNKNOWN_SIZE = "?"  # The name of a size that could not be read.
TYPE_NAMES = (*SCALARS, "float", "quant", "list", *STATIC_KINDS, *AXIS_KINDS, *DTYPE_CLASSES)


def annotation(ctx: Context, node: syntax.Type) -> Value:
    """What a written type means."""
    value = bounded(ctx, _base(ctx, node.base), node.span)
    if isinstance(value, DTypeValue):
        ctx.report(InvalidType(node.span, f"`{value}` is a dtype: a single number is written `{value}[]`"))
        return UNKNOWN
    if node.within is not None:
        within = interval(ctx, node.within)
        if isinstance(value, Tensor):
            value = Tensor(value.dtype, value.shape, within)
    return OptionalValue(value, None) if node.optional and value != UNKNOWN else value


def interval(ctx: Context, node: syntax.Range) -> Interval:
    return Interval(_bound(ctx, node.low), _bound(ctx, node.high))


def _bound(ctx: Context, node: syntax.Expression) -> Dim | float | None:
    match expressions.infer(ctx, node):
        case Int(value=dim):
            return dim
        case Float(value=number):
            return number
        case Unknown():
            return None
        case other:
            ctx.report(InvalidType(node.span, f"a range needs numbers that are known at compile time, not `{other}`"))
            return None


def _base(ctx: Context, node: syntax.TensorType | syntax.TupleType | syntax.ModelType | syntax.Missing) -> Value:
    match node:
        case syntax.Missing():
            return UNKNOWN
        case syntax.TupleType(items=items):
            return TupleValue(tuple(annotation(ctx, item) for item in items))
        case syntax.ModelType():
            return model_type(ctx, node)
        case syntax.TensorType(path=path):
            return _named(ctx, node, path.text)


def _named(ctx: Context, node: syntax.TensorType, name: str) -> Value:
    if len(node.path.parts) == 1:
        binding = ctx.find(name)
        if binding is not None and isinstance(binding.value, DTypeValue | TypeVariable):
            binding.used = True
            return _of_value(ctx, node, binding.value)
        if name == "quant" or node.arguments:
            dtype = _dtype_call(ctx, node, name)
            return tensor(ctx, node, dtype) if node.dims is not None else DTypeValue(dtype)
        if name in SCALARS or name == "float":
            if node.dims is None:
                return KindValue(STATIC_KINDS[name]) if name in STATIC_KINDS else DTypeValue(SCALARS[name])
            return tensor(ctx, node, FLOAT if name == "float" else SCALARS[name])
        if name in STATIC_KINDS:
            return KindValue(STATIC_KINDS[name])
        if name in AXIS_KINDS:
            return KindValue(AXIS_KINDS[name], _pack_argument(ctx, node))
        if name in DTYPE_CLASSES:
            return DTypeKind(DTYPE_CLASSES[name])
        if name == "list":
            return list_type(ctx, node.dims or (), node.span)
        value = expressions.declared(ctx, name)
    else:
        value = expressions.path_value(ctx, node.path)
        if value is None:
            return UNKNOWN
    if value is None:
        ctx.report(expressions.unknown(ctx, node.path.span, name, TYPE_NAMES))
        return UNKNOWN
    return _of_value(ctx, node, value)


def _of_value(ctx: Context, node: syntax.TensorType, value: Value) -> Value:
    """The type that a name's value denotes."""
    match value:
        case DTypeValue(dtype=dtype):
            return tensor(ctx, node, dtype) if node.dims is not None else value
        case TypeVariable():
            return value
        case TypeValue(type=inner):
            return inner
        case Reference(file=file, name=name):
            given = expressions.generic_arguments(ctx, node.dims or ())
            arguments = tuple((item.name, item.value) for item in given)
            return _of_declaration(ctx, Reference(file, name, arguments), node.span)
        case Unknown():
            return UNKNOWN
        case _:
            ctx.report(InvalidType(node.span, f"`{node.path.text}` is not a type, it is `{value}`"))
            return UNKNOWN


def _of_declaration(ctx: Context, reference: Reference, span: Span) -> Value:
    file, name, arguments = reference.file, reference.name, reference.arguments
    if any(value == UNKNOWN for _, value in arguments):
        return UNKNOWN
    keyword = queries.keyword_of(ctx.db, file, name)
    if keyword == "type":
        alias = queries.alias(ctx.db, file, name)
        return expand_alias(ctx, alias, arguments) if alias is not None else UNKNOWN
    if keyword == "record":
        record = queries.record(ctx.db, file, name)
        if record is None:
            return UNKNOWN
        if record.is_static:
            return RecordKind(file, name, arguments)
        substitution = Substitution(record.owner, ctx.known)
        bind_generics(substitution, tuple((generic.name, generic.pack) for generic in record.generics), arguments)
        return substitution.value(record.as_type())
    ctx.report(InvalidType(span, f"`{name}` is a {keyword}, not a type"))
    return UNKNOWN


def expand_alias(ctx: Context, alias: queries.Alias, arguments: tuple[tuple[str | None, Value], ...]) -> Value:
    substitution = Substitution(alias.owner, ctx.known)
    bind_generics(substitution, tuple((generic.name, generic.pack) for generic in alias.generics), arguments)
    return substitution.value(alias.type)


def bind_generics(
    substitution: Substitution, names: tuple[tuple[str, bool], ...], arguments: tuple[tuple[str | None, Value], ...]
) -> None:
    """Bind generic arguments by position and by name; a pack takes all that are left."""
    positional = [value for key, value in arguments if key is None]
    for key, value in arguments:
        if key is not None:
            substitution.values[key] = value
    open_names = [(name, pack) for name, pack in names if name not in substitution.values]
    for index, (name, pack) in enumerate(open_names):
        if pack:
            rest = positional[index:]
            substitution.values[name] = ShapeValue(tuple(item for value in rest for item in _items(value)))
            return
        if index < len(positional):
            substitution.values[name] = positional[index]


def _items(value: Value) -> Shape:
    match value:
        case Int(value=dim):
            return (dim,)
        case ShapeValue(shape=shape):
            return shape
        case _:
            return ()


def _dtype_call(ctx: Context, node: syntax.TensorType, name: str) -> DType:
    if name == "accumulated" and len(node.arguments) == 1:
        inner = expressions.infer(ctx, node.arguments[0].value)
        if isinstance(inner, DTypeValue):
            return accumulated(inner.dtype)
    elif name == "quant" and node.arguments:
        storage = expressions.infer(ctx, node.arguments[0].value)
        rest = {a.name.text: expressions.infer(ctx, a.value) for a in node.arguments[1:] if a.name is not None}
        if isinstance(storage, DTypeValue) and isinstance(storage.dtype, Scalar):
            scale = rest.get("scale")
            return Quantised(
                storage.dtype,
                _literal(rest.get("axis")),
                _literal(rest.get("group")),
                scale.dtype if isinstance(scale, DTypeValue) and isinstance(scale.dtype, Scalar) else None,
            )
    ctx.report(InvalidType(node.span, f"`{name}(...)` is not a dtype"))
    return UNKNOWN_DTYPE


def _literal(value: Value | None) -> int | None:
    return value.value.constant if isinstance(value, Int) else None


def list_type(ctx: Context, dims: tuple[syntax.Index, ...], span: Span) -> Value:
    """`list[element]` or `list[element, length]`."""
    if not 1 <= len(dims) <= 2:
        ctx.report(InvalidType(span, "a list type is written `list[element]` or `list[element, length]`"))
        return UNKNOWN
    element = _element_type(ctx, dims[0])
    length = dimension(ctx, dims[1]) if len(dims) == 2 else None
    if length is not None and ctx.implied is not None and (length.lowest is None or length.lowest < 0):
        ctx.implied.append((Compare(Relation.GE, length, ZERO), span))
    return ListKind(element, length)


def _element_type(ctx: Context, node: syntax.Index) -> Value:
    if isinstance(node, syntax.Name) and node.text in STATIC_KINDS:
        return KindValue(STATIC_KINDS[node.text])
    value = expressions.type_argument(ctx, node)
    return _of_declaration(ctx, value, node.span) if isinstance(value, Reference) else value


def _pack_argument(ctx: Context, node: syntax.TensorType) -> Shape:
    """The pack that `axis[S]` or `shape[..R]` speaks of."""
    dims = node.dims or ()
    if len(dims) == 1:
        (item,) = dims
        if isinstance(item, syntax.Pack):
            return shape(ctx, dims)
        if isinstance(item, syntax.Name):
            return _pack_name(ctx, item.text, item.span)
    ctx.report(InvalidType(node.span, f"`{node.path.text}` names one pack: `{node.path.text}[S]`"))
    return ()


# --------------------------------------------------------------------------------------------------------------- shapes


def tensor(ctx: Context, node: syntax.TensorType, dtype: DType) -> Value:
    found = shape(ctx, node.dims or ())
    sizes = [item for item in found if isinstance(item, Dim)]
    negative = next((size for size in sizes if size.constant is not None and size.constant < 0), None)
    if negative is not None:
        ctx.report(InvalidType(node.span, f"the size `{negative}` is negative"))
    if negative is not None or any(map(_is_unknown, sizes)):
        return UNKNOWN
    return Tensor(quantised.written(ctx, node.span, dtype, found), found)


def shape(ctx: Context, dims: tuple[syntax.Index, ...]) -> Shape:
    """The dimensions and packs between the brackets of a tensor type."""
    found: list[ShapeItem] = []
    for node in dims:
        match node:
            case syntax.Pack(value=syntax.Name(text=name, span=span)):
                found += _pack_name(ctx, name, span)
            case syntax.Pack(value=syntax.Call() as call):
                found += _pack_call(ctx, call)
            case syntax.Pack(value=value):
                inner = expressions.infer(ctx, value)
                found += inner.shape if isinstance(inner, ShapeValue) else ()
            case syntax.AnyPack(name=name_node):
                found.append(PackVariable("?" + name_node.text, ctx.owner))
            case _:
                found.append(dimension(ctx, node))
    return tuple(found)


def _pack_name(ctx: Context, name: str, span: Span) -> Shape:
    binding = ctx.find(name)
    if binding is not None:
        binding.used = True
        match binding.value:
            case ShapeValue(shape=found):
                return found
            case Placeholder(type=KindValue(kind=AxisKind.SHAPE, shape=found)):
                return found
            case Unknown():
                return ()
            case other:
                ctx.report(InvalidType(span, f"`{name}` is not a pack, it is `{other}`"))
                return ()
    if ctx.implicit is not None:
        ctx.implicit.add(name)
        pack = ctx.pack(name, span)
        ctx.scopes[0][name] = expressions.implicit_binding(ShapeValue(pack), span)
        return pack
    ctx.report(expressions.unknown(ctx, span, name))
    return ()


def _pack_call(ctx: Context, node: syntax.Call) -> Shape:
    name = node.callee.text if isinstance(node.callee, syntax.Name) else ""
    if name not in FUNCTIONS and name not in PATTERN_FUNCTIONS:
        known = (*FUNCTIONS, *PATTERN_FUNCTIONS)
        ctx.report(UnknownName(node.callee.span, name or "this", nearest(name, known)))
        return ()
    arguments = tuple(_pack_function_argument(ctx, item.value) for item in node.arguments)
    if UNKNOWN in arguments:
        return ()
    result = shape_call(ctx.known, name, arguments)
    if isinstance(result, Failure):
        ctx.report(failure_of(ctx, result, node.span))
        return ()
    return result


def _pack_function_argument(ctx: Context, node: syntax.Expression) -> Value:
    match node:
        case syntax.Name(text=name):
            binding = ctx.find(name)
            if binding is None and ctx.implicit is not None and expressions.declared_here(ctx, name) is None:
                return ShapeValue(_pack_name(ctx, name, node.span))
            if binding is not None and isinstance(binding.value, OptionalValue):
                return binding.value.inner
            return expressions.infer(ctx, node)
        case _:
            return expressions.infer(ctx, node)


def dimension(ctx: Context, node: syntax.Index) -> Dim:
    """One size of a shape."""
    match node:
        case syntax.Exists(name=name):
            binding = ctx.find(name.text)
            if binding is not None and isinstance(binding.value, Int):
                return binding.value.value
            symbol = ctx.existential(name.text, name.span)
            return of(symbol)
        case syntax.Missing():
            return of(ctx.fresh(_UNKNOWN_SIZE, 0))
        case (
            syntax.Slice()
            | syntax.Ellipsis()
            | syntax.Named()
            | syntax.Bounded()
            | syntax.ModelType()
            | syntax.Pack()
            | syntax.AnyPack()
        ):
            ctx.report(InvalidType(node.span, "this is not a size"))
            return of(ctx.fresh(_UNKNOWN_SIZE, 0))
        case _:
            return size(ctx, node)


def _is_unknown(dim: Dim) -> bool:
    atom = single_atom(dim)
    return isinstance(atom, Symbol) and atom.name == _UNKNOWN_SIZE


def size(ctx: Context, node: syntax.Expression) -> Dim:
    match expressions.infer(ctx, node):
        case Int(value=dim):
            return dim
        case Unknown():
            return of(ctx.fresh(_UNKNOWN_SIZE, 0))
        case other:
            ctx.report(InvalidType(node.span, f"a size must be an integer, this is `{other}`"))
            return of(ctx.fresh(_UNKNOWN_SIZE, 0))


# ---------------------------------------------------------------------------------------------------------- model types


def model_type(ctx: Context, node: syntax.ModelType) -> ModelBound:
    """`model(A, B) -> C where (...)`: names that nothing declares are quantified by the type itself."""
    ctx.serial += 1
    owner = f"{ctx.owner}/{ctx.serial}"
    inner = Context(ctx.db, ctx.file, ctx.key, owner, ctx.known, ctx.problems, [{}, *ctx.scopes])
    inner.used, inner.recorder = ctx.used, ctx.recorder
    inner.implicit = set()
    inner.implied = []
    parameters = tuple(annotation(inner, item) for item in node.parameters)
    where = tuple(constraint for item in node.where if (constraint := expressions.constraint(inner, item)) is not None)
    result = annotation(inner, node.result)
    implied = tuple(fact for fact, _ in inner.implied)
    return ModelBound(owner, parameters, result, (*implied, *where), tuple(sorted(inner.implicit)))


def default_of(kind: Value) -> Value | None:
    """The value of a parameter that no call gives by its own name: `sizes` may be empty."""
    return queries.NO_SIZES if kind == KindValue(StaticKind.SIZES) else None


def sizes_in(type_: Value, owner: str) -> tuple[str, ...]:
    """The sizes of `owner` that stand alone as an axis of a type."""
    match type_:
        case Tensor(shape=shape_):
            atoms = [single_atom(item) for item in shape_ if isinstance(item, Dim)]
            return tuple(atom.name for atom in atoms if isinstance(atom, Symbol) and atom.owner == owner)
        case OptionalValue(inner=inner) | ListKind(element=inner):
            return sizes_in(inner, owner)
        case TupleValue(items=items):
            return tuple(name for item in items for name in sizes_in(item, owner))
        case RecordValue(fields=fields):
            return tuple(name for _, item in fields for name in sizes_in(item, owner))
        case _:
            return ()
