"""Walks over syntax trees."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_grammar import syntax


def nodes(root: syntax.Node) -> Iterator[syntax.Node]:
    """A node and all below it, each before what is in it, in the order of the text."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed([*syntax.children(node)])


def around(root: syntax.Node, offset: int) -> Iterator[syntax.Node]:
    """The nodes that an offset lies in or stands at an end of, from the root inwards; of two that touch, the later."""
    node: syntax.Node | None = root
    while node is not None:
        yield node
        children = (child for child in syntax.children(node) if child.span.end > child.span.start)
        inside = [child for child in children if child.span.start <= offset <= child.span.end]
        node = max(inside, key=lambda child: child.span.start, default=None)
