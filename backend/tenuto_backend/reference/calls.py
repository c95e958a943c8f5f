"""Calls: arguments to parameters, generics and implicit dimensions from the arguments, then the body or the primitive.

What a signature says is checked on both sides: the parameters' types and `where` before the body, the result's type
after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tenuto_backend.reference import dtypes
from tenuto_backend.reference.expressions import evaluate, truth
from tenuto_backend.reference.functions import FUNCTIONS, SHAPES
from tenuto_backend.reference.matching import Binder, as_type, fit, kind_of, names_in
from tenuto_backend.reference.places import fit_places
from tenuto_backend.reference.primitives import DTYPED, PRIMITIVES
from tenuto_backend.reference.statements import execute, weight
from tenuto_backend.reference.values import (
    Applied,
    Declared,
    Frame,
    Instance,
    Place,
    RecordValue,
    Refused,
    Shape,
    Size,
    Undetermined,
    Value,
    WrongByExecution,
    describe,
    is_weak,
)
from tenuto_grammar import syntax


def call(
    caller: Frame,
    target: Applied | Instance | Declared,
    positional: list[Value],
    named: dict[str, Value],
    place: Place,
) -> Value:
    """Call a definition, a model with its weights, or a record's constructor."""
    match target:
        case Declared(declaration=syntax.Record() as record):
            return _construct(caller, target, record, positional, named, place)
        case Applied(definition=definition) if definition.keyword is syntax.Keyword.MODEL:
            return _run(caller, target, Instance(target), positional, named, place)
        case Applied():
            return _run(caller, _meant(caller, target, positional, named), None, positional, named, place)
        case Instance(applied=applied):
            return _run(caller, applied, target, positional, named, place)
        case _:
            raise WrongByExecution(place, f"{describe(target)} cannot be called")


def _meant(caller: Frame, target: Applied, positional: Sequence[Value], named: Mapping[str, Value]) -> Applied:
    """`max(a, b)` of two tensors means `maximum(a, b)`."""
    twin = {"max": "maximum", "min": "minimum"}.get(target.definition.name.text)
    if twin is None or named or len(positional) != 2 or not isinstance(positional[1], np.ndarray | float):
        return target
    found = caller.run.find(target.file, twin)
    if isinstance(found, Declared) and isinstance(found.declaration, syntax.Definition):
        return Applied(found.file, found.declaration, {})
    return target


def _run(
    caller: Frame,
    applied: Applied,
    instance: Instance | None,
    positional: Sequence[Value],
    named: Mapping[str, Value],
    place: Place,
) -> Value:
    definition = applied.definition
    frame = bind(caller, applied, instance, positional, named, place)
    promised = {node.name.text for node in _existentials(definition.result)}
    for constraint in definition.clauses.where:
        if not promised & set(names_in(constraint)) and not truth(frame, constraint):
            raise WrongByExecution(place, f"`where` of `{definition.name.text}` does not hold")
    result = _body(frame, definition, place)
    if definition.result is not None:
        binder = Binder(frame, set(promised), frame.casts)
        end = Place(applied.file, definition, definition.result.span)
        result = fit(binder, definition.result, result, end)
        binder.settle()
    for constraint in definition.clauses.where:
        if promised & set(names_in(constraint)) and not truth(frame, constraint):
            raise WrongByExecution(frame.place(constraint.span), "a promise of `where` is not kept")
    return result


def bind(
    caller: Frame,
    applied: Applied,
    instance: Instance | None,
    positional: Sequence[Value],
    named: Mapping[str, Value],
    place: Place,
) -> Frame:
    """The names under which the body runs."""
    definition = applied.definition
    arguments = _arguments(definition, positional, named, place)
    frame = Frame(caller.run, applied.file, definition, dict(applied.generics), instance=instance)
    frame.casts = definition.clauses.precision is not None
    open_names = {generic.name.text for generic in definition.generics} - applied.generics.keys()
    binder = Binder(frame, open_names | set(implicit_names(frame, definition)), caller.casts)
    _check_generics(frame, definition, place)
    _bind_parameters(binder, definition, arguments, place)
    for generic in definition.generics:
        name = generic.name.text
        if name in binder.open and generic.default is not None:
            binder.bind(name, evaluate(frame, generic.default))
    _bind_weak(binder, definition, arguments, place)
    binder.settle()
    if binder.waiting or any(generic.name.text in binder.open for generic in definition.generics):
        raise WrongByExecution(place, f"{', '.join(sorted(binder.open))} of `{definition.name.text}` cannot be told")
    _check_generics(frame, definition, place)
    return frame


