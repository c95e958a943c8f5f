"""Which tensors of a checkpoint give which weights of a model: from names, dtypes and shapes alone.

`Checkpoint` is what a deploy's `load(...)` says (`check/loading.py` reads it), `Header` what the file says of itself.
`plan` brings them together with the weights that the model wants: a `Source` for each, or problems. Nothing here reads
a file: the headers are an input of the database, and the back end brings the numbers (`tenuto_backend.weights`).

A name is matched by a pattern from its first part on, in whole parts: `h.{i}.attn` matches `h.3.attn.weight`, where `i`
is `3`, and leaves `.weight`, which stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from msgspec import Struct, field
from msgspec.structs import replace

from tenuto_analysis.database import Database, input_fact
from tenuto_analysis.diagnostics.base import Diagnostic
from tenuto_analysis.diagnostics.deploys import InvalidSetting
from tenuto_analysis.diagnostics.weights import (
    FEW,
    InvalidWeights,
    Leftover,
    Misfit,
    Missing,
    MissingWeight,
    UnmatchedPattern,
    UnusedWeight,
    WeightDtype,
    WeightShape,
)
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import SCALARS, Kind, Scalar
from tenuto_analysis.types import Tensor
from tenuto_grammar.text import Span

# Where a prefix that was left out is looked for.
_DEEPEST_PREFIX = 3
_MOST_PREFIXES = 10

# ------------------------------------------------------------------------------------------------------- what is known


class Stored(Struct, frozen=True):
    """A tensor of a file; `dtype` is a scalar's name, or the format's own name for what Tenuto does not have."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Header(Struct, frozen=True):
    """What a file of weights holds, or why it cannot be read: a phrase that goes on from the file's name."""

    tensors: tuple[Stored, ...]
    problem: str | None = None


class Rule(Struct, frozen=True):
    """An entry of `rename`, `transpose`, `split`, `concat` or `unused`: patterns of names of the file and the model."""

    span: Span
    stored: tuple[str, ...]
    paths: tuple[str, ...] = ()
    axis: int = 0


class Checkpoint(Struct, frozen=True):
    """`load("file", ...)`, or a file's name alone; `span` is that of the file's name."""

    span: Span
    file: str
    prefix: str = ""
    rename: tuple[Rule, ...] = ()
    transpose: tuple[Rule, ...] = ()
    split: tuple[Rule, ...] = ()
    concat: tuple[Rule, ...] = ()
    unused: tuple[Rule, ...] = ()


class Drawn(Struct, frozen=True):
    """`init(seed = 0)`."""

    seed: int


WeightsSetting = Checkpoint | Drawn

Wanted = tuple[str, Tensor]
"""A weight that a model wants, by its path; its sizes are numbers."""


@input_fact
def weights_header(db: Database, path: str) -> Header | None:
    """The header of a file of weights, None where nobody has read it."""
    return None


# ------------------------------------------------------------------------------------------------------------ patterns


class Match(Struct, frozen=True):
    """What the variables of a pattern stand for, and the rest of the name, with its leading dot."""

    values: tuple[tuple[str, str], ...]
    rest: str


_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def variables(pattern: str) -> frozenset[str]:
    return frozenset(_VARIABLE.findall(pattern))


def is_pattern(text: str) -> bool:
    """Whether braces only enclose names, and there is something to match."""
    return bool(text) and not set("{}") & set(_VARIABLE.sub("", text))


def match(pattern: str, name: str) -> Match | None:
    """How a name begins with a pattern, if it does."""
    found = _expression(pattern).fullmatch(name)
    if found is None:
        return None
    return Match(tuple((key[1:], value) for key, value in found.groupdict().items() if key != "rest"), found["rest"])


def fill(pattern: str, found: Match) -> str:
    """The name that a pattern makes of what another matched."""
    values = dict(found.values)
    return _VARIABLE.sub(lambda variable: values[variable[1]], pattern) + found.rest


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    seen: set[str] = set()
    parts: list[str] = []
    for index, part in enumerate(_VARIABLE.split(pattern)):
        if index % 2 == 0:
            parts.append(re.escape(part))
        else:
            parts.append(f"(?P=_{part})" if part in seen else f"(?P<_{part}>[^.]+)")
            seen.add(part)
    return re.compile("".join(parts) + r"(?P<rest>(?:\..*)?)", re.DOTALL)


