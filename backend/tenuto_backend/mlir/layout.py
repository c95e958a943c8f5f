"""The same elements under other indices: axes merged and split, stretches cut out, elements read by index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from tenuto_analysis.dims import ONE, Dim, Relation
from tenuto_backend.mlir.body import PARALLEL, Body, Tensor, generic
from tenuto_backend.mlir.operations import INDEX, Array, Attribute, Integer, Numbers, Ranked, Scalar, Value
from tenuto_backend.mlir.site import DYNAMIC, Site, identity, static
from tenuto_backend.mlir.sizes import compare, sizes
from tenuto_backend.mlir.types import shaped

Groups = list[tuple[list[int], list[int]]]
"""Axes on the left that have as many elements as those on the right, in order."""


def reshaped(site: Site, x: Tensor, dims: Sequence[Dim]) -> Tensor:
    """The elements of `x` in another shape: axes are merged where they must be, then split."""
    if tuple(x.dims) == tuple(dims):
        return x
    groups = groups_of(x.dims, dims)
    merged = _merged(site, x, [left for left, _ in groups])
    assert isinstance(x.value.type, Ranked)
    kind = x.value.type.element
    split = [_size([dims[at] for at in right]) for _, right in groups]
    fitted = site.fitted(merged, Ranked(kind, tuple(split)))
    if all(len(right) == 1 for _, right in groups):
        return Tensor(site.fitted(fitted, shaped(kind, dims)), tuple(dims))
    value = site(
        "tensor.expand_shape",
        [fitted, *sizes(site.body, dims)],
        shaped(kind, dims),
        reassociation=_reassociation([right for _, right in groups]),
        static_output_shape=static(dims),
    )
    return Tensor(value, tuple(dims))


def _merged(site: Site, x: Tensor, groups: list[list[int]]) -> Value:
    if all(len(group) == 1 for group in groups):
        return x.value
    assert isinstance(x.value.type, Ranked)
    type_ = Ranked(x.value.type.element, tuple(_size([x.dims[at] for at in group]) for group in groups))
    return site("tensor.collapse_shape", [x.value], type_, reassociation=_reassociation(groups))


def _size(dims: Sequence[Dim]) -> int | None:
    """What MLIR takes for the size of merged axes: it is known where all of them are."""
    known = [dim.constant for dim in dims]
    return None if None in known else prod(size for size in known if size is not None)


def _reassociation(groups: list[list[int]]) -> Array:
    return Array(tuple(Array(tuple(Integer(at) for at in group)) for group in groups))


def groups_of(left: Sequence[Dim], right: Sequence[Dim]) -> Groups:
    """The finest groups that are found; axes of size 1 join a neighbour."""
    if not left or not right:
        return []
    found: Groups = []
    i = j = 0
    while i < len(left) and j < len(right):
        lengths = _match(left[i:], right[j:])
        if lengths is None:
            break
        found.append(([*range(i, i + lengths[0])], [*range(j, j + lengths[1])]))
        i, j = i + lengths[0], j + lengths[1]
    rest = ([*range(i, len(left))], [*range(j, len(right))])
    if not found or (rest[0] and rest[1]):
        return [*found, rest]
    found[-1][0].extend(rest[0])
    found[-1][1].extend(rest[1])
    return found


def _match(left: Sequence[Dim], right: Sequence[Dim]) -> tuple[int, int] | None:
    """How many axes of each side have as many elements together; the fewest."""
    a = _products(left)
    b = _products(right)
    pairs = [(i + 1, j + 1) for i, x in enumerate(a) for j, y in enumerate(b) if x == y]
    return min(pairs, key=sum, default=None)


def _products(dims: Sequence[Dim]) -> list[Dim]:
    found: list[Dim] = []
    total = ONE
    for dim in dims:
        total = total * dim
        found.append(total)
    return found


# ------------------------------------------------------------------------------------------------------------ stretches


class Stretch:
    """Along one axis: where it begins, how long it is, and how far each step goes; offsets as values."""

    def __init__(self, offset: Value | int, length: Dim, step: int = 1) -> None:
        self.offset = offset
        self.length = length
        self.step = step


def extracted(site: Site, x: Tensor, stretches: Sequence[Stretch], dims: Sequence[Dim]) -> Value:
    """`tensor.extract_slice`; axes of size 1 that `dims` has not are left out."""
    operands, attributes = _cut(site, [x.value], stretches)
    return site("tensor.extract_slice", operands, shaped(x.element, dims), **attributes)


def inserted(site: Site, values: Value, into: Value, stretches: Sequence[Stretch]) -> Value:
    """`tensor.insert_slice`: `into` with `values` in place of a part of it."""
    operands, attributes = _cut(site, [values, into], stretches)
    return site("tensor.insert_slice", operands, into.type, **attributes)


def _cut(
    site: Site, tensors: Sequence[Value], stretches: Sequence[Stretch]
) -> tuple[list[Value], dict[str, Attribute]]:
    """The operands of an operation on a part of a tensor, and what is known of the part."""
    offsets = [item.offset for item in stretches]
    lengths = [item.length for item in stretches]
    open_offsets = [offset for offset in offsets if isinstance(offset, Value)]
    open_lengths = sizes(site.body, lengths)
    known: dict[str, Attribute] = {
        "static_offsets": Numbers(tuple(DYNAMIC if isinstance(offset, Value) else offset for offset in offsets)),
        "static_sizes": static(lengths),
        "static_strides": Numbers(tuple(item.step for item in stretches)),
        "operandSegmentSizes": Numbers((*(1 for _ in tensors), len(open_offsets), len(open_lengths), 0), Scalar("i32")),
    }
    return [*tensors, *open_offsets, *open_lengths], known


# -------------------------------------------------------------------------------------------------------------- indices

Places = Callable[[Body, Sequence[Value]], Sequence[Value]]
"""From the index of an element of the result to the index of the element that it is."""


def gathered(site: Site, x: Tensor, places: Places) -> Value:
    """The result, each element read from `x` at the place that an index says."""
    dims, kind = site.result_shape, site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        own = [body.op("linalg.index", [], INDEX, dim=Integer(at)) for at in range(len(dims))]
        return body.op("tensor.extract", [x.value, *places(body, own)], kind)

    start = site.empty(dims, kind)
    return generic(site.body, [PARALLEL] * len(dims), [], start, identity(len(dims)), compute)


def wrapped(body: Body, place: Value, size: Value) -> Value:
    """A place counted from the end where it is negative."""
    nought = body.constant(0, INDEX)
    negative = compare(body, Relation.LT, place, nought)
    return body.op("arith.select", [negative, body.op("arith.addi", [place, size], INDEX), place], INDEX)
