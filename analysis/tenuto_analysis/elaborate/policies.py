"""Which policy is in force where: of a deploy, of a definition, of a part, of a call, of one statement.

The inner one wins. A definition without a clause takes the policy of its user: that of the statement, of the `sub`, or
of the definition that calls it. The body of a `wide` function is in the `wide` dtype of its user throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tenuto_analysis.check import clauses, queries
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.recorder import Resolved
from tenuto_analysis.database import Database, query
from tenuto_analysis.dtypes import Policy
from tenuto_analysis.modules import STD, declaration
from tenuto_analysis.precision.policies import F32, Field, Precision, widened
from tenuto_analysis.types import DTypeValue, Reference, Tensor, Value
from tenuto_grammar import syntax

# The file of `std` that declares what an operator of the language means.
_PRODUCT, _COMPARE, _ELEMENTWISE = "linear", "compare", "elementwise"
_DECLARED_IN: Mapping[str, str] = {
    "matmul": _PRODUCT,
    **dict.fromkeys(("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"), _COMPARE),
    **dict.fromkeys(("logical_and", "logical_or", "logical_not"), _COMPARE),
}


class Ruling(Struct, frozen=True):
    """What is said of a part or of one statement: its policy, where it has one of its own, and its targets."""

    policy: Precision | None = None
    target: tuple[str, ...] = ()


NOTHING = Ruling()


def ruling(ctx: Context, local: syntax.Local) -> Ruling:
    """The clauses of a statement."""
    if local.precision is None and not local.target:
        return NOTHING
    policy = clauses.policy(ctx, local.precision) if local.precision is not None else None
    return Ruling(policy, tuple(path.text for path in local.target))


@query
def of_definition(db: Database, file: str, key: str) -> Precision | None:
    """The policy that a definition's own clause names."""
    node = declaration(db, file, key)
    if not isinstance(node, syntax.Definition) or node.clauses.precision is None:
        return None
    return clauses.policy(Context(db, file, key, queries.owner_of(file, key)), node.clauses.precision)


def of_deploy(ctx: Context, node: syntax.Deploy) -> Precision:
    """The policy of a deploy, or that of its type; `f32`, where neither names one."""
    for setting in node.settings.settings:
        if setting.key.text == "precision" and not isinstance(setting.value, syntax.Range):
            return clauses.policy(ctx, setting.value) or F32
    return clauses.of_type(ctx.db, ctx.file, node.type) or F32


def of_call(db: Database, resolved: Resolved, user: Precision) -> Precision:
    """The policy in the body of what is called, where `user` is in force at the call, or for the part."""
    signature = resolved.signature
    own = of_definition(db, signature.file, signature.key) if signature.lenient else None
    if own is not None:
        return own
    if user.uniform or class_of(db, signature.file, signature.key) != "wide":
        return user
    return widened(user) if any(map(_is_float, resolved.values.values())) or _takes_float(resolved) else user


def _is_float(value: Value) -> bool:
    return isinstance(value, DTypeValue) and isinstance(value.dtype, Policy)


def _takes_float(resolved: Resolved) -> bool:
    types = (parameter.type for parameter in resolved.signature.parameters)
    return any(isinstance(type_, Tensor) and isinstance(type_.dtype, Policy) for type_ in types)


def class_of(db: Database, file: str, key: str) -> str:
    """The precision class of a definition; empty where it has none."""
    node = declaration(db, file, key)
    if isinstance(node, syntax.Definition) and node.clauses.precision_class is not None:
        return node.clauses.precision_class.text
    return ""


def class_of_operator(db: Database, op: str) -> str:
    """The precision class of the primitive that an operator of the language means."""
    return class_of(db, str(STD / f"{_DECLARED_IN.get(op, _ELEMENTWISE)}.ten"), op)


def taken(class_: str, parameter: str) -> Field:
    """What a policy says of an operand: those of a product are computed with, its bias is added to the sum."""
    match class_:
        case "product":
            return Field.ACCUMULATE if parameter == "bias" else Field.COMPUTE
        case "wide":
            return Field.WIDE
        case _:
            return Field.STORAGE


def given(class_: str) -> Field:
    """What a policy says of a result, before it is stored."""
    match class_:
        case "product":
            return Field.ACCUMULATE
        case "wide":
            return Field.WIDE
        case _:
            return Field.STORAGE


def of_member(db: Database, model: Reference, name: str, outer: Precision | None) -> Ruling:
    """What is said of a part or a weight of a model, where `outer` is the policy of the model's user."""
    node = declaration(db, model.file, model.name)
    if not isinstance(node, syntax.Definition):
        return NOTHING
    found = next((item for item in _members(node) if item.name.text == name), None)
    said = (
        ruling(Context(db, model.file, model.name, queries.owner_of(model.file, model.name)), found.local)
        if found
        else NOTHING
    )
    return Ruling(said.policy or of_definition(db, model.file, model.name) or outer, said.target)


def _members(node: syntax.Node) -> Iterator[syntax.Sub | syntax.Param]:
    for child in syntax.children(node):
        if isinstance(child, syntax.Sub | syntax.Param):
            yield child
        elif isinstance(child, syntax.Block | syntax.If):
            yield from _members(child)
