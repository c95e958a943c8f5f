"""Dimension arithmetic: integer expressions in one normal form, so that equal forms are the same object.

A `Dim` is a polynomial with integer coefficients over atoms: a `Leaf` (a name that only its owner understands), or a
quotient, remainder, minimum, maximum, power or conditional whose operands are Dims again. Building one normalises it
and looks it up in a table, so `==` is identity and costs nothing. Constraints between Dims stand here too.

Every rewriting here holds for all integers: where the expression as written has a value, its normal form has the same
one. What holds only under facts (`N * M // M` is `N` where `M >= 1`) belongs to `facts.py`. An expression that grows
beyond `SIZE_LIMIT` becomes a fresh unknown, so nothing here is slow, and nothing raises on what a user wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import reduce
from itertools import count
from math import gcd
from typing import TypeVar
from weakref import KeyedRef

from msgspec import Struct

from tenuto_analysis.compat import override

SIZE_LIMIT = 250
BIT_LIMIT = 2048
_MEMO_LIMIT = 10_000
_Key = TypeVar("_Key")


class Leaf:
    """An atom that only its owner understands: hashable and comparable by content, printable.

    `low` is a lower bound that always holds (0 for a dimension), or None.
    """

    __slots__ = ()
    low: int | None


class Symbol(Leaf, Struct, frozen=True):
    """A named integer; `owner` tells apart two that print alike."""

    name: str
    owner: str = ""
    low: int | None = 0

    @override
    def __str__(self) -> str:
        return self.name


class TooLarge(Leaf, Struct, frozen=True):
    """An integer whose expression was given up for its size: known to be equal only to itself."""

    serial: int
    low: int | None = None

    @override
    def __str__(self) -> str:
        return "(a size too large to follow)"


class Dim:
    """An integer expression in normal form: immutable and interned, so `==` and `hash` are those of the object."""

    __slots__ = ("__weakref__", "_leaves", "_text", "atom", "constant", "lowest", "size", "terms")

    terms: Mapping[Monomial, int]
    constant: int | None
    """The value, where this is a literal."""
    atom: Atom | None
    """The atom, where this is one and nothing else."""
    lowest: int | None
    """A lower bound that follows from the leaves' own bounds alone, or None."""
    size: int
    _text: str
    _leaves: frozenset[Leaf]

    def __add__(self, other: Dim | int) -> Dim:
        return _add(self, other if isinstance(other, Dim) else literal(other), 1)

    def __radd__(self, other: int) -> Dim:
        return _add(self, literal(other), 1)

    def __sub__(self, other: Dim | int) -> Dim:
        return _add(self, other if isinstance(other, Dim) else literal(other), -1)

    def __rsub__(self, other: int) -> Dim:
        return _add(literal(other), self, -1)

    def __mul__(self, other: Dim | int) -> Dim:
        return _multiply(self, other if isinstance(other, Dim) else literal(other))

    def __rmul__(self, other: int) -> Dim:
        return _multiply(self, literal(other))

    def __neg__(self) -> Dim:
        return _add(ZERO, self, -1)

    def __floordiv__(self, other: Dim | int) -> Dim:
        return floordiv(self, other if isinstance(other, Dim) else literal(other))

    def __rfloordiv__(self, other: int) -> Dim:
        return floordiv(literal(other), self)

    def __mod__(self, other: Dim | int) -> Dim:
        return modulo(self, other if isinstance(other, Dim) else literal(other))

    def __rmod__(self, other: int) -> Dim:
        return modulo(literal(other), self)

    @override
    def __str__(self) -> str:
        text: str | None = getattr(self, "_text", None)
        if text is None:
            text = self._text = _text_of_sum(self)
        return text

    @override
    def __repr__(self) -> str:
        return f"Dim({self})"


class Quotient(Struct, frozen=True):
    """`dividend // divisor`, rounded down."""

    dividend: Dim
    divisor: Dim