def _closeness(pattern: str, found: Match) -> tuple[int, int]:
    """How well a pattern matches: by how much of the name, then by how much it says itself."""
    return -len(found.rest), len(_VARIABLE.sub("", pattern))


# ---------------------------------------------------------------------------------------------------------------- plan


class Piece(Struct, frozen=True):
    """A tensor of the file: with its last two axes swapped if `transposed`, then `cut` to (axis, start, stop)."""

    name: str
    transposed: bool = False
    cut: tuple[int, int, int] | None = None


class Source(Struct, frozen=True):
    """Where a weight comes from: its pieces, joined along `axis` where there are several."""

    pieces: tuple[Piece, ...]
    axis: int = 0


class _Part(Struct, frozen=True):
    """A tensor for a weight, or one part of it: the `index`-th of those that are named `siblings`."""

    stored: Stored
    transposed: bool
    siblings: tuple[str, ...] = ()
    index: int = 0
    axis: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return _swapped(self.stored.shape) if self.transposed else self.stored.shape


class _Claim(Struct):
    """The tensors that say they are one weight, by their place in it."""

    length: int
    axis: int
    parts: dict[int, _Part] = field(default_factory=dict)


class _Found(Struct):
    claims: dict[str, _Claim] = field(default_factory=dict)
    matched: set[tuple[Rule, str]] = field(default_factory=set)
    problems: list[Diagnostic] = field(default_factory=list)


def plan(
    checkpoint: Checkpoint, header: Header, wanted: Sequence[Wanted]
) -> tuple[Mapping[str, Source], tuple[Diagnostic, ...]]:
    """A source for each wanted weight that has one, and what is wrong."""
    if header.problem is not None:
        return {}, (InvalidWeights(checkpoint.span, checkpoint.file, header.problem),)
    found = _claims(checkpoint, header)
    types = dict(wanted)
    shapes = {path: numbers_of(type_) for path, type_ in wanted}
    sources: dict[str, Source] = {}
    missing: list[str] = []
    misshaped: list[Misfit] = []
    mistyped: list[Misfit] = []
    for path, type_ in wanted:
        claim = found.claims.get(path)
        if claim is None or len(claim.parts) < claim.length:
            missing.append(path)
            continue
        parts = [claim.parts[index] for index in range(claim.length)]
        if _shape(parts, claim.axis, shapes) != shapes[path]:
            misshaped.append(_misfit_of_shape(parts, path, claim.axis, types, shapes))
        elif not all(converts(part.stored.dtype, type_) for part in parts):
            mistyped.append(_misfit_of_dtype(parts, path, type_))
        else:
            pieces = (Piece(part.stored.name, part.transposed, _cut(part, shapes)) for part in parts)
            sources[path] = Source(tuple(pieces), claim.axis)
    problems = [*found.problems, *_missing(checkpoint, header, found, missing, shapes)]
    problems += _leftover(checkpoint, found, shapes)
    misshaped = [*dict.fromkeys(misshaped)]  # A tensor that is split is told once.
    if misshaped:
        problems.append(
            WeightShape(checkpoint.span, checkpoint.file, tuple(misshaped[:FEW]), len(misshaped), checkpoint.prefix)
        )
    if mistyped:
        problems.append(WeightDtype(checkpoint.span, checkpoint.file, tuple(mistyped[:FEW]), len(mistyped)))
    return sources, (*problems, *_unmatched(checkpoint, header, found))


def converts(stored: str, wanted: Tensor) -> bool:
    """Whether numbers of dtype `stored` may become the weight: floats as floats, integers where none can be lost."""
    dtype = SCALARS.get(stored)
    if dtype is None:
        return False
    match wanted.dtype, dtype.kind:
        case Scalar() as same, _ if same == dtype:
            return True
        case Scalar(kind=Kind.SIGNED, bits=bits), Kind.SIGNED | Kind.UNSIGNED:
            return dtype.bits < bits
        case Scalar(kind=Kind.UNSIGNED, bits=bits), Kind.UNSIGNED:
            return dtype.bits < bits
        case Scalar(kind=kind), _:
            return kind is Kind.FLOAT and dtype.kind is Kind.FLOAT
        case _:
            return dtype.kind is Kind.FLOAT


