"""Whether a value fits where somebody types: as an argument, a generic argument, an operand, a result.

What fits is ranked first; nothing is left out for it, because a mistake elsewhere may be the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenuto_analysis.check import matching, queries
from tenuto_analysis.check.context import Context, existential_owner
from tenuto_analysis.check.matching import Fit, LaterSize, Source, match_value
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import BOOL, in_class
from tenuto_analysis.insight.cursor import HOLE, Cursor, Seen
from tenuto_analysis.insight.weight_count import bound_generics
from tenuto_analysis.shapes import Failure, Known, broadcast
from tenuto_analysis.signature import ParameterSignature, Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    UNKNOWN,
    Bool,
    DTypeKind,
    DTypeValue,
    Float,
    Instance,
    Int,
    KindValue,
    ModelBound,
    Module,
    OptionalValue,
    RecordKind,
    RecordValue,
    Reference,
    StaticKind,
    Str,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import BinaryOperator
from tenuto_grammar.text import Span

Test = Callable[[Value], bool | None]  # None: nothing is known of it.

_NOWHERE = Source("", Span(0, 0))
_STATIC: Mapping[StaticKind, tuple[type, ...]] = {
    StaticKind.INT: (Int,),
    StaticKind.DIM: (Int,),
    StaticKind.BOOL: (Bool,),
    StaticKind.FLOAT: (Int, Float),
    StaticKind.STR: (Str,),
    StaticKind.PATTERN: (Str,),
}


class Called:
    """The call or the generic arguments round the cursor: what is called, and what is solved of it so far."""

    def __init__(self, signature: Signature, fit: Fit, taken: frozenset[str], active: str | None) -> None:
        self.signature = signature
        self.fit = fit
        self.taken = taken  # The parameters that have an argument already.
        self.active = active  # The parameter that the cursor gives an argument to.

    @property
    def parameter(self) -> ParameterSignature | None:
        return next((item for item in self.signature.parameters if item.name == self.active), None)


def signature_of(db: Database, value: Value | None) -> tuple[Signature, dict[str, Value]] | None:
    """What a callee takes, and what its generics are as written."""
    match value:
        case Instance(model=Reference() as reference) | (Reference() as reference):
            signature = queries.signature(db, reference.file, reference.name)
            if signature is None:
                return None
            return signature, bound_generics(signature, reference) if reference.arguments else {}
        case _:
            return None


def called_at(db: Database, cursor: Cursor, seen: Seen) -> Called | None:
    """The call whose arguments the cursor is in."""
    for index in reversed(range(len(cursor.path))):
        node = cursor.path[index]
        if isinstance(node, syntax.Call) and _in_arguments(node, cursor):
            above = cursor.path[index - 1]
            piped = above.left if isinstance(above, syntax.Pipe) and above.right is node else None
            return call_of(db, cursor, seen, node, piped)
        if isinstance(node, syntax.Subscript) and not node.base.span.start <= cursor.word.start <= node.base.span.end:
            return None
    return None


def _in_arguments(node: syntax.Call, cursor: Cursor) -> bool:
    return cursor.word.start > node.callee.span.end


def call_of(
    db: Database, cursor: Cursor, seen: Seen, node: syntax.Call, piped: syntax.Expression | None
) -> Called | None:
    """What is called, with the arguments that are there matched to its parameters."""
    types = seen.survey.types
    found = signature_of(db, types.get(node.callee.span))
    if found is None:
        return None
    signature, generics = found
    fit = Fit(Substitution(signature.owner, known_at(cursor, seen), dict(generics)))
    context = _context(db, cursor, seen)
    names = [item.name for item in signature.parameters]
    taken: set[str] = set()
    active: str | None = None
    first = (syntax.Argument(piped.span, None, piped),) if piped is not None else ()
    for index, argument in enumerate((*first, *node.arguments)):
        by_place = names[index] if index < len(names) else None
        name = argument.name.text if argument.name is not None else by_place
        if argument.span.start <= cursor.word.start <= argument.span.end and argument not in first:
            active = name if name != HOLE else None
        elif name is not None and name in names:
            taken.add(name)
            value = types.get(argument.value.span)
            parameter = signature.parameters[names.index(name)]
            if value is not None and not isinstance(parameter.type, KindValue):
                match_value(context, fit, parameter.type, value, _NOWHERE)
    return Called(signature, fit, frozenset(taken), active)


def _context(db: Database, cursor: Cursor, seen: Seen) -> Context:
    return Context(db, cursor.file, cursor.key, queries.owner_of(cursor.file, cursor.key), known_at(cursor, seen))


def known_at(cursor: Cursor, seen: Seen) -> Known:
    """What is known of sizes where the statement begins that the cursor is in."""
    for node in reversed(cursor.path):
        if node.span in seen.survey.known:
            return seen.survey.known[node.span]
    return Known()


# --------------------------------------------------------------------------------------------------------------- tests


def expected(db: Database, cursor: Cursor, seen: Seen) -> Test | None:
    """The test that a value passes which fits at the cursor; None where anything may stand."""
    if len(cursor.path) < 2:
        return None
    node, above = cursor.path[-1], cursor.path[-2]
    types = seen.survey.types
    match above:
        case syntax.Argument(value=value) if value is node:
            called = called_at(db, cursor, seen)
            parameter = called.parameter if called is not None else None
            if called is None or parameter is None:
                return None
            context = _context(db, cursor, seen)
            return lambda value: _fits_parameter(context, called.fit, parameter.type, value)
        case syntax.Return() | syntax.Definition():
            signature = queries.signature(db, cursor.file, cursor.key)
            return _of_type(db, cursor, seen, signature.result if signature is not None else None)
        case (
            syntax.Let(pattern=syntax.Identifier(span=span), type=syntax.Type())
            | syntax.Var(name=syntax.Identifier(span=span), type=syntax.Type())
        ):
            return _of_type(db, cursor, seen, seen.survey.defined.get(span))
        case syntax.Assign(names=(syntax.Identifier(text=text),)) if text in seen.names:
            return _of_type(db, cursor, seen, seen.value(seen.names[text]))
        case syntax.Binary(operator=operator, left=left, right=right):
            other = types.get((left if right is node else right).span)
            known = known_at(cursor, seen)
            return lambda value: _operands(known, operator, other, value, right is node)
        case syntax.Pipe(left=left, right=right) if right is node:
            piped = types.get(left.span)
            context = _context(db, cursor, seen)
            return lambda value: _takes(db, context, value, piped)
        case syntax.Subscript():
            return _generic_test(db, cursor, seen, above, node)
        case syntax.Named(name=name) if len(cursor.path) > 2 and isinstance(cursor.path[-3], syntax.Subscript):
            return _generic_test(db, cursor, seen, cursor.path[-3], node, name.text)
        case syntax.If() | syntax.While() | syntax.Conditional() | syntax.Assert() | syntax.Assume():
            return _may_be_condition
        case _:
            return None


def _of_type(db: Database, cursor: Cursor, seen: Seen, wanted: Value | None) -> Test | None:
    """The test for a type that is written."""
    if wanted is None or wanted == UNKNOWN:
        return None
    context = _context(db, cursor, seen)
    fit = Fit(Substitution(existential_owner(context.owner), context.known))
    return lambda value: _fits_parameter(context, fit, wanted, value)


def _may_be_condition(value: Value) -> bool | None:
    """What is static, or one truth value; a record may have such a field."""
    match value:
        case Tensor(dtype=dtype, shape=shape):
            return dtype == BOOL and not shape
        case Reference():
            return None
        case _:
            return isinstance(value, Bool | RecordValue)


def _fits_parameter(context: Context, fit: Fit, wanted: Value, value: Value) -> bool | None:
    if value == UNKNOWN or isinstance(value, Reference | Module):
        return None  # What a function gives, its arguments tell.
    match wanted:
        case OptionalValue(inner=inner):
            return _fits_parameter(context, fit, inner, value)
        case KindValue(kind=StaticKind() as kind):
            accepted = _STATIC.get(kind)
            return isinstance(value, accepted) if accepted is not None else None
        case KindValue():
            return isinstance(value, Int | TupleValue)
        case RecordKind(file=file, name=name):
            return isinstance(value, RecordValue) and (value.file, value.name) == (file, name)
        case _:
            pass
    own = Fit(
        Substitution(fit.substitution.owner, fit.substitution.known, dict(fit.substitution.values)),
        list(fit.later),
        dict(fit.bound_by),
        dict(fit.weak),
    )
    before = len(context.problems)
    match_value(context, own, wanted, value, _NOWHERE)
    failed = own.failed or len(context.problems) > before
    del context.problems[before:]
    return not failed and all(_holds(own, item) for item in own.later)


def _holds(fit: Fit, item: object) -> bool:
    """Whether a size that had to wait agrees; of packs and ranges nothing is said."""
    match item:
        case LaterSize(wanted=wanted, actual=actual):
            return fit.substitution.known.equal(fit.substitution.dim(wanted), actual)
        case _:
            return True


def _operands(known: Known, operator: BinaryOperator, other: Value | None, value: Value, right: bool) -> bool | None:
    if not isinstance(other, Tensor):
        return isinstance(value, Tensor | Int | Float) if other is not None else None
    tensor = matching.as_tensor(value)
    if tensor is None:
        return None if isinstance(value, Reference | Module) else False
    if matching.meet(other.dtype, tensor.dtype, lenient=False) is None:
        return False
    left_shape, right_shape = (other.shape, tensor.shape) if right else (tensor.shape, other.shape)
    if operator is BinaryOperator.MATMUL:
        if not left_shape or len(right_shape) < 2:
            return False
        inner, rows = left_shape[-1], right_shape[-2]
        return known.equal(inner, rows) if isinstance(inner, Dim) and isinstance(rows, Dim) else None
    shape = broadcast(known, left_shape, right_shape)
    return not isinstance(shape, Failure)


def _takes(db: Database, context: Context, callee: Value, piped: Value | None) -> bool | None:
    """Whether a callee takes a value as its first argument."""
    found = signature_of(db, callee)
    if found is None:
        return False
    signature, generics = found
    if piped is None or not signature.parameters:
        return None
    fit = Fit(Substitution(signature.owner, context.known, dict(generics)))
    return _fits_parameter(context, fit, signature.parameters[0].type, piped)


def _generic_test(
    db: Database,
    cursor: Cursor,
    seen: Seen,
    node: syntax.Subscript,
    hole: syntax.Node,
    name: str | None = None,
) -> Test | None:
    found = signature_of(db, seen.survey.types.get(node.base.span))
    if found is None:
        return None
    generics = [item for item in found[0].generics if not item.pack]
    if name is None:
        index = next((index for index, item in enumerate(node.indices) if item is hole), len(generics))
        generic = generics[index] if index < len(generics) else None
    else:
        generic = next((item for item in generics if item.name == name), None)
    return None if generic is None else lambda value: _is_of_kind(db, generic.kind, value)


def _is_of_kind(db: Database, kind: Value, value: Value) -> bool | None:
    match kind:
        case KindValue(kind=StaticKind() as static):
            accepted = _STATIC.get(static)
            return isinstance(value, accepted) if accepted is not None else None
        case RecordKind(file=file, name=name):
            return isinstance(value, RecordValue) and (value.file, value.name) == (file, name)
        case DTypeKind(bound=bound):
            return isinstance(value, DTypeValue) and in_class(value.dtype, bound)
        case ModelBound():
            return isinstance(value, Reference) and queries.keyword_of(db, value.file, value.name) == "model"
        case _:
            return None
