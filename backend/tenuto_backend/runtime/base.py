"""What runs need to know: the typed interface of a model, what a back end of the runtime is, and what may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from types import ModuleType

from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_analysis.counterexample import find_values
from tenuto_analysis.dims import (
    Compare,
    Constraint,
    Dim,
    Leaf,
    Relation,
    leaves,
    leaves_of_constraint,
    literal,
    of,
    substitute,
    substitute_constraint,
)
from tenuto_analysis.graph import Graph, dims_of
from tenuto_analysis.types import Interval, Tensor
from tenuto_backend.reference.dtypes import DTYPES, DType
from tenuto_backend.reference.values import Array

_MOST_TRIES = 200_000

Runner = Callable[[Sequence[Array]], tuple[Array, ...]]
"""Inputs in the order of the interface; outputs likewise. It raises `RunError`."""


class WrongInput(Exception):
    """What was given is not what the interface takes; the message says it in the words of the type."""


class RunError(Exception):
    """The model could not be loaded, or failed while it ran."""


# Each is a module with `of_program(database, program)` and `of_model(path)`, and the extra that it needs.
BACKENDS: Mapping[str, tuple[str, str]] = {
    "onnxruntime": ("tenuto_backend.runtime.onnxruntime", "run"),
    "reference": ("tenuto_backend.runtime.reference", "onnx"),
    "iree": ("tenuto_backend.runtime.iree", "mlir"),
}


def backend(name: str) -> ModuleType:
    """A back end, loaded; raises a ModuleNotFoundError that says what installs what is missing."""
    module, extra = BACKENDS[name]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        told = f"this needs the package `{error.name}`: run `pip install 'tenuto[{extra}]'`"
        raise ModuleNotFoundError(told, name=error.name) from error


class Port(Struct, frozen=True):
    """An input or an output."""

    name: str
    type: Tensor

    @override
    def __str__(self) -> str:
        return f"{self.name}: {self.type}"

    @property
    def dtype(self) -> DType:
        """As NumPy has it; raises `WrongInput` where NumPy has none."""
        found = DTYPES.get(str(self.type.dtype))
        if found is None:
            raise WrongInput(f"`{self.name}` is {self.type}, and NumPy has no {self.type.dtype}")
        return found

    @property
    def shape(self) -> tuple[int | str, ...]:
        """Sizes that are known as numbers, others as text: `("B", "P + S", 24)`."""
        return tuple(str(dim) if dim.constant is None else dim.constant for dim in dims_of(self.type))


class Interface(Struct, frozen=True):
    """What a model takes and gives; `bounds` hold between its sizes.

    `size_inputs` are those of the inputs whose value is a size that no shape tells.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    bounds: tuple[Constraint, ...] = ()
    size_inputs: tuple[tuple[str, Leaf], ...] = ()

    @property
    def symbols(self) -> Mapping[str, Leaf]:
        """The sizes that a run may choose, by name."""
        found = {str(leaf): leaf for port in self.inputs for dim in dims_of(port.type) for leaf in _sorted(dim)}
        return found | {str(leaf): leaf for _, leaf in self.size_inputs}


def of_graph(graph: Graph) -> Interface:
    entry = graph.entry
    told = (*graph.bounds, *(constraint for constraint, _ in graph.assumed))
    symbols = frozenset(entry.symbols)
    fixed = _fixed(told, symbols)
    taken = (*entry.inputs, *(ssa for _, ssa in entry.size_inputs))
    given = zip(entry.output_names or [ssa.name for ssa in entry.results], entry.results, strict=True)
    bounds = (substitute_constraint(bound, fixed.get, lambda _: None) for bound in told)
    return Interface(
        graph.name,
        tuple(Port(ssa.name, _with_fixed(ssa.type, fixed)) for ssa in taken),
        tuple(Port(name, _with_fixed(ssa.type, fixed)) for name, ssa in given),
        tuple(bound for bound in bounds if leaves_of_constraint(bound) and leaves_of_constraint(bound) <= symbols),
        tuple((ssa.name, leaf) for leaf, ssa in entry.size_inputs),
    )


def _fixed(bounds: Iterable[Constraint], open_: frozenset[Leaf]) -> Mapping[Leaf, Dim]:
    """The sizes that a deploy fixes, which are numbers in the types of its graph, but not in its bounds."""
    about = [bound for bound in bounds if leaves_of_constraint(bound).isdisjoint(open_)]
    found = find_values(about, None, {}, _MOST_TRIES) or {}
    equalities = {leaf: Compare(Relation.EQ, of(leaf), literal(size)) for leaf, size in found.items()}
    return {
        leaf: literal(size)
        for leaf, size in found.items()
        if find_values(about, equalities[leaf], {}, _MOST_TRIES) is None
    }


def _with_fixed(type_: Tensor, fixed: Mapping[Leaf, Dim]) -> Tensor:
    if type_.within is None:
        return type_
    ends = [
        substitute(end, fixed.get) if isinstance(end, Dim) else end for end in (type_.within.low, type_.within.high)
    ]
    return Tensor(type_.dtype, type_.shape, Interval(ends[0], ends[1]))


def _sorted(dim: Dim) -> list[Leaf]:
    return sorted(leaves(dim), key=str)
