"""Sizes that a run must compute, because they depend on the step of a loop: scalars of `i64`."""

from __future__ import annotations

from collections.abc import Sequence

from tenuto_analysis.dims import All, Any_, Compare, Constraint, Dim, Flag, Leaf, Not, Relation, Truth, of
from tenuto_analysis.normal_form import Atom, Conditional, Extreme, Monomial, Power, Quotient, Remainder, ordered_terms
from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import I1, I64, Value
from tenuto_backend.stablehlo.tensors import compare, constant, like, same, select
from tenuto_backend.stablehlo.types import NotLowered, kind

DIRECTIONS = {
    Relation.EQ: "EQ",
    Relation.NE: "NE",
    Relation.LT: "LT",
    Relation.LE: "LE",
    Relation.GT: "GT",
    Relation.GE: "GE",
}


def size(body: Body, dim: Dim) -> Value:
    if dim.constant is not None:
        return constant(body, dim.constant, I64)
    parts = [_product(body, monomial, factor) for monomial, factor in ordered_terms(dim)]
    return _folded(body, "add", parts)


def condition(body: Body, test: Constraint) -> Value:
    """A constraint on sizes as a truth value."""
    match test:
        case Truth(value):
            return constant(body, value, I1)
        case Compare(op, left, right):
            return compare(body, DIRECTIONS[op], size(body, left), size(body, right))
        case All(parts):
            return _folded(body, "and", [constant(body, True, I1), *(condition(body, part) for part in parts)])
        case Any_(parts):
            return _folded(body, "or", [constant(body, False, I1), *(condition(body, part) for part in parts)])
        case Not(part):
            return same(body, "not", [condition(body, part)])
        case Flag(leaf):
            number = size(body, of(leaf))
            return compare(body, "NE", number, like(body, 0, number))


def _product(body: Body, monomial: Monomial, factor: int) -> Value:
    parts = [_atom(body, atom) for atom in monomial.atoms]
    if factor != 1 or not parts:
        parts.append(constant(body, factor, I64))
    return _folded(body, "multiply", parts)


def _atom(body: Body, atom: Atom) -> Value:
    match atom:
        case Leaf():
            found = body.axis_of(atom)
            if found is None:
                raise NotLowered(f"the size `{atom}` is known only at run time, and those of StableHLO are numbers")
            return found.value
        case Quotient(dividend, divisor):
            return floor_divide(body, size(body, dividend), size(body, divisor))
        case Remainder(dividend, divisor):
            return modulo(body, size(body, dividend), size(body, divisor))
        case Extreme(largest, arguments):
            return _folded(body, "maximum" if largest else "minimum", [size(body, item) for item in arguments])
        case Power(base, exponent):
            return same(body, "power", [size(body, base), size(body, exponent)])
        case Conditional(test, then, otherwise):
            return select(body, condition(body, test), size(body, then), size(body, otherwise))


def floor_divide(body: Body, a: Value, b: Value) -> Value:
    """Of integers with a sign, down: `divide` goes towards 0."""
    quotient = same(body, "divide", [a, b])
    wrong = _wrong_sign(body, same(body, "remainder", [a, b]), b)
    return select(body, wrong, same(body, "subtract", [quotient, like(body, 1, a)]), quotient)


def modulo(body: Body, a: Value, b: Value) -> Value:
    """The remainder with the sign of the divisor, of floats too."""
    rest = same(body, "remainder", [a, b])
    return select(body, _wrong_sign(body, rest, b), same(body, "add", [rest, b]), rest)


def _wrong_sign(body: Body, rest: Value, divisor: Value) -> Value:
    nought = like(body, 0, rest)
    signs = [compare(body, "LT", item, nought) for item in (rest, divisor)]
    return same(body, "and", [same(body, "xor", signs), compare(body, "NE", rest, nought)])


def _folded(body: Body, operator: str, parts: Sequence[Value]) -> Value:
    found, *rest = parts
    for part in rest:
        assert kind(part) == kind(found)
        found = same(body, operator, [found, part])
    return found
