"""How a formula that goes wrong is written so that it does not: fixes at the operator that a hazard is told at.

A fix is a rewriting of the syntax: it is looked for at the operator itself and at what encloses it, and may follow a
name to its `let`. Whether it mends the hazard, the ranges say when the new text is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from msgspec import Struct

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Edit, Fix, Place
from tenuto_analysis.dtypes import SCALARS, Kind
from tenuto_analysis.ranges.formats import format_of, integer_bounds
from tenuto_grammar import syntax
from tenuto_grammar.syntax import BinaryOperator
from tenuto_grammar.text import Span

ENCLOSING = 5
"""How far around the operator a form is looked for."""
_NUMBERS = (syntax.Integer, syntax.Float)
_ATOMS = (*_NUMBERS, syntax.Name, syntax.Call, syntax.Parenthesized, syntax.Subscript, syntax.Attribute)


class _Source(Struct, frozen=True):
    """A declaration: its text, which spans are relative to, and the values of its `let`s by name."""

    text: str
    lets: dict[str, syntax.Expression]
    dtype: str

    def of(self, node: syntax.Node) -> str:
        return self.text[node.span.start : node.span.end]

    def operand(self, node: syntax.Expression) -> str:
        """The text of a node as it may stand beside an operator."""
        return self.of(node) if isinstance(node, _ATOMS) else f"({self.of(node)})"

    @property
    def largest(self) -> float:
        """The largest finite number of the dtype."""
        found = format_of(SCALARS[self.dtype]) if self.dtype in SCALARS else None
        return found.largest if found is not None else inf

    @property
    def small(self) -> str:
        """What keeps an argument from 0: a number that the dtype holds without loss of precision."""
        return "1e-6" if self.largest > 1e30 else "1e-4" if self.largest > 50000 else "0.02"

    @property
    def divisor(self) -> str:
        """What keeps a divisor from 0: by it a number of ordinary size may be divided."""
        return "1e-6" if self.largest > 1e30 else "0.01" if self.largest > 50000 else "0.125"

    @property
    def lowest(self) -> str:
        """What stands for -inf in a mask, far enough from the lowest number for something to be added."""
        return "-1e38" if self.largest > 1e30 else "-3e4" if self.largest > 50000 else "-200.0"


class _Rewriting(Struct, frozen=True):
    title: str
    span: Span
    text: str


def repairs(db: Database, rule: str, place: Place, dtype: str) -> tuple[Fix, ...]:
    """What would mend a hazard of `rule` at an operator whose result is of `dtype`, the best first."""
    node = modules.declaration(db, place.file, place.declaration)
    text = modules.chunk_text(db, (place.file, place.declaration))
    if node is None or text is None:
        return ()
    path = _path_to(node, place.span)
    source = _Source(text, dict(_lets(node)), dtype)
    found: dict[str, _Rewriting] = {}
    for at, item in enumerate(reversed(path[-ENCLOSING:])):
        for rewriting in _rewritings(source, item, rule, at == 0):
            found.setdefault(rewriting.title, rewriting)
    return tuple(Fix(item.title, (Edit(item.span, item.text),)) for item in found.values())


def _path_to(root: syntax.Node, span: Span) -> list[syntax.Node]:
    """The nodes that hold a span, from the outermost to the one that is it."""
    path = [root]
    while True:
        inner = [child for child in syntax.children(path[-1]) if _holds(child.span, span)]
        if not inner:
            return path
        path.append(inner[0])


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _lets(node: syntax.Node) -> Iterator[tuple[str, syntax.Expression]]:
    for child in syntax.children(node):
        if isinstance(child, syntax.Let) and isinstance(child.pattern, syntax.Identifier):
            yield child.pattern.text, child.value
        yield from _lets(child)


def _rewritings(source: _Source, node: syntax.Node, rule: str, is_place: bool) -> Iterator[_Rewriting]:
    match node:
        case syntax.Call():
            yield from _stable_call(source, node)
            if is_place and rule == "outside-domain":
                yield from _held_call(source, node)
            if is_place and rule == "long-sum":
                yield from _wider_sum(source, node)
            if rule in ("masked-row", "infinite-constant"):
                yield from _masked(source, node)
            if is_place and rule == "infinite-constant":
                yield from _representable(source, node)
        case syntax.Binary():
            yield from _stable_binary(source, node, rule)
            if is_place and rule == "outside-domain":
                yield from _held_binary(source, node)
        case syntax.Float() | syntax.Integer() if is_place and rule == "lost-epsilon":
            yield _Rewriting(f"write `{source.small}`, which {source.dtype} holds", node.span, source.small)
        case syntax.Unary() | syntax.Float() | syntax.Integer() if is_place and rule == "infinite-constant":
            yield from _representable(source, node)
        case syntax.Cast() if is_place and rule in ("cast-out-of-range", "saturation"):
            yield from _held_cast(source, node)
        case _:
            pass


# --------------------------------------------------------------------------------------------------------- stable forms


def _stable_call(source: _Source, node: syntax.Call) -> Iterator[_Rewriting]:
    argument = _only(node)
    if argument is None:
        return
    inner = _meant(source, argument)
    match _callee(node):
        case "log":
            yield from _log(source, node, inner)
        case "log1p":
            exponent = _argument_of(source, inner, "exp")
            if exponent is not None:
                yield _said(node, f"softplus({source.of(exponent)})")
        case "sqrt":
            exponent = _argument_of(source, inner, "exp")
            if exponent is not None:
                yield _said(node, f"exp(0.5 * {source.operand(exponent)})")
            centred = _variance(source, inner)
            if centred is not None:
                yield _said(node, f"sqrt({centred})")
        case "rsqrt":
            centred = _variance(source, inner)
            if centred is not None:
                yield _said(node, f"rsqrt({centred})")
        case _:
            pass


def _log(source: _Source, node: syntax.Call, inner: syntax.Expression) -> Iterator[_Rewriting]:
    match inner:
        case syntax.Call() if _callee(inner) == "softmax":
            yield _said(node, f"log_softmax({_arguments(source, inner)})")
        case syntax.Call() if _callee(inner) == "sigmoid":
            yield _said(node, f"log_sigmoid({_arguments(source, inner)})")
        case syntax.Call() if _callee(inner) == "sum" and inner.arguments:
            exponent = _argument_of(source, inner.arguments[0].value, "exp")
            if exponent is not None:
                yield _said(node, f"logsumexp({_joined(source, source.of(exponent), inner.arguments[1:])})")
        case syntax.Binary(operator=BinaryOperator.SUBTRACT, left=left, right=right) if _is_one(left):
            score = _argument_of(source, right, "sigmoid")
            if score is not None:
                yield _said(node, f"log_sigmoid(-{source.operand(score)})")
        case syntax.Binary(operator=BinaryOperator.ADD, left=left, right=right):
            for one, other in ((left, right), (right, left)):
                exponent = _argument_of(source, other, "exp")
                if _is_one(one) and exponent is not None:
                    yield _said(node, f"softplus({source.of(exponent)})")
        case _:
            pass


def _variance(source: _Source, node: syntax.Expression) -> str | None:
    """`mean(x * x, ...) - mean(x, ...) ** 2`, with or without an epsilon, as `variance(x, ...)`."""
    match node:
        case syntax.Binary(operator=BinaryOperator.ADD, left=left, right=right):
            found = _variance(source, left)
            return f"{found} + {source.of(right)}" if found is not None else None
        case syntax.Binary(operator=BinaryOperator.SUBTRACT, left=left, right=right):
            squares, mean = _meant(source, left), _square_of(source, _meant(source, right))
            first = _meant(source, mean) if mean is not None else None
            if not (isinstance(squares, syntax.Call) and isinstance(first, syntax.Call)):
                return None
            if _callee(squares) != "mean" or _callee(first) != "mean" or not squares.arguments or not first.arguments:
                return None
            base = _square_of(source, _meant(source, squares.arguments[0].value))
            if base is None or source.of(base) != source.of(first.arguments[0].value):
                return None
            return f"variance({_arguments(source, first)})"
        case _:
            return None


def _square_of(source: _Source, node: syntax.Expression) -> syntax.Expression | None:
    match node:
        case syntax.Binary(operator=BinaryOperator.MULTIPLY, left=left, right=right):
            return left if source.of(left) == source.of(right) else None
        case syntax.Binary(operator=BinaryOperator.POWER, left=left, right=syntax.Integer(value=2)):
            return left
        case syntax.Call() if _callee(node) == "square":
            return _only(node)
        case _:
            return None


def _stable_binary(source: _Source, node: syntax.Binary, rule: str) -> Iterator[_Rewriting]:
    match node.operator:
        case BinaryOperator.DIVIDE:
            exponent = _argument_of(source, node.left, "exp")
            total = _meant(source, node.right)
            if exponent is not None and isinstance(total, syntax.Call) and _callee(total) == "sum" and total.arguments:
                below = _argument_of(source, total.arguments[0].value, "exp")
                if below is not None and source.of(below) == source.of(exponent):
                    rest = tuple(item for item in total.arguments[1:] if item.name is None or item.name.text == "axis")
                    yield _said(node, f"softmax({_joined(source, source.of(exponent), rest)})")
            if rule == "overflow" and isinstance(node.left, syntax.Call) and _callee(node.left) == "sum":
                yield _wide(source, node, f"{_summed_wide(source, node.left)} / {source.of(node.right)}")
        case BinaryOperator.MULTIPLY if rule == "overflow":
            product = _bare(node.left)
            if isinstance(product, syntax.Binary) and product.operator is BinaryOperator.MATMUL:
                scaled = f"({source.of(product.left)} * {source.of(node.right)}) @ {source.of(product.right)}"
                yield _Rewriting("scale before the product", node.span, scaled)
        case _:
            pass


# ------------------------------------------------------------------------------------------------------ held in a range


def _held_call(source: _Source, node: syntax.Call) -> Iterator[_Rewriting]:
    argument = _only(node)
    if argument is None:
        return
    least = {"log": source.small, "log2": source.small, "log10": source.small, "rsqrt": source.small, "sqrt": "0.0"}
    low = least.get(name := _callee(node))
    if low is not None:
        held = f"{name}(maximum({source.of(argument)}, {low}))"
        yield _Rewriting(f"hold the argument at or above {low}", node.span, held)


def _held_binary(source: _Source, node: syntax.Binary) -> Iterator[_Rewriting]:
    if node.operator is BinaryOperator.DIVIDE:
        text = f"{source.of(node.left)} / maximum({source.of(node.right)}, {source.divisor})"
        yield _Rewriting(f"hold the divisor at or above {source.divisor}", node.span, text)
    if node.operator is BinaryOperator.POWER:
        negative = isinstance(node.right, syntax.Unary)
        low = source.small if negative else "0.0"
        text = f"maximum({source.of(node.left)}, {low}) ** {source.of(node.right)}"
        yield _Rewriting(f"hold the base at or above {low}", node.span, text)


def _held_cast(source: _Source, node: syntax.Cast) -> Iterator[_Rewriting]:
    dtype = SCALARS.get(source.of(node.dtype))
    if dtype is None:
        return
    bounds, found = integer_bounds(dtype), format_of(dtype)
    low, high = bounds if bounds is not None else (-found.largest, found.largest) if found is not None else (0, 0)
    ends = f"{low}, {high}" if bounds is not None else f"{float(low)!r}, {float(high)!r}"
    text = f"clamp({source.of(_bare(node.value))}, {ends}) as {source.of(node.dtype)}"
    yield _Rewriting(f"hold the values in the range of {source.of(node.dtype)}", node.span, text)


def _floats(source: _Source) -> bool:
    found = SCALARS.get(source.dtype)
    return found is not None and found.kind is Kind.FLOAT


def _masked(source: _Source, node: syntax.Call) -> Iterator[_Rewriting]:
    scores = _meant(source, node.arguments[0].value) if node.arguments else None
    if _callee(node) != "softmax" or not isinstance(scores, syntax.Call) or _callee(scores) != "where":
        return
    if len(scores.arguments) == 3:
        mask, kept, _ = (source.of(item.value) for item in scores.arguments)
        yield _said(node, f"masked_softmax({_joined(source, f'{kept}, {mask}', node.arguments[1:])})")


def _representable(source: _Source, node: syntax.Node) -> Iterator[_Rewriting]:
    """A number below all that the dtype holds, as one that it does hold."""
    match node:
        case syntax.Unary(operand=syntax.Float(value=value) | syntax.Integer(value=value)) if value > source.largest:
            yield _Rewriting(f"write `{source.lowest}`, which {source.dtype} holds", node.span, source.lowest)
        case _:
            for child in syntax.children(node):
                yield from _representable(source, child)


def _wider_sum(source: _Source, node: syntax.Call) -> Iterator[_Rewriting]:
    if node.arguments:
        kept = "f32" if _floats(source) else "i64"
        text = f"{_callee(node)}({_joined(source, _cast(source, node.arguments[0].value, kept), node.arguments[1:])})"
        yield _Rewriting(f"sum in {kept}", node.span, text)


def _summed_wide(source: _Source, node: syntax.Call) -> str:
    return f"sum({_joined(source, _cast(source, node.arguments[0].value, 'f32'), node.arguments[1:])})"


def _wide(source: _Source, node: syntax.Node, text: str) -> _Rewriting:
    return _Rewriting("compute in f32, and cast the result", node.span, f"({text}) as {source.dtype}")


def _cast(source: _Source, node: syntax.Expression, dtype: str) -> str:
    return f"{source.operand(node)} as {dtype}"


# --------------------------------------------------------------------------------------------------------------- syntax


def _said(node: syntax.Node, text: str) -> _Rewriting:
    return _Rewriting(f"write `{text}`", node.span, text)


def _callee(node: syntax.Expression) -> str:
    return node.callee.text if isinstance(node, syntax.Call) and isinstance(node.callee, syntax.Name) else ""


def _only(node: syntax.Call) -> syntax.Expression | None:
    """The argument of a call that has one, by its place."""
    return node.arguments[0].value if len(node.arguments) == 1 and node.arguments[0].name is None else None


def _argument_of(source: _Source, node: syntax.Expression, name: str) -> syntax.Expression | None:
    """The argument where a node means a call of `name`."""
    meant = _meant(source, node)
    return _only(meant) if isinstance(meant, syntax.Call) and _callee(meant) == name else None


def _meant(source: _Source, node: syntax.Expression) -> syntax.Expression:
    """What a node means: without parentheses, and a name as its `let` has it."""
    node = _bare(node)
    if isinstance(node, syntax.Name) and node.text in source.lets:
        return _bare(source.lets[node.text])
    return node


def _bare(node: syntax.Expression) -> syntax.Expression:
    while isinstance(node, syntax.Parenthesized):
        node = node.inner
    return node


def _is_one(node: syntax.Expression) -> bool:
    return isinstance(node, syntax.Integer | syntax.Float) and node.value == 1


def _arguments(source: _Source, node: syntax.Call) -> str:
    return ", ".join(source.of(item) for item in node.arguments)


def _joined(source: _Source, first: str, rest: Sequence[syntax.Argument]) -> str:
    return ", ".join([first, *(source.of(item) for item in rest)])
