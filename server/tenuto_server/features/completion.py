"""What can be typed at a place, best first: what fits there, then what is near, then by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.check import clauses, deploys, initialisers, loading, policies, queries
from tenuto_analysis.dtypes import FLOAT, SCALARS
from tenuto_analysis.insight.cursor import Cursor, cursor_at, seen_at
from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_analysis.insight.members import declared
from tenuto_analysis.targets.profile import known
from tenuto_analysis.types import (
    ConfigList,
    DTypeValue,
    GenericModel,
    Instance,
    Int,
    Module,
    RecordValue,
    Reference,
    ShapeValue,
    TypeVariable,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.chunks import KEYWORDS as DECLARATIONS
from tenuto_grammar.text import Span
from tenuto_server.features import offers
from tenuto_server.features.describe import declared_source, documentation, fenced, module_path, place_name
from tenuto_server.features.expected import called_at, expected
from tenuto_server.features.offers import ARGUMENT, CALLED, LANGUAGE, LAST, Offer, Typing
from tenuto_server.features.quoted import Quoted, quoted
from tenuto_server.features.words import KEYWORDS, STATEMENTS, explained
from tenuto_server.workspace import Workspace


class Completions(NamedTuple):
    """What can stand in the place of the word at the cursor, best first; `span` is that of the word in the file."""

    span: Span
    offers: tuple[Offer, ...]


def completions(workspace: Workspace, file: str, offset: int, others: tuple[str, ...] = ()) -> Completions | None:
    """None in a comment, a number or a text for which nothing is known. `others` are the files of the workspace."""
    workspace.load(file)
    db = workspace.database
    cursor = cursor_at(db, file, offset)
    if cursor.inside is not None:
        found = quoted(workspace, cursor)
        return _in_quotes(cursor, found) if found is not None else None
    if cursor.text[: cursor.word.start][-1:].isalnum():
        return None
    seen = seen_at(db, cursor)
    typing = Typing(workspace, cursor, seen, others, expected(db, cursor, seen))
    by_label: dict[str, Offer] = {}
    for offer in _offers(typing):
        by_label.setdefault(offer.label, offer)
    ranked = sorted(by_label.values(), key=lambda offer: (offer.fit, offer.near, offer.label))
    return Completions(cursor.word.shifted(cursor.start), tuple(ranked))


def explanation(workspace: Workspace, entity: Entity) -> tuple[str, str]:
    """The declaration of what is offered in one line, and what is said of it, as Markdown."""
    db = workspace.database
    if not entity.file:
        return "", explained(entity.kind, entity.name) or ""
    if entity.kind is EntityKind.MODULE:
        return "", f"The module `{module_path(db, entity.file)}`."
    if entity.key != entity.name or modules.declaration(db, entity.file, entity.key) is None:
        return "", ""
    found = declared(db, modules.Target(entity.file, entity.key)) or entity
    source = declared_source(db, entity.file, entity.key)
    parts = (fenced(source), documentation(db, found) or "", f"Declared in {place_name(db, found)}.")
    return " ".join(source.split()), "\n\n".join(part for part in parts if part)


def _in_quotes(cursor: Cursor, found: Quoted) -> Completions:
    made = [Offer(name, None, detail, name, near=rank) for rank, (name, detail) in enumerate(found.names)]
    return Completions(found.span.shifted(cursor.start), tuple(made))


# --------------------------------------------------------------------------------------------------------- which place


def _offers(typing: Typing) -> Iterable[Offer]:
    cursor = typing.cursor
    if _begins_declaration(cursor):
        return offers.keywords(DECLARATIONS)
    if cursor.starts_statement:
        return _statements(typing)
    if _continues(cursor):
        return offers.keywords(_continuations(cursor))
    match cursor.path:
        case ():
            return () if cursor.keyword in ("import", "record", "type") else _expression(typing)
        case (*above, syntax.Attribute(base=base), hole) if hole is not base:
            dotted = _dotted(base)
            if dotted is not None and _setting_key(above) == "target":
                return _targets(typing, f"{dotted}.")
            return offers.members(typing, typing.seen.survey.types.get(base.span) or _named_value(typing, base))
        case (*above, syntax.Path() as path, _):
            return _path(typing, tuple(above), path)
        case (syntax.Import() as node, syntax.ImportedName(), _):
            return _imported(typing, node)
        case (*above, syntax.Setting(key=key), hole) if key is hole:
            return _keys(typing, tuple(above))
        case (*_, syntax.Subscript() as node, syntax.Named(name=name), hole) if name is hole:
            return offers.arguments(typing, typing.seen.survey.types.get(node.base.span), node)
        case (*_, syntax.Argument(name=name), hole) if name is hole:
            return _named_arguments(typing)
        case (*_, syntax.Name()):
            return _name(typing)
        case _:
            return ()  # A name that is being defined.


def _begins_declaration(cursor: Cursor) -> bool:
    if not cursor.keyword:
        return True
    at = cursor.word.start
    in_column_0 = at == 0 or cursor.text[at - 1] == "\n"
    return cursor.on_new_line and (in_column_0 or (not cursor.brackets and cursor.previous == "}"))


_OPERANDS = frozenset({"true", "false", "none", "inf"})


def _continues(cursor: Cursor) -> bool:
    """Whether an expression, a type or a head stands before the word and goes on with it."""
    last = cursor.before[-1] if cursor.before else None
    if last is None or not last.ends_operand or (last.text in KEYWORDS and last.text not in _OPERANDS):
        return False
    in_map = bool(cursor.brackets) and cursor.brackets[-1].text == "{"
    return not (in_map and cursor.on_new_line)


def _continuations(cursor: Cursor) -> tuple[str, ...]:
    match cursor.keyword:
        case "import":
            return ("as",)
        case "deploy":
            return ("where",) if not cursor.brackets else ("as", "and", "or")
        case "fn" | "model" | "op" if not any(token.text == "{" for token in cursor.brackets):
            in_type = ("within",) if cursor.brackets or cursor.previous == "]" else ()
            rest = () if cursor.brackets else ("where", "precision", "target")
            own = ("class", "lower") if cursor.keyword == "op" and not cursor.brackets else ()
            return (*in_type, *rest, *own)
        case "fn" | "model":
            words = {token.text for token in cursor.before if token.span.start >= cursor.brackets[0].span.start}
            return (
                *(("in",) if "for" in words else ()),
                *(("then", "else") if "if" in words else ()),
                *("as", "and", "or", "precision", "target"),
            )
        case _:
            return ("within",) if cursor.keyword in ("record", "type") else ("as", "and", "or")


def _statements(typing: Typing) -> Iterator[Offer]:
    """Words that begin a statement, and the variables that can be assigned."""
    cursor = typing.cursor
    for entity in typing.seen.names.values():
        if entity.kind is EntityKind.VARIABLE:
            yield Offer(entity.name, entity, "var", f"{entity.name} = ")
    words = [word for word in STATEMENTS if cursor.keyword == "model" or word not in ("sub", "param")]
    if cursor.previous == "}":
        words.insert(0, "else")
    for rank, word in enumerate(words, ARGUMENT):
        yield Offer(word, text=f"{word} ", near=rank)


# ----------------------------------------------------------------------------------------------------- names of a place


def _name(typing: Typing) -> Iterable[Offer]:
    """What may stand where a name is, by what is above it."""
    path = typing.cursor.path
    for above, node in zip(path[-2::-1], path[:0:-1], strict=True):
        match above:
            case syntax.TensorType():
                return _sizes(typing)
            case syntax.Local() | syntax.Clauses() if node is above.precision:
                return _policies()
            case syntax.Param(init=init) if init is node:
                return offers.language_names(initialisers.INITIALISERS, EntityKind.BUILTIN)
            case syntax.Comprehension(iterable=value) | syntax.Conditional(test=value) if value is node:
                return _expression(typing)
            case syntax.Sub(value=value) if value is node:
                return _models(typing)
            case syntax.Deploy(model=model) if model is node:
                return _models(typing)
            case syntax.Pipe(right=right) if right is node:
                return _callees(typing)
            case syntax.Setting():
                return _setting_value(typing, above)
            case syntax.Call(callee=callee) if callee is not node:
                return _call_arguments(typing, above)
            case syntax.Subscript(base=base) if base is not node:
                owner = typing.seen.survey.types.get(base.span)
                if not isinstance(owner, Reference):
                    return _expression(typing)
                dtypes = (offer._replace(fit=_dtype_fit(typing, offer.label)) for offer in offers.dtypes())
                return (*offers.arguments(typing, owner, above), *_expression(typing, models=True), *dtypes)
            case _:
                pass
    return _expression(typing)


def _dtype_fit(typing: Typing, name: str) -> int:
    """How well a dtype fits as a generic argument."""
    return typing.fit(DTypeValue(SCALARS.get(name, FLOAT)))


def _expression(typing: Typing, models: bool = False) -> Iterator[Offer]:
    """What may stand in an expression: a model only as a generic argument."""
    near = (*offers.local_names(typing), *offers.file_names(typing))
    for offer, _ in (*near, *offers.library_names(typing)):
        if _is_value(offer, models):
            yield _callable(typing, offer)
    for offer in offers.builtin_names():
        yield _callable(typing, offer) if offer.label != "shape" else offer
    yield from offers.keywords(("if", "not"))
    for word in ("true", "false", "none", "inf"):
        yield Offer(word, text=word, near=LANGUAGE)
    for offer in offers.importable_names(typing):
        if _is_value(offer, models):
            yield _callable(typing, offer)


def _callees(typing: Typing) -> Iterator[Offer]:
    """What takes the value on the left of a pipe, or may."""
    near = (*offers.local_names(typing), *offers.file_names(typing))
    for offer, value in (*near, *offers.library_names(typing)):
        kind = offer.entity.kind if offer.entity is not None else None
        if kind in CALLED or isinstance(value, Instance | Module):
            yield offer
    for offer in offers.importable_names(typing):
        if offer.entity is not None and offer.entity.kind in CALLED:
            yield offer


def _is_value(offer: Offer, models: bool) -> bool:
    kind = offer.entity.kind if offer.entity is not None else None
    return kind not in (EntityKind.TYPE, EntityKind.DEPLOY) and (models or kind is not EntityKind.MODEL)


def _callable(typing: Typing, offer: Offer) -> Offer:
    """An offer with parentheses, where it is called and they do not stand there yet."""
    kind = offer.entity.kind if offer.entity is not None else None
    if typing.cursor.following in ("(", "[") or kind not in CALLED | {EntityKind.BUILTIN}:
        return offer
    return offer._replace(snippet=f"{offer.label}($0)")


def _models(typing: Typing) -> Iterator[Offer]:
    """Models, and what leads to some: modules, a conditional."""
    for offer, value in (*offers.local_names(typing), *offers.file_names(typing)):
        if isinstance(value, GenericModel | Module) or _is_model(offer):
            yield _with_brackets(typing, offer)
    yield from (_with_brackets(typing, offer) for offer in offers.importable_names(typing) if _is_model(offer))
    yield from offers.keywords(("if",))


def _is_model(offer: Offer) -> bool:
    return offer.entity is not None and offer.entity.kind is EntityKind.MODEL


def _with_brackets(typing: Typing, offer: Offer) -> Offer:
    if not _is_model(offer) or typing.cursor.following == "[":
        return offer
    return offer._replace(snippet=f"{offer.label}[$0]")


def _sizes(typing: Typing) -> Iterator[Offer]:
    """What may stand in a shape."""
    pack = typing.cursor.previous == ".."
    for offer, value in (*offers.local_names(typing), *offers.file_names(typing)):
        suits = isinstance(value, ShapeValue) if pack else isinstance(value, Int | RecordValue | ConfigList | Module)
        if suits or (value is None and offer.entity is not None and offer.entity.kind is EntityKind.SIZE):
            yield offer._replace(fit=0 if isinstance(value, Int | ShapeValue) else 1)
    names = offers.SHAPES if pack else ("min", "max", "product", "rank", "len")
    for name in names:
        yield Offer(name, Entity(EntityKind.BUILTIN, name), text=name, snippet=f"{name}($0)", near=LANGUAGE)


def _types(typing: Typing, owner: syntax.Node | None) -> Iterator[Offer]:
    """What may stand where a type does; kinds only in a head."""
    for offer, value in (*offers.local_names(typing), *offers.file_names(typing)):
        kind = offer.entity.kind if offer.entity is not None else None
        if isinstance(value, DTypeValue | TypeVariable | Module) or kind in (EntityKind.TYPE, EntityKind.RECORD):
            yield offer._replace(fit=0)
    for offer in offers.dtypes():
        yield offer._replace(snippet=f"{offer.label}[$0]")
    if isinstance(owner, syntax.Parameter | syntax.Generic | syntax.Field | syntax.Const):
        yield from offers.kinds()
    for offer in offers.importable_names(typing):
        if offer.entity is not None and offer.entity.kind in (EntityKind.TYPE, EntityKind.RECORD):
            yield offer
    yield from offers.keywords(("model",), LAST)


def _path(typing: Typing, above: tuple[syntax.Node, ...], path: syntax.Path) -> Iterable[Offer]:
    """A part of a dotted name: of a type, a dtype, a target, a module."""
    before = "".join(f"{part.text}." for part in path.parts[:-1])
    match above:
        case (*_, syntax.Import()):
            return _modules(typing, before)
        case (*_, syntax.Local() | syntax.Clauses()):
            return _targets(typing, before)
        case (*_, syntax.Cast()):
            local = (offer for offer, value in offers.local_names(typing) if isinstance(value, DTypeValue))
            return (*(offer._replace(fit=0) for offer in local), *offers.dtypes())
        case _ if before:
            target = modules.imported_names(typing.db, typing.cursor.file).get(before[:-1])
            return offers.members(typing, Module(target.file) if target is not None else None)
        case (*_, owner, syntax.Type(), syntax.TensorType()):
            return _types(typing, owner)
        case _:
            return _types(typing, None)


def _named_value(typing: Typing, node: syntax.Expression) -> Value | None:
    """The value of a name, where no type was inferred for it."""
    if not isinstance(node, syntax.Name):
        return None
    entity = typing.seen.names.get(node.text)
    if entity is not None:
        return typing.seen.value(entity)
    found = (value for offer, value in offers.file_names(typing) if offer.label == node.text)
    return next(found, None)


# ------------------------------------------------------------------------------------------------------------- imports


def _modules(typing: Typing, before: str) -> Iterator[Offer]:
    """The modules whose paths begin so."""
    db, file = typing.db, typing.cursor.file
    root = modules.root(db, file)
    paths = [f"std.{name}" for name in modules.std_modules()]
    for other in typing.others:
        path = modules.module_name(db, other)
        if other != file and modules.module_file(root, path) == other:
            paths.append(path)
    for path in paths:
        if path.startswith(before):
            entity = Entity(EntityKind.MODULE, path, modules.module_file(root, path))
            near = offers.ELSEWHERE if path.startswith("std.") else offers.OWN
            yield Offer(path.removeprefix(before), entity, text=path.removeprefix(before), near=near)


def _imported(typing: Typing, node: syntax.Import) -> Iterator[Offer]:
    """The names of a module that its import does not list yet."""
    file = modules.module_file(modules.root(typing.db, typing.cursor.file), node.path.text)
    listed = {item.name.text for item in node.names or ()}
    for name, keyword in modules.offered(typing.db, file).items():
        if name not in listed:
            yield Offer(name, Entity(EntityKind(keyword), name, file, name), text=name)


# ----------------------------------------------------------------------------------------------------------- arguments


def _call_arguments(typing: Typing, node: syntax.Call) -> Iterable[Offer]:
    """What may stand among the arguments of a call: names of parameters too, where no name is given yet."""
    callee = node.callee.text if isinstance(node.callee, syntax.Name) else ""
    by_name = isinstance(typing.cursor.path[-2], syntax.Argument) and typing.cursor.previous in ("(", ",")
    key = _setting_key(typing.cursor.path)
    if key == "weights":
        takes = loading.LOAD if callee == "load" else loading.INIT
        return _options(typing, node, takes) if by_name else ()
    if key == "precision" or _in_policy(typing.cursor.path):
        maker = policies.MAKERS.get(callee)
        return _options(typing, node, maker.takes if maker is not None else ()) if by_name else offers.dtypes()
    if callee in initialisers.INITIALISERS and any(isinstance(item, syntax.Param) for item in typing.cursor.path):
        return _options(typing, node, initialisers.INITIALISERS[callee]) if by_name else _expression(typing)
    return (*(_named_arguments(typing) if by_name else ()), *_expression(typing))


def _in_policy(path: tuple[syntax.Node, ...]) -> bool:
    return any(
        isinstance(above, syntax.Local | syntax.Clauses) and above.precision is node for above, node in pairwise(path)
    )


def _options(typing: Typing, node: syntax.Call, names: Iterable[str]) -> Iterator[Offer]:
    given = {item.name.text for item in node.arguments if item.name is not None}
    for rank, name in enumerate(names):
        if name not in given:
            yield Offer(f"{name} =", Entity(EntityKind.SETTING, name), text=f"{name} = ", fit=0, near=rank)


def _named_arguments(typing: Typing) -> Iterator[Offer]:
    """The parameters that have no argument yet, by name."""
    called = called_at(typing.db, typing.cursor, typing.seen)
    if called is None:
        return
    signature = called.signature
    for parameter in signature.parameters:
        if parameter.name not in called.taken:
            entity = Entity(EntityKind.PARAMETER, parameter.name, signature.file, signature.key, parameter.span)
            detail = str(called.fit.substitution.value(parameter.type))
            yield Offer(f"{parameter.name} =", entity, detail, f"{parameter.name} = ", fit=0, near=ARGUMENT)


# -------------------------------------------------------------------------------------------------------------- deploys


def _setting_key(path: Iterable[syntax.Node]) -> str | None:
    """The key of the deploy's setting that a path leads through."""
    inside = False
    for node in path:
        inside = inside or isinstance(node, syntax.Deploy)
        if inside and isinstance(node, syntax.Setting):
            return node.key.text
    return None


