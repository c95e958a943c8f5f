"""What a picture of a function shows: boxes with words, arrows with types. Where they go is not said here.

Every node of the function is one box. Branches and loops hold the boxes of their blocks. The weights that a call passes
on are one box beside it, which names the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from msgspec import Struct

from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.graph import (
    Apply,
    Argument,
    Block,
    Call,
    Function,
    Graph,
    If,
    Literal,
    Loop,
    Node,
    Size,
    Ssa,
    operands_of,
)
from tenuto_analysis.types import NONE, Bool, DTypeValue, NoneValue, RecordValue, Str, Tensor, Value
from tenuto_backend.picture.lettering import LONGEST_LABEL, LONGEST_LINE, shortened, wrapped

SHOWN_WEIGHTS = 4


class Kind(Enum):
    """What a box stands for; also its class in the style sheet."""

    INPUT = "input"
    WEIGHT = "weight"
    NUMBER = "number"
    PRIMITIVE = "primitive"
    CALL = "call"
    RESULT = "result"
    BLOCK = "block"


class Box(Struct, frozen=True):
    """`lines` are its words, the first its title; `tip` tells more. `parent` is the index of the block that holds it.

    `function` is the index of the function that a call leads to, `origin` where the source says what a node does.
    """

    kind: Kind
    lines: tuple[str, ...]
    tip: str
    parent: int | None = None
    function: int | None = None
    origin: Place | None = None


class Arrow(Struct, frozen=True):
    """From one box, by its index, to another; `label` is the type of what is read."""

    source: int
    target: int
    label: str
    tip: str


class Scene(Struct, frozen=True):
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def scene(graph: Graph, function: Function) -> Scene:
    """The picture of one function of a graph."""
    drawn = _Drawn({id(other): place for place, other in enumerate(graph.functions)}, function)
    for ssa in (*function.inputs, *(ssa for _, ssa in function.size_inputs)):
        drawn.value(ssa, Kind.INPUT, None)
    drawn.block(function.body, None)
    for name, ssa in zip(function.output_names, function.results, strict=True):
        words = f"result {name}" if name[:1].isdigit() else name
        drawn.arrow(ssa, drawn.box(Kind.RESULT, (words,), _typed(words, ssa), None))
    return Scene(tuple(drawn.boxes), tuple(drawn.arrows))


def title(function: Function) -> str:
    """A function with what it was made for: `Linear[In = 384, Out = 1536]`."""
    statics = ", ".join(f"{name} = {value}" for name, value in function.statics if value != NONE)
    return f"{function.name}[{statics}]" if statics else function.name


def type_text(type_: Tensor) -> str:
    """A type without its range, which the tip tells."""
    return str(Tensor(type_.dtype, type_.shape))


class _Drawn:
    """The boxes and arrows of one function so far."""

    def __init__(self, places: Mapping[int, int], function: Function) -> None:
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []
        self._functions = places
        self._weights = {id(weight.value): weight.path for weight in function.weights}
        self._made_by: dict[int, int] = {}

    def box(
        self,
        kind: Kind,
        lines: Iterable[str],
        tip: str,
        parent: int | None,
        function: int | None = None,
        origin: Place | None = None,
    ) -> int:
        first, *others = lines
        words = (shortened(first, LONGEST_LINE), *(part for line in others for part in wrapped(line)))
        self.boxes.append(Box(kind, words, tip, parent, function, origin))
        return len(self.boxes) - 1

    def value(self, ssa: Ssa, kind: Kind, parent: int | None) -> None:
        """A box for a value that no node makes."""
        name = self._weights.get(id(ssa), ssa.name)
        self._made_by[id(ssa)] = self.box(kind, (name, type_text(ssa.type)), _typed(name, ssa), parent)

    def arrow(self, ssa: Ssa, target: int) -> None:
        if id(ssa) not in self._made_by and id(ssa) in self._weights:
            self.value(ssa, Kind.WEIGHT, None)
        label = shortened(type_text(ssa.type), LONGEST_LABEL)
        arrow = Arrow(self._made_by[id(ssa)], target, label, _typed(ssa.name, ssa))
        if arrow not in self.arrows:
            self.arrows.append(arrow)

    def block(self, block: Block, parent: int | None) -> None:
        for node in block.nodes:
            place = self._node(node, parent)
            self._made_by |= {id(ssa): place for ssa in node.results}

    def _node(self, node: Node, parent: int | None) -> int:
        match node:
            case Apply(op=op, arguments=arguments):
                return self._plain(Kind.PRIMITIVE, node, op, _statics(arguments), parent)
            case Literal(value=value):
                return self._plain(Kind.NUMBER, node, _number(value), "", parent)
            case Size(dim=dim):
                return self._plain(Kind.NUMBER, node, f"{dim}", "", parent)
            case Call():
                return self._call(node, parent)
            case If():
                return self._branch(node, parent)
            case Loop():
                return self._loop(node, parent)

    def _plain(self, kind: Kind, node: Node, words: str, statics: str, parent: int | None) -> int:
        lines = (_named(node.results, words), statics) if statics else (_named(node.results, words),)
        tip = _tip(f"{words}({statics})" if statics else words, node.results)
        place = self.box(kind, lines, tip, parent, origin=node.origin)
        for ssa in operands_of(node):
            self.arrow(ssa, place)
        return place

    def _call(self, node: Call, parent: int | None) -> int:
        function = node.function
        below = title(function) if node.part else _statics(node.arguments)
        lines = (_named(node.results, node.part or function.name), *([below] if below else []))
        tip = _tip(title(function), node.results)
        place = self.box(Kind.CALL, lines, tip, parent, self._functions[id(function)], node.origin)
        for ssa in node.operands:
            self.arrow(ssa, place)
        if node.weights:
            self._passed_weights(node, place, parent)
        return place

    def _passed_weights(self, node: Call, call: int, parent: int | None) -> None:
        told = [(self._weights[id(ssa)], type_text(ssa.type)) for ssa in node.weights]
        count = len(told)
        few = told if count <= SHOWN_WEIGHTS + 1 else told[:SHOWN_WEIGHTS]
        lines = [f"{shortened(path, max(12, LONGEST_LINE - 1 - len(type_)))} {type_}" for path, type_ in few]
        more = [f"and {count - len(few)} more"] if count > len(few) else []
        tip = "\n".join(f"{path}: {type_}" for path, type_ in told)
        words = (f"{count} weights", *lines, *more) if count > 1 else told[0]
        source = self.box(Kind.WEIGHT, words, tip, parent)
        self.arrows.append(Arrow(source, call, "", tip))

    def _branch(self, node: If, parent: int | None) -> int:
        test = node.test.name if isinstance(node.test, Ssa) else str(Bool(node.test))
        words = f"if {test}" if test else "if"
        place = self.box(Kind.BLOCK, (words,), _tip(words, node.results), parent, origin=node.origin)
        if isinstance(node.test, Ssa):
            self.arrow(node.test, place)
        for name, block in (("then", node.then), ("else", node.otherwise)):
            side = self.box(Kind.BLOCK, (name,), "", place)
            self.block(block, side)
            self._gives(block.results, node.results, side)
        return place

    def _loop(self, node: Loop, parent: int | None) -> int:
        words = "while" if node.length is None else f"for {node.index.name or node.symbol} in range({node.length})"
        place = self.box(Kind.BLOCK, (words,), _tip(words, node.results), parent, origin=node.origin)
        for initial, carried in zip(node.initial, node.carried, strict=True):
            self.value(carried, Kind.INPUT, place)
            self.arrow(initial, self._made_by[id(carried)])
        if any(ssa is node.index for block in (node.test, node.body) if block is not None for ssa in _read_in(block)):
            self.value(node.index, Kind.INPUT, place)
        if node.test is not None:
            self.block(node.test, place)
            self.arrow(node.test.results[0], self.box(Kind.RESULT, ("goes on while",), "", place))
        self.block(node.body, place)
        self._gives(node.body.results, (*node.carried, *node.results[len(node.carried) :]), place)
        return place

    def _gives(self, results: tuple[Ssa, ...], names: tuple[Ssa, ...], parent: int) -> None:
        for ssa, named in zip(results, names, strict=True):
            name = named.name or ssa.name or "gives"
            self.arrow(ssa, self.box(Kind.RESULT, (name,), _typed(name, ssa), parent))


def _named(results: tuple[Ssa, ...], words: str) -> str:
    names = ", ".join(ssa.name for ssa in results if ssa.name)
    return f"{names} = {words}" if names else words


def _statics(arguments: Mapping[str, Argument]) -> str:
    """What a call passes that is no tensor: `axis = -1`."""
    return ", ".join(
        text
        for name, argument in arguments.items()
        if not isinstance(argument, Ssa | tuple) and (text := _static(name, argument))
    )


def _static(name: str, value: Value) -> str:
    """One static argument; patterns and dtypes speak for themselves, and the sizes of a pattern have names."""
    match value:
        case NoneValue():
            return ""
        case Str() | DTypeValue():
            return str(value)
        case RecordValue(fields=fields) if name == "sizes":
            return ", ".join(f"{key} = {item}" for key, item in fields)
        case _:
            return f"{name} = {value}"


def _number(value: bool | int | float) -> str:
    """A literal as it is written, or, where that is long, its first digits; the tip has them all."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) and len(repr(value)) > 9 else repr(value)


def _read_in(block: Block) -> Iterator[Ssa]:
    """Every value that a block reads, or one inside of it."""
    yield from block.results
    for node in block.nodes:
        yield from operands_of(node)
        match node:
            case If(then=then, otherwise=otherwise):
                yield from _read_in(then)
                yield from _read_in(otherwise)
            case Loop(test=test, body=body):
                yield from _read_in(body)
                if test is not None:
                    yield from _read_in(test)
            case _:
                pass


def _typed(name: str, ssa: Ssa) -> str:
    return f"{name}: {ssa.type}" if name else str(ssa.type)


def _tip(words: str, results: tuple[Ssa, ...]) -> str:
    return "\n".join((words, *(_typed(ssa.name, ssa) for ssa in results)))
