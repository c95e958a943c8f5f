"""What each name in a declaration means.

A walk over the syntax, with scopes as the checker has them, so that code which a check does not reach (after a mistake,
in a branch that is never taken) is resolved too. Only what takes a type is asked of the survey: fields, parts, weights,
and the names of arguments.
"""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis import modules
from tenuto_analysis.check import clauses, initialisers, policies
from tenuto_analysis.database import Database, query
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.insight.entities import Entity, EntityKind, Names, Role
from tenuto_analysis.insight.expressions import bind_pattern, expression, range_or_expression, written_type
from tenuto_analysis.insight.members import declared, kind_of
from tenuto_analysis.insight.scopes import Scopes
from tenuto_analysis.insight.weight_paths import weight_paths
from tenuto_analysis.modules import Target
from tenuto_analysis.types import Reference, Value
from tenuto_grammar import syntax

_WEIGHTS_CALLS = frozenset({"load", "init"})


@query
def names(db: Database, file: str, key: str) -> Names:
    """All mentions of names in a declaration, in order."""
    node = modules.declaration(db, file, key)
    if node is None:
        return Names((), ())
    return names_of(Scopes(db, file, key, len(modules.chunk_text(db, (file, key)) or "")), node)


def names_of(w: Scopes, node: syntax.Declaration) -> Names:
    """The names of a declaration, found by a new walk."""
    _declaration(w, node)
    return Names(tuple(sorted(w.found, key=lambda item: item.span)), tuple(w.visible))


def sizes_of(db: Database, file: str, key: str) -> dict[str, Entity]:
    """The sizes that the head of a definition quantifies, by name."""
    found = (item.entity for item in names(db, file, key).occurrences if item.role is Role.DEFINITION)
    return {entity.name: entity for entity in found if entity.kind in (EntityKind.SIZE, EntityKind.GENERIC)}


def _declaration(w: Scopes, node: syntax.Declaration) -> None:
    if isinstance(node, syntax.Import):
        _import(w, node)
        return
    own = Entity(kind_of(node), node.name.text, w.file, w.key, node.name.span)
    w.mention(node.name.span, own, Role.DEFINITION)
    match node:
        case syntax.Definition():
            _definition(w, node)
        case syntax.Record():
            w.implicit = True
            _generics(w, node.generics)
            for field in node.fields:
                written_type(w, field.type)
                if field.default is not None:
                    expression(w, field.default)
                w.define(EntityKind.FIELD, field.name)
        case syntax.TypeAlias():
            w.implicit = True
            _generics(w, node.generics)
            written_type(w, node.type)
            _local(w, node.local)
        case syntax.Const():
            if node.type is not None:
                written_type(w, node.type)
            match node.value:
                case syntax.Name(text=text) | syntax.Call(callee=syntax.Name(text=text)) if text in policies.MAKERS:
                    _policy(w, node.value)
                case value:
                    expression(w, value)
        case syntax.Deploy():
            _deploy(w, node)


def _import(w: Scopes, node: syntax.Import) -> None:
    found = next((item for item in modules.imports(w.db, w.file) if item.key == w.key), None)
    if found is None:
        return
    module = declared(w.db, Target(found.file, None))
    w.mention(node.path.span, module)
    if node.alias is not None:
        w.mention(node.alias.span, module, Role.DEFINITION)
    for item in node.names or ():
        offered = item.name.text in modules.offered(w.db, found.file)
        entity = declared(w.db, Target(found.file, item.name.text)) if offered else None
        w.mention(item.name.span, entity)
        if item.alias is not None:
            w.mention(item.alias.span, entity, Role.DEFINITION)


def _definition(w: Scopes, node: syntax.Definition) -> None:
    w.implicit = True
    _generics(w, node.generics)
    for parameter in node.parameters:
        w.define(EntityKind.PARAMETER, parameter.name, node.span.start)
    for parameter in node.parameters:
        written_type(w, parameter.type)
        if parameter.default is not None:
            expression(w, parameter.default)
    if node.result is not None:
        written_type(w, node.result)
    for constraint in node.clauses.where:
        expression(w, constraint)
    w.implicit = False
    _policy(w, node.clauses.precision)
    _targets(w, node.clauses.target)
    _lowering(w, node.clauses)
    match node.body:
        case syntax.Block() as body:
            w.indices = dict(reversed(list(_loop_variables(w, body))))
            _block(w, body)
        case None:
            pass
        case body:
            expression(w, body)