class Remainder(Struct, frozen=True):
    """`dividend % divisor`, with the sign of the divisor."""

    dividend: Dim
    divisor: Dim


class Extreme(Struct, frozen=True):
    """The largest or the smallest of two or more arguments."""

    largest: bool
    arguments: tuple[Dim, ...]


class Power(Struct, frozen=True):
    """`base ** exponent`; it has no value where the exponent is negative."""

    base: Dim
    exponent: Dim


class Conditional(Struct, frozen=True):
    test: Constraint
    then: Dim
    otherwise: Dim


Atom = Leaf | Quotient | Remainder | Extreme | Power | Conditional


class Relation(Enum):
    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class Compare(Struct, frozen=True):
    op: Relation
    left: Dim
    right: Dim


class All(Struct, frozen=True):
    parts: tuple[Constraint, ...]


class Any_(Struct, frozen=True):
    parts: tuple[Constraint, ...]


class Not(Struct, frozen=True):
    part: Constraint


class Truth(Struct, frozen=True):
    value: bool


class Flag(Struct, frozen=True):
    """A static bool that is known only by name; as a value of its leaf, 0 is false."""

    leaf: Leaf


Constraint = Compare | All | Any_ | Not | Truth | Flag


# ------------------------------------------------------------------------------------------------------------- building


def literal(n: int) -> Dim:
    return _literals.get(n) or _remember(_literals, n, _intern({_UNIT: n} if n else {}))


def of(leaf: Leaf) -> Dim:
    return of_atom(leaf)


def of_terms(terms: dict[Monomial, int]) -> Dim:
    """The sum of these terms; those with the coefficient 0 are left out."""
    return _intern({monomial: coefficient for monomial, coefficient in terms.items() if coefficient})


def product_of(atoms: Iterable[Atom]) -> Monomial:
    return _monomial(tuple(sorted(atoms, key=order_of)))


def fresh() -> Dim:
    """An integer of which nothing is known."""
    return of(TooLarge(next(_serials)))


def of_atom(atom: Atom) -> Dim:
    """The Dim that is this atom alone; its operands must be in normal form already."""
    return _atoms.get(atom) or _remember(_atoms, atom, _intern({_monomial((atom,)): 1}))


def floordiv(a: Dim, b: Dim) -> Dim:
    found = _quotients.get((a, b))
    if found is None:
        k = b.constant
        if k is None:
            found = _divide_by_unknown(a, b)
        elif k == 0:
            found = of_atom(Quotient(a, b))
        else:
            found = _divide_by_literal(a, k) if k > 0 else _divide_by_literal(-a, -k)
        found = _remember(_quotients, (a, b), found)
    return found


def modulo(a: Dim, b: Dim) -> Dim:
    found = _remainders.get((a, b))
    if found is None:
        k = b.constant
        if k is None:
            found = _remainder_of_unknown(a, b)
        elif k == 0:
            found = of_atom(Remainder(a, b))
        else:
            found = _remainder_of_literal(a, k) if k > 0 else -_remainder_of_literal(-a, -k)
        found = _remember(_remainders, (a, b), found)
    return found


def related(op: Relation, a: int, b: int) -> bool:
    match op:
        case Relation.EQ:
            return a == b
        case Relation.NE:
            return a != b
        case Relation.LT:
            return a < b
        case Relation.LE:
            return a <= b
        case Relation.GT:
            return a > b
        case Relation.GE:
            return a >= b


def ordered_terms(dim: Dim) -> list[tuple[Monomial, int]]:
    """The terms in an order that depends on the content alone, never on what was built before; a literal comes last."""
    return sorted(dim.terms.items(), key=_term_order)


# ------------------------------------------------------------------------------------------------------------- printing


