"""The typed graph of a deploy: what the back ends take.

One function per definition and static arguments; values are assigned once and carry their full type, whose sizes are
expressions over the symbols that the function owns. Static control flow is gone, loops and branches that a run decides
are nodes. A primitive is named as `std` declares it; what a caller passes stands under the parameters' names, static
arguments as the values that the checker knows. `verify` (in `graph_check.py`) tells what holds of every graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Constraint, Dim, Leaf
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.precision.policies import F32, Field, Precision
from tenuto_analysis.types import Tensor, Value


class Ssa(Struct, eq=False):
    """A tensor that one node makes; `name` is what the source calls it, or empty.

    `role` is the field of the policy in force that gave it its dtype; None where the program names the dtype.
    """

    type: Tensor
    name: str = ""
    role: Field | None = None


Argument = Ssa | tuple["Argument", ...] | Value
"""What stands under a parameter's name: a tensor, a list or tuple of arguments, or a static value."""


class Apply(Struct, eq=False):
    """A primitive of `std`, or `slice` or `select`, which the language writes as an index.

    A `cast` that a policy asks for, and the program does not write, is `inserted`. `target` names where a clause of the
    statement places it.
    """

    op: str
    arguments: Mapping[str, Argument]
    results: tuple[Ssa, ...]
    origin: Place
    inserted: bool = False
    target: tuple[str, ...] = ()


class Literal(Struct, eq=False):
    """A number written in the program, in the dtype of what it meets."""

    value: bool | int | float
    result: Ssa
    origin: Place

    @property
    def results(self) -> tuple[Ssa, ...]:
        return (self.result,)


class Size(Struct, eq=False):
    """A size as an `i64[]`."""

    dim: Dim
    result: Ssa
    origin: Place

    @property
    def results(self) -> tuple[Ssa, ...]:
        return (self.result,)


class Call(Struct, eq=False):
    """A call of a function; `part` is the path of the model that is called, below the caller, or empty.

    `arguments` are those of the source, by name; `operands` are the tensors among them, in the order of the function's
    inputs; `sizes` gives what the callee's symbols are in the caller's terms. `target` names where a clause of the
    statement, or of the part, places it.
    """

    function: Function
    arguments: Mapping[str, Argument]
    operands: tuple[Ssa, ...]
    weights: tuple[Ssa, ...]
    sizes: Mapping[Leaf, Dim]
    results: tuple[Ssa, ...]
    part: str
    origin: Place
    target: tuple[str, ...] = ()


class Block(Struct, eq=False):
    nodes: list[Node] = field(default_factory=list)
    results: tuple[Ssa, ...] = ()


class If(Struct, eq=False):
    """`test` is a `bool[]`, or a condition on sizes that only a run knows."""

    test: Ssa | Constraint
    then: Block
    otherwise: Block
    results: tuple[Ssa, ...]
    origin: Place


class Loop(Struct, eq=False):
    """A loop that a run carries out: `length` times, or, where it is None, while `test` gives true.

    Each step sees `carried`, whose first values are `initial`, and `index`, the number of the step, which is also the
    size `symbol`. The first results of `body` are the next `carried`, the others are what it collects: they are stacked
    in `results` after the last `carried`.
    """

    length: Dim | None
    symbol: Leaf
    index: Ssa
    initial: tuple[Ssa, ...]
    carried: tuple[Ssa, ...]
    test: Block | None
    body: Block
    results: tuple[Ssa, ...]
    origin: Place


Node = Apply | Literal | Size | Call | If | Loop


class Initialiser(Struct, frozen=True):
    """What draws a weight where no checkpoint gives it: `normal(std = 0.02)`."""

    name: str
    arguments: tuple[Value, ...]
    named: tuple[tuple[str, Value], ...]


class Weight(Struct, eq=False):
    """A weight that a function takes, by its path below the model: `layer.3.attention.query.weight`.

    `policy` is the one in force where it is declared. Back ends are given a quantised weight as its numbers and its
    scales, and `typed` is its type in the language.
    """

    path: str
    value: Ssa
    initialiser: Initialiser | None
    policy: Precision = F32
    typed: Tensor | None = None


