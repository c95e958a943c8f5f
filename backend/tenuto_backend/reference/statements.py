"""What a statement does, in a frame; a block ends early with what it returns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from tenuto_backend.reference import dtypes
from tenuto_backend.reference.expressions import destructure, evaluate, iterate, sizes, truth
from tenuto_backend.reference.functions import Steps
from tenuto_backend.reference.initialisers import INITIALISERS, draw, draw_unsaid
from tenuto_backend.reference.matching import Binder, fit
from tenuto_backend.reference.values import (
    Applied,
    Array,
    Frame,
    Instance,
    Refused,
    Undetermined,
    Value,
    WrongByExecution,
    describe,
    is_weak,
)
from tenuto_grammar import syntax

MOST_STEPS = 1000
"""A `while` that takes more steps is taken for one that does not end."""


class Returned(Struct, frozen=True):
    value: Value


def execute(frame: Frame, block: syntax.Block) -> Returned | None:
    for statement in block.statements:
        returned = _step(frame, statement)
        if returned is not None:
            return returned
    return None


def _step(frame: Frame, statement: syntax.Statement) -> Returned | None:
    match statement:
        case syntax.Param():
            frame.names[statement.name.text] = weight(frame, statement)
        case syntax.Sub():
            frame.names[statement.name.text] = _sub(frame, statement)
        case syntax.Let(pattern=pattern, type=declared, value=value):
            destructure(frame, pattern, _typed(frame, declared, value))
        case syntax.Var(name=name, type=declared, value=value):
            frame.names[name.text] = _typed(frame, declared, value)
            frame.note(name.span, frame.names[name.text])
        case syntax.Assign(names=names, value=value):
            _assign(frame, statement, names, evaluate(frame, value))
        case syntax.Collect(name=name, value=value):
            _collect(frame, statement, name.text, evaluate(frame, value))
        case syntax.Return(value=value):
            return Returned(evaluate(frame, value))
        case syntax.Assert(constraint=constraint):
            if not truth(frame, constraint):
                raise WrongByExecution(frame.place(statement.span), "the assertion does not hold")
        case syntax.Assume(constraint=constraint):
            if not truth(frame, constraint):
                raise Undetermined("an assumption does not hold for these inputs")
        case syntax.For():
            return _for(frame, statement)
        case syntax.While(test=test, body=body):
            return _while(frame, test, body)
        case syntax.If():
            return _if(frame, statement)
        case syntax.Broken():
            raise Undetermined("a statement could not be read")
    return None


def _typed(frame: Frame, declared: syntax.Type | None, value: syntax.Expression) -> Value:
    found = evaluate(frame, value)
    if declared is None:
        return found
    binder = Binder(frame, {node.name.text for node in _existentials(declared)}, frame.casts)
    found = fit(binder, declared, found, frame.place(declared.span))
    binder.settle()
    return found


def _existentials(node: syntax.Node) -> Iterator[syntax.Exists]:
    if isinstance(node, syntax.Exists):
        yield node
    for child in syntax.children(node):
        yield from _existentials(child)


def _assign(frame: Frame, statement: syntax.Assign, names: tuple[syntax.Identifier, ...], value: Value) -> None:
    values: tuple[Value, ...] | list[Value] = (value,)
    if len(names) > 1:
        if not isinstance(value, tuple | list) or len(value) != len(names):
            raise WrongByExecution(frame.place(statement.span), f"{describe(value)} is not {len(names)} values")
        values = value
    for name, item in zip(names, values, strict=True):
        owner = frame.owner(name.text)
        if owner is None:
            raise WrongByExecution(frame.place(name.span), f"`{name.text}` is not a variable")
        owner[name.text] = item
        frame.note(name.span, item)


# --------------------------------------------------------------------------------------------------------------- models


def weight(frame: Frame, statement: syntax.Param) -> Value:
    """The weight that a `param` names, drawn where its model has none yet."""
    instance = frame.instance
    if instance is None:
        raise WrongByExecution(frame.place(statement.span), "only a model owns weights")
    name = statement.name.text
    if name not in instance.weights:
        instance.weights[name] = _drawn(frame, statement)
    binder = Binder(frame, set(), frame.casts)
    return fit(binder, statement.type, instance.weights[name], frame.place(statement.type.span))


def _drawn(frame: Frame, statement: syntax.Param) -> Array:
    base = statement.type.base
    if not isinstance(base, syntax.TensorType) or base.dims is None:
        raise Undetermined("a weight that is not a tensor")
    owner = frame.owner(base.path.text)
    dtype = dtypes.named(base.path.text) if owner is None else owner[base.path.text]
    if not isinstance(dtype, np.dtype):
        raise Undetermined(f"a weight of dtype `{base.path.text}`")
    shape = sizes(frame, base.dims)
    if any(size < 0 for size in shape):
        raise WrongByExecution(frame.place(base.span), f"the shape {shape} has a negative size")
    match statement.init:
        case None:
            return draw_unsaid(frame.run.random, shape, dtype)
        case syntax.Name(text=name) if name in INITIALISERS:
            return draw(frame.run.random, name, [], {}, shape, dtype)
        case syntax.Call(callee=syntax.Name(text=name), arguments=arguments, span=span) if name in INITIALISERS:
            positional = [evaluate(frame, argument.value) for argument in arguments if argument.name is None]
            named = {
                argument.name.text: evaluate(frame, argument.value)
                for argument in arguments
                if argument.name is not None
            }
            try:
                return draw(frame.run.random, name, positional, named, shape, dtype)
            except Refused as problem:
                raise WrongByExecution(frame.place(span), str(problem)) from problem
        case expression:
            value = evaluate(frame, expression)
            if is_weak(value):
                return np.full(shape, value).astype(dtype)
            if isinstance(value, np.ndarray):
                return value
            raise WrongByExecution(frame.place(expression.span), f"{describe(value)} is not an initialiser")


def _sub(frame: Frame, statement: syntax.Sub) -> Value:
    instance = frame.instance
    if instance is None:
        raise WrongByExecution(frame.place(statement.span), "only a model owns models")
    name = statement.name.text
    if name not in instance.parts:
        instance.parts[name] = _instances(frame, evaluate(frame, statement.value), statement)
    return instance.parts[name]


def _instances(frame: Frame, value: Value, statement: syntax.Sub) -> Value:
    match value:
        case Applied(definition=definition) if definition.keyword is syntax.Keyword.MODEL:
            return Instance(value)
        case Instance():
            return value
        case list():
            return [_instances(frame, item, statement) for item in value]
        case _:
            raise WrongByExecution(frame.place(statement.value.span), f"{describe(value)} is not a model")


# ------------------------------------------------------------------------------------------------------ flow of control


def _for(frame: Frame, statement: syntax.For) -> Returned | None:
    items = iterate(frame, statement.iterable)
    real = isinstance(items, Steps)
    collected: dict[str, list[Value]] = {name: [] for name in _collects(statement.body)}
    carried = _kinds(frame, statement.body) if real else {}
    for item in items:
        inner = frame.inner()
        inner.collected = collected
        destructure(inner, statement.pattern, item)
        returned = execute(inner, statement.body)
        if returned is not None:
            return returned
        if real and _kinds(frame, statement.body) != carried:
            raise WrongByExecution(frame.place(statement.span), "a variable changes its type in a real loop")
    for name, values in collected.items():
        frame.names[name] = _stacked(frame, statement, values) if real else list(values)
    return None


def _stacked(frame: Frame, statement: syntax.For, values: list[Value]) -> Value:
    """What a real loop collected: a tensor with a new first axis."""
    tensors = [np.asarray(value) for value in values if isinstance(value, np.ndarray) or is_weak(value)]
    if not values:
        raise Undetermined("a loop of no step collects tensors of a type that only the checker knows")
    if len(tensors) != len(values):
        raise Undetermined("a real loop collects what is no tensor")
    if len({(tensor.shape, tensor.dtype) for tensor in tensors}) > 1:
        raise WrongByExecution(frame.place(statement.span), "the tensors collected differ in type")
    return np.stack(tensors)


def _kinds(frame: Frame, body: syntax.Block) -> dict[str, tuple[tuple[int, ...], str] | None]:
    """The types of the variables around a loop that its body binds again."""
    found: dict[str, tuple[tuple[int, ...], str] | None] = {}
    for node in _nodes(body):
        if isinstance(node, syntax.Assign):
            for name in node.names:
                owner = frame.owner(name.text)
                value = None if owner is None else owner[name.text]
                found[name.text] = (value.shape, str(value.dtype)) if isinstance(value, np.ndarray) else None
    return found


def _collects(body: syntax.Block) -> Iterator[str]:
    """The names that the body of a loop collects, but not those of a loop inside it."""
    for statement in body.statements:
        match statement:
            case syntax.Collect(name=name):
                yield name.text
            case syntax.If():
                yield from _collects_of_if(statement)
            case _:
                pass


def _collects_of_if(statement: syntax.If) -> Iterator[str]:
    yield from _collects(statement.then)
    match statement.otherwise:
        case syntax.Block() as block:
            yield from _collects(block)
        case syntax.If() as inner:
            yield from _collects_of_if(inner)
        case None:
            pass


def _nodes(node: syntax.Node) -> Iterator[syntax.Node]:
    yield node
    for child in syntax.children(node):
        yield from _nodes(child)


def _collect(frame: Frame, statement: syntax.Collect, name: str, value: Value) -> None:
    around: Frame | None = frame
    while around is not None:
        if around.collected is not None and name in around.collected:
            around.collected[name].append(value)
            frame.note(statement.name.span, value)
            return
        around = around.outer
    raise WrongByExecution(frame.place(statement.span), "`collect` stands in no loop")


def _while(frame: Frame, test: syntax.Expression, body: syntax.Block) -> Returned | None:
    carried = _kinds(frame, body)
    for _ in range(MOST_STEPS):
        if not truth(frame, test):
            return None
        returned = execute(frame.inner(), body)
        if returned is not None:
            return returned
        if _kinds(frame, body) != carried:
            raise WrongByExecution(frame.place(body.span), "a variable changes its type in a real loop")
    raise Undetermined("a loop that may not end")


def _if(frame: Frame, statement: syntax.If) -> Returned | None:
    if truth(frame, statement.test):
        return execute(frame.inner(), statement.then)
    match statement.otherwise:
        case None:
            return None
        case syntax.Block() as block:
            return execute(frame.inner(), block)
        case syntax.If() as inner:
            return _if(frame, inner)