def _arguments(
    definition: syntax.Definition, positional: Sequence[Value], named: Mapping[str, Value], place: Place
) -> dict[str, Value]:
    """Arguments by parameter: a `list` takes a list, or all that follow; `sizes` what is named and no parameter."""
    found: dict[str, Value] = {}
    rest = list(positional)
    for parameter in definition.parameters:
        name = parameter.name.text
        if name in named:
            continue
        if kind_of(parameter.type) == "sizes":
            continue
        if not rest:
            break
        if _is_list(parameter) and not isinstance(rest[0], list | tuple):
            found[name], rest = list(rest), []
        else:
            found[name] = rest.pop(0)
    if rest:
        raise WrongByExecution(place, f"too many arguments for `{definition.name.text}`")
    parameters = {parameter.name.text for parameter in definition.parameters}
    for parameter in definition.parameters:
        if kind_of(parameter.type) == "sizes":
            extra = {name: value for name, value in named.items() if name not in parameters}
            found[parameter.name.text] = {name: _size(value, place) for name, value in extra.items()}
            parameters |= extra.keys()
    for name, value in named.items():
        if name not in parameters:
            raise WrongByExecution(place, f"`{definition.name.text}` has no parameter `{name}`")
        if name in {parameter.name.text for parameter in definition.parameters}:
            found[name] = value
    for parameter in definition.parameters:
        if parameter.name.text not in found and parameter.default is None:
            raise WrongByExecution(place, f"`{definition.name.text}` needs `{parameter.name.text}`")
    return found


def _is_list(parameter: syntax.Parameter) -> bool:
    """Whether the parameter is a list of tensors; a list of integers is written as one argument."""
    base = parameter.type.base
    if not isinstance(base, syntax.TensorType) or base.path.text != "list" or not base.dims:
        return False
    return kind_of(as_type(base.dims[0])) is None


def _size(value: Value, place: Place) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return int(value)
    raise WrongByExecution(place, f"{describe(value)} is not a size")


def _bind_parameters(
    binder: Binder, definition: syntax.Definition, arguments: Mapping[str, Value], place: Place
) -> None:
    """Static parameters first, for types may speak of them, then tensors; numbers for tensors come last."""
    frame = binder.frame
    tensors = [parameter for parameter in definition.parameters if kind_of(parameter.type) is None]
    statics = [parameter for parameter in definition.parameters if kind_of(parameter.type) is not None]
    for parameter in statics:
        _bind_static(binder, parameter, arguments, place)
    for parameter in tensors:
        name = parameter.name.text
        if name in arguments and not is_weak(arguments[name]):
            frame.names[name] = fit(binder, parameter.type, arguments[name], place)
    for parameter in tensors:
        if parameter.type.optional and arguments.get(parameter.name.text) is None:
            for pack in _packs(parameter.type):
                if pack in binder.open and not _bound_elsewhere(pack, parameter, definition):
                    binder.bind(pack, Shape(()))
    fit_places(
        binder, [(parameter, frame.names.get(parameter.name.text)) for parameter in definition.parameters], place
    )
    binder.settle()
    for parameter in statics:
        _bind_static(binder, parameter, arguments, place)


def _bind_static(binder: Binder, parameter: syntax.Parameter, arguments: Mapping[str, Value], place: Place) -> None:
    """Bind a static parameter, unless its default speaks of sizes that only the tensors give."""
    name = parameter.name.text
    if name in binder.frame.names:
        return
    if name in arguments:
        value = arguments[name]
    elif parameter.default is not None and binder.closed(parameter.default):
        value = evaluate(binder.frame, parameter.default)
    else:
        return
    binder.frame.names[name] = fit(Binder(binder.frame, binder.open), _without_bounds(parameter.type), value, place)


