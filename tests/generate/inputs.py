"""Random inputs for a definition: sizes that satisfy its `where`, and values of its parameters' types."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tenuto_backend.reference import dtypes
from tenuto_backend.reference.calls import implicit_names
from tenuto_backend.reference.expressions import evaluate, sizes, truth
from tenuto_backend.reference.matching import as_type, kind_of, names_in
from tenuto_backend.reference.values import (
    Applied,
    Declared,
    Frame,
    Instance,
    RecordValue,
    Run,
    Shape,
    Size,
    Value,
    WrongByExecution,
)
from tenuto_grammar import syntax

SIZES: Sequence[int] = (0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 8, 9, 12, 16)


def random_inputs(
    run: Run,
    target: Applied | Instance,
    chance: random.Random,
    dims: Mapping[str, tuple[int, int]] | None = None,
    tries: int = 500,
) -> tuple[dict[str, Value], list[Value]] | None:
    """The names chosen and a value for each parameter; None where no sizes were found that satisfy `where`."""
    applied = target.applied if isinstance(target, Instance) else target
    definition = applied.definition
    start = Frame(run, applied.file, definition, dict(applied.generics))
    packs = {name for parameter in definition.parameters for name in _packs(parameter)}
    implicit = {name: name in packs for name in sorted(set(implicit_names(start, definition)))}
    for _ in range(tries):
        frame = Frame(run, applied.file, definition, dict(applied.generics))
        _choose(frame, definition, implicit, chance, dims or {})
        if not _allowed(frame, definition):
            continue
        try:
            values = [_argument(frame, parameter, chance) for parameter in definition.parameters]
        except (WrongByExecution, NoValue):
            continue
        chosen: dict[str, Value] = {
            name: value for name, value in frame.names.items() if isinstance(value, int | Shape)
        }
        return chosen, values
    return None


def deployed_dims(deploy: syntax.Deploy) -> dict[str, tuple[int, int]]:
    """The ranges of sizes that a deploy states, where both ends are literals."""
    found: dict[str, tuple[int, int]] = {}
    for setting in deploy.settings.settings:
        if setting.key.text == "dims" and isinstance(setting.value, syntax.Map):
            for dim in setting.value.settings:
                match dim.value:
                    case syntax.Range(low=syntax.Integer(value=low), high=syntax.Integer(value=high)):
                        found[dim.key.text] = (low, high)
                    case syntax.Integer(value=size):
                        found[dim.key.text] = (size, size)
                    case _:
                        pass
    return found


def _size(chance: random.Random, ends: tuple[int, int] | None) -> Size:
    if ends is None:
        return Size(chance.choice(SIZES))
    usual = [size for size in (*SIZES, 32, 64) if ends[0] <= size <= ends[1]]
    return Size(chance.choice(usual) if usual else chance.randint(*ends))


def _choose(
    frame: Frame,
    definition: syntax.Definition,
    implicit: Mapping[str, bool],
    chance: random.Random,
    dims: Mapping[str, tuple[int, int]],
) -> None:
    """Choose the generics that are open, the implicit dimensions (and packs), and the static parameters."""
    for generic in definition.generics:
        name = generic.name.text
        if name in frame.names:
            continue
        if generic.default is not None and (chance.random() < 0.6 or kind_of(generic.type) == "str"):
            frame.names[name] = evaluate(frame, generic.default)
        elif generic.pack:
            frame.names[name] = _pack(frame, chance)
        else:
            frame.names[name] = _generic(generic, chance)
    for name, pack in implicit.items():
        frame.names[name] = _pack(frame, chance) if pack else _size(chance, dims.get(name))
    for parameter in definition.parameters:
        kind = kind_of(parameter.type)
        if kind is not None or _is_static_list(parameter):
            frame.names[parameter.name.text] = _static(frame, parameter, kind, chance)


def _is_static_list(parameter: syntax.Parameter) -> bool:
    base = parameter.type.base
    if not isinstance(base, syntax.TensorType) or base.path.text != "list" or not base.dims:
        return False
    return kind_of(as_type(base.dims[0])) is not None


def _static(frame: Frame, parameter: syntax.Parameter, kind: str | None, chance: random.Random) -> Value:
    """A value of a static kind; now and then the default."""
    if parameter.default is not None and kind != "after" and (chance.random() < 0.4 or kind in ("float", "str")):
        return (
            evaluate(frame, parameter.default) if kind not in ("axis", "axes") or _rank_of(frame, parameter) else None
        )
    base = parameter.type.base
    assert isinstance(base, syntax.TensorType)
    rank = _rank_of(frame, parameter)
    match kind:
        case None:
            return [chance.randrange(3) for _ in range(chance.randrange(4))]
        case "dim":
            return Size(chance.choice(SIZES))
        case "int":
            return chance.choice((-2, -1, 0, 1, 1, 2, 3))
        case "bool":
            return chance.random() < 0.5
        case "float":
            return chance.uniform(0.1, 2.0)
        case "axis" if rank:
            return chance.randrange(-rank, rank)
        case "axes":
            return tuple(chance.sample(range(rank), chance.randint(0, rank)))
        case "after":
            return rank
        case "shape":
            return Shape(sizes(frame, base.dims or ()))
        case _:
            return None


def _rank_of(frame: Frame, parameter: syntax.Parameter) -> int:
    """The number of axes of the pack that `axis[S]` and its kin speak of."""
    base = parameter.type.base
    assert isinstance(base, syntax.TensorType)
    pack = base.dims[0] if base.dims else None
    value = frame.names.get(pack.text) if isinstance(pack, syntax.Name) else None
    return len(value.sizes) if isinstance(value, Shape) else 0


class NoValue(Exception):
    """The type has no value at these sizes, or none that this generator makes."""


def _argument(frame: Frame, parameter: syntax.Parameter, chance: random.Random) -> Value:
    name = parameter.name.text
    if name in frame.names:
        if frame.names[name] is None and not parameter.type.optional:
            raise NoValue(name)
        return frame.names[name]
    if parameter.type.optional and chance.random() < 0.5:
        return None
    return value_of(frame, parameter.type, chance)


def _generic(generic: syntax.Generic, chance: random.Random) -> Value:
    base = None if generic.type is None else generic.type.base
    if isinstance(base, syntax.TensorType) and base.dims is None:
        match base.path.text:
            case "int":
                return chance.choice(SIZES)
            case "bool":
                return chance.random() < 0.5
            case "float":
                return chance.random()
            case name if name in dtypes.CLASSES:
                return dtypes.DTYPES[chance.choice(DTYPES_OF[name])]
            case _:
                pass
    return Size(chance.choice(SIZES))


DTYPES_OF: Mapping[str, Sequence[str]] = {
    "floating": ("f32", "f32", "f16", "f64", "bf16"),
    "integer": ("i64", "i32", "u8", "i8"),
    "unsigned": ("u8", "u32"),
    "number": ("f32", "f64", "bf16", "i64", "i8", "u8"),
    "any": ("f32", "f16", "i64", "u8", "bool"),
}


def _pack(frame: Frame, chance: random.Random) -> Shape:
    """A random shape, or one that broadcasts with one that was chosen before."""
    others = [value for value in frame.names.values() if isinstance(value, Shape)]
    if others and chance.random() < 0.7:
        like = chance.choice(others).sizes
        kept = like if chance.random() < 0.6 else like[chance.randint(0, len(like)) :]
        return Shape(tuple(1 if chance.random() < 0.15 else size for size in kept))
    return Shape(tuple(chance.choice(SIZES) for _ in range(chance.randrange(3))))


def _packs(node: syntax.Node) -> list[str]:
    found = [node.value.text] if isinstance(node, syntax.Pack) and isinstance(node.value, syntax.Name) else []
    for child in syntax.children(node):
        found += _packs(child)
    return found


def _allowed(frame: Frame, definition: syntax.Definition) -> bool:
    """Whether `where` holds and the result's type is one: shapes that must broadcast do."""
    hidden = {
        name for node in _nodes(definition.result) if isinstance(node, syntax.Exists) for name in [node.name.text]
    }
    try:
        for node in _nodes(definition.result):
            if (
                isinstance(node, syntax.Pack)
                and isinstance(node.value, syntax.Call)
                and not set(names_in(node)) & KINDS
            ):
                sizes(frame, (node,))
        return all(
            truth(frame, constraint)
            for constraint in definition.clauses.where
            if not hidden & set(names_in(constraint))
        )
    except WrongByExecution:
        return False


