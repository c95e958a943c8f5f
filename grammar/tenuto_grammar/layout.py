"""From a declaration and its tokens to a document: where each construct may break.

The tree says how the tokens are laid out, and the tokens are what is written: each function takes the tokens of its
node in order (`taker.py`). Types and expressions are `layout_expressions.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenuto_grammar import syntax
from tenuto_grammar.documents import BLANK_LINE, HARD_LINE, LINE, NOTHING, SPACE, Document, group, indent, several
from tenuto_grammar.layout_expressions import (
    lay_out_arguments,
    lay_out_expression,
    lay_out_path,
    lay_out_pattern,
    lay_out_setting,
    lay_out_type,
)
from tenuto_grammar.lexer import Comment, Tokens
from tenuto_grammar.taker import Taker, bracketed, in_brackets, listed


def lay_out(declaration: syntax.Declaration, tokens: Tokens, comments: Sequence[Comment]) -> Document:
    """The document of a chunk that has no problems."""
    taker = Taker(tokens, comments)
    above = taker.paragraphs_above()
    body = _declaration(taker, declaration)
    below = [BLANK_LINE if taker.blank_above() else HARD_LINE] if taker.has_comments_above() else []
    return several(above, body, *below, taker.paragraphs_above())


def lay_out_comments(tokens: Tokens, comments: Sequence[Comment]) -> Document:
    """The document of a chunk that is comments alone."""
    return Taker(tokens, comments).paragraphs_above()


# ------------------------------------------------------------------------------------------------------- declarations


def _declaration(taker: Taker, node: syntax.Declaration) -> Document:
    match node:
        case syntax.Import():
            return _import(taker, node)
        case syntax.TypeAlias():
            head = several(taker.take(), SPACE, taker.take(), _generics(taker, node.generics), SPACE, taker.take())
            return group(head, indent(LINE, lay_out_type(taker, node.type), _local(taker, node.local)))
        case syntax.Record():
            head = several(taker.take(), SPACE, taker.take(), _generics(taker, node.generics), SPACE)
            return several(head, bracketed(taker, node.fields, _field, LINE, broken=True))
        case syntax.Const():
            head = several(taker.take(), SPACE, taker.take(), _annotation(taker, node.type), SPACE, taker.take())
            return several(head, _value(taker, node.value))
        case syntax.Definition():
            return _definition(taker, node)
        case syntax.Deploy():
            name = several(taker.take(), SPACE, taker.take(), _annotation(taker, node.type), SPACE, taker.take(), SPACE)
            signature = [name, lay_out_expression(taker, node.model)]
            clauses = [_where(taker, node.where)] if node.where else []
            opening = _head(signature, clauses, LINE if clauses else SPACE)
            return several(opening, bracketed(taker, node.settings.settings, lay_out_setting, LINE, broken=True))


def _import(taker: Taker, node: syntax.Import) -> Document:
    head = several(taker.take(), SPACE, lay_out_path(taker, node.path))
    if node.names is not None:
        return several(head, SPACE, bracketed(taker, node.names, _imported_name, LINE))
    if node.alias is not None:
        return several(head, SPACE, taker.take(), SPACE, taker.take())
    return head


def _imported_name(taker: Taker, node: syntax.ImportedName) -> Document:
    name = taker.take()
    return name if node.alias is None else several(name, SPACE, taker.take(), SPACE, taker.take())


def _definition(taker: Taker, node: syntax.Definition) -> Document:
    signature = [taker.take(), SPACE, taker.take(), _generics(taker, node.generics)]
    signature.append(in_brackets(taker, node.parameters, _parameter))
    if node.result is not None:
        signature += [SPACE, taker.take(), SPACE, lay_out_type(taker, node.result)]
    clauses = _clauses(taker, node.clauses)
    match node.body:
        case None:
            return _head(signature, clauses)
        case syntax.Block():
            head = _head(signature, clauses, LINE if clauses else SPACE)
            return several(head, _block(taker, node.body))
        case _:
            body = indent(LINE, taker.take(), SPACE, lay_out_expression(taker, node.body))
            return several(_head(signature, clauses), group(body))


def _head(signature: Sequence[Document], clauses: Sequence[Document], *end: Document) -> Document:
    """A signature and its clauses on one line, or each clause on a line of its own."""
    return group(group(*signature), indent(*(part for clause in clauses for part in (LINE, clause))), *end)


def _generics(taker: Taker, generics: Sequence[syntax.Generic]) -> Document:
    return bracketed(taker, generics, _generic) if generics else NOTHING


def _generic(taker: Taker, node: syntax.Generic) -> Document:
    name = several(taker.take(), taker.take()) if node.pack else taker.take()
    return several(name, _annotation(taker, node.type), _default(taker, node.default))


def _parameter(taker: Taker, node: syntax.Parameter) -> Document:
    return several(taker.take(), _annotation(taker, node.type), _default(taker, node.default))


def _field(taker: Taker, node: syntax.Field) -> Document:
    return several(taker.take(), _annotation(taker, node.type), _default(taker, node.default))


def _annotation(taker: Taker, node: syntax.Type | None) -> Document:
    return NOTHING if node is None else several(taker.take(), SPACE, lay_out_type(taker, node))


def _default(taker: Taker, node: syntax.Expression | None) -> Document:
    return NOTHING if node is None else several(SPACE, taker.take(), SPACE, lay_out_expression(taker, node))


# ------------------------------------------------------------------------------------------------------------ clauses


def _clauses(taker: Taker, node: syntax.Clauses) -> list[Document]:
    clauses: list[Document] = []
    if node.where:
        clauses.append(_where(taker, node.where))
    if node.precision is not None:
        clauses.append(several(taker.take(), SPACE, lay_out_expression(taker, node.precision)))
    if node.target:
        clauses.append(_target(taker, node.target))
    if node.precision_class is not None:
        clauses.append(several(taker.take(), SPACE, taker.take()))
    if node.lower:
        clauses.append(group(taker.take(), indent(LINE, listed(taker, node.lower, _lowering))))
    return clauses


def _where(taker: Taker, constraints: Sequence[syntax.Expression]) -> Document:
    return group(taker.take(), indent(LINE, listed(taker, constraints, lay_out_expression)))


def _target(taker: Taker, paths: Sequence[syntax.Path]) -> Document:
    parts = [taker.take(), SPACE, lay_out_path(taker, paths[0])]
    for path in paths[1:]:
        parts += [SPACE, taker.take(), SPACE, lay_out_path(taker, path)]
    return several(*parts)


def _lowering(taker: Taker, node: syntax.Lowering) -> Document:
    name = several(taker.take(), SPACE, taker.take())
    return several(name, lay_out_arguments(taker, node.arguments))


def _local(taker: Taker, node: syntax.Local) -> Document:
    parts: list[Document] = []
    if node.precision is not None:
        parts += [SPACE, taker.take(), SPACE, lay_out_expression(taker, node.precision)]
    if node.target:
        parts += [SPACE, _target(taker, node.target)]
    return several(*parts)


# --------------------------------------------------------------------------------------------------------- statements


def _block(taker: Taker, node: syntax.Block) -> Document:
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


def _statement(taker: Taker, node: syntax.Statement) -> Document:
    match node:
        case syntax.Param():
            head = several(taker.take(), SPACE, taker.take(), _annotation(taker, node.type))
            init = NOTHING if node.init is None else several(SPACE, taker.take(), _value(taker, node.init))
            return several(head, init, _local(taker, node.local))
        case syntax.Sub() | syntax.Var():
            head = several(taker.take(), SPACE, taker.take(), _annotation(taker, node.type), SPACE, taker.take())
            return several(head, _value(taker, node.value), _local(taker, node.local))
        case syntax.Let():
            pattern = several(taker.take(), SPACE, lay_out_pattern(taker, node.pattern))
            head = several(pattern, _annotation(taker, node.type), SPACE, taker.take())
            return several(head, _value(taker, node.value), _local(taker, node.local))
        case syntax.Assign():
            head = several(group(listed(taker, node.names, _identifier)), SPACE, taker.take())
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
            head = several(taker.take(), SPACE, lay_out_pattern(taker, node.pattern), SPACE, taker.take(), SPACE)
            return several(head, indent(lay_out_expression(taker, node.iterable)), SPACE, _block(taker, node.body))
        case syntax.While():
            head = several(taker.take(), SPACE, indent(lay_out_expression(taker, node.test)), SPACE)
            return several(head, _block(taker, node.body))
        case syntax.If():
            return _if(taker, node)
        case syntax.Broken():
            raise AssertionError("a declaration with problems is not laid out")


def _if(taker: Taker, node: syntax.If) -> Document:
    then = several(taker.take(), SPACE, indent(lay_out_expression(taker, node.test)), SPACE, _block(taker, node.then))
    match node.otherwise:
        case None:
            return then
        case syntax.If():
            return several(then, SPACE, taker.take(), SPACE, _if(taker, node.otherwise))
        case syntax.Block():
            return several(then, SPACE, taker.take(), SPACE, _block(taker, node.otherwise))


def _identifier(taker: Taker, _: syntax.Identifier) -> Document:
    return taker.take()


def _value(taker: Taker, node: syntax.Expression) -> Document:
    """What follows `=` or a keyword: operators go to the next line before they break, brackets break where they are."""
    match node:
        case syntax.Binary() | syntax.Compare() | syntax.Pipe() | syntax.Conditional() | syntax.Cast():
            return group(indent(LINE, lay_out_expression(taker, node)))
        case _:
            return several(SPACE, lay_out_expression(taker, node))
