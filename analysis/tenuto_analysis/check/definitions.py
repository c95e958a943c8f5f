"""The body of a definition, checked once from its signature and its facts, for all sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tenuto_analysis.check import expressions, queries, statements, trail
from tenuto_analysis.check.context import Binding, Context
from tenuto_analysis.check.recorder import Recorder
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Severity
from tenuto_analysis.diagnostics.names import UnusedName
from tenuto_analysis.diagnostics.statements import MissingReturn
from tenuto_analysis.dims import All, Compare, Relation, Symbol, of
from tenuto_analysis.shapes import Known, rank
from tenuto_analysis.signature import ParameterSignature, Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    UNKNOWN,
    AxisKind,
    KindValue,
    PackCall,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import Keyword


def body(db: Database, file: str, key: str, node: syntax.Definition, recorder: Recorder | None = None) -> queries.Body:
    """Check a body: its problems, its result, and what a model owns."""
    signature = queries.interface(db, file, key).signature
    if signature is None or node.body is None:
        return queries.Body((), frozenset(), UNKNOWN, (), ())
    ctx = opened(db, signature, node.body, {})
    ctx.recorder = recorder
    if recorder is None:
        ctx.trace = trail.traced  # Who records asks for no findings.
    frame = statements.Frame(signature, node.keyword is Keyword.MODEL)
    if isinstance(node.body, syntax.Block):
        ends = statements.block(ctx, frame, node.body)
        if not ends and not any(problem.severity is Severity.ERROR for problem in ctx.problems):
            ctx.report(MissingReturn(node.name.span, node.name.text))
    else:
        ctx.statement = node
        if recorder is not None:
            recorder.known[node.body.span] = ctx.known
        value = expressions.infer(ctx, node.body, signature.result)
        statements.give_back(ctx, frame, value, node.body.span)
    _lint_unused(ctx, frame)
    result = frame.result if frame.result is not None else UNKNOWN
    return queries.Body(tuple(ctx.problems), frozenset(ctx.used), result, tuple(frame.members), tuple(ctx.values))


def opened(
    db: Database, signature: Signature, node: syntax.Block | syntax.Expression, statics: Mapping[str, Value]
) -> Context:
    """What a body sees: its names and facts, where some of its names are known to be `statics`."""
    head = queries.interface(db, signature.file, signature.key)
    fixed = Substitution(signature.owner, Known(), dict(statics))
    ctx = Context(db, signature.file, signature.key, signature.owner)
    ctx.scopes = [{}, {}]
    for name, value, span in head.bindings:
        known = (statics.get(name) or fixed.value(value)) if statics else value
        ctx.scopes[0][name] = Binding(known, span, used=True)
    ctx.origins = {name: span for name, _, span in head.bindings}
    ctx.where_insert = head.where_insert
    ctx.lenient = signature.lenient
    ctx.after = dict(head.after)
    types = [parameter.type for parameter in signature.parameters] + ([signature.result] if signature.result else [])
    ctx.known = Known(packs=tuple(_residual([fixed.value(type_) for type_ in types])))
    for requirement in signature.requirements:
        ctx.assume(fixed.constraint(requirement.constraint))
    for parameter in signature.parameters:
        if parameter.name not in statics:
            _assume_axis(ctx, parameter)
    ctx.loops = frozenset(_loop_names(node))
    return ctx


def _assume_axis(ctx: Context, parameter: ParameterSignature) -> None:
    """`axis: axis[S]` lies in `S`."""
    match parameter.type:
        case KindValue(kind=AxisKind.AXIS, shape=shape):
            axis, length = of(Symbol(parameter.name, ctx.owner, None)), rank(shape)
            ctx.assume(All((Compare(Relation.LE, -length, axis), Compare(Relation.LT, axis, length))))
        case _:
            pass


def _residual(types: list[Value]) -> list[tuple[tuple[PackCall], tuple[PackCall]]]:
    """The shape functions that the signature itself leaves open: that they have a value is the caller's to prove."""
    found: list[tuple[tuple[PackCall], tuple[PackCall]]] = []
    for type_ in types:
        match type_:
            case Tensor(shape=shape):
                found += [((item,), (item,)) for item in shape if isinstance(item, PackCall)]
            case TupleValue(items=items):
                found += _residual(list(items))
            case _:
                pass
    return found


def _loop_names(node: syntax.Node) -> Iterator[str]:
    for child in syntax.children(node):
        if isinstance(child, syntax.For) and isinstance(child.pattern, syntax.Identifier):
            yield child.pattern.text
        if isinstance(child, syntax.For | syntax.If | syntax.While | syntax.Block):
            yield from _loop_names(child)


def _lint_unused(ctx: Context, frame: statements.Frame) -> None:
    """Local names that nothing reads, in a body without a mistake."""
    if ctx.problems:
        return
    indices = {index for index, _ in ctx.indexed.values()}  # Read by the type of a variable.
    for name, binding in frame.locals:
        if not binding.used and not name.startswith("_") and name not in indices:
            ctx.report(UnusedName(binding.span, name))
