"""What a module of MLIR or StableHLO tells of its model, and where it contradicts itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

import msgspec
from msgspec import Struct
from safetensors import SafetensorError, safe_open

from tenuto_analysis.dtypes import SCALARS
from tenuto_backend.mlir.reading import Function, Module, Port, typed
from tenuto_backend.mlir.types import element as of_mlir
from tenuto_backend.stablehlo.types import element as of_stablehlo

INPUT, OUTPUT, WEIGHT = "tenuto.input", "tenuto.output", "tenuto.weight"
FORMS = ("MLIR", "StableHLO")
_PORT = re.compile(r"(.*?): (\w+)\[(.*?)\](?: within .*)?")
_ELEMENTS: Mapping[str, Mapping[str, str]] = {
    "MLIR": {name: of_mlir(scalar).name for name, scalar in SCALARS.items()},
    "StableHLO": {name: of_stablehlo(scalar).name for name, scalar in SCALARS.items()},
}
_KINDS: Mapping[str, Mapping[str, str]] = {
    form: {name: told for told, name in reversed([*elements.items()])} for form, elements in _ELEMENTS.items()
}
"""A dtype for each element; MLIR's integers have no sign, and are shown with one."""


class Signature(Struct, frozen=True):
    """A function: what it takes and gives as Tenuto writes it, its weights by path, where it is defined, its policy."""

    name: str
    definition: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[str, ...]
    calls: int
    operations: int
    source: str
    policy: str

    def text(self, name: str = "") -> str:
        """As a definition is written; under another name where one is given."""
        given = self.outputs[0] if len(self.outputs) == 1 else f"({', '.join(self.outputs)})"
        precision = f" precision {self.policy}" if self.policy != "f32" else ""
        return f"{name or self.name}({', '.join(self.inputs)}) -> {given}{precision}"


class HeldWeight(Struct, frozen=True):
    path: str
    type: str
    parameters: int


class Interface(Struct, frozen=True):
    """`signature` is what the model itself says of its inputs and outputs, `told` else what it says of the deploy."""

    form: str
    deploy: str
    dialects: tuple[str, ...]
    signature: Signature
    told: Mapping[str, str]
    functions: tuple[Signature, ...]
    weights: tuple[HeldWeight, ...]
    data: str
    placed: int
    operations: int
    sources: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def parameters(self) -> int:
        return sum(weight.parameters for weight in self.weights)

    def plain(self) -> dict[str, object]:
        """As JSON holds it."""
        return {**msgspec.to_builtins(self), "parameters": self.parameters}


def interface(module: Module, path: Path) -> Interface:
    """What a module says; the file of weights beside it is held against it."""
    form = "StableHLO" if "stablehlo" in module.dialects else "MLIR"
    entry = module.functions[-1]
    calls = Counter(name for function in module.functions for name in function.calls)
    weights = tuple(_weights(module, entry, form))
    data = path.with_name(f"{path.name.removesuffix('.mlir').removesuffix('.stablehlo')}.safetensors")
    problems = [*_told_otherwise(entry, form), *_unlike_the_file(weights, data)]
    used = {number for function in module.functions for number in function.places if number is not None}
    return Interface(
        form,
        module.name,
        module.dialects,
        _entry(entry, form),
        {key.removeprefix("tenuto."): text for key, text in entry.told.items() if not key.startswith((INPUT, OUTPUT))},
        tuple(_signature(function, form, calls[function.name]) for function in module.functions[:-1]),
        weights,
        data.name if weights and data.exists() else "",
        sum(number is not None for function in module.functions for number in function.places),
        sum(function.operations.total() for function in module.functions),
        tuple(sorted({module.sources[number].file for number in used if number in module.sources})),
        tuple(problems),
    )


