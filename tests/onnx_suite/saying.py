"""How a case is said in Tenuto: the text of a program's body, and the words that such texts share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct, field

from tenuto_backend.reference.values import Array
from tests.onnx_suite.cases import NAMES, Case


class Said(Struct, frozen=True, eq=False):
    """An expression, or statements that end in `return`, over `x0`, `x1`, ...: the inputs of the node.

    `within` says in which range an input lies; `weights` are constants that the body reads by name,
    `above` are functions of its own.
    """

    body: str
    within: Mapping[int, str] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)
    above: str = ""


class NotSaid(Struct, frozen=True):
    """A case that Tenuto's types cannot express, and why."""

    reason: str


Saying = Callable[[Case], str | Said | NotSaid]


def text(body: str) -> Saying:
    """The same text for every case."""
    return lambda case: body


def shape(sizes: Iterable[int]) -> str:
    """A shape literal, of any rank."""
    return f"shape[{', '.join(map(str, sizes))}]"


def numbers(values: Iterable[int]) -> str:
    return f"[{', '.join(map(str, values))}]"


def type_of(array: Array) -> str:
    return f"{NAMES[array.dtype]}[{', '.join(map(str, array.shape))}]"


def dtype_of(array: Array) -> str:
    return NAMES[array.dtype]


def decimal(value: float) -> str:
    """A float literal."""
    found = repr(float(value))
    return found if "inf" not in found else ("inf" if value > 0 else "-inf")


def number(value: float, dtype: str) -> str:
    """A literal that fits a tensor of a dtype."""
    return decimal(value) if dtype.startswith(("f", "bf")) else str(int(value))


def fold(function: str, parts: Sequence[str]) -> str:
    """`f(f(a, b), c)`."""
    found = parts[0]
    for part in parts[1:]:
        found = f"{function}({found}, {part})"
    return found


def axes(values: Iterable[int]) -> str:
    found = list(values)
    return str(found[0]) if len(found) == 1 else f"({', '.join(map(str, found))})"


def at(rank: int, axis: int, item: str) -> str:
    """The index that takes `item` of one axis and all of the others: `[:, item]`."""
    return f"[{', '.join([':'] * (axis % rank) + [item])}]"
