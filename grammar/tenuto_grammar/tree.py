"""How each rule of the grammar makes its node: one table, from the name of the rule to what builds it.

The children come as the grammar writes them, `None` for an optional part that is absent. Where a node's fields stand
in the order of the rule, the class itself is the entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from tenuto_grammar import syntax
from tenuto_grammar.lr import Make
from tenuto_grammar.syntax import (
    Argument,
    BinaryOperator,
    Block,
    Clauses,
    Comparison,
    Expression,
    Identifier,
    Index,
    Keyword,
    Local,
    Node,
    Path,
    Range,
    String,
    Type,
    UnaryOperator,
)
from tenuto_grammar.text import Span

# ------------------------------------------------------------------------------------------------------- declarations


def _import_names(span: Span, path: Path, *names: syntax.ImportedName) -> syntax.Import:
    return syntax.Import(span, path, names, None, None)


def _import_module(span: Span, path: Path, alias: Identifier | None) -> syntax.Import:
    return syntax.Import(span, path, None, alias, None)


Generics = tuple[syntax.Generic, ...]
Parameters = tuple[syntax.Parameter, ...]


def _type_alias(span: Span, name: Identifier, generics: Generics | None, type: Type, local: Local) -> syntax.TypeAlias:
    return syntax.TypeAlias(span, name, generics or (), type, local, None)


def _record(
    span: Span, name: Identifier, generics: Generics | None, fields: tuple[syntax.Field, ...] | None
) -> syntax.Record:
    return syntax.Record(span, name, generics or (), fields or (), None)


def _const(span: Span, name: Identifier, type: Type | None, value: Expression) -> syntax.Const:
    return syntax.Const(span, name, type, value, None)


def _definition(keyword: Keyword) -> Make:
    def make(
        span: Span,
        name: Identifier,
        generics: Generics | None,
        parameters: Parameters | None,
        result: Type | None,
        clauses: Clauses,
        body: Block | Expression | None = None,
    ) -> syntax.Definition:
        return syntax.Definition(span, keyword, name, generics or (), parameters or (), result, clauses, body, None)

    return make


def _deploy(
    span: Span,
    name: Identifier,
    type: Type | None,
    model: Expression,
    where: tuple[Expression, ...] | None,
    settings: syntax.Map,
) -> syntax.Deploy:
    return syntax.Deploy(span, name, type, model, where or (), settings, None)


def _generic(span: Span, name: Identifier, type: Type | None, default: Expression | None) -> syntax.Generic:
    return syntax.Generic(span, name, False, type, default)


def _generic_pack(span: Span, name: Identifier) -> syntax.Generic:
    return syntax.Generic(span, name, True, None, None)


# ------------------------------------------------------------------------------------------------------------ clauses


def _clauses(
    span: Span,
    where: tuple[Expression, ...] | None,
    precision: Expression | None,
    target: tuple[Path, ...] | None,
    precision_class: Identifier | None,
    lower: tuple[syntax.Lowering, ...] | None,
) -> Clauses:
    return Clauses(span, where or (), precision, target or (), precision_class, lower or ())


def _local(span: Span, precision: Expression | None, target: tuple[Path, ...] | None) -> Local:
    return Local(span, precision, target or ())


Arguments = tuple[Argument, ...]


def _lower_operator(span: Span, backend: Identifier, operator: String, arguments: Arguments | None) -> syntax.Lowering:
    return syntax.Lowering(span, backend, operator, arguments or ())


def _lower_rule(span: Span, backend: Identifier, arguments: Arguments | None) -> syntax.Lowering:
    return syntax.Lowering(span, backend, None, arguments or ())


# --------------------------------------------------------------------------------------------------------- statements


def _block(span: Span, *statements: syntax.Statement) -> Block:
    return Block(span, statements)


def _tuple_pattern(span: Span, *items: syntax.Pattern) -> syntax.TuplePattern:
    return syntax.TuplePattern(span, items)


# -------------------------------------------------------------------------------------------------------------- types


def _type(span: Span, base: BaseType, within: Range | None) -> Type:
    return Type(span, base, within, False)


def _optional_type(span: Span, base: BaseType, within: Range | None) -> Type:
    return Type(span, base, within, True)


BaseType = syntax.TensorType | syntax.TupleType | syntax.ModelType | syntax.Missing


def _tensor_type(
    span: Span, path: Path, arguments: Arguments | None, dims: tuple[Index, ...] | None
) -> syntax.TensorType:
    return syntax.TensorType(span, path, arguments or (), dims)


def _tuple_type(span: Span, *items: Type) -> syntax.TupleType:
    return syntax.TupleType(span, items)


def _model_type(
    span: Span, parameters: tuple[Type, ...] | None, result: Type, where: tuple[Expression, ...] | None
) -> syntax.ModelType:
    return syntax.ModelType(span, parameters or (), result, where or ())


# -------------------------------------------------------------------------------------------------------- expressions


class _Operator(Struct, frozen=True):
    """The text of an operator, on its way into the node; no operator's text where recovery has put one in."""

    span: Span
    text: str


