"""What a program asks of a machine: operators with the types that they meet, inputs and weights, open sizes.

Calls are written out, with the sizes of the entry in the place of a callee's own; what is called again with the same
sizes is not walked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from msgspec import Struct

from tenuto_analysis.cost.bytes import bytes_of
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import All, Compare, Constraint, Dim, Leaf, Relation, leaves, substitute
from tenuto_analysis.dtypes import Quantised
from tenuto_analysis.graph import Apply, Block, Call, Function, Graph, If, Loop, Node, Ssa, given, operands_of
from tenuto_analysis.insight import trees
from tenuto_analysis.modules import STD, declaration
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.types import Tensor
from tenuto_grammar import syntax
from tenuto_grammar.chunks import split
from tenuto_grammar.parse import parse_chunk
from tenuto_grammar.text import Span


class Use(Struct, frozen=True):
    """An operator with the types that it meets, sizes in terms of the entry.

    `fresh` says that a result has a size that only a run knows, `chosen` that a policy gave the results their dtype.
    `targets` are those that a clause places it on, none where that is those of the deploy.
    """

    op: str
    operands: tuple[Tensor, ...]
    results: tuple[Tensor, ...]
    fresh: bool
    chosen: bool
    place: Place
    calls: tuple[Place, ...]
    targets: tuple[str, ...] = ()

    @property
    def product(self) -> bool:
        return self.op in products()


class Stored(Struct, frozen=True):
    """An input or a weight, at its type in the source; `written` where that names the dtype, and no policy chose it."""

    what: str
    name: str
    type: Tensor
    written: bool
    place: Place
    calls: tuple[Place, ...]
    targets: tuple[str, ...] = ()


class Open(Struct, frozen=True):
    """A size that the deploy leaves open, where that is said; `most` is its largest value, where there is one.

    `value` is what the deploy says of it, where it says something.
    """

    name: str
    most: int | None
    value: Span | None
    place: Place
    calls: tuple[Place, ...]


class Transfer(Struct, frozen=True):
    """A value that crosses from the targets of one part to those of another; none are those of the deploy."""

    name: str
    type: Tensor
    source: tuple[str, ...]
    to: tuple[str, ...]
    place: Place
    calls: tuple[Place, ...]

    @property
    def bytes(self) -> Dim:
        """What crosses the link, in terms of the sizes of the entry."""
        return bytes_of(self.type)


class Demand(Struct, frozen=True):
    """What a deploy, or one of its functions, asks for."""

    uses: tuple[Use, ...]
    stored: tuple[Stored, ...]
    open: tuple[Open, ...]
    transfers: tuple[Transfer, ...] = ()

    @property
    def placements(self) -> tuple[tuple[str, ...], ...]:
        """The targets that clauses place parts on, each choice once."""
        return tuple(dict.fromkeys(use.targets for use in self.uses if use.targets))

    def on(self, targets: tuple[str, ...]) -> Demand:
        """What is asked of these targets alone."""
        uses = tuple(use for use in self.uses if use.targets == targets)
        return Demand(uses, tuple(item for item in self.stored if item.targets == targets), self.open)


@cache
def products() -> frozenset[str]:
    """The operators that `std` calls products: sums of products along an axis."""
    found: set[str] = set()
    for path in STD.glob("*.ten"):
        for chunk in split(path.read_text(encoding="utf-8")):
            node = parse_chunk(chunk.text).declaration if chunk.keyword == "op" else None
            if isinstance(node, syntax.Definition):
                class_ = node.clauses.precision_class
                if class_ is not None and class_.text == "product":
                    found.add(node.name.text)
    return frozenset(found)


def demand_of(db: Database, graph: Graph, own: tuple[str, ...] = ()) -> Demand:
    """What a whole deploy asks for; a part that is placed on its `own` targets is where the rest is."""
    node = declaration(db, graph.file, graph.name)
    assert isinstance(node, syntax.Deploy)
    deploy = Place(graph.file, graph.name, node.name.span)
    walk = _Walk(db, graph.entry, (deploy,), own or graph.entry.target)
    walk.function(graph.entry, {}, (deploy,))
    open_ = tuple(_open(db, graph, node, deploy))
    # What a policy stores in small numbers is a float where a part reads it: only the deploy's own weights show it.
    small = (
        Stored("weight", weight.path, weight.value.type, False, deploy, ())
        for weight in graph.entry.weights
        if isinstance(weight.value.type.dtype, Quantised) and "." in weight.path
    )
    return Demand(tuple(walk.uses), (*walk.stored, *small), open_, tuple(walk.transfers))


def demand_of_function(db: Database, function: Function) -> Demand:
    """What one function asks for, whoever calls it: its sizes are its callers' to fix."""
    walk = _Walk(db, function, (), function.target)
    walk.function(function, {}, ())
    return Demand(tuple(walk.uses), tuple(walk.stored), ())


