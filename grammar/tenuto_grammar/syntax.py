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

from tenuto_grammar.text import Span


class Keyword(Enum):
    """The kind of a definition."""

    FN = "fn"
    MODEL = "model"
    OP = "op"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    span: Span


# -------------------------------------------------------------------------------------------------------------- names


@dataclass(frozen=True, slots=True, eq=False)
class Identifier(Node):
    """A name where it is bound or chosen; `text` is empty where the author has not typed it yet."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Path(Node):
    """`std.nn`, `cpu.x86_64`: names joined by dots."""

    parts: tuple[Identifier, ...]

    @property
    def text(self) -> str:
        return ".".join(part.text for part in self.parts)


# -------------------------------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Integer(Node):
    value: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Float(Node):
    """A float literal, or `inf`."""

    value: float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class String(Node):
    """`value` has its escapes resolved; `text` is as written, with the quotes."""

    value: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Boolean(Node):
    value: bool


@dataclass(frozen=True, slots=True, eq=False)
class NoneLiteral(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Tuple(Node):
    """`(a, b)`; `()` has no items."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Parenthesized(Node):
    """`(a)`: kept so that the formatter loses nothing."""

    inner: Expression


@dataclass(frozen=True, slots=True, eq=False)
class ListLiteral(Node):
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Comprehension(Node):
    """`[element for pattern in iterable]`."""

    element: Expression
    pattern: Pattern
    iterable: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Conditional(Node):
    """`if test then left else right`."""

    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Argument(Node):
    """`value`, or `name = value`."""

    name: Identifier | None
    value: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    callee: Expression
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Subscript(Node):
    """`base[indices]`: generic arguments after a declaration or a type, an index after a value."""

    base: Expression
    indices: tuple[Index, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Attribute(Node):
    base: Expression
    name: Identifier


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    operator: UnaryOperator
    operand: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Node):
    operator: BinaryOperator
    operator_span: Span
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Compare(Node):
    """`a <= b < c`: one more operand than operators."""

    operands: tuple[Expression, ...]
    operators: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Cast(Node):
    """`value as dtype`."""

    value: Expression
    dtype: Path


