"""A Python module for a deploy, whose parameters and results have NumPy's types: dtypes and ranks.

Sizes and ranges, which NumPy's types cannot say, are told in the docstrings and held when the module runs.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tenuto_analysis.dims import render
from tenuto_backend.runtime.base import Interface, Port

_TYPES: Mapping[str, str] = {
    "f64": "np.float64",
    "f32": "np.float32",
    "f16": "np.float16",
    "i64": "np.int64",
    "i32": "np.int32",
    "i16": "np.int16",
    "i8": "np.int8",
    "u64": "np.uint64",
    "u32": "np.uint32",
    "u16": "np.uint16",
    "u8": "np.uint8",
    "bool": "np.bool_",
}
_WIDTH = 88
# What a name in the module must not hide, and what a named tuple has already.
_TAKEN = frozenset({"self", "found", "np", "tenuto", "typing", "tuple", "int", "count", "index"})


def module(interface: Interface, doc: str | None, source: str) -> str:
    """The module's text; `doc` documents the deploy's model, `source` is where the deploy stands."""
    return "\n".join(_lines(interface, doc, source)) + "\n"


def _lines(interface: Interface, doc: str | None, source: str) -> Iterator[str]:
    name = _class_name(interface.name)
    parameters, fields = _names(interface.inputs, "input"), _names(interface.outputs, "output")
    several = len(fields) > 1
    result = f"{name}Result" if several else _type(interface.outputs[0])
    needed = any(str(port.type.dtype) not in _TYPES for port in (*interface.inputs, *interface.outputs))
    yield f'"""The deploy `{interface.name}` of `{_quoted(source)}`, with types.'
    yield ""
    yield "Written by `tenuto bind`: write it again where the deploy changes."
    yield '"""'
    yield ""
    yield "from __future__ import annotations"
    yield ""
    yield "import pathlib"
    if needed or several:
        yield "import typing"
    yield ""
    yield "import numpy as np"
    yield "import tenuto"
    yield ""
    yield f'_MODEL = pathlib.Path(__file__).with_name("{interface.name}.onnx")'
    yield ""
    if several:
        yield ""
        yield f"class {result}(typing.NamedTuple):"
        for field, port in zip(fields, interface.outputs, strict=True):
            yield f"    {field}: {_type(port)}"
            yield f'    """`{_quoted(str(port))}`"""'
        yield ""
    yield ""
    yield f"class {name}:"
    yield from _docstring(interface, doc)
    yield ""
    yield "    def __init__(self, model: str | pathlib.Path = _MODEL) -> None:"
    yield '        """`model` is what `tenuto build` made of the deploy."""'
    yield "        self._model = tenuto.open_artifact("
    yield "            model,"
    yield from _broken("            takes=[", _kinds(interface.inputs), "],")
    yield from _broken("            gives=[", _kinds(interface.outputs), "],")
    yield "        )"
    yield ""
    yield "    def __call__("
    yield "        self,"
    for parameter, port in zip(parameters, interface.inputs, strict=True):
        yield f"        {parameter}: {_type(port)},"
    yield f"    ) -> {result}:"
    yield '        """Runs the model; raises `tenuto.WrongInput` where an input does not fit its type.'
    yield ""
    for parameter, port in zip(parameters, interface.inputs, strict=True):
        yield f"        {parameter}: `{_quoted(str(port.type))}`"
    yield f"        Gives {f'{len(fields)} tensors' if several else f'`{_quoted(str(interface.outputs[0].type))}`'}."
    yield '        """'
    if several:
        yield from _broken("        found = self._model.results(", parameters, ")")
        yield f"        return {result}(*found)"
    else:
        yield from _broken("        (found,) = self._model.results(", parameters, ")")
        yield "        return found"


def _broken(head: str, items: Sequence[str], tail: str) -> Iterator[str]:
    """On one line where it fits, else an item a line."""
    line = f"{head}{', '.join(items)}{tail}"
    if len(line) <= _WIDTH:
        yield line
        return
    indent = " " * (len(head) - len(head.lstrip()))
    yield head
    yield from (f"{indent}    {item}," for item in items)
    yield f"{indent}{tail}"


def _docstring(interface: Interface, doc: str | None) -> Iterator[str]:
    told = [line.rstrip() for line in _quoted(doc or f"The deploy `{interface.name}`.").strip().splitlines()]
    sizes = ", ".join(f"`{render(bound)}`" for bound in interface.bounds)
    if sizes:
        told += ["", f"Its sizes: {sizes}."]
    if len(told) == 1:
        yield f'    """{told[0]}"""'
        return
    yield f'    """{told[0]}'
    yield from (f"    {line}".rstrip() for line in told[1:])
    yield '    """'


def _type(port: Port) -> str:
    rank = len(port.shape)
    shape = f"tuple[{', '.join(['int'] * rank)}]" if rank else "tuple[()]"
    # NumPy has no type for the dtypes of `ml_dtypes`.
    return f"np.ndarray[{shape}, np.dtype[{_TYPES.get(str(port.type.dtype), 'typing.Any')}]]"


def _kinds(ports: Iterable[Port]) -> list[str]:
    return [f'("{port.type.dtype}", {len(port.shape)})' for port in ports]


def _names(ports: Iterable[Port], otherwise: str) -> list[str]:
    """Names of Python for the dotted names of the language, each once."""
    found: list[str] = []
    for port in ports:
        name = re.sub(r"\W", "_", port.name).strip("_") or otherwise
        if name[0].isdigit():
            name = f"{otherwise}_{name}"
        if keyword.iskeyword(name) or name in _TAKEN:
            name = f"{name}_"
        unique, number = name, 1
        while unique in found:
            number += 1
            unique = f"{name}_{number}"
        found.append(unique)
    return found


def _class_name(deploy: str) -> str:
    name = "".join(part[:1].upper() + part[1:] for part in deploy.split("_")) or "Model"
    return f"{name}_" if keyword.iskeyword(name) else name


def _quoted(text: str) -> str:
    """Text that may stand in a docstring, also at its end."""
    return re.sub(r'\\|"""|"(?=\s*\Z)', lambda found: "".join(f"\\{character}" for character in found[0]), text)
