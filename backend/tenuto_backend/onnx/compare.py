"""What an artifact still says of its source: each function, value, weight, size and type, and what became of it.

The source is given as the model that it would be built as now. What the artifact says is taken from its structure; its
ledger is heard beside it, as a witness.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum

from msgspec import Struct

from tenuto_backend.onnx.bodies import DOMAIN
from tenuto_backend.onnx.flow import Flow, Owned, Written, plain
from tenuto_backend.onnx.matching import Match, fits
from tenuto_backend.onnx.structure import Body, Structure, Type
from tenuto_backend.onnx.witness import Ledger, ToldFunction, stated, without_range


class Status(Enum):
    """What became of something, from best to worst."""

    INTACT = "intact"
    RENAMED = "renamed"
    FUSED = "fused"
    CHANGED = "changed"
    LOST = "lost"


class Kind(Enum):
    """The rows of the summary."""

    INTERFACE = "interface"
    FUNCTIONS = "functions"
    VALUES = "values"
    WEIGHTS = "weights"
    SIZES = "sizes"
    TYPES = "types"
    RANGES = "ranges"
    SOURCES = "sources"


class Item(Struct, frozen=True):
    """One thing that the source says; `told` is whether the artifact's ledger says it, None where it has none.

    `stands` names a value in the artifact, once for each call where its function is written out; empty where it is not.
    """

    kind: Kind
    name: str
    status: Status
    now: str
    told: bool | None
    stands: tuple[str, ...] = ()


class _Seen(Struct, frozen=True):
    """A value where it stands in the artifact: under which name, stated as which type, with which source."""

    status: Status
    now: str
    name: str = ""
    type: Type | None = None
    also: str | None = None
    source: str | None = None


_WORST = {status: rank for rank, status in enumerate(Status)}


def compare(source: Structure, told: Ledger, artifact: Structure, witness: Ledger | None) -> tuple[Item, ...]:
    """`told` is the ledger of the source's own model: what there is to be found."""
    return tuple(_Comparison(source, told, artifact, witness).items())


