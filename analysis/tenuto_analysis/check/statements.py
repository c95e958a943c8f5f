"""Statements: what a body declares, changes, repeats, promises and gives back."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

from tenuto_analysis.check import arguments, calls, clauses, expressions, initialisers, lists, loops, models, written
from tenuto_analysis.check.context import Binding, Context, existential_owner
from tenuto_analysis.check.evidence import evidence_of, restated
from tenuto_analysis.check.matching import Source, fits
from tenuto_analysis.diagnostics.base import Related
from tenuto_analysis.diagnostics.shapes import AssertionFails, OutOfRange, UnmetRequirement
from tenuto_analysis.diagnostics.statements import (
    BranchesDiffer,
    MisplacedStatement,
    NotRebindable,
    UnreachableStatement,
)
from tenuto_analysis.diagnostics.types import TypeMismatch
from tenuto_analysis.dims import ZERO, Constraint, Dim, Symbol, of, render
from tenuto_analysis.dtypes import BOOL, Policy
from tenuto_analysis.signature import Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import UNKNOWN, Bool, Int, KindValue, ListKind, StaticKind, Tensor, Unknown, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


class Frame(Struct):
    """What a body collects: its result, its members, and where in it a statement stands."""

    signature: Signature
    is_model: bool
    result: Value | None = None
    members: list[tuple[str, Value]] = field(default_factory=list)
    locals: list[tuple[str, Binding]] = field(default_factory=list)
    in_loop: bool = False
    in_branch: bool = False  # Under an `if` on a tensor.
    collected: list[dict[str, Value]] = field(default_factory=list)


def block(ctx: Context, frame: Frame, node: syntax.Block) -> bool:
    """Check a block; True where every way through it ends in a `return`."""
    ended = False
    for statement_node in node.statements:
        if ended:
            ctx.report(UnreachableStatement(statement_node.span))
            break
        ended = statement(ctx, frame, statement_node)
    frame.locals += [(name, b) for name, b in ctx.scopes[-1].items()]
    return ended


def statement(ctx: Context, frame: Frame, node: syntax.Statement) -> bool:
    """Check one statement; True where it returns."""
    outer, ctx.statement = ctx.statement, node
    if ctx.recorder is not None:
        ctx.recorder.known[node.span] = ctx.known
    ended = _statement(ctx, frame, node)
    ctx.statement = outer
    return ended


def _statement(ctx: Context, frame: Frame, node: syntax.Statement) -> bool:
    match node:
        case syntax.Let():
            let(ctx, node)
        case syntax.Return():
            clauses.check_local(ctx, node.local)
            value = governed(ctx, node.value, node.local, frame.signature.result)
            give_back(ctx, frame, value, node.value.span, calls.parts_of(node.value))
            return True
        case syntax.Sub():
            sub(ctx, frame, node)
        case syntax.Param():
            param(ctx, frame, node)
        case syntax.Var():
            var(ctx, node)
        case syntax.Assign():
            assign(ctx, node)
        case syntax.For():
            return loops.for_loop(ctx, frame, node)
        case syntax.While():
            loops.while_loop(ctx, frame, node)
        case syntax.If():
            return _branch(ctx, frame, node)
        case syntax.Collect():
            loops.collect(ctx, frame, node)
        case syntax.Assert():
            assert_(ctx, node)
        case syntax.Assume():
            constraint = expressions.constraint(ctx, node.constraint)
            if constraint is not None:
                ctx.assume(constraint)
        case syntax.Broken():
            return True
    return False


def governed(ctx: Context, node: syntax.Expression, local: syntax.Local, expected: Value | None) -> Value:
    """An expression under the clauses of its statement."""
    if local.precision is None:
        return expressions.infer(ctx, node, expected)
    clauses.check_local(ctx, local)
    lenient = ctx.lenient
    ctx.lenient = True
    value = expressions.infer(ctx, node, expected)
    ctx.lenient = lenient
    dtype = clauses.plain_dtype(ctx, local)
    if dtype is not None and isinstance(value, Tensor) and isinstance(value.dtype, Policy):
        return Tensor(dtype, value.shape, value.within)
    return value


# --------------------------------------------------------------------------------------------------------- declarations


def _typed(ctx: Context, name: str, expected: Value | None, value: Value, span: Span) -> Value:
    """A value under its written type; the type decides what follows, so that one mistake is reported once."""
    if expected is None:
        return value
    if value == UNKNOWN or expected == UNKNOWN:
        return expected if not ctx.existentials else value
    if isinstance(expected, KindValue) and isinstance(expected.kind, StaticKind):
        return arguments.static_value(ctx, expected.kind, value, span, f"`{name}`") or UNKNOWN
    fit = fits(ctx, expected, value, Source(f"`{name}`", span))
    for size, symbol in tuple(ctx.existentials.items()):
        solved = fit.substitution.values.get(size)
        binding = ctx.find(size)
        if isinstance(solved, Int) and binding is not None and symbol.owner == existential_owner(ctx.owner):
            binding.value = solved
    result = fit.substitution.value(expected)
    if isinstance(result, Tensor) and result.within is None and isinstance(value, Tensor):
        return Tensor(result.dtype, result.shape, value.within)
    return value if isinstance(result, ListKind) else result


def let(ctx: Context, node: syntax.Let) -> None:
    expected = written.annotation(ctx, node.type) if node.type is not None else None
    value = governed(ctx, node.value, node.local, expected)
    name = node.pattern.text if isinstance(node.pattern, syntax.Identifier) else "the value"
    value = _typed(ctx, name, expected, value, node.value.span)
    lists.bind_pattern(ctx, node.pattern, value)


def var(ctx: Context, node: syntax.Var) -> None:
    name = node.name.text
    by_index = _indexed_type(ctx, node.type) if node.type is not None else None
    if by_index is not None:
        index, type_ = by_index
        ctx.indexed[name] = (index, type_)
        expected: Value | None = loops.at(ctx, type_, index, ZERO)
    else:
        expected = written.annotation(ctx, node.type) if node.type is not None else None
    value = governed(ctx, node.value, node.local, expected)
    value = _typed(ctx, name, expected, value, node.value.span)
    ctx.bind(name, value, node.name.span, mutable=True)
    ctx.values.append((node.name.span, value))


def _indexed_type(ctx: Context, node: syntax.Type) -> tuple[str, Value] | None:
    """A variable's type that depends on the index of a loop that follows: the index's name, and the type."""
    mentioned = {item.text for item in _names(node)}
    index = next((name for name in sorted(ctx.loops & mentioned) if ctx.find(name) is None), None)
    if index is None:
        return None
    with ctx.block():
        ctx.bind(index, Int(of(Symbol(index, index_owner(ctx, index), 0))), node.span)
        before = len(ctx.problems)
        type_ = written.annotation(ctx, node)
        # How far the index goes, the loop tells; what has this type was made of elements that are there.
        ctx.problems[before:] = [found for found in ctx.problems[before:] if not isinstance(found, OutOfRange)]
        return index, type_


def _names(node: syntax.Node) -> Iterator[syntax.Name]:
    for child in syntax.children(node):
        if isinstance(child, syntax.Name):
            yield child
        yield from _names(child)


def index_owner(ctx: Context, name: str) -> str:
    return f"{ctx.owner}@{name}"


def assign(ctx: Context, node: syntax.Assign) -> None:
    value = governed(ctx, node.value, node.local, None)
    parts = (value,) if len(node.names) == 1 else lists.unpacked(ctx, value, len(node.names), node.value.span)
    for name, part in zip(node.names, parts, strict=True):
        binding = ctx.find(name.text)
        if binding is None or not binding.mutable:
            declared = ctx.place(binding.span) if binding is not None else None
            if name.text:  # Else the syntax has said that a name is missing.
                ctx.report(NotRebindable(name.span, name.text, declared))
            if binding is None:
                ctx.bind(name.text, part, name.span)
            continue
        for scope in reversed(ctx.scopes):
            if name.text in scope:
                scope[name.text] = Binding(part, binding.span, mutable=True, used=binding.used, made_by=node)
                break
        ctx.values.append((name.span, part))


def sub(ctx: Context, frame: Frame, node: syntax.Sub) -> None:
    clauses.check_local(ctx, node.local)
    if not frame.is_model:
        ctx.report(MisplacedStatement(node.span, "a `fn` owns no parts", "declare a `model`"))
    elif frame.in_loop:
        remedy = "use a list: `sub parts = [Part[...] for _ in range(n)]`"
        ctx.report(MisplacedStatement(node.span, "a `sub` in a loop would be one part for each step", remedy))
    value = models.instantiate(ctx, expressions.infer(ctx, node.value), node.value.span)
    if node.type is not None:
        wanted = written.annotation(ctx, node.type)
        fits(ctx, wanted, value, Source(f"`{node.name.text}`", node.value.span))
    ctx.bind(node.name.text, value, node.name.span)
    ctx.values.append((node.name.span, value))
    frame.members.append((node.name.text, value))


def param(ctx: Context, frame: Frame, node: syntax.Param) -> None:
    clauses.check_local(ctx, node.local)
    if not frame.is_model:
        ctx.report(MisplacedStatement(node.span, "a `fn` owns no weights", "declare a `model`"))
    elif frame.in_loop:
        remedy = "declare it before the loop, with one more axis"
        ctx.report(MisplacedStatement(node.span, "a `param` in a loop would be one weight for each step", remedy))
    elif frame.in_branch:
        reason = "a `param` under an `if` on a tensor would exist for some inputs only"
        ctx.report(MisplacedStatement(node.span, reason, "declare it before the `if`"))
    type_ = written.annotation(ctx, node.type)
    if type_ != UNKNOWN and not isinstance(type_, Tensor):
        ctx.report(TypeMismatch(node.type.span, "a tensor type", str(type_)))
        type_ = UNKNOWN
    if node.init is not None:
        initialisers.check(ctx, node.init)
    if isinstance(type_, Tensor):
        for size in type_.shape:
            if isinstance(size, Dim):
                arguments.nonnegative(ctx, size, node.type.span)
    dtype = clauses.plain_dtype(ctx, node.local)
    if dtype is not None and isinstance(type_, Tensor) and isinstance(type_.dtype, Policy) and not ctx.lenient:
        type_ = Tensor(dtype, type_.shape, type_.within)
    ctx.bind(node.name.text, type_, node.name.span)
    ctx.values.append((node.name.span, type_))
    frame.members.append((node.name.text, type_))


# -------------------------------------------------------------------------------------------------------------- results


def give_back(ctx: Context, frame: Frame, value: Value, span: Span, parts: tuple[Span, ...] = ()) -> None:
    """`return value`."""
    expected = frame.signature.result
    ctx.values.append((span, value))
    if expected is not None:
        frame.result = expected
        if value == UNKNOWN:
            return
        declared = Related(ctx.place(frame.signature.result_span), f"the result is declared as `{expected}` here")
        source = Source(f"the result of `{frame.signature.name}`", span, (declared,), parts)
        fit = fits(ctx, expected, value, source)
        if not fit.failed:
            _keep_promises(ctx, frame, fit.substitution, span)
        return
    if frame.result is None:
        frame.result = calls.settled(ctx, value)
        return
    joined = expressions.join(ctx, frame.result, value)
    if joined is None:
        ctx.report(BranchesDiffer(span, "the result", str(frame.result), str(value)))
        frame.result = UNKNOWN
    else:
        frame.result = joined


def _keep_promises(ctx: Context, frame: Frame, solved: Substitution, span: Span) -> None:
    for promise in frame.signature.promises:
        constraint = solved.constraint(promise)
        unproved = ctx.prove(constraint)
        if unproved is not None:
            evidence = evidence_of(ctx, unproved)
            origins = ctx.origin_of_constraint(constraint)
            here = restated(constraint, render(promise))
            ctx.report(
                UnmetRequirement(span, frame.signature.name, render(promise), here, evidence=evidence, origins=origins)
            )


def assert_(ctx: Context, node: syntax.Assert) -> None:
    constraint = expressions.constraint(ctx, node.constraint)
    if constraint is None:
        return
    unproved = ctx.prove(constraint)
    if unproved is not None:
        origins = ctx.origin_of_constraint(constraint)
        evidence = evidence_of(ctx, unproved)
        ctx.report(AssertionFails(node.constraint.span, render(constraint), evidence=evidence, origins=origins))
    ctx.assume(constraint)


# ------------------------------------------------------------------------------------------------------------- branches


def _branch(ctx: Context, frame: Frame, node: syntax.If) -> bool:
    test = expressions.infer(ctx, node.test)
    match test:
        case Bool(value=condition):
            known = expressions.decided(ctx, condition)
            if known is not None:
                expressions.narrow(ctx, condition if known else expressions.negated(condition))
                return _chosen(ctx, frame, node.then if known else node.otherwise)
            return _both(ctx, frame, node, condition)
        case Tensor(dtype=dtype, shape=()) if dtype == BOOL:
            before = frame.in_branch
            frame.in_branch = True
            ended = _both(ctx, frame, node, None)
            frame.in_branch = before
            return ended
        case Unknown():
            return _both(ctx, frame, node, None)
        case _:
            ctx.report(TypeMismatch(node.test.span, "bool", "int" if isinstance(test, Int) else str(test)))
            return _both(ctx, frame, node, None)


def _chosen(ctx: Context, frame: Frame, node: syntax.Block | syntax.If | None) -> bool:
    if node is None:
        return False
    ctx.scopes.append({})
    ended = block(ctx, frame, node) if isinstance(node, syntax.Block) else statement(ctx, frame, node)
    ctx.scopes.pop()
    return ended


def _both(ctx: Context, frame: Frame, node: syntax.If, condition: Constraint | None) -> bool:
    """Check both sides, each under its own facts; what they assign must have one type afterwards."""
    before = variables(ctx)
    known = ctx.known
    with ctx.block():
        if condition is not None:
            expressions.narrow(ctx, condition)
        then_ends = _chosen(ctx, frame, node.then)
    after_then = variables(ctx)
    restore(ctx, before)
    with ctx.block():
        if condition is not None:
            expressions.narrow(ctx, expressions.negated(condition))
        else_ends = _chosen(ctx, frame, node.otherwise)
    after_else = variables(ctx)
    ctx.known = known
    if then_ends and condition is not None and not else_ends:
        expressions.narrow(ctx, expressions.negated(condition))
    if else_ends and condition is not None and not then_ends:
        expressions.narrow(ctx, condition)
    for name, value in after_then.items():
        other = after_else.get(name, UNKNOWN)
        if then_ends or else_ends:
            rebind(ctx, name, other if then_ends else value)
            continue
        joined = expressions.join(ctx, value, other)
        if joined is None:
            ctx.report(BranchesDiffer(node.span, f"`{name}`", str(value), str(other)))
            joined = UNKNOWN
        rebind(ctx, name, joined)
    return then_ends and else_ends


def variables(ctx: Context) -> dict[str, Value]:
    """The values of all `var`s in scope."""
    return {name: b.value for scope in ctx.scopes for name, b in scope.items() if b.mutable}


def restore(ctx: Context, values: dict[str, Value]) -> None:
    for name, value in values.items():
        rebind(ctx, name, value)


def rebind(ctx: Context, name: str, value: Value) -> None:
    binding = ctx.find(name)
    if binding is not None and binding.mutable:
        binding.value = value
