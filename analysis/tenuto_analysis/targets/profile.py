"""What is known of a target: dtypes, rates, memories, shapes, tiles, operators, artifacts; each figure with its source.

A profile is a TOML file of `profiles/`, named like its target, or a table of `tenuto.toml`. It may inherit another one:
its own entries then replace those of the other, one by one. Whatever a profile does not say is not known, and nothing
is found for it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from tenuto_analysis.database import Database, input_fact, query
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.modules import prelude, root

PROFILES = Path(__file__).parent / "profiles"


class ProfileError(Exception):
    """A profile that cannot be used: the words say whose, where in it, and what is wrong."""


class Figure(Struct, frozen=True, forbid_unknown_fields=True):
    """A number with its source, a name of the profile's `sources`; `uncertain` where sources differ or are weak."""

    value: float
    source: str
    uncertain: bool = False


class Precision(Struct, frozen=True, forbid_unknown_fields=True):
    """What a target does with a dtype.

    `operators` are those that take it: all of them, only products, all but products (`vector`), or only what stores,
    moves and casts it. `accumulate` are the dtypes that sums of its products may be kept in. `peak` is the rate of
    products, `vector` that of other operators, both in op/s, a multiplication with its addition counting as two.
    """

    operators: Literal["all", "products", "vector", "moves"]
    source: str
    accumulate: tuple[str, ...] = ()
    peak: Figure | None = None
    vector: Figure | None = None
    uncertain: bool = False


class Memory(Struct, frozen=True, forbid_unknown_fields=True):
    """A memory: its size in bytes, its bandwidth in bytes/s. Weights and activations must fit into the `main` ones."""

    role: Literal["main", "cache", "scratch"]
    bytes: Figure | None = None
    bandwidth: Figure | None = None


class Sizes(Struct, frozen=True, forbid_unknown_fields=True):
    """Which sizes a program may leave open: `any`, those with a largest value (`bounded`), or none (`static`)."""

    open: Literal["any", "bounded", "static"]
    source: str
    uncertain: bool = False


class Tile(Struct, frozen=True, forbid_unknown_fields=True):
    """The block of a product `[m, k] @ [k, n]` that the hardware computes at once; a size is padded to a multiple.

    Where it is `required`, a size that is no multiple is refused. A waste above the share `tolerated` is warned of;
    where that is left out, the tile only counts in the cost.
    """

    dtypes: tuple[str, ...]
    source: str
    m: int | None = None
    k: int | None = None
    n: int | None = None
    required: bool = False
    tolerated: float | None = None
    uncertain: bool = False


class Conversion(Struct, frozen=True, forbid_unknown_fields=True):
    """What the vendor's compiler makes of a dtype that the hardware does not have."""

    to: str
    source: str
    uncertain: bool = False


class Opset(Struct, frozen=True, forbid_unknown_fields=True):
    """The opsets of ONNX that a target takes."""

    lowest: int
    highest: int
    source: str
    uncertain: bool = False


class Next(Struct, frozen=True, forbid_unknown_fields=True):
    """The vendor's command that takes our artifact: `{model}` is its file, `{stem}` that without the ending."""

    command: str
    source: str
    uncertain: bool = False