def _entry(entry: Function, form: str) -> Signature:
    """The model's own function, as its notes tell it."""
    found = _signature(entry, form, 0)
    taken, given = _told(entry)
    own = [port for port in entry.inputs if WEIGHT not in port.told]
    inputs = taken if len(taken) == len(own) else [_text(port, form) for port in own]
    outputs = [text.partition(": ")[2] if len(given) == 1 else text for text in given]
    return msgspec.structs.replace(found, inputs=tuple(inputs), outputs=tuple(outputs) or found.outputs)


def _signature(function: Function, form: str, calls: int) -> Signature:
    return Signature(
        function.name,
        function.told.get("tenuto.definition")
        or (function.source.told.get("definition", "") if function.source else ""),
        tuple(_text(port, form) for port in function.inputs if WEIGHT not in port.told),
        tuple(_type(port.type, form) for port in function.outputs),
        tuple(port.told[WEIGHT] for port in function.inputs if WEIGHT in port.told),
        calls,
        function.operations.total(),
        function.source.text() if function.source is not None else "",
        function.source.told.get("precision", "f32") if function.source is not None else "f32",
    )


def _text(port: Port, form: str) -> str:
    return f"{port.name}: {_type(port.type, form)}"


def _type(type_: str, form: str) -> str:
    """`f32[?, 384]` of `tensor<?x384xf32>`."""
    kind, sizes = typed(type_)
    return f"{_KINDS[form].get(kind, kind)}[{', '.join(sizes)}]"


def _weights(module: Module, entry: Function, form: str) -> Iterator[HeldWeight]:
    held = [(item.path, item.type) for item in module.globals]
    held += [(port.told[WEIGHT], port.type) for port in entry.inputs if WEIGHT in port.told]
    for path, type_ in held:
        yield HeldWeight(path, _type(type_, form), prod(map(int, typed(type_)[1])))


# ------------------------------------------------------------------------------------------------------- contradictions


def _told(entry: Function) -> tuple[list[str], list[str]]:
    """What the module says of what the model takes and gives, in order."""
    found = []
    for key, ports in ((INPUT, entry.inputs), (OUTPUT, entry.outputs)):
        own = [port.told[key] for port in ports if key in port.told]
        numbered = [entry.told[f"{key}.{at}"] for at in range(len(ports)) if f"{key}.{at}" in entry.told]
        found.append(own or numbered)
    return found[0], found[1]


def _told_otherwise(entry: Function, form: str) -> Iterator[str]:
    """Where the interface that stands in the notes is not that of the types."""
    taken, given = _told(entry)
    own = [port for port in entry.inputs if WEIGHT not in port.told]
    for what, told, ports in (("inputs", taken, own), ("outputs", given, list(entry.outputs))):
        if len(told) != len(ports):
            yield f"it tells of {len(told)} {what}, and has {len(ports)}"
            continue
        for text, port in zip(told, ports, strict=True):
            if not _agrees(text, port.type, form):
                yield f"it tells of `{text}`, and the type is {port.type}"


def _agrees(text: str, type_: str, form: str) -> bool:
    match = _PORT.fullmatch(text)
    kind, sizes = typed(type_)
    if match is None or _ELEMENTS[form].get(match[2]) != kind:
        return False
    told = _split(match[3])
    return len(told) == len(sizes) and all(
        one == other or (other == "?" and not one.isdecimal()) for one, other in zip(told, sizes, strict=True)
    )


def _split(dims: str) -> list[str]:
    """The sizes of a shape, of which one may be `max(N - 1, 0)`."""
    found = re.split(r", (?![^(]*\))", dims)
    return found if found != [""] else []


def _unlike_the_file(weights: tuple[HeldWeight, ...], data: Path) -> Iterator[str]:
    """Where the file of weights beside a module is not the module's."""
    if not weights or not data.exists():
        return
    try:
        with safe_open(data, "numpy") as file:
            held = set(file.keys())
    except (SafetensorError, OSError) as error:
        yield f"{data.name} cannot be read: {error}"
        return
    missing = [weight.path for weight in weights if weight.path not in held]
    if missing:
        yield f"{data.name} has no `{missing[0]}`" + (
            f", and {len(missing) - 1} more are missing" if missing[1:] else ""
        )