def largest(graph: Graph) -> Mapping[Leaf, int]:
    """The largest value of each size of the entry that has one by what the deploy says."""
    found: dict[Leaf, int] = {}
    for constraint in _parts(graph.bounds):
        match constraint:
            case Compare(Relation.LE | Relation.EQ, left, right) if right.constant is not None:
                atom = single_atom(left)
                if isinstance(atom, Leaf):
                    found[atom] = min(right.constant, found.get(atom, right.constant))
            case _:
                pass
    return found


def _parts(constraints: Iterable[Constraint]) -> Iterator[Constraint]:
    for constraint in constraints:
        if isinstance(constraint, All):
            yield from _parts(constraint.parts)
        else:
            yield constraint


def _open(db: Database, graph: Graph, node: syntax.Deploy, deploy: Place) -> Iterator[Open]:
    bounds = largest(graph)
    said = next((item.value for item in node.settings.settings if item.key.text == "dims"), None)
    values = {item.key.text: item.value.span for item in said.settings} if isinstance(said, syntax.Map) else {}
    for leaf in graph.entry.symbols:
        name, most = str(leaf), bounds.get(leaf)
        if name in values:
            place = Place(graph.file, graph.name, values[name])
            yield Open(name, most, values[name], place, ())
        else:
            found = _parameter(db, graph.entry, name)
            yield Open(name, most, None, deploy, ()) if found is None else Open(name, most, None, found, (deploy,))


def _parameter(db: Database, function: Function, size: str) -> Place | None:
    """The first parameter of a model whose type names a size."""
    node = declaration(db, function.file, function.key)
    if not isinstance(node, syntax.Definition):
        return None
    for parameter in node.parameters:
        for found in trees.walk(parameter.type):
            if isinstance(found, syntax.Name) and found.text == size:
                return Place(function.file, function.key, parameter.span)
    return None


