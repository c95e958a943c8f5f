"""Tests and logic, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.operations import Value
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.site import Rule, Site


def _test(direction: str) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        a, b = site.broadcast("a", "b")
        return [tensors.compare(site.body, direction, a, b)]

    return rule


def _bits(operation: str, first: str = "a", second: str = "b") -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        return [tensors.same(site.body, operation, site.broadcast(first, second))]

    return rule


def _inverted(site: Site) -> Sequence[Value]:
    """All bits are turned: of a bool the one that there is."""
    return [tensors.same(site.body, "not", [site.value("x")])]


_TESTS = {"equal": "EQ", "not_equal": "NE", "less": "LT", "less_equal": "LE", "greater": "GT", "greater_equal": "GE"}

RULES: Mapping[str, Rule] = {
    **{name: _test(direction) for name, direction in _TESTS.items()},
    **{f"{kind}_{name}": _bits(name) for kind in ("logical", "bitwise") for name in ("and", "or", "xor")},
    "logical_not": _inverted,
    "bitwise_not": _inverted,
    "shift_left": _bits("shift_left", "x", "by"),
    "shift_right": _bits("shift_right_logical", "x", "by"),
}