KINDS = frozenset({"parts"})


def _nodes(node: syntax.Node | None) -> Iterator[syntax.Node]:
    if node is not None:
        yield node
        for child in syntax.children(node):
            yield from _nodes(child)


def value_of(frame: Frame, declared: syntax.Type, chance: random.Random) -> Value:
    """A value of the type, every name in it being known."""
    match declared.base:
        case syntax.TupleType(items=items):
            return tuple(value_of(frame, item, chance) for item in items)
        case syntax.TensorType(path=path, dims=dims) if path.text == "list" and dims:
            count = evaluate(frame, dims[1]) if len(dims) > 1 and not isinstance(dims[1], NOT_EXPRESSIONS) else 2
            element = as_type(dims[0])
            return [value_of(frame, element, chance) for _ in range(count if isinstance(count, int) else 2)]
        case syntax.TensorType() as base:
            return _named(frame, base, declared.within, chance)
        case _:
            raise NoValue(f"no values of the type at {declared.span}")


def _named(frame: Frame, base: syntax.TensorType, within: syntax.Range | None, chance: random.Random) -> Value:
    name = base.path.text
    owner = frame.owner(name)
    meaning = owner[name] if owner is not None else dtypes.named(name)
    if base.dims is not None and isinstance(meaning, np.dtype):
        low, high = _ends(frame, within)
        return _tensor(sizes(frame, base.dims), meaning, low, high, chance)
    found = frame.run.find(frame.file, name)
    match found:
        case Declared(file=file, declaration=syntax.Record() as record):
            arguments = [
                Shape(sizes(frame, (dim,))) if isinstance(dim, syntax.Pack) else evaluate(frame, dim)
                for dim in base.dims or ()
                if isinstance(dim, syntax.Pack) or not isinstance(dim, NOT_EXPRESSIONS)
            ]
            names = [generic.name.text for generic in record.generics]
            inner = Frame(frame.run, file, record, dict(zip(names, arguments, strict=True)))
            fields = {field.name.text: value_of(inner, field.type, chance) for field in record.fields}
            return RecordValue(record.name.text, fields)
        case Declared(file=file, declaration=syntax.TypeAlias(generics=(), type=aliased) as alias):
            return value_of(Frame(frame.run, file, alias, {}), aliased, chance)
        case _ if name in ("int", "dim"):
            return chance.randint(1, 4)
        case _ if name == "bool":
            return chance.random() < 0.5
        case _ if name == "float":
            return chance.random()
        case _:
            raise NoValue(f"no values of the type `{name}`")


