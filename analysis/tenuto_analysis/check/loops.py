"""Loops: static ones by induction or step by step, real ones by induction; what `collect` gathers."""

from __future__ import annotations

from itertools import pairwise

from tenuto_analysis.check import (
    builtins,
    expressions,
    lists,
    statements,
)
from tenuto_analysis.check.context import Context
from tenuto_analysis.diagnostics.statements import (
    LoopChangesType,
    LoopTooLong,
    MisplacedStatement,
)
from tenuto_analysis.diagnostics.types import TypeMismatch
from tenuto_analysis.dims import ONE, Dim, literal, of
from tenuto_analysis.dtypes import BOOL
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import UNKNOWN, Int, ListValue, Sequence, Tensor, Unknown, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


def for_loop(ctx: Context, frame: statements.Frame, node: syntax.For) -> bool:
    iterable = lists.iterated(ctx, expressions.infer(ctx, node.iterable), node.iterable.span)
    frame.collected.append({})
    before = frame.in_loop
    frame.in_loop = True
    match iterable:
        case ListValue(items=items):
            _static_loop(ctx, frame, node, items)
            length: Dim = literal(len(items))
            real = False
        case Sequence():
            _symbolic_loop(ctx, frame, node, iterable)
            length, real = iterable.length, iterable.real
        case _:
            with ctx.block():
                lists.bind_pattern(ctx, node.pattern, UNKNOWN)
                _quiet_body(ctx, frame, node.body)
            length, real = ONE, False
    frame.in_loop = before
    for name, value in frame.collected.pop().items():
        _bind_collected(ctx, name, value, length, real, _collecting(node.body, name) or node.span)
    return False


def _quiet_body(ctx: Context, frame: statements.Frame, body: syntax.Block) -> None:
    """Walk a body whose loop is not understood, for its names only."""
    problems = list(ctx.problems)
    statements.block(ctx, frame, body)
    ctx.problems[:] = problems


def _static_loop(ctx: Context, frame: statements.Frame, node: syntax.For, items: tuple[Value, ...]) -> None:
    """A loop over known elements: one step by induction where that does, else step by step."""
    if len(items) > 1 and all(item == items[0] for item in items) and _keeps_types(ctx, frame, node, items[0]):
        return
    ctx.steps += len(items)
    if len(items) > _UNROLLED or ctx.steps > _MOST_STEPS:
        _long_loop(ctx, frame, node, items)
        return
    if not items:
        return
    for item in items:
        problems = len(ctx.problems)
        _step(ctx, frame, node, item)
        if len(ctx.problems) > problems:
            for name in assigned(node.body):
                statements.rebind(ctx, name, UNKNOWN)
            return


def _long_loop(ctx: Context, frame: statements.Frame, node: syntax.For, items: tuple[Value, ...]) -> None:
    """A static loop that is too long to follow: elements that are alike, or count evenly, need one step only."""
    numbers = [item.value.constant for item in items if isinstance(item, Int)]
    if all(item == items[0] for item in items):
        _step_by_induction(ctx, frame, node, items[0])
    elif len(numbers) == len(items) and None not in numbers and _evenly(numbers):
        first, second = items[0], items[1]
        assert isinstance(first, Int)
        assert isinstance(second, Int)
        index = ctx.fresh("i", 0)
        element = Int(first.value + of(index) * (second.value - first.value))
        _symbolic_loop(ctx, frame, node, Sequence(element, index, literal(len(items))))
    else:
        ctx.report(LoopTooLong(node.iterable.span, len(items)))
        for name in assigned(node.body):
            statements.rebind(ctx, name, UNKNOWN)


def _evenly(numbers: list[int | None]) -> bool:
    steps = {b - a for a, b in pairwise(numbers) if a is not None and b is not None}
    return len(steps) == 1


def _keeps_types(ctx: Context, frame: statements.Frame, node: syntax.For, item: Value) -> bool:
    """Try one step: True where it reports nothing and leaves every variable's type as it was."""
    before, problems, values = statements.variables(ctx), len(ctx.problems), len(ctx.values)
    serial, collected = ctx.serial, dict(frame.collected[-1])
    _step(ctx, frame, node, item)
    after = statements.variables(ctx)
    same = all(expressions.join(ctx, value, after.get(name, UNKNOWN)) is not None for name, value in before.items())
    if same and len(ctx.problems) == problems:
        statements.restore(ctx, before)
        return True
    del ctx.problems[problems:]
    del ctx.values[values:]
    ctx.serial = serial
    frame.collected[-1] = collected
    statements.restore(ctx, before)
    return False


def _step(ctx: Context, frame: statements.Frame, node: syntax.For, item: Value) -> None:
    with ctx.block():
        lists.bind_pattern(ctx, node.pattern, item)
        statements.block(ctx, frame, node.body)


def _step_by_induction(ctx: Context, frame: statements.Frame, node: syntax.For, item: Value) -> None:
    before = statements.variables(ctx)
    _step(ctx, frame, node, item)
    _same_after(ctx, before, node)


def _same_after(ctx: Context, before: dict[str, Value], node: syntax.For | syntax.While) -> None:
    """The body keeps the type of every variable; ranges of values are not kept."""
    after = statements.variables(ctx)
    for name, value in before.items():
        now = after.get(name, UNKNOWN)
        joined = expressions.join(ctx, value, now)
        if joined is None:
            place = _assignment(node.body, name) or node.span
            ctx.report(LoopChangesType(place, name, str(value), str(now)))
            joined = UNKNOWN
        statements.rebind(ctx, name, joined)


