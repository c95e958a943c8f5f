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
from tenuto_analysis.dtypes import SCALARS, WEAK_INT, DType, Kind, Policy, Quantised, Scalar, Weak
from tenuto_analysis.elaborate.forms import Fields, Form, Several
from tenuto_analysis.elaborate.policies import NOTHING, Ruling, class_of_operator
from tenuto_analysis.graph import (
    Apply,
    Argument,
    Block,
    Call,
    Function,
    Initialiser,
    Literal,
    Node,
    Size,
    Ssa,
    Weight,
)
from tenuto_analysis.precision.policies import Field, Precision
from tenuto_analysis.types import (
    Bool,
    DTypeValue,
    Float,
    Int,
    ListValue,
    RecordValue,
    Sequence,
    Shape,
    ShapeValue,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

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

    def instance(
        self, caller: Builder, resolved: Resolved, forms: Mapping[str, Form], policy: Precision, place: Place
    ) -> Called: ...


class Called:
    """A function and how a call maps to it: see `calls.py`."""

    def __init__(self, function: Function, sizes: Mapping[Leaf, Dim], operands: tuple[Ssa, ...]) -> None:
        self.function = function
        self.sizes = sizes
        self.operands = operands


class Builder:
    """One function in the making, under a policy; `ruling` is what the clauses of the statement in the making say."""

    def __init__(self, instances: Instances, ctx: Context, frame: Frame, policy: Precision) -> None:
        self.instances = instances
        self.ctx = ctx
        self.frame = frame
        self.own = policy
        self.policy = policy
        self.target: tuple[str, ...] = ()
        self._mixes = not policy.uniform
        self.inserted = False
        self.made_from: dict[int, tuple[Ssa, Ssa]] = {}  # What a policy has cast, with what it was before.
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

    @property
    def mixes(self) -> bool:
        """Whether what meets may have several dtypes, between which casts are placed."""
        return self._mixes or self.ctx.lenient

    @contextmanager
    def ruled(self, ruling: Ruling) -> Iterator[None]:
        """An expression under the clauses of its statement."""
        if ruling == NOTHING:
            yield
            return
        outer = (self.policy, self.target, self.ctx.lenient)
        self.target = ruling.target or self.target
        if ruling.policy is not None:
            self._mixes = self._mixes or ruling.policy != self.policy  # What is made here is read under other policies.
            self.policy, self.ctx.lenient = ruling.policy, True
        yield
        self.policy, self.target, self.ctx.lenient = outer

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
        if self.target and isinstance(node, Apply | Call):
            node.target = node.target or self.target
        self.block.nodes.append(node)

    def scalar(self, dtype: DType, field: Field = Field.STORAGE) -> Scalar:
        """The dtype that the graph keeps a value in; a `float` has that of a field of the policy in force."""
        match dtype:
            case Scalar():
                return dtype
            case Policy():
                return self.policy.dtype(field)
            case Weak():
                return WIDE_INT if dtype == WEAK_INT else WIDE_FLOAT
            case _:
                raise TypeError(f"{dtype} is not settled")

    def value(self, type_: Tensor, name: str = "", field: Field = Field.STORAGE) -> Ssa:
        """A value of a type, as the graph keeps it."""
        role = field if isinstance(type_.dtype, Policy) else None
        if isinstance(type_.dtype, Quantised):
            return Ssa(Tensor(type_.dtype, type_.shape), name)
        return Ssa(Tensor(self.scalar(type_.dtype, field), type_.shape, type_.within), name, role)

    def like(self, source: Ssa, type_: Tensor) -> Ssa:
        """A value of a shape, in the dtype of another, whose numbers it holds."""
        return Ssa(Tensor(source.type.dtype, type_.shape, type_.within), "", source.role)

    def move(self, op: str, x: Ssa, arguments: Mapping[str, Argument], shape: Shape, span: Span) -> Ssa:
        """A primitive that gives numbers of `x` as they are, in another shape."""
        result = self.like(x, Tensor(x.type.dtype, shape, x.type.within))
        self.add(Apply(op, {"x": x, **arguments}, (result,), self.place(span)))
        return result

    def class_of(self, op: str) -> str:
        """The precision class of what an operator of the language means, where it makes a difference."""
        return "any" if self.policy.uniform else class_of_operator(self.ctx.db, op)

    def apply(
        self, op: str, arguments: Mapping[str, Argument], type_: Tensor, span: Span, field: Field = Field.STORAGE
    ) -> Ssa:
        """A primitive with one result."""
        result = self.value(type_, field=field)
        self.add(Apply(op, arguments, (result,), self.place(span)))
        return result

    def cast(self, value: Ssa, dtype: Scalar, span: Span, role: Field | None = None, written: bool = False) -> Ssa:
        """A value in another dtype: because the program says so, or because a policy needs it."""
        if value.type.dtype == dtype:
            return value
        if not written:
            value = self._unrounded(value, dtype)
        before = value.type.dtype
        if before == dtype:
            return value
        floats = isinstance(before, Scalar) and before.kind is Kind.FLOAT and dtype.kind is Kind.FLOAT
        inserted = self.mixes and not written and floats
        self.inserted = self.inserted or inserted
        result = Ssa(Tensor(dtype, value.type.shape), "", role)
        arguments: dict[str, Argument] = {"U": DTypeValue(dtype), "x": value}
        self.add(Apply("cast", arguments, (result,), self.place(span), inserted))
        if inserted and role is not None:
            self.made_from[id(result)] = (result, value)
        return result

    def _unrounded(self, value: Ssa, dtype: Scalar) -> Ssa:
        """What a value was before a policy stored it, for who wants it in that dtype: no round trip is made."""
        while id(value) in self.made_from:
            _, before = self.made_from[id(value)]
            if before.type.dtype != dtype:
                break
            value = before
        return value

    def stored(self, form: Form, type_: Value, span: Span) -> Form:
        """What leaves a definition, a loop or a branch: each `float` in the dtype that the policy stores values in."""
        match form, type_:
            case (Ssa(), Tensor(dtype=dtype)):
                return self.operand(form, dtype, span)
            case (Several(items=forms), TupleValue(items=items) | ListValue(items=items)) if len(forms) == len(items):
                return Several(tuple(self.stored(f, t, span) for f, t in zip(forms, items, strict=True)))
            case (Several(items=forms), Sequence(element=Tensor() as element)):
                return Several(tuple(self.stored(f, element, span) for f in forms))
            case (Fields(fields=found), RecordValue(fields=fields)):
                types = dict(fields)
                return Fields({key: self.stored(f, types[key], span) for key, f in found.items()})
            case _:
                return form

    def operand(self, form: Form, dtype: DType, span: Span, field: Field = Field.STORAGE) -> Ssa:
        """A tensor for who wants this dtype: a `float` in the dtype that a field of the policy says."""
        if isinstance(dtype, Quantised) and isinstance(form, Ssa):
            return form
        role = field if isinstance(dtype, Policy) else None
        return self.tensor(form, self.scalar(dtype, field), span, role)

    def tensor(self, form: Form, dtype: Scalar, span: Span, role: Field | None = None, written: bool = False) -> Ssa:
        """A tensor of this dtype: a number becomes one, a tensor that is kept in another is cast."""
        match form:
            case Ssa():
                return self.cast(form, dtype, span, role, written)
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

    def weight(self, path: str, type_: Tensor, initialiser: Initialiser | None, policy: Precision) -> Ssa:
        """The weight of this path, which the function takes as an input; `policy` is that of its declaration."""
        found = self.weights.get(path)
        if found is None:
            value = self.value(type_, path)
            if isinstance(type_.dtype, Policy):
                value = Ssa(Tensor(policy.params, type_.shape, type_.within), path, Field.PARAMS)
            found = self.weights[path] = Weight(path, value, initialiser, policy)
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
