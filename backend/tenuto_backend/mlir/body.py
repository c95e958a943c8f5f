"""Where operations are written: a body with what it knows of values and sizes, and the loops over elements.

A body inside of another (of a branch, of a loop) sees what the outer one knows; what it learns stays its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from tenuto_analysis.dims import ONE, Dim, Leaf
from tenuto_analysis.graph import Ssa, dims_of
from tenuto_analysis.normal_form import single_atom
from tenuto_backend.mlir.operations import (
    INDEX,
    Affine,
    Array,
    Attribute,
    Integer,
    Location,
    Map,
    Number,
    Numbers,
    Operation,
    Ranked,
    Region,
    Scalar,
    Type,
    Value,
    Word,
)


class Axis(Struct, frozen=True):
    """Where a symbol is read: an axis of a tensor, or, where `axis` is None, the value itself."""

    value: Value
    axis: int | None


class Tensor(Struct, frozen=True):
    """A tensor with its sizes as expressions; `number` where it is one number that the program writes."""

    value: Value
    dims: tuple[Dim, ...]
    number: bool | int | float | None = None

    @property
    def element(self) -> Scalar:
        assert isinstance(self.value.type, Ranked)
        return self.value.type.element


Compute = Callable[["Body", Sequence[Value]], Value]
"""From one element of each operand to one element of the result."""


class Body(Struct, eq=False):
    operations: list[Operation] = field(default_factory=list)
    outer: Body | None = None
    location: Location | None = None
    hint: str = ""
    tensors: dict[Ssa, Tensor] = field(default_factory=dict)
    axes: dict[Leaf, Axis] = field(default_factory=dict)
    sizes: dict[object, Value] = field(default_factory=dict)
    weights: frozenset[Ssa] = frozenset()

    # ----------------------------------------------------------------------------------------------------- operations

    def op(self, name: str, operands: Sequence[Value], result: Type, **attributes: Attribute) -> Value:
        """An operation with one result."""
        (found,) = self.ops(name, operands, [result], (), **attributes)
        return found

    def ops(
        self,
        name: str,
        operands: Sequence[Value],
        results: Sequence[Type],
        regions: tuple[Region, ...] = (),
        **attributes: Attribute,
    ) -> tuple[Value, ...]:
        made = tuple(Value(type_, self.hint) for type_ in results)
        self.operations.append(Operation(name, operands, made, tuple(attributes.items()), regions, self.location))
        return made

    def inner(self) -> Body:
        return Body(outer=self, location=self.location, hint=self.hint)

    def constant(self, value: bool | int | float, kind: Scalar) -> Value:
        """A number as a scalar."""
        integral = kind == INDEX or (kind.name[0] == "i" and kind.name[1:].isdigit())
        number = Integer(int(value), kind) if integral else Number(float(value), kind)
        return self.op("arith.constant", [], kind, value=number)

    # -------------------------------------------------------------------------------------------------- what is known

    def bind(self, ssa: Ssa, tensor: Tensor) -> None:
        """What stands for a value of the graph; its shape tells the symbols that stand alone in it."""
        self.tensors[ssa] = tensor
        for axis, dim in enumerate(dims_of(ssa.type)):
            leaf = single_atom(dim)
            if isinstance(leaf, Leaf) and self.axis_of(leaf) is None:
                self.axes[leaf] = Axis(tensor.value, axis)

    def tensor(self, ssa: Ssa) -> Tensor:
        found = next((body.tensors[ssa] for body in self._around() if ssa in body.tensors), None)
        assert found is not None, f"{ssa.name or 'a value'} is used before it is made"
        return found

    def axis_of(self, leaf: Leaf) -> Axis | None:
        return next((body.axes[leaf] for body in self._around() if leaf in body.axes), None)

    def is_weight(self, ssa: Ssa) -> bool:
        return any(ssa in body.weights for body in self._around())

    def size(self, key: object) -> Value | None:
        """A size that was computed already, under the key that it was kept by in `sizes`."""
        return next((body.sizes[key] for body in self._around() if key in body.sizes), None)

    def _around(self) -> Iterator[Body]:
        """This body and those that it is inside of, from the inside."""
        body: Body | None = self
        while body is not None:
            yield body
            body = body.outer


class Loops(Struct, frozen=True):
    """How a tensor is read in loops over elements: for each of its axes a sum of loop variables."""

    tensor: Tensor
    indices: tuple[Affine, ...]


def variable(at: int, factor: int = 1) -> Affine:
    return Affine(((at, factor),))


NOUGHT = Affine()


def aligned(tensor: Tensor, dims: Sequence[Dim]) -> Loops:
    """A tensor that broadcasts to `dims`: an axis of size 1 is read at 0 where the result is longer."""
    before = len(dims) - len(tensor.dims)
    indices = tuple(
        NOUGHT if own is ONE and whole is not ONE else variable(before + at)
        for at, (own, whole) in enumerate(zip(tensor.dims, dims[before:], strict=True))
    )
    return Loops(tensor, indices)


def generic(
    body: Body,
    loops: Sequence[str],
    operands: Sequence[Loops],
    start: Value,
    into: Sequence[Affine],
    compute: Compute,
) -> Value:
    """`linalg.generic`: `compute` sees an element of each operand and the element so far, and gives the next."""

    def computed(inside: Body, seen: Sequence[Value]) -> Sequence[Value]:
        return [compute(inside, seen)]

    (found,) = generics(body, loops, operands, [start], into, computed)
    return found


def generics(
    body: Body,
    loops: Sequence[str],
    operands: Sequence[Loops],
    starts: Sequence[Value],
    into: Sequence[Affine],
    compute: Callable[[Body, Sequence[Value]], Sequence[Value]],
) -> tuple[Value, ...]:
    """`linalg.generic` with several results, all written at the same place."""
    read = [loop for loop in operands if loop.tensor.number is None]
    inside = body.inner()
    inside.hint = ""
    given = {id(loop): Value(loop.tensor.element) for loop in read}
    so_far = [Value(start.type.element) for start in starts if isinstance(start.type, Ranked)]
    seen = [
        given[id(loop)] if loop.tensor.number is None else inside.constant(loop.tensor.number, loop.tensor.element)
        for loop in operands
    ]
    inside.ops("linalg.yield", compute(inside, [*seen, *so_far]), [])
    region = Region((*given.values(), *so_far), inside.operations)
    maps = [Map(len(loops), loop.indices) for loop in read] + [Map(len(loops), tuple(into))] * len(starts)
    return body.ops(
        "linalg.generic",
        [*(loop.tensor.value for loop in read), *starts],
        [start.type for start in starts],
        (region,),
        indexing_maps=Array(tuple(maps)),
        iterator_types=Array(tuple(Word(f"#linalg.iterator_type<{kind}>") for kind in loops)),
        operandSegmentSizes=Numbers((len(read), len(starts)), Scalar("i32")),
    )


PARALLEL = "parallel"
REDUCTION = "reduction"
