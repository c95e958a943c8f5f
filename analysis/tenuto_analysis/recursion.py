"""Which declarations of a file are defined by themselves: found in the syntax, before anything is checked.

Nothing that needs itself is checked further, so that the queries about the other declarations always come to an end.
Between files it takes a circle of imports, whose names `modules.py` leaves unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from tenuto_analysis import modules
from tenuto_analysis.database import Database, query, shielding_query
from tenuto_analysis.modules import chunk_text
from tenuto_grammar import syntax

_MOST_TOLD = 50  # For so many declarations of a file the way back to themselves is looked for.
# A word, or what holds none that counts: a string or a comment.
_WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n\r]*|[^\W\d]\w*')


@query
def mentioned(db: Database, file: str, key: str) -> frozenset[str]:
    """The names that a declaration mentions and does not bind itself."""
    node = modules.declaration(db, file, key)
    if node is None or isinstance(node, syntax.Import):
        return frozenset()
    return frozenset(_free(node, set()))


@query
def _may_need(db: Database, file: str, key: str) -> frozenset[str]:
    """The declarations of its own file whose names stand in a declaration's text (its own: more than once)."""
    words = _WORD.findall(chunk_text(db, (file, key)) or "")
    found = modules.offered(db, file).keys() & words
    return frozenset(found - {key} if words.count(key) < 2 else found)


class Needs(Struct, frozen=True):
    """How the declarations of a file need each other."""

    order: tuple[str, ...]  # All of them, each after those that it needs, as far as that can be.
    circles: dict[str, tuple[str, ...]]  # Each that needs itself, with a way back to it: `f` by `g` is `(f, g, f)`.


@query
def needs(db: Database, file: str) -> Needs:
    """Asked of the words first: only what they leave in doubt is read closely."""
    rough = {key: sorted(_may_need(db, file, key)) for key, _ in modules.keys(db, file)}
    first, suspects = _sorted(rough)
    edges = {key: sorted(mentioned(db, file, key) & set(suspects)) for key in suspects}
    second, left = _sorted(edges)
    _, core = _sorted(_turned(edges, left))  # Without those that only need what needs itself.
    ways = {key: _way_back(edges, key) if place < _MOST_TOLD else (key,) for place, key in enumerate(core)}
    return Needs((*first, *second, *left), {key: way for key, way in ways.items() if way})


@shielding_query
def circles(db: Database, file: str) -> dict[str, tuple[str, ...]]:
    """Each declaration that needs itself, with a way back to it."""
    return needs(db, file).circles


def _turned(edges: dict[str, list[str]], keys: list[str]) -> dict[str, list[str]]:
    """Among the given declarations, who needs each."""
    turned: dict[str, list[str]] = {key: [] for key in keys}
    for key in keys:
        for name in edges[key]:
            if name in turned:
                turned[name].append(key)
    return turned


def _sorted(edges: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    """The declarations, each after those that it needs; and those that no order suits: mostly none."""
    open_needs = {key: len(names) for key, names in edges.items()}
    needed_by: dict[str, list[str]] = {}
    for key, names in edges.items():
        for name in names:
            needed_by.setdefault(name, []).append(key)
    done = [key for key, count in open_needs.items() if count == 0]
    for key in done:
        for other in needed_by.get(key, ()):
            open_needs[other] -= 1
            if open_needs[other] == 0:
                done.append(other)
    return done, [key for key, count in open_needs.items() if count]


def names_in(node: syntax.Node) -> frozenset[str]:
    """The names that a node mentions and does not bind itself."""
    return frozenset(_free(node, set()))


def _way_back(edges: dict[str, list[str]], start: str) -> tuple[str, ...]:
    """The shortest way from a declaration to itself."""
    came_from: dict[str, str] = {}
    level = [start]
    while level:
        following: list[str] = []
        for current in level:
            for name in edges.get(current, ()):
                if name == start:
                    return (*_trail(came_from, start, current), start)
                if name not in came_from:
                    came_from[name] = current
                    following.append(name)
        level = following
    return ()


def _trail(came_from: dict[str, str], start: str, end: str) -> tuple[str, ...]:
    trail = [end]
    while trail[-1] != start:
        trail.append(came_from[trail[-1]])
    return tuple(reversed(trail))


def _free(node: syntax.Node, bound: set[str]) -> set[str]:
    """The names that a node mentions and that are not in `bound`; a statement adds what it binds to `bound`."""
    found: set[str] = set()
    _gather(node, bound, found)
    return found


def _gather(node: syntax.Node, bound: set[str], found: set[str]) -> None:
    match node:
        case syntax.Name(text=text):
            if text not in bound:
                found.add(text)
        case syntax.Path(parts=(first, *_)):
            if first.text not in bound:
                found.add(first.text)
        case syntax.Pack(value=syntax.Call(arguments=arguments)):
            for argument in arguments:  # What is called is a shape function, whatever else has its name.
                _gather(argument, bound, found)
        case syntax.Definition(generics=generics, parameters=parameters):
            # A shape may mention a parameter that stands later in the list.
            inside = bound | {item.name.text for item in generics} | {item.name.text for item in parameters}
            _below(node, inside, found)
        case syntax.TypeAlias(generics=generics) | syntax.Record(generics=generics):
            _below(node, {*bound, *(item.name.text for item in generics)}, found)
        case syntax.Comprehension(element=element, pattern=pattern, iterable=iterable):
            _gather(iterable, bound, found)
            _gather(element, {*bound, *_names(pattern)}, found)
        case syntax.For(pattern=pattern, iterable=iterable, body=body):
            _gather(iterable, bound, found)
            _below(body, {*bound, *_names(pattern)}, found)
            bound |= set(_collected(body))
        case syntax.While(body=body):
            _below(node, set(bound), found)
            bound |= set(_collected(body))
        case syntax.Block():
            _below(node, set(bound), found)
        case syntax.Let(pattern=pattern):
            _below(node, bound, found)
            bound |= set(_names(pattern))
        case syntax.Param(name=name) | syntax.Sub(name=name) | syntax.Var(name=name):
            _below(node, bound, found)
            bound.add(name.text)
        case _:
            _below(node, bound, found)


def _below(node: syntax.Node, bound: set[str], found: set[str]) -> None:
    for child in syntax.children(node):
        _gather(child, bound, found)


def _names(pattern: syntax.Pattern) -> Iterator[str]:
    match pattern:
        case syntax.Identifier(text=text):
            yield text
        case syntax.TuplePattern(items=items):
            for item in items:
                yield from _names(item)


def _collected(body: syntax.Block) -> Iterator[str]:
    return (node.name.text for node in body.statements if isinstance(node, syntax.Collect))