def _without_bounds(declared: syntax.Type) -> syntax.Type:
    return syntax.Type(declared.span, declared.base, None, declared.optional)


def _default(frame: Frame, parameter: syntax.Parameter) -> Value:
    assert parameter.default is not None
    return evaluate(frame, parameter.default)


def _bind_weak(binder: Binder, definition: syntax.Definition, arguments: Mapping[str, Value], place: Place) -> None:
    """Numbers where a tensor is declared take the dtype that the tensors have bound; defaults do so too."""
    for parameter in definition.parameters:
        name = parameter.name.text
        if kind_of(parameter.type) is not None or (name in binder.frame.names and not is_weak(arguments.get(name))):
            continue
        if name in arguments:
            binder.frame.names[name] = fit(binder, parameter.type, arguments[name], place)
        elif parameter.default is not None:
            binder.frame.names[name] = fit(binder, parameter.type, _default(binder.frame, parameter), place)


def _packs(declared: syntax.Type) -> Iterator[str]:
    match declared.base:
        case syntax.TensorType(dims=dims):
            for dim in dims or ():
                match dim:
                    case syntax.Pack(value=syntax.Name(text=name)):
                        yield name
                    case _:
                        pass
        case _:
            pass


def _bound_elsewhere(name: str, parameter: syntax.Parameter, definition: syntax.Definition) -> bool:
    return any(name in set(_packs(other.type)) for other in definition.parameters if other is not parameter)


def implicit_names(frame: Frame, definition: syntax.Definition) -> Iterator[str]:
    """The names in the parameters' shapes that nothing declares."""
    declared = {generic.name.text for generic in definition.generics}
    declared |= {parameter.name.text for parameter in definition.parameters}
    declared |= frame.names.keys() | FUNCTIONS.keys() | SHAPES.keys()
    for parameter in definition.parameters:
        for name in _shape_names(parameter.type):
            if name not in declared and name not in dtypes.DTYPES and frame.run.find(frame.file, name) is None:
                yield name


def _shape_names(declared: syntax.Type) -> Iterator[str]:
    match declared.base:
        case syntax.TensorType(path=path, dims=dims):
            for dim in dims or ():
                if path.text == "list" and dim is (dims or ())[0]:
                    yield from _shape_names(as_type(dim))
                elif not isinstance(dim, syntax.ModelType | syntax.AnyPack):
                    yield from names_in(dim)
        case syntax.TupleType(items=items):
            for item in items:
                yield from _shape_names(item)
        case _:
            pass


def _check_generics(frame: Frame, definition: syntax.Definition, place: Place) -> None:
    for generic in definition.generics:
        name = generic.name.text
        if name in frame.names:
            frame.names[name] = _generic(frame, generic, frame.names[name], place)


def _generic(frame: Frame, generic: syntax.Generic, value: Value, place: Place) -> Value:
    if generic.pack:
        if isinstance(value, Shape):
            return value
        raise WrongByExecution(place, f"`{generic.name.text}` must be a pack, not {describe(value)}")
    kind = kind_of(generic.type)
    base = None if generic.type is None else generic.type.base
    if kind is None and isinstance(base, syntax.TensorType) and base.dims is None:
        if base.path.text in dtypes.CLASSES:
            if isinstance(value, np.dtype) and value in dtypes.CLASSES[base.path.text]:
                return value
            raise WrongByExecution(place, f"`{generic.name.text}` must be a dtype of {base.path.text}, not {value}")
        if base.path.text == "type":
            return value
    if generic.type is None:
        return _size_generic(generic, value, place)
    return fit(Binder(frame, set()), generic.type, value, place)


def _size_generic(generic: syntax.Generic, value: Value, place: Place) -> Value:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Size(value)
    raise WrongByExecution(place, f"`{generic.name.text}` must be a size, not {describe(value)}")


