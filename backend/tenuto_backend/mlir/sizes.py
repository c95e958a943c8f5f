"""Sizes at run time: expressions over a function's symbols as values of type `index`.

`//` and `%` are those of Python. What both sides of a choice compute is computed either way, so a divisor that only one
side needs is held away from 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenuto_analysis.dims import All, Any_, Compare, Constraint, Dim, Flag, Leaf, Not, Relation, Truth, of
from tenuto_analysis.normal_form import Atom, Conditional, Extreme, Monomial, Power, Quotient, Remainder, ordered_terms
from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import I1, I64, INDEX, Integer, Value

_PREDICATES = {Relation.EQ: 0, Relation.NE: 1, Relation.LT: 2, Relation.LE: 3, Relation.GT: 4, Relation.GE: 5}


def size(body: Body, dim: Dim, guarded: bool = False) -> Value:
    """A size; `guarded` where it may be computed without being wanted."""
    known = body.size((dim, guarded))
    if known is not None:
        return known
    hint, body.hint = body.hint, ""
    found = body.constant(dim.constant, INDEX) if dim.constant is not None else _sum(body, dim, guarded)
    body.hint = hint
    body.sizes[(dim, guarded)] = found
    return found


def sizes(body: Body, dims: Sequence[Dim]) -> list[Value]:
    """Those that only a run knows, as operations with dynamic sizes take them."""
    return [size(body, dim) for dim in dims if dim.constant is None]


def condition(body: Body, test: Constraint, guarded: bool = False) -> Value:
    """A constraint on sizes as an `i1`."""
    match test:
        case Truth(value):
            return body.constant(value, I1)
        case Compare(op, left, right):
            return compare(body, op, size(body, left, guarded), size(body, right, guarded))
        case All(parts):
            return _chain(body, "arith.andi", [condition(body, part, guarded) for part in parts], True)
        case Any_(parts):
            return _chain(body, "arith.ori", [condition(body, part, guarded) for part in parts], False)
        case Not(part):
            return body.op("arith.xori", [condition(body, part, guarded), body.constant(True, I1)], I1)
        case Flag(leaf):
            return compare(body, Relation.NE, size(body, of(leaf), guarded), body.constant(0, INDEX))


def compare(body: Body, op: Relation, a: Value, b: Value) -> Value:
    """Two integers with their signs."""
    return body.op("arith.cmpi", [a, b], I1, predicate=Integer(_PREDICATES[op]))


def _sum(body: Body, dim: Dim, guarded: bool) -> Value:
    total: Value | None = None
    for monomial, coefficient in ordered_terms(dim):
        part = _product(body, monomial, coefficient, guarded)
        total = part if total is None else body.op("arith.addi", [total, part], INDEX)
    assert total is not None, "the sum of nothing is a constant"
    return total


def _product(body: Body, monomial: Monomial, factor: int, guarded: bool) -> Value:
    parts = [_atom(body, atom, guarded) for atom in monomial.atoms]
    if factor != 1 or not parts:
        parts.append(body.constant(factor, INDEX))
    found = parts[0]
    for part in parts[1:]:
        found = body.op("arith.muli", [found, part], INDEX)
    return found


def _atom(body: Body, atom: Atom, guarded: bool) -> Value:
    match atom:
        case Leaf():
            return _leaf(body, atom)
        case Quotient(dividend, divisor):
            return body.op("arith.floordivsi", [size(body, dividend, guarded), _divisor(body, divisor, guarded)], INDEX)
        case Remainder(dividend, divisor):
            a, b = size(body, dividend, guarded), _divisor(body, divisor, guarded)
            whole = body.op("arith.muli", [body.op("arith.floordivsi", [a, b], INDEX), b], INDEX)
            return body.op("arith.subi", [a, whole], INDEX)
        case Extreme(largest, arguments):
            found, *rest = [size(body, item, guarded) for item in arguments]
            for other in rest:
                found = body.op("arith.maxsi" if largest else "arith.minsi", [found, other], INDEX)
            return found
        case Power(base, exponent):
            wide = [body.op("arith.index_cast", [size(body, item, guarded)], I64) for item in (base, exponent)]
            return body.op("arith.index_cast", [body.op("math.ipowi", wide, I64)], INDEX)
        case Conditional(test, then, otherwise):
            chosen = condition(body, test, guarded)
            return body.op("arith.select", [chosen, size(body, then, True), size(body, otherwise, True)], INDEX)


def _leaf(body: Body, leaf: Leaf) -> Value:
    found = body.axis_of(leaf)
    assert found is not None, f"no value has the size {leaf} alone as an axis"
    if found.axis is None:
        return found.value
    return body.op("tensor.dim", [found.value, body.constant(found.axis, INDEX)], INDEX)


def _divisor(body: Body, dim: Dim, guarded: bool) -> Value:
    found = size(body, dim, guarded)
    if not guarded or dim.constant:
        return found
    at_least = body.constant(1, INDEX)
    return body.op("arith.maxsi", [found, at_least], INDEX)


def _chain(body: Body, operator: str, parts: Sequence[Value], neutral: bool) -> Value:
    if not parts:
        return body.constant(neutral, I1)
    found = parts[0]
    for part in parts[1:]:
        found = body.op(operator, [found, part], I1)
    return found
