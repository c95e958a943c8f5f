"""From types and expressions to documents: where each may break. What stands around them is `layout.py`'s."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tenuto_grammar import syntax
from tenuto_grammar.documents import LINE, NOTHING, SOFT_LINE, SPACE, Document, group, indent, several
from tenuto_grammar.syntax import BinaryOperator
from tenuto_grammar.taker import Taker, bracketed, listed

# -------------------------------------------------------------------------------------------------------------- types


def lay_out_type(taker: Taker, node: syntax.Type) -> Document:
    parts = [_base_type(taker, node.base)]
    if node.within is not None:
        parts += [SPACE, taker.take(), SPACE, _range(taker, node.within)]
    if node.optional:
        parts.append(taker.take())
    return several(*parts)


def _base_type(
    taker: Taker, node: syntax.TensorType | syntax.TupleType | syntax.ModelType | syntax.Missing
) -> Document:
    match node:
        case syntax.TensorType():
            path = lay_out_path(taker, node.path)
            arguments = lay_out_arguments(taker, node.arguments)
            dims = NOTHING if node.dims is None else bracketed(taker, node.dims, _index)
            return several(path, arguments, dims)
        case syntax.TupleType():
            return bracketed(taker, node.items, lay_out_type)
        case syntax.ModelType():
            return _model_type(taker, node)
        case syntax.Missing():
            raise AssertionError("a declaration with problems is not laid out")


def _model_type(taker: Taker, node: syntax.ModelType) -> Document:
    parts = [taker.take(), bracketed(taker, node.parameters, lay_out_type)]
    parts += [SPACE, taker.take(), SPACE, lay_out_type(taker, node.result)]
    if node.where:
        parts += [SPACE, taker.take(), SPACE, taker.take()]
        parts += [group(listed(taker, node.where, lay_out_expression)), taker.take()]
    return several(*parts)


def lay_out_path(taker: Taker, node: syntax.Path) -> Document:
    return several(*(taker.take() for _ in range(2 * len(node.parts) - 1)))


def _range(taker: Taker, node: syntax.Range) -> Document:
    return several(
        lay_out_expression(taker, node.low), SPACE, taker.take(), SPACE, lay_out_expression(taker, node.high)
    )


# -------------------------------------------------------------------------------------------------------- expressions


def lay_out_expression(taker: Taker, node: syntax.Expression) -> Document:
    match node:
        case syntax.Name() | syntax.Integer() | syntax.Float() | syntax.String():
            return taker.take()
        case syntax.Boolean() | syntax.NoneLiteral():
            return taker.take()
        case syntax.Tuple() | syntax.ListLiteral():
            return bracketed(taker, node.items, lay_out_expression)
        case syntax.Parenthesized():
            opening = taker.take()
            inner = indent(SOFT_LINE, lay_out_expression(taker, node.inner), taker.comments_above())
            return group(opening, inner, SOFT_LINE, taker.take())
        case syntax.Comprehension():
            return _comprehension(taker, node)
        case syntax.Conditional():
            test = several(taker.take(), SPACE, lay_out_expression(taker, node.test))
            then = several(LINE, taker.take(), SPACE, lay_out_expression(taker, node.then))
            return group(test, indent(then, LINE, taker.take(), SPACE, lay_out_expression(taker, node.otherwise)))
        case syntax.Call():
            return several(lay_out_expression(taker, node.callee), bracketed(taker, node.arguments, _argument))
        case syntax.Subscript():
            return several(lay_out_expression(taker, node.base), bracketed(taker, node.indices, _index))
        case syntax.Attribute() | syntax.Element():
            return several(lay_out_expression(taker, node.base), taker.take(), taker.take())
        case syntax.Unary():
            operator = taker.take()
            space = SPACE if node.operator is syntax.UnaryOperator.NOT else NOTHING
            return several(operator, space, lay_out_expression(taker, node.operand))
        case syntax.Binary(operator=BinaryOperator.POWER):
            return several(lay_out_expression(taker, node.left), taker.take(), lay_out_expression(taker, node.right))
        case syntax.Binary() | syntax.Compare() | syntax.Pipe():
            return _chain(taker, _operands(node))
        case syntax.Cast():
            value = lay_out_expression(taker, node.value)
            return several(value, SPACE, taker.take(), SPACE, lay_out_path(taker, node.dtype))
        case syntax.Map():
            return bracketed(taker, node.settings, lay_out_setting, LINE)
        case syntax.Missing():
            raise AssertionError("a declaration with problems is not laid out")


def _chain(taker: Taker, operands: Iterable[syntax.Expression]) -> Document:
    """Operands with an operator of the same rank before each but the first; a line may end before the operator."""
    first, *rest = operands
    start = lay_out_expression(taker, first)
    parts = [part for operand in rest for part in (LINE, taker.take(), SPACE, lay_out_expression(taker, operand))]
    return group(start, *parts)


def _operands(node: syntax.Binary | syntax.Compare | syntax.Pipe) -> list[syntax.Expression]:
    match node:
        case syntax.Compare():
            return list(node.operands)
        case syntax.Pipe() | syntax.Binary():
            operands: list[syntax.Expression] = []
            left: syntax.Expression = node
            while isinstance(left, syntax.Binary | syntax.Pipe) and _same_rank(left, node):
                operands.append(left.right)
                left = left.left
            return [left, *reversed(operands)]


_RANKS = (
    {BinaryOperator.OR},
    {BinaryOperator.AND},
    {BinaryOperator.ADD, BinaryOperator.SUBTRACT},
    {
        BinaryOperator.MULTIPLY,
        BinaryOperator.DIVIDE,
        BinaryOperator.FLOOR_DIVIDE,
        BinaryOperator.MODULO,
        BinaryOperator.MATMUL,
    },
)


def _same_rank(left: syntax.Binary | syntax.Pipe, node: syntax.Binary | syntax.Pipe) -> bool:
    if isinstance(left, syntax.Binary) and isinstance(node, syntax.Binary):
        return any({left.operator, node.operator} <= rank for rank in _RANKS)
    return type(left) is type(node)


def _comprehension(taker: Taker, node: syntax.Comprehension) -> Document:
    opening = taker.take()
    element = lay_out_expression(taker, node.element)
    names = several(taker.take(), SPACE, lay_out_pattern(taker, node.pattern))
    source = several(SPACE, taker.take(), SPACE, lay_out_expression(taker, node.iterable), taker.comments_above())
    return group(opening, indent(SOFT_LINE, element, LINE, names, source), SOFT_LINE, taker.take())


def lay_out_arguments(taker: Taker, arguments: Sequence[syntax.Argument]) -> Document:
    """The arguments where there may be none: `()` is written as it stands."""
    return bracketed(taker, arguments, _argument) if taker.shows("(") else NOTHING


def _argument(taker: Taker, node: syntax.Argument) -> Document:
    if node.name is None:
        return lay_out_expression(taker, node.value)
    return several(taker.take(), SPACE, taker.take(), SPACE, lay_out_expression(taker, node.value))


def lay_out_setting(taker: Taker, node: syntax.Setting) -> Document:
    key = several(taker.take(), taker.take(), SPACE)
    match node.value:
        case syntax.Range():
            return several(key, _range(taker, node.value))
        case _:
            return several(key, lay_out_expression(taker, node.value))


def _index(taker: Taker, node: syntax.Index) -> Document:
    match node:
        case syntax.Slice():
            return _slice(taker, node)
        case syntax.Ellipsis():
            return taker.take()
        case syntax.Pack():
            return several(taker.take(), lay_out_expression(taker, node.value))
        case syntax.AnyPack():
            return several(taker.take(), taker.take(), taker.take())
        case syntax.Exists():
            return several(taker.take(), taker.take())
        case syntax.Named():
            return several(taker.take(), SPACE, taker.take(), SPACE, lay_out_expression(taker, node.value))
        case syntax.Bounded():
            value = lay_out_expression(taker, node.value)
            return several(value, SPACE, taker.take(), SPACE, _range(taker, node.within))
        case syntax.ModelType():
            return _model_type(taker, node)
        case _:
            return lay_out_expression(taker, node)


def _slice(taker: Taker, node: syntax.Slice) -> Document:
    parts = [NOTHING if node.start is None else lay_out_expression(taker, node.start), taker.take()]
    if node.stop is not None:
        parts.append(lay_out_expression(taker, node.stop))
    if node.step is not None:
        parts += [taker.take(), lay_out_expression(taker, node.step)]
    return several(*parts)


def lay_out_pattern(taker: Taker, node: syntax.Pattern) -> Document:
    match node:
        case syntax.Identifier():
            return taker.take()
        case syntax.TuplePattern():
            return bracketed(taker, node.items, lay_out_pattern)
