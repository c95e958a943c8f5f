"""Which sizes a run has: read off the arrays that are given, chosen by the caller, or the smallest that satisfy all."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.counterexample import find_values
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import (
    Compare,
    Constraint,
    Leaf,
    Relation,
    evaluate,
    holds,
    leaves_of_constraint,
    literal,
    of,
    render,
)
from tenuto_analysis.graph import dims_of
from tenuto_analysis.normal_form import single_atom
from tenuto_backend.reference.dtypes import NAMES
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import Interface, Port, WrongInput

Sizes = Mapping[Leaf, int]

_MOST_TRIES = 200_000


def settled(interface: Interface, given: Mapping[str, Array], chosen: Mapping[str, int]) -> Sizes:
    """The value of every size; raises `WrongInput` where there is none, or what is given does not agree."""
    known = _chosen(interface, chosen)
    origins = dict.fromkeys(known, "as it was chosen")
    ports = [port for port in interface.inputs if port.name in given]
    for port in ports:
        for axis, size in enumerate(given[port.name].shape):
            atom = single_atom(dims_of(port.type)[axis])
            if isinstance(atom, Leaf) and atom not in known:
                known[atom] = size
                origins[atom] = f"in `{port.name}`"
    for name, leaf in interface.size_inputs:
        if name in given and leaf not in known:
            known[leaf] = int(given[name])
            origins[leaf] = f"in `{name}`"
    _within_bounds(interface, known)
    for port in ports:
        _agrees(port, given[port.name], known, origins)
    for name, leaf in interface.size_inputs:
        if name in given and int(given[name]) != known[leaf]:
            raise WrongInput(f"`{name}` is {int(given[name])}, but {leaf} is {known[leaf]} {origins[leaf]}")
    return _completed(interface, ports, given, known)


def shape_of(port: Port, sizes: Sizes) -> tuple[int, ...]:
    """The shape of an input for these sizes."""
    found = [evaluate(dim, sizes) for dim in dims_of(port.type)]
    if any(size is None or size < 0 for size in found):
        raise WrongInput(f"`{port.name}` has no shape {shown_type(port)} where {_told(sizes)}")
    return tuple(size for size in found if size is not None)


def shown_type(port: Port) -> str:
    """`i64[B, S]`."""
    return f"{port.type.dtype}[{', '.join(map(str, port.type.shape))}]"


def shown_array(array: Array) -> str:
    """`i64[2, 3]`."""
    return f"{NAMES.get(array.dtype, str(array.dtype))}[{', '.join(map(str, array.shape))}]"


def _chosen(interface: Interface, chosen: Mapping[str, int]) -> dict[Leaf, int]:
    symbols = interface.symbols
    found: dict[Leaf, int] = {}
    for name, size in chosen.items():
        if name not in symbols:
            near = nearest(name, symbols)
            hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(symbols) or 'none'}"
            raise WrongInput(f"`{interface.name}` has no size `{name}`; {hint}")
        if size < 0:
            raise WrongInput(f"{name} is {size}: a size is not negative")
        found[symbols[name]] = size
    return found


def _within_bounds(interface: Interface, known: Sizes) -> None:
    for bound in interface.bounds:
        if holds(bound, known) is False:
            here = {leaf: known[leaf] for leaf in sorted(leaves_of_constraint(bound), key=str) if leaf in known}
            raise WrongInput(f"{_told(here)}, but `{interface.name}` asks for {render(bound)}")


def _agrees(port: Port, array: Array, known: Sizes, origins: Mapping[Leaf, str]) -> None:
    for axis, (dim, size) in enumerate(zip(dims_of(port.type), array.shape, strict=True)):
        wanted = evaluate(dim, known)
        if wanted is None or wanted == size:
            continue
        atom = single_atom(dim)
        if dim.constant is not None:
            reason = f"axis {axis} has {size} elements"
        elif isinstance(atom, Leaf):
            reason = f"{dim} is {wanted} {origins[atom]}"
        else:
            reason = f"{dim} is {wanted}"
        raise WrongInput(f"`{port.name}` is {shown_array(array)}, not {shown_type(port)}: {reason}")


def _completed(interface: Interface, ports: list[Port], given: Mapping[str, Array], known: Sizes) -> Sizes:
    """The sizes that nobody told: small, and different ones where that is possible, so that axes can be told apart."""
    required: list[Constraint] = [*interface.bounds]
    required += (Compare(Relation.EQ, of(leaf), literal(size)) for leaf, size in known.items())
    for port in ports:
        for dim, size in zip(dims_of(port.type), given[port.name].shape, strict=True):
            required.append(Compare(Relation.EQ, dim, literal(size)))
    for port in interface.inputs:
        required += (Compare(Relation.GE, dim, literal(0)) for dim in dims_of(port.type))
    open_ = [leaf for leaf in interface.symbols.values() if leaf not in known]
    for leasts in (range(2, len(open_) + 2), [1] * len(open_), [0] * len(open_)):
        least = (Compare(Relation.GE, of(leaf), literal(n)) for leaf, n in zip(open_, leasts, strict=True))
        wanted = [*required, *least]
        found = find_values(wanted, None, {}, _MOST_TRIES)
        if found is not None:
            return _lowered(open_, {**found, **known}, wanted)
    names = ", ".join(map(str, open_))
    raise WrongInput(f"no sizes were found that fit `{interface.name}`: choose some of {names}")


def _lowered(open_: list[Leaf], sizes: dict[Leaf, int], required: list[Constraint]) -> Sizes:
    """The same with each open size as small as the others let it be."""
    for leaf in open_:
        for size in range(sizes[leaf]):
            if all(holds(constraint, {**sizes, leaf: size}) for constraint in required):
                sizes[leaf] = size
                break
    return sizes


def _told(sizes: Sizes) -> str:
    return " and ".join(f"{leaf} is {size}" for leaf, size in sizes.items())