def _generics(w: Scopes, generics: tuple[syntax.Generic, ...]) -> None:
    for node in generics:
        if node.type is not None:
            written_type(w, node.type)
        if node.default is not None:
            expression(w, node.default)
        w.define(EntityKind.GENERIC, node.name)


def _loop_variables(w: Scopes, node: syntax.Node) -> Iterator[tuple[str, Entity]]:
    for child in syntax.children(node):
        if isinstance(child, syntax.For) and isinstance(child.pattern, syntax.Identifier):
            name = child.pattern
            yield name.text, Entity(EntityKind.INDEX, name.text, w.file, w.key, name.span)
        if isinstance(child, syntax.For | syntax.If | syntax.While | syntax.Block):
            yield from _loop_variables(w, child)


def _deploy(w: Scopes, node: syntax.Deploy) -> None:
    if node.type is not None:
        w.implicit = True
        with w.scope(node.type.span):
            written_type(w, node.type)
        w.implicit = False
    expression(w, node.model)
    sizes: dict[str, Entity] = {}
    model = w.type_of(node.model)
    if isinstance(model, Reference):
        sizes = sizes_of(w.db, model.file, model.name)
    with w.scope(node.span):
        for name, entity in sizes.items():
            w.bind(name, entity, node.model.span.end, -1)
        for constraint in node.where:
            expression(w, constraint)
    for setting in node.settings.settings:
        _setting(w, setting, sizes, model)


def _setting(w: Scopes, node: syntax.Setting, sizes: dict[str, Entity], model: Value | None) -> None:
    w.mention(node.key.span, Entity(EntityKind.SETTING, node.key.text))
    match node.key.text, node.value:
        case "dims", syntax.Map(settings=items):
            for item in items:
                w.mention(item.key.span, sizes.get(item.key.text))
                range_or_expression(w, item.value)
        case "precision", (syntax.Name() | syntax.Call()) as value:
            _policy(w, value)
        case "target", syntax.ListLiteral(items=items):
            for value in items:
                w.mention(value.span, Entity(EntityKind.TARGET, _dotted(value)))
        case "target", syntax.Name() | syntax.Attribute() as value:
            w.mention(value.span, Entity(EntityKind.TARGET, _dotted(value)))
        case "weights", syntax.Call(callee=syntax.Name(text=text) as callee, arguments=arguments):
            if text in _WEIGHTS_CALLS:
                w.mention(callee.span, Entity(EntityKind.BUILTIN, text))
            for argument in arguments:
                _option(w, argument)
                if not isinstance(argument.value, syntax.Map):
                    expression(w, argument.value)
            if isinstance(model, Reference):
                weight_paths(w, model, arguments)
        case _, value:
            range_or_expression(w, value)


def _local(w: Scopes, node: syntax.Local) -> None:
    _policy(w, node.precision)
    _targets(w, node.target)


def _targets(w: Scopes, paths: tuple[syntax.Path, ...]) -> None:
    for path in paths:
        w.mention(path.span, Entity(EntityKind.TARGET, path.text))


def _lowering(w: Scopes, node: syntax.Clauses) -> None:
    """`class` and `lower`: attributes of a back end's operator, given by the parameters."""
    if node.precision_class is not None:
        w.mention(node.precision_class.span, Entity(EntityKind.BUILTIN, node.precision_class.text))
    for lowering in node.lower:
        w.mention(lowering.backend.span, Entity(EntityKind.BUILTIN, lowering.backend.text))
        for argument in lowering.arguments:
            _option(w, argument)
            expression(w, argument.value)


def _policy(w: Scopes, node: syntax.Expression | None) -> None:
    match node:
        case syntax.Name(text=text) if text in clauses.NAMED and w.find(text) is None:
            w.mention(node.span, Entity(EntityKind.POLICY, text))
        case syntax.Call(callee=syntax.Name(text=text) as callee, arguments=arguments) if text in clauses.NAMED:
            w.mention(callee.span, Entity(EntityKind.POLICY, text))
            for argument in arguments:
                _option(w, argument)
                match argument.value:
                    case syntax.Name(text=dtype) if dtype in SCALARS:
                        w.mention(argument.value.span, Entity(EntityKind.DTYPE, dtype))
                    case _:
                        pass
        case None:
            pass
        case _:
            expression(w, node)