Format = Literal["onnx", "mlir", "stablehlo", "vmfb"]


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A target. `lacks` gives, for a dtype or for `any`, the operators that it does not have; `converts` the dtypes
    that become others when the artifact is made for it.

    `artifacts` are what is built for it, the first where nothing else is asked for. `compiler` says who makes a binary
    of them: IREE, which Tenuto starts, the vendor's own, or nobody, as the target runs them as they are. `link` is the
    bandwidth to other parts of a machine in bytes/s.
    """

    title: str
    vendor: str
    sources: Mapping[str, str]
    dtypes: Mapping[str, Precision]
    sizes: Sizes
    artifacts: tuple[Format, ...]
    name: str = ""
    compiler: Literal["iree", "vendor", "none"] = "vendor"
    converts: Mapping[str, Conversion] = field(default_factory=dict)
    memories: Mapping[str, Memory] = field(default_factory=dict)
    rank: Figure | None = None
    largest: Figure | None = None
    tiles: tuple[Tile, ...] = ()
    lacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    opset: Opset | None = None
    link: Figure | None = None
    next: Next | None = None

    @property
    def main(self) -> Iterator[tuple[str, Memory]]:
        """The memories that weights and activations live in."""
        return ((name, memory) for name, memory in self.memories.items() if memory.role == "main")

    @property
    def capacity(self) -> int | None:
        """How many bytes the main memories hold together; None where one of them is not known."""
        sizes = [memory.bytes.value if memory.bytes is not None else None for _, memory in self.main]
        return int(sum(size for size in sizes if size is not None)) if sizes and None not in sizes else None

    @property
    def bandwidth(self) -> float | None:
        """The bytes/s of the fastest main memory that is known."""
        return max((found.bandwidth.value for _, found in self.main if found.bandwidth is not None), default=None)

    @property
    def compiled_here(self) -> bool:
        """Whether Tenuto can have a binary made for it."""
        return self.compiler == "iree"


# ------------------------------------------------------------------------------------------------------------- reading

Table = Mapping[str, object]
T = TypeVar("T")


@cache
def built_in() -> tuple[str, ...]:
    """The names of the profiles that ship with Tenuto, sorted."""
    return tuple(sorted(path.name.removesuffix(".toml") for path in PROFILES.glob("*.toml")))


@input_fact
def declared(db: Database, folder: str) -> Table:
    """The profiles in the settings of a workspace, by its root: for each name a table, as TOML gives it."""
    return {}


@query
def known(db: Database, file: str) -> tuple[str, ...]:
    """The names of the targets that a file may use."""
    return tuple(dict.fromkeys((*built_in(), *declared(db, root(db, file)))))


@query
def profile(db: Database, file: str, name: str) -> Profile | None:
    """The profile of a target that a file names; None where there is none."""
    own = declared(db, root(db, file))
    return read(name, own) if name in own or name in built_in() else None


def profiles(db: Database, file: str) -> tuple[Profile, ...]:
    """All targets that a file may use."""
    found = (profile(db, file, name) for name in known(db, file))
    return tuple(item for item in found if item is not None)


def read(name: str, own: Table | None = None) -> Profile:
    """The profile of a name that is in `own`, or else ships with Tenuto; raises `ProfileError`."""
    return _read(name, own) if own else _read_built_in(name)


def checked(own: Table) -> None:
    """Raises `ProfileError` where a profile of a workspace cannot be used."""
    for name in own:
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
            raise ProfileError(f"target `{name}`: a target's name is made of letters, digits, `_` and dots")
        if name in built_in():
            raise ProfileError(
                f"target `{name}` ships with Tenuto: give yours another name, and let it inherit this one"
            )
        read(name, own)


@cache
def _read_built_in(name: str) -> Profile:
    return _read(name, {})


def _read(name: str, own: Table | None) -> Profile:
    table = _whole(name, own or {}, ())
    # Each dtype and each memory by itself: where a table of tables fails, msgspec does not say in which.
    for group, type_ in (("dtypes", Precision), ("memories", Memory)):
        entries = table.get(group)
        for key, entry in entries.items() if isinstance(entries, Mapping) else ():
            _converted(name, f"{group}.{key}", entry, type_)
    found = _converted(name, "", table, Profile)
    for place, problem in _mistakes(found):
        raise ProfileError(f"target `{name}`: {place}: {problem}")
    return replace(found, name=name)


def _whole(name: str, own: Table, heirs: Sequence[str]) -> Table:
    """A profile's table with all that it inherits."""
    table = _table(name, own, heirs)
    other = table.get("inherits")
    if other is None:
        return table
    if not isinstance(other, str):
        raise ProfileError(f"target `{name}`: `inherits` is the name of a target")
    if other in (*heirs, name):
        raise ProfileError(f"target `{name}`: it inherits itself, by {' -> '.join((*heirs, name, other))}")
    rest = {key: value for key, value in table.items() if key != "inherits"}
    return _merged(_whole(other, own, (*heirs, name)), rest)


def _table(name: str, own: Table, heirs: Sequence[str]) -> Table:
    found = own.get(name)
    if isinstance(found, Mapping):
        return found
    if found is not None:
        raise ProfileError(f"target `{name}`: a profile is a table, as in `[targets.{name}]`")
    if name not in built_in():
        near = nearest(name, (*built_in(), *own))
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise ProfileError(f"target `{heirs[-1] if heirs else name}`: there is no target `{name}`{hint}")
    return tomllib.loads((PROFILES / f"{name}.toml").read_text(encoding="utf-8"))


def _merged(below: Table, above: Table) -> Table:
    """Tables entry by entry; what is no table is replaced as a whole."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        # A figure is one thing: a value of one source and the name of another would be a lie.
        if isinstance(old, Mapping) and isinstance(value, Mapping) and "source" not in value:
            result[key] = _merged(old, value)
        else:
            result[key] = value
    return result


def _converted(name: str, place: str, table: object, type_: type[T]) -> T:
    """A table as a value; a mistake is told with its place, as in `memories.HBM.bytes`."""
    try:
        return msgspec.convert(table, type_)
    except msgspec.ValidationError as error:
        words, _, inside = str(error).partition(" - at `$")
        where = f"{place}{inside.rstrip('`')}".lstrip(".")
        raise ProfileError(f"target `{name}`: {f'{where}: ' if where else ''}{words[0].lower()}{words[1:]}") from error


def _mistakes(found: Profile) -> Iterator[tuple[str, str]]:
    """What no type says: names that are not there."""
    for place, name in _sources(found):
        if name not in found.sources:
            yield place, f"the source `{name}` is not in `sources`"
    for name, precision in found.dtypes.items():
        yield from _dtypes(f"dtypes.{name}", (name, *precision.accumulate))
    for name, conversion in found.converts.items():
        yield from _dtypes(f"converts.{name}", (name, conversion.to))
    for at, tile in enumerate(found.tiles):
        yield from _dtypes(f"tiles[{at}]", tile.dtypes)
    operators = (*prelude(), "slice", "select")
    for name, lacking in found.lacks.items():
        yield from _dtypes("lacks", () if name == "any" else (name,))
        for operator in lacking:
            if operator not in operators:
                near = nearest(operator, operators)
                hint = f"; did you mean `{near[0]}`?" if near else ""
                yield f"lacks.{name}", f"there is no operator `{operator}`{hint}"


def _dtypes(place: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name not in SCALARS:
            near = nearest(name, SCALARS)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            yield place, f"there is no dtype `{name}`{hint}"


def _sources(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Each source that is named in a profile, and where."""
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            inner = getattr(value, name)
            if name == "source":
                yield place, inner
            elif name != "sources":
                yield from _sources(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _sources(inner, f"{place}.{name}")
    elif isinstance(value, tuple):
        for at, inner in enumerate(value):
            yield from _sources(inner, f"{place}[{at}]")
