"""Finding one's way and renaming, over the examples and the library: nothing is missed, and no meaning changes."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tenuto_analysis import modules
from tenuto_analysis.database import Cancelled
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Role
from tenuto_analysis.insight.questions import Mention
from tenuto_grammar.text import Span
from tenuto_server.features.calls import caller_at, incoming, outgoing
from tenuto_server.features.definition import declaration, definition
from tenuto_server.features.folding import folding
from tenuto_server.features.implementations import implementations
from tenuto_server.features.linked import linked
from tenuto_server.features.links import links
from tenuto_server.features.meaning import Change, edited, shifted
from tenuto_server.features.references import highlights, references
from tenuto_server.features.rename import Refusal, prepare_rename, rename
from tenuto_server.features.selection import selection
from tenuto_server.features.symbols import document_symbols, workspace_symbols
from tenuto_server.features.type_definition import type_definition
from tenuto_server.texts import Decoded, decode
from tenuto_server.workspace import Workspace

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.ten"))
LIBRARY = sorted(modules.STD.glob("*.ten"))


def opened(texts: dict[str, str]) -> Workspace:
    """A workspace of some texts over the disk."""

    def read(file: str) -> Decoded | None:
        if file in texts:
            return Decoded(texts[file], None)
        path = Path(file)
        return decode(file, path.read_bytes()) if path.is_file() else None

    return Workspace(read, lambda file: str(Path(file).parent), lambda path, root: None)


def findings(workspace: Workspace, file: str, change: Change) -> Counter[tuple[str, Span]]:
    """What is found, where it stands after a change."""
    edits = change.edits.get(file, ())
    return Counter((item.rule, shifted(Span(item.start, item.end), edits)) for item in workspace.quick_reports(file))


def all_mentions(workspace: Workspace, file: str) -> list[Mention]:
    """The mentions of all names that can be renamed."""
    workspace.load(file)
    found = (
        mention
        for key, _ in modules.keys(workspace.database, file)
        for mention in questions.mentions_in(workspace.database, file, key)
    )
    return [mention for mention in found if mention.entity.file == file]


def check_fresh(path: Path, tried: int) -> None:
    """Gives names of an example a new one: nothing else is found then, and the old one can be given back."""
    file = str(path)
    text = path.read_text(encoding="utf-8")
    workspace = opened({file: text})
    random = Random(path.stem)
    mentions = all_mentions(workspace, file)
    for mention in random.sample(mentions, min(tried, len(mentions))):
        change = rename(workspace, (file,), file, mention.span.start, "quite_new")
        assert isinstance(change, Change), change
        renamed = edited(text, change.edits[file])
        assert renamed[slice(*shifted(mention.span, change.edits[file]))] == "quite_new"
        other = opened({file: renamed})
        assert findings(other, file, Change({})) == findings(workspace, file, change)
        check_back(text, mention, change)


def check_taken(path: Path, tried: int) -> None:
    """Gives names of an example one that is near: that is refused, or does nothing that cannot be taken back."""
    file = str(path)
    text = path.read_text(encoding="utf-8")
    workspace = opened({file: text})
    random = Random(path.stem)
    mentions = all_mentions(workspace, file)
    for mention in random.sample(mentions, min(tried, len(mentions))):
        near = [item.entity.name for item in mentions if item.key == mention.key and item.entity != mention.entity]
        change = rename(workspace, (file,), file, mention.span.start, random.choice(near or ["relu"]))
        if isinstance(change, Change) and change.edits:
            check_back(text, mention, change)


def check_back(text: str, mention: Mention, change: Change) -> None:
    """Two things that had become one would both get the old name."""
    edits = change.edits[mention.file]
    renamed = edited(text, edits)
    workspace = opened({mention.file: renamed})
    start = shifted(mention.span, edits).start
    back = rename(workspace, (mention.file,), mention.file, start, mention.entity.name)
    assert isinstance(back, Change), back
    if all(edit.start < edit.end for edit in edits):
        assert edited(renamed, back.edits[mention.file]) == text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_fresh_name_changes_no_finding_and_can_be_taken_back(path: Path) -> None:
    check_fresh(path, 3)


@pytest.mark.parametrize("path", EXAMPLES[::2], ids=lambda path: path.stem)
def test_a_name_that_is_taken_is_refused_or_can_be_taken_back(path: Path) -> None:
    check_taken(path, 4)


@pytest.mark.heavy
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_many_names_of_an_example_are_renamed(path: Path) -> None:
    check_fresh(path, 30)
    check_taken(path, 30)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("let", "`let` is no name"),
        ("within", "`within` is no name"),
        ("3d", "`3d` is no name"),
        ("a b", "`a b` is no name"),
        ("", "`` is no name"),
        ("_", "`_` is no name"),
        ("größe", "`größe` is no name"),
    ],
)
def test_what_is_no_name_is_refused(name: str, reason: str) -> None:
    workspace = opened({"/w/a.ten": "fn f(x: f32[N]) -> f32[N] = x\n"})
    found = rename(workspace, ("/w/a.ten",), "/w/a.ten", 5, name)
    assert isinstance(found, Refusal)
    assert reason in found.reason


def test_words_that_are_keywords_elsewhere_are_names() -> None:
    workspace = opened({"/w/a.ten": "fn f(x: f32[N]) -> f32[N] = x\n"})
    change = rename(workspace, ("/w/a.ten",), "/w/a.ten", 5, "target")
    assert isinstance(change, Change)


def test_a_field_that_a_configuration_names_stays() -> None:
    text = 'record Config { width: dim }\n\nconst small: Config = load("small.json")\n'
    workspace = opened({"/w/a.ten": text, "/w/small.json": '{"width": 8}'})
    found = rename(workspace, ("/w/a.ten",), "/w/a.ten", text.index("width"), "size")
    assert isinstance(found, Refusal)
    assert "line 3 would be wrong then" in found.reason


def test_a_rename_stops_with_the_workspace_that_it_is_tried_for() -> None:
    file = "/w/a.ten"
    workspace = opened({file: "fn f(x: f32[N]) -> f32[N] = x\n"})
    workspace.load(file)
    trial = workspace.copied({file: "fn f(y: f32[N]) -> f32[N] = y\n"})
    workspace.database.cancelled = True
    with pytest.raises(Cancelled):
        trial.quick_reports(file)
    workspace.database.cancelled = False
    assert trial.quick_reports(file) == ()


def _everything(workspace: Workspace, file: str, offsets: range) -> None:
    """Asks every question at every place."""
    files = (file,)
    document_symbols(workspace, file)
    workspace_symbols(workspace, files, "a")
    folding(workspace, file)
    links(workspace, file)
    for offset in offsets:
        definition(workspace, file, offset)
        declaration(workspace, file, offset)
        type_definition(workspace, file, offset)
        highlights(workspace, file, offset)
        linked(workspace, file, offset)
        prepare_rename(workspace, file, offset)
        spans = selection(workspace, file, offset)
        assert all(a.start <= b.start and b.end <= a.end and a != b for b, a in pairwise(spans))
        caller = caller_at(workspace, file, offset)
        if caller is not None:
            outgoing(workspace, caller.file, caller.key)
    for offset in offsets[:: max(len(offsets) // 20, 1)]:
        references(workspace, files, file, offset, with_definition=True)
        implementations(workspace, files, file, offset)
        caller = caller_at(workspace, file, offset)
        if caller is not None:
            incoming(workspace, files, caller.file, caller.key)


@pytest.mark.parametrize("path", [*EXAMPLES[::3], *LIBRARY[::4]], ids=lambda path: path.stem)
def test_every_place_has_answers_or_none(path: Path) -> None:
    file = str(path)
    text = path.read_text(encoding="utf-8")
    _everything(opened({}), file, range(0, len(text), 7))


@pytest.mark.parametrize("path", EXAMPLES[:3], ids=lambda path: path.stem)
def test_programs_that_are_half_typed_have_answers_too(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    random = Random(path.stem)
    for _ in range(4):
        end = random.randrange(len(text))
        broken = text[:end] + random.choice(["", "(", "[", "{", '"', ".", " = "])
        _everything(opened({"/w/a.ten": broken}), "/w/a.ten", range(max(0, end - 200), len(broken) + 1, 9))
        workspace = opened({"/w/a.ten": broken})
        mentions = all_mentions(workspace, "/w/a.ten")
        if mentions:
            mention = random.choice(mentions)
            rename(workspace, ("/w/a.ten",), "/w/a.ten", mention.span.start, "quite_new")


def test_each_mention_is_among_the_references_of_its_entity() -> None:
    file = str(EXAMPLES[0])
    workspace = opened({})
    for mention in all_mentions(workspace, file)[::5]:
        found = references(workspace, (file,), file, mention.span.start, with_definition=True)
        assert (mention.file, mention.span) in [(place.file, place.span) for place in found]
        marked = highlights(workspace, file, mention.span.start)
        assert (mention.span, mention.role is not Role.READ) in marked
