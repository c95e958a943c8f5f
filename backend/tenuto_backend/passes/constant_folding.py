"""Computes what is known before a run: arithmetic on literals, sizes that are numbers, what changes nothing.

A node is replaced only where every bit stays, for every input, -0.0, infinities and NaN included: `x * 1.0` is `x`, but
`x + 0.0` is not where `x` is -0.0. Numbers are computed by the reference's primitives.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tenuto_analysis.dtypes import Kind, Scalar
from tenuto_analysis.elaborate.forms import is_closed
from tenuto_analysis.graph import Apply, Block, Function, Graph, Literal, Node, Size, Ssa, tensors_of
from tenuto_backend.evaluate import run
from tenuto_backend.passes.rewrite import Merged, reading, rewritten, values, with_blocks


class Neutral(Struct, frozen=True):
    """What an operand may be for the result to be the other one, `kept`, bit by bit; None where nothing is."""

    given: str
    kept: str
    floating: str | None
    integer: int | None


# Numbers as they print, which tells -0.0 from 0.0.
NEUTRAL: Mapping[str, tuple[Neutral, ...]] = {
    "add": (Neutral("b", "a", "-0.0", 0), Neutral("a", "b", "-0.0", 0)),
    "subtract": (Neutral("b", "a", "0.0", 0),),
    "multiply": (Neutral("b", "a", "1.0", 1), Neutral("a", "b", "1.0", 1)),
    "divide": (Neutral("b", "a", "1.0", None),),
}

# The bits of a significand, the one before the point included: integers of fewer bits are exact.
SIGNIFICAND = {"f64": 53, "f32": 24, "f16": 11, "bf16": 8}

# The floats that hold every value of another.
HOLDS = {
    "f32": {"f64"},
    "f16": {"f32", "f64"},
    "bf16": {"f32", "f64"},
    "f8e4m3": {"bf16", "f16", "f32", "f64"},
    "f8e5m2": {"bf16", "f16", "f32", "f64"},
}

WHOLE = {Kind.SIGNED, Kind.UNSIGNED}


def fold_constants(graph: Graph) -> Graph:
    return rewritten(graph, _body)


def _body(function: Function) -> Block:
    folding = _Folding(function)
    return folding.merged.name(folding.block(function.body))


class _Folding:
    """What is known of the values of one function."""

    def __init__(self, function: Function) -> None:
        self.merged = Merged(function)
        self._literals: dict[int, Literal] = {}
        self._casts: dict[int, Ssa] = {}

    def block(self, block: Block) -> Block:
        nodes: list[Node] = []
        for old in block.nodes:
            node = self._folded(with_blocks(reading(old, self.merged.instead), self.block))
            match node:
                case Literal(result=result):
                    self._literals[id(result)] = node
                case Apply(op="cast", arguments={"x": Ssa() as x}, results=(result,)):
                    self._casts[id(result)] = x
                case _:
                    pass
            same = self._same(node)
            if same is not None:
                self.merged.put(node.results[0], same)
            else:
                nodes.append(node)
        return Block(nodes, values(block.results, self.merged.instead))

    def _folded(self, node: Node) -> Node:
        match node:
            case Size(dim=dim, result=result, origin=origin) if dim.constant is not None:
                return Literal(dim.constant, result, origin)
            case Apply(op="cast", arguments={"x": Ssa() as x, "U": to}, results=(result,), origin=origin):
                first = self._casts.get(id(x))
                if first is not None and goes_at_once(_dtype(first), _dtype(x), _dtype(result)):
                    return self._folded(Apply("cast", {"U": to, "x": first}, (result,), origin))
                return self._computed(node)
            case Apply():
                return self._computed(node)
            case _:
                return node

    def _computed(self, node: Apply) -> Node:
        """A node whose operands are all literals, as a literal."""
        operands = [ssa for argument in node.arguments.values() for ssa in tensors_of(argument)]
        literals = [self._literals[id(ssa)] for ssa in operands if id(ssa) in self._literals]
        statics = (item for item in node.arguments.values() if not isinstance(item, Ssa | tuple))
        if not operands or len(literals) < len(operands) or not all(map(is_closed, statics)):
            return node
        if len(node.results) != 1 or node.results[0].type.shape:
            return node
        (result,) = node.results
        number = computed([*literals, node], result)
        return Literal(number, result, node.origin)

    def _same(self, node: Node) -> Ssa | None:
        """The operand that a node gives back as it is."""
        match node:
            case Apply(op="cast", arguments={"x": Ssa() as x}, results=(result,)) if _dtype(x) == _dtype(result):
                return x
            case Apply(op=op, arguments=arguments, results=(result,)):
                for rule in NEUTRAL.get(op, ()):
                    given, kept = arguments[rule.given], arguments[rule.kept]
                    if isinstance(given, Ssa) and isinstance(kept, Ssa) and self._is_neutral(given, rule):
                        same = (kept.type.dtype, kept.type.shape) == (result.type.dtype, result.type.shape)
                        return kept if same else None
                return None
            case _:
                return None

    def _is_neutral(self, ssa: Ssa, rule: Neutral) -> bool:
        literal = self._literals.get(id(ssa))
        if literal is None:
            return False
        if _dtype(ssa).kind is Kind.FLOAT:
            return repr(float(literal.value)) == rule.floating
        return _dtype(ssa).kind in WHOLE and literal.value == rule.integer


def computed(nodes: list[Node], result: Ssa) -> bool | int | float:
    """The number that nodes without operands from elsewhere make."""
    function = Function("constant", "", "", None, (), (), body=Block(nodes, (result,)), output_names=("result",))
    (array,) = run(Graph("constant", "", (function,), ()), [], {})
    kind = _dtype(result).kind
    if kind is Kind.BOOL:
        return bool(array)
    return int(array) if kind in WHOLE else float(array)


def goes_at_once(start: Scalar, middle: Scalar, end: Scalar) -> bool:
    """Whether a cast to `middle` and on to `end` is the cast to `end`."""
    if not exact(start, middle):
        return False
    if exact(start, end) or end.kind is Kind.BOOL:
        return True
    kinds = {start.kind, middle.kind, end.kind}
    return kinds == {Kind.FLOAT} or kinds <= WHOLE  # One rounding, or one remainder, is all that happens.


def exact(start: Scalar, end: Scalar) -> bool:
    """Whether a cast keeps every value."""
    match start.kind, end.kind:
        case _ if start == end:
            return True
        case Kind.BOOL, Kind.SIGNED | Kind.UNSIGNED:
            return True
        case Kind.BOOL, Kind.FLOAT:
            return end.name in SIGNIFICAND
        case (Kind.SIGNED, Kind.SIGNED) | (Kind.UNSIGNED, Kind.UNSIGNED):
            return start.bits <= end.bits
        case Kind.UNSIGNED, Kind.SIGNED:
            return start.bits < end.bits
        case Kind.SIGNED | Kind.UNSIGNED, Kind.FLOAT:
            return start.bits <= SIGNIFICAND.get(end.name, 0)
        case Kind.FLOAT, Kind.FLOAT:
            return end.name in HOLDS.get(start.name, ())
        case _:
            return False


def _dtype(ssa: Ssa) -> Scalar:
    dtype = ssa.type.dtype
    assert isinstance(dtype, Scalar)
    return dtype
