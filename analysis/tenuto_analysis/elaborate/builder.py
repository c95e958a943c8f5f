"""What elaboration carries while it walks one definition for one choice of static arguments.

Types come from the checker, which walks along with the known arguments in its context (`ctx`) and tells a recorder what
it inferred; what is added here is which tensor of the graph stands for what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from tenuto_analysis.check.context import Context
from tenuto_analysis.check.recorder import Recorder, Resolved
from tenuto_analysis.check.statements import Frame
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Constraint, Dim, Leaf, Truth
from tenuto_analysis.dtypes import SCALARS, WEAK_INT, DType, Policy, Scalar, Weak
from tenuto_analysis.elaborate.forms import Form, Several
from tenuto_analysis.graph import Apply, Argument, Block, Function, Initialiser, Literal, Node, Size, Ssa, Weight
from tenuto_analysis.types import Bool, DTypeValue, Float, Int, ListValue, ShapeValue, Tensor, TupleValue
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

# Until precision is inferred for each deploy, `float` is this.
FLOAT_AS = SCALARS["f32"]
# A number that only a run knows and that no tensor has met.
WIDE_FLOAT = SCALARS["f64"]
WIDE_INT = SCALARS["i64"]


class Refusal(Exception):
    """What cannot be built, with the place that asks for it."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


class Instances(Protocol):
    """Gives the function of a definition for what a call resolved."""

    def instance(self, caller: Builder, resolved: Resolved, forms: Mapping[str, Form], place: Place) -> Called: ...


class Called:
    """A function and how a call maps to it: see `calls.py`."""

    def __init__(self, function: Function, sizes: Mapping[Leaf, Dim], operands: tuple[Ssa, ...]) -> None:
        self.function = function
        self.sizes = sizes
        self.operands = operands


class Builder:
    """One function in the making."""

    def __init__(self, instances: Instances, ctx: Context, frame: Frame) -> None:
        self.instances = instances
        self.ctx = ctx
        self.frame = frame
        self.recorder = Recorder()
        ctx.recorder = self.recorder
        self.scopes: list[dict[str, Form]] = [{}]
        self.block = Block()
        self.weights: dict[str, Weight] = {}
        self.collected: list[dict[str, list[Form]]] = []
        self.assumed: list[tuple[Constraint, str]] = []

    # --------------------------------------------------------------------------------------------------------- names

    def find(self, name: str) -> Form | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def bind(self, name: str, form: Form) -> None:
        if name and name != "_":
            self.scopes[-1][name] = form
            if isinstance(form, Ssa) and not form.name:
                form.name = name

    def rebind(self, name: str, form: Form) -> None:
        """A variable's new value, in the scope that holds the variable."""
        scope = next((scope for scope in reversed(self.scopes) if name in scope), self.scopes[-1])
        scope[name] = form
        if isinstance(form, Ssa) and not form.name:
            form.name = name

    @contextmanager
    def inner(self) -> Iterator[None]:
        """A block of the source: names and facts of its own."""
        self.scopes.append({})
        with self.ctx.block():
            yield
        self.scopes.pop()

    @contextmanager
    def into(self, block: Block) -> Iterator[None]:
        """What is made goes into a block of its own."""
        outer, self.block = self.block, block
        yield
        self.block = outer

    def bind_pattern(self, pattern: syntax.Pattern, form: Form) -> None:
        match pattern:
            case syntax.Identifier(text=text):
                self.bind(text, form)
            case syntax.TuplePattern(items=items):
                for item, part in zip(items, parts_of(form), strict=True):
                    self.bind_pattern(item, part)

    # -------------------------------------------------------------------------------------------------------- nodes

    def place(self, span: Span) -> Place:
        return self.ctx.place(span)

    def add(self, node: Node) -> None:
        self.block.nodes.append(node)

    def apply(self, op: str, arguments: Mapping[str, Argument], type_: Tensor, span: Span) -> Ssa:
        """A primitive with one result."""
        result = Ssa(plain(type_))
        self.add(Apply(op, arguments, (result,), self.place(span)))
        return result

    def cast(self, value: Ssa, dtype: Scalar, span: Span) -> Ssa:
        if value.type.dtype == dtype:
            return value
        type_ = Tensor(dtype, value.type.shape)
        return self.apply("cast", {"U": DTypeValue(dtype), "x": value}, type_, span)

    def tensor(self, form: Form, dtype: Scalar, span: Span) -> Ssa:
        """A tensor of this dtype: a number becomes one, a tensor that is kept in another is cast."""
        match form:
            case Ssa():
                return self.cast(form, dtype, span)
            case Int(value=dim) if dim.constant is not None:
                return self._literal(dim.constant, dtype, span)
            case Int(value=dim):
                size = Ssa(Tensor(WIDE_INT, ()))
                self.add(Size(dim, size, self.place(span)))
                return self.cast(size, dtype, span)
            case Float(value=number) if number is not None:
                return self._literal(number, dtype, span)
            case Bool(value=Truth(value=flag)):
                return self._literal(flag, dtype, span)
            case _:
                raise Refusal(self.place(span), f"`{form}` cannot become a tensor")

    def _literal(self, number: bool | int | float, dtype: Scalar, span: Span) -> Ssa:
        result = Ssa(Tensor(dtype, ()))
        self.add(Literal(number, result, self.place(span)))
        return result

    def weight(self, path: str, type_: Tensor, initialiser: Initialiser | None) -> Ssa:
        """The weight of this path, which the function takes as an input."""
        found = self.weights.get(path)
        if found is None:
            found = self.weights[path] = Weight(path, Ssa(plain(type_), path), initialiser)
        return found.value


def parts_of(form: Form) -> tuple[Form, ...]:
    """The elements of a tuple or a list."""
    match form:
        case Several(items=items) | TupleValue(items=items) | ListValue(items=items):
            return items
        case ShapeValue(shape=shape):
            return tuple(Int(item) for item in shape if isinstance(item, Dim))
        case _:
            raise TypeError(f"{form} has no parts")


def scalar_of(dtype: DType) -> Scalar:
    """The dtype that the graph keeps a value in."""
    match dtype:
        case Scalar():
            return dtype
        case Policy():
            return FLOAT_AS
        case Weak():
            return WIDE_INT if dtype == WEAK_INT else WIDE_FLOAT
        case _:
            raise TypeError(f"{dtype} is not settled")


def plain(type_: Tensor) -> Tensor:
    """A type as the graph keeps it."""
    return Tensor(scalar_of(type_.dtype), type_.shape, type_.within)
