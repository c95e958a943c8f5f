"""MLIR as text: deterministic, one line an operation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import ml_dtypes
import numpy as np

from tenuto_backend.mlir.operations import (
    Affine,
    Array,
    Attribute,
    Function,
    Global,
    Integer,
    Location,
    Map,
    Module,
    Note,
    Number,
    Numbers,
    Operation,
    Ranked,
    Region,
    Scalar,
    Splat,
    Symbol,
    Text,
    Type,
    TypeOf,
    Value,
    Word,
)

SCOPE = "model"  # Under which a runtime finds the file of parameters.
_PLAIN = re.compile(r"[A-Za-z_][\w.$]*", re.ASCII)
_NOT_IN_A_NAME = re.compile(r"\W+", re.ASCII)
_FLOATS = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E5M2": ml_dtypes.float8_e5m2,
}


def text(module: Module) -> str:
    """The module as text; every operation ends in its location, which stands at the end of the text."""
    places = Locations()
    told = ", ".join(f"{key} = {attribute_text(value)}" for key, value in module.attributes)
    lines = [f"module @{symbol_text(module.name)}{f' attributes {{{told}}}' if told else ''} {{"]
    lines += [f"  {global_text(item)}" for item in module.globals]
    for function in module.functions:
        lines += Printer(places).function(function)
    lines += ["}", *places.lines()]
    return "\n".join(lines) + "\n"


def type_text(type_: Type) -> str:
    match type_:
        case Scalar(name=name):
            return name
        case Ranked(element=element, sizes=sizes):
            return f"tensor<{''.join(f'{_size(size)}x' for size in sizes)}{element.name}>"


def _quoted(text_: str) -> str:
    """A string; what is not printable ASCII stands as the two digits of each byte."""
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:02X}" for byte in text_.encode())
    return f'"{"".join(plain)}"'


def _size(size: int | None) -> str:
    return "?" if size is None else str(size)


def global_text(item: Global) -> str:
    key = f"#flow.parameter.named<{_quoted(SCOPE)}::{_quoted(item.path)}>"
    return f"util.global private @{symbol_text(item.name)} = {key} : {type_text(item.type)}"


def symbol_text(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else _quoted(name)


def _noted(items: list[str], notes: Sequence[Sequence[Note]]) -> list[str]:
    """What a function takes or gives, each with what is said of it."""
    said = [f" {{{', '.join(map(_note, several))}}}" if several else "" for several in notes] or [""] * len(items)
    return [item + notes_ for item, notes_ in zip(items, said, strict=True)]


def _note(note: Note) -> str:
    return f"{note.name} = {_quoted(note.text)}"


class Locations:
    """The places of a module, each numbered where it is first mentioned."""

    def __init__(self) -> None:
        self._numbers: dict[Location, int] = {}

    def reference(self, place: Location | None) -> str:
        """What stands behind an operation."""
        if place is None:
            return ""
        return f" loc(#loc{self._numbers.setdefault(place, len(self._numbers) + 1)})"

    def lines(self) -> Iterator[str]:
        for place, number in self._numbers.items():
            where = f"{_quoted(place.file)}:{place.line}:{place.column}"
            told = f"definition = {_quoted(place.definition)}"
            told += f", precision = {_quoted(place.policy)}" if place.policy else ""
            yield f"#loc{number} = loc(fused<{{{told}}}>[{where}])"


class Printer:
    """Prints one function; the names of its values are its own."""

    def __init__(self, places: Locations) -> None:
        self._places = places
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()
        self._count = 0

    def function(self, function: Function) -> list[str]:
        taken = [f"{self.name(value)}: {type_text(value.type)}" for value in function.body.arguments]
        arguments = ", ".join(_noted(taken, function.argument_notes))
        results = ", ".join(_noted(list(map(type_text, function.results)), function.result_notes))
        public = "" if function.public else "private "
        reflection = ", ".join(f"{symbol_text(key)} = {_quoted(value)}" for key, value in function.reflection)
        kept = [f"iree.reflection = {{{reflection}}}"] if reflection else []
        kept += map(_note, function.notes)
        attributes = f" attributes {{{', '.join(kept)}}}" if kept else ""
        head = f"  func.func {public}@{symbol_text(function.name)}({arguments}) -> ({results}){attributes} {{"
        inside = [*self.operations(function.body.operations, "    ")]
        return [head, *inside, f"  }}{self._places.reference(function.location)}"]

    def operations(self, operations: Sequence[Operation], indent: str) -> Iterator[str]:
        for operation in operations:
            yield from self.operation(operation, indent)

    def operation(self, operation: Operation, indent: str) -> Iterator[str]:
        operands = ", ".join(map(self.name, operation.operands))
        results = ", ".join(map(self.name, operation.results))
        attributes = ", ".join(f"{key} = {attribute_text(value)}" for key, value in operation.attributes)
        head = f'{indent}{results + " = " if results else ""}"{operation.name}"({operands})'
        if attributes:
            head += f" <{{{attributes}}}>"
        taken = ", ".join(type_text(value.type) for value in operation.operands)
        made = ", ".join(type_text(value.type) for value in operation.results)
        place = self._places.reference(operation.location)
        tail = f" : ({taken}) -> {made if len(operation.results) == 1 else f'({made})'}{place}"
        if not operation.regions:
            yield head + tail
            return
        yield head + " ({"
        for index, region in enumerate(operation.regions):
            if index:
                yield f"{indent}}}, {{"
            yield from self.region(region, indent + "  ")
        yield f"{indent}}}){tail}"

    def region(self, region: Region, indent: str) -> Iterator[str]:
        if region.arguments:
            arguments = ", ".join(f"{self.name(value)}: {type_text(value.type)}" for value in region.arguments)
            yield f"{indent[:-1]}^bb0({arguments}):"
        yield from self.operations(region.operations, indent)

    def name(self, value: Value) -> str:
        found = self._names.get(id(value))
        if found is None:
            found = self._fresh(_NOT_IN_A_NAME.sub("_", value.hint))
            self._names[id(value)] = found
        return found

    def _fresh(self, hint: str) -> str:
        if hint and not hint[0].isdigit() and hint not in self._taken:
            self._taken.add(hint)
            return f"%{hint}"
        self._count += 1
        return f"%{hint}_{self._count}" if hint and not hint[0].isdigit() else f"%{self._count}"


# ----------------------------------------------------------------------------------------------------------- attributes


def attribute_text(attribute: Attribute) -> str:
    match attribute:
        case Integer(type=Scalar(name="i1")):
            return _number(attribute)
        case Integer() | Number():
            return f"{_number(attribute)} : {attribute.type.name}"
        case Text(value=value):
            return _quoted(value)
        case Symbol(name=name):
            return f"@{symbol_text(name)}"
        case TypeOf(type=type_):
            return type_text(type_)
        case Word(text=word):
            return word
        case Array(items=items):
            return f"[{', '.join(map(attribute_text, items))}]"
        case Numbers(values=values, type=type_):
            return f"array<{type_.name}{': ' if values else ''}{', '.join(map(str, values))}>"
        case Splat(values=values, type=type_):
            inner = ", ".join(map(_number, values))
            return f"dense<{inner if len(values) == 1 else f'[{inner}]'}> : {type_text(type_)}"
        case Map(loops=loops, results=results):
            names = ", ".join(f"d{index}" for index in range(loops))
            return f"affine_map<({names}) -> ({', '.join(map(_affine, results))})>"


def _number(number: Integer | Number) -> str:
    if isinstance(number, Integer):
        return ("true" if number.value else "false") if number.type.name == "i1" else str(number.value)
    kind = _FLOATS[number.type.name]
    with np.errstate(over="ignore"):
        rounded = np.asarray(number.value, dtype=kind)
    if np.isfinite(rounded.astype(np.float64)):
        return f"{float(rounded):.17e}"
    return f"0x{int.from_bytes(rounded.tobytes(), 'little'):0{2 * rounded.itemsize}X}"


def _affine(sum_: Affine) -> str:
    return " + ".join(f"d{at}" if factor == 1 else f"d{at} * {factor}" for at, factor in sum_.terms) or "0"