class Function(Struct, eq=False):
    """A definition for one choice of static arguments (`statics`).

    `symbols` are the sizes that it owns; each can be read off the shape of an input or a weight, or stands in
    `size_inputs`, whose values a caller passes after the inputs. `output_names` name the results where the definition
    returns a record or a tuple. `assumed` is what it takes for granted about its sizes, each with the reason given.
    `policy` is the one in force in its body; `target` is what its `target` clause names.
    """

    name: str
    file: str
    key: str
    doc: str | None
    statics: tuple[tuple[str, Value], ...]
    inputs: tuple[Ssa, ...]
    size_inputs: tuple[tuple[Leaf, Ssa], ...] = ()
    weights: tuple[Weight, ...] = ()
    symbols: tuple[Leaf, ...] = ()
    body: Block = field(default_factory=Block)
    output_names: tuple[str, ...] = ()
    assumed: tuple[tuple[Constraint, str], ...] = ()
    policy: Precision = F32
    target: tuple[str, ...] = ()

    @property
    def results(self) -> tuple[Ssa, ...]:
        return self.body.results


class Graph(Struct, eq=False):
    """A deploy: its functions, callees before callers, the last of which is the entry."""

    name: str
    file: str
    functions: tuple[Function, ...]
    bounds: tuple[Constraint, ...]

    @property
    def entry(self) -> Function:
        return self.functions[-1]

    @property
    def assumed(self) -> tuple[tuple[Constraint, str], ...]:
        """What the deployed model takes for granted, each with its reason."""
        return self.entry.assumed


def tensors_of(argument: Argument) -> Iterator[Ssa]:
    """The tensors in an argument, in order."""
    if isinstance(argument, Ssa):
        yield argument
    elif isinstance(argument, tuple):
        for item in argument:
            yield from tensors_of(item)


def blocks_of(node: Node) -> tuple[Block, ...]:
    match node:
        case If(then=then, otherwise=otherwise):
            return (then, otherwise)
        case Loop(test=test, body=body):
            return (body,) if test is None else (test, body)
        case _:
            return ()


def operands_of(node: Node) -> Iterator[Ssa]:
    """The values that a node reads itself; what its blocks read is theirs."""
    match node:
        case Apply(arguments=arguments):
            for argument in arguments.values():
                yield from tensors_of(argument)
        case Call(operands=operands, weights=weights):
            yield from operands
            yield from weights
        case If(test=Ssa() as test):
            yield test
        case Loop(initial=initial):
            yield from initial
        case _:
            pass


def walk(block: Block) -> Iterator[Node]:
    """Every node of a block and of the blocks inside."""
    for node in block.nodes:
        yield node
        for inner in blocks_of(node):
            yield from walk(inner)


def captured(block: Block) -> tuple[Ssa, ...]:
    """The values from outside that the nodes of a block, and its results, read."""
    made: set[Ssa] = set()
    found: dict[Ssa, None] = {}

    def read(inner: Block) -> None:
        for node in inner.nodes:
            found.update((ssa, None) for ssa in operands_of(node) if ssa not in made)
            if isinstance(node, Loop):
                made.update((node.index, *node.carried))
            for part in blocks_of(node):
                read(part)
            made.update(node.results)
        found.update((ssa, None) for ssa in inner.results if ssa not in made)

    read(block)
    return tuple(found)


def given(function: Function) -> Iterator[Ssa]:
    """The values that a function has before its first node."""
    yield from function.inputs
    yield from (ssa for _, ssa in function.size_inputs)
    yield from (weight.value for weight in function.weights)


def told_by(ssa: Ssa) -> Iterator[Leaf]:
    """The symbols that the shape of a value tells at run time: those that stand alone in it."""
    for item in ssa.type.shape:
        atom = single_atom(item) if isinstance(item, Dim) else None
        if isinstance(atom, Leaf):
            yield atom


def sizes_read_by(node: Node) -> Iterator[Dim]:
    """The sizes whose values a run must know to carry out a node."""
    match node:
        case Apply(arguments=arguments):
            for argument in arguments.values():
                if not isinstance(argument, Ssa | tuple):
                    yield from dims_in(argument)
        case Size(dim=dim):
            yield dim
        case If(test=test) if not isinstance(test, Ssa):
            yield from dims_in(test)
        case Loop(length=length) if length is not None:
            yield length
        case _:
            pass


def dims_in(value: object) -> Iterator[Dim]:
    """Every size inside of a value, a condition or a shape."""
    if isinstance(value, Dim):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from dims_in(item)
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from dims_in(getattr(value, name))


def dims_of(type_: Tensor) -> tuple[Dim, ...]:
    """The sizes of a tensor; a graph holds no pack that is not known."""
    return tuple(item for item in type_.shape if isinstance(item, Dim))