def render(c: Constraint) -> str:
    """The constraint in source syntax."""
    match c:
        case Compare(op, left, right):
            return f"{left} {op.value} {right}"
        case All(parts):
            return " and ".join(f"({render(p)})" if isinstance(p, Any_) else render(p) for p in parts) or "true"
        case Any_(parts):
            return " or ".join(map(render, parts)) or "false"
        case Not(part):
            return f"not ({render(part)})" if isinstance(part, All | Any_ | Compare) else f"not {render(part)}"
        case Truth(value):
            return "true" if value else "false"
        case Flag(leaf):
            return str(leaf)


def _text_of_sum(dim: Dim) -> str:
    terms = ordered_terms(dim)
    if not terms:
        return "0"
    if terms[0][1] < 0 and any(monomial.atoms for monomial, coefficient in terms if coefficient > 0):
        terms.sort(key=lambda term: term[1] < 0)
    (first, coefficient), others = terms[0], terms[1:]
    alone = single_atom(dim)
    if alone is not None:
        return _text_of_atom(alone, " ")
    if coefficient == -1 and len(first.atoms) == 1 and isinstance(first.atoms[0], Quotient | Remainder):
        text = f"-({_text_of_atom(first.atoms[0], ' ')})"
    else:
        text = ("-" if coefficient < 0 else "") + _text_of_term(first, abs(coefficient))
    for monomial, coefficient in others:
        text += (" - " if coefficient < 0 else " + ") + _text_of_term(monomial, abs(coefficient))
    return text


def _text_of_term(monomial: Monomial, coefficient: int) -> str:
    atoms = monomial.atoms
    if not atoms:
        return str(coefficient)
    if len(atoms) == 1 and coefficient == 1 and not isinstance(atoms[0], Conditional):
        return _text_of_atom(atoms[0], "")
    factors = [str(coefficient)] if coefficient != 1 else []
    for atom in dict.fromkeys(atoms):
        text = _text_of_atom(atom, "")
        times = atoms.count(atom)
        if isinstance(atom, Quotient | Remainder | Conditional) or (isinstance(atom, Power) and times > 1):
            text = f"({text})"
        factors.append(text if times == 1 else f"{text}**{times}")
    return "*".join(factors)


def _text_of_atom(atom: Atom, space: str) -> str:
    match atom:
        case Quotient(a, b):
            return f"{_text_of_dividend(a)}{space}//{space}{_text_of_operand(b)}"
        case Remainder(a, b):
            return f"{_text_of_dividend(a)}{space}%{space}{_text_of_operand(b)}"
        case Extreme(largest, arguments):
            name = "max" if largest else "min"
            return reduce(lambda rest, argument: f"{name}({argument}, {rest})", map(str, reversed(arguments)))
        case Power(base, exponent):
            return f"{_text_of_operand(base)}**{_text_of_operand(exponent)}"
        case Conditional(test, then, otherwise):
            return f"if {render(test)} then {then} else {otherwise}"
        case Leaf():
            return str(atom)


def _text_of_dividend(dim: Dim) -> str:
    return str(dim) if isinstance(single_atom(-dim), Leaf) else _text_of_operand(dim)


def _text_of_operand(dim: Dim) -> str:
    plain = (dim.constant is not None and dim.constant >= 0) or isinstance(single_atom(dim), Leaf | Extreme)
    return str(dim) if plain else f"({dim})"


# ------------------------------------------------------------------------------------------------------ the normal form


class Monomial:
    """A product of atoms (one that stands twice is squared), interned; the empty one is the unit of literals."""

    __slots__ = ("__weakref__", "atoms", "halved", "lowest", "order", "size")

    atoms: tuple[Atom, ...]
    halved: Dim | None
    """`d`, where this is `d // 2`."""
    lowest: int | None
    size: int
    order: tuple[tuple[int, str, str], ...]


def operands(atom: Atom) -> tuple[Dim, ...]:
    """The Dims directly inside an atom (of a conditional: not those of its test)."""
    match atom:
        case Quotient(a, b) | Remainder(a, b) | Power(a, b) | Conditional(_, a, b):
            return (a, b)
        case Extreme(_, arguments):
            return arguments
        case Leaf():
            return ()


