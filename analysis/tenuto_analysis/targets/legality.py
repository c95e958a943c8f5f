"""Whether a target can run a program: what stands in the way, each at the place that asks for it.

What a profile does not say raises nothing. A dtype that the target lacks is told where it comes into the program: at
the input or weight whose type names it, at the policy that chooses it, or at the operator that makes it; what only
passes it on is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tenuto_analysis.cost.bytes import bytes_of
from tenuto_analysis.cost.liveness import peak, timeline
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import GraphProblem, Place
from tenuto_analysis.diagnostics.targets import (
    TargetAccumulation,
    TargetAlignment,
    TargetConverts,
    TargetDtype,
    TargetDynamicSize,
    TargetMemory,
    TargetOperator,
    TargetRank,
    TargetSize,
    TileWaste,
    waste,
)
from tenuto_analysis.dims import ONE, Dim, Leaf, evaluate
from tenuto_analysis.dtypes import SCALARS, DType, Quantised, Scalar
from tenuto_analysis.graph import Graph, dims_of
from tenuto_analysis.modules import declaration
from tenuto_analysis.targets.demand import Demand, Use, largest
from tenuto_analysis.targets.profile import Profile
from tenuto_analysis.types import Tensor
from tenuto_grammar import syntax

MOVES = frozenset(
    {
        *("cast", "reshape", "transpose", "permute", "swap_axes", "rearrange", "concat", "stack", "split", "tile"),
        *("expand", "unsqueeze", "take", "gather", "scatter", "slice", "select", "update_slice", "where", "flip"),
        *("roll", "pad", "pad_reflect", "pad_edge", "compress"),
    }
)
"""Operators that move numbers and compute none."""

_HEAVIEST = 3
_OTHERS = 6


def obstacles(profile: Profile, demand: Demand, policy: Place | None) -> Iterator[GraphProblem]:
    """What a target lacks of what is asked; `policy` is where the deploy chooses dtypes, or else the target."""
    yield from _sizes(profile, demand)
    yield from _dtypes(profile, demand, policy)
    yield from _operators(profile, demand)
    yield from _shapes(profile, demand)
    yield from _tiles(profile, demand)


def memory(db: Database, profile: Profile, graph: Graph) -> Iterator[GraphProblem]:
    """Whether weights and activations fit at the largest sizes; weights alone where a size has none."""
    capacity = profile.capacity
    node = declaration(db, graph.file, graph.name)
    if capacity is None or not isinstance(node, syntax.Deploy):
        return
    sizes = largest(graph)
    weights = [(weight.path, evaluate(bytes_of(weight.value.type), sizes) or 0) for weight in graph.entry.weights]
    total = sum(size for _, size in weights)
    activations = activation_bytes(graph, sizes)
    if total + (activations or 0) > capacity:
        heaviest = tuple(sorted(weights, key=lambda item: (-item[1], item[0]))[:_HEAVIEST])
        names = " and ".join(name for name, _ in profile.main)
        place = Place(graph.file, graph.name, node.model.span)
        yield TargetMemory(
            place.span, profile.name, names, capacity, total, activations, heaviest, place=place, calls=()
        )


def activation_bytes(graph: Graph, sizes: Mapping[Leaf, int]) -> int | None:
    """The most that activations take at once at these sizes; None where one is not known."""
    if any(leaf not in sizes for leaf in graph.entry.symbols):
        return None
    found = peak(timeline(graph), sizes)
    return found[0] if found is not None else None


# --------------------------------------------------------------------------------------------------------------- sizes


def _sizes(profile: Profile, demand: Demand) -> Iterator[GraphProblem]:
    wanted = profile.sizes.open
    if wanted == "any":
        return
    for size in demand.open:
        if wanted == "static" or size.most is None:
            yield TargetDynamicSize(
                size.place.span,
                *(profile.name, size.name, "", wanted == "bounded", size.most, size.value),
                place=size.place,
                calls=size.calls,
            )
    for use in demand.uses:
        if use.fresh:
            yield TargetDynamicSize(
                use.place.span, profile.name, "", use.op, False, None, None, place=use.place, calls=use.calls
            )


# -------------------------------------------------------------------------------------------------------------- dtypes


def _dtypes(profile: Profile, demand: Demand, policy: Place | None) -> Iterator[GraphProblem]:
    told: set[str] = set()
    common = _common_cause(profile, demand) if policy is not None else {}
    for dtype, what in common.items():
        assert policy is not None
        others = _multiplied(profile) if what == "product" else _computed(profile, dtype)
        yield _cannot(profile, what, dtype, others, policy, ())
    for stored in demand.stored:
        for dtype in _lacking(profile, (stored.type,)):
            told.add(dtype)
            what = f"{stored.what} `{stored.name}`"
            if stored.written or policy is None:
                yield _lacks(profile, what, dtype, stored.place, stored.calls, stored.written)
            else:
                yield _lacks(profile, what, dtype, policy, (), False)
    for use in demand.uses:
        coming = [*_lacking(profile, use.results)]
        passed = {*_lacking(profile, use.operands)}
        for dtype in coming:
            if dtype not in passed and dtype not in told:
                what = f"a result of `{use.op}`"
                if policy is None or not use.chosen:
                    yield _lacks(profile, what, dtype, use.place, use.calls, False)
                else:
                    yield _lacks(profile, what, dtype, policy, (), False)
        if not coming and not passed:
            yield from _taken(profile, use, common)


def _common_cause(profile: Profile, demand: Demand) -> dict[str, str]:
    """Dtypes that a target does not multiply, or compute in, and that a policy chose all over: one choice, one finding.

    Each with what the target lacks of it.
    """
    found: dict[str, str] = {}
    for dtype, known in profile.dtypes.items():
        uses = [use for use in demand.uses if use.op not in MOVES and dtype in _computed_in(use)]
        products = {use.place for use in uses if use.product}
        if not all(use.chosen for use in uses):
            continue
        if known.operators == "moves" and len(uses) > 1:
            found[dtype] = "operator"
        elif not known.accumulate and len(products) > 1:
            found[dtype] = "product"
    return found


def _lacks(
    profile: Profile, what: str, dtype: str, place: Place, calls: tuple[Place, ...], written: bool
) -> GraphProblem:
    span = place.span if written else None
    conversion = profile.converts.get(dtype)
    if conversion is not None:
        return TargetConverts(
            place.span, profile.name, what, dtype, False, conversion.to, span, place=place, calls=calls
        )
    return TargetDtype(
        place.span, profile.name, what, dtype, False, _alike(profile, dtype), span, place=place, calls=calls
    )


def _cannot(
    profile: Profile, what: str, dtype: str, others: tuple[str, ...], place: Place, calls: tuple[Place, ...]
) -> GraphProblem:
    """A dtype that the target has, and an operator that does not take it."""
    conversion = profile.converts.get(dtype)
    if conversion is not None:
        return TargetConverts(
            place.span, profile.name, what, dtype, True, conversion.to, None, place=place, calls=calls
        )
    return TargetDtype(place.span, profile.name, what, dtype, True, others, None, place=place, calls=calls)


def _computed_in(use: Use) -> Iterator[str]:
    """The dtypes that an operator computes in: of a product those of its factors, as its sums are another matter."""
    return _scalars(use.operands[:2] if use.product else (*use.operands, *use.results))


def _multiplied(profile: Profile) -> tuple[str, ...]:
    """The dtypes that a target multiplies."""
    return tuple(name for name, found in profile.dtypes.items() if found.accumulate)[:_OTHERS]


def _alike(profile: Profile, dtype: str) -> tuple[str, ...]:
    """The dtypes of a target that may stand for another: its own form of it, else those that compute, of one kind."""
    base = dtype.removesuffix("fnuz")
    forms = tuple(name for name in (base, f"{base}fnuz") if name in profile.dtypes)
    return forms or _computed(profile, dtype)


def _taken(profile: Profile, use: Use, common: Mapping[str, str]) -> Iterator[GraphProblem]:
    """Whether the operator takes its dtypes: products, others and what only moves are three kinds."""
    if use.op in MOVES:
        return
    if not use.product:
        for dtype in dict.fromkeys(_computed_in(use)):
            if profile.dtypes[dtype].operators not in ("all", "vector") and common.get(dtype) != "operator":
                yield _cannot(profile, f"`{use.op}`", dtype, _computed(profile, dtype), use.place, use.calls)
        return
    sums = next(_scalars(use.results[:1]))
    for dtype in dict.fromkeys(_computed_in(use)):
        found = profile.dtypes[dtype]
        if dtype in common:
            continue
        if not found.accumulate:
            yield _cannot(profile, "product", dtype, _multiplied(profile), use.place, use.calls)
        elif sums not in found.accumulate and not _kept_as_it_is(dtype, sums) and _is_float(dtype) == _is_float(sums):
            yield TargetAccumulation(
                use.place.span, profile.name, use.op, dtype, sums, found.accumulate, place=use.place, calls=use.calls
            )


def _kept_as_it_is(dtype: str, sums: str) -> bool:
    """A product of 16 bits or more that gives its own dtype leaves to the target in what it sums."""
    return dtype == sums and SCALARS[dtype].bits >= 16


def _computed(profile: Profile, dtype: str) -> tuple[str, ...]:
    """The dtypes of the same kind that a target computes in."""
    computing = (name for name, found in profile.dtypes.items() if found.operators in ("all", "vector"))
    return tuple(name for name in computing if _is_float(name) == _is_float(dtype))[:_OTHERS]


def _is_float(dtype: str) -> bool:
    return dtype.startswith(("f", "bf"))


def _lacking(profile: Profile, types: Iterable[Tensor]) -> Iterator[str]:
    return (dtype for dtype in dict.fromkeys(_scalars(types)) if dtype not in profile.dtypes)


def _scalars(types: Iterable[Tensor]) -> Iterator[str]:
    """The dtypes of a machine in these types: a quantised tensor is its numbers and its scales."""
    for type_ in types:
        yield from _of(type_.dtype)


def _of(dtype: DType) -> Iterator[str]:
    match dtype:
        case Scalar(name=name):
            yield name
        case Quantised(storage=storage, scale=scale):
            yield storage.name
            if scale is not None:
                yield scale.name
        case _:
            pass


# ----------------------------------------------------------------------------------------------- operators and shapes


def _operators(profile: Profile, demand: Demand) -> Iterator[GraphProblem]:
    everywhere = profile.lacks.get("any", ())
    for use in demand.uses:
        if use.op in everywhere:
            yield TargetOperator(use.place.span, profile.name, use.op, "", place=use.place, calls=use.calls)
            continue
        for dtype in dict.fromkeys(_scalars(use.operands or use.results)):
            if use.op in profile.lacks.get(dtype, ()):
                yield TargetOperator(use.place.span, profile.name, use.op, dtype, place=use.place, calls=use.calls)
                break


def _shapes(profile: Profile, demand: Demand) -> Iterator[GraphProblem]:
    for stored in demand.stored:
        what = f"{stored.what} `{stored.name}`"
        yield from _shape(profile, what, stored.type, stored.place, stored.calls)
    for use in demand.uses:
        # What is passed on has been told where it was made.
        before = {type_.shape for type_ in use.operands}
        for type_ in use.results:
            if type_.shape not in before:
                yield from _shape(profile, f"a result of `{use.op}`", type_, use.place, use.calls)


def _shape(
    profile: Profile, what: str, type_: Tensor, place: Place, calls: tuple[Place, ...]
) -> Iterator[GraphProblem]:
    rank = len(type_.shape)
    if profile.rank is not None and rank > profile.rank.value:
        yield TargetRank(place.span, profile.name, what, rank, int(profile.rank.value), place=place, calls=calls)
    if profile.largest is not None:
        longest = max((size.constant or 0 for size in dims_of(type_)), default=0)
        if longest > profile.largest.value:
            most = int(profile.largest.value)
            yield TargetSize(place.span, profile.name, what, longest, most, place=place, calls=calls)


def _tiles(profile: Profile, demand: Demand) -> Iterator[GraphProblem]:
    for use in demand.uses:
        sizes = product_sizes(use)
        if sizes is None:
            continue
        dtype = next(_scalars(use.operands[:1]), "")
        for tile in profile.tiles:
            if dtype not in tile.dtypes:
                continue
            for axis, size, multiple in zip("MKN", sizes, (tile.m, tile.k, tile.n), strict=True):
                number = size.constant
                if multiple is None or not number or number % multiple == 0:
                    continue
                if tile.required:
                    yield TargetAlignment(
                        *(use.place.span, profile.name, use.op, axis, number, multiple),
                        place=use.place,
                        calls=use.calls,
                    )
                elif tile.tolerated is not None and waste(number, multiple) > tile.tolerated:
                    yield TileWaste(
                        use.place.span, profile.name, axis, number, multiple, place=use.place, calls=use.calls
                    )


def product_sizes(use: Use) -> tuple[Dim, Dim, Dim] | None:
    """`M`, `K` and `N` of a product `[.., M, K] @ [.., K, N]`; None of other operators."""
    if use.op != "matmul" or len(use.operands) != 2:
        return None
    a, b = map(dims_of, use.operands)
    rows = a[-2] if len(a) > 1 else ONE
    return rows, a[-1], b[-1]
