"""What a check infers inside of a declaration, by place. A check for findings keeps none of it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tenuto_analysis import modules, recursion
from tenuto_analysis.check import constants, definitions, deploys, queries, signatures
from tenuto_analysis.check.recorder import Recorder, Resolved
from tenuto_analysis.database import Database, query
from tenuto_analysis.shapes import Known
from tenuto_analysis.types import UNKNOWN, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


class Survey(Struct, frozen=True, eq=False):
    """Types by the span of an expression or of the name that is defined; calls and facts by the span of theirs.

    All spans are relative to the declaration. `known` tells what is known where a statement begins.
    """

    types: Mapping[Span, Value]
    defined: Mapping[Span, Value]
    calls: Mapping[Span, Resolved]
    known: Mapping[Span, Known]


EMPTY = Survey({}, {}, {}, {})


@query
def survey(db: Database, file: str, key: str) -> Survey:
    """Checks a declaration once more, and notes what is inferred on the way."""
    return survey_of(db, file, key, modules.declaration(db, file, key))


def survey_of(db: Database, file: str, key: str, node: syntax.Declaration | None) -> Survey:
    """As `survey`, of another syntax in the place of the declaration's own: one with a name where somebody types."""
    if key in recursion.circles(db, file):
        return EMPTY
    recorder = Recorder()
    defined: dict[Span, Value] = {}
    match node:
        case syntax.Definition():
            head = signatures.definition(db, file, key, node, recorder)
            defined.update((span, value) for _, value, span in head.bindings)
            defined.update(definitions.body(db, file, key, node, recorder).values)
        case syntax.TypeAlias():
            signatures.alias(db, file, key, node, recorder)
        case syntax.Record():
            signatures.record(db, file, key, node, recorder)
            record = queries.record(db, file, key)
            defined.update((field.span, field.type) for field in (record.fields if record is not None else ()))
        case syntax.Const():
            value = constants.constant(db, file, key, node, recorder).constant
            defined[node.name.span] = value
        case syntax.Deploy():
            deploys.deploy(db, file, key, node, recorder)
        case syntax.Import() | None:
            return EMPTY
    return Survey(_by_place(node, recorder), defined, recorder.calls, recorder.known)


def _by_place(root: syntax.Node, recorder: Recorder) -> dict[Span, Value]:
    found: dict[Span, Value] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        value = recorder.types.get(id(node))
        if value is not None and value != UNKNOWN:
            found[node.span] = value
        waiting += syntax.children(node)
    return found
