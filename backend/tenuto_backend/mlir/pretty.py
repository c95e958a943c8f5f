"""MLIR for reading: the operations that occur most in the short forms that people write, each line with its source.

An artifact stays in the generic form, which no version changes; here what has no short form is written in that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tenuto_analysis.compat import override
from tenuto_backend.mlir.operations import (
    Array,
    Attribute,
    Function,
    Integer,
    Location,
    Module,
    Number,
    Numbers,
    Operation,
    Symbol,
    Value,
    Word,
)
from tenuto_backend.mlir.printing import Locations, Printer, attribute_text, global_text, symbol_text, type_text
from tenuto_backend.mlir.site import DYNAMIC

_FLOAT_TESTS = (
    *("false", "oeq", "ogt", "oge", "olt", "ole", "one", "ord"),
    *("ueq", "ugt", "uge", "ult", "ule", "une", "uno", "true"),
)
_INTEGER_TESTS = ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge")

_CASTS = {
    *("arith.extf", "arith.truncf", "arith.extsi", "arith.extui", "arith.trunci", "arith.index_cast"),
    *("arith.index_castui", "arith.sitofp", "arith.uitofp", "arith.fptosi", "arith.fptoui", "arith.bitcast"),
    "tensor.cast",
}


def pretty(module: Module) -> str:
    """A whole module."""
    lines = [f"module @{symbol_text(module.name)} {{", *(f"  {global_text(item)}" for item in module.globals)]
    for function in module.functions:
        lines += pretty_function(function)
    return "\n".join([*lines, "}"]) + "\n"


def pretty_function(function: Function) -> list[str]:
    """The lines of one function."""
    return _Pretty().function(function)


class _Unsaid(Locations):
    """Places stand in comments instead."""

    @override
    def reference(self, place: Location | None) -> str:
        return ""


class _Pretty(Printer):
    def __init__(self) -> None:
        super().__init__(_Unsaid())

    @override
    def operation(self, operation: Operation, indent: str) -> Iterator[str]:
        place = operation.location
        written = self._short(operation, indent)
        lines = super().operation(operation, indent) if written is None else written
        comment = f"  // {place.file}:{place.line}:{place.column}" if place is not None else ""
        for at, line in enumerate(lines):
            yield line + comment if at == 0 else line

    def _short(self, operation: Operation, indent: str) -> Iterator[str] | None:
        match operation.name:
            case "linalg.generic":
                return self._generic(operation, indent)
            case "scf.for":
                return self._for(operation, indent)
            case "scf.if":
                return self._if(operation, indent)
            case _:
                text = self._line(operation)
                return None if text is None else iter([f"{indent}{self._made(operation)}{text}"])

    def _line(self, operation: Operation) -> str | None:
        """An operation without regions, without its results; None where it has no short form here."""
        form = _FORMS.get(operation.name)
        if form is not None:
            return f"{operation.name} {form(self, operation, dict(operation.attributes))}".rstrip()
        if operation.name in _CASTS:
            (given,), (made,) = operation.operands, operation.results
            return f"{operation.name} {self.name(given)} : {type_text(given.type)} to {type_text(made.type)}"
        if operation.name.startswith(("arith.", "math.")) and not operation.attributes and operation.operands:
            return f"{operation.name} {self.listed(operation.operands)} : {type_text(operation.operands[0].type)}"
        return None

    def _made(self, operation: Operation) -> str:
        return f"{self.listed(operation.results)} = " if operation.results else ""

    def listed(self, values: Sequence[Value]) -> str:
        return ", ".join(map(self.name, values))

    # ----------------------------------------------------------------------------------------------------- with regions

    def _generic(self, operation: Operation, indent: str) -> Iterator[str]:
        named = dict(operation.attributes)
        kinds, segments = named["iterator_types"], named["operandSegmentSizes"]
        assert isinstance(kinds, Array) and isinstance(segments, Numbers)
        words = (item.text.partition("<")[2].rstrip(">") for item in kinds.items if isinstance(item, Word))
        loops = ", ".join(f'"{word}"' for word in words)
        maps = f"{{indexing_maps = {attribute_text(named['indexing_maps'])}, iterator_types = [{loops}]}}"
        count = segments.values[0]
        read, written = operation.operands[:count], operation.operands[count:]
        ins = f" ins({self.listed(read)} : {types(read)})" if read else ""
        yield (
            f"{indent}{self._made(operation)}linalg.generic {maps}{ins} "
            f"outs({self.listed(written)} : {types(written)}) {{"
        )
        yield from self.region(operation.regions[0], indent + "  ")
        yield f"{indent}}} -> {result_types(operation)}"

    def _for(self, operation: Operation, indent: str) -> Iterator[str]:
        low, high, step, *state = operation.operands
        place, *given = operation.regions[0].arguments
        pairs = ", ".join(f"{self.name(a)} = {self.name(b)}" for a, b in zip(given, state, strict=True))
        carried = f" iter_args({pairs}) -> ({types(state)})" if state else ""
        yield (
            f"{indent}{self._made(operation)}scf.for {self.name(place)} = {self.name(low)} to {self.name(high)} "
            f"step {self.name(step)}{carried} {{"
        )
        yield from self.operations(operation.regions[0].operations, indent + "  ")
        yield f"{indent}}}"

    def _if(self, operation: Operation, indent: str) -> Iterator[str]:
        (test,), (then, otherwise) = operation.operands, operation.regions
        yield f"{indent}{self._made(operation)}scf.if {self.name(test)} -> ({types(operation.results)}) {{"
        yield from self.operations(then.operations, indent + "  ")
        yield f"{indent}}} else {{"
        yield from self.operations(otherwise.operations, indent + "  ")
        yield f"{indent}}}"


def types(values: Sequence[Value]) -> str:
    return ", ".join(type_text(value.type) for value in values)


def result_types(operation: Operation) -> str:
    return types(operation.results) if len(operation.results) == 1 else f"({types(operation.results)})"


# ---------------------------------------------------------------------------------------------------------- short forms

_Form = Callable[[_Pretty, Operation, Mapping[str, Attribute]], str]
"""What stands behind the name of an operation."""


def _constant(_: _Pretty, operation: Operation, named: Mapping[str, Attribute]) -> str:
    value = named["value"]
    if isinstance(value, Number) and "x" not in attribute_text(value):
        number = repr(float(attribute_text(value).partition(" ")[0]))
        mantissa, e, exponent = number.partition("e")
        return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}{e}{exponent} : {value.type.name}"
    return attribute_text(value)


def _compared(words: Sequence[str]) -> _Form:
    def form(printer: _Pretty, operation: Operation, named: Mapping[str, Attribute]) -> str:
        predicate = named["predicate"]
        assert isinstance(predicate, Integer)
        given = operation.operands
        return f"{words[predicate.value]}, {printer.listed(given)} : {type_text(given[0].type)}"

    return form


def _of_result(printer: _Pretty, operation: Operation, _: Mapping[str, Attribute]) -> str:
    return f"{printer.listed(operation.operands)} : {types(operation.results)}"


def _given_back(printer: _Pretty, operation: Operation, _: Mapping[str, Attribute]) -> str:
    given = operation.operands
    return f"{printer.listed(given)} : {types(given)}" if given else ""


def _index(_: _Pretty, __: Operation, named: Mapping[str, Attribute]) -> str:
    dim = named["dim"]
    assert isinstance(dim, Integer)
    return f"{dim.value} : index"


def _dim(printer: _Pretty, operation: Operation, _: Mapping[str, Attribute]) -> str:
    return f"{printer.listed(operation.operands)} : {type_text(operation.operands[0].type)}"


def _empty(printer: _Pretty, operation: Operation, _: Mapping[str, Attribute]) -> str:
    return f"({printer.listed(operation.operands)}) : {types(operation.results)}"


def _extract(printer: _Pretty, operation: Operation, _: Mapping[str, Attribute]) -> str:
    x, *places = operation.operands
    return f"{printer.name(x)}[{printer.listed(places)}] : {type_text(x.type)}"


def _grouped(printer: _Pretty, operation: Operation, named: Mapping[str, Attribute]) -> str:
    """Axes that are merged, or split; where they are split, the sizes that they get."""
    groups, (x, *sizes) = named["reassociation"], operation.operands
    assert isinstance(groups, Array)
    inner = ", ".join(f"[{', '.join(_numbers(group))}]" for group in groups.items)
    shape = named.get("static_output_shape")
    given = f" output_shape {_mixed(printer, shape, iter(sizes))}" if isinstance(shape, Numbers) else ""
    return f"{printer.name(x)} [{inner}]{given} : {type_text(x.type)} into {types(operation.results)}"


def _cut_out(printer: _Pretty, operation: Operation, named: Mapping[str, Attribute]) -> str:
    x, *rest = operation.operands
    return f"{printer.name(x)}{_stretch(printer, named, rest)} : {type_text(x.type)} to {types(operation.results)}"


def _put_in(printer: _Pretty, operation: Operation, named: Mapping[str, Attribute]) -> str:
    values, x, *rest = operation.operands
    part = _stretch(printer, named, rest)
    return f"{printer.name(values)} into {printer.name(x)}{part} : {type_text(values.type)} into {type_text(x.type)}"


def _joined(printer: _Pretty, operation: Operation, named: Mapping[str, Attribute]) -> str:
    given, axis = operation.operands, named["dim"]
    assert isinstance(axis, Integer)
    return f"dim({axis.value}) {printer.listed(given)} : ({types(given)}) -> {types(operation.results)}"


def _called(printer: _Pretty, operation: Operation, named: Mapping[str, Attribute]) -> str:
    callee = named["callee"]
    assert isinstance(callee, Symbol)
    given = operation.operands
    return f"@{symbol_text(callee.name)}({printer.listed(given)}) : ({types(given)}) -> {result_types(operation)}"


def _loaded(_: _Pretty, operation: Operation, named: Mapping[str, Attribute]) -> str:
    return f"{attribute_text(named['global'])} : {types(operation.results)}"


def _stretch(printer: _Pretty, named: Mapping[str, Attribute], rest: Sequence[Value]) -> str:
    """`[offsets] [sizes] [strides]`; those that only a run knows are the other operands, in this order."""
    open_ = iter(rest)
    parts = [named[f"static_{kind}"] for kind in ("offsets", "sizes", "strides")]
    return " ".join(_mixed(printer, part, open_) for part in parts if isinstance(part, Numbers))


def _mixed(printer: _Pretty, numbers: Numbers, open_: Iterator[Value]) -> str:
    items = (printer.name(next(open_)) if number == DYNAMIC else str(number) for number in numbers.values)
    return f"[{', '.join(items)}]"


def _numbers(group: Attribute) -> Iterator[str]:
    assert isinstance(group, Array)
    return (str(item.value) for item in group.items if isinstance(item, Integer))


_FORMS: Mapping[str, _Form] = {
    "arith.constant": _constant,
    "arith.cmpf": _compared(_FLOAT_TESTS),
    "arith.cmpi": _compared(_INTEGER_TESTS),
    "arith.select": _of_result,
    "linalg.yield": _given_back,
    "linalg.index": _index,
    "tensor.dim": _dim,
    "tensor.empty": _empty,
    "tensor.extract": _extract,
    "tensor.from_elements": _of_result,
    "tensor.collapse_shape": _grouped,
    "tensor.expand_shape": _grouped,
    "tensor.extract_slice": _cut_out,
    "tensor.insert_slice": _put_in,
    "tensor.concat": _joined,
    "scf.yield": _given_back,
    "func.call": _called,
    "func.return": _given_back,
    "util.global.load": _loaded,
}
