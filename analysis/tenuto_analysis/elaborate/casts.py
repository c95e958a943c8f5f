"""Where the casts stand that policies ask for: where they cost least.

Elaboration inserts a cast wherever a value is read in another dtype than it was made in. Here, callees before callers,
a function keeps one cast of a value to a dtype for all that read it, outside of the loops that do not change the value.
A cast to a dtype that is no wider goes before what only moves numbers; and where a function reads an input or a weight
in one such dtype alone, its callers hand it over so: three products of one tensor cast it once, and the weights of the
entry have the dtype in which they are read, so that they are converted when a model is built and not in each run.

A cast that the program writes stays where it is. No number changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from tenuto_analysis.dtypes import Scalar
from tenuto_analysis.graph import (
    Apply,
    Argument,
    Block,
    Call,
    Function,
    If,
    Literal,
    Loop,
    Node,
    Size,
    Ssa,
    blocks_of,
    operands_of,
    walk,
)
from tenuto_analysis.types import DTypeValue, Tensor

# Primitives that give the numbers of `x` as they are, in another order or shape: all of them, or some.
REARRANGING = frozenset(
    {"reshape", "transpose", "permute", "swap_axes", "rearrange", "unsqueeze", "flip", "roll", "expand", "tile"}
)
SELECTING = frozenset({"slice", "select", "take"})
MOVING = REARRANGING | SELECTING


def place_casts(functions: Iterable[Function], entry: Function) -> None:
    """Move the inserted casts of a program, whose functions come callees first and end in the entry."""
    for function in functions:
        if any(_is_inserted(node) or isinstance(node, Call) for node in walk(function.body)):
            _InFunction(function, function is entry).rewrite()


def _is_inserted(node: Node | None) -> bool:
    return isinstance(node, Apply) and node.inserted


class _Scope(Struct, eq=False):
    """A block, and the node of the block around it that it belongs to."""

    block: Block
    around: _Scope | None
    owner: Node | None

    def path(self) -> list[_Scope]:
        """From the function's body to this."""
        return [*(self.around.path() if self.around is not None else ()), self]


