"""Why a value has its dtype: a chain of reasons, from the value out to the deploy.

The graph says which field of a policy gave a value its dtype. Why that policy is in force is read off the program: the
clause of the statement, of the part, or of the definition, or else what calls the definition, and so on out to the
deploy. Nothing is recorded for it while a graph is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from tenuto_analysis.check import clauses
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dtypes import Quantised
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.elaborate.policies import class_of
from tenuto_analysis.graph import Apply, Call, Function, Graph, Node, Ssa, operands_of, walk
from tenuto_analysis.insight.trees import path_to
from tenuto_analysis.modules import chunk_text, declaration
from tenuto_analysis.precision.policies import F32, Field, Precision
from tenuto_grammar import syntax


class Reason(Struct, frozen=True):
    """One link of the chain, and where in a program it stands; None where no text says it."""

    text: str
    place: Place | None


class Explained(Struct, frozen=True):
    """A value in one deploy: its type there, the function that makes it, and the reasons for its dtype.

    `plain` where the deploy is in `f32` throughout, so that there is little to tell.
    """

    file: str
    deploy: str
    function: str
    name: str
    type: str
    reasons: tuple[Reason, ...]
    plain: bool


class _Use(Struct, frozen=True, eq=False):
    """A call of a function, and the function that calls."""

    caller: Function
    call: Call


def explained(db: Database, place: Place, deploys: Iterable[tuple[str, str]]) -> tuple[Explained, ...]:
    """What the value at a place is in each of the deploys that make it; `place.span` begins where the cursor stands."""
    found: dict[Explained, None] = {}
    for file, deploy in deploys:
        graph = elaborated(db, file, deploy)
        if not isinstance(graph, Refusal):
            found |= dict.fromkeys(_in_graph(db, graph, place))
    return tuple(found)


def values_at(db: Database, graph: Graph, place: Place) -> Iterator[Ssa]:
    """The values of a graph that stand at a place, in all instances of its definition."""
    for function in graph.functions:
        if (function.file, function.key) == (place.file, place.declaration):
            yield from (ssa for ssa, _ in _values_at(db, function, place))


def _in_graph(db: Database, graph: Graph, place: Place) -> Iterator[Explained]:
    uses = _uses(graph)
    plain = all(function.policy == F32 for function in graph.functions)
    for function in graph.functions:
        if (function.file, function.key) != (place.file, place.declaration):
            continue
        for ssa, node in _values_at(db, function, place):
            reasons = (
                *_own_reasons(db, function, ssa, node),
                *_policy(db, graph, function, node, ssa, uses),
                *_readers(db, function, ssa),
            )
            yield Explained(graph.file, graph.name, function.name, ssa.name, str(ssa.type), reasons, plain)


def _uses(graph: Graph) -> dict[int, _Use]:
    """The first call of each function."""
    found: dict[int, _Use] = {}
    for function in reversed(graph.functions):
        for node in walk(function.body):
            if isinstance(node, Call):
                found.setdefault(id(node.function), _Use(function, node))
    return found


# ------------------------------------------------------------------------------------------------------------ the value


def _values_at(db: Database, function: Function, place: Place) -> Iterator[tuple[Ssa, Node | None]]:
    """The values that the name or the expression at a place stands for, each with the node that makes it."""
    root = declaration(db, place.file, place.declaration)
    if root is None:
        return
    nodes = [node for node in walk(function.body) if node.origin.declaration == place.declaration]
    for item in reversed(path_to(root, place.span.start)):
        found = list(_values_of(db, function, place, item, nodes))
        if found:
            yield from found
            return
        if isinstance(item, syntax.Let | syntax.Return | syntax.Var | syntax.Assign | syntax.Collect):
            break


def _values_of(
    db: Database, function: Function, place: Place, item: syntax.Node, nodes: list[Node]
) -> Iterator[tuple[Ssa, Node | None]]:
    match item:
        case syntax.Identifier(text=text) | syntax.Name(text=text):
            yield from _named(function, text, nodes)
        case syntax.Attribute():
            text = (chunk_text(db, (place.file, place.declaration)) or "")[slice(*item.span)]
            yield from _named(function, "".join(text.split()), nodes)
        case _:
            for node in nodes:
                if node.origin.span == item.span and node.results and not _inserted(node):
                    yield node.results[0], node


def _named(function: Function, name: str, nodes: list[Node]) -> Iterator[tuple[Ssa, Node | None]]:
    given = (*function.inputs, *(weight.value for weight in function.weights))
    yield from ((ssa, None) for ssa in given if ssa.name == name)
    yield from ((ssa, node) for node in nodes for ssa in node.results if ssa.name == name)


def _inserted(node: Node) -> bool:
    return isinstance(node, Apply) and node.inserted


# --------------------------------------------------------------------------------------------------------- its reasons


def _own_reasons(db: Database, function: Function, ssa: Ssa, node: Node | None) -> Iterator[Reason]:
    quantised = _is_quantised(function, ssa)
    place = node.origin if node is not None else None
    dtype = ssa.type.dtype
    match ssa.role, node:
        case None, None if isinstance(dtype, Quantised) and quantised:
            yield Reason(f"{dtype}: `weights` of the policy, as only products and look-ups read it", place)
        case None, _:
            yield Reason(f"{dtype}: the program names it", place)
        case Field.PARAMS, _:
            yield Reason(f"{dtype}: `params` of the policy, as it is a weight", place)
        case Field.COMPUTE, None:
            yield Reason(f"{dtype}: `compute` of the policy, as only products read it: it comes in that dtype", place)
        case Field.ACCUMULATE, Apply(op=op):
            yield Reason(f"{dtype}: `accumulate` of the policy, as `{op}` is a product", place)
        case Field.WIDE, Apply(op=op):
            yield Reason(f"{dtype}: `wide` of the policy, as `{op}` is a wide operator", place)
        case _, Call(function=function) if class_of(db, function.file, function.key) == "wide":
            yield Reason(f"{dtype}: `wide` of the policy, as `{function.name}` is a wide operator", place)
        case role, Call(function=function):
            assert role is not None
            yield Reason(f"{dtype}: `{role.value}` of the policy, in which `{function.name}` gives it", place)
        case role, _:
            assert role is not None
            yield Reason(f"{dtype}: `{role.value}` of the policy", place)


def _is_quantised(function: Function, ssa: Ssa) -> bool:
    """Whether a weight is stored as the policy says that weights are, and not as its type does."""
    return any(weight.value is ssa and weight.policy.weights is not None for weight in function.weights)


def _policy(
    db: Database, graph: Graph, function: Function, node: Node | None, ssa: Ssa, uses: dict[int, _Use]
) -> Iterator[Reason]:
    """Why the policy is in force that gave the dtype, from the value out to the deploy."""
    if ssa.role is None and not _is_quantised(function, ssa):
        return
    if node is None and ssa.role in (None, Field.PARAMS):
        clause = _member_clause(db, function, ssa.name)
        if clause is not None:
            yield Reason(f"the policy is `{_text(db, clause)}`, by the clause of `{ssa.name}`", clause)
            return
    use = _Use(function, node) if isinstance(node, Call) else None
    if use is None and node is not None:
        clause = _statement_clause(db, node.origin)
        if clause is not None:
            yield Reason(f"the policy is `{_text(db, clause)}`, by the clause of the statement", clause)
            return
    inside = use.call.function if use is not None else function
    while True:
        clause = _definition_clause(db, inside)
        if clause is not None:
            yield Reason(f"the policy is `{inside.policy}`, by the clause of `{inside.name}`", clause)
            return
        use = use or uses.get(id(inside))
        if use is None:
            yield from _deploy(db, graph, inside.policy)
            return
        yield _from_user(db, inside, use)
        part = use.call.part.split(".")[0]
        clause = _member_clause(db, use.caller, part) if part else None
        if clause is not None:
            yield Reason(f"the policy is `{_text(db, clause)}`, by the clause of `{part}`", clause)
            return
        clause = _statement_clause(db, use.call.origin)
        if clause is not None:
            yield Reason(f"the policy is `{_text(db, clause)}`, by the clause of the statement", clause)
            return
        inside, use = use.caller, None


def _from_user(db: Database, function: Function, use: _Use) -> Reason:
    if class_of(db, function.file, function.key) == "wide" and function.policy.uniform:
        text = f"the body of `{function.name}`, a wide operator, is in `wide` of the policy of `{use.caller.name}`"
    else:
        text = f"`{function.name}` takes the policy of `{use.caller.name}`"
    return Reason(text, use.call.origin)


def _deploy(db: Database, graph: Graph, policy: Precision) -> Iterator[Reason]:
    node = declaration(db, graph.file, graph.name)
    assert isinstance(node, syntax.Deploy)
    setting = next((item for item in node.settings.settings if item.key.text == "precision"), None)
    if setting is None and node.type is not None and clauses.of_type(db, graph.file, node.type) is not None:
        yield Reason(
            f"the policy is `{policy}`, by the type of the deploy `{graph.name}`",
            Place(graph.file, graph.name, node.type.span),
        )
    elif setting is None:
        yield Reason(f"the policy is `f32`, as the deploy `{graph.name}` names none", None)
    else:
        place = Place(graph.file, graph.name, setting.span)
        yield Reason(f"the policy is `{policy}`, by the deploy `{graph.name}`", place)


def _readers(db: Database, function: Function, ssa: Ssa) -> Iterator[Reason]:
    """In which other dtypes the value is read, and by what."""
    for node in walk(function.body):
        if isinstance(node, Apply) and node.inserted and node.arguments["x"] is ssa:
            (result,) = node.results
            who = dict.fromkeys(
                _reader(db, reader, result)
                for reader in walk(function.body)
                if isinstance(reader, Apply | Call)
                and not _inserted(reader)
                and any(operand is result for operand in operands_of(reader))
            )
            yield Reason(f"read as {result.type.dtype}{f' by {_and(who)}' if who else ''}", node.origin)


def _reader(db: Database, node: Apply | Call, read: Ssa) -> str:
    """Who reads a value, and what of the policy says in which dtype."""
    if isinstance(node, Call):
        function = node.function
        wide = class_of(db, function.file, function.key) == "wide"
        return f"`{function.name}`, a wide operator" if wide else f"`{function.name}`"
    return f"`{node.op}`, `{read.role.value}` of the policy" if read.role is not None else f"`{node.op}`"


def _and(words: Iterable[str]) -> str:
    *most, last = words
    return f"{'; '.join(most)}; and {last}" if most else last


# ------------------------------------------------------------------------------------------------------------- clauses


def _text(db: Database, place: Place) -> str:
    return (chunk_text(db, (place.file, place.declaration)) or "")[slice(*place.span)]


def _definition_clause(db: Database, function: Function) -> Place | None:
    node = declaration(db, function.file, function.key)
    if not isinstance(node, syntax.Definition) or node.clauses.precision is None:
        return None
    return Place(function.file, function.key, node.clauses.precision.span)


def _statement_clause(db: Database, place: Place) -> Place | None:
    """The clause of the statement that a place lies in."""
    root = declaration(db, place.file, place.declaration)
    for item in reversed(path_to(root, place.span.start)) if root is not None else ():
        match item:
            case (
                syntax.Let(local=local)
                | syntax.Var(local=local)
                | syntax.Assign(local=local)
                | syntax.Return(local=local)
                | syntax.Collect(local=local)
            ):
                return Place(place.file, place.declaration, local.precision.span) if local.precision else None
            case _:
                pass
    return None


def _member_clause(db: Database, function: Function, name: str) -> Place | None:
    """The clause of the part or the weight of that name."""
    root = declaration(db, function.file, function.key)
    for item in _below(root) if root is not None else ():
        if isinstance(item, syntax.Sub | syntax.Param) and item.name.text == name and item.local.precision is not None:
            return Place(function.file, function.key, item.local.precision.span)
    return None


def _below(node: syntax.Node) -> Iterator[syntax.Node]:
    for child in syntax.children(node):
        yield child
        yield from _below(child)