def single_atom(dim: Dim) -> Atom | None:
    """The atom that this Dim is, where it is one and nothing else."""
    return dim.atom


def order_of(atom: Atom) -> tuple[int, str, str]:
    """Sorts atoms by what they are: leaves first, then by their text."""
    if isinstance(atom, Leaf):
        return (0, str(atom), repr(atom))
    return (1, _text_of_atom(atom, ""), "")


def _term_order(term: tuple[Monomial, int]) -> tuple[bool, int, tuple[tuple[int, str, str], ...]]:
    monomial = term[0]
    return (not monomial.atoms, -len(monomial.atoms), monomial.order)


def _monomial(atoms: tuple[Atom, ...]) -> Monomial:
    """The product of atoms that are in order already."""
    entry = _monomials.get(atoms)
    found = entry() if entry is not None else None
    if found is None:
        found = Monomial()
        found.atoms = atoms
        found.size = max(len(atoms), 1) + sum(operand.size for atom in atoms for operand in operands(atom))
        found.order = tuple(map(order_of, atoms))
        found.halved = _halved(atoms[0]) if len(atoms) == 1 else None
        found.lowest = lowest_of(atoms[0], _own_bound) if len(atoms) == 1 else _lowest_of_product(atoms)
        _monomials[atoms] = KeyedRef(found, _forget_monomial, atoms)
    return found


def _intern(terms: dict[Monomial, int]) -> Dim:
    """The Dim of these terms, none of which has the coefficient 0."""
    key = frozenset(terms.items())
    entry = _dims.get(key)
    found = entry() if entry is not None else None
    if found is None:
        found = _with_whole_halves(terms) or _dim(terms)
        _dims[key] = KeyedRef(found, _forget_dim, key)
    return found


def _dim(terms: dict[Monomial, int]) -> Dim:
    dim = Dim()
    dim.terms = terms
    dim.constant = None if len(terms) > 1 else terms.get(_UNIT) if terms else 0
    dim.atom, dim.size = None, 0
    for monomial, coefficient in terms.items():
        dim.size += monomial.size
        if abs(coefficient) >> BIT_LIMIT:
            return fresh()
        if coefficient == 1 and len(terms) == 1 and len(monomial.atoms) == 1:
            dim.atom = monomial.atoms[0]
    if dim.size > SIZE_LIMIT:
        return fresh()
    dim.lowest = _lowest_of_sum(terms)
    return dim


def _with_whole_halves(terms: dict[Monomial, int]) -> Dim | None:
    """The same sum with `d` for `d // 2 + (d + 1) // 2` (Hermite's identity); None where the two do not stand in it."""
    halves = [(monomial, monomial.halved) for monomial in terms if monomial.halved is not None]
    if len(halves) < 2:
        return None
    for lower, whole in halves:
        for upper, raised in halves:
            c, d = terms[lower], terms[upper]
            if c * d > 0 and (raised - whole).constant == 1:
                times = min(c, d, key=abs)
                rest = {**terms, lower: c - times, upper: d - times}
                return _intern({m: k for m, k in rest.items() if k}) + whole * times
    return None


def _halved(atom: Atom) -> Dim | None:
    return atom.dividend if isinstance(atom, Quotient) and atom.divisor.constant == 2 else None


def _own_bound(dim: Dim) -> int | None:
    return dim.lowest


def _lowest_of_sum(terms: Mapping[Monomial, int]) -> int | None:
    total = 0
    for monomial, coefficient in terms.items():
        if not monomial.atoms:
            total += coefficient
        elif coefficient < 0 or monomial.lowest is None:
            return None
        else:
            total += coefficient * monomial.lowest
    return total


def _lowest_of_product(atoms: tuple[Atom, ...]) -> int | None:
    product = 1
    for atom, times in Counter(atoms).items():
        bound = lowest_of(atom, _own_bound)
        if bound is not None and bound >= 0:
            product *= bound**times
        elif times % 2 == 0:
            product = 0
        else:
            return None
    return product