@dataclass(frozen=True, slots=True, eq=False)
class Pipe(Node):
    """`left |> right`: `left` becomes the first argument of the call `right`."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Range(Node):
    """`low .. high`, both included."""

    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Setting(Node):
    """`key: value` in a map; `quoted` tells `"key"` from `key`."""

    key: Identifier
    quoted: bool
    value: Expression | Range


@dataclass(frozen=True, slots=True, eq=False)
class Map(Node):
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Node):
    start: Expression | None
    stop: Expression | None
    step: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class Ellipsis(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Pack(Node):
    """`..S` or `..broadcast(A, B)`."""

    value: Expression


@dataclass(frozen=True, slots=True, eq=False)
class AnyPack(Node):
    """`..?S`: some shape, a new one for each element of a list."""

    name: Identifier


@dataclass(frozen=True, slots=True, eq=False)
class Exists(Node):
    """`?N`: a size known only at run time."""

    name: Identifier


@dataclass(frozen=True, slots=True, eq=False)
class Named(Node):
    """`name = value` among generic arguments."""

    name: Identifier
    value: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Bounded(Node):
    """`dtype[..] within low .. high` as a generic argument."""

    value: Expression
    within: Range


@dataclass(frozen=True, slots=True, eq=False)
class ModelType(Node):
    """`model(A, B) -> C where (constraints)`."""

    parameters: tuple[Type, ...]
    result: Type
    where: tuple[Expression, ...]


Index = Expression | Slice | Ellipsis | Pack | AnyPack | Exists | Named | Bounded | ModelType

# -------------------------------------------------------------------------------------------------------------- types


@dataclass(frozen=True, slots=True, eq=False)
class TensorType(Node):
    """`path(arguments)[dims]`: a tensor, a named type, a kind such as `dim`; `dims` is None without brackets."""

    path: Path
    arguments: tuple[Argument, ...]
    dims: tuple[Index, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class TupleType(Node):
    items: tuple[Type, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Type(Node):
    """`base within low .. high ?`."""

    base: TensorType | TupleType | ModelType | Missing
    within: Range | None
    optional: bool


# ----------------------------------------------------------------------------------------------------------- patterns


@dataclass(frozen=True, slots=True, eq=False)
class TuplePattern(Node):
    items: tuple[Pattern, ...]


Pattern = Identifier | TuplePattern

# ------------------------------------------------------------------------------------------------------------ clauses


@dataclass(frozen=True, slots=True, eq=False)
class Lowering(Node):
    """`onnx "MatMul"(attribute = value)`; `operator` is None for `onnx rule`."""

    backend: Identifier
    operator: String | None
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Clauses(Node):
    where: tuple[Expression, ...]
    precision: Expression | None
    target: tuple[Path, ...]
    precision_class: Identifier | None
    lower: tuple[Lowering, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Local(Node):
    """The clauses of one statement."""

    precision: Expression | None
    target: tuple[Path, ...]


# --------------------------------------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True, eq=False)
class Param(Node):
    name: Identifier
    type: Type
    init: Expression | None
    local: Local


@dataclass(frozen=True, slots=True, eq=False)
class Sub(Node):
    name: Identifier
    type: Type | None
    value: Expression
    local: Local


@dataclass(frozen=True, slots=True, eq=False)
class Let(Node):
    pattern: Pattern
    type: Type | None
    value: Expression
    local: Local


@dataclass(frozen=True, slots=True, eq=False)
class Var(Node):
    name: Identifier
    type: Type | None
    value: Expression
    local: Local


@dataclass(frozen=True, slots=True, eq=False)
class Assign(Node):
    names: tuple[Identifier, ...]
    value: Expression
    local: Local


@dataclass(frozen=True, slots=True, eq=False)
class Collect(Node):
    name: Identifier
    value: Expression
    local: Local


@dataclass(frozen=True, slots=True, eq=False)
class Return(Node):
    value: Expression
    local: Local


@dataclass(frozen=True, slots=True, eq=False)
class Assert(Node):
    constraint: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Assume(Node):
    constraint: Expression
    why: String | None


@dataclass(frozen=True, slots=True, eq=False)
class Block(Node):
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class For(Node):
    pattern: Pattern
    iterable: Expression
    body: Block


@dataclass(frozen=True, slots=True, eq=False)
class While(Node):
    test: Expression
    body: Block


@dataclass(frozen=True, slots=True, eq=False)
class If(Node):
    test: Expression
    then: Block
    otherwise: Block | If | None


@dataclass(frozen=True, slots=True, eq=False)
class Broken(Node):
    """A stretch of a body that could not be read; already reported."""


Statement = Param | Sub | Let | Var | Assign | Collect | Return | Assert | Assume | For | While | If | Broken

# ------------------------------------------------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True, eq=False)
class Generic(Node):
    """`N`, `..S` (`pack`), `T: floating`, `c: Config = default`."""

    name: Identifier
    pack: bool
    type: Type | None
    default: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class Parameter(Node):
    name: Identifier
    type: Type
    default: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class ImportedName(Node):
    name: Identifier
    alias: Identifier | None


@dataclass(frozen=True, slots=True, eq=False)
class Import(Node):
    """`import path { a, b as c }` (`names`) or `import path as p` (`alias`) or `import path`."""

    path: Path
    names: tuple[ImportedName, ...] | None
    alias: Identifier | None
    doc: str | None


@dataclass(frozen=True, slots=True, eq=False)
class TypeAlias(Node):
    name: Identifier
    generics: tuple[Generic, ...]
    type: Type
    local: Local
    doc: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Field(Node):
    name: Identifier
    type: Type
    default: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class Record(Node):
    name: Identifier
    generics: tuple[Generic, ...]
    fields: tuple[Field, ...]
    doc: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Const(Node):
    name: Identifier
    type: Type | None
    value: Expression
    doc: str | None


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(frozen=True, slots=True, eq=False)
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
