"""What the elements of a tensor are: dtypes, their classes, and how a sum of products keeps them."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from tenuto_analysis.compat import override


class Kind(Enum):
    """What the numbers of a dtype are."""

    FLOAT = "float"
    SIGNED = "signed integer"
    UNSIGNED = "unsigned integer"
    BOOL = "bool"
    COMPLEX = "complex"
    STRING = "string"


class DTypeClass(Enum):
    """What a generic dtype may be."""

    FLOATING = "floating"
    INTEGER = "integer"
    UNSIGNED = "unsigned"
    NUMBER = "number"
    ANY = "any"


class Scalar(Struct, frozen=True):
    """A dtype of the machine: `f32`, `i8`, `bool`."""

    name: str
    kind: Kind
    bits: int

    @override
    def __str__(self) -> str:
        return self.name


class Policy(Struct, frozen=True):
    """`float`: the dtype that the precision policy in force says."""

    @override
    def __str__(self) -> str:
        return "float"


class DTypeVariable(Struct, frozen=True):
    """`T` of `T: floating`."""

    name: str
    owner: str
    bound: DTypeClass

    @override
    def __str__(self) -> str:
        return self.name


class Accumulated(Struct, frozen=True):
    """`accumulated(T)`: what a sum of products of `T` is kept in."""

    of: DTypeVariable

    @override
    def __str__(self) -> str:
        return f"accumulated({self.of})"


class Quantised(Struct, frozen=True):
    """`quant(i8, axis = 0)`: stored integers or small floats with a scale per axis or group."""

    storage: Scalar
    axis: int | None
    group: int | None
    scale: Scalar | None

    @override
    def __str__(self) -> str:
        parts = [str(self.storage)]
        parts += [f"axis = {self.axis}"] if self.axis is not None else []
        parts += [f"group = {self.group}"] if self.group is not None else []
        parts += [f"scale = {self.scale}"] if self.scale is not None else []
        return f"quant({', '.join(parts)})"


class Weak(Struct, frozen=True):
    """The dtype of a literal or a static value: it takes that of the tensor it meets."""

    kind: Kind

    @override
    def __str__(self) -> str:
        return {Kind.FLOAT: "a float literal", Kind.SIGNED: "an integer literal"}.get(self.kind, self.kind.value)


class UnknownDType(Struct, frozen=True):
    """A dtype that a reported mistake hides."""

    @override
    def __str__(self) -> str:
        return "_"


DType = Scalar | Policy | DTypeVariable | Accumulated | Quantised | Weak | UnknownDType

_SIZES = {
    Kind.FLOAT: ("f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz", "f8e8m0", "f4e2m1"),
    Kind.SIGNED: ("i64", "i32", "i16", "i8", "i4", "i2"),
    Kind.UNSIGNED: ("u64", "u32", "u16", "u8", "u4", "u2"),
    Kind.COMPLEX: ("c64", "c128"),
}


def _bits(name: str) -> int:
    digits = name.lstrip("bfiuc")
    return int(digits.split("e")[0])


SCALARS: dict[str, Scalar] = {
    name: Scalar(name, kind, _bits(name)) for kind, names in _SIZES.items() for name in names
} | {"bool": Scalar("bool", Kind.BOOL, 8), "string": Scalar("string", Kind.STRING, 0)}

FLOAT = Policy()
BOOL = SCALARS["bool"]
WEAK_INT = Weak(Kind.SIGNED)
WEAK_FLOAT = Weak(Kind.FLOAT)
UNKNOWN_DTYPE = UnknownDType()

_CLASS_KINDS: dict[DTypeClass, frozenset[Kind]] = {
    DTypeClass.FLOATING: frozenset({Kind.FLOAT}),
    DTypeClass.INTEGER: frozenset({Kind.SIGNED, Kind.UNSIGNED}),
    DTypeClass.UNSIGNED: frozenset({Kind.UNSIGNED}),
    DTypeClass.NUMBER: frozenset({Kind.FLOAT, Kind.SIGNED, Kind.UNSIGNED, Kind.COMPLEX}),
    DTypeClass.ANY: frozenset(Kind),
}


def in_class(dtype: DType, bound: DTypeClass) -> bool:
    """Whether a dtype belongs to a class, for all that is known of it."""
    match dtype:
        case Scalar(kind=kind):
            return kind in _CLASS_KINDS[bound]
        case Policy():
            return Kind.FLOAT in _CLASS_KINDS[bound]
        case Weak(kind=kind):
            return kind in _CLASS_KINDS[bound] or (kind is Kind.SIGNED and bound is DTypeClass.FLOATING)
        case DTypeVariable(bound=own):
            return _CLASS_KINDS[own] <= _CLASS_KINDS[bound]
        case Accumulated(of=of):
            return _CLASS_KINDS[of.bound] <= _CLASS_KINDS[bound]
        case Quantised():
            return bound is DTypeClass.ANY
        case UnknownDType():
            return True


def kinds(dtype: DType) -> frozenset[Kind]:
    """The kinds that a dtype may have."""
    match dtype:
        case Scalar(kind=kind) | Weak(kind=kind):
            return frozenset({kind})
        case Policy() | Quantised():
            return frozenset({Kind.FLOAT})
        case DTypeVariable(bound=bound):
            return _CLASS_KINDS[bound]
        case Accumulated(of=of):
            return _CLASS_KINDS[of.bound]
        case UnknownDType():
            return frozenset(Kind)


def accumulated(dtype: DType) -> DType:
    """What a sum of products of `dtype` is: `i32` for short integers, itself for floats (policies say how they sum)."""
    match dtype:
        case Scalar(kind=Kind.SIGNED, bits=bits) if bits < 32:
            return SCALARS["i32"]
        case Scalar(kind=Kind.UNSIGNED, bits=bits) if bits < 32:
            return SCALARS["i32"]
        case DTypeVariable(bound=bound) if bound is not DTypeClass.FLOATING:
            return Accumulated(dtype)
        case _:
            return dtype
