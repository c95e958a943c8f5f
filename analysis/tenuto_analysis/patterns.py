"""Pattern literals: `rearrange(x, "b s (h d) -> b h s d", h = 12)`, `reduce`, `einsum`.

A pattern names axes; a group in parentheses is one axis that is made of several; `...` stands for any axes; `1` for an
axis of size 1. The notation is that of einops (Rogozhnikov, ICLR 2022).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from tenuto_analysis.diagnostics.words import counted
from tenuto_analysis.dims import ONE, ZERO, Compare, Dim, Relation, literal
from tenuto_analysis.normal_form import of_atom
from tenuto_analysis.shapes import Failure, FailureKind, Known, Result, has_pack
from tenuto_analysis.types import (
    Int,
    ListValue,
    PackCall,
    RecordValue,
    Shape,
    ShapeItem,
    ShapeValue,
    Str,
    Tensor,
    TupleValue,
    Value,
    shape_text,
)

PATTERN_FUNCTIONS = frozenset({"rearrange", "reduce_pattern", "einsum"})

Group = tuple[str, ...]  # The names that make one axis; ("...",) any axes; () or ("1",) an axis of size 1.
Side = tuple[Group, ...]

_TOKEN = re.compile(r"\s*(?:(\.\.\.)|([A-Za-z_]\w*)|(1)|([()])|(\S))")


class Pattern(Struct, frozen=True):
    inputs: tuple[Side, ...]
    output: Side


def pattern_call(known: Known, function: str, arguments: tuple[Value, ...]) -> Shape | Failure:
    """The shape that a pattern gives; a residual call where the pattern or a shape is not known."""
    result = _pattern_call(known, function, arguments)
    if result is None:
        residual: Shape = (PackCall(function, arguments),)
        return known.rewrite(residual) or residual
    return result


def _pattern_call(known: Known, function: str, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (Str(value=str(text)), *rest):
            pattern = parse_pattern(text)
        case _:
            return None
    if isinstance(pattern, Failure):
        return pattern
    match function, rest:
        case "einsum", [ListValue(items=parts) | TupleValue(items=parts)]:
            return _einsum(known, pattern, parts)
        case (("rearrange" | "reduce_pattern"), [ShapeValue(shape=shape), RecordValue(fields=fields)]):
            given = {name: value.value for name, value in fields if isinstance(value, Int)}
            return _rearrange(known, pattern, shape, given, drops=function == "reduce_pattern")
        case _:
            return None


@lru_cache(maxsize=1024)
def parse_pattern(text: str) -> Pattern | Failure:
    """The sides of a pattern literal."""
    left, arrow, right = text.partition("->")
    if not arrow:
        return _bad(text, "it has no `->`")
    inputs = tuple(_side(part) for part in left.split(","))
    output = _side(right)
    sides = [*inputs, output]
    for side in sides:
        if isinstance(side, str):
            return _bad(text, side)
    good = tuple(side for side in sides if not isinstance(side, str))
    return Pattern(good[:-1], good[-1])


def _bad(text: str, why: str) -> Failure:
    return Failure(FailureKind.PATTERN, f'the pattern "{text}" cannot be read: {why}')


def _side(text: str) -> Side | str:
    groups: list[Group] = []
    inner: list[str] | None = None
    for dots, name, one, bracket, other in _TOKEN.findall(text):
        if other:
            return f"`{other}` is neither a name nor a parenthesis"
        if bracket == "(":
            if inner is not None:
                return "a group stands in a group"
            inner = []
        elif bracket == ")":
            if inner is None:
                return "a `)` closes nothing"
            groups.append(tuple(inner))
            inner = None
        elif inner is not None:
            inner.append(dots or name or one)
        else:
            groups.append((dots or name or one,))
    if inner is not None:
        return "a `(` is not closed"
    names = [name for group in groups for name in group if name != "1"]
    twice = next((name for name in names if names.count(name) > 1), None)
    return f"`{twice}` stands twice on one side" if twice is not None else tuple(groups)


# ------------------------------------------------------------------------------------------------------------ rearrange


def _rearrange(known: Known, pattern: Pattern, shape: Shape, given: Mapping[str, Dim], drops: bool) -> Result:
    if len(pattern.inputs) != 1:
        return Failure(FailureKind.PATTERN, "the pattern has a `,`: only `einsum` takes several tensors")
    (side,) = pattern.inputs
    names = {name for group in side for name in group}
    for name in given:
        if name not in names:
            return Failure(FailureKind.PATTERN, f"`{name}` is given a size but does not stand left of the `->`")
    for group in pattern.output:
        for name in group:
            if name not in names and name != "1":
                return Failure(FailureKind.PATTERN, f"`{name}` stands right of the `->` but not left of it")
    if not drops:
        kept = {name for group in pattern.output for name in group}
        lost = [name for group in side for name in group if name not in kept and name != "1"]
        if lost:
            return Failure(
                FailureKind.PATTERN, f"`{lost[0]}` stands left of the `->` but not right of it; `reduce` drops axes"
            )
    aligned = _aligned(side, shape)
    if aligned is None or isinstance(aligned, Failure):
        return aligned
    bound: dict[str, Shape] = {}
    for group, items in aligned:
        failed = _bind(known, group, items, given, bound)
        if failed is not None:
            return failed
    result: list[ShapeItem] = []
    for group in pattern.output:
        if group == ("...",):
            result += bound["..."]
            continue
        total = ONE
        for name in group:
            for item in bound.get(name, ()):
                if isinstance(item, Dim):
                    total = total * item
        result.append(total)
    return tuple(result)


def _aligned(side: Side, shape: Shape) -> list[tuple[Group, Shape]] | Failure | None:
    """Each group with the axes that it names."""
    if ("...",) in side:
        before = side.index(("...",))
        after = len(side) - before - 1
        ends = shape[:before] + (shape[len(shape) - after :] if after else ())
        if len(shape) < before + after:
            return _wrong_rank(side, shape) if not has_pack(shape) else None
        if has_pack(ends):
            return None
        middle = shape[before : len(shape) - after]
        parts = [*((item,) for item in shape[:before]), middle, *((item,) for item in shape[len(shape) - after :])]
        return list(zip(side, parts[: len(side)], strict=True))
    if has_pack(shape):
        return None
    if len(side) != len(shape):
        return _wrong_rank(side, shape)
    return [(group, (item,)) for group, item in zip(side, shape, strict=True)]


def _wrong_rank(side: Side, shape: Shape) -> Failure:
    text = " ".join(group[0] if len(group) == 1 else f"({' '.join(group)})" for group in side)
    return Failure(
        FailureKind.PATTERN,
        f'"{text}" names {counted(len(side), "axis")}, but `[{shape_text(shape)}]` has {len(shape)}',
    )


def _bind(
    known: Known, group: Group, items: Shape, given: Mapping[str, Dim], bound: dict[str, Shape]
) -> Failure | None:
    if group == ("...",):
        bound["..."] = items
        return None
    (size,) = items
    assert isinstance(size, Dim)
    product = ONE
    free: str | None = None
    for name in group:
        if name == "1":
            continue
        if name in given:
            bound[name] = (given[name],)
            product = product * given[name]
        elif free is not None:
            return Failure(
                FailureKind.PATTERN, f"the sizes of both `{free}` and `{name}` are open: give one, as `{name} = ...`"
            )
        else:
            free = name
    if free is None:
        if known.equal(size, product):
            return None
        return Failure(
            FailureKind.SIZES,
            f"`({' '.join(group)})` has size `{product}`, but its axis has `{size}`",
            Compare(Relation.EQ, size, product),
        )
    quotient = divided(known, size, product)
    if isinstance(quotient, Failure):
        return quotient
    bound[free] = (quotient,)
    return None


def divided(known: Known, size: Dim, by: Dim) -> Dim | Failure:
    """`size / by`, which must come out even."""
    if by is ONE:
        return size
    exact = exact_quotient(size, by)
    if exact is not None:
        return exact
    for atom in {atom for monomial in by.terms for atom in monomial.atoms}:
        less, fewer = exact_quotient(size, of_atom(atom)), exact_quotient(by, of_atom(atom))
        if less is not None and fewer is not None:
            return divided(known, less, fewer)
    quotient = known.facts.simplify(size // by)
    if known.equal(quotient * by, size):
        return quotient
    obligation = Compare(Relation.EQ, size % by, ZERO)
    if known.facts.proves(obligation) and known.facts.proves(Compare(Relation.GE, by, ONE)):
        return quotient
    words = "is not" if size.constant is not None and by.constant is not None else "is not known to be"
    return Failure(FailureKind.SIZES, f"`{size}` {words} a multiple of `{by}`", obligation)


def exact_quotient(size: Dim, by: Dim) -> Dim | None:
    """The polynomial that gives `size` when multiplied by the single term `by`; None where there is none."""
    if len(by.terms) != 1:
        return None
    ((divisor, factor),) = by.terms.items()
    total = ZERO
    for monomial, coefficient in size.terms.items():
        rest = list(monomial.atoms)
        for atom in divisor.atoms:
            if atom not in rest:
                return None
            rest.remove(atom)
        if coefficient % factor:
            return None
        term = literal(coefficient // factor)
        for atom in rest:
            term = term * of_atom(atom)
        total = total + term
    return total


# --------------------------------------------------------------------------------------------------------------- einsum


def _einsum(known: Known, pattern: Pattern, parts: tuple[Value, ...]) -> Result:
    shapes = [part.shape for part in parts if isinstance(part, Tensor)]
    if len(shapes) != len(parts) or any(map(has_pack, shapes)):
        return None
    if len(shapes) != len(pattern.inputs):
        return Failure(
            FailureKind.PATTERN,
            f"the pattern describes {counted(len(pattern.inputs), 'tensor')}, but {len(shapes)} are given",
        )
    bound: dict[str, Dim] = {}
    for side, shape in zip(pattern.inputs, shapes, strict=True):
        if len(side) != len(shape):
            return _wrong_rank(side, shape)
        for group, size in zip(side, shape, strict=True):
            if len(group) != 1 or group == ("...",):
                return Failure(FailureKind.PATTERN, "`einsum` takes single names only, without groups or `...`")
            assert isinstance(size, Dim)
            first = bound.setdefault(group[0], size)
            if not known.equal(first, size):
                return Failure(
                    FailureKind.SIZES,
                    f"the axis `{group[0]}` has size `{first}` and size `{size}`",
                    Compare(Relation.EQ, first, size),
                )
    result: list[ShapeItem] = []
    for group in pattern.output:
        if len(group) != 1 or group[0] not in bound:
            return Failure(FailureKind.PATTERN, f"`{' '.join(group)}` stands right of the `->` but not left of it")
        result.append(bound[group[0]])
    return tuple(result)
