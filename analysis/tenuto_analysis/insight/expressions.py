"""What each name in an expression or in a written type means."""

from __future__ import annotations

import re

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.check.written import AXIS_KINDS, DTYPE_CLASSES, STATIC_KINDS
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.insight.entities import Entity, EntityKind, Role
from tenuto_analysis.insight.members import generic, member, parameter
from tenuto_analysis.insight.scopes import Scopes
from tenuto_analysis.types import KindValue, Module, Reference, StaticKind, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

_AXIS_NAME = re.compile(r"[A-Za-z_]\w*")
_TYPE_WORDS = frozenset({*STATIC_KINDS, *AXIS_KINDS, *DTYPE_CLASSES, "list", "quant", "accumulated"})


def expression(w: Scopes, node: syntax.Expression) -> None:
    match node:
        case syntax.Name():
            _name(w, node)
        case syntax.Attribute(base=base, name=name):
            expression(w, base)
            entity = member(w.db, w.type_of(base), name.text)
            if entity is None and name.text == "shape":
                entity = Entity(EntityKind.BUILTIN, "shape")
            w.mention(name.span, entity)
        case syntax.Call():
            _call(w, node, None)
        case syntax.Pipe(left=left, right=right):
            expression(w, left)
            if isinstance(right, syntax.Call):
                _call(w, right, left)
            else:
                _callee(w, right)
        case syntax.Subscript(base=base, indices=indices):
            expression(w, base)
            _indices(w, indices, _callee_value(w, base))
        case syntax.Cast(value=value, dtype=dtype):
            expression(w, value)
            _path(w, dtype)
        case syntax.Comprehension(element=element, pattern=pattern, iterable=iterable):
            expression(w, iterable)
            with w.scope(node.span):
                bind_pattern(w, EntityKind.INDEX, pattern, node.span.start)
                expression(w, element)
        case syntax.Map(settings=settings):
            for setting in settings:
                range_or_expression(w, setting.value)
        case (
            syntax.Integer()
            | syntax.Float()
            | syntax.String()
            | syntax.Boolean()
            | syntax.NoneLiteral()
            | syntax.Missing()
        ):
            pass
        case syntax.Tuple(items=items) | syntax.ListLiteral(items=items) | syntax.Compare(operands=items):
            for item in items:
                expression(w, item)
        case syntax.Parenthesized(inner=inner) | syntax.Element(base=inner) | syntax.Unary(operand=inner):
            expression(w, inner)
        case syntax.Binary(left=left, right=right):
            expression(w, left)
            expression(w, right)
        case syntax.Conditional(test=test, then=then, otherwise=otherwise):
            expression(w, test)
            expression(w, then)
            expression(w, otherwise)


def _name(w: Scopes, node: syntax.Name) -> None:
    entity = w.find(node.text)
    if entity is None and w.implicit:
        here = (modules.offered(w.db, w.file), modules.imported_names(w.db, w.file), SCALARS, ("float",))
        if node.text and not any(node.text in known for known in here):
            _quantify(w, node.text, node.span)
            return
    w.mention(node.span, entity or w.outside(node.text) or w.indices.get(node.text))


def _quantify(w: Scopes, name: str, span: Span) -> None:
    """A size that a shape quantifies by mentioning it."""
    entity = Entity(EntityKind.SIZE, name, w.file, w.key, span)
    w.mention(span, entity, Role.DEFINITION)
    w.bind(name, entity, 0 if w.implicit else span.start, -1)


def _callee(w: Scopes, node: syntax.Expression) -> None:
    """What is called is looked for outside, where a size would be quantified in a head."""
    if isinstance(node, syntax.Name) and w.find(node.text) is None:
        w.mention(node.span, w.outside(node.text))
    else:
        expression(w, node)


def _callee_value(w: Scopes, node: syntax.Expression) -> Value | None:
    """What is called, by its type or by its name alone."""
    value = w.type_of(node)
    if value is None and isinstance(node, syntax.Name) and w.find(node.text) is None:
        target = modules.lookup(w.db, w.file, node.text)
        if target is not None and target.name is not None:
            return Reference(target.file, target.name)
    return value


def _call(w: Scopes, node: syntax.Call, piped: syntax.Expression | None) -> None:
    _callee(w, node.callee)
    callee = _callee_value(w, node.callee)
    axes = _pattern_literal(w, node, callee, 0 if piped is None else 1)
    for argument in node.arguments:
        if argument.name is not None:
            name = argument.name
            w.mention(name.span, parameter(w.db, callee, name.text) or axes.get(name.text))
        expression(w, argument.value)