def lowest_of(atom: Atom, bound: Callable[[Dim], int | None]) -> int | None:
    """A lower bound of the atom, where it has a value, from the lower bounds of its operands."""
    match atom:
        case Leaf():
            return atom.low
        case Quotient(a, b):
            least, divisor = bound(a), bound(b)
            if least is None or divisor is None or divisor < 1:
                return None
            return least // b.constant if b.constant is not None else min(least, 0)
        case Remainder(_, b):
            divisor = bound(b)
            return 0 if divisor is not None and divisor >= 1 else None
        case Extreme(largest, arguments):
            known = [least for argument in arguments if (least := bound(argument)) is not None]
            if largest:
                return max(known, default=None)
            return min(known) if len(known) == len(arguments) else None
        case Power(base, _):
            least = bound(base)
            return None if least is None or least < 0 else min(least, 1)
        case Conditional(_, then, otherwise):
            least, other = bound(then), bound(otherwise)
            return None if least is None or other is None else min(least, other)


def _add(a: Dim, b: Dim, sign: int) -> Dim:
    found = _sums.get((a, b, sign))
    if found is None:
        terms = dict(a.terms)
        for monomial, coefficient in b.terms.items():
            total = terms.get(monomial, 0) + sign * coefficient
            if total:
                terms[monomial] = total
            else:
                del terms[monomial]
        found = _remember(_sums, (a, b, sign), _intern(terms))
    return found


def _multiply(a: Dim, b: Dim) -> Dim:
    found = _products.get((a, b))
    if found is None:
        if len(a.terms) * b.size + len(b.terms) * a.size > 4 * SIZE_LIMIT:
            return _remember(_products, (a, b), fresh())
        terms: dict[Monomial, int] = {}
        for left, c in a.terms.items():
            for right, d in b.terms.items():
                monomial = product_of(left.atoms + right.atoms) if left.atoms else right
                terms[monomial] = terms.get(monomial, 0) + c * d
        found = _remember(_products, (a, b), _intern({m: c for m, c in terms.items() if c}))
    return found


