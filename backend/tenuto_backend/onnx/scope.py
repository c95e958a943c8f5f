"""A graph, a function or a branch while it is written: its nodes, what its values are called, its constants.

Names are unique in a function with all its branches, since a branch may read what stands around it. A constant stands
once, at the head of its function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field
from onnx import AttributeProto, GraphProto, NodeProto, ValueInfoProto, helper, numpy_helper

from tenuto_analysis.dims import Dim, Leaf
from tenuto_analysis.dtypes import SCALARS, DType
from tenuto_analysis.graph import Ssa
from tenuto_analysis.normal_form import single_atom
from tenuto_backend.applied import scalar
from tenuto_backend.onnx.dtypes import element
from tenuto_backend.onnx.infos import SizeNames, value_info
from tenuto_backend.reference.dtypes import DTYPES

Array = npt.NDArray[Any]
I64 = SCALARS["i64"]
Attribute = int | float | str | Sequence[int] | GraphProto


class Names:
    """Names that are unique; the first use of one keeps it.

    In a branch those of callers are taken too: onnxruntime, which puts a function in the place of its call, leaves the
    names in its branches as they are, and takes them for what stands around.
    """

    def __init__(self, of_callers: AbstractSet[str] = frozenset()) -> None:
        self.taken: set[str] = set()
        self._of_callers = of_callers
        self._branches = 0
        self._counts: dict[str, int] = {}

    @contextmanager
    def in_branch(self) -> Iterator[None]:
        self._branches += 1
        yield
        self._branches -= 1

    def fresh(self, base: str) -> str:
        name = base
        while name in self.taken or (self._branches and name in self._of_callers):
            count = self._counts[base] = self._counts.get(base, 1) + 1
            name = f"{base}_{count}"
        self.taken.add(name)
        return name


class Unit(Struct, eq=False):
    """What the graph of a function shares with its branches.

    `notes` is what every node tells of its origin; `shared` are values that are remembered by name, so keep it.
    """

    opset: int
    names: Names = field(default_factory=Names)
    node_names: Names = field(default_factory=Names)
    size_names: SizeNames = field(default_factory=SizeNames)
    constants: list[NodeProto] = field(default_factory=list)
    known: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    hint: str = "value"
    notes: Mapping[str, str] = field(default_factory=dict)


class Axis(Struct, frozen=True):
    """Where a size can be read: an axis of a value, or, where it is None, a value that is the number itself."""

    value: str
    axis: int | None


class Scope(Struct, eq=False):
    """One graph, function or branch; `made` are the values of its own nodes."""

    unit: Unit
    outer: Scope | None = None
    nodes: list[NodeProto] = field(default_factory=list)
    infos: list[ValueInfoProto] = field(default_factory=list)
    values: dict[Ssa, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    axes: dict[Leaf, Axis] = field(default_factory=dict)
    sizes: dict[object, str] = field(default_factory=dict)

    def inner(self) -> Scope:
        return Scope(self.unit, self)

    # ---------------------------------------------------------------------------------------------------------- values

    def value(self, ssa: Ssa) -> str:
        scope: Scope | None = self
        while scope is not None:
            name = scope.values.get(ssa)
            if name is not None:
                return name
            scope = scope.outer
        raise AssertionError(f"a value is read before it is made: {ssa.name or ssa.type}")

    def bind(self, ssa: Ssa, name: str) -> None:
        """Let `name` be what `ssa` is called; sizes that stand alone in its shape can be read from now on."""
        self.values[ssa] = name
        for axis, dim in enumerate(ssa.type.shape):
            leaf = _lone_leaf(dim) if isinstance(dim, Dim) else None
            if leaf is not None and self.axis_of(leaf) is None:
                self.axes[leaf] = Axis(name, axis)

    def describe(self, ssa: Ssa) -> None:
        """Tell the type of a value that is neither an input nor an output."""
        self.infos.append(value_info(self.value(ssa), ssa.type, self.unit.size_names))

    def axis_of(self, leaf: Leaf) -> tuple[Scope, Axis] | None:
        scope: Scope | None = self
        while scope is not None:
            found = scope.axes.get(leaf)
            if found is not None:
                return scope, found
            scope = scope.outer
        return None

    # ----------------------------------------------------------------------------------------------------------- nodes

    def op(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """A node with one output, whose name is given back."""
        (name,) = self.ops(operator, inputs, [self.unit.names.fresh(f"{self.unit.hint}.{operator}")], **attributes)
        return name

    def ops(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Attribute
    ) -> Sequence[str]:
        """A node with these outputs."""
        node = NodeProto(op_type=operator, input=inputs, output=outputs)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.add(node)
        return outputs

    def add(self, node: NodeProto) -> None:
        node.name = self.unit.node_names.fresh(node.name or node.output[0])
        for key, text in self.unit.notes.items():
            note = node.metadata_props.add()
            note.key, note.value = key, text
        self.nodes.append(node)
        self.made.update(node.output)

    def rename(self, since: int, old: str, new: str) -> None:
        """Call a value of the nodes from `since` on by another name."""
        for node in self.nodes[since:]:
            for names in (node.input, node.output):
                for at, name in enumerate(names):
                    if name == old:
                        names[at] = new
            if node.name == old:
                node.name = self.unit.node_names.fresh(new)
        self.made.discard(old)
        self.made.add(new)

    # ------------------------------------------------------------------------------------------------------- constants

    def constant(self, array: Array, dtype: DType) -> str:
        """A tensor that is known now."""
        key = (scalar(dtype).name, array.shape, array.tobytes())
        found = self.unit.known.get(key)
        if found is None:
            found = self.unit.known[key] = self.unit.names.fresh("constant")
            tensor = numpy_helper.from_array(array, found)
            tensor.data_type = element(dtype)
            value = AttributeProto(name="value", type=AttributeProto.TENSOR, t=tensor)
            node = NodeProto(op_type="Constant", output=[found], attribute=[value])
            node.name = self.unit.node_names.fresh(found)
            self.unit.constants.append(node)
        return found

    def number(self, value: bool | int | float, dtype: DType) -> str:
        return self.constant(np.asarray(value).astype(DTYPES[scalar(dtype).name]), dtype)

    def integers(self, values: Sequence[int]) -> str:
        """A constant `i64[n]`."""
        return self.constant(np.asarray(values, np.int64), I64)

    def integer(self, value: int) -> str:
        """A constant `i64[]`."""
        return self.constant(np.asarray(value, np.int64), I64)


def _lone_leaf(dim: Dim) -> Leaf | None:
    """The leaf that a size is, where it is nothing else."""
    atom = single_atom(dim)
    return atom if isinstance(atom, Leaf) else None
