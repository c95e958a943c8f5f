"""From a declaration and its tokens to a document: where each construct may break.

The tree says how the tokens are laid out, and the tokens are what is written: each function takes the tokens of its
node in order, so nothing is lost and nothing invented, except the comma after the last item of a broken bracket. A
comment goes with the token before it on its line, or with the token after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from tenuto_grammar import syntax
from tenuto_grammar.documents import (
    BLANK_LINE,
    HARD_LINE,
    LINE,
    SOFT_LINE,
    SPACE,
    Document,
    IfBroken,
    Remark,
    Text,
    group,
    indent,
    several,
)
from tenuto_grammar.lexer import Comment, Tokens
from tenuto_grammar.syntax import BinaryOperator


def lay_out(declaration: syntax.Declaration, tokens: Tokens, comments: Sequence[Comment]) -> Document:
    """The document of a chunk that has no problems."""
    taker = _Taker(tokens, comments)
    above = taker.paragraphs_above()
    body = _declaration(taker, declaration)
    below = [BLANK_LINE if taker.blank_above() else HARD_LINE] if taker.has_comments_above() else []
    return several(above, body, *below, taker.paragraphs_above())


def lay_out_comments(tokens: Tokens, comments: Sequence[Comment]) -> Document:
    """The document of a chunk that is comments alone."""
    return _Taker(tokens, comments).paragraphs_above()


class _Taker:
    """Takes the tokens one by one, each with its comments."""

    def __init__(self, tokens: Tokens, comments: Sequence[Comment]) -> None:
        self.tokens = tokens
        self.comments = comments
        self.position = 0
        self.comment = 0

    def take(self) -> Document:
        """The next token, the comments above it, and the one behind it."""
        above = self.comments_above()
        return several(above, self._token())

    def shows(self, text: str) -> bool:
        start, end = self.tokens.spans[self.position]
        return self.tokens.text[start:end] == text

    def comma(self) -> Document:
        return self.take()

    def last_comma(self) -> Document:
        """The comma that may stand after the last item: written where the bracket is broken, there or not."""
        if not self.shows(","):
            return IfBroken(",")
        above = self.comments_above()
        self.position += 1
        return several(above, IfBroken(","), self._comment_behind())

    def comments_above(self) -> Document:
        """The comments before the next token, each on a line of its own."""
        return several(*self._comments_above())

    def paragraphs_above(self) -> Document:
        """The same, where empty lines between them are kept, and one below the last."""
        parts: list[Document] = []
        for comment in self._comments_above():
            parts.append(comment)
            if self.blank_above():
                parts.append(BLANK_LINE)
        return several(*parts)

    def has_comments_above(self) -> bool:
        start = self.tokens.spans[self.position][0]
        return self.comment < len(self.comments) and self.comments[self.comment].span.start < start

    def _comments_above(self) -> Iterator[Document]:
        while self.has_comments_above():
            self.comment += 1
            yield Remark(self.comments[self.comment - 1].text.rstrip(), trailing=False)

    def blank_above(self) -> bool:
        """Whether an empty line stands above what comes next, a comment or a token."""
        start = self.tokens.spans[self.position][0]
        before = self.tokens.spans[self.position - 1][1] if self.position else 0
        if self.comment < len(self.comments):
            start = min(start, self.comments[self.comment].span.start)
        if self.comment:
            before = max(before, self.comments[self.comment - 1].span.end)
        gap = self.tokens.text[before:start]
        return gap.replace("\r\n", "\n").replace("\r", "\n").count("\n") > 1

    def _token(self) -> Document:
        start, end = self.tokens.spans[self.position]
        self.position += 1
        return several(Text(self.tokens.text[start:end]), self._comment_behind())

    def _comment_behind(self) -> Document:
        """The comment on the line of the token just taken."""
        if self.comment == len(self.comments):
            return several()
        comment = self.comments[self.comment]
        gap = self.tokens.text[self.tokens.spans[self.position - 1][1] : comment.span.start]
        follows = comment.span.start < self.tokens.spans[self.position][0]
        if not follows or "\n" in gap or "\r" in gap:
            return several()
        self.comment += 1
        return Remark(comment.text.rstrip(), trailing=True)


_Item = TypeVar("_Item")


def _bracketed(
    taker: _Taker,
    items: Sequence[_Item],
    lay_out_item: Callable[[_Taker, _Item], Document],
    edge: Document = SOFT_LINE,
    broken: bool = False,
) -> Document:
    """`(items)` in any brackets: on one line, or one item a line."""
    return group(_in_brackets(taker, items, lay_out_item, edge, broken))


def _in_brackets(
    taker: _Taker,
    items: Sequence[_Item],
    lay_out_item: Callable[[_Taker, _Item], Document],
    edge: Document = SOFT_LINE,
    broken: bool = False,
) -> Document:
    """The same as a part of the group around it, which says whether it is broken."""
    opening = taker.take()
    if not items:
        comments = taker.comments_above()
        return several(opening, indent(comments), taker.take())
    parts: list[Document] = [HARD_LINE if broken else edge]
    for index, item in enumerate(items):
        parts.append(lay_out_item(taker, item))
        parts.extend((taker.comma(), LINE) if index + 1 < len(items) else (taker.last_comma(), taker.comments_above()))
    return several(opening, indent(*parts), edge, taker.take())


def _listed(taker: _Taker, items: Sequence[_Item], lay_out_item: Callable[[_Taker, _Item], Document]) -> Document:
    """`a, b` without brackets."""
    parts: list[Document] = []
    for index, item in enumerate(items):
        parts.append(lay_out_item(taker, item))
        if index + 1 < len(items):
            parts.extend((taker.comma(), LINE))
    return several(*parts)


# ------------------------------------------------------------------------------------------------------- declarations


def _declaration(taker: _Taker, node: syntax.Declaration) -> Document:
    match node:
        case syntax.Import():
            return _import(taker, node)
        case syntax.TypeAlias():
            head = several(taker.take(), SPACE, taker.take(), _generics(taker, node.generics), SPACE, taker.take())
            return group(head, indent(LINE, _type(taker, node.type), _local(taker, node.local)))
        case syntax.Record():
            head = several(taker.take(), SPACE, taker.take(), _generics(taker, node.generics), SPACE)
            return several(head, _bracketed(taker, node.fields, _field, LINE, broken=True))
        case syntax.Const():
            head = several(taker.take(), SPACE, taker.take(), _annotation(taker, node.type), SPACE, taker.take())
            return several(head, _value(taker, node.value))
        case syntax.Definition():
            return _definition(taker, node)
        case syntax.Deploy():
            name = several(taker.take(), SPACE, taker.take(), _annotation(taker, node.type), SPACE, taker.take(), SPACE)
            signature = [name, _expression(taker, node.model)]
            clauses = [_where(taker, node.where)] if node.where else []
            opening = _head(signature, clauses, LINE if clauses else SPACE)
            return several(opening, _bracketed(taker, node.settings.settings, _setting, LINE, broken=True))


def _import(taker: _Taker, node: syntax.Import) -> Document:
    head = several(taker.take(), SPACE, _path(taker, node.path))
    if node.names is not None:
        return several(head, SPACE, _bracketed(taker, node.names, _imported_name, LINE))
    if node.alias is not None:
        return several(head, SPACE, taker.take(), SPACE, taker.take())
    return head


def _imported_name(taker: _Taker, node: syntax.ImportedName) -> Document:
    name = taker.take()
    return name if node.alias is None else several(name, SPACE, taker.take(), SPACE, taker.take())


def _definition(taker: _Taker, node: syntax.Definition) -> Document:
    signature = [taker.take(), SPACE, taker.take(), _generics(taker, node.generics)]
    signature.append(_in_brackets(taker, node.parameters, _parameter))
    if node.result is not None:
        signature += [SPACE, taker.take(), SPACE, _type(taker, node.result)]
    clauses = _clauses(taker, node.clauses)
    match node.body:
        case None:
            return _head(signature, clauses)
        case syntax.Block():
            head = _head(signature, clauses, LINE if clauses else SPACE)
            return several(head, _block(taker, node.body))
        case _:
            body = indent(LINE, taker.take(), SPACE, _expression(taker, node.body))
            return several(_head(signature, clauses), group(body))


def _head(signature: Sequence[Document], clauses: Sequence[Document], *end: Document) -> Document:
    """A signature and its clauses on one line, or each clause on a line of its own."""
    return group(group(*signature), indent(*(part for clause in clauses for part in (LINE, clause))), *end)


def _generics(taker: _Taker, generics: Sequence[syntax.Generic]) -> Document:
    return _bracketed(taker, generics, _generic) if generics else several()


def _generic(taker: _Taker, node: syntax.Generic) -> Document:
    name = several(taker.take(), taker.take()) if node.pack else taker.take()
    return several(name, _annotation(taker, node.type), _default(taker, node.default))


def _parameter(taker: _Taker, node: syntax.Parameter) -> Document:
    return several(taker.take(), _annotation(taker, node.type), _default(taker, node.default))


def _field(taker: _Taker, node: syntax.Field) -> Document:
    return several(taker.take(), _annotation(taker, node.type), _default(taker, node.default))


def _annotation(taker: _Taker, node: syntax.Type | None) -> Document:
    return several() if node is None else several(taker.take(), SPACE, _type(taker, node))


def _default(taker: _Taker, node: syntax.Expression | None) -> Document:
    return several() if node is None else several(SPACE, taker.take(), SPACE, _expression(taker, node))


# ------------------------------------------------------------------------------------------------------------ clauses


def _clauses(taker: _Taker, node: syntax.Clauses) -> list[Document]:
    clauses: list[Document] = []
    if node.where:
        clauses.append(_where(taker, node.where))
    if node.precision is not None:
        clauses.append(several(taker.take(), SPACE, _expression(taker, node.precision)))
    if node.target:
        clauses.append(_target(taker, node.target))
    if node.precision_class is not None:
        clauses.append(several(taker.take(), SPACE, taker.take()))
    if node.lower:
        clauses.append(group(taker.take(), indent(LINE, _listed(taker, node.lower, _lowering))))
    return clauses


def _where(taker: _Taker, constraints: Sequence[syntax.Expression]) -> Document:
    return group(taker.take(), indent(LINE, _listed(taker, constraints, _expression)))


def _target(taker: _Taker, paths: Sequence[syntax.Path]) -> Document:
    parts = [taker.take(), SPACE, _path(taker, paths[0])]
    for path in paths[1:]:
        parts += [SPACE, taker.take(), SPACE, _path(taker, path)]
    return several(*parts)


def _lowering(taker: _Taker, node: syntax.Lowering) -> Document:
    name = several(taker.take(), SPACE, taker.take())
    return several(name, _arguments(taker, node.arguments))


def _local(taker: _Taker, node: syntax.Local) -> Document:
    parts: list[Document] = []
    if node.precision is not None:
        parts += [SPACE, taker.take(), SPACE, _expression(taker, node.precision)]
    if node.target:
        parts += [SPACE, _target(taker, node.target)]
    return several(*parts)


# --------------------------------------------------------------------------------------------------------- statements


def _block(taker: _Taker, node: syntax.Block) -> Document:
    opening = taker.take()
    parts: list[Document] = []
    for index, statement in enumerate(node.statements):
        parts.append(BLANK_LINE if index and taker.blank_above() else HARD_LINE)
        parts += [taker.paragraphs_above(), _statement(taker, statement)]
    if taker.has_comments_above():
        parts.append(BLANK_LINE if node.statements and taker.blank_above() else HARD_LINE)
        parts.append(taker.comments_above())
    if not parts:
        return several(opening, taker.take())
    return several(opening, indent(*parts), HARD_LINE, taker.take())


def _statement(taker: _Taker, node: syntax.Statement) -> Document:
    match node:
        case syntax.Param():
            head = several(taker.take(), SPACE, taker.take(), _annotation(taker, node.type))
            init = several() if node.init is None else several(SPACE, taker.take(), _value(taker, node.init))
            return several(head, init, _local(taker, node.local))
        case syntax.Sub() | syntax.Var():
            head = several(taker.take(), SPACE, taker.take(), _annotation(taker, node.type), SPACE, taker.take())
            return several(head, _value(taker, node.value), _local(taker, node.local))
        case syntax.Let():
            pattern = several(taker.take(), SPACE, _pattern(taker, node.pattern))
            head = several(pattern, _annotation(taker, node.type), SPACE, taker.take())
            return several(head, _value(taker, node.value), _local(taker, node.local))
        case syntax.Assign():
            head = several(group(_listed(taker, node.names, _identifier)), SPACE, taker.take())
            return several(head, _value(taker, node.value), _local(taker, node.local))
        case syntax.Collect():
            head = several(taker.take(), SPACE, taker.take(), SPACE, taker.take())
            return several(head, _value(taker, node.value), _local(taker, node.local))
        case syntax.Return():
            return several(taker.take(), _value(taker, node.value), _local(taker, node.local))
        case syntax.Assert():
            return several(taker.take(), _value(taker, node.constraint))
        case syntax.Assume():
            constraint = several(taker.take(), _value(taker, node.constraint))
            return constraint if node.why is None else several(constraint, taker.take(), SPACE, taker.take())
        case syntax.For():
            head = several(taker.take(), SPACE, _pattern(taker, node.pattern), SPACE, taker.take(), SPACE)
            return several(head, indent(_expression(taker, node.iterable)), SPACE, _block(taker, node.body))
        case syntax.While():
            head = several(taker.take(), SPACE, indent(_expression(taker, node.test)), SPACE)
            return several(head, _block(taker, node.body))
        case syntax.If():
            return _if(taker, node)
        case syntax.Broken():
            raise AssertionError("a declaration with problems is not laid out")


def _if(taker: _Taker, node: syntax.If) -> Document:
    then = several(taker.take(), SPACE, indent(_expression(taker, node.test)), SPACE, _block(taker, node.then))
    match node.otherwise:
        case None:
            return then
        case syntax.If():
            return several(then, SPACE, taker.take(), SPACE, _if(taker, node.otherwise))
        case syntax.Block():
            return several(then, SPACE, taker.take(), SPACE, _block(taker, node.otherwise))


def _identifier(taker: _Taker, _: syntax.Identifier) -> Document:
    return taker.take()


def _pattern(taker: _Taker, node: syntax.Pattern) -> Document:
    match node:
        case syntax.Identifier():
            return taker.take()
        case syntax.TuplePattern():
            return _bracketed(taker, node.items, _pattern)


def _value(taker: _Taker, node: syntax.Expression) -> Document:
    """What follows `=` or a keyword: operators go to the next line before they break, brackets break where they are."""
    match node:
        case syntax.Binary() | syntax.Compare() | syntax.Pipe() | syntax.Conditional() | syntax.Cast():
            return group(indent(LINE, _expression(taker, node)))
        case _:
            return several(SPACE, _expression(taker, node))


# -------------------------------------------------------------------------------------------------------------- types


def _type(taker: _Taker, node: syntax.Type) -> Document:
    parts = [_base_type(taker, node.base)]
    if node.within is not None:
        parts += [SPACE, taker.take(), SPACE, _range(taker, node.within)]
    if node.optional:
        parts.append(taker.take())
    return several(*parts)


def _base_type(
    taker: _Taker, node: syntax.TensorType | syntax.TupleType | syntax.ModelType | syntax.Missing
) -> Document:
    match node:
        case syntax.TensorType():
            path = _path(taker, node.path)
            arguments = _arguments(taker, node.arguments)
            dims = several() if node.dims is None else _bracketed(taker, node.dims, _index)
            return several(path, arguments, dims)
        case syntax.TupleType():
            return _bracketed(taker, node.items, _type)
        case syntax.ModelType():
            return _model_type(taker, node)
        case syntax.Missing():
            raise AssertionError("a declaration with problems is not laid out")


def _model_type(taker: _Taker, node: syntax.ModelType) -> Document:
    parts = [taker.take(), _bracketed(taker, node.parameters, _type)]
    parts += [SPACE, taker.take(), SPACE, _type(taker, node.result)]
    if node.where:
        parts += [SPACE, taker.take(), SPACE, taker.take()]
        parts += [group(_listed(taker, node.where, _expression)), taker.take()]
    return several(*parts)


def _path(taker: _Taker, node: syntax.Path) -> Document:
    return several(*(taker.take() for _ in range(2 * len(node.parts) - 1)))


def _range(taker: _Taker, node: syntax.Range) -> Document:
    return several(_expression(taker, node.low), SPACE, taker.take(), SPACE, _expression(taker, node.high))


# -------------------------------------------------------------------------------------------------------- expressions


def _expression(taker: _Taker, node: syntax.Expression) -> Document:
    match node:
        case syntax.Name() | syntax.Integer() | syntax.Float() | syntax.String():
            return taker.take()
        case syntax.Boolean() | syntax.NoneLiteral():
            return taker.take()
        case syntax.Tuple() | syntax.ListLiteral():
            return _bracketed(taker, node.items, _expression)
        case syntax.Parenthesized():
            opening = taker.take()
            inner = indent(SOFT_LINE, _expression(taker, node.inner), taker.comments_above())
            return group(opening, inner, SOFT_LINE, taker.take())
        case syntax.Comprehension():
            return _comprehension(taker, node)
        case syntax.Conditional():
            test = several(taker.take(), SPACE, _expression(taker, node.test))
            then = several(LINE, taker.take(), SPACE, _expression(taker, node.then))
            return group(test, indent(then, LINE, taker.take(), SPACE, _expression(taker, node.otherwise)))
        case syntax.Call():
            return several(_expression(taker, node.callee), _bracketed(taker, node.arguments, _argument))
        case syntax.Subscript():
            return several(_expression(taker, node.base), _bracketed(taker, node.indices, _index))
        case syntax.Attribute() | syntax.Element():
            return several(_expression(taker, node.base), taker.take(), taker.take())
        case syntax.Unary():
            operator = taker.take()
            space = SPACE if node.operator is syntax.UnaryOperator.NOT else several()
            return several(operator, space, _expression(taker, node.operand))
        case syntax.Binary(operator=BinaryOperator.POWER):
            return several(_expression(taker, node.left), taker.take(), _expression(taker, node.right))
        case syntax.Binary() | syntax.Compare() | syntax.Pipe():
            return _chain(taker, _operands(node))
        case syntax.Cast():
            value = _expression(taker, node.value)
            return several(value, SPACE, taker.take(), SPACE, _path(taker, node.dtype))
        case syntax.Map():
            return _bracketed(taker, node.settings, _setting, LINE)
        case syntax.Missing():
            raise AssertionError("a declaration with problems is not laid out")


def _chain(taker: _Taker, operands: Iterable[syntax.Expression]) -> Document:
    """Operands with an operator of the same rank before each but the first; a line may end before the operator."""
    first, *rest = operands
    start = _expression(taker, first)
    parts = [part for operand in rest for part in (LINE, taker.take(), SPACE, _expression(taker, operand))]
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


def _comprehension(taker: _Taker, node: syntax.Comprehension) -> Document:
    opening = taker.take()
    element = _expression(taker, node.element)
    names = several(taker.take(), SPACE, _pattern(taker, node.pattern))
    source = several(SPACE, taker.take(), SPACE, _expression(taker, node.iterable), taker.comments_above())
    return group(opening, indent(SOFT_LINE, element, LINE, names, source), SOFT_LINE, taker.take())


def _arguments(taker: _Taker, arguments: Sequence[syntax.Argument]) -> Document:
    """The arguments where there may be none: `()` is written as it stands."""
    return _bracketed(taker, arguments, _argument) if taker.shows("(") else several()


def _argument(taker: _Taker, node: syntax.Argument) -> Document:
    if node.name is None:
        return _expression(taker, node.value)
    return several(taker.take(), SPACE, taker.take(), SPACE, _expression(taker, node.value))


def _setting(taker: _Taker, node: syntax.Setting) -> Document:
    key = several(taker.take(), taker.take(), SPACE)
    match node.value:
        case syntax.Range():
            return several(key, _range(taker, node.value))
        case _:
            return several(key, _expression(taker, node.value))


def _index(taker: _Taker, node: syntax.Index) -> Document:
    match node:
        case syntax.Slice():
            return _slice(taker, node)
        case syntax.Ellipsis():
            return taker.take()
        case syntax.Pack():
            return several(taker.take(), _expression(taker, node.value))
        case syntax.AnyPack():
            return several(taker.take(), taker.take(), taker.take())
        case syntax.Exists():
            return several(taker.take(), taker.take())
        case syntax.Named():
            return several(taker.take(), SPACE, taker.take(), SPACE, _expression(taker, node.value))
        case syntax.Bounded():
            value = _expression(taker, node.value)
            return several(value, SPACE, taker.take(), SPACE, _range(taker, node.within))
        case syntax.ModelType():
            return _model_type(taker, node)
        case _:
            return _expression(taker, node)


def _slice(taker: _Taker, node: syntax.Slice) -> Document:
    parts = [several() if node.start is None else _expression(taker, node.start), taker.take()]
    if node.stop is not None:
        parts.append(_expression(taker, node.stop))
    if node.step is not None:
        parts += [taker.take(), _expression(taker, node.step)]
    return several(*parts)