def _keys(typing: Typing, above: tuple[syntax.Node, ...]) -> Iterator[Offer]:
    """The keys of a map: a deploy's settings, the sizes of its model."""
    given = {item.key.text for node in above[-1:] if isinstance(node, syntax.Map) for item in node.settings}
    match above:
        case (syntax.Deploy(), syntax.Map()):
            names: tuple[str, ...] = deploys.SETTINGS
            kind = EntityKind.SETTING
        case (syntax.Deploy() as node, syntax.Map(), syntax.Setting(key=key), syntax.Map()) if key.text == "dims":
            model = typing.seen.survey.types.get(node.model.span)
            signature = queries.signature(typing.db, model.file, model.name) if isinstance(model, Reference) else None
            names = deploys.sizes_of(signature) if signature is not None else ()
            kind = EntityKind.SIZE
        case (syntax.Deploy(), *_):
            names, kind = ("parts", "axis"), EntityKind.SETTING
        case _:
            return
    for rank, name in enumerate(names):
        if name not in given:
            yield Offer(name, Entity(kind, name), text=f"{name}: ", near=rank)


def _setting_value(typing: Typing, node: syntax.Setting) -> Iterable[Offer]:
    match _setting_key(typing.cursor.path):
        case "weights":
            snippets = {"load": 'load("$1")', "init": "init(seed = ${1:0})"}
            return [
                Offer(name, Entity(EntityKind.BUILTIN, name), text=name, snippet=snippet)
                for name, snippet in snippets.items()
            ]
        case "precision":
            return _policies()
        case "target":
            return _targets(typing, "")
        case _:
            return () if node.key.text == "dims" else _expression(typing)


def _policies() -> Iterator[Offer]:
    return offers.language_names(clauses.NAMED, EntityKind.POLICY)


def _targets(typing: Typing, before: str) -> Iterator[Offer]:
    for name in known(typing.db, typing.cursor.file):
        if name.startswith(before):
            rest = name.removeprefix(before)
            yield Offer(rest, Entity(EntityKind.TARGET, name), text=rest)


def _dotted(node: syntax.Expression) -> str | None:
    match node:
        case syntax.Name(text=text):
            return text
        case syntax.Attribute(base=base, name=name):
            before = _dotted(base)
            return f"{before}.{name.text}" if before is not None else None
        case _:
            return None