class _Walk:
    """Gathers what is asked for, and follows where each value is: on the targets of the part that makes it."""

    def __init__(self, db: Database, entry: Function, calls: tuple[Place, ...], own: tuple[str, ...]) -> None:
        self.db = db
        self.transfers: dict[Transfer, None] = {}
        self._own = own
        self._here: tuple[str, ...] = ()
        self._at: dict[int, tuple[str, ...]] = {}
        self.uses: dict[Use, None] = {}
        self.stored: list[Stored] = []
        self._seen: set[tuple[int, tuple[tuple[Leaf, Dim], ...], tuple[str, ...]]] = set()
        self._params: set[tuple[str, str, str, Tensor]] = set()
        self._inputs(entry, calls)

    def function(self, function: Function, sizes: Mapping[Leaf, Dim], calls: tuple[Place, ...]) -> None:
        """Walks a function; `sizes` says what its symbols are for the entry."""
        key = (id(function), tuple(sizes.items()), self._here)
        if key in self._seen:
            return
        self._seen.add(key)
        self._weights(function, sizes, calls)
        given_types = tuple(_sized(value.type, sizes) for value in given(function))
        known = {leaf for size in sizes.values() for leaf in leaves(size)} | _leaves(given_types)
        known |= set(function.symbols) - sizes.keys()
        self._at |= {id(value): self._here for value in given(function)}
        self._block(function.body, sizes, known, calls)
        node = declaration(self.db, function.file, function.key)
        assert isinstance(node, syntax.Definition)
        for value in function.results:
            self._cross(value, self._here, sizes, Place(function.file, function.key, node.name.span), calls)

    def _placed(self, targets: tuple[str, ...]) -> tuple[str, ...]:
        """Where a clause places something that stands here."""
        return self._here if not targets else () if targets == self._own else targets

    def _cross(
        self, value: Ssa, to: tuple[str, ...], sizes: Mapping[Leaf, Dim], place: Place, calls: tuple[Place, ...]
    ) -> None:
        source = self._at.get(id(value), self._here)
        if source != to:
            self.transfers.setdefault(Transfer(value.name, _sized(value.type, sizes), source, to, place, calls))

    def _block(self, block: Block, sizes: Mapping[Leaf, Dim], known: set[Leaf], calls: tuple[Place, ...]) -> None:
        for node in block.nodes:
            self._node(node, sizes, known, calls)

    def _node(self, node: Node, sizes: Mapping[Leaf, Dim], known: set[Leaf], calls: tuple[Place, ...]) -> None:
        placed = self._here
        match node:
            case Apply(op=op, results=results, origin=origin):
                placed = self._placed(node.target)
                for value in operands_of(node):
                    self._cross(value, placed, sizes, origin, calls)
                operands = tuple(_sized(value.type, sizes) for value in operands_of(node))
                made = tuple(_sized(value.type, sizes) for value in results)
                new = _leaves(made) - known
                known |= new
                chosen = node.inserted or any(value.role is not None for value in results)
                self.uses.setdefault(Use(op, operands, made, bool(new), chosen, origin, calls, placed))
            case Call(function=function, sizes=own, origin=origin):
                inner = {leaf: substitute(size, sizes.get) for leaf, size in own.items()}
                placed = self._placed(node.target or function.target)
                for value in node.operands:
                    self._cross(value, placed, sizes, origin, calls)
                outer, self._here = self._here, placed
                self.function(function, inner, (*calls, origin))
                self._here = outer
                known |= _leaves(tuple(_sized(value.type, sizes) for value in node.results))
            case If(then=then, otherwise=otherwise):
                self._block(then, sizes, known, calls)
                self._block(otherwise, sizes, known, calls)
            case Loop(symbol=symbol, test=test, body=body):
                known.add(symbol)
                for block in (test, body):
                    if block is not None:
                        self._block(block, sizes, known, calls)
            case _:
                pass
        self._at |= {id(value): placed for value in node.results}

    def _inputs(self, entry: Function, calls: tuple[Place, ...]) -> None:
        node = declaration(self.db, entry.file, entry.key)
        types = {item.name.text: item.type for item in node.parameters} if isinstance(node, syntax.Definition) else {}
        for value in entry.inputs:
            self._store("input", value.name, value, value.type, types.get(value.name), entry, calls)

    def _weights(self, function: Function, sizes: Mapping[Leaf, Dim], calls: tuple[Place, ...]) -> None:
        """The weights that a function declares itself; those of its parts are told by the parts."""
        own = [weight for weight in function.weights if "." not in weight.path]
        node = declaration(self.db, function.file, function.key) if own else None
        nodes = trees.walk(node) if node is not None else ()
        params = {item.name.text: item.type for item in nodes if isinstance(item, syntax.Param)}
        for weight in own:
            type_ = _sized(weight.value.type, sizes)
            key = (function.file, function.key, weight.path, type_)
            if key not in self._params:
                self._params.add(key)
                self._store("weight", weight.path, weight.value, type_, params.get(weight.path), function, calls)

    def _store(
        self,
        what: str,
        name: str,
        value: Ssa,
        type_: Tensor,
        written: syntax.Type | None,
        function: Function,
        calls: tuple[Place, ...],
    ) -> None:
        base = written.base if written is not None else None
        if isinstance(base, syntax.TensorType):
            place = Place(function.file, function.key, base.path.span)
            self.stored.append(Stored(what, name, type_, value.role is None, place, calls, self._here))
        else:
            node = declaration(self.db, function.file, function.key)
            assert isinstance(node, syntax.Definition)
            place = Place(function.file, function.key, node.name.span)
            self.stored.append(Stored(what, name, type_, False, place, calls, self._here))


def _sized(type_: Tensor, sizes: Mapping[Leaf, Dim]) -> Tensor:
    if not sizes:
        return Tensor(type_.dtype, type_.shape)
    shape = tuple(substitute(item, sizes.get) if isinstance(item, Dim) else item for item in type_.shape)
    return Tensor(type_.dtype, shape)


def _leaves(types: tuple[Tensor, ...]) -> set[Leaf]:
    return {leaf for type_ in types for item in type_.shape if isinstance(item, Dim) for leaf in leaves(item)}
