"""A pattern literal at one use: an axis for each name on its left, with its size, and what the right side keeps."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tenuto_analysis.dims import ONE, Dim
from tenuto_analysis.patterns import Group, Pattern, Side, exact_quotient, parse_pattern
from tenuto_analysis.types import Int, RecordValue
from tenuto_backend.applied import Applied


class Spelled(Struct, frozen=True):
    """`names` are those of the left side in order, `kept` those of the right side; `sizes` tells the size of each."""

    names: tuple[str, ...]
    kept: tuple[str, ...]
    sizes: Mapping[str, Dim]

    @property
    def dims(self) -> tuple[Dim, ...]:
        return tuple(self.sizes[name] for name in self.names)


def spelled(applied: Applied) -> Spelled:
    """The pattern of a `rearrange` or a `reduce`, for the tensor that it is applied to."""
    pattern = parse_pattern(applied.text("pattern"))
    given = applied.arguments["sizes"]
    assert isinstance(pattern, Pattern) and isinstance(given, RecordValue)
    shape = applied.shape("x")
    (side,) = pattern.inputs
    left = _spelled(side, len(shape) - len(side) + 1)
    count = len(left) - len(side) + 1
    known = {name: value.value for name, value in given.fields if isinstance(value, Int)}
    for group, dim in zip(left, shape, strict=True):
        _solve(group, dim, known)
    names = tuple(name for group in left for name in group)
    return Spelled(names, tuple(name for group in _spelled(pattern.output, count) for name in group), known)


def _spelled(side: Side, count: int) -> tuple[Group, ...]:
    """The axes of a side with `...` as `count` axes of their own and without the 1s."""
    found: list[Group] = []
    for group in side:
        if group == ("...",):
            found += [(f"...{at}",) for at in range(count)]
        else:
            found.append(tuple(name for name in group if name != "1"))
    return tuple(found)


def _solve(group: Group, dim: Dim, known: dict[str, Dim]) -> None:
    """The size of the one name of a group that is not given."""
    rest = ONE
    for name in group:
        rest = rest * known.get(name, ONE)
    for name in group:
        if name not in known:
            exact = exact_quotient(dim, rest)
            known[name] = exact if exact is not None else dim // rest
