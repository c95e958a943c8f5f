"""The arrays of a run: those that are given are held against their types, the others are drawn.

What is drawn depends on the seed and the input's name alone, so that giving one input leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import numpy as np
from msgspec import Struct

from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import Dim, evaluate
from tenuto_analysis.dtypes import Kind, Scalar
from tenuto_backend.reference.dtypes import DTYPES, FLOATING, DType
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import Interface, Port, WrongInput
from tenuto_backend.runtime.sizes import Sizes, settled, shape_of, shown_array, shown_type

UNTOLD = 99
"""The largest integer that is drawn where no range is declared: a dtype's whole range is no sensible one."""


class Ready(Struct, frozen=True):
    """All arrays in the order of the interface, and which of them were drawn."""

    arrays: tuple[Array, ...]
    drawn: frozenset[str]


def ready(
    interface: Interface, given: Mapping[str, Array], chosen: Mapping[str, int] | None = None, seed: int | None = None
) -> Ready:
    """`chosen` are sizes by name; without a seed every input must be given. Raises `WrongInput`."""
    ports = {port.name: port for port in interface.inputs}
    for name, array in given.items():
        _fits(known_port(interface, name), array)
    missing = [port for port in interface.inputs if port.name not in given]
    if missing and seed is None:
        told = ", ".join(f"`{port.name}: {port.type}`" for port in missing)
        raise WrongInput(f"`{interface.name}` also takes {told}")
    sizes = settled(interface, given, chosen or {})
    for name, array in given.items():
        _in_range(ports[name], array, sizes)
    arrays = dict(given)
    leaves = dict(interface.size_inputs)
    for port in missing:
        if port.name in leaves:
            arrays[port.name] = np.asarray(sizes[leaves[port.name]], np.int64)
        else:
            try:
                arrays[port.name] = _drawn(port, sizes, seed or 0)
            except MemoryError as error:
                shape = ", ".join(map(str, shape_of(port, sizes)))
                raise WrongInput(f"`{port.name}` does not fit into memory as {port.type.dtype}[{shape}]") from error
    return Ready(tuple(arrays[name] for name in ports), frozenset(port.name for port in missing))


def known_port(interface: Interface, name: str) -> Port:
    """The input of this name; raises `WrongInput`."""
    names = [port.name for port in interface.inputs]
    if name not in names:
        near = nearest(name, names)
        hint = f"did you mean `{near[0]}`?" if near else f"it takes {', '.join(f'`{n}`' for n in names) or 'none'}"
        raise WrongInput(f"`{interface.name}` has no input `{name}`; {hint}")
    return interface.inputs[names.index(name)]


def integer_limits(port: Port) -> tuple[int, int]:
    """What the dtype of an input holds that is no float."""
    dtype = port.type.dtype
    assert isinstance(dtype, Scalar)
    if dtype.kind is Kind.BOOL:
        return 0, 1
    if dtype.kind is Kind.UNSIGNED:
        return 0, 2**dtype.bits - 1
    return -(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1


def _fits(port: Port, array: Array) -> None:
    """The dtype and the rank; sizes are judged together."""
    if not hasattr(array, "dtype"):  # Who checks no types may give a list.
        raise WrongInput(f"`{port.name}` is of type {type(array).__name__}, not {shown_type(port)}: give a NumPy array")
    if array.dtype != port.dtype:
        reason = f"its elements are not {port.type.dtype}"
    elif array.ndim != len(port.type.shape):
        reason = f"its rank is {array.ndim}, not {len(port.type.shape)}"
    else:
        return
    raise WrongInput(f"`{port.name}` is {shown_array(array)}, not {shown_type(port)}: {reason}")


def _in_range(port: Port, array: Array, sizes: Sizes) -> None:
    """Bounds are compared as the array's dtype can hold them: no f32 equals 0.1."""
    if port.type.within is None or array.size == 0:
        return
    low, high = (_rounded(end, array.dtype) for end in _limits(port, sizes))
    wide = array.astype(np.float64 if array.dtype in FLOATING else np.int64) if array.dtype.kind not in "iuf" else array
    wrong = ~((wide >= low) & (wide <= high))
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        at = f" at [{', '.join(map(str, place))}]" if place else ""
        raise WrongInput(f"`{port.name}` is {port.type}, but holds {wide[place]}{at}")


def _limits(port: Port, sizes: Sizes) -> tuple[float, float]:
    """The declared range; infinite where it has no end, or nothing tells it."""
    within = port.type.within
    if within is None:
        return -inf, inf
    ends: list[float] = []
    for end, otherwise in ((within.low, -inf), (within.high, inf)):
        number = evaluate(end, sizes) if isinstance(end, Dim) else end
        ends.append(otherwise if number is None else number)
    return ends[0], ends[1]


def _rounded(end: float, dtype: DType) -> float:
    return float(np.asarray(end, np.float64).astype(dtype)) if dtype in FLOATING and abs(end) < inf else end


def _drawn(port: Port, sizes: Sizes, seed: int) -> Array:
    random = np.random.default_rng([seed, *port.name.encode()])
    dtype, shape = port.dtype, shape_of(port, sizes)
    low, high = _limits(port, sizes)
    if dtype not in FLOATING:
        return _integers(random, port, shape, low, high)
    if low > -inf and high < inf:
        numbers = random.uniform(low, high + 0.0, shape)  # NumPy takes -0.0 for less than 0.0.
    else:
        numbers = random.normal(0.0, 1.0, shape)
        numbers = low + abs(numbers) if low > -inf else high - abs(numbers) if high < inf else numbers
    if dtype == DTYPES["f8e8m0"]:
        numbers = abs(numbers)  # It holds powers of two alone.
    found = np.asarray(numbers).astype(dtype)
    if low > -inf:
        found = np.maximum(found, np.asarray(low, np.float64).astype(dtype))
    if high < inf:
        found = np.minimum(found, np.asarray(high, np.float64).astype(dtype))
    return np.asarray(found)


def _integers(random: np.random.Generator, port: Port, shape: Sequence[int], low: float, high: float) -> Array:
    least, greatest = integer_limits(port)
    if low == -inf:
        low = 0 if high >= 0 else high - UNTOLD
    if high == inf:
        high = low + UNTOLD
    low, high = max(int(low), least), min(int(high), greatest)
    if high < low:
        raise WrongInput(f"`{port.name}` is {port.type}, which no number is: give it")
    unsigned = high > np.iinfo(np.int64).max
    numbers = random.integers(low, high, shape, np.uint64 if unsigned else np.int64, endpoint=True)
    return np.asarray(numbers).astype(port.dtype)