class _Comparison:
    def __init__(self, source: Structure, told: Ledger, artifact: Structure, witness: Ledger | None) -> None:
        self._source = source
        self._told = told
        self._artifact = artifact
        self._witness = witness
        self._says: Mapping[str, ToldFunction] = {}
        if witness is not None:
            *others, own = witness.functions
            self._says = {"": own, **{f"{DOMAIN}.{item.name}": item for item in others}}
        self._calls = artifact.calls()
        self._ops = _counterparts(source, artifact)
        self._kept = {mine: theirs for theirs, mine in self._ops.items() if self._calls[theirs]}
        self._seen: defaultdict[Owned, list[_Seen]] = defaultdict(list)
        self._matches: dict[str, Match] = {}
        self._match("", source.entry, artifact.entry)
        for op, theirs in self._kept.items():
            self._match(op, source.functions[op], artifact.functions[theirs])

    def items(self) -> Iterator[Item]:
        yield from self._interface()
        yield from self._functions()
        values = {owned: self._value(owned) for owned in self._values()}
        yield from values.values()
        yield from self._weights()
        types = list(self._types(values))
        yield from self._sizes(types)
        yield from (item for item, _, _, _ in types)
        yield from self._ranges()
        yield from self._sources(values)

    # --------------------------------------------------------------------------------------------------------- matching

    def _match(self, op: str, body: Body, theirs: Body) -> None:
        written, flow = Written(self._source, op, body, self._kept), plain(theirs)
        names = {name: owners[0][1] for name, owners in written.homes.items()}
        match = self._matches[op] = Match(written.flow, flow, self._ops, names)
        for name, owners in written.homes.items():
            now = match.pairs.get(name)
            for owner in owners:
                self._seen[owner].append(self._look(owner, name, now, match, theirs, flow, written.flow))

    def _look(
        self,
        owner: Owned,
        name: str,
        now: str | None,
        match: Match,
        theirs: Body,
        flow: Flow,
        source: Flow,
    ) -> _Seen:
        if now is None:
            into = match.fate(name).into
            return _Seen(Status.FUSED if into else Status.LOST, f"in {into}" if into else "")
        place = flow.makers[now].source if now in flow.makers else ""
        also = stated(source.types.get(name))
        content = source.constants.get(name)
        if content is not None and content != flow.constants.get(now):
            return _Seen(Status.CHANGED, f"`{now}` is another number", now, theirs.types.get(now), also, place)
        status = Status.INTACT if now == owner[1] else Status.RENAMED
        return _Seen(status, f"`{now}`", now, theirs.types.get(now), also, place)

    # --------------------------------------------------------------------------------------------- interface, functions

    def _interface(self) -> Iterator[Item]:
        mine, theirs, match = self._source.entry, self._artifact.entry, self._matches[""]
        says, own = self._says.get(""), self._told.functions[-1]
        for word, names, others in (("input", mine.inputs, theirs.inputs), ("output", mine.outputs, theirs.outputs)):
            for name in names:
                now = match.pairs.get(name)
                told = None if says is None else _tells(says, own, name)
                if now is None or now not in others:
                    yield Item(Kind.INTERFACE, f"{word} {name}", Status.LOST, "", told)
                    continue
                wanted, found = stated(mine.types[name]), stated(theirs.types.get(now))
                if wanted != found:
                    yield Item(Kind.INTERFACE, f"{word} {name}", Status.CHANGED, f"{wanted} is {found}", told)
                else:
                    status = Status.INTACT if now == name else Status.RENAMED
                    yield Item(Kind.INTERFACE, f"{word} {name}", status, f"`{now}`", told)
            for name in set(others) - set(match.pairs.values()):
                yield Item(Kind.INTERFACE, f"{word} {name}", Status.CHANGED, "is not in the source", None)

    def _functions(self) -> Iterator[Item]:
        calls = self._source.calls()
        policies = {f"{DOMAIN}.{item.name}": item.policy for item in self._told.functions[:-1]}
        for op, body in self._source.functions.items():
            says = self._says.get(op)
            told = None if self._witness is None else says is not None and says.policy == policies.get(op, "f32")
            name, theirs = _shown(op), self._kept.get(op)
            if theirs is None:
                there = any(seen.status is not Status.LOST for seen in self._all_seen(op))
                status = Status.FUSED if there else Status.LOST
                yield Item(Kind.FUNCTIONS, name, status, "written out where it was called" if there else "", told)
                continue
            found, times = self._artifact.functions[theirs], self._calls[theirs]
            if (body.inputs, body.outputs) != (found.inputs, found.outputs):
                now = f"({', '.join(found.inputs)}) -> ({', '.join(found.outputs)})"
                yield Item(Kind.FUNCTIONS, name, Status.CHANGED, now, told)
            elif times != calls[op]:
                fewer = times < calls[op]
                now = f"{times} of {calls[op]} calls are left" if fewer else f"{times} calls instead of {calls[op]}"
                yield Item(Kind.FUNCTIONS, name, Status.FUSED if fewer else Status.CHANGED, now, told)
            else:
                status = Status.INTACT if theirs == op else Status.RENAMED
                yield Item(Kind.FUNCTIONS, name, status, f"`{_shown(theirs)}`", told)

    def _all_seen(self, op: str) -> Iterator[_Seen]:
        for (owner, _), found in self._seen.items():
            if owner == op:
                yield from found

    # -------------------------------------------------------------------------------------------------- values, weights

    def _values(self) -> Iterator[Owned]:
        for op, function in self._pages():
            for name in dict.fromkeys(value for value, _, _ in function.values):
                if (op, name) in self._seen:
                    yield op, name

    def _pages(self) -> Iterator[tuple[str, ToldFunction]]:
        *others, own = self._told.functions
        for function in others:
            if f"{DOMAIN}.{function.name}" in self._source.functions:
                yield f"{DOMAIN}.{function.name}", function
        yield "", own

    def _value(self, owned: Owned) -> Item:
        says = self._says.get(owned[0])
        told = None if self._witness is None else says is not None and owned[1] in says.types
        status, now = _worst((seen.status, seen.now) for seen in self._seen[owned])
        return Item(Kind.VALUES, _place(owned), status, now, told, tuple(seen.name for seen in self._seen[owned]))

    def _weights(self) -> Iterator[Item]:
        match, theirs = self._matches[""], self._artifact.entry
        says = {path: type_ for path, type_, *_ in self._witness.weights} if self._witness is not None else {}
        for path, stored in self._source.entry.stored.items():
            told = None if self._witness is None else says.get(path) == str(stored.type)
            now = match.pairs.get(path)
            if now is None:
                into = match.fate(path).into
                yield Item(
                    Kind.WEIGHTS, path, Status.FUSED if into else Status.LOST, f"in {into}" if into else "", told
                )
                continue
            found = theirs.types.get(now)
            if found is not None and found != stored.type:
                yield Item(Kind.WEIGHTS, path, Status.CHANGED, f"{stored.type} is {found}", told)
            else:
                yield Item(Kind.WEIGHTS, path, Status.INTACT if now == path else Status.RENAMED, f"`{now}`", told)

    # ----------------------------------------------------------------------------------------------------- types, sizes

    def _types(self, values: Mapping[Owned, Item]) -> Iterator[tuple[Item, str, Type, list[Type]]]:
        """Each type that the source's model states: with whose it is, what was stated and what is stated now."""
        for op, function in self._pages():
            body = self._body(op)
            for name, type_ in function.types.items():
                wanted = body.types.get(name)
                if wanted is None or stated(wanted) != without_range(type_):
                    continue
                says = self._says.get(op)
                told = None if self._witness is None else says is not None and says.types.get(name) == type_
                found = list(self._stated(op, name))
                status, now = _worst(_type_status(wanted, seen) for seen in found)
                known = [seen.type for seen in found if seen.type is not None]
                yield Item(Kind.TYPES, f"{_place((op, name))}: {stated(wanted)}", status, now, told), op, wanted, known

    def _stated(self, op: str, name: str) -> Sequence[_Seen]:
        """Where the artifact states the type of a value, an input or a weight."""
        seen = self._seen.get((op, name))
        if seen:
            return seen
        if op and op not in self._kept:
            return [_Seen(Status.FUSED, "with its function")]
        theirs = self._artifact.functions[self._kept[op]] if op else self._artifact.entry
        now = self._matches[op].pairs.get(name)
        if now is None:
            into = self._matches[op].fate(name).into
            return [_Seen(Status.FUSED if into else Status.LOST, f"in {into}" if into else "")]
        return [_Seen(Status.INTACT, f"`{now}`", now, theirs.types.get(now))]

    def _sizes(self, types: Iterable[tuple[Item, str, Type, list[Type]]]) -> Iterator[Item]:
        found: defaultdict[tuple[str, str], set[int | str]] = defaultdict(set)
        told: dict[tuple[str, str], bool | None] = {}
        statuses: defaultdict[tuple[str, str], set[Status]] = defaultdict(set)
        for item, op, wanted, known in types:
            for axis, size in enumerate(wanted.shape or ()):
                if not isinstance(size, str):
                    continue
                key = op, size
                statuses[key].add(item.status)
                before = told.get(key, True)
                told[key] = None if item.told is None else bool(before) and item.told
                now = {other.shape[axis] for other in known if other.shape is not None and axis < len(other.shape)}
                found[key] |= {other for other in now if other is not None}
        for (op, size), stands in found.items():
            status, text = self._size(op, size, stands)
            if statuses[op, size] == {Status.FUSED}:
                status, text = Status.FUSED, "with all that has it"
            yield Item(Kind.SIZES, _place((op, size)), status, text, told[op, size])

    def _size(self, op: str, size: str, now: set[int | str]) -> tuple[Status, str]:
        others = ", ".join(f"`{other}`" for other in sorted(map(str, now - {size})))
        if size in now:
            return Status.INTACT, f"`{size}`"
        if not now:
            return Status.LOST, ""
        if op and op not in self._kept:
            return Status.FUSED, f"stands as {others}"
        (first, *more) = now
        return (Status.RENAMED if isinstance(first, str) and not more else Status.CHANGED), others

    def _body(self, op: str) -> Body:
        return self._source.functions[op] if op else self._source.entry

    # -------------------------------------------------------------------------------------------------- ranges, sources

    def _ranges(self) -> Iterator[Item]:
        for op, function in self._pages():
            says = self._says.get(op)
            for name, type_ in function.types.items():
                _, within, range_ = type_.partition(" within ")
                if within:
                    told = None if self._witness is None else says is not None and says.types.get(name) == type_
                    there = self._noted(op, name) == type_
                    status = Status.INTACT if there else Status.LOST
                    yield Item(Kind.RANGES, f"{_place((op, name))} within {range_}", status, "", told)
        heard = _facts(self._witness) if self._witness is not None else ()
        for fact in _facts(self._told):  # Of these the structure of a model can say nothing.
            told = None if self._witness is None else fact in heard
            yield Item(Kind.RANGES, fact, Status.INTACT if fact in heard else Status.LOST, "", told)

    def _noted(self, op: str, name: str) -> str | None:
        """The type with its range in the metadata of a value."""
        if op and op not in self._kept:
            return None
        theirs = self._artifact.functions[self._kept[op]] if op else self._artifact.entry
        now = self._matches[op].pairs.get(name)
        return theirs.ranges.get(now) if now is not None else None

    def _sources(self, values: Mapping[Owned, Item]) -> Iterator[Item]:
        makers = {op: plain(self._body(op)).makers for op, _ in self._pages()}
        for op, function in self._pages():
            says = self._says.get(op)
            heard = {name: source for name, _, source in reversed(says.values)} if says is not None else {}
            for name, _, source in {value[0]: value for value in reversed(function.values)}.values():
                step = makers[op].get(name)
                if step is None or not step.source or (op, name) not in values:
                    continue
                told = None if self._witness is None else heard.get(name) == source
                status, now = _worst(_source_status(step.source, seen) for seen in self._seen[op, name])
                yield Item(Kind.SOURCES, f"{_place((op, name))} at {step.source}", status, now, told)


