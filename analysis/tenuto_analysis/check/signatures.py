"""The heads of declarations: generics, parameters, result, `where`; aliases and records."""

from __future__ import annotations

from tenuto_analysis import modules, recursion
from tenuto_analysis.check import builtins, clauses, expressions, queries, written
from tenuto_analysis.check.context import Context, existential_owner
from tenuto_analysis.check.recorder import Recorder
from tenuto_analysis.check.written import AXIS_KINDS, STATIC_KINDS
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.names import DuplicateName, ForeignOperator, ShadowedName, SuspiciousName, UnboundSize
from tenuto_analysis.diagnostics.types import TypeMismatch
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import Dim, Flag, Symbol, of, render
from tenuto_analysis.dtypes import DTypeVariable
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.signature import GenericSignature, ParameterSignature, Requirement, Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    NONE,
    UNKNOWN,
    AxisKind,
    Bool,
    BoolSymbol,
    ConfigList,
    DTypeKind,
    DTypeValue,
    Float,
    GenericModel,
    Int,
    IsNone,
    KindValue,
    ListElement,
    ListKind,
    ListLength,
    ModelBound,
    OptionalValue,
    PackVariable,
    Placeholder,
    RecordKind,
    RecordValue,
    Sequence,
    ShapeValue,
    StaticKind,
    Str,
    Tensor,
    TupleValue,
    TypeVariable,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

_NEAR_LENGTH = 4  # Shorter names are near to each other by chance.


def definition(
    db: Database, file: str, key: str, node: syntax.Definition, recorder: Recorder | None = None
) -> queries.Interface:
    """The signature of a `fn`, a `model` or an `op`."""
    ctx = _context(db, file, key, recorder)
    generics = generic_signatures(ctx, node.generics)
    static = _bind_static(ctx, node.parameters)
    _assume_static(ctx, node.clauses.where)
    parameters = tuple(_parameter(ctx, parameter, static.get(index)) for index, parameter in enumerate(node.parameters))
    assert ctx.implicit is not None
    assert ctx.implied is not None
    assert ctx.mentions is not None
    of_parameters = set(ctx.implicit)
    _check_bound(ctx, of_parameters, {g.name for g in generics}, tuple(p.type for p in parameters))
    result = written.annotation(ctx, node.result) if node.result is not None else None
    unread = any(parameter.type == UNKNOWN for parameter in parameters)  # It may be what tells the size.
    for name in sorted(ctx.implicit - of_parameters if not unread else ()):
        binding = ctx.find(name)
        ctx.report(UnboundSize(binding.span if binding is not None else node.name.span, name, "the result"))
        result = None  # What the body gives is the result.
    ctx.implicit = set(ctx.implicit)
    where = _where(ctx, node.clauses.where)
    _suspicious(ctx, {g.name for g in generics})
    run_time = existential_owner(ctx.owner)
    promises = tuple(item.constraint for item in where if builtins.names_in(item.constraint, run_time))
    requirements = _requirements(ctx, [item for item in where if not builtins.names_in(item.constraint, run_time)])
    clauses.check(ctx, node.clauses)
    if node.keyword is syntax.Keyword.OP and not file.startswith(str(modules.STD)):
        ctx.report(ForeignOperator(node.name.span, node.name.text))
    signature = Signature(
        node.name.text,
        file,
        key,
        ctx.owner,
        node.keyword,
        generics,
        parameters,
        result,
        node.result.span if node.result is not None else node.name.span,
        requirements,
        promises,
        tuple(ctx.existentials),
        node.clauses.precision is not None,
    )
    bindings = tuple((name, binding.value, binding.span) for name, binding in ctx.scopes[0].items())
    after = tuple(ctx.after.items())
    return queries.Interface(
        tuple(ctx.problems), frozenset(ctx.used), signature, bindings, where_insert=where_insert(node), after=after
    )


def _context(db: Database, file: str, key: str, recorder: Recorder | None) -> Context:
    ctx = Context(db, file, key, queries.owner_of(file, key), recorder=recorder)
    ctx.implicit, ctx.implied, ctx.mentions = set(), [], {}
    return ctx


def where_insert(node: syntax.Definition) -> tuple[int, str, str] | None:
    """Where a constraint is added to the `where` of a definition, and the text round it."""
    if node.clauses.where:
        return node.clauses.where[-1].span.end, ", ", ""
    if node.result is not None:
        return node.result.span.end, " where ", ""
    if isinstance(node.body, syntax.Block):
        return node.body.span.start, "where ", " "
    return None