class _InFunction:
    """One function while its casts are moved."""

    def __init__(self, function: Function, is_entry: bool) -> None:
        self._function = function
        self._is_entry = is_entry
        self._home: dict[int, _Scope] = {}  # Where a value is made.
        self._scopes: dict[int, _Scope] = {}  # Where a node stands.
        self._readers: dict[int, list[Node | None]] = {}  # Who reads a value; None where a block gives it back.
        self._instead: dict[int, Ssa] = {}  # What is read in the place of a value.
        self._gone: set[int] = set()
        self._before: dict[int, list[Apply]] = {}  # The casts that are new before a node.

    def rewrite(self) -> None:
        body = _Scope(self._function.body, None, None)
        _fit_calls(self._function.body)
        for ssa in (*self._function.inputs, *(weight.value for weight in self._function.weights)):
            self._home[id(ssa)] = body
        for _, ssa in self._function.size_inputs:
            self._home[id(ssa)] = body
        self._look(body)
        for node in reversed(list(walk(self._function.body))):
            self._before_what_moves(node)
        self._once()
        self._by_the_callers()
        if self._gone or self._before:
            self._write(self._function.body)

    # ------------------------------------------------------------------------------------------------------------- uses

    def _look(self, scope: _Scope) -> None:
        for node in scope.block.nodes:
            self._scopes[id(node)] = scope
            for operand in operands_of(node):
                self._readers.setdefault(id(operand), []).append(node)
            for inner in blocks_of(node):
                inside = _Scope(inner, scope, node)
                if isinstance(node, Loop):
                    for ssa in (*node.carried, node.index):
                        self._home[id(ssa)] = inside
                self._look(inside)
            for result in node.results:
                self._home[id(result)] = scope
        for result in scope.block.results:
            self._readers.setdefault(id(result), []).append(None)

    def _casts_of(self, ssa: Ssa) -> tuple[Scalar | None, list[Apply]]:
        """The dtype that all who read a `float` cast it to, and the casts; no dtype where somebody wants another.

        A cast that makes what a name stands for stays.
        """
        casts = [node for node in self._readers.get(id(ssa), ()) if isinstance(node, Apply) and node.inserted]
        wanted = {node.results[0].type.dtype for node in casts}
        named = any(node.results[0].name for node in casts)
        if ssa.role is None or named or len(wanted) != 1 or len(casts) != len(self._readers[id(ssa)]):
            return None, []
        (dtype,) = wanted
        assert isinstance(dtype, Scalar)
        return dtype, casts

    def _becomes(self, ssa: Ssa, casts: list[Apply]) -> None:
        """A value is made in the dtype that these casts give, which are gone."""
        ssa.type = Tensor(casts[0].results[0].type.dtype, ssa.type.shape, ssa.type.within)
        ssa.role = casts[0].results[0].role
        self._readers[id(ssa)] = []
        for cast in casts:
            self._replace(cast, ssa)

    def _replace(self, cast: Apply, by: Ssa) -> None:
        self._gone.add(id(cast))
        self._instead[id(cast.results[0])] = by
        self._readers.setdefault(id(by), []).extend(self._readers.pop(id(cast.results[0]), ()))

    # ------------------------------------------------------------------------------------------------------------ moves

    def _before_what_moves(self, node: Node) -> None:
        """`cast(transpose(x))` as `transpose(cast(x))`: fewer bytes are moved, and the cast of a weight meets it."""
        if not isinstance(node, Apply) or node.op not in MOVING or id(node) in self._gone:
            return
        (result,), read = node.results, node.arguments["x"]
        assert isinstance(read, Ssa)
        x = self._found(read)
        dtype, casts = self._casts_of(result)
        if dtype is None or _wider(dtype, result):
            return
        if node.op in SELECTING and all(weight.value is not x for weight in self._function.weights):
            return
        self._becomes(result, casts)
        cast = _cast(x, result, casts[0])
        self._before.setdefault(id(node), []).append(cast)
        self._scopes[id(cast)] = self._home[id(cast.results[0])] = self._scopes[id(node)]
        self._readers[id(cast.results[0])] = [node]
        self._readers[id(x)] = [cast if reader is node else reader for reader in self._readers[id(x)]]
        node.arguments = {**node.arguments, "x": cast.results[0]}

    # ---------------------------------------------------------------------------------------------------------- sharing

    def _once(self) -> None:
        """One cast of a value to a dtype, for all that read it, outside of the loops that do not change it."""
        while True:
            groups: dict[tuple[int, str], list[Apply]] = {}
            for node in self._all():
                if node.inserted and id(node) not in self._gone:
                    source = self._found(_source(node))
                    groups.setdefault((id(source), str(node.results[0].type.dtype)), []).append(node)
            moved = [self._share(group) for group in groups.values()]
            if not any(moved):  # What is one cast now may be cast again, twice.
                return

    def _share(self, group: list[Apply]) -> bool:
        """Put one cast in the place of several, or of one in a loop; whether it was not so already."""
        source = self._found(_source(group[0]))
        target = self._target(source, group)
        if len(group) == 1 and target is self._scopes[id(group[0])]:
            return False
        first = self._first(target, group)
        cast = _cast(source, group[0].results[0], group[0])
        cast.results[0].name = next((node.results[0].name for node in group if node.results[0].name), "")
        self._before.setdefault(id(first), []).append(cast)
        self._scopes[id(cast)] = self._home[id(cast.results[0])] = target
        readers = self._readers[id(source)]
        self._readers[id(source)] = [*(reader for reader in readers if reader not in group), cast]
        for node in group:
            self._replace(node, cast.results[0])
        return True

    def _all(self) -> Iterator[Apply]:
        for node in walk(self._function.body):
            yield from self._before.get(id(node), ())
            if isinstance(node, Apply):
                yield node

    def _target(self, source: Ssa, group: list[Apply]) -> _Scope:
        """The innermost block around all of them, or the one around the loops that the value comes into."""
        paths = [self._scopes[id(node)].path() for node in group]
        shared = next(
            (i for i, scopes in enumerate(zip(*paths, strict=False)) if any(s is not scopes[0] for s in scopes)),
            min(map(len, paths)),
        )
        path = paths[0][:shared]
        home = next(i for i, scope in enumerate(path) if scope is self._home[id(source)])
        loops = (i for i in range(home + 1, len(path)) if isinstance(path[i].owner, Loop))
        return path[next(loops, len(path)) - 1]

    def _first(self, target: _Scope, group: list[Apply]) -> Node:
        """The first node of a block that holds one of the casts, or that one of them is new before."""
        inside: set[int] = set()
        for node in group:
            scope = self._scopes[id(node)]
            if scope is target:
                inside.add(id(node))
            else:
                path = scope.path()
                inside.add(id(path[path.index(target) + 1].owner))
        return next(
            node
            for node in target.block.nodes
            if id(node) in inside or any(id(cast) in inside for cast in self._before.get(id(node), ()))
        )

    # ------------------------------------------------------------------------------------------------------ the callers

    def _by_the_callers(self) -> None:
        """What is read in one dtype alone comes in it: the callers cast it, and a build its weights."""
        taken = [weight.value for weight in self._function.weights]
        if not self._is_entry:
            taken += self._function.inputs
        for ssa in taken:
            dtype, casts = self._casts_of(ssa)
            if dtype is not None and not _wider(dtype, ssa):
                self._becomes(ssa, casts)

    # ---------------------------------------------------------------------------------------------------------- writing

    def _found(self, ssa: Ssa) -> Ssa:
        while id(ssa) in self._instead:
            ssa = self._instead[id(ssa)]
        return ssa

    def _write(self, block: Block) -> None:
        nodes: list[Node] = []
        for node in block.nodes:
            for new in (*self._before.get(id(node), ()), node):
                if id(new) not in self._gone:
                    _reread(new, self._found)
                    nodes.append(new)
            for inner in blocks_of(node):
                self._write(inner)
        block.nodes = nodes
        block.results = tuple(map(self._found, block.results))


