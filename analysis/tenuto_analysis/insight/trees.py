"""Walks over the syntax of a declaration: what stands round an offset."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_grammar import syntax


def path_to(root: syntax.Node, offset: int) -> tuple[syntax.Node, ...]:
    """The nodes that an offset lies in, or stands right behind, from the root to the smallest.

    Where two nodes meet at the offset, the one that begins there counts.
    """
    found = [root]
    while True:
        children = (node for node in syntax.children(found[-1]) if node.span.end > node.span.start)
        inside = [node for node in children if node.span.start <= offset <= node.span.end]
        if not inside:
            return tuple(found)
        found.append(min(inside, key=lambda node: (node.span.end == offset, node.span.end - node.span.start)))


def walk(root: syntax.Node) -> Iterator[syntax.Node]:
    """A node and all below it, each before what is below it."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(syntax.children(node)))
