"""Sizes at run time: expressions over a function's symbols, computed from the shapes of what it takes.

Every size is an `i64[1]` here, so that a shape is a concatenation. A symbol is read off the first value whose shape
has it alone as an axis. `//` and `%` are those of Python; what both operands of a choice compute is computed either
way, so a divisor that only one side needs is held away from 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tenuto_analysis.dims import (
    All,
    Any_,
    Compare,
    Constraint,
    Dim,
    Flag,
    Leaf,
    Not,
    Relation,
    Truth,
    of,
)
from tenuto_analysis.dtypes import BOOL
from tenuto_analysis.normal_form import (
    Atom,
    Conditional,
    Extreme,
    Monomial,
    Power,
    Quotient,
    Remainder,
    ordered_terms,
    single_atom,
)
from tenuto_backend.onnx.dtypes import ELEMENTS
from tenuto_backend.onnx.scope import Array, Scope


def size(scope: Scope, dim: Dim, guarded: bool = False) -> str:
    """A size as an `i64[1]`; `guarded` where it may be computed without being wanted."""
    if dim.constant is not None:
        return scope.integers([dim.constant])
    return _remembered(scope, (dim, guarded)) or _remember(scope, (dim, guarded), _sum(scope, dim, guarded))


def scalar(scope: Scope, dim: Dim) -> str:
    """A size as an `i64[]`."""
    if dim.constant is not None:
        return scope.integer(dim.constant)
    key = ("scalar", dim)
    return _remembered(scope, key) or _remember(scope, key, scope.op("Squeeze", size(scope, dim)))


def shape(scope: Scope, dims: Sequence[Dim]) -> str:
    """Several sizes as one `i64[n]`."""
    constants = [dim.constant for dim in dims if dim.constant is not None]
    if len(constants) == len(dims):
        return scope.integers(constants)
    key = ("shape", *dims)
    found = _remembered(scope, key)
    if found is None:
        parts = _runs(scope, dims)
        found = parts[0] if len(parts) == 1 else scope.op("Concat", *parts, axis=0)
        _remember(scope, key, found)
    return found


def condition(scope: Scope, test: Constraint, guarded: bool = False) -> str:
    """A constraint on sizes as a `bool[1]`."""
    match test:
        case Truth(value):
            return scope.constant(_truth(value), BOOL)
        case Compare(op, left, right):
            return _compare(scope, op, size(scope, left, guarded), size(scope, right, guarded))
        case All(parts):
            return _chain(scope, "And", [condition(scope, part, guarded) for part in parts], True)
        case Any_(parts):
            return _chain(scope, "Or", [condition(scope, part, guarded) for part in parts], False)
        case Not(part):
            return scope.op("Not", condition(scope, part, guarded))
        case Flag(leaf):
            return scope.op("Cast", size(scope, of(leaf), guarded), to=ELEMENTS["bool"])


def _truth(value: bool) -> Array:
    return np.asarray([value])


def _runs(scope: Scope, dims: Sequence[Dim]) -> list[str]:
    """The parts of a shape: neighbouring constants together, neighbouring axes of one value together."""
    parts: list[str] = []
    at = 0
    while at < len(dims):
        end = at + 1
        if dims[at].constant is not None:
            values = []
            while end <= len(dims) and (constant := dims[end - 1].constant) is not None:
                values.append(constant)
                end += 1
            parts.append(scope.integers(values))
            at += len(values)
            continue
        while end < len(dims) and _follows(scope, dims[end - 1], dims[end]):
            end += 1
        parts.append(size(scope, dims[at]) if end == at + 1 else _axes(scope, dims[at:end]))
        at = end
    return parts


def _follows(scope: Scope, first: Dim, second: Dim) -> bool:
    """Whether two sizes are read off neighbouring axes of one value."""
    one, other = single_atom(first), single_atom(second)
    if not isinstance(one, Leaf) or not isinstance(other, Leaf):
        return False
    here, there = scope.axis_of(one), scope.axis_of(other)
    return (
        here is not None
        and there is not None
        and here[1].axis is not None
        and here[1].value == there[1].value
        and there[1].axis == here[1].axis + 1
    )


def _axes(scope: Scope, dims: Sequence[Dim]) -> str:
    """Sizes that are neighbouring axes of one value."""
    leaf = single_atom(dims[0])
    found = scope.axis_of(leaf) if isinstance(leaf, Leaf) else None
    assert found is not None and found[1].axis is not None
    holder, place = found
    key = ("axes", *dims)
    start = found[1].axis
    return _remembered(scope, key) or _remember(
        holder, key, holder.op("Shape", place.value, start=start, end=start + len(dims))
    )


# ---------------------------------------------------------------------------------------------------------- expressions


def _sum(scope: Scope, dim: Dim, guarded: bool) -> str:
    total: str | None = None
    # A term that is subtracted needs something to be subtracted from.
    for monomial, coefficient in sorted(ordered_terms(dim), key=lambda term: (term[1] < 0, not term[0].atoms)):
        if not monomial.atoms:
            part = scope.integers([abs(coefficient)])
        else:
            part = _product(scope, monomial, abs(coefficient), guarded)
        if total is None:
            total = part if coefficient > 0 else scope.op("Neg", part)
        else:
            total = scope.op("Add" if coefficient > 0 else "Sub", total, part)
    assert total is not None, "the sum of nothing is a constant"
    return total


def _product(scope: Scope, monomial: Monomial, factor: int, guarded: bool) -> str:
    parts = [_atom(scope, atom, guarded) for atom in monomial.atoms]
    if factor != 1:
        parts.append(scope.integers([factor]))
    found = parts[0]
    for part in parts[1:]:
        found = scope.op("Mul", found, part)
    return found


def _atom(scope: Scope, atom: Atom, guarded: bool) -> str:
    match atom:
        case Leaf():
            return _leaf(scope, atom)
        case Quotient(dividend, divisor):
            a, b = size(scope, dividend, guarded), _divisor(scope, divisor, guarded)
            if _never_negative(dividend) and _never_negative(divisor):
                return scope.op("Div", a, b)
            return scope.op("Div", scope.op("Sub", a, scope.op("Mod", a, b)), b)
        case Remainder(dividend, divisor):
            return scope.op("Mod", size(scope, dividend, guarded), _divisor(scope, divisor, guarded))
        case Extreme(largest, arguments):
            return scope.op("Max" if largest else "Min", *(size(scope, item, guarded) for item in arguments))
        case Power(base, exponent):
            return scope.op("Pow", size(scope, base, guarded), size(scope, exponent, guarded))
        case Conditional(test, then, otherwise):
            chosen = condition(scope, test, guarded)
            return scope.op("Where", chosen, size(scope, then, True), size(scope, otherwise, True))


def _leaf(scope: Scope, leaf: Leaf) -> str:
    """A symbol, read where it is known: a branch leaves what it reads to those after it."""
    found = scope.axis_of(leaf)
    assert found is not None, f"no value has the size {leaf} alone as an axis"
    holder, place = found
    known = holder.sizes.get(leaf)
    if known is not None:
        return known
    if place.axis is None:
        return _remember(holder, leaf, holder.op("Reshape", place.value, holder.integers([1])))
    return _remember(holder, leaf, holder.op("Shape", place.value, start=place.axis, end=place.axis + 1))


def _divisor(scope: Scope, dim: Dim, guarded: bool) -> str:
    found = size(scope, dim, guarded)
    if not guarded or dim.constant:
        return found
    return scope.op("Where", scope.op("Equal", found, scope.integers([0])), scope.integers([1]), found)


def _never_negative(dim: Dim) -> bool:
    return dim.lowest is not None and dim.lowest >= 0


def _compare(scope: Scope, op: Relation, a: str, b: str) -> str:
    match op:
        case Relation.EQ:
            return scope.op("Equal", a, b)
        case Relation.NE:
            return scope.op("Not", scope.op("Equal", a, b))
        case Relation.LT:
            return scope.op("Less", a, b)
        case Relation.LE:
            return scope.op("LessOrEqual", a, b)
        case Relation.GT:
            return scope.op("Greater", a, b)
        case Relation.GE:
            return scope.op("GreaterOrEqual", a, b)


def _chain(scope: Scope, operator: str, parts: Sequence[str], neutral: bool) -> str:
    if not parts:
        return condition(scope, Truth(neutral))
    found = parts[0]
    for part in parts[1:]:
        found = scope.op(operator, found, part)
    return found


def _remembered(scope: Scope, key: object) -> str | None:
    current: Scope | None = scope
    while current is not None:
        found = current.sizes.get(key)
        if found is not None:
            return found
        current = current.outer
    return None


def _remember(scope: Scope, key: object, value: str) -> str:
    scope.sizes[key] = value
    scope.unit.shared.add(value)
    return value
