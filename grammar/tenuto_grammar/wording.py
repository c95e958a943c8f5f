"""The words for a mend: what was found, what was expected, and what to do. Words are relative to the declaration."""

from __future__ import annotations

from tenuto_grammar.lexer import END, Tokens
from tenuto_grammar.problems import ProblemKind, Replacement, SyntaxProblem
from tenuto_grammar.terminals import Terminals
from tenuto_grammar.text import Span

_PAIRS = {")": "(", "]": "[", "}": "{"}
_CALLED = {"NAME": "a name", "FIELD": "a name", "STRING": 'a string in `"`', "+": "an operator"}


def describe(
    names: Terminals, tokens: Tokens, position: int, dropped: int, added: tuple[int, ...], row: list[int]
) -> SyntaxProblem:
    """What to say where `dropped` tokens at `position` give way to `added`; `row` is what the state could have read."""
    words = [_called(names, terminal, row) for terminal in added]
    if dropped == 0:
        return _lacking(names, tokens, position, added, words)
    span = Span(tokens.spans[position][0], tokens.spans[position + dropped - 1][1])
    shown = _excerpt(tokens.text[span.start : span.end])
    if words:
        message = f"expected {' and '.join(words)}, found {shown}"
        return SyntaxProblem(span, ProblemKind.UNEXPECTED, message, _could_be(names, row))
    return SyntaxProblem(span, ProblemKind.UNEXPECTED, f"{shown} does not fit here", _could_be(names, row))


def _lacking(
    names: Terminals, tokens: Tokens, position: int, added: tuple[int, ...], words: list[str]
) -> SyntaxProblem:
    start, end = tokens.spans[position]
    before = Span(*tokens.spans[position - 1]) if position else Span(start, end)
    same_line = "\n" not in tokens.text[before.end : start] and end > start
    span = Span(start, end) if same_line else before
    first = names.text(added[0])
    after = f" after {_excerpt(tokens.text[before.start : before.end])}" if before.end > before.start else ""
    edits = (Replacement(Span(before.end, before.end), first),) if len(added) == 1 and first in _PAIRS else ()
    if first in _PAIRS and (opener := _opener(names, tokens, position, first)) is not None:
        begin = tokens.text[: opener.end].rstrip("([{").rsplit("\n", 1)[-1].split(" ")[-1][-30:]
        message = f"expected `{first}`{after}, to close `{begin}{tokens.text[opener.start : opener.end]}`"
        return SyntaxProblem(span, ProblemKind.UNCLOSED_BRACKET, message, None, edits)
    message = f"expected {' and '.join(words)}{after}"
    if same_line:
        message += f", found {_excerpt(tokens.text[start:end])}"
    return SyntaxProblem(span, ProblemKind.MISSING, message, None, edits)


def _opener(names: Terminals, tokens: Tokens, position: int, closer: str) -> Span | None:
    """The bracket before `position` that `closer` would close."""
    openers = {names.number[text] for text in "([{"}
    closers = {names.number[text] for text in ")]}"}
    depth = 0
    for index in range(position - 1, -1, -1):
        kind = tokens.kinds[index]
        if kind in closers:
            depth += 1
        elif kind in openers:
            if depth == 0:
                return Span(*tokens.spans[index]) if kind == names.number[_PAIRS[closer]] else None
            depth -= 1
    return None


def _called(names: Terminals, terminal: int, row: list[int]) -> str:
    text = names.text(terminal)
    if text == "MISSING":
        return "an expression" if row[names.number["INT"]] else "a type" if row[terminal] else "a value"
    return _CALLED.get(text, f"`{text}`")


def _could_be(names: Terminals, row: list[int]) -> str | None:
    """What may stand here, where that is little enough to say."""
    if row[names.number["MISSING"]]:
        return "An expression may stand here." if row[names.number["INT"]] else "A type may stand here."
    name = row[names.number["NAME"]] or row[names.number["FIELD"]]
    fixed = [
        f"`{names.text(terminal)}`"
        for terminal, step in enumerate(row)
        if step != 0 and step != name and names.tables.spellings[terminal] and terminal != END
    ]
    options = (["a name"] if name else []) + fixed
    if not options or len(options) > 6:
        return None
    return f"Here may stand {' or '.join(options)}."


def _excerpt(text: str) -> str:
    line = text.split("\n", 1)[0].rstrip()
    return f"`{line[:40]}`" if len(line) <= 40 else f"`{line[:37]}...`"