def _divide_by_literal(a: Dim, k: int) -> Dim:
    """`a // k` for `k >= 1`.

    What `k` divides leaves the quotient; what is left has coefficients of the least size and begins with a positive
    one, so that rounding up and `(a + k - 1) // k` are one form; a common factor cancels; nested quotients are one.
    """
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in a.terms.items():
        residue = coefficient % k
        if monomial.atoms and (2 * residue > k or (2 * residue == k and coefficient < 0)):
            residue -= k
        if residue:
            rest[monomial] = residue
        if coefficient != residue:
            whole[monomial] = (coefficient - residue) // k
    unknown = [term for term in rest.items() if term[0].atoms]
    if not unknown:
        return _intern(whole)
    dividend = _intern(rest)
    if min(unknown, key=_term_order)[1] < 0:
        return _intern(whole) - _divide_by_literal(k - 1 - dividend, k)
    common = gcd(k, *(coefficient for _, coefficient in unknown))
    if common > 1:
        reduced = {monomial: coefficient // common for monomial, coefficient in rest.items() if coefficient // common}
        return _intern(whole) + _divide_by_literal(_intern(reduced), k // common)
    nested = [(m.atoms[0], c) for m, c in unknown if len(m.atoms) == 1 and isinstance(m.atoms[0], Quotient)]
    if len(nested) == 1 and abs(nested[0][1]) == 1:
        inner, sign = nested[0]
        assert isinstance(inner, Quotient)
        others, divisor = dividend - of_atom(inner) * sign, inner.divisor
        if divisor.constant is not None and divisor.constant >= 1:
            raised = inner.dividend if sign > 0 else divisor.constant - 1 - inner.dividend
            return _intern(whole) + _divide_by_literal(raised + others * divisor, k * divisor.constant)
        if others is ZERO and sign > 0:
            return _intern(whole) + floordiv(inner.dividend, divisor * k)
    return _intern(whole) + of_atom(Quotient(dividend, literal(k)))


def _remainder_of_literal(a: Dim, k: int) -> Dim:
    """`a % k` for `k >= 1`: coefficients modulo `k`, a common factor drawn out."""
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in _without_inner_remainders(a, k).terms.items():
        residue = coefficient % k
        if monomial.atoms and 2 * residue > k:
            residue -= k
        if residue:
            rest[monomial] = residue
    unknown = [coefficient for monomial, coefficient in rest.items() if monomial.atoms]
    if not unknown:
        return _intern(rest)
    common = gcd(k, *unknown)
    if common > 1:
        reduced = {monomial: coefficient // common for monomial, coefficient in rest.items() if coefficient // common}
        return _remainder_of_literal(_intern(reduced), k // common) * common + rest.get(_UNIT, 0) % common
    return of_atom(Remainder(_intern(rest), literal(k)))


def _without_inner_remainders(a: Dim, k: int) -> Dim:
    """`x % (n * k)` counts as `x` in what is taken modulo `k`."""
    for monomial, coefficient in a.terms.items():
        if len(monomial.atoms) == 1 and isinstance(atom := monomial.atoms[0], Remainder):
            divisor = atom.divisor.constant
            if divisor is not None and divisor > 0 and divisor % k == 0:
                return _without_inner_remainders(a - (of_atom(atom) - atom.dividend) * coefficient, k)
    return a


def _divide_by_unknown(a: Dim, b: Dim) -> Dim:
    a, b, _ = _without_common_factor(a, b)
    if b.constant is not None:
        return floordiv(a, b)
    if _leading(b) < 0:
        a, b = -a, -b
    inner = single_atom(a)
    if isinstance(inner, Quotient) and b.lowest is not None and b.lowest >= 1:
        return floordiv(inner.dividend, inner.divisor * b)
    return of_atom(Quotient(a, b))


def _remainder_of_unknown(a: Dim, b: Dim) -> Dim:
    a, b, factor = _without_common_factor(a, b)
    if _leading(b) < 0:
        return of_atom(Remainder(-a, -b)) * -factor
    return of_atom(Remainder(a, b)) * factor


def _without_common_factor(a: Dim, b: Dim) -> tuple[Dim, Dim, int]:
    factor = gcd(*a.terms.values(), *b.terms.values())
    if factor == 1:
        return a, b, 1
    return (
        _intern({m: c // factor for m, c in a.terms.items()}),
        _intern({m: c // factor for m, c in b.terms.items()}),
        factor,
    )


def _leading(dim: Dim) -> int:
    return min(dim.terms.items(), key=_term_order)[1]


def _remember(memo: dict[_Key, Dim], key: _Key, value: Dim) -> Dim:
    if len(memo) > _MEMO_LIMIT:
        memo.clear()
    memo[key] = value
    return value


def _forget_monomial(entry: KeyedRef[tuple[Atom, ...], Monomial]) -> None:
    if _monomials.get(entry.key) is entry:
        del _monomials[entry.key]


def _forget_dim(entry: KeyedRef[frozenset[tuple[Monomial, int]], Dim]) -> None:
    if _dims.get(entry.key) is entry:
        del _dims[entry.key]


_monomials: dict[tuple[Atom, ...], KeyedRef[tuple[Atom, ...], Monomial]] = {}
_dims: dict[frozenset[tuple[Monomial, int]], KeyedRef[frozenset[tuple[Monomial, int]], Dim]] = {}
_literals: dict[int, Dim] = {}
_atoms: dict[Atom, Dim] = {}
_sums: dict[tuple[Dim, Dim, int], Dim] = {}
_products: dict[tuple[Dim, Dim], Dim] = {}
_quotients: dict[tuple[Dim, Dim], Dim] = {}
_remainders: dict[tuple[Dim, Dim], Dim] = {}
_serials = count(1)
_UNIT = _monomial(())
ZERO = literal(0)
ONE = literal(1)
