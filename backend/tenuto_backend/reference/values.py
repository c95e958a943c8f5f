"""What an expression can be while a program runs, where names are kept, and how a run ends early.

A tensor is a NumPy array. What is static is plain Python: `int`, `float`, `bool`, `str`, `None`, tuples and lists; a
`Size` is an integer that came from a dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from tenuto_backend.reference.dtypes import DType
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

Array: TypeAlias = npt.NDArray[Any]


class Size(int):
    """An integer that came from a dimension: a loop over `range` of it is a real loop, whatever its value."""


class Shape(Struct, frozen=True):
    """A pack of dimensions, or a whole shape."""

    sizes: tuple[int, ...]


class Declared(Struct, frozen=True, eq=False):
    """A declaration and the file that holds it; a record may have its generic arguments."""

    file: str
    declaration: syntax.Declaration
    generics: Mapping[str, Value] = field(default_factory=dict)


class Place(Struct, frozen=True):
    """A span of a declaration."""

    file: str
    declaration: syntax.Declaration
    span: Span


class RecordValue(Struct, frozen=True, eq=False):
    name: str
    fields: Mapping[str, Value]


class TypeValue(Struct, frozen=True, eq=False):
    """A type as a value, with the names that it was written under."""

    type: syntax.Type
    frame: Frame


class TensorKind(Struct, frozen=True):
    """The type that a tensor was seen to have, bound to a generic of kind `type`."""

    dtype: DType
    sizes: tuple[int, ...]


class Applied(Struct, frozen=True, eq=False):
    """A definition with generic arguments, by name; not yet called."""

    file: str
    definition: syntax.Definition
    generics: Mapping[str, Value]


class Instance(Struct, eq=False):
    """A model that owns weights, and other models; both come to be when their statement first runs."""

    applied: Applied
    weights: dict[str, Array] = field(default_factory=dict)
    parts: dict[str, Value] = field(default_factory=dict)


Value: TypeAlias = (
    Array
    | DType
    | bool
    | int
    | float
    | str
    | tuple["Value", ...]
    | list["Value"]
    | Shape
    | RecordValue
    | TypeValue
    | TensorKind
    | Mapping[str, int]
    | Applied
    | Instance
    | Declared
    | None
)


class Frame(Struct, eq=False):
    """The names of a block, inside those of the block around it; `run` is the same for all."""

    run: Run
    file: str
    declaration: syntax.Declaration
    names: dict[str, Value]
    outer: Frame | None = None
    instance: Instance | None = None
    casts: bool = False
    collected: dict[str, list[Value]] | None = None

    def inner(self) -> Frame:
        return Frame(self.run, self.file, self.declaration, {}, self, self.instance, self.casts)

    def owner(self, name: str) -> dict[str, Value] | None:
        """The innermost block's names that hold `name`."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names
            frame = frame.outer
        return None

    def note(self, span: Span, value: Value) -> None:
        """Tell who watches what an expression gave, or a name was bound to."""
        if self.run.observe is not None:
            self.run.observe(self, span, value)

    def place(self, span: Span) -> Place:
        return Place(self.file, self.declaration, span)


class Run(Struct, eq=False):
    """One execution: what names mean, how a call is made, where weights come from, who watches.

    `call` and `member` stand here because an expression may call a definition, whose body holds expressions.
    """

    find: Callable[[str, str], Declared | DType | None]
    call: Callable[[Frame, Applied | Instance | Declared, list[Value], dict[str, Value], Place], Value]
    member: Callable[[Frame, Instance, str, Place], Value]
    random: np.random.Generator
    observe: Callable[[Frame, Span, Value], None] | None = None
    constants: dict[tuple[str, str], Value] = field(default_factory=dict)


class WrongByExecution(Exception):
    """The program broke a rule of the language on these inputs."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


class Refused(Exception):
    """A primitive cannot do what it is asked; the call that asked gives the place."""


class Undetermined(Exception):
    """The evaluator cannot tell: a feature that it does not run, or a value that only a type could give."""


def is_weak(value: Value) -> bool:
    """Whether `value` is a number without a dtype of its own."""
    return isinstance(value, bool | int | float)


def describe(value: Value) -> str:
    """A few words for a message."""
    match value:
        case np.ndarray():
            return f"a tensor {value.dtype}[{', '.join(map(str, value.shape))}]"
        case Shape(sizes):
            return f"the shape ({', '.join(map(str, sizes))})"
        case RecordValue(name=name):
            return f"a {name}"
        case Applied(definition=definition):
            return f"`{definition.name.text}`"
        case Instance(applied=applied):
            return f"a {applied.definition.name.text}"
        case list():
            return f"a list of {len(value)}"
        case tuple():
            return f"a tuple of {len(value)}"
        case _:
            return repr(value)
