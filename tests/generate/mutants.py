"""Small mistakes made by rule in a program that is right: each is one replaced stretch of its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tenuto_grammar import syntax
from tenuto_grammar.parse import parse
from tenuto_grammar.syntax import BinaryOperator
from tenuto_grammar.text import Span


@dataclass(frozen=True, slots=True)
class Mutant:
    """`text` with `span` replaced by `written`; `container` is the statement, or else the declaration, around it."""

    rule: str
    text: str
    span: Span
    written: str
    container: Span

    @property
    def mutated(self) -> str:
        return self.text[: self.span.start] + self.written + self.text[self.span.end :]

    @property
    def title(self) -> str:
        line = self.text.count("\n", 0, self.span.start) + 1
        return f"{self.rule}, line {line}: {self.text[self.span.start : self.span.end]!r} -> {self.written!r}"


@dataclass(frozen=True, slots=True)
class Site:
    """A node of a declaration with what stands around it; spans are offsets in the whole text."""

    text: str
    offset: int
    around: tuple[syntax.Node, ...]
    sizes: tuple[str, ...]

    def shown(self, node: syntax.Node) -> str:
        return self.text[self.offset + node.span.start : self.offset + node.span.end]

    def mutant(self, rule: str, span: Span, written: str) -> Mutant:
        statements = [node for node in self.around if isinstance(node, STATEMENTS)]
        container = (statements[-1] if statements else self.around[0]).span
        return Mutant(rule, self.text, span.shifted(self.offset), written, container.shifted(self.offset))


# A loop or a branch contains statements: the innermost simple statement is the one that holds a mistake.
STATEMENTS = (
    syntax.Param,
    syntax.Sub,
    syntax.Let,
    syntax.Var,
    syntax.Assign,
    syntax.Collect,
    syntax.Return,
    syntax.Assert,
    syntax.Assume,
    syntax.For,
    syntax.While,
    syntax.If,
)


def mutants(text: str) -> list[Mutant]:
    """Every mutant of `text`, in the order of the text, without repetition."""
    found: dict[tuple[Span, str], Mutant] = {}
    module = parse(text)
    for chunk, parsed in zip(module.chunks, module.parsed, strict=True):
        declaration = parsed.declaration
        if isinstance(declaration, syntax.Definition | syntax.Const | syntax.Record | syntax.Deploy):
            sizes = tuple(dict.fromkeys(_sizes(declaration)))
            for mutant in _walk(declaration, Site(text, chunk.start, (), sizes)):
                if mutant.mutated != text:
                    found.setdefault((mutant.span, mutant.written), mutant)
    return sorted(found.values(), key=lambda mutant: (mutant.span, mutant.rule, mutant.written))


def _sizes(node: syntax.Node) -> Iterator[str]:
    """The sizes that a declaration speaks of, as text."""
    if isinstance(node, syntax.TensorType):
        for dim in node.dims or ():
            if isinstance(dim, syntax.Name):
                yield dim.text
            elif isinstance(dim, syntax.Attribute) and isinstance(dim.base, syntax.Name):
                yield f"{dim.base.text}.{dim.name.text}"
    for child in syntax.children(node):
        yield from _sizes(child)


def _walk(node: syntax.Node, site: Site) -> Iterator[Mutant]:
    here = Site(site.text, site.offset, (*site.around, node), site.sizes)
    yield from _at(node, here)
    for child in syntax.children(node):
        if not isinstance(child, syntax.Lowering):
            yield from _walk(child, here)


def _at(node: syntax.Node, site: Site) -> Iterator[Mutant]:
    match node:
        case syntax.Call(arguments=arguments):
            yield from _arguments(arguments, site)
        case syntax.Subscript(indices=indices):
            yield from _brackets(indices, site)
        case syntax.TensorType():
            yield from _tensor_type(node, site)
        case syntax.Integer():
            yield from _integer(node, site)
        case syntax.Clauses(where=where) if len(where) > 0:
            yield from _facts(where, site)
        case syntax.Cast(dtype=dtype) if dtype.text in OTHER_DTYPE:
            yield site.mutant("dtype", dtype.span, OTHER_DTYPE[dtype.text])
        case syntax.String(value=value) if "->" in value:
            yield from _pattern(node, site)
        case syntax.Binary(operator=BinaryOperator.MATMUL, operator_span=span, left=left, right=right):
            both = Span(left.span.start, right.span.end)
            yield site.mutant("swap operands", both, f"{site.shown(right)} @ {site.shown(left)}")
            yield site.mutant("operator", span, "*")
        case syntax.Slice(stop=stop, start=start):
            for end in (start, stop):
                if end is not None:
                    yield site.mutant("slice", end.span, f"{site.shown(end)} + 1")
        case _:
            pass


OTHER_DTYPE = {
    "float": "i64",
    "f32": "f16",
    "f16": "f64",
    "bf16": "i32",
    "i64": "i32",
    "i32": "i64",
    "bool": "i64",
}


def _arguments(arguments: Sequence[syntax.Argument], site: Site) -> Iterator[Mutant]:
    positional = [argument for argument in arguments if argument.name is None]
    for first, second in pairwise(positional):
        between = site.text[site.offset + first.span.end : site.offset + second.span.start]
        swapped = f"{site.shown(second)}{between}{site.shown(first)}"
        yield site.mutant("swap arguments", Span(first.span.start, second.span.end), swapped)
    for argument in arguments:
        if argument.name is None:
            continue
        value = site.shown(argument.value)
        if argument.name.text == "axis":
            for other in ("0", "1", "2", "-2"):
                if other != value:
                    yield site.mutant("axis", argument.value.span, other)
        elif argument.name.text == "keepdims":
            yield site.mutant("keepdims", argument.value.span, "false" if value == "true" else "true")
        elif isinstance(argument.value, syntax.Attribute):
            yield site.mutant("off by one", argument.value.span, f"{value} + 1")
    if len(positional) == 1 and len(arguments) == 1 and isinstance(site.around[-1], syntax.Call):
        callee = site.around[-1].callee
        if isinstance(callee, syntax.Name) and callee.text == "transpose":
            yield site.mutant("dropped transpose", site.around[-1].span, site.shown(positional[0]))


def _brackets(indices: Sequence[syntax.Index], site: Site) -> Iterator[Mutant]:
    """Generic arguments, or an index."""
    values = [index for index in indices if isinstance(index, syntax.Name | syntax.Attribute | syntax.Binary)]
    for first, second in pairwise(values):
        between = site.text[site.offset + first.span.end : site.offset + second.span.start]
        if site.shown(first) != site.shown(second):
            swapped = f"{site.shown(second)}{between}{site.shown(first)}"
            yield site.mutant("swap generics", Span(first.span.start, second.span.end), swapped)
    for value in values:
        if isinstance(value, syntax.Attribute):
            yield site.mutant("off by one", value.span, f"{site.shown(value)} + 1")
            others = [size for size in site.sizes if size != site.shown(value)]
            if others:
                yield site.mutant("wrong generic", value.span, others[value.span.start % len(others)])


def _tensor_type(node: syntax.TensorType, site: Site) -> Iterator[Mutant]:
    if node.dims is None:
        return
    if node.path.text in OTHER_DTYPE:
        yield site.mutant("dtype", node.path.span, OTHER_DTYPE[node.path.text])
    for first, second in pairwise(node.dims):
        if site.shown(first) != site.shown(second):
            swapped = f"{site.shown(second)}, {site.shown(first)}"
            yield site.mutant("swap sizes", Span(first.span.start, second.span.end), swapped)
    for dim in node.dims:
        if isinstance(dim, syntax.Name | syntax.Attribute | syntax.Binary):
            yield site.mutant("off by one", dim.span, f"{site.shown(dim)} + 1")


def _integer(node: syntax.Integer, site: Site) -> Iterator[Mutant]:
    if any(isinstance(outer, syntax.Map) for outer in site.around):
        return
    yield site.mutant("off by one", node.span, str(node.value + 1))
    if node.value > 1:
        yield site.mutant("off by one", node.span, str(node.value - 1))


def _facts(where: Sequence[syntax.Expression], site: Site) -> Iterator[Mutant]:
    for fact in where:
        yield site.mutant("dropped fact", fact.span, "1 >= 0")


def _pattern(node: syntax.String, site: Site) -> Iterator[Mutant]:
    """Two names of the right side of a pattern exchanged, or one group's names."""
    arrow = node.text.index("->")
    words = list(re.finditer(r"[A-Za-z_]\w*", node.text))
    right = [word for word in words if word.start() > arrow]
    left = [word for word in words if word.start() < arrow]
    for side in (left, right):
        for first, second in pairwise(side):
            span = Span(node.span.start + first.start(), node.span.start + second.end())
            swapped = second[0] + node.text[first.end() : second.start()] + first[0]
            yield site.mutant("pattern", span, swapped)