def _existentials(node: syntax.Node | None) -> Iterator[syntax.Exists]:
    if node is None:
        return
    if isinstance(node, syntax.Exists):
        yield node
    for child in syntax.children(node):
        yield from _existentials(child)


# --------------------------------------------------------------------------------------------------------------- bodies


def _body(frame: Frame, definition: syntax.Definition, place: Place) -> Value:
    match definition.body:
        case None:
            return _primitive(frame, definition, place)
        case syntax.Block() as block:
            returned = execute(frame.inner(), block)
            if returned is None:
                raise WrongByExecution(place, f"`{definition.name.text}` ends without a `return`")
            return returned.value
        case expression:
            return evaluate(frame, expression)


def _primitive(frame: Frame, definition: syntax.Definition, place: Place) -> Value:
    name = definition.name.text
    if name not in PRIMITIVES:
        raise Undetermined(f"the primitive `{name}` has no meaning yet")
    arguments: dict[str, Value] = {
        parameter.name.text: _plain(frame.names[parameter.name.text]) for parameter in definition.parameters
    }
    if name in DTYPED:
        arguments["dtype"] = frame.names[definition.generics[0].name.text]
    try:
        with np.errstate(all="ignore"):
            found = PRIMITIVES[name](**arguments)
    except (Refused, ValueError, IndexError, ZeroDivisionError) as problem:
        raise WrongByExecution(place, f"`{name}`: {problem}") from problem
    if isinstance(found, list):
        return list(found)
    return found if isinstance(found, tuple) else np.asarray(found)


def _plain(value: Value) -> Value:
    """An argument as a primitive takes it."""
    match value:
        case Shape(sizes):
            return sizes
        case Applied(definition=definition):
            return definition.name.text
        case Size():
            return int(value)
        case list():
            return [_plain(item) for item in value]
        case tuple():
            return tuple(map(_plain, value))
        case _:
            return value


def _construct(
    caller: Frame,
    target: Declared,
    record: syntax.Record,
    positional: Sequence[Value],
    named: Mapping[str, Value],
    place: Place,
) -> Value:
    frame = Frame(caller.run, target.file, record, dict(target.generics))
    open_names = {generic.name.text for generic in record.generics} - target.generics.keys()
    binder = Binder(frame, open_names, caller.casts)
    names = [field.name.text for field in record.fields]
    if len(positional) > len(names):
        raise WrongByExecution(place, f"too many values for {record.name.text}")
    given = dict(zip(names, positional, strict=False))
    for name, value in named.items():
        if name not in names or name in given:
            raise WrongByExecution(place, f"{record.name.text} takes no `{name}` here")
        given[name] = value
    found: dict[str, Value] = {}
    for field in record.fields:
        name = field.name.text
        if name not in given and field.default is None:
            raise WrongByExecution(place, f"{record.name.text} needs `{name}`")
        value = given[name] if name in given else _field_default(frame, field)
        found[name] = fit(binder, field.type, value, place)
        frame.names.setdefault(name, found[name])
    binder.settle()
    return RecordValue(record.name.text, found)


def _field_default(frame: Frame, field: syntax.Field) -> Value:
    assert field.default is not None
    return evaluate(frame, field.default)


# -------------------------------------------------------------------------------------------------------------- weights


def member(caller: Frame, instance: Instance, name: str, place: Place) -> Value:
    """A weight or a part of a model, read from outside: `wte.weight`; it is drawn where its model has not run yet."""
    if name in instance.parts:
        return instance.parts[name]
    definition = instance.applied.definition
    statements = definition.body.statements if isinstance(definition.body, syntax.Block) else ()
    for statement in statements:
        if isinstance(statement, syntax.Param) and statement.name.text == name:
            frame = Frame(caller.run, instance.applied.file, definition, dict(instance.applied.generics))
            frame.instance = instance
            for generic in definition.generics:
                if generic.name.text not in frame.names and generic.default is not None:
                    frame.names[generic.name.text] = evaluate(frame, generic.default)
            _check_generics(frame, definition, place)
            return weight(frame, statement)
    raise WrongByExecution(place, f"`{definition.name.text}` has no weight `{name}`")
