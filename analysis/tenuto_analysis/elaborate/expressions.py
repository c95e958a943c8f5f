"""Expressions: what the checker has inferred for a node decides what it becomes."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.check import expressions as check
from tenuto_analysis.check import indexing, lists, matching
from tenuto_analysis.check.quantised import as_factor
from tenuto_analysis.dims import ONE, Dim, literal
from tenuto_analysis.dtypes import BOOL, DType, Policy
from tenuto_analysis.elaborate import calls, policies
from tenuto_analysis.elaborate.builder import Builder, Refusal, parts_of
from tenuto_analysis.elaborate.forms import Fields, Form, Part, Several, is_static
from tenuto_analysis.elaborate.policies import Ruling
from tenuto_analysis.graph import Argument, Block, If, Ssa
from tenuto_analysis.precision.policies import Field
from tenuto_analysis.shapes import broadcast
from tenuto_analysis.types import (
    NONE,
    Bool,
    Instance,
    Int,
    ListValue,
    Reference,
    Shape,
    Tensor,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import BinaryOperator, Comparison, UnaryOperator
from tenuto_grammar.text import Span

# The function of `std` that an operator means.
OPERATORS: Mapping[BinaryOperator, str] = {
    BinaryOperator.ADD: "add",
    BinaryOperator.SUBTRACT: "subtract",
    BinaryOperator.MULTIPLY: "multiply",
    BinaryOperator.DIVIDE: "divide",
    BinaryOperator.FLOOR_DIVIDE: "floor_divide",
    BinaryOperator.MODULO: "modulo",
    BinaryOperator.POWER: "power",
    BinaryOperator.AND: "logical_and",
    BinaryOperator.OR: "logical_or",
}
COMPARISONS: Mapping[Comparison, str] = {
    Comparison.EQUAL: "equal",
    Comparison.NOT_EQUAL: "not_equal",
    Comparison.LESS: "less",
    Comparison.LESS_EQUAL: "less_equal",
    Comparison.GREATER: "greater",
    Comparison.GREATER_EQUAL: "greater_equal",
}


def infer(b: Builder, node: syntax.Expression) -> Form:
    """An expression that nothing has inferred yet."""
    check.infer(b.ctx, node)
    return build(b, node)


def build(b: Builder, node: syntax.Expression) -> Form:
    """An expression that the checker has just walked."""
    value = b.recorder.type_of(node)
    if is_static(value):
        return value
    match node:
        case syntax.Parenthesized(inner=inner):
            return build(b, inner)
        case syntax.Name(text=text):
            form = b.find(text)
            if form is None:
                raise Refusal(b.place(node.span), f"the value of `{text}` is not known when the model is built")
            return form
        case syntax.Call():
            return calls.call(b, node.callee, _given(node.arguments), node.span)
        case syntax.Pipe(left=left, right=syntax.Call(callee=callee, arguments=items, span=span)):
            return calls.call(b, callee, ((None, left), *_given(items)), span)
        case syntax.Pipe(left=left, right=right):
            return calls.call(b, right, ((None, left),), right.span)
        case syntax.Binary():
            return _binary(b, node, value)
        case syntax.Compare():
            return _compare(b, node)
        case syntax.Unary(operator=operator, operand=operand):
            op = "logical_not" if operator is UnaryOperator.NOT else "negate"
            type_ = _tensor_type(value)
            return b.apply(op, {"x": b.operand(build(b, operand), type_.dtype, node.span)}, type_, node.span)
        case syntax.Cast(value=inner):
            form, dtype = build(b, inner), _tensor_type(value).dtype
            role = Field.STORAGE if isinstance(dtype, Policy) else None
            return b.tensor(form, b.scalar(dtype), node.span, role, written=True)
        case syntax.Subscript():
            return _subscript(b, node)
        case syntax.Attribute(base=base, name=name):
            return _field(b, build(b, base), b.recorder.type_of(base), name.text, value, node.span)
        case syntax.Element(base=base, index=index):
            return parts_of(build(b, base))[index]
        case syntax.Tuple(items=items) | syntax.ListLiteral(items=items):
            return Several(tuple(build(b, item) for item in items))
        case syntax.Comprehension():
            return _comprehension(b, node)
        case syntax.Conditional():
            return _conditional(b, node, value)
        case _:
            raise Refusal(b.place(node.span), "this expression cannot be built")


def _given(items: tuple[syntax.Argument, ...]) -> tuple[calls.Given, ...]:
    return tuple((item.name.text if item.name is not None else None, item.value) for item in items)


def _tensor_type(value: Value) -> Tensor:
    """The type of a run-time value; a number that only a run knows is a tensor without axes."""
    tensor = matching.as_tensor(value)
    assert tensor is not None, f"{value} is no tensor"
    return tensor


# ----------------------------------------------------------------------------------------------------------- arithmetic


def _binary(b: Builder, node: syntax.Binary, value: Value) -> Form:
    left, right = build(b, node.left), build(b, node.right)
    result = _tensor_type(value)
    op = "matmul" if node.operator is BinaryOperator.MATMUL else OPERATORS[node.operator]
    class_ = b.class_of(op)
    # A quotient of sizes is no size: both sides are floats before they meet.
    met = result.dtype if node.operator is BinaryOperator.DIVIDE else _met(b, node.left, node.right)
    first, second = ("base", "exponent") if node.operator is BinaryOperator.POWER else ("a", "b")
    operands = {
        name: b.operand(form, met, side.span, policies.taken(class_, name))
        for name, form, side in ((first, left, node.left), (second, right, node.right))
    }
    return b.apply(op, operands, result, node.span, policies.given(class_))


def _met(b: Builder, left: syntax.Expression, right: syntax.Expression) -> DType:
    """The dtype in which two operands meet."""
    one, other = (_tensor_type(b.recorder.type_of(side)).dtype for side in (left, right))
    met = matching.meet(as_factor(one, other), as_factor(other, one), b.ctx.lenient)
    assert met is not None
    return met


def _compare(b: Builder, node: syntax.Compare) -> Form:
    """A chain is the conjunction of its pairs."""
    found: Ssa | None = None
    forms = [build(b, operand) for operand in node.operands]
    for i, operator in enumerate(node.operators):
        left, right = node.operands[i], node.operands[i + 1]
        dtype = _met(b, left, right)
        operands = {"a": b.operand(forms[i], dtype, left.span), "b": b.operand(forms[i + 1], dtype, right.span)}
        pair = b.apply(COMPARISONS[operator], operands, Tensor(BOOL, _broadcast(b, operands)), node.span)
        if found is not None:
            both = {"a": found, "b": pair}
            pair = b.apply("logical_and", both, Tensor(BOOL, _broadcast(b, both)), node.span)
        found = pair
    assert found is not None
    return found


def _broadcast(b: Builder, operands: Mapping[str, Ssa]) -> Shape:
    left, right = (operand.type.shape for operand in operands.values())
    met = broadcast(b.ctx.known, left, right)
    assert isinstance(met, tuple), met
    return met


# -------------------------------------------------------------------------------------------------------- parts, fields


def _field(b: Builder, base: Form, base_type: Value, name: str, value: Value, span: Span) -> Form:
    match base, base_type:
        case Fields(fields=fields), _:
            return fields[name]
        case Part(path=path, ruling=outer), Instance(model=Reference() as model):
            inner = f"{path}.{name}"
            ruling = policies.of_member(b.ctx.db, model, name, outer.policy)
            match value:
                case Tensor():
                    return b.weight(inner, value, None, ruling.policy or b.own)
                case _:
                    return parts(inner, value, ruling)
        case _:
            raise Refusal(b.place(span), f"`.{name}` cannot be built")


def parts(path: str, value: Value, ruling: Ruling) -> Form:
    """What a `sub` names: a part by its path, or a list of parts."""
    match value:
        case Instance():
            return Part(path, ruling)
        case ListValue(items=items):
            return Several(tuple(parts(f"{path}.{i}", item, ruling) for i, item in enumerate(items)))
        case _:
            return value


# ------------------------------------------------------------------------------------------------------------- indexing


def _subscript(b: Builder, node: syntax.Subscript) -> Form:
    base = build(b, node.base)
    if isinstance(base, Ssa):
        return _tensor_index(b, base, node)
    (index,) = node.indices
    items = parts_of(base)
    if isinstance(index, syntax.Slice):
        ends = [
            b.recorder.type_of(part) if part is not None else NONE for part in (index.start, index.stop, index.step)
        ]
        return Several(items[slice(*(end.value.constant if isinstance(end, Int) else None for end in ends))])
    assert isinstance(index, syntax.Expression)
    position = b.recorder.type_of(index)
    if not isinstance(position, Int) or position.value.constant is None:
        raise Refusal(b.place(node.span), "which element this is must be known when the model is built")
    return items[position.value.constant]


def _tensor_index(b: Builder, base: Ssa, node: syntax.Subscript) -> Form:
    """`x[1:, -1, none, ...]`: all slices in one step, then what drops or looks up an axis, then the new axes."""
    shape = list(base.type.shape)
    used = sum(1 for item in node.indices if not isinstance(item, syntax.NoneLiteral | syntax.Ellipsis))
    whole = syntax.Slice(node.span, None, None, None)
    items: list[syntax.Index] = []
    for item in node.indices:
        items += [whole] * (len(shape) - used) if isinstance(item, syntax.Ellipsis) else [item]
    if not any(isinstance(item, syntax.Ellipsis) for item in node.indices):
        items += [whole] * (len(shape) - used)
    result = _sliced(b, base, [item for item in items if not isinstance(item, syntax.NoneLiteral)], node.span)
    axis, place = 0, 0  # of the tensor so far, and of the result
    new_axes: list[int] = []
    for item in items:
        match item:
            case syntax.NoneLiteral():
                new_axes.append(place)
                place += 1
            case syntax.Slice():
                axis, place = axis + 1, place + 1
            case _:
                assert isinstance(item, syntax.Expression)
                form = build(b, item)
                before = result.type.shape
                if isinstance(form, Ssa):
                    found = form.type.shape
                    arguments: dict[str, Argument] = {"index": form, "axis": Int(literal(axis))}
                    looked_up = (*before[:axis], *found, *before[axis + 1 :])
                    result = b.move("take", result, arguments, looked_up, node.span)
                    axis, place = axis + len(found), place + len(found)
                else:
                    assert isinstance(form, Int)
                    arguments = {"axis": Int(literal(axis)), "index": form}
                    result = b.move("select", result, arguments, before[:axis] + before[axis + 1 :], node.span)
    for position in new_axes:
        shape = list(result.type.shape)
        shape.insert(position, ONE)
        result = b.move("unsqueeze", result, {"axis": Int(literal(position))}, tuple(shape), node.span)
    return result


def _sliced(b: Builder, base: Ssa, items: list[syntax.Index], span: Span) -> Ssa:
    axes: list[Value] = []
    ends: tuple[list[Value], list[Value], list[Value]] = ([], [], [])
    shape = list(base.type.shape)
    for axis, item in enumerate(items):
        if not isinstance(item, syntax.Slice) or (item.start, item.stop, item.step) == (None, None, None):
            continue
        axes.append(Int(literal(axis)))
        for end, part in zip(ends, (item.start, item.stop, item.step), strict=True):
            end.append(b.recorder.type_of(part) if part is not None else NONE)
        size = shape[axis]
        assert isinstance(size, Dim)
        length = indexing.cut(b.ctx, item, size)
        assert length is not None
        shape[axis] = length
    if not axes:
        return base
    starts, stops, steps = (ListValue(tuple(end)) for end in ends)
    arguments = {"starts": starts, "stops": stops, "steps": steps, "axes": ListValue(tuple(axes))}
    return b.move("slice", base, arguments, tuple(shape), span)


# -------------------------------------------------------------------------------------------------- lists, conditionals


def _comprehension(b: Builder, node: syntax.Comprehension) -> Form:
    values = lists.iterated(b.ctx, b.recorder.type_of(node.iterable), node.iterable.span)
    if not isinstance(values, ListValue):
        raise Refusal(b.place(node.span), "how many elements this list has must be known when the model is built")
    forms = parts_of(build(b, node.iterable))
    found: list[Form] = []
    for value, form in zip(values.items, forms, strict=True):
        with b.inner():
            lists.bind_pattern(b.ctx, node.pattern, value)
            b.bind_pattern(node.pattern, form)
            found.append(infer(b, node.element))
    return Several(tuple(found))


def _conditional(b: Builder, node: syntax.Conditional, value: Value) -> Form:
    test = b.recorder.type_of(node.test)
    if isinstance(test, Bool):
        known = check.decided(b.ctx, test.value)
        if known is not None:
            return build(b, node.then if known else node.otherwise)
    type_ = _tensor_type(value)
    condition = build(b, node.test)
    sides: list[Block] = []
    for side in (node.then, node.otherwise):
        inner = Block()
        with b.into(inner):
            inner.results = (b.operand(build(b, side), type_.dtype, side.span),)
        sides.append(inner)
    result = b.value(type_)
    assert isinstance(condition, Ssa | Bool)
    decides = condition.value if isinstance(condition, Bool) else condition
    b.add(If(decides, sides[0], sides[1], (result,), b.place(node.span)))
    return result
