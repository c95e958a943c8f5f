"""The questions that the back end, the command line and the editors may ask of a program.

What leaves here is plain data: spans are offsets in the file, edits too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import (
    Diagnostic,
    Edit,
    Finding,
    Fix,
    Place,
    RelatedFinding,
    Severity,
)
from tenuto_analysis.diagnostics.names import (
    DuplicateName,
    ImportCycle,
    UnknownImport,
    UnknownModule,
    UnusedImport,
)
from tenuto_analysis.diagnostics.syntax import SyntaxProblem
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.modules import STD
from tenuto_analysis.suppression import suppressed
from tenuto_analysis.types import Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


@query
def findings(db: Database, file: str) -> tuple[Finding, ...]:
    """Everything that is wrong with a file, in the order of the text."""
    starts = {key: chunk.start for key, chunk in modules.chunks(db, file)}
    found: list[tuple[str, Diagnostic]] = []
    for key, _ in modules.keys(db, file):
        found += ((key, problem) for problem in checked(db, file, key))
    found += _module_problems(db, file)
    found = suppressed(db, file, found)
    result = [_finding(db, file, starts[key], problem) for key, problem in found]
    return tuple(sorted(result, key=lambda finding: (finding.span, finding.rule, finding.message)))


@query
def checked(db: Database, file: str, key: str) -> tuple[Diagnostic, ...]:
    """What is wrong with one declaration: its syntax, its head, its body."""
    parsed = modules.parsed(db, file, key)
    if parsed is None:
        return ()
    found: list[Diagnostic] = [
        SyntaxProblem(problem.span, problem.message, problem.help, tuple(Edit(e.span, e.text) for e in problem.edits))
        for problem in parsed.problems
    ]
    head = queries.interface(db, file, key).problems
    found += head
    found += queries.body(db, file, key).problems
    return _judged(found, bool(parsed.problems))


def _judged(found: list[Diagnostic], broken: bool) -> tuple[Diagnostic, ...]:
    """Each once. In a declaration that cannot be read whole, only errors count: a lint may be about what is missing."""
    seen: dict[tuple[Span, str], Diagnostic] = {}
    for problem in found:
        if not broken or problem.severity is Severity.ERROR:
            seen.setdefault((problem.span, problem.rule), problem)
    return tuple(seen.values())


def _finding(db: Database, file: str, start: int, problem: Diagnostic) -> Finding:
    related: list[RelatedFinding] = []
    for item in problem.related:
        place = item.place
        offset = next((c.start for key, c in modules.chunks(db, place.file) if key == place.declaration), 0)
        related.append(RelatedFinding(place.file, place.span.shifted(offset), item.message))
    fixes = tuple(
        Fix(fix.title, tuple(Edit(edit.span.shifted(start), edit.text) for edit in fix.edits)) for fix in problem.fixes
    )
    return Finding(
        file,
        problem.span.shifted(start),
        problem.rule,
        problem.severity,
        problem.message,
        problem.help,
        tuple(related),
        fixes,
    )


# ----------------------------------------------------------------------------------------------------------- the module


def _module_problems(db: Database, file: str) -> Iterator[tuple[str, Diagnostic]]:
    """What is wrong between the declarations of a file, and between files."""
    yield from _duplicates(db, file)
    used = _used_names(db, file)
    for found in modules.imports(db, file):
        node = modules.declaration(db, file, found.key)
        if isinstance(node, syntax.Import):
            yield from ((found.key, problem) for problem in _import(db, file, found, node, used))


def _duplicates(db: Database, file: str) -> Iterator[tuple[str, Diagnostic]]:
    first: dict[str, tuple[str, Span]] = {}
    for key, keyword in modules.keys(db, file):
        node = modules.declaration(db, file, key)
        if keyword in ("", "import") or node is None or isinstance(node, syntax.Import):
            continue
        name = node.name.text
        if name in first:
            before, span = first[name]
            yield key, DuplicateName(node.name.span, name, Place(file, before, span))
        elif name:
            first[name] = (key, node.name.span)


def _used_names(db: Database, file: str) -> frozenset[str]:
    used: set[str] = set()
    for key, keyword in modules.keys(db, file):
        if keyword not in ("", "import"):
            used |= queries.interface(db, file, key).used | queries.body(db, file, key).used
    return frozenset(used)


def _import(
    db: Database, file: str, found: modules.ImportedModule, node: syntax.Import, used: frozenset[str]
) -> Iterator[Diagnostic]:
    if modules.file_text(db, found.file) is None:
        near = nearest(found.path, (f"std.{name}" for name in modules.std_modules()))
        yield UnknownModule(node.path.span, found.path, found.file, near)
        return
    cycle = modules.import_cycle(db, file, found.key)
    if cycle:
        yield ImportCycle(node.path.span, tuple(modules.module_name(db, item) for item in cycle))
    offered = modules.offered(db, found.file)
    names = node.names or ()
    for item in names:
        if item.name.text and item.name.text not in offered:
            yield UnknownImport(item.name.span, found.path, item.name.text, nearest(item.name.text, offered))
    broken = any(modules.parsed_problems(db, file))
    if broken:
        return
    bound = [((item.alias or item.name).text, item.span, item) for item in names]
    if node.names is None:
        name = node.alias.text if node.alias is not None else node.path.parts[-1].text
        if name not in used:
            yield UnusedImport(node.span, name, Edit(node.span, ""))
        return
    for name, span, item in bound:
        if name not in used and item.name.text in offered:
            yield UnusedImport(span, name, _without(node, item))


def _without(node: syntax.Import, item: syntax.ImportedName) -> Edit:
    """The edit that takes one name out of an import, or the whole import where it is the only one."""
    names = node.names or ()
    if len(names) == 1:
        return Edit(node.span, "")
    index = names.index(item)
    if index + 1 < len(names):
        return Edit(Span(item.span.start, names[index + 1].span.start), "")
    return Edit(Span(names[index - 1].span.end, item.span.end), "")


# ------------------------------------------------------------------------------------------------------------ questions


@dataclass(frozen=True, slots=True)
class TypedSpan:
    """A place in a declaration with what was inferred for it; the span is an offset in the file."""

    span: Span
    value: Value


def value_types(db: Database, file: str, name: str) -> tuple[TypedSpan, ...]:
    """What each `let`, `var`, `return` and assignment of a definition was inferred to be, in order."""
    start = next((chunk.start for key, chunk in modules.chunks(db, file) if key == name), 0)
    return tuple(TypedSpan(span.shifted(start), value) for span, value in queries.body(db, file, name).values)


def result_type(db: Database, file: str, name: str) -> Value:
    """The result of a definition, as declared or as inferred."""
    signature = queries.signature(db, file, name)
    if signature is not None and signature.result is not None:
        return signature.result
    return queries.result_of(db, file, name)


def explain_operator(db: Database, name: str) -> str | None:
    """The documentation of a name of `std`, as Markdown: its declaration, its words, where it stands."""
    for module in modules.std_modules():
        file = str(STD / f"{module}.ten")
        if name not in modules.offered(db, file):
            continue
        node = modules.declaration(db, file, name)
        text = modules.chunk_text(db, file, name)
        if not isinstance(node, syntax.Definition) or text is None:
            continue
        head = text[node.span.start : node.body.span.start if node.body is not None else node.span.end].rstrip(" =\n")
        return f"# {name}\n\n```tenuto\n{head}\n```\n\n{node.doc or ''}\n\nDeclared in `std.{module}`.\n"
    return None
