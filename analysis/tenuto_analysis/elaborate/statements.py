"""Statements: the checker binds the types, this binds what they stand for; static control flow is followed.

A list of statements is walked to its `return`. What follows an `if` that returns on one side only belongs to the other
side, so that a branch is a node with one result.
"""

from __future__ import annotations

from collections.abc import Sequence as Some

from tenuto_analysis.check import builtins, lists, loops
from tenuto_analysis.check import expressions as check
from tenuto_analysis.check import statements as checked
from tenuto_analysis.check.initialisers import INITIALISERS
from tenuto_analysis.dims import Dim, Leaf, literal, of
from tenuto_analysis.dtypes import BOOL, FLOAT, SCALARS, Policy, Scalar
from tenuto_analysis.elaborate import expressions, policies
from tenuto_analysis.elaborate.builder import Builder, Refusal, parts_of
from tenuto_analysis.elaborate.forms import Form, Several, rebuilt, tensors_in
from tenuto_analysis.graph import Argument, Block, If, Initialiser, Loop, Ssa
from tenuto_analysis.types import (
    Bool,
    Float,
    Int,
    ListValue,
    Sequence,
    Tensor,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


def walk(b: Builder, nodes: Some[syntax.Statement]) -> Form | None:
    """What the statements return; None where they end without."""
    for i, node in enumerate(nodes):
        outer, b.ctx.statement = b.ctx.statement, node
        if isinstance(node, syntax.If):
            known = _decided(b, node.test)
            if known is None:
                found, rest_is_in_it = _branch(b, node, nodes[i + 1 :])
            else:
                found, rest_is_in_it = _chosen(b, node.then if known else node.otherwise), False
        else:
            found, rest_is_in_it = _statement(b, node), False
        b.ctx.statement = outer
        if found is not None or rest_is_in_it:
            return found
    return None


def _statement(b: Builder, node: syntax.Statement) -> Form | None:
    match node:
        case syntax.Let():
            checked.let(b.ctx, node)
            form = _governed(b, node.value, node.local)
            b.bind_pattern(node.pattern, _as_bound(b, node.pattern, form, node.value.span))
        case syntax.Return():
            value = checked.governed(b.ctx, node.value, node.local, b.frame.signature.result)
            checked.give_back(b.ctx, b.frame, value, node.value.span)
            return b.stored(_governed(b, node.value, node.local), value, node.value.span)
        case syntax.Sub():
            checked.sub(b.ctx, b.frame, node)
            ruling = policies.ruling(b.ctx, node.local)
            b.bind(node.name.text, expressions.parts(node.name.text, _bound(b, node.name.text), ruling))
        case syntax.Param():
            _param(b, node)
        case syntax.Var():
            checked.var(b.ctx, node)
            form = _as_bound(b, node.name, _governed(b, node.value, node.local), node.value.span)
            b.bind(node.name.text, form)
        case syntax.Assign():
            checked.assign(b.ctx, node)
            form = _governed(b, node.value, node.local)
            forms = (form,) if len(node.names) == 1 else parts_of(form)
            for name, part in zip(node.names, forms, strict=True):
                value = _bound(b, name.text)
                explicit = isinstance(part, Ssa) and isinstance(value, Tensor) and isinstance(value.dtype, Scalar)
                b.rebind(name.text, b.stored(part, value, node.value.span) if explicit else part)
        case syntax.For():
            _for(b, node)
        case syntax.While():
            _while(b, node)
        case syntax.Collect():
            loops.collect(b.ctx, b.frame, node)
            b.collected[-1].setdefault(node.name.text, []).append(_governed(b, node.value, node.local))
        case syntax.Assert():
            checked.assert_(b.ctx, node)
        case syntax.Assume():
            constraint = check.constraint(b.ctx, node.constraint)
            if constraint is not None:
                b.ctx.assume(constraint)
                b.assumed.append((constraint, node.why.value if node.why is not None else ""))
        case syntax.If() | syntax.Broken():
            raise AssertionError("a branch is walked with what follows it; what is broken has an error")
    return None


def _governed(b: Builder, node: syntax.Expression, local: syntax.Local) -> Form:
    """An expression under the clauses of its statement."""
    with b.ruled(policies.ruling(b.ctx, local)):
        return expressions.build(b, node)


def _bound(b: Builder, name: str) -> Value:
    binding = b.ctx.find(name)
    assert binding is not None
    return binding.value


def _as_bound(b: Builder, pattern: syntax.Pattern, form: Form, span: Span) -> Form:
    """A number whose written type is a tensor is one from here on; a tensor has the dtype that is written.

    A `float` stays in the dtype that it was made in, and is cast where it is read.
    """
    if isinstance(pattern, syntax.Identifier) and pattern.text not in ("", "_"):
        value = _bound(b, pattern.text)
        if isinstance(value, Tensor) and isinstance(form, Ssa | Int | Float | Bool):
            kept = isinstance(form, Ssa) and isinstance(value.dtype, Policy)
            return form if kept else b.operand(form, value.dtype, span)
    return form


def _param(b: Builder, node: syntax.Param) -> None:
    checked.param(b.ctx, b.frame, node)
    type_ = _bound(b, node.name.text)
    assert isinstance(type_, Tensor)
    initialiser = _initialiser(b, node.init) if node.init is not None else None
    policy = policies.ruling(b.ctx, node.local).policy or b.own
    b.bind(node.name.text, b.weight(node.name.text, type_, initialiser, policy))


def _initialiser(b: Builder, node: syntax.Expression) -> Initialiser:
    match node:
        case syntax.Name(text=text) if text in INITIALISERS:
            return Initialiser(text, (), ())
        case syntax.Call(callee=syntax.Name(text=text), arguments=items) if text in INITIALISERS:
            values = [(item.name, check.infer(b.ctx, item.value)) for item in items]
            positional = tuple(value for name, value in values if name is None)
            return Initialiser(
                text, positional, tuple((name.text, value) for name, value in values if name is not None)
            )
        case _:
            return Initialiser("constant", (check.infer(b.ctx, node),), ())


# ------------------------------------------------------------------------------------------------------------- branches


def _decided(b: Builder, test: syntax.Expression) -> bool | None:
    """What a static condition is known to be; as a fact from here on."""
    value = check.infer(b.ctx, test)
    if not isinstance(value, Bool):
        return None
    known = check.decided(b.ctx, value.value)
    if known is not None:
        check.narrow(b.ctx, value.value if known else check.negated(value.value))
    return known


def _chosen(b: Builder, node: syntax.Block | syntax.If | None) -> Form | None:
    if node is None:
        return None
    b.scopes.append({})
    b.ctx.scopes.append({})
    found = walk(b, node.statements if isinstance(node, syntax.Block) else (node,))
    b.ctx.scopes.pop()
    b.scopes.pop()
    return found


def _branch(b: Builder, node: syntax.If, rest: Some[syntax.Statement]) -> tuple[Form | None, bool]:
    """A branch that a run decides; also whether the statements after it have become part of it."""
    condition = expressions.build(b, node.test)
    assert isinstance(condition, Ssa | Bool)
    returns = (_returns(node.then), _returns(node.otherwise))
    takes_rest = returns[0] != returns[1]
    before, types = _variables(b), checked.variables(b.ctx)
    known = b.ctx.known
    sides: list[tuple[Block, Form | None, dict[str, Form]]] = []
    for side, ends in ((node.then, returns[0]), (node.otherwise, returns[1])):
        block = Block()
        with b.into(block), b.inner():
            if isinstance(condition, Bool):
                check.narrow(b.ctx, condition.value if side is node.then else check.negated(condition.value))
            found = _chosen(b, side)
            if takes_rest and not ends:
                found = walk(b, rest)
            sides.append((block, found, _variables(b)))
        _restore(b, before)
        checked.restore(b.ctx, types)
    b.ctx.known = known
    decides = condition.value if isinstance(condition, Bool) else condition
    (then, given, after_then), (otherwise, other, after_else) = sides
    if given is not None and other is not None:
        result = _joined(b, then, otherwise, given, other, node.span)
        b.add(If(decides, then, otherwise, tuple(tensors_in(result)), b.place(node.span)))
        return result, True
    changed = [name for name in before if after_then[name] is not before[name] or after_else[name] is not before[name]]
    joined = _joined(
        b,
        then,
        otherwise,
        Several(tuple(after_then[name] for name in changed)),
        Several(tuple(after_else[name] for name in changed)),
        node.span,
    )
    b.add(If(decides, then, otherwise, tuple(tensors_in(joined)), b.place(node.span)))
    for name, form in zip(changed, parts_of(joined), strict=True):
        b.rebind(name, form)
        if isinstance(form, Ssa):
            checked.rebind(b.ctx, name, _kept(b, name, form))
    return None, False


def _returns(node: syntax.Block | syntax.If | None) -> bool:
    """Whether every way through ends in a `return`."""
    match node:
        case None:
            return False
        case syntax.If(then=then, otherwise=otherwise):
            return _returns(then) and _returns(otherwise)
        case syntax.Block(statements=statements):
            return any(
                isinstance(item, syntax.Return) or (isinstance(item, syntax.If) and _returns(item))
                for item in statements
            )


def _joined(b: Builder, then: Block, otherwise: Block, left: Form, right: Form, span: Span) -> Form:
    """What either side gives, as the results of the branch: the tensors of both are its blocks' results."""
    match left, right:
        case (Several(items=ours), Several(items=theirs)):
            return Several(tuple(_joined(b, then, otherwise, x, y, span) for x, y in zip(ours, theirs, strict=True)))
        case _ if left == right and not isinstance(left, Ssa):
            return left
        case _:
            dtype = _dtype_of_both(b, left, right)
            tensors = []
            for block, form in ((then, left), (otherwise, right)):
                with b.into(block):
                    tensors.append(b.tensor(form, dtype, span))
                block.results = (*block.results, tensors[-1])
            return Ssa(Tensor(dtype, tensors[0].type.shape))


def _dtype_of_both(b: Builder, left: Form, right: Form) -> Scalar:
    """The dtype in which the sides of a branch join: two that differ are both `float`."""
    found = {form.type.dtype for form in (left, right) if isinstance(form, Ssa)}
    if len(found) == 2:
        return b.scalar(FLOAT)
    return b.scalar(found.pop()) if found else SCALARS["f64"]


def _kept(b: Builder, name: str, form: Ssa) -> Value:
    """The type of a variable after it was joined: as the checker keeps it, `float` where it was `float`."""
    value = _bound(b, name)
    return Tensor(value.dtype, form.type.shape) if isinstance(value, Tensor) else value


def _variables(b: Builder) -> dict[str, Form]:
    return {name: form for name in checked.variables(b.ctx) if (form := b.find(name)) is not None}


def _restore(b: Builder, forms: dict[str, Form]) -> None:
    for name, form in forms.items():
        b.rebind(name, form)


# ---------------------------------------------------------------------------------------------------------------- loops


def _for(b: Builder, node: syntax.For) -> None:
    iterable = lists.iterated(b.ctx, check.infer(b.ctx, node.iterable), node.iterable.span)
    match iterable:
        case ListValue(items=items):
            _unrolled(b, node, items)
        case Sequence() if iterable.real:
            _loop(b, node, iterable)
        case _:
            raise Refusal(b.place(node.iterable.span), "how often this repeats must be known when a model is built")


def _unrolled(b: Builder, node: syntax.For, items: tuple[Value, ...]) -> None:
    forms = parts_of(expressions.build(b, node.iterable))
    b.frame.collected.append({})
    b.collected.append({})
    for value, form in zip(items, forms, strict=True):
        with b.inner():
            lists.bind_pattern(b.ctx, node.pattern, value)
            b.bind_pattern(node.pattern, form)
            walk(b, node.body.statements)
    for name, gathered in b.collected.pop().items():
        b.bind(name, Several(tuple(gathered)))
    values = b.frame.collected.pop()
    for name, value in values.items():
        b.ctx.bind(name, ListValue((value,) * len(items)), node.span)


def _loop(b: Builder, node: syntax.For, sequence: Sequence) -> None:
    """A loop over the range of a size, or over the first axis of a tensor."""
    walked = b.recorder.type_of(node.iterable)
    over = b.stored(expressions.build(b, node.iterable), walked, node.span) if isinstance(walked, Tensor) else None
    types = _settled_types(b, node)
    names = [name for name in types if name in loops.assigned(node.body)]
    index = b.ctx.fresh(node.pattern.text if isinstance(node.pattern, syntax.Identifier) else "i", 0)
    position = Ssa(Tensor(SCALARS["i64"], ()), str(index))
    element: Value = builtins.replace_leaf(b.ctx, sequence.element, sequence.index, of(index))
    initial, carried = _carried(b, names, types, node.span)
    body = Block()
    b.frame.collected.append({})
    b.collected.append({})
    with b.into(body), b.inner():
        lists.assume_index(b.ctx, index, sequence.length)
        form: Form = element
        if isinstance(over, Ssa):
            arguments: dict[str, Argument] = {"axis": Int(literal(0)), "index": Int(of(index))}
            form = b.move("select", over, arguments, over.type.shape[1:], node.iterable.span)
        lists.bind_pattern(b.ctx, node.pattern, element)
        b.bind_pattern(node.pattern, form)
        _carry(b, names, carried, types)
        walk(b, node.body.statements)
        _give(b, body, names, carried, node.span)
    _finish(b, node.span, sequence.length, index, position, initial, carried, None, body, names, types)


def _while(b: Builder, node: syntax.While) -> None:
    types = _settled_types(b, node)
    names = [name for name in types if name in loops.assigned(node.body)]
    index = b.ctx.fresh("step", 0)
    position = Ssa(Tensor(SCALARS["i64"], ()), str(index))
    initial, carried = _carried(b, names, types, node.span)
    test, body = Block(), Block()
    b.frame.collected.append({})
    b.collected.append({})
    with b.into(test), b.inner():
        _carry(b, names, carried, types)
        test.results = (b.tensor(expressions.infer(b, node.test), BOOL, node.test.span),)
    with b.into(body), b.inner():
        _carry(b, names, carried, types)
        walk(b, node.body.statements)
        _give(b, body, names, carried, node.span)
    _finish(b, node.span, None, index, position, initial, carried, test, body, names, types)


def _settled_types(b: Builder, node: syntax.For | syntax.While) -> dict[str, Value]:
    """The types that the variables have at every step, as the checker's own walk over the loop finds them."""
    before, known, serial = checked.variables(b.ctx), b.ctx.known, b.ctx.serial
    with b.ctx.block():
        if isinstance(node, syntax.For):
            loops.for_loop(b.ctx, b.frame, node)
        else:
            loops.while_loop(b.ctx, b.frame, node)
        types = {name: value for name, value in checked.variables(b.ctx).items() if name in before}
    checked.restore(b.ctx, before)
    b.ctx.known, b.ctx.serial = known, serial
    return types


def _carried(b: Builder, names: list[str], types: dict[str, Value], span: Span) -> tuple[tuple[Ssa, ...], list[Form]]:
    """What enters the loop, as tensors, and what stands for it inside."""
    initial: list[Ssa] = []
    carried: list[Form] = []
    for name in names:
        form = b.find(name)
        assert form is not None
        value = types[name]
        if isinstance(value, Tensor):
            form = b.operand(form, value.dtype, span)
        elif not isinstance(form, Several):
            dtype = SCALARS["i64"] if isinstance(value, Int) else SCALARS["f64"]
            form = b.tensor(form, dtype, span)
        tensors = list(tensors_in(form))
        initial += tensors
        inside = [Ssa(Tensor(t.type.dtype, t.type.shape), name) for t in tensors]
        if isinstance(value, Tensor):
            inside[0].type = Tensor(b.scalar(value.dtype), value.shape)
        carried.append(rebuilt(form, iter(inside)))
    return tuple(initial), carried


def _carry(b: Builder, names: list[str], carried: list[Form], types: dict[str, Value]) -> None:
    for name, form in zip(names, carried, strict=True):
        checked.rebind(b.ctx, name, types[name])
        b.rebind(name, form)


def _give(b: Builder, body: Block, names: list[str], carried: list[Form], span: Span) -> None:
    """What a step hands on, in the dtypes that it took, and what it collects."""
    given: list[Ssa] = []
    for name, inside in zip(names, carried, strict=True):
        form = b.find(name)
        assert form is not None
        wanted = list(tensors_in(inside))
        tensors = list(tensors_in(form)) or [b.tensor(form, b.scalar(wanted[0].type.dtype), span)]
        given += [b.cast(t, b.scalar(w.type.dtype), span) for t, w in zip(tensors, wanted, strict=True)]
    for name, gathered in b.collected[-1].items():
        given += tensors_in(b.stored(gathered[0], b.frame.collected[-1][name], span))
    body.results = tuple(given)


def _finish(
    b: Builder,
    span: Span,
    length: Dim | None,
    index: Leaf,
    position: Ssa,
    initial: tuple[Ssa, ...],
    carried: list[Form],
    test: Block | None,
    body: Block,
    names: list[str],
    types: dict[str, Value],
) -> None:
    inside = tuple(tensor for form in carried for tensor in tensors_in(form))
    steps = length if length is not None else of(b.ctx.fresh("steps", 0))
    stacked = [Tensor(r.type.dtype, (steps, *r.type.shape), r.type.within) for r in body.results[len(inside) :]]
    results = (*(Ssa(t.type) for t in inside), *(Ssa(type_) for type_ in stacked))
    b.add(Loop(length, index, position, initial, inside, test, body, results, b.place(span)))
    left = iter(results)
    for name, form in zip(names, carried, strict=True):
        b.rebind(name, rebuilt(form, left))
        checked.rebind(b.ctx, name, types[name])
    values = b.frame.collected.pop()
    for name, gathered in b.collected.pop().items():
        value = values[name]
        assert isinstance(value, Tensor)
        b.ctx.bind(name, Tensor(value.dtype, (steps, *value.shape), value.within), span)
        b.bind(name, rebuilt(gathered[0], left))