def _claims(checkpoint: Checkpoint, header: Header) -> _Found:
    """Each tensor of the file as the weight, or the parts of weights, that it says it is."""
    found = _Found()
    for stored in header.tensors:
        if not stored.name.startswith(checkpoint.prefix):
            continue
        name = stored.name[len(checkpoint.prefix) :]
        left_out = [rule for rule in checkpoint.unused if match(rule.stored[0], name) is not None]
        found.matched.update((rule, rule.stored[0]) for rule in left_out)
        if left_out:
            continue
        turning = [rule for rule in checkpoint.transpose if match(rule.stored[0], name) is not None]
        found.matched.update((rule, rule.stored[0]) for rule in turning)
        _claim(checkpoint, found, name, stored, bool(turning) and len(stored.shape) >= 2)
    return found


def _claim(checkpoint: Checkpoint, found: _Found, name: str, stored: Stored, transposed: bool) -> None:
    candidates = [
        (_closeness(pattern, matched), -order, rule, index, matched)
        for order, rule in enumerate((*checkpoint.split, *checkpoint.concat, *checkpoint.rename))
        for index, pattern in enumerate(rule.stored)
        if (matched := match(pattern, name)) is not None
    ]
    if not candidates:
        _place(checkpoint, found, name, _Part(stored, transposed), 0, 1, 0)
        return
    _, _, rule, index, matched = max(candidates, key=lambda item: item[:2])
    found.matched.add((rule, rule.stored[index]))
    paths = tuple(fill(path, matched) for path in rule.paths)
    if rule in checkpoint.split:
        for number, path in enumerate(paths):
            _place(checkpoint, found, path, _Part(stored, transposed, paths, number, rule.axis), 0, 1, 0)
    else:
        _place(checkpoint, found, paths[0], _Part(stored, transposed), index, len(rule.stored), rule.axis)


def _place(checkpoint: Checkpoint, found: _Found, path: str, part: _Part, index: int, length: int, axis: int) -> None:
    claim = found.claims.setdefault(path, _Claim(length, axis))
    other = claim.parts.get(index)
    if other is not None or claim.length != length:
        first = other or next(iter(claim.parts.values()))
        reason = f"`{first.stored.name}` and `{part.stored.name}` both become `{path}`"
        found.problems.append(InvalidSetting(checkpoint.span, "weights", reason))
    else:
        claim.parts[index] = part


# -------------------------------------------------------------------------------------------------------------- shapes


def numbers_of(type_: Tensor) -> tuple[int, ...]:
    """The sizes of a weight, which are numbers."""
    sizes = [item.constant if isinstance(item, Dim) else None for item in type_.shape]
    known = tuple(size for size in sizes if size is not None)
    assert len(known) == len(sizes), f"the sizes of a weight are numbers: {type_}"
    return known


def _swapped(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-2])