def _ends(frame: Frame, within: syntax.Range | None) -> tuple[float | None, float | None]:
    if within is None:
        return None, None
    low, high = evaluate(frame, within.low), evaluate(frame, within.high)
    assert isinstance(low, int | float) and isinstance(high, int | float)
    return low, high


def _tensor(
    shape: tuple[int, ...], dtype: dtypes.DType, low: float | None, high: float | None, chance: random.Random
) -> Value:
    source = np.random.default_rng(chance.getrandbits(32))
    if dtype == dtypes.BOOL:
        return np.asarray(source.random(shape) < 0.7)
    if dtype in dtypes.INTEGER:
        first, last = int(low) if low is not None else 0, int(high) if high is not None else 5
        first = max(first, 0) if dtype in dtypes.UNSIGNED else first
        if first > last and 0 not in shape:
            raise NoValue("no integer lies in an empty range")
        return np.asarray(source.integers(first, max(first, last) + 1, shape)).astype(dtype)
    if low is not None and high is not None:
        return np.asarray(source.uniform(low, high, shape)).astype(dtype)
    return np.asarray(source.normal(0.0, 1.0, shape)).astype(dtype)


NOT_EXPRESSIONS = (
    syntax.Slice,
    syntax.Ellipsis,
    syntax.Pack,
    syntax.AnyPack,
    syntax.Exists,
    syntax.Named,
    syntax.Bounded,
    syntax.ModelType,
)
