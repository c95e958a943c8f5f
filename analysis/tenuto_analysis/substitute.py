"""Putting arguments in the place of a signature's names.

A `Substitution` maps the names that one definition owns to values. Applied to a value it rebuilds the dimensions and
computes the shape functions again; a shape function that fails leaves its `Failure` in `failures` and an unknown value.
"""

from __future__ import annotations

from msgspec import Struct, field

from tenuto_analysis.dims import (
    All,
    Any_,
    Compare,
    Constraint,
    Dim,
    Flag,
    Leaf,
    Not,
    Relation,
    Symbol,
    Truth,
    literal,
    of,
    substitute,
)
from tenuto_analysis.dtypes import Accumulated, DType, DTypeVariable, accumulated
from tenuto_analysis.patterns import PATTERN_FUNCTIONS, pattern_call
from tenuto_analysis.shapes import Failure, Known, axis_size, call, product, rank
from tenuto_analysis.types import (
    NONE,
    UNKNOWN,
    AxisSize,
    Bool,
    BoolSymbol,
    ConfigList,
    DTypeValue,
    GenericModel,
    Instance,
    Int,
    Interval,
    IsNone,
    KindValue,
    ListElement,
    ListKind,
    ListLength,
    ListValue,
    ModelBound,
    OptionalValue,
    PackCall,
    PackProduct,
    PackRank,
    PackVariable,
    Placeholder,
    RecordKind,
    RecordValue,
    Reference,
    SamePack,
    Sequence,
    Shape,
    ShapeItem,
    ShapeValue,
    Tensor,
    TupleValue,
    TypeValue,
    TypeVariable,
    Value,
)