def _pattern_literal(w: Scopes, node: syntax.Call, callee: Value | None, skipped: int) -> dict[str, Entity]:
    """The axes of the pattern literal among the arguments of a call, each a name within the call."""
    axes: dict[str, Entity] = {}
    if not isinstance(callee, Reference) or not any(isinstance(a.value, syntax.String) for a in node.arguments):
        return axes
    signature = queries.signature(w.db, callee.file, callee.name)
    parameters = signature.parameters if signature is not None else ()
    patterns = {item.name for item in parameters if item.type == KindValue(StaticKind.PATTERN)}
    for index, argument in enumerate(node.arguments, skipped):
        by_place = parameters[index].name if index < len(parameters) else ""
        name = argument.name.text if argument.name is not None else by_place
        text = argument.value
        if name in patterns and isinstance(text, syntax.String) and "\\" not in text.text:
            for match in _AXIS_NAME.finditer(text.text):
                span = Span(match.start(), match.end()).shifted(text.span.start)
                first = match.group() not in axes
                own = Entity(EntityKind.AXIS, match.group(), w.file, w.key, span)
                entity = axes.setdefault(match.group(), own)
                w.mention(span, entity, Role.DEFINITION if first else Role.READ)
    return axes


def _indices(w: Scopes, indices: tuple[syntax.Index, ...], base: Value | None) -> None:
    for node in indices:
        _index(w, node, base)


def _index(w: Scopes, node: syntax.Index, base: Value | None) -> None:
    """What stands in brackets: an index, a size, or a generic argument of `base`."""
    match node:
        case syntax.Slice(start=start, stop=stop, step=step):
            for part in (start, stop, step):
                if part is not None:
                    expression(w, part)
        case syntax.Ellipsis():
            pass
        case syntax.Pack(value=value):
            expression(w, value)
        case syntax.AnyPack(name=name) | syntax.Exists(name=name):
            entity = w.find(name.text)
            if entity is not None:
                w.mention(name.span, entity)
            elif name.text:
                _quantify(w, name.text, name.span)
        case syntax.Named(name=name, value=value):
            w.mention(name.span, generic(w.db, base, name.text))
            expression(w, value)
        case syntax.Bounded(value=value, within=within):
            expression(w, value)
            range_or_expression(w, within)
        case syntax.ModelType():
            _model_type(w, node)
        case _:
            expression(w, node)


def written_type(w: Scopes, node: syntax.Type) -> None:
    match node.base:
        case syntax.TensorType() as base:
            _tensor_type(w, base)
        case syntax.TupleType(items=items):
            for item in items:
                written_type(w, item)
        case syntax.ModelType() as base:
            _model_type(w, base)
        case syntax.Missing():
            pass
    if node.within is not None:
        range_or_expression(w, node.within)


def _tensor_type(w: Scopes, node: syntax.TensorType) -> None:
    _path(w, node.path)
    for argument in node.arguments:
        expression(w, argument.value)
    target = modules.lookup(w.db, w.file, node.path.text) if len(node.path.parts) == 1 else None
    base = Reference(target.file, target.name) if target is not None and target.name is not None else None
    _indices(w, node.dims or (), base)


def _path(w: Scopes, node: syntax.Path) -> None:
    """A path that names a type, a dtype or a kind."""
    first, *rest = node.parts
    entity = w.find(first.text)
    if entity is None and first.text in _TYPE_WORDS:
        entity = Entity(EntityKind.BUILTIN, first.text)
    elif entity is None:
        entity = w.outside(first.text)
    w.mention(first.span, entity)
    for part in rest:
        owner: Value | None = None
        if entity is not None and entity.kind is EntityKind.MODULE:
            owner = Module(entity.file)
        entity = member(w.db, owner, part.text)
        w.mention(part.span, entity)


def _model_type(w: Scopes, node: syntax.ModelType) -> None:
    """Names that nothing declares are quantified by the type itw."""
    before, w.implicit = w.implicit, True
    with w.scope(node.span):
        for item in node.parameters:
            written_type(w, item)
        for constraint in node.where:
            expression(w, constraint)
        written_type(w, node.result)
    w.implicit = before


def range_or_expression(w: Scopes, node: syntax.Expression | syntax.Range) -> None:
    if isinstance(node, syntax.Range):
        expression(w, node.low)
        expression(w, node.high)
    else:
        expression(w, node)


def bind_pattern(w: Scopes, kind: EntityKind, node: syntax.Pattern, since: int | None = None) -> None:
    match node:
        case syntax.Identifier():
            w.define(kind, node, since)
        case syntax.TuplePattern(items=items):
            for item in items:
                bind_pattern(w, kind, item, since)
