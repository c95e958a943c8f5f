"""What an expression can be: tensors with their dtype and shape, and the values that are known at compile time.

One closed union, `Value`, serves for both: a static integer is a value whose type carries its dimension term, so that
configuration, sizes and tensors flow through one checker. All are immutable, hashable and comparable by content.
Printing (`str`) gives source syntax.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_analysis.dims import Constraint, Dim, Leaf, render
from tenuto_analysis.dtypes import DType, DTypeClass
from tenuto_analysis.precision.policies import Precision

# --------------------------------------------------------------------------------------------------------------- shapes


class PackVariable(Struct, frozen=True):
    """`..S`: some dimensions, by name."""

    name: str
    owner: str

    @override
    def __str__(self) -> str:
        return f"..{self.name}"


class PackCall(Struct, frozen=True):
    """`..broadcast(A, B)`: a shape function whose arguments are not known well enough to compute it."""

    function: str
    arguments: tuple[Value, ...]

    @override
    def __str__(self) -> str:
        return f"..{self.function}({', '.join(map(str, self.arguments))})"


ShapeItem = Dim | PackVariable | PackCall
Shape = tuple[ShapeItem, ...]


def shape_text(shape: Shape) -> str:
    return ", ".join(map(str, shape))


class PackProduct(Leaf, Struct, frozen=True):
    """`product(S)`."""

    shape: Shape
    low: int | None = 0

    @override
    def __str__(self) -> str:
        return f"product({_pack_text(self.shape)})"


class PackRank(Leaf, Struct, frozen=True):
    """`rank(S)`."""

    shape: Shape
    low: int | None = 0

    @override
    def __str__(self) -> str:
        return f"rank({_pack_text(self.shape)})"


class AxisSize(Leaf, Struct, frozen=True):
    """`S[axis]`."""

    shape: Shape
    axis: Dim
    low: int | None = 0

    @override
    def __str__(self) -> str:
        return f"{_pack_text(self.shape)}[{self.axis}]"


class ListElement(Leaf, Struct, frozen=True):
    """`c.widths[i]`: an element of a configuration's list."""

    path: str
    owner: str
    index: Dim
    low: int | None = 0

    @override
    def __str__(self) -> str:
        return f"{self.path}[{self.index}]"


class ListLength(Leaf, Struct, frozen=True):
    """`len(c.widths)`."""

    path: str
    owner: str
    low: int | None = None

    @override
    def __str__(self) -> str:
        return f"len({self.path})"


class BoolSymbol(Leaf, Struct, frozen=True):
    """`biased`: a static bool known only by name."""

    name: str
    owner: str
    low: int | None = None

    @override
    def __str__(self) -> str:
        return self.name


class IsNone(Leaf, Struct, frozen=True):
    """`mask == none`: whether an optional argument was left out."""

    name: str
    owner: str
    low: int | None = None

    @override
    def __str__(self) -> str:
        return f"{self.name} == none"


class SamePack(Leaf, Struct, frozen=True):
    """`broadcast(A, B) == A`: an equality of shapes that is known only as a fact."""

    left: Shape
    right: Shape
    low: int | None = None

    @override
    def __str__(self) -> str:
        return f"{_pack_text(self.left)} == {_pack_text(self.right)}"


class StaticTest(Leaf, Struct, frozen=True):
    """A static condition that is no arithmetic: two strings that are equal."""

    text: str
    owner: str
    low: int | None = None

    @override
    def __str__(self) -> str:
        return self.text


def _pack_text(shape: Shape) -> str:
    if len(shape) == 1 and not isinstance(shape[0], Dim):
        return str(shape[0])[2:]
    return f"shape[{shape_text(shape)}]"


# --------------------------------------------------------------------------------------------------------------- values


class Interval(Struct, frozen=True):
    """`low .. high`, both included; integers as dimension terms, others as floats, None where it is not known."""

    low: Dim | float | None
    high: Dim | float | None

    @override
    def __str__(self) -> str:
        return f"{self.low} .. {self.high}"


