"""What a module of MLIR is made of: types, attributes, values, operations, regions. `printing.py` writes it.

Every operation is written in the generic form, which is the same in all versions and needs to know no operation;
only functions are written as people do.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field


class Scalar(Struct, frozen=True):
    """`f32`, `i64`, `index`."""

    name: str


class Ranked(Struct, frozen=True):
    """`tensor<?x384xf32>`: a size that is known only at run time is None."""

    element: Scalar
    sizes: tuple[int | None, ...]


Type = Scalar | Ranked

INDEX = Scalar("index")
I1 = Scalar("i1")
I64 = Scalar("i64")


# ----------------------------------------------------------------------------------------------------------- attributes


class Integer(Struct, frozen=True):
    value: int
    type: Scalar = I64


class Number(Struct, frozen=True):
    """A float; its type tells how it is rounded."""

    value: float
    type: Scalar


class Text(Struct, frozen=True):
    value: str


class Symbol(Struct, frozen=True):
    """`@name`."""

    name: str


class TypeOf(Struct, frozen=True):
    type: Type


class Word(Struct, frozen=True):
    """An attribute of a dialect as it is written: `#linalg.iterator_type<parallel>`."""

    text: str


class Array(Struct, frozen=True):
    items: tuple[Attribute, ...]


class Numbers(Struct, frozen=True):
    """`array<i64: 1, 2>`."""

    values: tuple[int, ...]
    type: Scalar = I64


class Splat(Struct, frozen=True):
    """`dense<...>` of one or of several integers or floats."""

    values: tuple[Integer | Number, ...]
    type: Ranked


class Affine(Struct, frozen=True):
    """A sum of loop variables, each with a factor: `d2 * 2 + d5`; without terms it is 0."""

    terms: tuple[tuple[int, int], ...] = ()


class Map(Struct, frozen=True):
    """`affine_map<(d0, d1) -> (d1, 0)>`."""

    loops: int
    results: tuple[Affine, ...]


Attribute = Integer | Number | Text | Symbol | TypeOf | Word | Array | Numbers | Splat | Map


# ----------------------------------------------------------------------------------------------------------- operations


class Value(Struct, eq=False):
    """What an operation makes or a block is given; `hint` is what the source calls it."""

    type: Type
    hint: str = ""


class Location(Struct, frozen=True):
    """Where an operation comes from: the file, the line and column counted from 1, and the definition.

    `policy` is the precision policy of the definition, empty where that is `f32`.
    """

    file: str
    line: int
    column: int
    definition: str
    policy: str = ""


class Region(Struct, eq=False):
    """One block: what it is given, and its operations."""

    arguments: tuple[Value, ...] = ()
    operations: list[Operation] = field(default_factory=list)


class Operation(Struct, eq=False):
    name: str
    operands: Sequence[Value]
    results: Sequence[Value]
    attributes: tuple[tuple[str, Attribute], ...]
    regions: tuple[Region, ...]
    location: Location | None


class Note(Struct, frozen=True):
    """What is said of a function, or of what it takes and gives: a name with dots, and a text."""

    name: str
    text: str


class Function(Struct, eq=False):
    """`func.func`; a public one can be called from outside. Notes of arguments and results are one list for each."""

    name: str
    public: bool
    body: Region
    results: tuple[Type, ...]
    reflection: tuple[tuple[str, str], ...] = ()  # What a binary of IREE keeps.
    notes: tuple[Note, ...] = ()
    argument_notes: tuple[tuple[Note, ...], ...] = ()
    result_notes: tuple[tuple[Note, ...], ...] = ()
    location: Location | None = None


class Global(Struct, frozen=True):
    """A weight: a value that a file of parameters gives under the key `path`."""

    name: str
    type: Ranked
    path: str


class Module(Struct, eq=False):
    name: str
    globals: tuple[Global, ...]
    functions: tuple[Function, ...]
    attributes: tuple[tuple[str, Attribute], ...] = ()


def count(module: Module) -> int:
    """How many operations there are, those inside of others too."""
    return sum(_count(function.body) for function in module.functions)


def _count(region: Region) -> int:
    return sum(1 + sum(map(_count, operation.regions)) for operation in region.operations)
