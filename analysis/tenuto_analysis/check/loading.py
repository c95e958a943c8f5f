"""The `weights:` of a deploy: what `load(...)` and `init(...)` may say."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis import modules
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import Diagnostic
from tenuto_analysis.diagnostics.calls import DuplicateArgument, UnexpectedArgument
from tenuto_analysis.diagnostics.deploys import InvalidSetting
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.weights import (
    Checkpoint,
    Drawn,
    Header,
    Rule,
    WeightsSetting,
    is_pattern,
    rules_of,
    variables,
    weights_header,
)
from tenuto_grammar import syntax

LOAD = ("file", "prefix", "rename", "transpose", "split", "concat", "unused")
INIT = ("seed",)

_PATTERN = "a name of a tensor, in which `{i}` stands for any one part: `layer.{i}.query`"


def setting_of(db: Database, file: str, key: str) -> WeightsSetting | None:
    """The `weights:` of a deploy, None where it says none that can be read."""
    value = _written(db, file, key)
    return read(value)[0] if value is not None else None


@query
def weights_files(db: Database, file: str) -> tuple[str, ...]:
    """The files of weights that a source file's deploys name: those whose headers a check wants."""
    settings = (setting_of(db, file, key) for key, keyword in modules.keys(db, file) if keyword == "deploy")
    found = (modules.data_file(file, item.file) for item in settings if isinstance(item, Checkpoint))
    return tuple(dict.fromkeys(found))


def known_file(db: Database, file: str, key: str) -> tuple[Checkpoint, Header] | None:
    """The file of weights that a deploy names, with its header, if that is known."""
    setting = setting_of(db, file, key)
    header = weights_header(db, modules.data_file(file, setting.file)) if isinstance(setting, Checkpoint) else None
    return (setting, header) if isinstance(setting, Checkpoint) and header is not None else None


def read(node: syntax.Expression | syntax.Range) -> tuple[WeightsSetting | None, tuple[Diagnostic, ...]]:
    """What the value of a `weights:` says, None where it says nothing; and what is wrong with its form."""
    found: list[Diagnostic] = []
    match node:
        case syntax.Missing():
            return None, ()
        case syntax.String(span=span, value=file):
            return Checkpoint(span, file), ()
        case syntax.Call(callee=syntax.Name(text="load"), arguments=arguments):
            return _load(node, _named("load", LOAD, arguments, found), found), tuple(found)
        case syntax.Call(callee=syntax.Name(text="init"), arguments=arguments):
            return _init(_named("init", INIT, arguments, found), found), tuple(found)
        case _:
            reason = 'write a file\'s name, `load("file", ...)` or `init(seed = 0)`'
            return None, (InvalidSetting(node.span, "weights", reason),)


def _written(db: Database, file: str, key: str) -> syntax.Expression | syntax.Range | None:
    node = modules.declaration(db, file, key)
    if not isinstance(node, syntax.Deploy):
        return None
    return next((item.value for item in node.settings.settings if item.key.text == "weights"), None)


def _named(
    callee: str, takes: tuple[str, ...], arguments: tuple[syntax.Argument, ...], found: list[Diagnostic]
) -> dict[str, syntax.Expression]:
    """The arguments by name; the first may stand without one."""
    given: dict[str, syntax.Expression] = {}
    for index, argument in enumerate(arguments):
        name = argument.name.text if argument.name is not None else takes[0] if index == 0 else None
        span = argument.name.span if argument.name is not None else argument.span
        if name is None or name not in takes:
            found.append(UnexpectedArgument(span, callee, name, takes, nearest(name, takes) if name else ()))
        elif name in given:
            found.append(DuplicateArgument(span, name))
        else:
            given[name] = argument.value
    return given


def _init(given: dict[str, syntax.Expression], found: list[Diagnostic]) -> Drawn | None:
    match given.get("seed"):
        case None:
            return Drawn(0)
        case syntax.Missing():
            return None
        case syntax.Integer(value=seed):
            return Drawn(seed)
        case other:
            found.append(InvalidSetting(other.span, "seed", "write an integer of at least 0"))
            return None


def _load(call: syntax.Call, given: dict[str, syntax.Expression], found: list[Diagnostic]) -> Checkpoint | None:
    file = given.get("file")
    if file is None:
        found.append(InvalidSetting(call.span, "weights", '`load` needs a file: `load("model.safetensors")`'))
        return None
    name = _string(file, "file", "write the file's name in quotes", found)
    prefix = given.get("prefix")
    checkpoint = Checkpoint(
        file.span,
        name or "",
        "" if prefix is None else _string(prefix, "prefix", 'write text in quotes: `"model.encoder."`', found) or "",
        tuple(_renames(given.get("rename"), found)),
        tuple(_names("transpose", given.get("transpose"), found)),
        tuple(_many("split", given.get("split"), found)),
        tuple(_many("concat", given.get("concat"), found)),
        tuple(_names("unused", given.get("unused"), found)),
    )
    for argument, rules in rules_of(checkpoint):
        found += (problem for rule in rules for problem in _unbound(argument, rule))
    return checkpoint if name and not found else None