class Substitution(Struct):
    """What the names of `owner` stand for. Names that are not bound stay."""

    owner: str
    known: Known
    values: dict[str, Value] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    # ------------------------------------------------------------------------------------------------- dimensions

    def dim(self, dim: Dim) -> Dim:
        return dim if dim.constant is not None else substitute(dim, self._leaf, self._condition)

    def _condition(self, leaf: Leaf) -> bool | Leaf | None:
        """A flag inside of a size: `if biased then N + 1 else N`."""
        match self._flag(leaf):
            case Truth(value=value):
                return value
            case Flag(leaf=other):
                return other
            case _:
                return None

    def _leaf(self, leaf: Leaf) -> Dim | None:
        match leaf:
            case Symbol(name=name, owner=owner):
                if owner != self.owner:
                    return None
                value = self.path(name)
                return value.value if isinstance(value, Int) else None
            case PackProduct(shape=shape):
                return product(self.shape(shape))
            case PackRank(shape=shape):
                return rank(self.shape(shape))
            case AxisSize(shape=shape, axis=axis):
                size = axis_size(self.known, self.shape(shape), self.dim(axis))
                if isinstance(size, Failure):
                    self.failures.append(size)
                    return None
                return size
            case ListElement(path=path, owner=owner, index=index, low=low):
                return self._element(path, owner, self.dim(index), low)
            case ListLength(path=path, owner=owner) if owner == self.owner:
                return list_length(self.path(path))
            case _:
                return None

    def _element(self, path: str, owner: str, index: Dim, low: int | None) -> Dim | None:
        value = self.path(path) if owner == self.owner else None
        match value:
            case ListValue(items=items) if index.constant is not None and 0 <= index.constant < len(items):
                item = items[index.constant]
                return item.value if isinstance(item, Int) else None
            case ConfigList(path=other, owner=other_owner):
                return of(ListElement(other, other_owner, index, low))
            case _:
                return of(ListElement(path, owner, index, low))

    def path(self, name: str) -> Value | None:
        """The value of `c` or of `c.hidden`."""
        if "." not in name:
            return self.values.get(name)
        first, *rest = name.split(".")
        value = self.values.get(first)
        for part in rest:
            value = value.field(part) if isinstance(value, RecordValue) else None
        return value

    # ------------------------------------------------------------------------------------------------------ shapes

    def shape(self, shape: Shape) -> Shape:
        found: list[ShapeItem] = []
        for item in shape:
            match item:
                case Dim():
                    found.append(self.dim(item))
                case PackVariable(name=name, owner=owner):
                    bound = self.values.get(name) if owner == self.owner else None
                    found += bound.shape if isinstance(bound, ShapeValue) else (item,)
                case PackCall(function=function, arguments=arguments):
                    found += self._call(function, tuple(map(self.value, arguments)))
        return tuple(found)

    def _call(self, function: str, arguments: tuple[Value, ...]) -> Shape:
        result = shape_call(self.known, function, arguments)
        if isinstance(result, Failure):
            self.failures.append(result)
            return (PackCall(function, arguments),)
        return result

    # ------------------------------------------------------------------------------------------------------ values

    def dtype(self, dtype: DType) -> DType:
        match dtype:
            case DTypeVariable(name=name, owner=owner) if owner == self.owner:
                bound = self.values.get(name)
                return bound.dtype if isinstance(bound, DTypeValue) else dtype
            case Accumulated(of=variable):
                return accumulated(self.dtype(variable))
            case _:
                return dtype

    def value(self, value: Value) -> Value:
        match value:
            case Tensor(dtype=dtype, shape=shape, within=within):
                before = len(self.failures)
                sizes = self.shape(shape)
                if len(self.failures) > before:
                    return UNKNOWN
                bounds = self.interval(within) if within is not None else None
                return Tensor(self.dtype(dtype), sizes, bounds)
            case Int(value=dim):
                return Int(self.dim(dim))
            case Bool(value=constraint):
                return Bool(self.constraint(constraint))
            case TupleValue(items=items):
                return TupleValue(tuple(map(self.value, items)))
            case ListValue(items=items):
                return ListValue(tuple(map(self.value, items)))
            case ShapeValue(shape=shape):
                return ShapeValue(self.shape(shape))
            case DTypeValue(dtype=dtype):
                return DTypeValue(self.dtype(dtype))
            case TypeValue(type=inner):
                return TypeValue(self.value(inner))
            case TypeVariable(name=name, owner=owner) if owner == self.owner:
                bound = self.values.get(name, value)
                return bound.type if isinstance(bound, TypeValue) else bound
            case OptionalValue(inner=inner, flag=flag):
                return OptionalValue(self.value(inner), flag)
            case RecordValue(name=name, file=file, fields=fields):
                return RecordValue(name, file, tuple((key, self.value(item)) for key, item in fields))
            case ConfigList(path=path, owner=owner) if owner == self.owner:
                return self.path(path) or value
            case Sequence(element=element, index=index, length=length, real=real):
                return Sequence(self.value(element), index, self.dim(length), real)
            case Reference(file=file, name=name, arguments=arguments):
                return Reference(file, name, tuple((key, self.value(item)) for key, item in arguments))
            case Placeholder(name=name, owner=owner) if owner == self.owner:
                found = self.values.get(name, value)
                return found.inner if isinstance(found, OptionalValue) else found
            case GenericModel(name=name, bound=bound):
                chosen = self.values.get(name) if bound.owner.startswith(self.owner) else None
                return chosen if chosen is not None else GenericModel(name, self._bound(bound))
            case Instance(model=model):
                found = self.value(model)
                match found:
                    case Reference() | ModelBound() | GenericModel():
                        return Instance(found)
                    case Instance():
                        return found
                    case _:
                        return UNKNOWN
            case ModelBound():
                return self._bound(value)
            case ListKind(element=element, length=length):
                return ListKind(self.value(element), self.dim(length) if length is not None else None)
            case KindValue(kind=kind, shape=shape):
                return KindValue(kind, self.shape(shape)) if shape else value
            case RecordKind(file=file, name=name, arguments=arguments):
                return RecordKind(file, name, tuple((key, self.value(item)) for key, item in arguments))
            case _:
                return value

    def _bound(self, bound: ModelBound) -> ModelBound:
        return ModelBound(
            bound.owner,
            tuple(map(self.value, bound.parameters)),
            self.value(bound.result),
            tuple(map(self.constraint, bound.where)),
            bound.quantified,
        )

    def interval(self, within: Interval) -> Interval:
        low, high = within.low, within.high
        return Interval(
            self.dim(low) if isinstance(low, Dim) else low,
            self.dim(high) if isinstance(high, Dim) else high,
        )

    # ------------------------------------------------------------------------------------------------- constraints

    def constraint(self, constraint: Constraint) -> Constraint:
        match constraint:
            case Compare(op=op, left=left, right=right):
                return Compare(op, self.dim(left), self.dim(right))
            case All(parts=parts):
                return All(tuple(map(self.constraint, parts)))
            case Any_(parts=parts):
                return Any_(tuple(map(self.constraint, parts)))
            case Not(part=part):
                return Not(self.constraint(part))
            case Truth():
                return constraint
            case Flag(leaf=leaf):
                return self._flag(leaf)

    def _flag(self, leaf: Leaf) -> Constraint:
        match leaf:
            case BoolSymbol(name=name, owner=owner) if owner == self.owner:
                value = self.path(name)
                return value.value if isinstance(value, Bool) else Flag(leaf)
            case IsNone(name=name, owner=owner) if owner == self.owner:
                value = self.values.get(name)
                if value is None:
                    return Flag(leaf)
                if isinstance(value, OptionalValue):
                    return Flag(value.flag) if value.flag is not None else Flag(leaf)
                return Truth(value == NONE)
            case SamePack(left=left, right=right):
                return self._same_pack(left, right)
            case _:
                return Flag(leaf)

    def _same_pack(self, left: Shape, right: Shape) -> Constraint:
        return same_pack(self.known, self.shape(left), self.shape(right))


def same_pack(known: Known, left: Shape, right: Shape) -> Constraint:
    """That two shapes are the same, as sizes where both are known."""
    if left == right or known.rewrite(left) == right:
        return Truth(True)
    dims = [item for item in left + right if isinstance(item, Dim)]
    if len(dims) == len(left) + len(right):
        if len(left) != len(right):
            return Truth(False)
        return All(tuple(Compare(Relation.EQ, a, b) for a, b in zip(dims[: len(left)], dims[len(left) :], strict=True)))
    return Flag(SamePack(left, right))


def list_length(value: Value | None) -> Dim | None:
    match value:
        case ListValue(items=items) | TupleValue(items=items):
            return literal(len(items))
        case ConfigList(length=length) | Sequence(length=length):
            return length
        case _:
            return None


def shape_call(known: Known, function: str, arguments: tuple[Value, ...]) -> Shape | Failure:
    """A shape function, those on pattern literals included."""
    if function in PATTERN_FUNCTIONS:
        return pattern_call(known, function, arguments)
    return call(known, function, arguments)
