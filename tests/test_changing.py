"""Actions at random places of the examples: what they leave checks as before and computes the same; nothing raises."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tenuto_analysis import modules
from tenuto_analysis.diagnostics import CATALOGUE
from tenuto_analysis.diagnostics.base import Diagnostic, GraphProblem
from tenuto_analysis.insight import questions
from tenuto_backend.evaluate import run
from tenuto_grammar import syntax
from tenuto_grammar.format import format as format_text
from tenuto_grammar.text import Span
from tenuto_server.features.action import QUICK_FIX, Action
from tenuto_server.features.actions import actions
from tenuto_server.features.edits import minimal
from tenuto_server.features.fixes import fix_all
from tenuto_server.features.formatting import formatting, formatting_of, formatting_typed
from tenuto_server.features.imports import organized
from tenuto_server.mending import applied
from tenuto_server.reports import Report
from tenuto_server.texts import Decoded
from tenuto_server.workspace import Workspace
from tests.markdown import programs
from tests.test_elaborate import case_graph, graph_of, weights_of
from tests.test_examples_torch import ARRAYS, CASES

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.ten"))
SPECS = sorted((Path(__file__).parent / "spec").rglob("*.md"))
FILE = "/w/main.ten"
COMPUTED = ("lenet", "minilm", "lstm_tagger", "vit")  # Small enough to run often; with loops, parts and patterns.


def workspace_of(text: str) -> Workspace:
    workspace = Workspace(lambda file: Decoded(text, None) if file == FILE else None, lambda file: "/w")
    workspace.load(FILE)
    return workspace


def found(text: str) -> Counter[tuple[str, str]]:
    """What a check of each declaration finds in a text, by a workspace that has seen nothing else."""
    return Counter((report.rule, report.message) for report in workspace_of(text).quick_reports(FILE))


def places(workspace: Workspace) -> list[Span]:
    """The expressions and statements of a file, and the names that it defines."""
    spans: list[Span] = []
    for item in questions.declarations(workspace.database, FILE):
        if isinstance(item.node, syntax.Definition) and item.node.body is not None:
            spans += (node.span.shifted(item.start) for node in _below(item.node.body))
    return spans


def _below(node: syntax.Node) -> Iterator[syntax.Node]:
    if isinstance(node, syntax.Expression | syntax.Statement | syntax.Identifier):
        yield node
    for child in syntax.children(node):
        yield from _below(child)


def refactorings(workspace: Workspace, span: Span) -> list[Action]:
    return [action for action in actions(workspace, FILE, span, ()) if action.disabled is None]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_refactoring_leaves_what_checks_as_before(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workspace = workspace_of(text)
    before = found(text)
    chosen = random.Random(path.stem).sample(places(workspace), 6)
    for span in chosen:
        for action in refactorings(workspace, span):
            after = applied(text, action.edits)
            assert after != text
            assert found(after) <= before, f"{action.title} of {text[slice(*span)]}"
            assert format_text(after).text == after, "what was laid out is laid out"


@pytest.mark.heavy
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_refactorings_everywhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workspace = workspace_of(text)
    before = found(text)
    for span in places(workspace):
        for action in refactorings(workspace, span):
            assert found(applied(text, action.edits)) <= before, f"{action.title} of {text[slice(*span)]}"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("example", COMPUTED)
def test_a_refactoring_leaves_what_computes_the_same(example: str, seed: int) -> None:
    """A few of them, one after the other, in what a deploy runs."""
    case = CASES[example]
    inputs = [ARRAYS[name] for name in case["inputs"]]
    graph = case_graph(case)
    expected = run(graph, inputs, weights_of(graph))
    text = (EXAMPLES[0].parent / f"{example}.ten").read_text(encoding="utf-8")
    drawn = random.Random(f"{example} {seed}")
    done = 0
    for _ in range(40):
        workspace = workspace_of(text)
        offered = refactorings(workspace, drawn.choice(places(workspace)))
        if offered:
            text = applied(text, drawn.choice(offered).edits)
            done += 1
        if done == 6:
            break
    assert done == 6
    changed = graph_of(re.sub(r"\bB: 1,", "B: 1 .. 4,", text), case["deploy"], example)
    for ours, theirs in zip(run(changed, inputs, weights_of(changed)), expected, strict=True):
        assert (ours == theirs).all()


def test_a_fix_takes_its_finding_away() -> None:
    """Of all pages: each fix that is sure to be meant mends its finding, and no fix breaks the syntax."""
    mended = 0
    for page in SPECS:
        for text in programs(page.read_text(encoding="utf-8")):
            workspace = workspace_of(text)
            reports = workspace.reports(FILE)
            for report in reports:
                for action in actions(workspace, FILE, Span(report.start, report.end), [report], only=[QUICK_FIX]):
                    mended += _mended(text, report, action, reports)
    assert mended > 100


def _mended(text: str, report: Report, action: Action, before: tuple[Report, ...]) -> bool:
    after = workspace_of(applied(text, action.edits)).reports(FILE)
    if action.preferred or action.title.startswith("allow"):
        told = [(item.rule, item.message) for item in after]
        assert told.count((report.rule, report.message)) < len(before)
        assert len(after) < len(before) or report.rule == "syntax-error", (text, action.title)
    broken = [item.rule for item in after].count("syntax-error")
    assert broken <= [item.rule for item in before].count("syntax-error"), (text, action.title)
    return True


def test_every_fix_shows_in_a_page() -> None:
    """Of rules that have their fixes from one class, one shows for all."""
    page = (Path(__file__).parent / "spec" / "editor" / "fixes.md").read_text(encoding="utf-8")
    shown = {*re.findall(r"^quickfix: .* \[([a-z-]+)\]", page, re.MULTILINE)}
    rules: dict[type, set[str]] = {}
    for item in CATALOGUE:
        maker = next(base for base in item.__mro__ if {"fixes", "mends"} & vars(base).keys())
        rules.setdefault(maker, set()).add(item.rule)
    assert [
        sorted(found) for maker, found in rules.items() if maker not in (Diagnostic, GraphProblem) and not found & shown
    ] == []


BROKEN = [
    "",
    "fn",
    "fn f(",
    "model M[D](x: f32[B, D]) {\n  let y = ",
    "import ",
    "import a {",
    "let",
    "fn f(x: f32[N]) = ",
]


@pytest.mark.parametrize("path", EXAMPLES[::3], ids=lambda path: path.stem)
def test_nothing_raises_in_what_is_half_typed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    drawn = random.Random(path.stem)
    cut = [text[: drawn.randrange(len(text))] for _ in range(4)]
    holes = [text[:at] + text[at + drawn.randrange(1, 30) :] for at in (drawn.randrange(len(text)) for _ in range(4))]
    for broken in (*BROKEN, *cut, *holes):
        workspace = workspace_of(broken)
        reports = workspace.reports(FILE)
        for _ in range(8):
            start = drawn.randrange(len(broken) + 1)
            span = Span(start, min(len(broken), start + drawn.choice((0, 0, 3, 20, 200))))
            list(actions(workspace, FILE, span, reports))
            formatting_of(workspace, FILE, span)
            for typed in ("}", "\n"):
                formatting_typed(workspace, FILE, start, typed)
        organized(workspace, FILE)
        fix_all(workspace, FILE, partial(workspace.reports, FILE))
        assert modules.file_text(workspace.database, FILE) == broken, "trying leaves no trace"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_layout_in_small_edits(path: Path) -> None:
    """A file whose layout somebody spoilt is laid out as a whole, or declaration by declaration."""
    text = path.read_text(encoding="utf-8")
    drawn = random.Random(path.stem)
    spoilt = re.sub(
        r"(?m)(?<!^)(?<! ) (?=[+*])|^  (?!##)", lambda match: match[0] * drawn.randrange(3) or match[0], text
    )
    assert applied(spoilt, formatting(spoilt)) == text
    workspace = workspace_of(spoilt)
    for item in list(questions.declarations(workspace.database, FILE)):
        part = formatting_of(workspace, FILE, Span(item.start, item.end))
        assert format_text(applied(spoilt, part)).text == text
        assert all(item.start <= edit.start and edit.end <= item.end for edit in part)


@pytest.mark.parametrize(
    ("old", "new"),
    [("", "a\n"), ("a\n", ""), ("a\nb\nc\n", "a\nc\n"), ("a\nb", "a\nb\n"), ("a b\nc\nd e\n", "a  b\nc\nd  e\n")],
)
def test_edits_make_the_new_text(old: str, new: str) -> None:
    edits = minimal(old, new)
    assert applied(old, edits) == new
    assert sum(edit.end - edit.start for edit in edits) <= len(old)
