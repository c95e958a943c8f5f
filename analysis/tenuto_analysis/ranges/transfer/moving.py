"""Elements that are moved, chosen, joined or repeated: their range stays, what is said of axes follows the axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from tenuto_analysis.dims import Dim
from tenuto_analysis.graph import Ssa
from tenuto_analysis.ranges.frames import Step
from tenuto_analysis.ranges.values import (
    UNKNOWN,
    Fact,
    Range,
    Some,
    joined,
    softened,
)
from tenuto_analysis.types import Int, TupleValue


def moved(step: Step) -> Range:
    """All elements, elsewhere."""
    x = step.range("x")
    if x.some is None and x.least is None and x.total is None and not x.facts:
        return x
    return replace(x, some=None, least=None, total=None, facts=())


def expanded(step: Step) -> Range:
    return replace(step.range("x"), total=None)


def unsqueezed(step: Step) -> Range:
    x = step.range("x")
    rank = len(step.result.type.shape)
    at = step.integer("axis") % rank
    behind = at - rank
    facts = tuple(_with_axis(fact, at) for fact in x.facts)
    return replace(
        x,
        facts=tuple(fact for fact in facts if fact is not None),
        some=_shifted(x.some, behind),
        least=_shifted(x.least, behind),
        total=_shifted(x.total, behind),
    )


def _with_axis(fact: Fact, at: int) -> Fact | None:
    """A fact, where an axis of size 1 was put in: one that was missing is back."""
    if not fact.missing:
        return None
    if at == fact.missing[0] or (fact.aligned and at == fact.missing[-1]):
        return replace(fact, missing=tuple(axis for axis in fact.missing if axis != at))
    return None


def _shifted(some: Some | None, behind: int) -> Some | None:
    """Axes from the end, where one was put in at `behind`."""
    if some is None:
        return None
    return Some(tuple(axis - 1 if axis <= behind else axis for axis in some.axes), some.low)


def transposed(step: Step) -> Range:
    x = step.range("x")
    swap = {-1: -2, -2: -1}

    def swapped(some: Some | None) -> Some | None:
        return None if some is None else Some(tuple(swap.get(axis, axis) for axis in some.axes), some.low)

    return replace(x, facts=(), some=swapped(x.some), least=swapped(x.least), total=swapped(x.total))


def permuted(step: Step) -> Range:
    x = step.range("x")
    order = step.node.arguments.get("order")
    if (x.some is None and x.least is None and x.total is None) or not isinstance(order, TupleValue):
        return moved(step)
    rank = len(order.items)
    places = [
        item.value.constant % rank for item in order.items if isinstance(item, Int) and item.value.constant is not None
    ]
    if len(places) != rank:
        return moved(step)

    def led(some: Some | None) -> Some | None:
        return None if some is None else Some(tuple(places.index(axis % rank) - rank for axis in some.axes), some.low)

    return replace(x, facts=(), some=led(x.some), least=led(x.least), total=led(x.total))


def part(step: Step) -> Range:
    """Some of the elements."""
    x = step.range("x")
    if x.uniform:
        return replace(x, facts=(), some=None, least=None, total=None)
    return replace(
        x,
        low_met=False,
        high_met=False,
        facts=(),
        some=None,
        least=None,
        total=None,
        causes=softened(x.causes) if x.causes else (),
    )


def parts(step: Step) -> tuple[Range, ...]:
    """`split`."""
    found = part(step)
    return (found,) * len(step.node.results)


def united_parts(step: Step) -> Range:
    """`concat`, `stack`."""
    found: Range | None = None
    for item in step.parts("parts"):
        plain = replace(item, facts=(), some=None, least=None, total=None)
        found = plain if found is None else _beside(found, plain)
    return found if found is not None else UNKNOWN


def _beside(a: Range, b: Range) -> Range:
    """Two parts of one tensor: what is met in either is met."""
    found = joined(a, b)
    low_met = (a.low == found.low and a.low_met) or (b.low == found.low and b.low_met)
    high_met = (a.high == found.high and a.high_met) or (b.high == found.high and b.high_met)
    return replace(found, low_met=low_met, high_met=high_met)


def padded(step: Step) -> Range:
    x = replace(step.range("x"), facts=(), some=None, least=None, total=None)
    return replace(joined(x, replace(step.range("value"), facts=())), fixed=False)


def taken(step: Step) -> Range:
    """`take`, `gather`: any of the elements, perhaps none of some."""
    return part(step)


def scattered(step: Step) -> Range:
    return replace(
        joined(
            replace(step.range("x"), facts=(), some=None, least=None, total=None),
            replace(step.range("updates"), facts=(), some=None, least=None, total=None),
        ),
        fixed=False,
    )


def scattered_sum(step: Step) -> Range:
    """Any number of updates may be added at one place, up to all of them."""
    x, updates = step.range("x"), step.range("updates")
    ssa = step.ssa("updates")
    axis = step.integer("axis", -1) % max(len(ssa.type.shape), 1)
    n = step.count(ssa, (axis,)).high
    ends = []
    for base, end, known, base_known in (
        (x.low, min(updates.low, 0), updates.low_known, x.low_known),
        (x.high, max(updates.high, 0), updates.high_known, x.high_known),
    ):
        if end == 0:
            ends.append((base, base_known))
        elif n is None:
            ends.append((float("-inf") if end < 0 else float("inf"), False))
        else:
            slack = 1 + n * 2.0**-24 if step.format is not None else 1
            ends.append((base + end * n * slack, known and base_known))
    finite = tuple(abs(end) != float("inf") for end, _ in ends)
    return step.close(
        ends[0][0],
        ends[1][0],
        (ends[0][1], ends[1][1]),
        finite=(finite[0], finite[1]),
        nan=x.nan or updates.nan,
    )


def updated(step: Step) -> Range:
    x = replace(step.range("x"), facts=(), some=None, least=None, total=None)
    return replace(joined(x, replace(step.range("values"), facts=(), some=None, least=None, total=None)), fixed=False)


def best(step: Step) -> tuple[Range, ...]:
    """`top_k`: the values, and their places."""
    x, values = step.range("x"), part(step)
    if x.some is not None and x.some.axes == (-1,) and step.flag("largest") and step.integer("k") >= 1:
        values = replace(values, some=x.some)
    return (values, _places(step, step.node.results[1], -1))


def place(step: Step) -> Range:
    """`arg_max`, `arg_min`."""
    return _places(step, step.result, step.integer("axis", -1))


def _places(step: Step, result: Ssa, axis: int) -> Range:
    shape = step.ssa("x").type.shape
    size = shape[axis % len(shape)]
    high = step.extent(size).high if isinstance(size, Dim) else None
    return _counted(high)


def _counted(high: int | None) -> Range:
    return Range(0, float("inf") if high is None else max(high - 1, 0), True, high is not None)


def places_of_true(step: Step) -> Range:
    name = "keep" if "keep" in step.node.arguments else "x"
    sizes = [step.extent(size).high for size in step.ssa(name).type.shape if isinstance(size, Dim)]
    bounded = [size for size in sizes if size is not None]
    return _counted(max(bounded) if len(bounded) == len(sizes) and sizes else None)


def counting(step: Step) -> Range:
    """`arange`: 0 stands at the beginning."""
    n = step.node.arguments.get("n")
    extent = step.extent(n.value) if isinstance(n, Int) else None
    high = extent.high if extent is not None else None
    only = extent is not None and extent.only is not None
    found = _counted(high)
    return replace(found, low_met=True, high_met=only, high_known=found.high_known, fixed=True, least=Some((-1,), 0))


def chosen(step: Step) -> Range:
    return part(step)


MOVING: Mapping[str, Callable[[Step], Range | tuple[Range, ...]]] = {
    "reshape": moved,
    "transpose": transposed,
    "permute": permuted,
    "swap_axes": moved,
    "rearrange": moved,
    "flip": moved,
    "roll": moved,
    "tile": moved,
    "expand": expanded,
    "unsqueeze": unsqueezed,
    "slice": part,
    "select": part,
    "split": parts,
    "concat": united_parts,
    "stack": united_parts,
    "pad": padded,
    "pad_reflect": part,
    "pad_edge": part,
    "resize_nearest": part,
    "take": taken,
    "gather": taken,
    "compress": part,
    "scatter": scattered,
    "scatter_add": scattered_sum,
    "index_add": scattered_sum,
    "update_slice": updated,
    "top_k": best,
    "arg_max": place,
    "arg_min": place,
    "nonzero": places_of_true,
    "true_positions": places_of_true,
    "arange": counting,
}
