"""The work of a function: operations and bytes, summed over its structure, in terms of its own sizes.

Each operator is taken to read its operands from memory and to write its results there, once: nothing is fused. What
looks up or cuts out reads as much as it gives, views read nothing. A call costs what its function costs at these sizes,
a loop its length times its body, a branch the larger of its sides. The steps of a loop that ends by a condition are a
size that nobody knows, `steps`. A size that only a run knows counts as the largest that it may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from tenuto_analysis.cost.bytes import bytes_of
from tenuto_analysis.cost.flops import flops
from tenuto_analysis.cost.liveness import VIEWS
from tenuto_analysis.cost.sizes import larger
from tenuto_analysis.cost.unknown import Largest
from tenuto_analysis.dims import ONE, ZERO, Dim, Leaf, Symbol, evaluate, leaves, literal, maximum, of, substitute
from tenuto_analysis.dtypes import DType, Kind, Quantised, Scalar
from tenuto_analysis.graph import Apply, Block, Call, Function, If, Literal, Loop, Node, Size, operands_of
from tenuto_analysis.normal_form import of_atom, of_terms

_STEPS_ONE_BY_ONE = 64
# What reads of its first operand only what it gives.
_READS_RESULT = frozenset({"take", "gather", "slice", "select", "split"})


class Work(Struct, frozen=True):
    """Operations of products and others, and bytes read and written."""

    products: Dim = ZERO
    others: Dim = ZERO
    read: Dim = ZERO
    written: Dim = ZERO

    @property
    def flops(self) -> Dim:
        return self.products + self.others

    @property
    def moved(self) -> Dim:
        """Bytes read and written."""
        return self.read + self.written

    @property
    def parts(self) -> tuple[Dim, Dim, Dim, Dim]:
        return self.products, self.others, self.read, self.written


class Numbers(NamedTuple):
    """Work at given sizes."""

    products: int
    others: int
    read: int
    written: int

    @property
    def flops(self) -> int:
        return self.products + self.others

    @property
    def moved(self) -> int:
        return self.read + self.written

    @property
    def intensity(self) -> float | None:
        """Operations for each byte; None where nothing is moved."""
        return self.flops / self.moved if self.moved else None


class Precision(NamedTuple):
    """The dtype that an operator computes in, and the one that its result is kept in."""

    compute: Scalar
    accumulate: Scalar


def work_of(node: Apply) -> Work:
    """The work of one operator."""
    if node.op in VIEWS:
        return Work()
    found = flops(node)
    results = _sum(bytes_of(result.type) for result in node.results)
    operands = list({id(operand): operand for operand in operands_of(node)}.values())
    if node.op in _READS_RESULT:
        return Work(*found, results + _sum(bytes_of(operand.type) for operand in operands[1:]), results)
    return Work(*found, _sum(bytes_of(operand.type) for operand in operands), results)


def precision_of(node: Apply) -> Precision:
    """That of its first operand of floats, else of its result; a quantised operand is computed in as it is stored."""
    result = node.results[0].type.dtype
    dtypes = [operand.type.dtype for operand in operands_of(node)]
    compute = next((dtype for dtype in dtypes if isinstance(dtype, Scalar) and dtype.kind is Kind.FLOAT), result)
    return Precision(_scalar(compute), _scalar(result))


def steps_of(loop: Loop) -> Dim:
    """How often the body of a loop runs."""
    return loop.length if loop.length is not None else of(Symbol("steps", f"{loop.origin}", 0))


class Counter:
    """Counts the work of functions, each once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Function, Work]] = {}
        self.largest = Largest()

    def function(self, function: Function) -> Work:
        """The work of one call, in terms of the function's sizes."""
        known = self._known.get(id(function))
        if known is None:
            work = mapped(self.block(function.body), self.largest.of(function))
            known = self._known[id(function)] = (function, work)
        return known[1]

    def block(self, block: Block) -> Work:
        return total(map(self.node, block.nodes))

    def node(self, node: Node) -> Work:
        match node:
            case Apply():
                return work_of(node)
            case Literal() | Size():
                return Work()
            case Call(function=function, sizes=sizes):
                return mapped(self.function(function), sizes)
            case If(then=then, otherwise=otherwise):
                sides = zip(self.block(then).parts, self.block(otherwise).parts, strict=True)
                return Work(*(larger(a, b) for a, b in sides))
            case Loop(symbol=symbol, body=body, test=test):
                inside = [self.block(body)] if test is None else [self.block(test), self.block(body)]
                length = steps_of(node)
                return Work(*(over_steps(part, symbol, length) for part in total(inside).parts))


def total(works: Iterable[Work]) -> Work:
    """The sum of several."""
    found = list(works)
    return Work(*(_sum(parts) for parts in zip(*(work.parts for work in found), strict=True))) if found else Work()


def at(work: Work, sizes: Mapping[Leaf, int]) -> Numbers | None:
    """Work at these sizes; None where one is not known."""
    numbers = [value for part in work.parts if (value := evaluate(part, sizes)) is not None]
    return Numbers(*numbers) if len(numbers) == len(work.parts) else None


def mapped(work: Work, sizes: Mapping[Leaf, Dim]) -> Work:
    """Work with other sizes: of a callee in terms of its caller."""
    return Work(*(substitute(part, sizes.get) for part in work.parts)) if sizes else work


def over_steps(dim: Dim, step: Leaf, length: Dim) -> Dim:
    """The sum of `dim` for `step` from 0 to `length - 1`.

    Where `dim` is no polynomial in the step of a degree below 3 and the length no small number, each step counts as the
    larger one of the first and the last.
    """
    if step not in leaves(dim):
        return dim * length
    if length.constant is not None and length.constant <= _STEPS_ONE_BY_ONE:
        return _sum(substitute(dim, {step: literal(i)}.get) for i in range(length.constant))
    last = length - 1
    # The sums of 1, of the numbers, and of their squares.
    powers = (length, (length * last) // 2, (length * last * (2 * length - 1)) // 6)
    found = ZERO
    for monomial, coefficient in dim.terms.items():
        rest = [atom for atom in monomial.atoms if atom != step]
        degree = len(monomial.atoms) - len(rest)
        if degree >= len(powers) or any(step in leaves(of_atom(atom)) for atom in rest):
            return length * maximum(substitute(dim, {step: ZERO}.get), substitute(dim, {step: last}.get))
        found = found + coefficient * substitute(of_terms({monomial: 1}), {step: ONE}.get) * powers[degree]
    return found


def _sum(dims: Iterable[Dim]) -> Dim:
    found = ZERO
    for dim in dims:
        found = found + dim
    return found


def _scalar(dtype: DType) -> Scalar:
    match dtype:
        case Scalar():
            return dtype
        case Quantised(storage=storage):
            return storage
        case _:
            raise AssertionError(f"{dtype} is no dtype of a machine")