def surplus(told: Ledger, witness: Ledger) -> list[str]:
    """What an artifact's ledger claims that the source does not say at all."""
    mine, theirs = _claims(told), _claims(witness)
    return [claim for claim in theirs if claim not in mine]


# -------------------------------------------------------------------------------------------------------------- helpers


def _facts(ledger: Ledger) -> tuple[str, ...]:
    return (*ledger.bounds, *(f"assume {constraint}: {why}" for constraint, why in ledger.assumed))


def _claims(ledger: Ledger) -> dict[str, None]:
    found: dict[str, None] = dict.fromkeys(_facts(ledger))
    found |= {f"weight {path}: {type_}": None for path, type_, *_ in ledger.weights}
    for word, values in (("input", ledger.inputs), ("output", ledger.outputs)):
        found |= {f"{word} {name}: {type_}": None for name, type_ in values}
    for function in ledger.functions:
        found[f"function {function.name}"] = None
        found |= {f"{function.name}.{name}: {type_}": None for name, type_ in function.types.items()}
        found |= {f"{function.name}.{name} at {source}": None for name, _, source in function.values}
    return found


def _counterparts(source: Structure, artifact: Structure) -> dict[str, str]:
    """For functions of the artifact the op of the source: the same, or, where that is gone, one with the same body."""
    found = {op: op for op in artifact.functions if op in source.functions}
    missing = {op: _print(source, op) for op in source.functions if op not in artifact.functions}
    for op in artifact.functions:
        if op not in found:
            does, called = _print(artifact, op), artifact.functions[op]
            fitting = [
                mine for mine, other in missing.items() if does == other and _fit(source.functions[mine], called)
            ]
            if fitting:
                found[op] = fitting[0]
                del missing[fitting[0]]
    return found