def _string(node: syntax.Expression, argument: str, reason: str, found: list[Diagnostic]) -> str | None:
    match node:
        case syntax.String(value=value):
            return value
        case syntax.Missing():
            return None
        case _:
            found.append(InvalidSetting(node.span, argument, reason))
            return None


def _pattern(node: syntax.Expression | syntax.Range, argument: str, found: list[Diagnostic]) -> str | None:
    match node:
        case syntax.String(value=value) if is_pattern(value):
            return value
        case syntax.Missing():
            return None
        case _:
            found.append(InvalidSetting(node.span, argument, f"write {_PATTERN}"))
            return None


def _names(argument: str, node: syntax.Expression | None, found: list[Diagnostic]) -> Iterator[Rule]:
    """`unused = ["a", "b.{i}"]`."""
    match node:
        case None | syntax.Missing():
            pass
        case syntax.ListLiteral(items=items):
            for item in items:
                pattern = _pattern(item, argument, found)
                if pattern is not None:
                    yield Rule(item.span, (pattern,))
        case _:
            found.append(InvalidSetting(node.span, argument, f"write a list of names: `{argument} = [...]`"))


def _renames(node: syntax.Expression | None, found: list[Diagnostic]) -> Iterator[Rule]:
    """`rename = { "a.{i}": "b.{i}" }`."""
    for item in _entries("rename", node, '{ "encoder.layer.{i}": "layer.{i}" }', found):
        key, path = _key("rename", item, found), _pattern(item.value, "rename", found)
        if key is not None and path is not None:
            yield Rule(item.key.span, (key,), (path,))


def _many(argument: str, node: syntax.Expression | None, found: list[Diagnostic]) -> Iterator[Rule]:
    """`split = { "qkv": ["q", "k", "v"] }`, with an axis `{ "qkv": { parts: ["q", "k", "v"], axis: 1 } }`."""
    for item in _entries(argument, node, '{ "qkv": ["q", "k", "v"] }', found):
        key = _key(argument, item, found)
        parts, axis = _parts(argument, item.value, found)
        if key is None or not parts:
            continue
        if argument == "split":
            yield Rule(item.key.span, (key,), parts, axis)
        else:
            yield Rule(item.key.span, parts, (key,), axis)


def _parts(
    argument: str, node: syntax.Expression | syntax.Range, found: list[Diagnostic]
) -> tuple[tuple[str, ...], int]:
    """The names of the parts, none where something is wrong with one; and the axis."""
    match node:
        case syntax.ListLiteral(items=items) if items:
            patterns = [_pattern(item, argument, found) for item in items]
            parts = tuple(pattern for pattern in patterns if pattern is not None)
            return (parts if len(parts) == len(patterns) else ()), 0
        case syntax.Map(settings=settings):
            values = {item.key.text: item.value for item in settings}
            axis = values.pop("axis", None)
            inner = values.pop("parts", None)
            if not values and isinstance(inner, syntax.ListLiteral) and isinstance(axis, syntax.Integer | None):
                return _parts(argument, inner, found)[0], 0 if axis is None else axis.value
        case syntax.Missing():
            return (), 0
        case _:
            pass
    reason = 'write the parts\' names, `["q", "k", "v"]`, or with an axis, `{ parts: ["q", "k", "v"], axis: 1 }`'
    found.append(InvalidSetting(node.span, argument, reason))
    return (), 0


def _entries(
    argument: str, node: syntax.Expression | None, example: str, found: list[Diagnostic]
) -> Iterator[syntax.Setting]:
    match node:
        case None | syntax.Missing():
            pass
        case syntax.Map(settings=settings):
            seen: set[str] = set()
            for item in settings:
                if item.key.text in seen:
                    found.append(InvalidSetting(item.key.span, argument, f"`{item.key.text}` stands here twice"))
                elif item.key.text:
                    seen.add(item.key.text)
                    yield item
        case _:
            found.append(InvalidSetting(node.span, argument, f"write names in braces: `{argument} = {example}`"))


def _key(argument: str, item: syntax.Setting, found: list[Diagnostic]) -> str | None:
    if is_pattern(item.key.text):
        return item.key.text
    found.append(InvalidSetting(item.key.span, argument, f"write {_PATTERN}"))
    return None


def _unbound(argument: str, rule: Rule) -> Iterator[Diagnostic]:
    """Variables of the model's names that the file's names do not give."""
    for stored in rule.stored:
        unknown = sorted(frozenset[str]().union(*map(variables, rule.paths)) - variables(stored))
        if unknown:
            names = " and ".join(f"`{{{name}}}`" for name in unknown)
            yield InvalidSetting(rule.span, argument, f"`{stored}`, a name of the file, does not say what {names} is")
            return