class Tensor(Struct, frozen=True):
    dtype: DType
    shape: Shape
    within: Interval | None = None

    @override
    def __str__(self) -> str:
        within = f" within {self.within}" if self.within is not None else ""
        return f"{self.dtype}[{shape_text(self.shape)}]{within}"


class Int(Struct, frozen=True):
    """A static integer: a literal, a dimension, arithmetic on them."""

    value: Dim

    @override
    def __str__(self) -> str:
        return str(self.value)


class Float(Struct, frozen=True):
    """A static float; `value` is None where it is known only at build time."""

    value: float | None

    @override
    def __str__(self) -> str:
        return "float" if self.value is None else repr(self.value)


class Bool(Struct, frozen=True):
    """A static truth value: a constraint on sizes and flags."""

    value: Constraint

    @override
    def __str__(self) -> str:
        return render(self.value)


class Str(Struct, frozen=True):
    value: str | None

    @override
    def __str__(self) -> str:
        return "str" if self.value is None else f'"{self.value}"'


class NoneValue(Struct, frozen=True):
    @override
    def __str__(self) -> str:
        return "none"


class TupleValue(Struct, frozen=True):
    items: tuple[Value, ...]

    @override
    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


class ListValue(Struct, frozen=True):
    """A list whose elements are known one by one."""

    items: tuple[Value, ...]

    @override
    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.items))}]"


class Sequence(Struct, frozen=True):
    """A list of `length` elements that share one type, which may depend on `index` (`0 <= index < length`)."""

    element: Value
    index: Leaf
    length: Dim
    real: bool = False  # Over the range of a dimension: a loop over it is a loop at run time.

    @override
    def __str__(self) -> str:
        return f"list[{self.element}, {self.length}]"


class ConfigList(Struct, frozen=True):
    """A list-valued field of a configuration known only by name, such as `c.widths`."""

    path: str
    owner: str
    kind: StaticKind
    length: Dim

    @override
    def __str__(self) -> str:
        return self.path


class ShapeValue(Struct, frozen=True):
    """A pack, or a list of sizes used as a shape."""

    shape: Shape

    @override
    def __str__(self) -> str:
        return _pack_text(self.shape)


class DTypeValue(Struct, frozen=True):
    dtype: DType

    @override
    def __str__(self) -> str:
        return str(self.dtype)


class PolicyValue(Struct, frozen=True):
    """A precision policy that a `const` names."""

    policy: Precision

    @override
    def __str__(self) -> str:
        return str(self.policy)


class TypeValue(Struct, frozen=True):
    """A type as a generic argument."""

    type: Value

    @override
    def __str__(self) -> str:
        return str(self.type)


class RecordValue(Struct, frozen=True):
    """A record: a configuration, or tensors under names."""

    name: str
    file: str
    fields: tuple[tuple[str, Value], ...]

    def field(self, name: str) -> Value | None:
        return next((value for key, value in self.fields if key == name), None)

    @override
    def __str__(self) -> str:
        return self.name


class OptionalValue(Struct, frozen=True):
    """A value that may be none, which a test narrows; `flag` stands for the test."""

    inner: Value
    flag: IsNone | None

    @override
    def __str__(self) -> str:
        return f"{self.inner}?"


class Reference(Struct, frozen=True):
    """A declaration of a file, perhaps with generic arguments: what `Linear` or `Linear[4, 8]` denotes."""

    file: str
    name: str
    arguments: tuple[tuple[str | None, Value], ...] = ()

    @override
    def __str__(self) -> str:
        if not self.arguments:
            return self.name
        shown = (f"{key} = {value}" if key else str(value) for key, value in self.arguments)
        return f"{self.name}[{', '.join(shown)}]"


