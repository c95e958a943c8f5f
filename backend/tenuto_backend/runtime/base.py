"""What runs need to know: the typed interface of a model, what a back end of the runtime is, and what may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_analysis.dims import Constraint, Dim, Leaf, leaves, leaves_of_constraint
from tenuto_analysis.graph import Graph
from tenuto_analysis.types import Tensor
from tenuto_backend.reference.dtypes import DTYPES, DType
from tenuto_backend.reference.values import Array

Runner = Callable[[Sequence[Array]], tuple[Array, ...]]
"""Inputs in the order of the interface; outputs likewise. It raises `RunError`."""


class WrongInput(Exception):
    """What was given is not what the interface takes; the message says it in the words of the type."""


class RunError(Exception):
    """The model could not be loaded, or failed while it ran."""


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
    symbols = set(entry.symbols)
    told = [constraint for constraint, _ in graph.assumed]
    return Interface(
        graph.name,
        tuple(Port(ssa.name, ssa.type) for ssa in (*entry.inputs, *(ssa for _, ssa in entry.size_inputs))),
        tuple(Port(name, ssa.type) for name, ssa in zip(entry.output_names, entry.results, strict=True)),
        tuple(bound for bound in (*graph.bounds, *told) if leaves_of_constraint(bound) <= symbols),
        tuple((ssa.name, leaf) for leaf, ssa in entry.size_inputs),
    )


def dims_of(type_: Tensor) -> tuple[Dim, ...]:
    """The sizes of a tensor; an interface holds no pack that is not known."""
    return tuple(item for item in type_.shape if isinstance(item, Dim))


def _sorted(dim: Dim) -> list[Leaf]:
    return sorted(leaves(dim), key=str)
