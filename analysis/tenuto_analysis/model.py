"""The questions that the back end, the command line and the editors may ask of a program.

What leaves here is plain data: spans are offsets in the file, edits too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

from msgspec import Struct

from tenuto_analysis import modules, recursion
from tenuto_analysis.check import loading, queries
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import (
    Diagnostic,
    Edit,
    Finding,
    Fix,
    GraphProblem,
    Place,
    RelatedFinding,
    Severity,
    seen_from,
)
from tenuto_analysis.diagnostics.names import (
    DuplicateName,
    ImportCycle,
    UnknownImport,
    UnknownModule,
    UnknownName,
    UnusedImport,
)
from tenuto_analysis.diagnostics.statements import MissingReturn
from tenuto_analysis.diagnostics.syntax import SyntaxProblem
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.modules import STD
from tenuto_analysis.suppression import OF_GRAPHS, Allowed, allowed_in, suppressed
from tenuto_analysis.types import Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


def findings(db: Database, file: str) -> tuple[Finding, ...]:
    """Everything that is wrong with a file, in the order of the text."""
    return ordered((*quick_findings(db, file), *graph_findings(db, file)))


def ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order of the text."""
    return tuple(sorted(found, key=lambda finding: (finding.span, finding.rule, finding.message)))


@query
def quick_findings(db: Database, file: str) -> tuple[Finding, ...]:
    """What a check of each declaration by itself finds."""
    # What others need comes first, so that no query waits for a long chain of others.
    reports = {key: checked(db, file, key) for key in recursion.needs(db, file).order}
    found: list[tuple[str, Diagnostic]] = []
    allowed: list[Allowed] = []
    for key, keyword in modules.keys(db, file):
        report = reports[key]
        found += ((key, problem) for problem in report.problems)
        allowed += report.allowed
        if "#" in key and keyword not in ("", "import"):
            found += _duplicate(db, file, key)
    found += _imports(db, file, reports)
    return _told(db, file, [item for item in allowed if item.rule not in OF_GRAPHS], found)


@query
def graph_findings(db: Database, file: str) -> tuple[Finding, ...]:
    """What the graphs of a file's deploys show, which may take long to be known."""
    reports = [checked(db, file, key) for key, _ in modules.keys(db, file)]
    # An error hides the graphs: what they would show may be allowed all the same.
    hidden = any(problem.severity is Severity.ERROR for problem in quick_findings(db, file))
    allowed = [item for report in reports for item in report.allowed if item.rule in OF_GRAPHS and not hidden]
    return _told(db, file, allowed, [*_deployed(db, file)])


def _told(db: Database, file: str, allowed: list[Allowed], found: list[tuple[str, Diagnostic]]) -> tuple[Finding, ...]:
    """What no comment silences."""
    left = suppressed(allowed, found) if allowed else found
    # Where nothing is left, it does not matter that declarations have moved.
    starts = modules.starts(db, file) if left else {}
    return ordered(_finding(db, file, starts[key], problem) for key, problem in left)


class Report(Struct, frozen=True):
    """What the check of one declaration says: its problems, the names that it uses, the lints that it allows."""

    problems: tuple[Diagnostic, ...]
    used: frozenset[str]
    allowed: tuple[Allowed, ...]


@query
def checked(db: Database, file: str, key: str) -> Report:
    """What is wrong with one declaration: its syntax, its head, its body."""
    parsed = modules.parsed(db, file, key)
    if parsed is None:
        return Report((), frozenset(), ())
    head, body = queries.interface(db, file, key), queries.body(db, file, key)
    syntax_problems = tuple(
        SyntaxProblem(problem.span, problem.message, problem.help, tuple(Edit(e.span, e.text) for e in problem.edits))
        for problem in parsed.problems
    )
    found = [*head.problems, *body.problems, *_weights(db, file, key)]
    problems = _judged([*syntax_problems, *_beside(found, syntax_problems)] if syntax_problems else found)
    return Report(problems, head.used | body.used, allowed_in(db, file, key))


def _weights(db: Database, file: str, key: str) -> tuple[Diagnostic, ...]:
    """What is wrong with a deploy's weights. It takes the graph of the deploy, which most checks need not load."""
    if loading.known_file(db, file, key) is None:
        return ()
    found: tuple[Diagnostic, ...] = import_module("tenuto_analysis.elaborate.checkpoints").problems(db, file, key)
    return found


def _deployed(db: Database, file: str) -> tuple[tuple[str, Diagnostic], ...]:
    """What the graphs of a file's deploys show, each once. To make them takes what most checks need not load."""
    deploys = modules.deploys(db, file)
    if not deploys:
        return ()
    analysed = import_module("tenuto_analysis.deployed")
    found: list[GraphProblem] = [problem for key in deploys for problem in analysed.problems(db, file, key)]
    seen = [seen_from(problem, file) for problem in found]
    return tuple({(key, problem.span, problem.rule): (key, problem) for key, problem in reversed(seen)}.values())[::-1]