class ModelBound(Struct, frozen=True):
    """`model(A, B) -> C where (...)`: a model known by its type; `owner` owns the names that it quantifies."""

    owner: str
    parameters: tuple[Value, ...]
    result: Value
    where: tuple[Constraint, ...]
    quantified: tuple[str, ...]

    @override
    def __str__(self) -> str:
        return f"model({', '.join(map(str, self.parameters))}) -> {self.result}"


class Instance(Struct, frozen=True):
    """A model with its weights: what a `sub` names. `model` is what it was made from."""

    model: Reference | ModelBound | GenericModel

    @override
    def __str__(self) -> str:
        return str(self.model)


class GenericModel(Struct, frozen=True):
    """`M` of `M: model(...) -> ...`: a model that the caller chooses."""

    name: str
    bound: ModelBound

    @override
    def __str__(self) -> str:
        return self.name


class Module(Struct, frozen=True):
    """An imported file under a name."""

    file: str

    @override
    def __str__(self) -> str:
        return "module"


class Builtin(Struct, frozen=True):
    """A function of the language itself: `range`, `len`, `product`."""

    name: str

    @override
    def __str__(self) -> str:
        return self.name


class TypeVariable(Struct, frozen=True):
    """`In` of `In: type`."""

    name: str
    owner: str

    @override
    def __str__(self) -> str:
        return self.name


class StaticKind(Enum):
    """The kinds of compile-time parameters that need no more words."""

    INT = "int"
    DIM = "dim"
    BOOL = "bool"
    FLOAT = "float"
    STR = "str"
    TYPE = "type"
    PATTERN = "pattern"
    REDUCER = "reducer"
    SIZES = "sizes"


class KindValue(Struct, frozen=True):
    """The type of a compile-time parameter: `int`, `axis[S]`, `shape[..R]`; `shape` is the pack that it speaks of."""

    kind: StaticKind | AxisKind
    shape: Shape = ()

    @override
    def __str__(self) -> str:
        if isinstance(self.kind, StaticKind):
            return self.kind.value
        return f"{self.kind.value}[{_pack_text(self.shape)}]"


class AxisKind(Enum):
    """The kinds of compile-time parameters that speak of a pack."""

    AXIS = "axis"
    AXES = "axes"
    AFTER = "after"
    SHAPE = "shape"


class DTypeKind(Struct, frozen=True):
    """The kind of a generic `T: floating`."""

    bound: DTypeClass

    @override
    def __str__(self) -> str:
        return self.bound.value


class ListKind(Struct, frozen=True):
    """`list[element, length]` as the type of a parameter; `length` None where any will do."""

    element: Value
    length: Dim | None

    @override
    def __str__(self) -> str:
        return f"list[{self.element}]" if self.length is None else f"list[{self.element}, {self.length}]"


class RecordKind(Struct, frozen=True):
    """A record's name as the type of a parameter."""

    file: str
    name: str
    arguments: tuple[tuple[str | None, Value], ...] = ()

    @override
    def __str__(self) -> str:
        return self.name


class Placeholder(Struct, frozen=True):
    """A compile-time parameter that only its name stands for: a list, a pattern, axes; `type` is its declared type."""

    name: str
    owner: str
    type: Value

    @override
    def __str__(self) -> str:
        return self.name


class Unknown(Struct, frozen=True):
    """What a reported mistake hides: it silences what follows."""

    @override
    def __str__(self) -> str:
        return "_"


Value = (
    Tensor
    | Int
    | Float
    | Bool
    | Str
    | NoneValue
    | TupleValue
    | ListValue
    | Sequence
    | ConfigList
    | ShapeValue
    | DTypeValue
    | PolicyValue
    | TypeValue
    | RecordValue
    | OptionalValue
    | Reference
    | ModelBound
    | Instance
    | GenericModel
    | Module
    | Builtin
    | TypeVariable
    | KindValue
    | DTypeKind
    | ListKind
    | RecordKind
    | Placeholder
    | Unknown
)

UNKNOWN = Unknown()
NONE = NoneValue()
