"""The syntax tree: what a declaration says, before it means anything.

Every node's `span` is relative to the start of the text of its declaration's chunk (see `chunks.py`), so that an edit
elsewhere in the file changes no node. The unions `Declaration`, `Statement`, `Expression`, `Index` and `Type` are
closed: a `match` over one of them is checked for missed cases by mypy. Nodes compare by identity; `same` compares by
content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum
from typing import TypeVar, dataclass_transform

from tenuto_grammar.text import Span


class Keyword(Enum):
    """The kind of a definition."""

    FN = "fn"
    MODEL = "model"
    OP = "op"


_Class = TypeVar("_Class")


@dataclass_transform(eq_default=False, frozen_default=True)
def node(cls: type[_Class]) -> type[_Class]:
    """A dataclass that mypy holds to be frozen. It is not frozen at run time, as that makes trees slower to build."""
    return dataclass(slots=True, eq=False)(cls)


@node
class Node:
    span: Span


# -------------------------------------------------------------------------------------------------------------- names


@node
class Identifier(Node):
    """A name where it is bound or chosen; `text` is empty where the author has not typed it yet."""

    text: str


@node
class Path(Node):
    """`std.nn`, `cpu.x86_64`: names joined by dots."""

    parts: tuple[Identifier, ...]

    @property
    def text(self) -> str:
        return ".".join(part.text for part in self.parts)


# -------------------------------------------------------------------------------------------------------- expressions


@node
class Name(Node):
    text: str


@node
class Integer(Node):
    value: int
    text: str


@node
class Float(Node):
    """A float literal, or `inf`."""

    value: float
    text: str


@node
class String(Node):
    """`value` has its escapes resolved; `text` is as written, with the quotes."""

    value: str
    text: str


@node
class Boolean(Node):
    value: bool


@node
class NoneLiteral(Node):
    pass


@node
class Tuple(Node):
    """`(a, b)`; `()` has no items."""

    items: tuple[Expression, ...]


@node
class Parenthesized(Node):
    """`(a)`: kept so that the formatter loses nothing."""

    inner: Expression


@node
class ListLiteral(Node):
    items: tuple[Expression, ...]


@node
class Comprehension(Node):
    """`[element for pattern in iterable]`."""

    element: Expression
    pattern: Pattern
    iterable: Expression


@node
class Conditional(Node):
    """`if test then left else right`."""

    test: Expression
    then: Expression
    otherwise: Expression


@node
class Argument(Node):
    """`value`, or `name = value`."""

    name: Identifier | None
    value: Expression


@node
class Call(Node):
    callee: Expression
    arguments: tuple[Argument, ...]


@node
class Subscript(Node):
    """`base[indices]`: generic arguments after a declaration or a type, an index after a value."""

    base: Expression
    indices: tuple[Index, ...]


@node
class Attribute(Node):
    base: Expression
    name: Identifier


@node
class Element(Node):
    """`t.0`."""

    base: Expression
    index: int


class UnaryOperator(Enum):
    NEGATE = "-"
    NOT = "not"


class BinaryOperator(Enum):
    OR = "or"
    AND = "and"
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    FLOOR_DIVIDE = "//"
    MODULO = "%"
    MATMUL = "@"
    POWER = "**"


class Comparison(Enum):
    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="


@node
class Unary(Node):
    operator: UnaryOperator
    operand: Expression


@node
class Binary(Node):
    operator: BinaryOperator
    operator_span: Span
    left: Expression
    right: Expression


@node
class Compare(Node):
    """`a <= b < c`: one more operand than operators."""

    operands: tuple[Expression, ...]
    operators: tuple[Comparison, ...]


@node
class Cast(Node):
    """`value as dtype`."""

    value: Expression
    dtype: Path


@node
class Pipe(Node):
    """`left |> right`: `left` becomes the first argument of the call `right`."""

    left: Expression
    right: Expression


@node
class Range(Node):
    """`low .. high`, both included."""

    low: Expression
    high: Expression


@node
class Setting(Node):
    """`key: value` in a map; `quoted` tells `"key"` from `key`."""

    key: Identifier
    quoted: bool
    value: Expression | Range


@node
class Map(Node):
    settings: tuple[Setting, ...]


@node
class Missing(Node):
    """An expression or a type that the text lacks, or one that could not be read; already reported."""


Expression = (
    Name
    | Integer
    | Float
    | String
    | Boolean
    | NoneLiteral
    | Tuple
    | Parenthesized
    | ListLiteral
    | Comprehension
    | Conditional
    | Call
    | Subscript
    | Attribute
    | Element
    | Unary
    | Binary
    | Compare
    | Cast
    | Pipe
    | Map
    | Missing
)

# -------------------------------------------------------------------------------------------- what stands in brackets


@node
class Slice(Node):
    start: Expression | None
    stop: Expression | None
    step: Expression | None


@node
class Ellipsis(Node):
    pass


@node
class Pack(Node):
    """`..S` or `..broadcast(A, B)`."""

    value: Expression


@node
class AnyPack(Node):
    """`..?S`: some shape, a new one for each element of a list."""

    name: Identifier


@node
class Exists(Node):
    """`?N`: a size known only at run time."""

    name: Identifier


@node
class Named(Node):
    """`name = value` among generic arguments."""

    name: Identifier
    value: Expression


@node
class Bounded(Node):
    """`dtype[..] within low .. high` as a generic argument."""

    value: Expression
    within: Range


@node
class ModelType(Node):
    """`model(A, B) -> C where (constraints)`."""

    parameters: tuple[Type, ...]
    result: Type
    where: tuple[Expression, ...]


Index = Expression | Slice | Ellipsis | Pack | AnyPack | Exists | Named | Bounded | ModelType

# -------------------------------------------------------------------------------------------------------------- types


@node
class TensorType(Node):
    """`path(arguments)[dims]`: a tensor, a named type, a kind such as `dim`; `dims` is None without brackets."""

    path: Path
    arguments: tuple[Argument, ...]
    dims: tuple[Index, ...] | None


@node
class TupleType(Node):
    items: tuple[Type, ...]


@node
class Type(Node):
    """`base within low .. high ?`."""

    base: TensorType | TupleType | ModelType | Missing
    within: Range | None
    optional: bool


# ----------------------------------------------------------------------------------------------------------- patterns


@node
class TuplePattern(Node):
    items: tuple[Pattern, ...]


Pattern = Identifier | TuplePattern

# ------------------------------------------------------------------------------------------------------------ clauses


@node
class Lowering(Node):
    """`onnx "MatMul"(attribute = value)`; `operator` is None for `onnx rule`."""

    backend: Identifier
    operator: String | None
    arguments: tuple[Argument, ...]


@node
class Clauses(Node):
    where: tuple[Expression, ...]
    precision: Expression | None
    target: tuple[Path, ...]
    precision_class: Identifier | None
    lower: tuple[Lowering, ...]


@node
class Local(Node):
    """The clauses of one statement."""

    precision: Expression | None
    target: tuple[Path, ...]


# --------------------------------------------------------------------------------------------------------- statements


@node
class Param(Node):
    name: Identifier
    type: Type
    init: Expression | None
    local: Local


@node
class Sub(Node):
    name: Identifier
    type: Type | None
    value: Expression
    local: Local


@node
class Let(Node):
    pattern: Pattern
    type: Type | None
    value: Expression
    local: Local


@node
class Var(Node):
    name: Identifier
    type: Type | None
    value: Expression
    local: Local


@node
class Assign(Node):
    names: tuple[Identifier, ...]
    value: Expression
    local: Local


@node
class Collect(Node):
    name: Identifier
    value: Expression
    local: Local


@node
class Return(Node):
    value: Expression
    local: Local


@node
class Assert(Node):
    constraint: Expression


@node
class Assume(Node):
    constraint: Expression
    why: String | None


@node
class Block(Node):
    statements: tuple[Statement, ...]


@node
class For(Node):
    pattern: Pattern
    iterable: Expression
    body: Block


@node
class While(Node):
    test: Expression
    body: Block


@node
class If(Node):
    test: Expression
    then: Block
    otherwise: Block | If | None


@node
class Broken(Node):
    """A stretch of a body that could not be read; already reported."""


Statement = Param | Sub | Let | Var | Assign | Collect | Return | Assert | Assume | For | While | If | Broken

# ------------------------------------------------------------------------------------------------------- declarations


@node
class Generic(Node):
    """`N`, `..S` (`pack`), `T: floating`, `c: Config = default`."""

    name: Identifier
    pack: bool
    type: Type | None
    default: Expression | None


@node
class Parameter(Node):
    name: Identifier
    type: Type
    default: Expression | None


@node
class ImportedName(Node):
    name: Identifier
    alias: Identifier | None


@node
class Import(Node):
    """`import path { a, b as c }` (`names`) or `import path as p` (`alias`) or `import path`."""

    path: Path
    names: tuple[ImportedName, ...] | None
    alias: Identifier | None
    doc: str | None


@node
class TypeAlias(Node):
    name: Identifier
    generics: tuple[Generic, ...]
    type: Type
    local: Local
    doc: str | None


@node
class Field(Node):
    name: Identifier
    type: Type
    default: Expression | None


@node
class Record(Node):
    name: Identifier
    generics: tuple[Generic, ...]
    fields: tuple[Field, ...]
    doc: str | None


@node
class Const(Node):
    name: Identifier
    type: Type | None
    value: Expression
    doc: str | None


@node
class Definition(Node):
    """A `fn`, a `model` or an `op`; an `op` has no body, `= expression` is a body that is an expression."""

    keyword: Keyword
    name: Identifier
    generics: tuple[Generic, ...]
    parameters: tuple[Parameter, ...]
    result: Type | None
    clauses: Clauses
    body: Block | Expression | None
    doc: str | None


@node
class Deploy(Node):
    name: Identifier
    type: Type | None
    model: Expression
    where: tuple[Expression, ...]
    settings: Map
    doc: str | None


Declaration = Import | TypeAlias | Record | Const | Definition | Deploy


# -------------------------------------------------------------------------------------------------------------- walks


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in the order of the fields."""
    for name in _field_names(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, Node):
                    yield item


_FIELD_NAMES: dict[type[Node], tuple[str, ...]] = {}


def _field_names(kind: type[Node]) -> tuple[str, ...]:
    names = _FIELD_NAMES.get(kind)
    if names is None:
        names = _FIELD_NAMES[kind] = tuple(field.name for field in fields(kind))
    return names


def same(left: object, right: object) -> bool:
    """Whether two trees say the same, wherever they stand."""
    if isinstance(left, Span) and isinstance(right, Span):
        return True
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Node) and isinstance(right, Node):
        return type(left) is type(right) and all(
            same(getattr(left, field.name), getattr(right, field.name)) for field in fields(left)
        )
    return left == right