# ------------------------------------------------------------------------------------------------------------- generics


def generic_signatures(ctx: Context, generics: tuple[syntax.Generic, ...]) -> tuple[GenericSignature, ...]:
    """Bind the generics of a declaration, in order: a later one may mention an earlier one."""
    found: list[GenericSignature] = []
    for node in generics:
        name = node.name.text
        first = ctx.find(name)
        if first is not None and name:
            ctx.report(DuplicateName(node.name.span, name, ctx.place(first.span)))
        if name in modules.offered(ctx.db, ctx.file) or name in modules.imported_names(ctx.db, ctx.file):
            ctx.report(ShadowedName(node.name.span, name))
        kind: Value = KindValue(StaticKind.DIM)
        if node.type is not None:
            kind = written.annotation(ctx, node.type)
        value: Value = (
            ShapeValue(ctx.pack(name, node.name.span)) if node.pack else symbolic(ctx, kind, name, node.name.span)
        )
        default = expressions.infer(ctx, node.default) if node.default is not None else None
        ctx.bind(name, value, node.name.span)
        found.append(GenericSignature(name, kind, default, node.pack, node.name.span))
    return tuple(found)


def symbolic(ctx: Context, kind: Value, name: str, span: Span) -> Value:
    """A compile-time value that only its name stands for."""
    ctx.origins.setdefault(name, span)
    return symbolic_value(ctx, kind, name)


def symbolic_value(ctx: Context, kind: Value, path: str) -> Value:
    """The value of `c` or of `c.hidden`, by name."""
    match kind:
        case KindValue(kind=StaticKind.DIM):
            return Int(of(Symbol(path, ctx.owner, 0)))
        case KindValue(kind=StaticKind.INT | AxisKind.AXIS | AxisKind.AFTER):
            return Int(of(Symbol(path, ctx.owner, None)))
        case KindValue(kind=StaticKind.BOOL):
            return Bool(Flag(BoolSymbol(path, ctx.owner)))
        case KindValue(kind=StaticKind.FLOAT):
            return Float(None)
        case KindValue(kind=StaticKind.STR):
            return Str(None)
        case KindValue(kind=StaticKind.TYPE):
            return TypeVariable(path, ctx.owner)
        case KindValue(kind=AxisKind.SHAPE, shape=shape):
            return ShapeValue(shape)
        case KindValue():
            return Placeholder(path, ctx.owner, kind)
        case DTypeKind(bound=bound):
            return DTypeValue(DTypeVariable(path, ctx.owner, bound))
        case ModelBound():
            return GenericModel(path, kind)
        case OptionalValue(inner=inner):
            return OptionalValue(symbolic_value(ctx, inner, path), IsNone(path, ctx.owner))
        case ListKind(element=KindValue(kind=StaticKind() as element), length=length):
            return ConfigList(
                path, ctx.owner, element, length if length is not None else of(ListLength(path, ctx.owner, 0))
            )
        case ListKind(element=RecordKind() as element, length=length):
            index = ctx.fresh("i", 0)
            size = length if length is not None else of(ListLength(path, ctx.owner, 0))
            return Sequence(_record_at(ctx, element, path, of(index)), index, size)
        case ListKind():
            return Placeholder(path, ctx.owner, kind)
        case TupleValue():
            return builtins.placeholder_value(ctx, kind)
        case RecordKind(file=file, name=name):
            found = queries.record(ctx.db, file, name)
            if found is None:
                return UNKNOWN
            siblings = Substitution(found.owner, ctx.known)
            fields: list[tuple[str, Value]] = []
            for field in found.fields:
                value = symbolic_value(ctx, siblings.value(field.type), f"{path}.{field.name}")
                siblings.values[field.name] = value
                fields.append((field.name, value))
            return RecordValue(name, file, tuple(fields))
        case _:
            return kind


def _record_at(ctx: Context, kind: RecordKind, path: str, index: Dim) -> Value:
    """An element of a list of records: each field is an element of a list of its own."""
    found = queries.record(ctx.db, kind.file, kind.name)
    if found is None:
        return UNKNOWN
    fields: list[tuple[str, Value]] = []
    for field in found.fields:
        match field.type:
            case KindValue(kind=StaticKind.INT | StaticKind.DIM as element):
                low = 0 if element is StaticKind.DIM else None
                value: Value = Int(of(ListElement(f"{path}.{field.name}", ctx.owner, index, low)))
            case _:
                value = symbolic_value(ctx, field.type, f"{path}.{field.name}")
        fields.append((field.name, value))
    return RecordValue(kind.name, kind.file, tuple(fields))


