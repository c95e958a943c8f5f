"""Precision policies: what dtype weights, products, sums and values have.

A policy is data. `check/clauses.py` reads one from what a program says; elaboration asks it for the dtype of a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_analysis.dtypes import SCALARS, Scalar


class Field(Enum):
    """What a policy gives a dtype to."""

    PARAMS = "params"
    COMPUTE = "compute"
    ACCUMULATE = "accumulate"
    WIDE = "wide"
    STORAGE = "storage"


class Scaled(Enum):
    """What of a quantised weight has one scale."""

    TENSOR = "per_tensor"
    CHANNEL = "per_channel"
    GROUP = "group"


class Activations(Enum):
    """Whether the other operand of a quantised weight is quantised, by its extremes in each run."""

    KEPT = "none"
    DYNAMIC = "dynamic"


class Quantisation(Struct, frozen=True):
    """How a policy stores weights that go into products.

    `dtype` is that of the stored numbers. A scale of dtype `scale` belongs to the whole tensor, to each of its output
    channels, or to `group` numbers along the axis that is summed.
    """

    dtype: Scalar
    scaled: Scaled
    group: int | None
    scale: Scalar

    @override
    def __str__(self) -> str:
        by = f"group = {self.group}" if self.scaled is Scaled.GROUP else self.scaled.value
        return f"{self.dtype}, {by}, scale = {self.scale}"


class Precision(Struct, frozen=True):
    """A policy: the dtype of stored weights, of the operands of products, of sums, of `wide` operators, of values.

    Where `weights` is given, weights that are factors of products are stored as it says, and `params` is the dtype of
    the others. All five are floats.
    """

    params: Scalar
    compute: Scalar
    accumulate: Scalar
    wide: Scalar
    storage: Scalar
    weights: Quantisation | None = None
    activations: Activations = Activations.KEPT

    def dtype(self, field: Field) -> Scalar:
        match field:
            case Field.PARAMS:
                return self.params
            case Field.COMPUTE:
                return self.compute
            case Field.ACCUMULATE:
                return self.accumulate
            case Field.WIDE:
                return self.wide
            case Field.STORAGE:
                return self.storage

    @property
    def uniform(self) -> bool:
        """Whether all is one dtype, so that no operator's class makes a difference."""
        return self.params is self.compute is self.accumulate is self.wide is self.storage and self.weights is None

    @override
    def __str__(self) -> str:
        name = next((name for name, policy in NAMED.items() if policy == self), None)
        return name or f"policy({', '.join(self._fields())})"

    def _fields(self) -> Iterator[str]:
        yield from (f"{field.value} = {self.dtype(field)}" for field in Field)
        if self.weights is not None:
            yield f"weights = ({self.weights})"
        if self.activations is not Activations.KEPT:
            yield f"activations = {self.activations.value}"


def in_one(dtype: Scalar) -> Precision:
    """Everything in one dtype."""
    return Precision(dtype, dtype, dtype, dtype, dtype)


_F32 = SCALARS["f32"]

F32 = in_one(_F32)

# The policies that are a name. A half is kept and multiplied as it is; sums and `wide` operators take f32.
NAMED: Mapping[str, Precision] = {
    "f32": F32,
    "f64": in_one(SCALARS["f64"]),
    **{name: Precision(SCALARS[name], SCALARS[name], _F32, _F32, SCALARS[name]) for name in ("f16", "bf16")},
    "mixed": Precision(_F32, SCALARS["bf16"], _F32, _F32, _F32),
}


def widened(policy: Precision) -> Precision:
    """The policy in the body of a `wide` function: its `wide` dtype throughout."""
    return in_one(policy.wide)
