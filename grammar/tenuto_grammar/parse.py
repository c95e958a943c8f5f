"""From a text to its syntax tree and the problems in it. Total: any text gives a result, and nothing is raised.

`parse_chunk` is the unit that is cached: its spans are relative to the chunk. `parse` is the same for a whole file.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from tenuto_grammar import lr
from tenuto_grammar.chunks import KEYWORDS, Chunk, split
from tenuto_grammar.lexer import Comment, Tokens, comments, tokenize
from tenuto_grammar.problems import ProblemKind, SyntaxProblem
from tenuto_grammar.recovery import recover
from tenuto_grammar.stray import stray_text
from tenuto_grammar.syntax import Declaration
from tenuto_grammar.tables import tables
from tenuto_grammar.text import Span
from tenuto_grammar.tree import MAKERS, too_deep

# Nodes above nodes in a tree; passes that recurse over it need not fear for Python's stack.
DEEPEST = 200


class Parsed(Struct, frozen=True):
    """A chunk read; `declaration` is None where the text has none, or none that could be read."""

    declaration: Declaration | None
    comments: tuple[Comment, ...]
    problems: tuple[SyntaxProblem, ...]


class Module(Struct, frozen=True):
    """A file read: `parsed[i]` is what `chunks[i]` says; `doc` is what its `#!` lines say."""

    chunks: tuple[Chunk, ...]
    parsed: tuple[Parsed, ...]
    doc: str | None


def parse(text: str) -> Module:
    """Read a whole file."""
    chunks = split(text)
    with collector_paused():
        parsed = tuple(parse_chunk(chunk.text) for chunk in chunks)
    return Module(chunks, parsed, file_doc(chunks))


def parse_chunk(text: str) -> Parsed:
    """Read the text of one declaration; spans are relative to its start."""
    tokens = tokenize(text)
    found_comments = comments(tokens)
    if tokens.kinds[0] == 0:
        return Parsed(None, found_comments, tuple(tokens.problems))
    if not _begins_declaration(tokens):
        tokens.problems.append(stray_text(tokens, 0))
        return Parsed(None, found_comments, tuple(tokens.problems))
    machine = _machine()
    stack = lr.begin(machine)
    stopped = lr.advance(machine, tokens, stack, 0)
    value = stack.values[-1] if stopped == lr.ACCEPTED else recover(machine, tokens, stopped, stack)
    declaration = value if isinstance(value, Declaration) else None
    doc = _doc([comment for comment in found_comments if comment.span.end <= tokens.spans[0][0]], "##")
    if declaration is not None and doc is not None:
        declaration = replace(declaration, doc=doc)
    problems = tokens.problems
    problems.extend(map(_too_deep, stack.too_deep[:1]))
    in_order = tuple(sorted(problems, key=lambda problem: problem.span)) if problems else ()
    return Parsed(declaration, found_comments, in_order)


def _begins_declaration(tokens: Tokens) -> bool:
    start, end = tokens.spans[0]
    return tokens.text[start:end] in KEYWORDS and (start == 0 or tokens.text[start - 1] in "\r\n\ufeff")


def file_doc(chunks: Sequence[Chunk]) -> str | None:
    """The documentation of the file: the `#!` lines before its first declaration."""
    if not chunks or chunks[0].keyword is not None:
        return None
    return _doc(comments(tokenize(chunks[0].text)), "#!")


def _doc(comments: Sequence[Comment], mark: str) -> str | None:
    """The text of the comments that begin with `mark`, without the mark and one space after it."""
    lines = [comment.text[2:].removeprefix(" ").rstrip() for comment in comments if comment.text.startswith(mark)]
    return "\n".join(lines) if lines else None


def _too_deep(span: Span) -> SyntaxProblem:
    return SyntaxProblem(
        span,
        ProblemKind.TOO_DEEP,
        f"this is nested more than {DEEPEST} levels deep",
        "Name a part of it with `let`, or move a part into a `fn` of its own.",
    )


@cache
def _machine() -> lr.Machine:
    return lr.machine(tables(), MAKERS, DEEPEST, too_deep)


@contextmanager
def collector_paused() -> Iterator[None]:
    """For whoever parses many chunks: trees are many objects that all stay, and the collector need not walk them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
