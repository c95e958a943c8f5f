"""The type ledger of an artifact, read as the witness that it is: what it says, and where the structure says otherwise.

The structure is what runs, so it is right wherever the two differ; nothing compiles or runs from what is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct, field

from tenuto_backend.onnx.bodies import DOMAIN
from tenuto_backend.onnx.ledger import KEY
from tenuto_backend.onnx.structure import Body, Structure, Type

_NUMBERED = re.compile(r" #\d+$")


class ToldFunction(Struct, frozen=True):
    """A function as the ledger tells it: values by name and type, and those of the body with their source."""

    name: str
    definition: str
    source: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, str, str], ...]
    statics: tuple[tuple[str, str], ...] = ()
    policy: str = "f32"

    @property
    def types(self) -> dict[str, str]:
        """Every value with a name, by name."""
        found = {name: type_ for name, type_, _ in self.values}
        return {**found, **dict(self.outputs), **dict(self.inputs), **dict(self.weights)}


class Ledger(Struct, frozen=True):
    """The last function is the model itself; a weight has its path, its type and its names in the checkpoint."""

    deploy: str
    entry: str
    functions: tuple[ToldFunction, ...]
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, ...], ...]
    bounds: tuple[str, ...] = ()
    assumed: tuple[tuple[str, str], ...] = ()
    cost: tuple[tuple[str, str], ...] = ()
    version: int = field(default=1)


class UnreadableLedger(Exception):
    """The entry is there, but it is no ledger."""


def ledger_of(found: Structure) -> Ledger | None:
    """What the artifact's ledger says; None where it has none. Raises `UnreadableLedger`."""
    text = found.notes.get(KEY)
    if text is None:
        return None
    try:
        ledger = msgspec.json.decode(text, type=Ledger)
    except msgspec.MsgspecError as error:
        raise UnreadableLedger(str(error)) from error
    if ledger.version != 1 or not ledger.functions or any(len(weight) < 2 for weight in ledger.weights):
        raise UnreadableLedger("it is not of the form that this version writes")
    return ledger


def without_range(type_: str) -> str:
    """`i64[B, S]` of `i64[B, S] within 0 .. 127`: what the structure of a model can say."""
    return type_.partition(" within ")[0]


def stated(type_: Type | None) -> str | None:
    """A type of the structure as the ledger writes it: sizes that print alike are not told apart there."""
    if type_ is None or type_.shape is None:
        return None
    sizes = tuple(_NUMBERED.sub("", size) if isinstance(size, str) else size for size in type_.shape)
    return str(Type(type_.dtype, sizes))


def differences(found: Structure, ledger: Ledger) -> list[str]:
    """Where the ledger says what the structure does not, a sentence each."""
    *others, own = ledger.functions
    said = [
        *(f"the ledger tells `{name}` of the model in two ways" for name in torn(ledger)),
        *_interface("input", ledger.inputs, found.entry.inputs, found.entry),
        *_interface("output", ledger.outputs, found.entry.outputs, found.entry),
        *_weights(found.entry, ledger.weights),
    ]
    there = {op.removeprefix(f"{DOMAIN}."): body for op, body in found.functions.items()}
    told = {function.name: function for function in others}
    said += [f"function `{name}` is not in the model" for name in told if name not in there]
    said += [f"function `{name}` is in the model, not in the ledger" for name in there if name not in told]
    for name, function in told.items():
        if name in there:
            body = there[name]
            inputs = tuple(value for value, _ in (*function.inputs, *function.weights))
            if inputs != body.inputs:
                said.append(
                    f"function `{name}` takes ({', '.join(body.inputs)}), the ledger says ({', '.join(inputs)})"
                )
            said += _values(f"{name}.", function.types, body)
    known = {name for name, _ in (*own.inputs, *own.outputs, *own.weights)}
    return [*said, *_values("", {name: type_ for name, type_ in own.types.items() if name not in known}, found.entry)]


def torn(ledger: Ledger) -> list[str]:
    """Inputs, outputs and weights of the model that the ledger tells twice, and not alike."""
    own = ledger.functions[-1]
    once = {(path, type_) for path, type_, *_ in ledger.weights} | {*ledger.inputs, *ledger.outputs}
    again = {*own.inputs, *own.outputs, *own.weights}
    return sorted({name for name, _ in once ^ again})


def _interface(word: str, told: Iterable[tuple[str, str]], names: tuple[str, ...], body: Body) -> Iterator[str]:
    types = dict(told)
    for name, type_ in types.items():
        if name not in names:
            yield f"{word} `{name}` is not in the model"
        else:
            yield from _type(f"{word} `{name}`", type_, body.types.get(name))
    for name in names:
        if name not in types:
            yield f"{word} `{name}` is in the model, not in the ledger"


def _weights(body: Body, told: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for path, type_, *_ in told:
        stored = body.stored.get(path)
        if stored is None:
            yield f"weight `{path}` is not in the model"
        else:
            yield from _type(f"weight `{path}`", type_, stored.type)


def _values(prefix: str, told: Mapping[str, str], body: Body) -> Iterator[str]:
    there = {*body.inputs, *body.stored, *body.constants, *(name for step in body.steps for name in step.outputs)}
    for name, type_ in told.items():
        if name not in there:
            yield f"value `{prefix}{name}` is not in the model"
        else:
            yield from _type(f"value `{prefix}{name}`", type_, body.types.get(name))


def _type(what: str, told: str, found: Type | None) -> Iterator[str]:
    said = stated(found)
    if said is not None and said != without_range(told):
        yield f"{what} is {said}, the ledger says {without_range(told)}"
