"""A deploy as a graph: its model, closed over the configuration, with the facts about its sizes."""

from __future__ import annotations

from tenuto_analysis.check import builtins, deploys, expressions, queries
from tenuto_analysis.check.context import Context
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Compare, Relation, of
from tenuto_analysis.elaborate import policies
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.casts import place_casts
from tenuto_analysis.elaborate.fixed import fix_sizes
from tenuto_analysis.elaborate.instances import Table, looped_sizes, spelled_out
from tenuto_analysis.graph import Graph
from tenuto_analysis.modules import declaration
from tenuto_analysis.precision.weights import quantised
from tenuto_analysis.types import (
    NONE,
    Int,
    ListValue,
    OptionalValue,
    Placeholder,
    RecordValue,
    Reference,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax


@query
def elaborated(db: Database, file: str, name: str) -> Graph | Refusal:
    """What `elaborate` gives or raises, once: a check compares its weights with a file, a build goes on from it."""
    try:
        return quantised(elaborate(db, file, name))
    except Refusal as refusal:
        return refusal


def elaborate(db: Database, file: str, name: str) -> Graph:
    """The graph of a deploy that has no error, under its policy.

    Raises `Refusal` where this version cannot build what a definition asks for.
    """
    node = declaration(db, file, name)
    assert isinstance(node, syntax.Deploy)
    ctx = Context(db, file, name, queries.owner_of(file, name))
    model = expressions.infer(ctx, node.model)
    assert isinstance(model, Reference)
    signature = queries.signature(db, model.file, model.name)
    assert signature is not None
    substitution = deploys.closed(ctx, node, model, signature)
    assert substitution is not None
    statics = substitution.values
    for symbol in sorted(looped_sizes(db, signature), key=str):
        size = statics.get(symbol.name)
        if isinstance(size, Int) and size.value.constant is not None:
            ctx.assume(Compare(Relation.EQ, of(symbol), size.value))
            del statics[symbol.name]
    inputs: dict[str, Value] = {}
    bindings = {key: value for key, value, _ in queries.interface(db, signature.file, signature.key).bindings}
    for parameter in signature.parameters:
        type_ = bindings[parameter.name]
        if isinstance(type_, Placeholder):
            type_ = spelled_out(builtins.placeholder_value(ctx, substitution.value(type_.type)))
        type_ = substitution.value(type_)
        match type_:
            case OptionalValue() if parameter.default is not None:
                statics[parameter.name] = NONE
            case Tensor() | TupleValue() | ListValue() | RecordValue():
                inputs[parameter.name] = type_
            case _ if parameter.default is not None:
                statics[parameter.name] = substitution.value(parameter.default)
            case _:
                reason = f"`{parameter.name}` of `{signature.name}` has no default: a deploy cannot give it"
                raise Refusal(Place(file, name, node.model.span), reason)
    facts = ctx.known.facts.known
    table = Table(db)
    policy = policies.of_definition(db, signature.file, signature.key) or policies.of_deploy(ctx, node)
    entry = table.make(signature, statics, inputs, facts, policy)
    simple = {leaf: ctx.known.facts.simplify(of(leaf)) for leaf in entry.symbols}
    fix_sizes(entry, {leaf: size for leaf, size in simple.items() if size.constant is not None})
    functions = table.functions(entry)
    if table.casts:
        place_casts(functions, entry)
    return Graph(name, file, functions, facts)
