"""Pattern literals: `"b s (h d) -> b h s d"`. Parsing them, and the sizes that they give to names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod

from msgspec import Struct

from tenuto_backend.reference.values import Refused

Axis = tuple[str, ...]
"""The names of one axis: one, several in a group, or none for `1` and `()`."""

ELLIPSIS = "..."

_TOKEN = re.compile(r"\s*(\.\.\.|[A-Za-z_][A-Za-z0-9_]*|\d+|[()]|,|->)")


class Side(Struct, frozen=True):
    axes: tuple[Axis, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for axis in self.axes for name in axis)


class Rule(Struct, frozen=True):
    inputs: tuple[Side, ...]
    output: Side


def parse(text: str) -> Rule:
    tokens = _tokens(text)
    if tokens.count("->") != 1:
        raise Refused(f"the pattern {text!r} needs one `->`")
    arrow = tokens.index("->")
    inputs: list[list[str]] = [[]]
    for token in tokens[:arrow]:
        if token == ",":
            inputs.append([])
        else:
            inputs[-1].append(token)
    output = _side(tokens[arrow + 1 :], text)
    return Rule(tuple(_side(side, text) for side in inputs), output)


def spread(side: Side, rank: int, text: str) -> Side:
    """`side` with `...` replaced by as many unnamed axes as a tensor of `rank` needs."""
    if (ELLIPSIS,) not in side.axes:
        if len(side.axes) != rank:
            raise Refused(f"the pattern {text!r} speaks of {len(side.axes)} axes, the tensor has {rank}")
        return side
    missing = rank - (len(side.axes) - 1)
    if missing < 0:
        raise Refused(f"the pattern {text!r} speaks of at least {len(side.axes) - 1} axes, the tensor has {rank}")
    return replace_ellipsis(side, missing)


def replace_ellipsis(side: Side, count: int) -> Side:
    """`side` with `...` standing for `count` axes, counted from the last."""
    place = side.axes.index((ELLIPSIS,))
    unnamed = tuple((f"{ELLIPSIS}{count - at}",) for at in range(count))
    return Side(side.axes[:place] + unnamed + side.axes[place + 1 :])


def solve(side: Side, sizes: Sequence[int], known: Mapping[str, int], text: str) -> dict[str, int]:
    """The size of each name of `side`, against a tensor's sizes and those given beside the pattern."""
    found = dict(known)
    for axis, size in zip(side.axes, sizes, strict=True):
        unknown = [name for name in axis if name not in found]
        rest = prod(found[name] for name in axis if name in found)
        if len(unknown) > 1:
            raise Refused(f"the pattern {text!r} does not say the sizes of {', '.join(unknown)}")
        if unknown and rest != 0 and size % rest == 0:
            found[unknown[0]] = size // rest
        elif unknown or rest != size:
            raise Refused(f"in the pattern {text!r} the axis ({' '.join(axis)}) cannot have the size {size}")
    return found


def _tokens(text: str) -> list[str]:
    tokens = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise Refused(f"the pattern {text!r} cannot be read")
        tokens.append(match.group(1))
        at = match.end()
    return tokens


def _side(tokens: Sequence[str], text: str) -> Side:
    axes: list[Axis] = []
    group: list[str] | None = None
    for token in tokens:
        match token:
            case "(" if group is None:
                group = []
            case ")" if group is not None:
                axes.append(tuple(group))
                group = None
            case "(" | ")" | "," | "->":
                raise Refused(f"the pattern {text!r} cannot be read")
            case _ if token.isdigit() and token != "1":
                raise Refused(f"the pattern {text!r} may hold no number but 1")
            case _ if group is not None:
                group += [] if token == "1" else [token]
            case _:
                axes.append(() if token == "1" else (token,))
    if group is not None:
        raise Refused(f"the pattern {text!r} lacks a `)`")
    names = [name for axis in axes for name in axis]
    return Side(tuple(axes)) if len(names) == len(set(names)) else _repeated(names, axes)


def _repeated(names: Sequence[str], axes: Sequence[Axis]) -> Side:
    """A name may stand twice in one side of an `einsum` (a diagonal); `rearrange` and `reduce` refuse it themselves."""
    if any(len(axis) > 1 for axis in axes):
        raise Refused(f"a name stands twice: {' '.join(names)}")
    return Side(tuple(axes))
