"""Sizes that only a run knows, such as how many elements are not zero: each counts as the largest that it may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenuto_analysis.cost.bytes import elements
from tenuto_analysis.dims import Dim, Leaf, substitute
from tenuto_analysis.graph import Apply, Call, Function, Node, Ssa, dims_of, walk
from tenuto_analysis.normal_form import single_atom


class Largest:
    """The largest sizes, by function: each is looked through once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Function, Mapping[Leaf, Dim]]] = {}

    def of(self, function: Function) -> Mapping[Leaf, Dim]:
        """For each size that a function comes to know in a run the largest that it may be, in terms of its symbols."""
        known = self._known.get(id(function))
        if known is None:
            known = self._known[id(function)] = (function, self._look(function))
        return known[1]

    def _look(self, function: Function) -> Mapping[Leaf, Dim]:
        found: dict[Leaf, Dim] = {}
        for node in walk(function.body):
            for value, most in self._given(node):
                for leaf, size in zip(map(single_atom, dims_of(value.type)), most, strict=True):
                    if isinstance(leaf, Leaf) and leaf not in function.symbols:
                        found.setdefault(leaf, substitute(size, found.get))
        return found

    def _given(self, node: Node) -> list[tuple[Ssa, tuple[Dim, ...]]]:
        """The results of a node whose sizes a run tells, each with the largest of them."""
        match node:
            case Apply(op=op, results=(result,)) if op in _MOST:
                return [(result, (_MOST[op](node), *dims_of(result.type)[1:]))]
            case Call(function=function, sizes=sizes, results=results):
                inside = self.of(function)
                shapes = [dims_of(value.type) for value in function.results]
                return [
                    (result, tuple(substitute(substitute(size, inside.get), sizes.get) for size in shape))
                    for result, shape in zip(results, shapes, strict=True)
                    if any(single_atom(size) in inside for size in shape)
                ]
            case _:
                return []


def _of_elements(name: str) -> Callable[[Apply], Dim]:
    def rule(node: Apply) -> Dim:
        tensor = node.arguments[name]
        assert isinstance(tensor, Ssa)
        return elements(tensor.type)

    return rule


def _rows(node: Apply) -> Dim:
    tensor = node.arguments["x"]
    assert isinstance(tensor, Ssa)
    return dims_of(tensor.type)[0]


_MOST: Mapping[str, Callable[[Apply], Dim]] = {
    "nonzero": _of_elements("x"),
    "true_positions": _of_elements("keep"),
    "compress": _rows,
}
"""What the first size of these primitives is at most."""
