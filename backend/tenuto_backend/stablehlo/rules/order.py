"""What depends on the order of elements, or puts elements where an index says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import I1, I64, Integer, Ranked, Value, Word
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.rules.index import from_front, full_index
from tenuto_backend.stablehlo.rules.reduce import highest, lowest
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import is_float, kind, shape, wide

_FAR = 2**62  # A place behind all others.


# -------------------------------------------------------------------------------------------------------- the outermost


def _ahead(body: Body, largest: bool, nan_first: bool, a: Value, b: Value) -> Value:
    """Whether `a` comes before `b`; NaN before all numbers or after them."""
    found = tensors.compare(body, "GT" if largest else "LT", a, b)
    if not is_float(kind(a)):
        return found
    one, other = (a, b) if nan_first else (b, a)
    number = tensors.same(body, "not", [tensors.is_nan(body, other)])
    return tensors.same(body, "or", [found, tensors.same(body, "and", [tensors.is_nan(body, one), number])])


def _arg(largest: bool) -> Rule:
    """The place of the largest, or the smallest, along an axis; NaN is before all numbers either way."""

    def rule(site: Site) -> Sequence[Value]:
        body, x = site.body, site.value("x")
        axis, element = site.axis("axis", len(shape(x))), kind(x)

        def better(inside: Body, seen: Sequence[Value]) -> Sequence[Value]:
            a, at_a, b, at_b = seen
            ahead = _ahead(inside, largest, True, a, b)
            behind = _ahead(inside, largest, True, b, a)
            same = tensors.same(inside, "not", [tensors.same(inside, "or", [ahead, behind])])
            earlier = tensors.same(inside, "and", [same, tensors.compare(inside, "LT", at_a, at_b)])
            taken = tensors.same(inside, "or", [ahead, earlier])
            return [tensors.select(inside, taken, a, b), tensors.select(inside, taken, at_a, at_b)]

        worst = tensors.constant(body, lowest(element) if largest else highest(element), element)
        _, found = body.ops(
            "stablehlo.reduce",
            [x, tensors.places(body, shape(x), axis), worst, tensors.constant(body, _FAR, I64)],
            [Ranked(element, site.sizes), Ranked(I64, site.sizes)],
            (tensors.region(body, [element, I64] * 2, better),),
            dimensions=tensors.array([axis]),
        )
        return [found]

    return rule


def _top_k(site: Site) -> Sequence[Value]:
    """All sorted, of which the first stay; of equals the one that stands first. NaN is larger than every number."""
    body, x, largest = site.body, site.value("x"), site.truth("largest")
    axis = len(shape(x)) - 1

    def first(inside: Body, seen: Sequence[Value]) -> Sequence[Value]:
        return [_ahead(inside, largest, largest, seen[0], seen[1])]

    places = tensors.places(body, shape(x), axis)
    found = body.ops(
        "stablehlo.sort",
        [x, places],
        [x.type, places.type],
        (tensors.region(body, [kind(x), kind(x), I64, I64], first),),
        dimension=Integer(axis),
        is_stable=Integer(1, I1),
    )
    return [tensors.part(body, value, axis, 0, site.sizes[axis]) for value in found]


# ------------------------------------------------------------------------------------------------------- running totals


def _cumulative_sum(site: Site) -> Sequence[Value]:
    """Sums of 2, 4, 8 and more neighbours, until they reach over the whole axis."""
    body, x = site.body, site.value("x")
    axis, computed = site.axis("axis", len(shape(x))), wide(kind(x))
    reverse = site.truth("reverse")
    total = tensors.converted(body, x, computed)
    if site.truth("exclusive"):
        total = _moved(body, total, axis, 1, reverse)
    reach = 1
    while reach < shape(x)[axis]:
        total = tensors.same(body, "add", [total, _moved(body, total, axis, reach, reverse)])
        reach *= 2
    return [tensors.converted(body, total, kind(x))]


def _moved(body: Body, x: Value, axis: int, by: int, back: bool) -> Value:
    """Each element from `by` places before it (after it where `back`); noughts where there is none."""
    by = min(by, shape(x)[axis])
    first = [by if at == axis else 0 for at in range(len(shape(x)))]
    last = [-width for width in first]
    nought = tensors.constant(body, 0, kind(x))
    return tensors.padded(body, x, nought, last if back else first, first if back else last)


# ------------------------------------------------------------------------------------------------------- what is placed


def _scattered(adds: bool) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        x, index = site.value("x"), site.value("index")
        rank = len(shape(x))
        axis = site.axis("axis", rank)
        every = tensors.listed(range(rank))
        numbers = f"inserted_window_dims = {every}, scatter_dims_to_operand_dims = {every}, index_vector_dim = {rank}"
        return [_placed(site, full_index(site.body, index, axis, shape(x)[axis]), numbers, adds)]

    return rule


def _index_add(site: Site) -> Sequence[Value]:
    x, index = site.value("x"), site.value("index")
    rank = len(shape(x))
    axis = site.axis("axis", rank)
    window = tensors.listed([at for at in range(rank) if at != axis])
    numbers = (
        f"update_window_dims = {window}, inserted_window_dims = [{axis}], "
        f"scatter_dims_to_operand_dims = [{axis}], index_vector_dim = 1"
    )
    places = from_front(site.body, index, shape(x)[axis])
    return [_placed(site, tensors.reshaped(site.body, places, (*shape(index), 1)), numbers, True)]


def _placed(site: Site, index: Value, numbers: str, adds: bool) -> Value:
    """`x` with updates added to what stands at their places, or in its place."""
    body, x = site.body, site.value("x")

    def update(inside: Body, seen: Sequence[Value]) -> Sequence[Value]:
        return [tensors.same(inside, "add", seen)] if adds else [seen[1]]

    (found,) = body.ops(
        "stablehlo.scatter",
        [x, index, site.value("updates")],
        [x.type],
        (tensors.region(body, [kind(x)] * 2, update),),
        scatter_dimension_numbers=Word(f"#stablehlo.scatter<{numbers}>"),
        indices_are_sorted=Integer(0, I1),
        unique_indices=Integer(0, I1),
    )
    return found


def _update_slice(site: Site) -> Sequence[Value]:
    body, x = site.body, site.value("x")
    axis = site.axis("axis", len(shape(x)))
    start, nought = tensors.converted(body, site.value("start"), I64), tensors.constant(body, 0, I64)
    starts = [start if at == axis else nought for at in range(len(shape(x)))]
    return [tensors.same(body, "dynamic_update_slice", [x, site.value("values"), *starts])]


RULES: Mapping[str, Rule] = {
    "arg_max": _arg(largest=True),
    "arg_min": _arg(largest=False),
    "top_k": _top_k,
    "cumulative_sum": _cumulative_sum,
    "scatter": _scattered(adds=False),
    "scatter_add": _scattered(adds=True),
    "index_add": _index_add,
    "update_slice": _update_slice,
}