def _symbolic_loop(ctx: Context, frame: statements.Frame, node: syntax.For, sequence: Sequence) -> None:
    """A loop whose length is not known here: the body is checked once, from step `i` to step `i + 1`."""
    if _index_name(node) not in ("", "_"):
        sequence = builtins.renamed(ctx, sequence, _index_name(node))
    index, length = sequence.index, sequence.length
    position = of(index)
    before = statements.variables(ctx)
    own = _index_name(node)
    indexed = {name: type_ for name, (index_name, type_) in ctx.indexed.items() if index_name == own and own}
    known = ctx.known
    with ctx.block():
        lists.assume_index(ctx, index, length)
        for name, value in indexed.items():
            statements.rebind(ctx, name, at(ctx, value, own, position))
        start = statements.variables(ctx)
        lists.bind_pattern(ctx, node.pattern, sequence.element)
        statements.block(ctx, frame, node.body)
        after = statements.variables(ctx)
        for name, value in start.items():
            wanted = at(ctx, indexed[name], own, position + 1) if name in indexed else value
            now = after.get(name, UNKNOWN)
            if expressions.join(ctx, wanted, now) is None:
                place = _assignment(node.body, name) or node.span
                ctx.report(LoopChangesType(place, name, str(wanted), str(now)))
                before[name] = UNKNOWN
    ctx.known = known
    for name, value in before.items():
        statements.rebind(
            ctx, name, at(ctx, indexed[name], own, length) if name in indexed and value != UNKNOWN else value
        )


def _index_name(node: syntax.For) -> str:
    return node.pattern.text if isinstance(node.pattern, syntax.Identifier) else ""


def at(ctx: Context, value: Value, name: str, index: Dim) -> Value:
    return Substitution(statements.index_owner(ctx, name), ctx.known, {name: Int(index)}).value(value)


def while_loop(ctx: Context, frame: statements.Frame, node: syntax.While) -> None:
    test = expressions.infer(ctx, node.test)
    if not isinstance(test, Unknown) and not (isinstance(test, Tensor) and test.dtype == BOOL and not test.shape):
        ctx.report(TypeMismatch(node.test.span, "bool[]", str(test)))
    frame.collected.append({})
    outer = frame.in_loop
    frame.in_loop = True
    before = statements.variables(ctx)
    with ctx.block():
        statements.block(ctx, frame, node.body)
    _same_after(ctx, before, node)
    frame.in_loop = outer
    size = of(ctx.fresh("steps", 0))
    for name, value in frame.collected.pop().items():
        _bind_collected(ctx, name, value, size, True, _collecting(node.body, name) or node.span)


def collect(ctx: Context, frame: statements.Frame, node: syntax.Collect) -> None:
    value = statements.governed(ctx, node.value, node.local, None)
    if not frame.collected:
        ctx.report(MisplacedStatement(node.span, "`collect` gathers the values of a loop, and this is none", None))
        return
    earlier = frame.collected[-1].get(node.name.text)
    if earlier is not None:
        joined = expressions.join(ctx, earlier, value)
        value = joined if joined is not None else UNKNOWN
    frame.collected[-1][node.name.text] = value
    ctx.values.append((node.name.span, value))


def _bind_collected(ctx: Context, name: str, value: Value, length: Dim, real: bool, span: Span) -> None:
    match value:
        case Tensor(dtype=dtype, shape=shape, within=within) if real:
            ctx.bind(name, Tensor(dtype, (length, *shape), within), span)
        case Unknown():
            ctx.bind(name, UNKNOWN, span)
        case _:
            ctx.bind(name, Sequence(value, ctx.fresh("i", 0), length), span)


def _collecting(node: syntax.Node, name: str) -> Span | None:
    """Where a loop's body collects under a name."""
    for child in syntax.children(node):
        if isinstance(child, syntax.Collect) and child.name.text == name:
            return child.name.span
        if isinstance(child, syntax.If | syntax.Block) and (found := _collecting(child, name)) is not None:
            return found
    return None


def assigned(body: syntax.Block) -> frozenset[str]:
    """The names that a body assigns to."""
    found: set[str] = set()
    for node in body.statements:
        match node:
            case syntax.Assign(names=names):
                found |= {name.text for name in names}
            case syntax.For(body=inner) | syntax.While(body=inner):
                found |= assigned(inner)
            case syntax.If():
                found |= _assigned_in_branches(node)
            case _:
                pass
    return frozenset(found)


def _assigned_in_branches(node: syntax.If) -> frozenset[str]:
    found = assigned(node.then)
    match node.otherwise:
        case syntax.Block() as other:
            return found | assigned(other)
        case syntax.If() as other:
            return found | _assigned_in_branches(other)
        case None:
            return found


def _assignment(body: syntax.Block, name: str) -> Span | None:
    """Where a body assigns to a name."""
    for node in body.statements:
        if isinstance(node, syntax.Assign) and any(target.text == name for target in node.names):
            return node.span
    return None


_UNROLLED = 256  # A static loop of at most so many steps is checked step by step where its types change.
_MOST_STEPS = 2048  # The same for all static loops of a body, those inside others counted each time.