# ----------------------------------------------------------------------------------------------------------- parameters


def _bind_static(ctx: Context, parameters: tuple[syntax.Parameter, ...]) -> dict[int, Value]:
    """Bind the compile-time parameters first: a shape may mention one that stands later in the list."""
    kinds: dict[int, Value] = {}
    for index, node in enumerate(parameters):
        if _is_static(ctx, node.type):
            kind = kinds[index] = written.annotation(ctx, node.type)
            if ctx.find(node.name.text) is None:
                _note_after(ctx, node.name.text, kind)
                ctx.bind(node.name.text, symbolic(ctx, kind, node.name.text, node.name.span), node.name.span)
    return kinds


def _note_after(ctx: Context, name: str, kind: Value) -> None:
    match kind:
        case KindValue(kind=AxisKind.AFTER, shape=(PackVariable() as pack,)):
            ctx.after[name] = pack
        case _:
            pass


def _is_static(ctx: Context, node: syntax.Type) -> bool:
    base = node.base
    if not isinstance(base, syntax.TensorType) or len(base.path.parts) != 1 or base.arguments:
        return False
    name = base.path.text
    if name in AXIS_KINDS:
        return True
    if name == "list" and base.dims:
        inner = base.dims[0]
        return isinstance(inner, syntax.Name) and inner.text in STATIC_KINDS
    if name in STATIC_KINDS:
        return base.dims is None
    target = modules.lookup(ctx.db, ctx.file, name)
    if target is not None and target.name is not None:
        found = queries.record(ctx.db, target.file, target.name)
        return found is not None and found.is_static
    return False


def _parameter(ctx: Context, node: syntax.Parameter, static: Value | None) -> ParameterSignature:
    name = node.name.text
    bound = ctx.scopes[0].get(name)
    duplicate = bound is not None and bound.span != node.name.span
    if duplicate and bound is not None and name:
        ctx.report(DuplicateName(node.name.span, name, ctx.place(bound.span)))
    type_ = static if static is not None else written.annotation(ctx, node.type)
    if static is None and not duplicate:
        ctx.bind(name, _parameter_value(ctx, type_, name), node.name.span)
    return ParameterSignature(name, type_, _default(ctx, node, type_), node.name.span)


def _parameter_value(ctx: Context, type_: Value, name: str) -> Value:
    match type_:
        case OptionalValue(inner=inner):
            return OptionalValue(inner, IsNone(name, ctx.owner))
        case ListKind():
            return Placeholder(name, ctx.owner, type_)
        case _:
            return type_


def _default(ctx: Context, node: syntax.Parameter, type_: Value) -> Value | None:
    if node.default is None:
        return written.default_of(type_)
    value = expressions.infer(ctx, node.default)
    if value == NONE and not isinstance(type_, OptionalValue):
        ctx.report(TypeMismatch(node.default.span, str(type_), "none"))
        return None
    return value


# ---------------------------------------------------------------------------------------------------------- bound names


def _check_bound(ctx: Context, names: set[str], generics: set[str], types: tuple[Value, ...]) -> None:
    """A size that a shape quantifies must stand alone at least once, or no call could tell it."""
    if UNKNOWN in types:
        return  # What could not be read may have been what tells them.
    alone: set[str] = set()
    for type_ in types:
        _alone(type_, ctx.owner, alone)
    for name in sorted(names - alone - generics):
        binding = ctx.scopes[0].get(name)
        if binding is not None:
            ctx.report(UnboundSize(binding.span, name, None))


def _alone(type_: Value, owner: str, found: set[str]) -> None:
    match type_:
        case Tensor(shape=shape):
            _alone_in_shape(shape, owner, found)
        case OptionalValue(inner=inner) | ListKind(element=inner):
            _alone(inner, owner, found)
            if isinstance(type_, ListKind) and type_.length is not None:
                _alone_in_shape((type_.length,), owner, found)
        case TupleValue(items=items):
            for item in items:
                _alone(item, owner, found)
        case RecordValue(fields=fields):
            for _, item in fields:
                _alone(item, owner, found)
        case KindValue(shape=shape):
            _alone_in_shape(shape, owner, found)
        case _:
            pass