def _fit(mine: Body, theirs: Body) -> bool:
    """Whether what is stated of the inputs lets two functions be the same."""
    return all(
        fits(mine.types.get(name), theirs.types.get(other))
        for name, other in zip(mine.inputs, theirs.inputs, strict=True)
    )


def _print(found: Structure, op: str, inside: tuple[str, ...] = ()) -> object:
    """What a function computes, without a name of its own or of its values."""
    body = found.functions[op]
    numbers = {name: number for number, name in enumerate(body.inputs)}
    steps: list[object] = []
    for step in body.steps:
        called = step.op in found.functions and step.op not in inside
        does = _print(found, step.op, (*inside, op)) if called else step.op
        reads = tuple(body.constants.get(name, numbers.get(name)) for name in step.inputs)
        for name in step.outputs:
            numbers[name] = len(numbers)
        steps.append((does, reads, step.attributes))
    return len(body.inputs), tuple(steps), tuple(numbers.get(name) for name in body.outputs)


def _worst(found: Iterable[tuple[Status, str]]) -> tuple[Status, str]:
    """The worst of several, with how many of them it befell."""
    all_ = list(found)
    status = max((status for status, _ in all_), key=lambda item: _WORST[item], default=Status.LOST)
    if status is Status.INTACT:
        return status, ""
    texts = [text for other, text in all_ if other is status]
    kinds = list(dict.fromkeys(text for text in texts if text))
    times = f"{len(texts)} of {len(all_)}: " if len(texts) < len(all_) else ""
    more = f" and {len(kinds) - 2} more" if len(kinds) > 3 else ""
    return status, times + ", ".join(kinds[: 2 if more else 3]) + more