def _beside(found: list[Diagnostic], broken: tuple[SyntaxProblem, ...]) -> list[Diagnostic]:
    """What counts in a declaration that cannot be read whole: errors in what was read, not about what is missing."""
    return [
        problem
        for problem in found
        if problem.told_as is Severity.ERROR
        and not isinstance(problem, MissingReturn)
        and not (isinstance(problem, UnknownName) and not problem.name)
        and not any(problem.span.start < other.span.end and other.span.start < problem.span.end for other in broken)
    ]


def _judged(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each once."""
    return tuple({(problem.span, problem.rule): problem for problem in reversed(found)}.values())[::-1]


def _finding(db: Database, file: str, start: int, problem: Diagnostic) -> Finding:
    related: list[RelatedFinding] = []
    for item in problem.related:
        place = item.place
        offset = modules.starts(db, place.file).get(place.declaration, 0)
        related.append(RelatedFinding(place.file, place.span.shifted(offset), item.message))
    fixes = tuple(
        Fix(fix.title, tuple(Edit(edit.span.shifted(start), edit.text) for edit in fix.edits), fix.safe)
        for fix in problem.fixes
    )
    return Finding(
        file,
        problem.span.shifted(start),
        problem.rule,
        problem.told_as,
        problem.message,
        problem.help,
        tuple(related),
        fixes,
    )


# ----------------------------------------------------------------------------------------------------------- the module


def _duplicate(db: Database, file: str, key: str) -> list[tuple[str, Diagnostic]]:
    """A declaration whose name an earlier one has."""
    node = modules.declaration(db, file, key)
    first = modules.declaration(db, file, key.split("#")[0])
    if node is None or isinstance(node, syntax.Import) or first is None or isinstance(first, syntax.Import):
        return []
    place = Place(file, key.split("#")[0], first.name.span)
    return [(key, DuplicateName(node.name.span, node.name.text, place))]


def _imports(db: Database, file: str, reports: Mapping[str, Report]) -> Iterator[tuple[str, Diagnostic]]:
    """What is wrong between files."""
    imports = modules.imports(db, file)
    if not imports:
        return
    broken = any(modules.parsed_problems(db, file))
    used = frozenset[str]().union(*(report.used for report in reports.values()))
    for found in imports:
        node = modules.declaration(db, file, found.key)
        if isinstance(node, syntax.Import):
            yield from ((found.key, problem) for problem in _import(db, file, found, node, used, broken))


def _import(
    db: Database, file: str, found: modules.ImportedModule, node: syntax.Import, used: frozenset[str], broken: bool
) -> Iterator[Diagnostic]:
    if modules.file_text(db, found.file) is None:
        near = nearest(found.path, (f"std.{name}" for name in modules.std_modules()))
        place = "" if found.path.startswith("std.") else "/".join(found.path.split(".")) + ".ten"
        yield UnknownModule(node.path.span, found.path, place, near)
        return
    cycle = modules.import_cycle(db, file, found.key)
    if cycle:
        yield ImportCycle(node.path.span, tuple(modules.module_name(db, item) for item in cycle))
        return
    offered = modules.offered(db, found.file)
    names = node.names or ()
    for item in names:
        if item.name.text and item.name.text not in offered:
            yield UnknownImport(item.name.span, found.path, item.name.text, nearest(item.name.text, offered))
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


def finding_at(db: Database, place: Place, problem: Diagnostic) -> Finding:
    """A problem that was found outside of a check, in building; its span is relative to the declaration of `place`."""
    return _finding(db, place.file, modules.starts(db, place.file)[place.declaration], problem)


class TypedSpan(Struct, frozen=True):
    """A place in a declaration with what was inferred for it; the span is an offset in the file."""

    span: Span
    value: Value


def value_types(db: Database, file: str, name: str) -> tuple[TypedSpan, ...]:
    """What each `let`, `var`, `return` and assignment of a definition was inferred to be, in order."""
    start = modules.starts(db, file).get(name, 0)
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
        text = modules.chunk_text(db, (file, name))
        if not isinstance(node, syntax.Definition) or text is None:
            continue
        return f"# {name}\n\n```tenuto\n{head(node, text)}\n```\n\n{node.doc or ''}\n\nDeclared in `std.{module}`.\n"
    return None


def head(definition: syntax.Definition, text: str) -> str:
    """A definition without its documentation and its body; `text` is what its spans are relative to."""
    end = definition.body.span.start if definition.body is not None else definition.span.end
    return text[definition.span.start : end].rstrip(" =\n")