def _alone_in_shape(shape: tuple[object, ...], owner: str, found: set[str]) -> None:
    for item in shape:
        match item:
            case PackVariable(name=name, owner=own) if own == owner:
                found.add(name)
            case Dim():
                atom = single_atom(item)
                if isinstance(atom, Symbol) and atom.owner == owner:
                    found.add(atom.name)
            case _:
                pass


def _suspicious(ctx: Context, generics: set[str]) -> None:
    """A size that is mentioned once and nearly called like another is probably a slip of the pen."""
    assert ctx.implicit is not None
    assert ctx.mentions is not None
    sizes = {name for name in (*ctx.implicit, *generics) if len(name) >= _NEAR_LENGTH}
    once = {name: ctx.scopes[0][name] for name in sizes & ctx.implicit if ctx.mentions.get(name) == 1}
    for name, binding in sorted(once.items(), key=lambda item: item[1].span):
        near = nearest(name, sizes)
        if near and (near[0] not in once or once[near[0]].span < binding.span):  # Of two, the later is the slip.
            ctx.report(SuspiciousName(binding.span, name, near[0]))


# ---------------------------------------------------------------------------------------------------------------- where


def _assume_static(ctx: Context, nodes: tuple[syntax.Expression, ...]) -> None:
    """Take what `where` says of generics as known while the shapes are read; `_where` reports what is wrong with it."""
    assert ctx.implied is not None
    for node in nodes:
        if all(ctx.find(name) is not None for name in recursion.names_in(node)):
            problems, implied = len(ctx.problems), len(ctx.implied)
            constraint = expressions.constraint(ctx, node)
            del ctx.problems[problems:], ctx.implied[implied:]
            if constraint is not None:
                ctx.assume(constraint)


def _where(ctx: Context, nodes: tuple[syntax.Expression, ...]) -> list[Requirement]:
    found: list[Requirement] = []
    for node in nodes:
        before = set(ctx.implicit or ())
        constraint = expressions.constraint(ctx, node)
        for name in sorted((ctx.implicit or set()) - before):
            binding = ctx.find(name)
            ctx.report(UnboundSize(binding.span if binding is not None else node.span, name, "`where`"))
        if constraint is not None:
            found.append(Requirement(constraint, node.span, render(constraint)))
    return found


def _requirements(ctx: Context, where: list[Requirement]) -> tuple[Requirement, ...]:
    """The `where`, and what the arithmetic of the signature takes for granted beyond it."""
    found = list(where)
    known = ctx.known
    for requirement in where:
        known = known.assume(requirement.constraint)
    for constraint, span in ctx.implied or ():
        if not known.facts.proves(constraint):
            known = known.assume(constraint)
            found.insert(0, Requirement(constraint, span, render(constraint)))
    return tuple(found)


# ----------------------------------------------------------------------------------------------------- aliases, records


def alias(
    db: Database, file: str, key: str, node: syntax.TypeAlias, recorder: Recorder | None = None
) -> queries.Interface:
    ctx = _context(db, file, key, recorder)
    generics = generic_signatures(ctx, node.generics)
    type_ = written.annotation(ctx, node.type)
    clauses.check_local(ctx, node.local)
    found = queries.Alias(ctx.owner, generics, type_)
    return queries.Interface(tuple(ctx.problems), frozenset(ctx.used), alias=found)


def record(
    db: Database, file: str, key: str, node: syntax.Record, recorder: Recorder | None = None
) -> queries.Interface:
    ctx = _context(db, file, key, recorder)
    generics = generic_signatures(ctx, node.generics)
    fields: list[queries.RecordField] = []
    seen: dict[str, Span] = {}
    for field in node.fields:
        name = field.name.text
        if name in seen:
            ctx.report(DuplicateName(field.name.span, name, ctx.place(seen[name])))
        seen[name] = field.name.span
        type_ = written.annotation(ctx, field.type)
        default = None
        if field.default is not None:
            default = expressions.infer(ctx, field.default)
        elif isinstance(type_, OptionalValue):
            default = NONE
        fields.append(queries.RecordField(name, type_, default, field.name.span))
        ctx.bind(name, symbolic(ctx, type_, name, field.name.span), field.name.span)
    found = queries.RecordSignature(node.name.text, file, key, ctx.owner, generics, tuple(fields))
    return queries.Interface(tuple(ctx.problems), frozenset(ctx.used), record=found)
