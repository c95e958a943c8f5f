"""Tests and logic, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.operations import Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.site import Rule, Site


def _test(operator: str) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        dtype = site.dtype("a")
        operands = [site.value("a"), site.value("b")]
        return [site.each(operands, lambda body, seen: arithmetic.test(body, operator, dtype, seen[0], seen[1]))]

    return rule


def _bits(operation: str, first: str = "a", second: str = "b") -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        kind = site.element
        operands = [site.value(first), site.value(second)]
        return [site.each(operands, lambda body, seen: body.op(operation, list(seen[:2]), kind))]

    return rule


def _inverted(site: Site) -> Sequence[Value]:
    """All bits are turned: of a bool the one that there is."""
    kind = site.element
    ones = True if kind.name == "i1" else -1
    return [
        site.each(
            [site.value("x")], lambda body, seen: body.op("arith.xori", [seen[0], body.constant(ones, kind)], kind)
        )
    ]


RULES: Mapping[str, Rule] = {
    **{name: _test(name) for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")},
    **{f"{kind}_and": _bits("arith.andi") for kind in ("logical", "bitwise")},
    **{f"{kind}_or": _bits("arith.ori") for kind in ("logical", "bitwise")},
    **{f"{kind}_xor": _bits("arith.xori") for kind in ("logical", "bitwise")},
    "logical_not": _inverted,
    "bitwise_not": _inverted,
    "shift_left": _bits("arith.shli", "x", "by"),
    "shift_right": _bits("arith.shrui", "x", "by"),
}
