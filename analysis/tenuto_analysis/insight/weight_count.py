"""How many numbers the weights of a model are, as a size: with names where a caller decides."""

from __future__ import annotations

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.database import Database, query
from tenuto_analysis.dims import ZERO, Dim, conditional, leaves, literal, substitute
from tenuto_analysis.insight.survey import Survey, survey
from tenuto_analysis.shapes import Known, has_pack, product
from tenuto_analysis.signature import Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import Bool, Instance, ListValue, Reference, Sequence, Tensor, Value
from tenuto_grammar import syntax

_COUNTED_ONE_BY_ONE = 64  # Elements of a list whose sizes differ.


@query
def weight_count(db: Database, file: str, model: str) -> Dim | None:
    """The weights of a model and of its parts; None where that is not known: for a part that the caller chooses."""
    node = modules.declaration(db, file, model)
    if not isinstance(node, syntax.Definition) or not isinstance(node.body, syntax.Block):
        return ZERO if isinstance(node, syntax.Definition) else None
    return _block(db, survey(db, file, model), dict(queries.members(db, file, model)), node.body.statements)


def count_of(db: Database, model: Reference) -> Dim | None:
    """The weights of a model with its generic arguments; None where they are not all known."""
    total = weight_count(db, model.file, model.name)
    signature = queries.signature(db, model.file, model.name)
    if total is None or signature is None:
        return None
    found = Substitution(signature.owner, Known(), bound_generics(signature, model)).dim(total)
    return None if any(getattr(leaf, "owner", "") == signature.owner for leaf in leaves(found)) else found


def bound_generics(signature: Signature, model: Reference) -> dict[str, Value]:
    """What the generics of a declaration stand for in a reference to it: as written, or by default."""
    substitution = Substitution(signature.owner, Known())
    ordered = [generic.name for generic in signature.generics if not generic.pack]
    unnamed = [value for key, value in model.arguments if key is None]
    substitution.values.update(zip(ordered, unnamed, strict=False))
    substitution.values.update((key, value) for key, value in model.arguments if key is not None)
    for generic in signature.generics:
        if generic.name not in substitution.values and generic.default is not None:
            substitution.values[generic.name] = substitution.value(generic.default)
    return substitution.values


def _block(
    db: Database, known: Survey, members: dict[str, Value], statements: tuple[syntax.Statement, ...]
) -> Dim | None:
    total = ZERO
    for position, node in enumerate(statements, 1):
        match node:
            case syntax.Param(name=name) | syntax.Sub(name=name):
                count = _count(db, _solved(known, known.defined.get(name.span) or members.get(name.text)))
            case syntax.If():
                rest = _block(db, known, members, statements[position:])
                return _sum(total, _branch(db, known, members, node, rest))
            case _:
                count = ZERO
        if count is None:
            return None
        total = total + count
    return total


def _branch(db: Database, known: Survey, members: dict[str, Value], node: syntax.If, rest: Dim | None) -> Dim | None:
    """The weights of an `if` and of the statements after it, which a branch that returns does not reach."""
    then = _side(_block(db, known, members, node.then.statements), node.then, rest)
    otherwise = rest
    match node.otherwise:
        case syntax.Block(statements=statements) as block:
            otherwise = _side(_block(db, known, members, statements), block, rest)
        case syntax.If() as other:
            otherwise = _branch(db, known, members, other, rest)
        case None:
            pass
    if then is None or otherwise is None:
        return None
    test = known.types.get(node.test.span)
    if then is otherwise or not isinstance(test, Bool):
        return then if then is otherwise else None
    return conditional(test.value, then, otherwise)


def _side(count: Dim | None, block: syntax.Block, rest: Dim | None) -> Dim | None:
    returns = bool(block.statements) and isinstance(block.statements[-1], syntax.Return)
    return count if returns else _sum(count, rest)


def _sum(left: Dim | None, right: Dim | None) -> Dim | None:
    return left + right if left is not None and right is not None else None


def _solved(known: Survey, value: Value | None) -> Value | None:
    """A part with the generic arguments that a call fixes, where its `sub` left them out."""
    match value:
        case Instance(model=Reference(file=file, name=model, arguments=())):
            for found in known.calls.values():
                if (found.signature.file, found.signature.key) == (file, model):
                    return Instance(Reference(file, model, tuple(found.values.items())))
        case _:
            pass
    return value


def _count(db: Database, value: Value | None) -> Dim | None:
    match value:
        case Tensor(shape=shape):
            return None if has_pack(shape) else product(shape)
        case Instance(model=Reference() as model):
            return count_of(db, model)
        case ListValue(items=items):
            counts = [_count(db, item) for item in items]
            found = [count for count in counts if count is not None]
            return sum(found, ZERO) if len(found) == len(counts) else None
        case Sequence(element=element, index=index, length=length):
            one = _count(db, element)
            if one is None or index not in leaves(one):
                return one * length if one is not None else None
            if length.constant is None or length.constant > _COUNTED_ONE_BY_ONE:
                return None
            steps = [substitute(one, {index: literal(i)}.get) for i in range(length.constant)]
            return sum(steps, ZERO)
        case _:
            return None