def _or_operator(span: Span, _: str) -> _Operator:
    return _Operator(span, "or")


def _and_operator(span: Span, _: str) -> _Operator:
    return _Operator(span, "and")


def _binary(span: Span, left: Expression, operator: _Operator, right: Expression) -> syntax.Binary:
    return syntax.Binary(span, _BINARY.get(operator.text, BinaryOperator.ADD), operator.span, left, right)


_BINARY = {operator.value: operator for operator in BinaryOperator}
_COMPARISON = {operator.value: operator for operator in Comparison}


def _compare(span: Span, *parts: Expression | _Operator) -> syntax.Compare:
    operands = tuple(part for part in parts if not isinstance(part, _Operator))
    operators = tuple(_COMPARISON.get(part.text, Comparison.EQUAL) for part in parts if isinstance(part, _Operator))
    return syntax.Compare(span, operands, operators)


def _not(span: Span, operand: Expression) -> syntax.Unary:
    return syntax.Unary(span, UnaryOperator.NOT, operand)


def _negate(span: Span, operand: Expression) -> syntax.Unary:
    return syntax.Unary(span, UnaryOperator.NEGATE, operand)


def _call(span: Span, callee: Expression, arguments: Arguments | None) -> syntax.Call:
    return syntax.Call(span, callee, arguments or ())


def _element(span: Span, base: Expression, index: syntax.Integer) -> syntax.Element:
    return syntax.Element(span, base, index.value)


def _argument(span: Span, value: Expression) -> Argument:
    return Argument(span, None, value)


def _tuple(span: Span, *items: Expression) -> syntax.Tuple:
    return syntax.Tuple(span, items)


def _list(span: Span, *items: Expression) -> syntax.ListLiteral:
    return syntax.ListLiteral(span, items)


def _map(span: Span, *settings: syntax.Setting) -> syntax.Map:
    return syntax.Map(span, settings)


def _setting(span: Span, key: Identifier, value: Expression | Range) -> syntax.Setting:
    return syntax.Setting(span, key, False, value)


def _quoted_setting(span: Span, key: String, value: Expression | Range) -> syntax.Setting:
    return syntax.Setting(span, Identifier(key.span, key.value), True, value)


# ------------------------------------------------------------------------------------------------------------- leaves


def _true(span: Span) -> syntax.Boolean:
    return syntax.Boolean(span, True)


def _false(span: Span) -> syntax.Boolean:
    return syntax.Boolean(span, False)


def _infinity(span: Span) -> syntax.Float:
    return syntax.Float(span, float("inf"), "inf")


def _integer(span: Span, text: str) -> syntax.Integer:
    return syntax.Integer(span, int(text.replace("_", "")), text)


def _float(span: Span, text: str) -> syntax.Float:
    return syntax.Float(span, float(text.replace("_", "")), text)


def _string(span: Span, text: str) -> String:
    return String(span, _ESCAPE.sub(_unescaped, text[1:-1]) if "\\" in text else text[1:-1], text)