def _block(w: Scopes, node: syntax.Block) -> None:
    with w.scope(node.span):
        for statement in node.statements:
            _statement(w, statement)


def _statement(w: Scopes, node: syntax.Statement) -> None:
    match node:
        case syntax.Let():
            if node.type is not None:
                written_type(w, node.type)
            expression(w, node.value)
            _local(w, node.local)
            bind_pattern(w, EntityKind.LOCAL, node.pattern, node.span.end)
        case syntax.Var():
            if node.type is not None:
                written_type(w, node.type)
            expression(w, node.value)
            _local(w, node.local)
            w.define(EntityKind.VARIABLE, node.name, node.span.end)
        case syntax.Assign():
            expression(w, node.value)
            _local(w, node.local)
            for name in node.names:
                w.mention(name.span, w.find(name.text), Role.WRITE)
        case syntax.Sub():
            if node.type is not None:
                written_type(w, node.type)
            expression(w, node.value)
            _local(w, node.local)
            w.define(EntityKind.PART, node.name, node.span.end)
        case syntax.Param():
            written_type(w, node.type)
            if node.init is not None:
                _initialiser(w, node.init)
            _local(w, node.local)
            w.define(EntityKind.WEIGHT, node.name, node.span.end)
        case syntax.Collect():
            expression(w, node.value)
            _local(w, node.local)
            _collect(w, node.name)
        case syntax.Return():
            expression(w, node.value)
            _local(w, node.local)
        case syntax.Assert(constraint=constraint) | syntax.Assume(constraint=constraint):
            expression(w, constraint)
        case syntax.For():
            expression(w, node.iterable)
            with w.scope(node.span), w.loop(node.span):
                bind_pattern(w, EntityKind.INDEX, node.pattern, node.body.span.start)
                _block(w, node.body)
        case syntax.While():
            expression(w, node.test)
            with w.scope(node.span), w.loop(node.span):
                _block(w, node.body)
        case syntax.If():
            expression(w, node.test)
            _block(w, node.then)
            match node.otherwise:
                case syntax.Block() as otherwise:
                    _block(w, otherwise)
                case syntax.If() as otherwise:
                    _statement(w, otherwise)
                case None:
                    pass
        case syntax.Broken():
            pass


def _collect(w: Scopes, node: syntax.Identifier) -> None:
    """What a loop gathers can be used after it, in the scope around it."""
    depth, end = w.loops[-1] if w.loops else (-1, node.span.end)
    earlier = w.scopes[depth].get(node.text)
    if earlier is not None:
        w.mention(node.span, earlier, Role.WRITE)
    elif node.text:
        entity = Entity(EntityKind.LOCAL, node.text, w.file, w.key, node.span)
        w.mention(node.span, entity, Role.DEFINITION)
        w.bind(node.text, entity, end, depth)


def _initialiser(w: Scopes, node: syntax.Expression) -> None:
    match node:
        case syntax.Name(text=text) if text in initialisers.INITIALISERS:
            w.mention(node.span, Entity(EntityKind.BUILTIN, text))
        case syntax.Call(callee=syntax.Name(text=text) as callee, arguments=arguments) if (
            text in initialisers.INITIALISERS
        ):
            w.mention(callee.span, Entity(EntityKind.BUILTIN, text))
            for argument in arguments:
                _option(w, argument)
                expression(w, argument.value)
        case _:
            expression(w, node)


def _option(w: Scopes, node: syntax.Argument) -> None:
    """The name of an argument of what the language itself defines."""
    if node.name is not None:
        w.mention(node.name.span, Entity(EntityKind.SETTING, node.name.text))


def _dotted(node: syntax.Expression) -> str:
    match node:
        case syntax.Name(text=text):
            return text
        case syntax.Attribute(base=base, name=name):
            return f"{_dotted(base)}.{name.text}"
        case _:
            return ""
