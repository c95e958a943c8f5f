"""What an expression is: its type, and its value where that is known at compile time."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis import modules
from tenuto_analysis.check import builtins, calls, indexing, lists, models, operators, queries, written
from tenuto_analysis.check.arguments import Given
from tenuto_analysis.check.bounds import bounded
from tenuto_analysis.check.context import Binding, Context
from tenuto_analysis.diagnostics.names import UnknownField, UnknownName
from tenuto_analysis.diagnostics.statements import BranchesDiffer
from tenuto_analysis.diagnostics.types import InvalidOperation, InvalidType, NotStatic, TypeMismatch
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import Constraint, Dim, Flag, Not, Truth, conditional, literal
from tenuto_analysis.dtypes import FLOAT, SCALARS
from tenuto_analysis.modules import Target
from tenuto_analysis.shapes import Failure, axis_size, same_shape
from tenuto_analysis.types import (
    NONE,
    UNKNOWN,
    Bool,
    BoolSymbol,
    Builtin,
    DTypeValue,
    Float,
    Instance,
    Int,
    IsNone,
    ListValue,
    Module,
    OptionalValue,
    RecordValue,
    Reference,
    Sequence,
    ShapeValue,
    Str,
    Tensor,
    TupleValue,
    Unknown,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

# What other libraries call a dtype or a value.
_ELSEWHERE: Mapping[str, str] = {
    **{f"float{bits}": f"f{bits}" for bits in (16, 32, 64)},
    **{f"int{bits}": f"i{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"u{bits}" for bits in (8, 16, 32, 64)},
    "bfloat16": "bf16",
    "half": "f16",
    "double": "f64",
    "long": "i64",
    "True": "true",
    "False": "false",
    "None": "none",
}


def infer(ctx: Context, node: syntax.Expression, expected: Value | None = None) -> Value:
    """The value of an expression; reports what is wrong with it once, and gives `UNKNOWN` then."""
    value = _inferred(ctx, node, expected)
    if ctx.recorder is not None:
        ctx.recorder.types[id(node)] = value
    return value


def _inferred(ctx: Context, node: syntax.Expression, expected: Value | None) -> Value:
    match node:
        case syntax.Name():
            return name(ctx, node)
        case syntax.Call():
            return calls.call(ctx, node, expected)
        case syntax.Integer(value=value):
            return Int(literal(value))
        case syntax.Binary():
            return operators.binary(ctx, node)
        case syntax.Attribute():
            return attribute(ctx, node)
        case syntax.Parenthesized(inner=inner):
            return infer(ctx, inner, expected)
        case syntax.Subscript():
            return indexing.subscript(ctx, node)
        case syntax.Pipe():
            return calls.pipe(ctx, node, expected)
        case syntax.Float(value=number):
            return Float(number)
        case syntax.Boolean(value=flag):
            return Bool(Truth(flag))
        case syntax.NoneLiteral():
            return NONE
        case syntax.String(value=text):
            return Str(text)
        case syntax.Tuple(items=items):
            return bounded(ctx, TupleValue(tuple(infer(ctx, item) for item in items)), node.span)
        case syntax.ListLiteral(items=items):
            return bounded(ctx, ListValue(tuple(infer(ctx, item) for item in items)), node.span)
        case syntax.Compare():
            return operators.compare(ctx, node)
        case syntax.Unary():
            return operators.unary(ctx, node)
        case syntax.Cast():
            return operators.cast(ctx, node)
        case syntax.Conditional():
            return _conditional(ctx, node, expected)
        case syntax.Element():
            return _element(ctx, node)
        case syntax.Comprehension():
            return lists.comprehension(ctx, node)
        case syntax.Map():
            ctx.report(InvalidType(node.span, "a `{ ... }` map stands in a deploy or in `load(...)` only"))
            return UNKNOWN
        case syntax.Missing():
            return UNKNOWN


# ---------------------------------------------------------------------------------------------------------------- names


def name(ctx: Context, node: syntax.Name) -> Value:
    binding = ctx.find(node.text)
    if binding is not None:
        binding.used = True
        if ctx.mentions is not None:
            ctx.mentions[node.text] = ctx.mentions.get(node.text, 0) + 1
        return binding.value
    if ctx.implicit is not None:
        value = declared_here(ctx, node.text)
        if value is None:
            return _implicit_size(ctx, node) if node.text not in SCALARS and node.text != "float" else _dtype(node.text)
        return value
    value = declared(ctx, node.text)
    if value is None:
        if node.text:
            ctx.report(unknown(ctx, node.span, node.text))
        return UNKNOWN
    return value


def _dtype(text: str) -> Value:
    return DTypeValue(FLOAT if text == "float" else SCALARS[text])


def _implicit_size(ctx: Context, node: syntax.Name) -> Value:
    assert ctx.implicit is not None
    ctx.implicit.add(node.text)
    value = Int(ctx.size(node.text, node.span))
    ctx.scopes[0][node.text] = implicit_binding(value, node.span)
    if ctx.mentions is not None:
        ctx.mentions[node.text] = ctx.mentions.get(node.text, 0) + 1
    return value


def implicit_binding(value: Value, span: Span) -> Binding:
    """The binding of a name that a shape quantifies by mentioning it."""
    return Binding(value, span, used=True)


def declared_here(ctx: Context, text: str) -> Value | None:
    """What the file itself or one of its imports calls so."""
    if text in modules.offered(ctx.db, ctx.file) or text in modules.imported_names(ctx.db, ctx.file):
        return declared(ctx, text)
    return None


def declared(ctx: Context, text: str) -> Value | None:
    """What a name means that the declaration itself does not bind; None where nothing is called so."""
    target = modules.lookup(ctx.db, ctx.file, text)
    if target is not None:
        ctx.used.add(text)
        return target_value(ctx, target)
    if text == "float":
        return DTypeValue(FLOAT)
    if text in SCALARS:
        return DTypeValue(SCALARS[text])
    return Builtin(text) if text in builtins.NAMES else None


def target_value(ctx: Context, target: Target) -> Value:
    if target.name is None:
        known = modules.file_text(ctx.db, target.file) is not None
        return Module(target.file) if known else UNKNOWN  # The import is reported where it stands.
    if queries.keyword_of(ctx.db, target.file, target.name) == "const":
        return queries.constant(ctx.db, target.file, target.name)
    if queries.keyword_of(ctx.db, target.file, target.name) == "":
        return UNKNOWN  # The import is reported where it stands.
    return Reference(target.file, target.name)


_MOST_VISIBLE = 4_000


def visible_names(ctx: Context) -> tuple[str, ...]:
    """The names that could stand here, for suggestions; those of a very long file are left out."""
    local = [text for scope in ctx.scopes for text in scope]
    visible = modules.visible(ctx.db, ctx.file)
    return (*local, *(visible if len(visible) < _MOST_VISIBLE else ()), *builtins.NAMES)


def unknown(ctx: Context, span: Span, text: str, more: tuple[str, ...] = ()) -> UnknownName:
    """What is said of a name that nothing declares: where to import it from, or what looks like it."""
    module = modules.importable(text)
    if text in _ELSEWHERE:
        return UnknownName(span, text, (_ELSEWHERE[text],))
    visible = [name for name in visible_names(ctx) if name != ctx.key]
    near = nearest(text, (*more, *visible)) if module is None else ()
    return UnknownName(span, text, near, module)


def path_value(ctx: Context, path: syntax.Path) -> Value | None:
    """The value of `a.b.c`; None where a part is unknown, which is reported."""
    first, *rest = path.parts
    value = name(ctx, syntax.Name(first.span, first.text))
    for part in rest:
        value = field(ctx, value, part)
    return None if value == UNKNOWN else value


# --------------------------------------------------------------------------------------------------------------- fields


def attribute(ctx: Context, node: syntax.Attribute) -> Value:
    return field(ctx, infer(ctx, node.base), node.name)


def field(ctx: Context, base: Value, part: syntax.Identifier) -> Value:
    """`base.part`."""
    if base == UNKNOWN or not part.text:
        return UNKNOWN
    candidates: tuple[str, ...] = ()
    match base:
        case RecordValue(fields=fields):
            found = base.field(part.text)
            candidates = tuple(key for key, _ in fields)
        case Module(file=file):
            offered = modules.offered(ctx.db, file)
            found = target_value(ctx, Target(file, part.text)) if part.text in offered else None
            candidates = tuple(offered)
        case Instance(model=Reference() as reference):
            members = models.members_of(ctx, reference)
            found = next((value for key, value in members if key == part.text), None)
            candidates = tuple(key for key, _ in members)
        case Tensor(shape=shape) if part.text == "shape":
            return ShapeValue(shape)
        case _:
            found = None
    if found is None:
        owner = modules.module_name(ctx.db, base.file) if isinstance(base, Module) else str(base)
        ctx.report(UnknownField(part.span, owner, part.text, nearest(part.text, candidates)))
        return UNKNOWN
    return found


def _element(ctx: Context, node: syntax.Element) -> Value:
    base = infer(ctx, node.base)
    match base:
        case TupleValue(items=items) | ListValue(items=items) if node.index < len(items):
            return items[node.index]
        case Unknown():
            return UNKNOWN
        case _:
            ctx.report(UnknownField(node.span, str(base), str(node.index), ()))
            return UNKNOWN


# ----------------------------------------------------------------------------------------------------------- conditions


def constraint(ctx: Context, node: syntax.Expression) -> Constraint | None:
    """An expression that must be a static condition."""
    match infer(ctx, node):
        case Bool(value=value):
            return value
        case Unknown():
            return None
        case Tensor() as tensor:
            ctx.report(NotStatic(node.span, "a condition", str(tensor)))
            return None
        case other:
            ctx.report(TypeMismatch(node.span, "bool", str(other)))
            return None


def decided(ctx: Context, test: Constraint) -> bool | None:
    """Whether a static condition is known to hold, or not to hold."""
    if isinstance(test, Truth):
        return test.value
    facts = ctx.known.facts
    if facts.proves(test):
        return True
    return False if facts.proves(Not(test)) else None


def narrow(ctx: Context, test: Constraint) -> None:
    """Take a condition as true: a fact, and perhaps that an optional value is there."""
    ctx.assume(test)
    match test:
        case Flag(leaf=IsNone() as flag):
            _narrow_optional(ctx, flag, present=False)
        case Not(part=Flag(leaf=IsNone() as flag)):
            _narrow_optional(ctx, flag, present=True)
        case _:
            pass


def _narrow_optional(ctx: Context, flag: IsNone, present: bool) -> None:
    for scope in ctx.scopes:
        for key, binding in scope.items():
            value = binding.value
            if isinstance(value, OptionalValue) and value.flag == flag:
                ctx.scopes[-1][key] = Binding(value.inner if present else NONE, binding.span, used=True)
                return


def negated(test: Constraint) -> Constraint:
    match test:
        case Not(part=part):
            return part
        case Truth(value=value):
            return Truth(not value)
        case _:
            return Not(test)


def _conditional(ctx: Context, node: syntax.Conditional, expected: Value | None) -> Value:
    test = infer(ctx, node.test)
    match test:
        case Bool(value=condition):
            known = decided(ctx, condition)
            if known is not None:
                with ctx.block():
                    narrow(ctx, condition if known else negated(condition))
                    return infer(ctx, node.then if known else node.otherwise, expected)
            with ctx.block():
                narrow(ctx, condition)
                then = infer(ctx, node.then, expected)
            with ctx.block():
                narrow(ctx, negated(condition))
                otherwise = infer(ctx, node.otherwise, expected)
            if isinstance(then, Int) and isinstance(otherwise, Int):
                return Int(conditional(condition, then.value, otherwise.value))
        case Tensor(dtype=dtype, shape=()) if str(dtype) == "bool":
            then, otherwise = infer(ctx, node.then, expected), infer(ctx, node.otherwise, expected)
        case Unknown():
            then, otherwise = infer(ctx, node.then, expected), infer(ctx, node.otherwise, expected)
        case _:
            ctx.report(TypeMismatch(node.test.span, "bool", "int" if isinstance(test, Int) else str(test)))
            return UNKNOWN
    joined = join(ctx, then, otherwise)
    if joined is None:
        ctx.report(BranchesDiffer(node.span, "the value", str(then), str(otherwise)))
        return UNKNOWN
    return joined


def join(ctx: Context, left: Value, right: Value) -> Value | None:
    """The one type of two branches; None where they differ."""
    if left == right or right == UNKNOWN:
        return left
    if left == UNKNOWN:
        return right
    match left, right:
        case Tensor(), Tensor():
            dtype = operators.met_dtype(ctx, left.dtype, right.dtype)
            if dtype is None or same_shape(ctx.known, left.shape, right.shape) is not None:
                return None
            return Tensor(dtype, left.shape, left.within if left.within == right.within else None)
        case (Int(), Int()):
            return left if ctx.known.equal(left.value, right.value) else None
        case (Float(), Float()) | (Float(), Int()) | (Int(), Float()):
            return Float(None)
        case (Bool(), Bool()):
            return Bool(Flag(BoolSymbol(f"either of {left} and {right}", ctx.owner)))
        case (Str(), Str()):
            return Str(None)
        case (Tensor(shape=()), Int() | Float()) | (Int() | Float(), Tensor(shape=())):
            return left if isinstance(left, Tensor) else right
        case (TupleValue(items=a), TupleValue(items=b)) if len(a) == len(b):
            items = [join(ctx, x, y) for x, y in zip(a, b, strict=True)]
            return TupleValue(tuple(item for item in items if item is not None)) if None not in items else None
        case (ListValue(items=a), ListValue(items=b)) if len(a) == len(b):
            items = [join(ctx, x, y) for x, y in zip(a, b, strict=True)]
            return ListValue(tuple(item for item in items if item is not None)) if None not in items else None
        case (Sequence(), Sequence()) if ctx.known.equal(left.length, right.length):
            element = join(ctx, left.element, right.element)
            return None if element is None else Sequence(element, left.index, left.length, left.real)
        case (RecordValue(), RecordValue()) if (left.file, left.name) == (right.file, right.name):
            fields = [(key, join(ctx, value, right.field(key) or UNKNOWN)) for key, value in left.fields]
            if any(value is None for _, value in fields):
                return None
            return RecordValue(left.name, left.file, tuple((key, value or UNKNOWN) for key, value in fields))
        case _:
            return None


# ---------------------------------------------------------------------------------------------------- generic arguments


def generic_arguments(ctx: Context, indices: tuple[syntax.Index, ...]) -> tuple[Given, ...]:
    """What stands in the brackets after a declaration: values by position and by name."""
    found: list[Given] = []
    for node in indices:
        match node:
            case syntax.Named(name=key, value=value):
                found.append(Given(key.text, infer(ctx, value), value.span, key.span))
            case _:
                found.append(Given(None, type_argument(ctx, node), node.span))
    return tuple(found)


def type_argument(ctx: Context, node: syntax.Index) -> Value:
    """A generic argument: a value, or a type."""
    match node:
        case syntax.ModelType():
            return written.model_type(ctx, node)
        case syntax.Bounded(value=value, within=within):
            inner = type_argument(ctx, value)
            bounds = written.interval(ctx, within)
            return Tensor(inner.dtype, inner.shape, bounds) if isinstance(inner, Tensor) else inner
        case syntax.Pack():
            return ShapeValue(written.shape(ctx, (node,)))
        case syntax.Subscript(base=syntax.Name(text=text), indices=indices) if (
            ctx.find(text) is None and (text in SCALARS or text == "float") and declared_here(ctx, text) is None
        ):
            return Tensor(FLOAT if text == "float" else SCALARS[text], written.shape(ctx, indices))
        case syntax.Subscript(base=syntax.Name(text="list"), indices=indices) if (
            ctx.find("list") is None and declared_here(ctx, "list") is None
        ):
            return written.list_type(ctx, indices, node.span)
        case syntax.Subscript(base=syntax.Name(text=text), indices=indices):
            binding = ctx.find(text)
            if binding is not None and isinstance(binding.value, DTypeValue):
                binding.used = True
                return Tensor(binding.value.dtype, written.shape(ctx, indices))
            return infer(ctx, node)
        case syntax.Slice() | syntax.Ellipsis() | syntax.AnyPack() | syntax.Exists() | syntax.Named():
            ctx.report(InvalidType(node.span, "this is not a generic argument"))
            return UNKNOWN
        case _:
            return infer(ctx, node)


def static_size(ctx: Context, value: Value, span: Span, wanted: str) -> Dim | None:
    """A value that must be an integer known at compile time."""
    match value:
        case Int(value=dim):
            return dim
        case Unknown():
            return None
        case Tensor():
            ctx.report(NotStatic(span, wanted, str(value)))
            return None
        case _:
            ctx.report(TypeMismatch(span, "int", str(value)))
            return None


def pack_element(ctx: Context, shape: ShapeValue, index: Dim, span: Span) -> Value:
    """`S[axis]`."""
    size = axis_size(ctx.known, shape.shape, index)
    if isinstance(size, Failure):
        ctx.report(InvalidOperation(span, "[]", size.message))
        return UNKNOWN
    return Int(size)