def _type_status(wanted: Type, seen: _Seen) -> tuple[Status, str]:
    if seen.status in (Status.FUSED, Status.LOST):
        return seen.status, seen.now
    now = stated(seen.type)
    if now is None or seen.type is None:
        return Status.LOST, f"{seen.now} has no type"
    if now in (stated(wanted), seen.also):
        return Status.INTACT, ""
    same = seen.type.dtype == wanted.dtype and _less(wanted.shape, seen.type.shape)
    return (Status.LOST if same else Status.CHANGED), f"{seen.now} is {now}"


def _less(wanted: tuple[int | str | None, ...] | None, found: tuple[int | str | None, ...] | None) -> bool:
    """Whether some sizes are not stated any more, and none is another."""
    if wanted is None or found is None or len(wanted) != len(found):
        return False
    return all(now is None or now == size for size, now in zip(wanted, found, strict=True))


def _source_status(source: str, seen: _Seen) -> tuple[Status, str]:
    if seen.status in (Status.FUSED, Status.LOST):
        return seen.status, seen.now
    if not seen.source:
        return Status.LOST, f"{seen.now} does not say"
    return (Status.INTACT, "") if seen.source == source else (Status.LOST, f"{seen.now} says {seen.source}")


def _tells(says: ToldFunction, own: ToldFunction, name: str) -> bool:
    """Whether the ledger tells a value of the interface, and in which precision it is made."""
    return says.types.get(name) == own.types[name] and says.policy == own.policy


def _shown(op: str) -> str:
    return op.removeprefix(f"{DOMAIN}.")


def _place(owned: Owned) -> str:
    op, name = owned
    return f"{_shown(op)}.{name}" if op else name
