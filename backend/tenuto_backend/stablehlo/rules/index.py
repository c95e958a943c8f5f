"""Elements chosen by index, and the two operations that the language writes as an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from tenuto_analysis.dims import Dim
from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import I1, I64, Integer, Value, Word
from tenuto_backend.stablehlo import sizes, tensors
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import kind, shape


def from_front(body: Body, index: Value, size: int) -> Value:
    """Places counted from the end where they are negative, as `i64`."""
    wide = tensors.converted(body, index, I64)
    negative = tensors.compare(body, "LT", wide, tensors.like(body, 0, wide))
    return tensors.select(body, negative, tensors.same(body, "add", [wide, tensors.like(body, size, wide)]), wide)


def full_index(body: Body, index: Value, axis: int, size: int) -> Value:
    """For each element of `index` its place along every axis: as `index` says along one, its own along the others."""
    own = shape(index)
    columns = [from_front(body, index, size) if at == axis else tensors.places(body, own, at) for at in range(len(own))]
    return tensors.joined(body, [tensors.reshaped(body, column, (*own, 1)) for column in columns], len(own))


def _take(site: Site) -> Sequence[Value]:
    """Along an axis of `x` the slices that `index` says; its axes stand where that axis was."""
    x = site.value("x")
    axis = site.axis("axis", len(shape(x)))
    return [tensors.taken(site.body, x, axis, from_front(site.body, site.value("index"), shape(x)[axis]))]


def _gather(site: Site) -> Sequence[Value]:
    """Of each line along an axis the element that `index` says."""
    body, x = site.body, site.value("x")
    rank = len(shape(x))
    if not prod(site.sizes):
        return [tensors.constant(body, 0, kind(x), site.sizes)]
    axis = site.axis("axis", rank)
    every = tensors.listed(range(rank))
    numbers = f"#stablehlo.gather<collapsed_slice_dims = {every}, start_index_map = {every}, index_vector_dim = {rank}>"
    found = tensors.made(
        body,
        "gather",
        [x, full_index(body, site.value("index"), axis, shape(x)[axis])],
        kind(x),
        site.sizes,
        dimension_numbers=Word(numbers),
        slice_sizes=tensors.array([1] * rank),
        indices_are_sorted=Integer(0, I1),
    )
    return [found]


def _slice(site: Site) -> Sequence[Value]:
    """Bounds as in Python. How long the result is, its type says; so only where it begins is computed."""
    body, x = site.body, site.value("x")
    axes = site.numbers("axes")
    for axis, start, step in zip(axes, site.bounds("starts"), site.bounds("steps"), strict=True):
        constant = 1 if step is None else step.constant
        assert constant is not None, "the step of a slice is known"
        x = _stretch(body, x, axis, start, site.sizes[axis], constant)
    return [x]


def _stretch(body: Body, x: Value, axis: int, start: Dim | None, length: int, step: int) -> Value:
    size = shape(x)[axis]
    if start is not None and start.constant is None:
        first = _held(body, sizes.size(body, start), size, size if step > 0 else size - 1)
        places = tensors.places(body, (length,), 0)
        places = tensors.same(body, "multiply", [places, tensors.like(body, step, places)])
        places = tensors.same(body, "add", [tensors.aligned(body, first, (length,)), places])
        return tensors.taken(body, x, axis, places)
    begin = range(size)[slice(None if start is None else start.constant, None, step)].start
    if not length:
        return tensors.part(body, x, axis, 0, 0)
    last = begin + (length - 1) * step
    if step > 0:
        return tensors.part(body, x, axis, begin, last + 1, step)
    return tensors.reversed_(body, tensors.part(body, x, axis, last, begin + 1, -step), [axis])


def _held(body: Body, place: Value, size: int, highest: int) -> Value:
    """A place from the front, held inside."""
    found = tensors.same(body, "maximum", [from_front(body, place, size), tensors.like(body, 0, place)])
    return tensors.same(body, "minimum", [found, tensors.like(body, highest, place)])


def _select(site: Site) -> Sequence[Value]:
    body, x, place = site.body, site.value("x"), site.dim("index")
    own = shape(x)
    axis = site.axis("axis", len(own))
    if place.constant is not None:
        at = place.constant % own[axis] if own[axis] else 0
        return [tensors.reshaped(body, tensors.part(body, x, axis, at, at + 1), site.sizes)]
    start = from_front(body, sizes.size(body, place), own[axis])
    nought = tensors.constant(body, 0, I64)
    row = tuple(1 if at == axis else size for at, size in enumerate(own))
    starts = [start if at == axis else nought for at in range(len(own))]
    found = tensors.made(body, "dynamic_slice", [x, *starts], kind(x), row, slice_sizes=tensors.array(row))
    return [tensors.reshaped(body, found, site.sizes)]


RULES: Mapping[str, Rule] = {"take": _take, "gather": _gather, "slice": _slice, "select": _select}