def _cut(part: _Part, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int, int] | None:
    """The stretch of a tensor that is a part's, by the sizes that the model gives to all parts.

    Parts that the model does not have share what is left; where the sizes do not add up, the stretch is empty.
    """
    if not part.siblings:
        return None
    axis = part.axis
    if axis >= len(part.shape):
        return axis, 0, 0
    known = [shapes[path][axis] if len(shapes.get(path, ())) > axis else None for path in part.siblings]
    rest, unknown = part.shape[axis] - sum(size or 0 for size in known), known.count(None)
    if rest < 0 or (rest % unknown if unknown else rest):
        return axis, 0, 0
    sizes = [rest // unknown if size is None else size for size in known]
    start = sum(sizes[: part.index])
    return axis, start, start + sizes[part.index]


def _cut_shape(part: _Part, cut: tuple[int, int, int] | None) -> tuple[int, ...] | None:
    if cut is None:
        return part.shape
    axis, start, stop = cut
    if axis >= len(part.shape):
        return None
    return (*part.shape[:axis], stop - start, *part.shape[axis + 1 :])


def _shape(parts: Sequence[_Part], axis: int, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a weight that is made of parts, None where they do not fit."""
    found: list[tuple[int, ...]] = []
    for part in parts:
        shape = _cut_shape(part, _cut(part, shapes))
        if shape is None or (found and (axis >= len(shape) or _without(shape, axis) != _without(found[0], axis))):
            return None
        found.append(shape)
    first = found[0]
    return first if len(found) == 1 else (*first[:axis], sum(shape[axis] for shape in found), *first[axis + 1 :])


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


# ------------------------------------------------------------------------------------------------------------ problems


def _misfit_of_shape(
    parts: list[_Part], path: str, axis: int, wanted: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> Misfit:
    turned = [replace(part, transposed=not part.transposed) for part in parts]
    fits = all(len(part.stored.shape) >= 2 for part in parts) and _shape(turned, axis, shapes) == shapes[path]
    found = " and ".join(f"`{_text(part.stored.dtype, part.shape)}`" for part in parts)
    found += f" to split along axis {parts[0].axis}" if parts[0].siblings else ""
    paths = [path for path in parts[0].siblings if path in wanted] or [path]
    names = tuple(part.stored.name for part in parts)
    return Misfit(names, found, tuple((path, str(wanted[path])) for path in paths), fits)


def _misfit_of_dtype(parts: list[_Part], path: str, type_: Tensor) -> Misfit:
    wrong = [part for part in parts if not converts(part.stored.dtype, type_)]
    found = " and ".join(dict.fromkeys(f"`{part.stored.dtype}`" for part in wrong))
    return Misfit(tuple(part.stored.name for part in wrong), found, ((path, str(type_.dtype)),))


def _text(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{dtype}[{', '.join(map(str, shape))}]"


def _missing(
    checkpoint: Checkpoint, header: Header, found: _Found, missing: list[str], wanted: Mapping[str, tuple[int, ...]]
) -> Iterator[Diagnostic]:
    if not missing:
        return
    free = {path: part.stored.name for path, part in _free(found, wanted)}
    told = tuple(Missing(path, tuple(free[near] for near in nearest(path, free))) for path in missing[:FEW])
    prefix = _prefix(checkpoint, header, missing) if 2 * len(missing) > len(wanted) else None
    yield MissingWeight(checkpoint.span, checkpoint.file, told, len(missing), prefix)


def _prefix(checkpoint: Checkpoint, header: Header, missing: list[str]) -> str | None:
    """The prefix below which the file has most of what is missing."""
    below: dict[str, int] = {}
    for stored in header.tensors:
        parts = stored.name.split(".")
        for length in range(1, min(len(parts), _DEEPEST_PREFIX + 1)):
            prefix = ".".join(parts[:length]) + "."
            below[prefix] = below.get(prefix, 0) + 1
    likely = [prefix for prefix, count in below.items() if 2 * count > len(missing)]
    for prefix in sorted(likely, key=lambda prefix: (-below[prefix], prefix))[:_MOST_PREFIXES]:
        claims = _claims(replace(checkpoint, prefix=prefix), header).claims
        if 2 * sum(path in claims for path in missing) > len(missing):
            return prefix
    return None


def _free(found: _Found, wanted: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[str, _Part]]:
    """What the file has and the model does not take."""
    for path, claim in found.claims.items():
        if path not in wanted:
            for part in claim.parts.values():
                yield path, part


def _leftover(checkpoint: Checkpoint, found: _Found, wanted: Mapping[str, tuple[int, ...]]) -> Iterator[Diagnostic]:
    free = [Leftover(part.stored.name, path) for path, part in _free(found, wanted)]
    if free:
        start = len(checkpoint.prefix)
        told = tuple(Leftover(x.name, x.name if x.path == x.name[start:] else x.path) for x in free[:FEW])
        yield UnusedWeight(checkpoint.span, checkpoint.file, told, len(free))


def _unmatched(checkpoint: Checkpoint, header: Header, found: _Found) -> Iterator[Diagnostic]:
    names = [s.name[len(checkpoint.prefix) :] for s in header.tensors if s.name.startswith(checkpoint.prefix)]
    for argument, rules in rules_of(checkpoint):
        for rule in rules:
            for pattern in rule.stored:
                if (rule, pattern) not in found.matched:
                    yield UnmatchedPattern(rule.span, checkpoint.file, argument, pattern, nearest(pattern, names))


def rules_of(checkpoint: Checkpoint) -> tuple[tuple[str, tuple[Rule, ...]], ...]:
    """The rules of a checkpoint by the name of their argument."""
    return (
        ("rename", checkpoint.rename),
        ("transpose", checkpoint.transpose),
        ("split", checkpoint.split),
        ("concat", checkpoint.concat),
        ("unused", checkpoint.unused),
    )
