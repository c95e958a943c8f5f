"""Braces that do not match, set right by the indentation: where one lacks or is one too many, as the lines show it."""

from __future__ import annotations

from msgspec import Struct

from tenuto_grammar.lexer import END, Tokens
from tenuto_grammar.problems import ProblemKind, Replacement, SyntaxProblem
from tenuto_grammar.terminals import Terminals
from tenuto_grammar.text import Span


class _Open(Struct, frozen=True):
    position: int
    indentation: int  # of the line on which it stands


def mend_braces(names: Terminals, tokens: Tokens) -> SyntaxProblem | None:
    """Put in the first `}` that lacks, or leave out the first that is too many; None where all match."""
    opening, closing = names.number["{"], names.number["}"]
    if tokens.kinds.count(opening) == tokens.kinds.count(closing):
        return None
    lacking = tokens.kinds.count(opening) > tokens.kinds.count(closing)
    stack: list[_Open] = []
    indentation = 0
    previous_end = 0
    for position, (kind, (start, end)) in enumerate(zip(tokens.kinds, tokens.spans, strict=True)):
        gap = tokens.text[previous_end:start]
        begins_line = position == 0 or "\n" in gap or "\r" in gap
        if begins_line:
            indentation = len(gap) - max(gap.rfind("\n"), gap.rfind("\r")) - 1
        previous_end = end
        outside = bool(stack) and begins_line and indentation <= stack[-1].indentation and position > 0
        if lacking and stack and kind == END:
            return _put_in(names, tokens, stack[-1].position, position)
        if lacking and outside and kind != opening and (kind != closing or indentation < stack[-1].indentation):
            return _put_in(names, tokens, stack[-1].position, position)
        if kind == opening:
            stack.append(_Open(position, indentation))
        elif kind == closing:
            too_early = bool(stack) and begins_line and indentation > stack[-1].indentation
            if not lacking and (not stack or too_early or _more_follows(names, tokens, stack, position)):
                return _leave_out(tokens, position)
            if stack:
                stack.pop()
    return None


def _more_follows(names: Terminals, tokens: Tokens, stack: list[_Open], position: int) -> bool:
    """Whether this brace closes the outermost block although statements of it come after."""
    return len(stack) == 1 and tokens.kinds[position + 1] != END


def _put_in(names: Terminals, tokens: Tokens, opener: int, position: int) -> SyntaxProblem:
    at = tokens.spans[position - 1][1]
    tokens.kinds.insert(position, names.number["}"])
    tokens.spans.insert(position, (at, at))
    return SyntaxProblem(
        Span(*tokens.spans[opener]),
        ProblemKind.UNCLOSED_BRACKET,
        "this `{` is not closed",
        "By the indentation, its `}` belongs " + _after(tokens, position),
        (Replacement(Span(at, at), "}"),),
    )


def _after(tokens: Tokens, position: int) -> str:
    start, end = tokens.spans[position - 1]
    return f"after `{tokens.text[start:end]}`." if end > start else "at the end."


def _leave_out(tokens: Tokens, position: int) -> SyntaxProblem:
    span = Span(*tokens.spans[position])
    del tokens.kinds[position], tokens.spans[position]
    return SyntaxProblem(
        span,
        ProblemKind.UNEXPECTED,
        "this `}` closes nothing",
        "The declaration goes on after it. Remove it, or open a block with `{` before.",
        (Replacement(span, ""),),
    )
