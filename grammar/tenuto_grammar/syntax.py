"""The syntax tree: what a declaration says, before it means anything.

Every node's `span` is relative to the start of the text of its declaration's chunk (see `chunks.py`), so that an edit
elsewhere in the file changes no node. The unions `Declaration`, `Statement`, `Expression`, `Index` and `Type` are
closed: a `match` over one of them is checked for missed cases by mypy. Nodes compare by identity; `same` compares by
content.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from tenuto_grammar.text import Span


class Keyword(Enum):
    """The kind of a definition."""

    FN = "fn"
    MODEL = "model"
    OP = "op"


class Node(Struct, frozen=True, eq=False):
    span: Span


# -------------------------------------------------------------------------------------------------------------- names


class Identifier(Node, frozen=True):
    """A name where it is bound or chosen; `text` is empty where the author has not typed it yet."""

    text: str


class Path(Node, frozen=True):
    """`std.nn`, `cpu.x86_64`: names joined by dots."""

    parts: tuple[Identifier, ...]

    @property
    def text(self) -> str:
        return ".".join(part.text for part in self.parts)


# -------------------------------------------------------------------------------------------------------- expressions


class Name(Node, frozen=True):
    text: str


class Integer(Node, frozen=True):
    value: int
    text: str


class Float(Node, frozen=True):
    """A float literal, or `inf`."""

    value: float
    text: str


class String(Node, frozen=True):
    """`value` has its escapes resolved; `text` is as written, with the quotes."""

    value: str
    text: str


class Boolean(Node, frozen=True):
    value: bool


class NoneLiteral(Node, frozen=True):
    pass


class Tuple(Node, frozen=True):
    """`(a, b)`; `()` has no items."""

    items: tuple[Expression, ...]


class Parenthesized(Node, frozen=True):
    """`(a)`: kept so that the formatter loses nothing."""

    inner: Expression


class ListLiteral(Node, frozen=True):
    items: tuple[Expression, ...]


class Comprehension(Node, frozen=True):
    """`[element for pattern in iterable]`."""

    element: Expression
    pattern: Pattern
    iterable: Expression


class Conditional(Node, frozen=True):
    """`if test then left else right`."""

    test: Expression
    then: Expression
    otherwise: Expression


class Argument(Node, frozen=True):
    """`value`, or `name = value`."""

    name: Identifier | None
    value: Expression


class Call(Node, frozen=True):
    callee: Expression
    arguments: tuple[Argument, ...]


class Subscript(Node, frozen=True):
    """`base[indices]`: generic arguments after a declaration or a type, an index after a value."""

    base: Expression
    indices: tuple[Index, ...]


class Attribute(Node, frozen=True):
    base: Expression
    name: Identifier


class Element(Node, frozen=True):
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


class Unary(Node, frozen=True):
    operator: UnaryOperator
    operand: Expression


class Binary(Node, frozen=True):
    operator: BinaryOperator
    operator_span: Span
    left: Expression
    right: Expression


class Compare(Node, frozen=True):
    """`a <= b < c`: one more operand than operators."""

    operands: tuple[Expression, ...]
    operators: tuple[Comparison, ...]


class Cast(Node, frozen=True):
    """`value as dtype`."""

    value: Expression
    dtype: Path


class Pipe(Node, frozen=True):
    """`left |> right`: `left` becomes the first argument of the call `right`."""

    left: Expression
    right: Expression


class Range(Node, frozen=True):
    """`low .. high`, both included."""

    low: Expression
    high: Expression


class Setting(Node, frozen=True):
    """`key: value` in a map; `quoted` tells `"key"` from `key`."""

    key: Identifier
    quoted: bool
    value: Expression | Range


class Map(Node, frozen=True):
    settings: tuple[Setting, ...]


class Missing(Node, frozen=True):
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


class Slice(Node, frozen=True):
    start: Expression | None
    stop: Expression | None
    step: Expression | None


class Ellipsis(Node, frozen=True):
    pass


class Pack(Node, frozen=True):
    """`..S` or `..broadcast(A, B)`."""

    value: Expression


class AnyPack(Node, frozen=True):
    """`..?S`: some shape, a new one for each element of a list."""

    name: Identifier


class Exists(Node, frozen=True):
    """`?N`: a size known only at run time."""

    name: Identifier


class Named(Node, frozen=True):
    """`name = value` among generic arguments."""

    name: Identifier
    value: Expression


class Bounded(Node, frozen=True):
    """`dtype[..] within low .. high` as a generic argument."""

    value: Expression
    within: Range


class ModelType(Node, frozen=True):
    """`model(A, B) -> C where (constraints)`."""

    parameters: tuple[Type, ...]
    result: Type
    where: tuple[Expression, ...]


Index = Expression | Slice | Ellipsis | Pack | AnyPack | Exists | Named | Bounded | ModelType

# -------------------------------------------------------------------------------------------------------------- types


class TensorType(Node, frozen=True):
    """`path(arguments)[dims]`: a tensor, a named type, a kind such as `dim`; `dims` is None without brackets."""

    path: Path
    arguments: tuple[Argument, ...]
    dims: tuple[Index, ...] | None


class TupleType(Node, frozen=True):
    items: tuple[Type, ...]


class Type(Node, frozen=True):
    """`base within low .. high ?`."""

    base: TensorType | TupleType | ModelType | Missing
    within: Range | None
    optional: bool


# ----------------------------------------------------------------------------------------------------------- patterns


class TuplePattern(Node, frozen=True):
    items: tuple[Pattern, ...]


Pattern = Identifier | TuplePattern

# ------------------------------------------------------------------------------------------------------------ clauses


class Lowering(Node, frozen=True):
    """`onnx "MatMul"(attribute = value)`; `operator` is None for `onnx rule`."""

    backend: Identifier
    operator: String | None
    arguments: tuple[Argument, ...]


class Clauses(Node, frozen=True):
    where: tuple[Expression, ...]
    precision: Expression | None
    target: tuple[Path, ...]
    precision_class: Identifier | None
    lower: tuple[Lowering, ...]


class Local(Node, frozen=True):
    """The clauses of one statement."""

    precision: Expression | None
    target: tuple[Path, ...]


# --------------------------------------------------------------------------------------------------------- statements


class Param(Node, frozen=True):
    name: Identifier
    type: Type
    init: Expression | None
    local: Local


class Sub(Node, frozen=True):
    name: Identifier
    type: Type | None
    value: Expression
    local: Local


class Let(Node, frozen=True):
    pattern: Pattern
    type: Type | None
    value: Expression
    local: Local


class Var(Node, frozen=True):
    name: Identifier
    type: Type | None
    value: Expression
    local: Local


class Assign(Node, frozen=True):
    names: tuple[Identifier, ...]
    value: Expression
    local: Local


class Collect(Node, frozen=True):
    name: Identifier
    value: Expression
    local: Local


class Return(Node, frozen=True):
    value: Expression
    local: Local


class Assert(Node, frozen=True):
    constraint: Expression


class Assume(Node, frozen=True):
    constraint: Expression
    why: String | None


class Block(Node, frozen=True):
    statements: tuple[Statement, ...]


class For(Node, frozen=True):
    pattern: Pattern
    iterable: Expression
    body: Block


class While(Node, frozen=True):
    test: Expression
    body: Block


class If(Node, frozen=True):
    test: Expression
    then: Block
    otherwise: Block | If | None


class Broken(Node, frozen=True):
    """A stretch of a body that could not be read; already reported."""


Statement = Param | Sub | Let | Var | Assign | Collect | Return | Assert | Assume | For | While | If | Broken

# ------------------------------------------------------------------------------------------------------- declarations


class Generic(Node, frozen=True):
    """`N`, `..S` (`pack`), `T: floating`, `c: Config = default`."""

    name: Identifier
    pack: bool
    type: Type | None
    default: Expression | None


class Parameter(Node, frozen=True):
    name: Identifier
    type: Type
    default: Expression | None


class ImportedName(Node, frozen=True):
    name: Identifier
    alias: Identifier | None


class Import(Node, frozen=True):
    """`import path { a, b as c }` (`names`) or `import path as p` (`alias`) or `import path`."""

    path: Path
    names: tuple[ImportedName, ...] | None
    alias: Identifier | None
    doc: str | None


class TypeAlias(Node, frozen=True):
    name: Identifier
    generics: tuple[Generic, ...]
    type: Type
    local: Local
    doc: str | None


class Field(Node, frozen=True):
    name: Identifier
    type: Type
    default: Expression | None


class Record(Node, frozen=True):
    name: Identifier
    generics: tuple[Generic, ...]
    fields: tuple[Field, ...]
    doc: str | None


class Const(Node, frozen=True):
    name: Identifier
    type: Type | None
    value: Expression
    doc: str | None


class Definition(Node, frozen=True):
    """A `fn`, a `model` or an `op`; an `op` has no body, `= expression` is a body that is an expression."""

    keyword: Keyword
    name: Identifier
    generics: tuple[Generic, ...]
    parameters: tuple[Parameter, ...]
    result: Type | None
    clauses: Clauses
    body: Block | Expression | None
    doc: str | None


class Deploy(Node, frozen=True):
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
    for name in node.__struct_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, Node):
                    yield item


def same(left: object, right: object) -> bool:
    """Whether two trees say the same, wherever they stand."""
    if isinstance(left, Span) and isinstance(right, Span):
        return True
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Node) and isinstance(right, Node):
        return type(left) is type(right) and all(
            same(getattr(left, name), getattr(right, name)) for name in left.__struct_fields__
        )
    return left == right
