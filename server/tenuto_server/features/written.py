"""How a type that was inferred can be written in a source."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis.dims import Dim, Leaf, Symbol, leaves
from tenuto_analysis.types import (
    Bool,
    Float,
    Int,
    ListValue,
    OptionalValue,
    RecordValue,
    Sequence,
    Str,
    Tensor,
    TupleValue,
    Value,
)


def written_types(value: Value) -> tuple[str, ...]:
    """The type of a value in source text, nothing where no source can say it.

    There are several where it depends on the place: a size known only at run time may be new, or have a name by then.
    """
    match value:
        case Tensor(dtype=dtype, shape=shape):
            fresh = _sizes_known_at_run_time(value)
            new = f"{dtype}[{', '.join(f'?{item}' if str(item) in fresh else str(item) for item in shape)}]"
            return tuple(dict.fromkeys((new, str(value), str(Tensor(dtype, shape)))))
        case TupleValue(items=items):
            parts = [written_types(item) for item in items]
            return tuple(f"({', '.join(part[way] for part in parts)})" for way in (0, -1)) if all(parts) else ()
        case OptionalValue(inner=inner):
            return tuple(f"{text}?" for text in written_types(inner))
        case Sequence(element=Tensor() as element, length=length):
            return (f"list[{element}, {length}]",)
        case ListValue(items=(Tensor() as first, *rest)) if all(item == first for item in rest):
            return (f"list[{first}, {len(rest) + 1}]",)
        case RecordValue(name=name):
            return (name,)
        case Int():
            return ("int",)
        case Float():
            return ("float",)
        case Bool():
            return ("bool",)
        case Str():
            return ("str",)
        case _:
            return ()


def sizes_in(value: Value) -> Iterator[Leaf]:
    """The leaves of the sizes in a type."""
    match value:
        case Tensor(shape=shape):
            for item in shape:
                if isinstance(item, Dim):
                    yield from leaves(item)
        case TupleValue(items=items) | ListValue(items=items):
            for inner in items:
                yield from sizes_in(inner)
        case OptionalValue(inner=inner) | Sequence(element=inner):
            yield from sizes_in(inner)
        case _:
            pass


def _sizes_known_at_run_time(value: Value) -> frozenset[str]:
    return frozenset(leaf.name for leaf in sizes_in(value) if isinstance(leaf, Symbol) and "#" in leaf.owner)