_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _ESCAPES.get(match[3], match[3])


def _missing(span: Span, _: str) -> syntax.Missing:
    return syntax.Missing(span)


def _broken(span: Span, _: str) -> syntax.Broken:
    return syntax.Broken(span)


def _path(span: Span, *parts: Identifier) -> Path:
    return Path(span, parts)


def _items(_: Span, *items: Node) -> tuple[Node, ...]:
    return items


# ---------------------------------------------------------------------------------------------------------- the table

MAKERS: Mapping[str, Make] = {
    # declarations
    "import_names": _import_names,
    "import_module": _import_module,
    "imported_name": syntax.ImportedName,
    "type_alias": _type_alias,
    "record": _record,
    "fields": _items,
    "field": syntax.Field,
    "const": _const,
    "fn": _definition(Keyword.FN),
    "model": _definition(Keyword.MODEL),
    "op": _definition(Keyword.OP),
    "deploy": _deploy,
    "generics": _items,
    "generic": _generic,
    "generic_pack": _generic_pack,
    "parameters": _items,
    "parameter": syntax.Parameter,
    # clauses
    "clauses": _clauses,
    "local": _local,
    "where": _items,
    "target": _items,
    "lower": _items,
    "lower_operator": _lower_operator,
    "lower_rule": _lower_rule,
    # statements
    "block": _block,
    "broken": _broken,
    "param": syntax.Param,
    "sub": syntax.Sub,
    "let": syntax.Let,
    "var": syntax.Var,
    "assign": syntax.Assign,
    "names": _items,
    "collect": syntax.Collect,
    "return": syntax.Return,
    "assert": syntax.Assert,
    "assume": syntax.Assume,
    "for": syntax.For,
    "while": syntax.While,
    "if": syntax.If,
    "tuple_pattern": _tuple_pattern,
    # types
    "type": _type,
    "optional_type": _optional_type,
    "tensor_type": _tensor_type,
    "tuple_type": _tuple_type,
    "model_type": _model_type,
    "types": _items,
    "constraints": _items,
    "dimensions": _items,
    "bounded": syntax.Bounded,
    "pack": syntax.Pack,
    "any_pack": syntax.AnyPack,
    "exists": syntax.Exists,
    "named": syntax.Named,
    "range": Range,
    # expressions
    "pipe": syntax.Pipe,
    "binary": _binary,
    "compare": _compare,
    "not": _not,
    "negate": _negate,
    "cast": syntax.Cast,
    "call": _call,
    "subscript": syntax.Subscript,
    "attribute": syntax.Attribute,
    "element": _element,
    "or_operator": _or_operator,
    "and_operator": _and_operator,
    "comparison_operator": _Operator,
    "sum_operator": _Operator,
    "product_operator": _Operator,
    "power_operator": _Operator,
    "arguments": _items,
    "argument": _argument,
    "named_argument": Argument,
    "indices": _items,
    "ellipsis": syntax.Ellipsis,
    "slice": syntax.Slice,
    "true": _true,
    "false": _false,
    "none": syntax.NoneLiteral,
    "infinity": _infinity,
    "tuple": _tuple,
    "parenthesized": syntax.Parenthesized,
    "list": _list,
    "comprehension": syntax.Comprehension,
    "conditional": syntax.Conditional,
    "map": _map,
    "setting": _setting,
    "quoted_setting": _quoted_setting,
    # leaves
    "path": _path,
    "name": syntax.Name,
    "identifier": Identifier,
    "field_name": Identifier,
    "integer": _integer,
    "float": _float,
    "string": _string,
    "missing": _missing,
}


def too_deep(value: object) -> object:
    """What stands for a node under which too many others lie."""
    if isinstance(value, syntax.Map):
        return syntax.Map(value.span, ())
    if isinstance(value, Expression | BaseType):
        return syntax.Missing(value.span)
    if isinstance(value, syntax.Statement):
        return syntax.Broken(value.span)
    return value