def _fit_calls(block: Block) -> None:
    """Casts before each call whose function takes another dtype by now."""
    nodes: list[Node] = []
    for node in block.nodes:
        for inner in blocks_of(node):
            _fit_calls(inner)
        if isinstance(node, Call):
            _fit_call(node, nodes)
        nodes.append(node)
    block.nodes = nodes


def _fit_call(node: Call, nodes: list[Node]) -> None:
    inputs = (*node.function.inputs, *(ssa for _, ssa in node.function.size_inputs))
    cast: dict[int, Ssa] = {}
    for given, wanted in zip(
        (*node.operands, *node.weights), (*inputs, *(w.value for w in node.function.weights)), strict=True
    ):
        if given.type.dtype != wanted.type.dtype:
            made = Ssa(Tensor(wanted.type.dtype, given.type.shape), "", wanted.role)
            dtype = DTypeValue(wanted.type.dtype)
            nodes.append(Apply("cast", {"U": dtype, "x": given}, (made,), node.origin, True, node.target))
            cast[id(given)] = made
    if cast:
        _reread(node, lambda ssa: cast.get(id(ssa), ssa))


def _wider(dtype: Scalar, ssa: Ssa) -> bool:
    return isinstance(ssa.type.dtype, Scalar) and dtype.bits > ssa.type.dtype.bits


def _source(cast: Apply) -> Ssa:
    source = cast.arguments["x"]
    assert isinstance(source, Ssa)
    return source


def _cast(source: Ssa, like: Ssa, asks: Apply) -> Apply:
    """A cast of `source` to the dtype of `like`, for what `asks` stood for."""
    result = Ssa(Tensor(like.type.dtype, source.type.shape), "", like.role)
    return Apply("cast", {"U": DTypeValue(like.type.dtype), "x": source}, (result,), asks.origin, True, asks.target)


def _reread(node: Node, found: Callable[[Ssa], Ssa]) -> None:
    """Let a node read other values."""
    match node:
        case Apply():
            node.arguments = _arguments(node.arguments, found)
        case Call():
            node.arguments = _arguments(node.arguments, found)
            node.operands = tuple(map(found, node.operands))
            node.weights = tuple(map(found, node.weights))
        case If():
            if isinstance(node.test, Ssa):
                node.test = found(node.test)
        case Loop():
            node.initial = tuple(map(found, node.initial))
        case Literal() | Size():
            pass


def _arguments(arguments: Mapping[str, Argument], found: Callable[[Ssa], Ssa]) -> dict[str, Argument]:
    return {name: _argument(item, found) for name, item in arguments.items()}


def _argument(argument: Argument, found: Callable[[Ssa], Ssa]) -> Argument:
    if isinstance(argument, Ssa):
        return found(argument)
    return tuple(_argument(item, found) for item in argument) if isinstance(argument, tuple) else argument
