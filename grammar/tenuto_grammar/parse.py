"""From a text to its syntax tree and the problems in it. Total: any text gives a result, and nothing is raised.

`parse_chunk` is the unit that is cached: its spans are relative to the chunk. `parse` is the same for a whole file.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

from tenuto_grammar import lr
from tenuto_grammar.chunks import Chunk, split
from tenuto_grammar.lexer import Comment, comments, tokenize
from tenuto_grammar.problems import ProblemKind, SyntaxProblem
from tenuto_grammar.syntax import Declaration
from tenuto_grammar.tables import tables
from tenuto_grammar.text import Span
from tenuto_grammar.tree import MAKERS, too_deep

# Nodes above nodes in a tree; passes that recurse over it need not fear for Python's stack.
DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Parsed:
    """A chunk read; `declaration` is None where the text has none, or none that could be read."""

    declaration: Declaration | None
    comments: tuple[Comment, ...]
    problems: tuple[SyntaxProblem, ...]


@dataclass(frozen=True, slots=True)
class Module:
    """A file read: `parsed[i]` is what `chunks[i]` says; `doc` is what its `#!` lines say."""

    chunks: tuple[Chunk, ...]
    parsed: tuple[Parsed, ...]
    doc: str | None


def parse(text: str) -> Module:
    """Read a whole file."""
    chunks = split(text)
    with _collector_paused():
        parsed = tuple(parse_chunk(chunk.text) for chunk in chunks)
    return Module(chunks, parsed, file_doc(chunks))


def parse_chunk(text: str) -> Parsed:
    """Read the text of one declaration; spans are relative to its start."""
    tokens = tokenize(text)
    found_comments = comments(tokens)
    if tokens.kinds[0] == 0:
        return Parsed(None, found_comments, tuple(tokens.problems))
    machine = _machine()
    stack = lr.begin(machine)
    with _collector_paused():
        stopped = lr.advance(machine, tokens, stack, 0)
    problems = tokens.problems
    declaration: Declaration | None = None
    if stopped == lr.ACCEPTED:
        value = stack.values[-1]
        assert isinstance(value, Declaration)
        doc = _doc([comment for comment in found_comments if comment.span.end <= tokens.starts[0]], "##")
        declaration = value if doc is None else replace(value, doc=doc)
    else:
        span = Span(tokens.starts[stopped], tokens.ends[stopped])
        found = f"`{text[span.start : span.end]}`" if span.end > span.start else "the end of the declaration"
        problems.append(SyntaxProblem(span, ProblemKind.UNEXPECTED, f"{found} does not fit here"))
    problems.extend(map(_too_deep, stack.too_deep[:1]))
    return Parsed(declaration, found_comments, tuple(sorted(problems, key=lambda problem: problem.span)))


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
def _collector_paused() -> Iterator[None]:
    """A tree is built of many objects that all stay: the collector would walk them again and again for nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
