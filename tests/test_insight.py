"""What names mean and what is inferred where: the ground of the editor's features.

In a marked text `⟦name⟧` is a mention; the marks are taken out before the text is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenuto_analysis import model, modules
from tenuto_analysis.check import queries
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim, leaves, render
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import EntityKind, Role
from tenuto_analysis.insight.names import names
from tenuto_analysis.types import Tensor
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.ten"))
LIBRARY = sorted(modules.STD.glob("*.ten"))
FILE = "/w/main.ten"


def loaded(text: str, file: str = FILE, db: Database | None = None) -> Database:
    db = db or Database()
    db.set(modules.root, file, "/w")
    db.set(modules.file_text, file, text)
    return db


def marked(text: str) -> tuple[str, list[Span]]:
    """A text without its marks, and what was marked."""
    spans: list[Span] = []
    plain = ""
    for part in re.split(r"(⟦[^⟧]*⟧)", text):
        if part.startswith("⟦"):
            spans.append(Span(len(plain), len(plain) + len(part) - 2))
            part = part[1:-1]
        plain += part
    return plain, spans


def agree(text: str, file: str = FILE, db: Database | None = None) -> None:
    """All that is marked, and nothing else, means the same."""
    plain, spans = marked(text)
    db = loaded(plain, file, db)
    for span in spans:
        for offset in span:
            mention = questions.mention_at(db, file, offset)
            assert mention is not None, plain[slice(*span)]
            assert mention.span == span
            found = [item.span for item in questions.references(db, [file], mention.entity)]
            assert found == spans, f"{mention.entity} of {plain[slice(*span)]}"


@pytest.mark.parametrize(
    "text",
    [
        "fn f(x: f32[⟦N⟧]) -> f32[⟦N⟧] {\n  let y: f32[⟦N⟧] = x\n  return y\n}\nfn g(x: f32[N]) -> f32[N] = x\n",
        "fn f(⟦x⟧: f32[N]) -> f32[N] = ⟦x⟧ + ⟦x⟧\nfn g(x: f32[N]) -> f32[N] = f(⟦x⟧ = x)\n",
        "fn f[⟦N⟧](x: f32[⟦N⟧]) -> f32[⟦N⟧] where ⟦N⟧ >= 1 = x\nfn g(x: f32[3]) -> f32[3] = f[⟦N⟧ = 3](x)\n",
        "fn f(x: f32[N]) -> f32[N] {\n  let ⟦x⟧ = x\n  return ⟦x⟧\n}\n",
        "fn f(x: f32[N]) -> f32[N] {\n  var ⟦h⟧ = x\n  for i in range(3) { ⟦h⟧ = ⟦h⟧ + x }\n  return ⟦h⟧\n}\n",
        "fn f(x: f32[N]) -> f32[N] {\n  var h = x\n  for ⟦i⟧ in range(3) { h = h * ⟦i⟧ }\n  return h\n}\n",
        "record ⟦C⟧ { n: dim }\nconst c = ⟦C⟧(n = 3)\nfn f[c: ⟦C⟧](x: f32[c.n]) -> f32[c.n] = x\n",
        "record C { ⟦n⟧: dim, m: dim = ⟦n⟧ }\nconst c = C(⟦n⟧ = 3)\nfn f[c: C](x: f32[c.⟦n⟧]) -> f32[c.⟦n⟧] = x\n",
        'fn f(x: f32[A, B]) -> f32[B, A] = rearrange(x, "⟦a⟧ b -> b ⟦a⟧")\n',
        'fn f(x: f32[12, B]) -> f32[3, 4, B] = rearrange(x, "(a ⟦h⟧) b -> a ⟦h⟧ b", ⟦h⟧ = 4)\n',
        'fn f(x: f32[12, B]) -> f32[3, 4, B] = x |> rearrange("(a ⟦h⟧) b -> a ⟦h⟧ b", ⟦h⟧ = 4)\n',
        "fn f(x: f32[N]) -> f32[?⟦K⟧] where ⟦K⟧ <= N = x[0:1]\n",
        "fn f(x: f32[3]) -> f32[3] = concat([x[⟦i⟧:⟦i⟧ + 1] for ⟦i⟧ in range(3)])\n",
        "fn f(x: f32[N]) -> f32[3, N] {\n  for i in range(3) { collect ⟦ys⟧ = x }\n  return stack(⟦ys⟧)\n}\n",
        "const ⟦n⟧ = 3\nfn f(x: f32[⟦n⟧]) -> f32[⟦n⟧] = x\n",
        "type ⟦Row⟧ = f32[3]\nfn f(x: ⟦Row⟧) -> ⟦Row⟧ = x\n",
        "fn f(x: f32[⟦..S⟧]) -> f32[⟦..S⟧] = x\n".replace("⟦..S⟧", "..⟦S⟧"),
        "fn f[⟦T⟧: floating](x: ⟦T⟧[N]) -> ⟦T⟧[N] = x as ⟦T⟧\n",
        "fn f(m: model(f32[⟦B⟧, D]) -> f32[⟦B⟧], x: f32[B]) -> f32[B] = x\n".replace("fn f(", "fn f[").replace(
            ", x:", "](x:"
        ),
    ],
)
def test_mentions_of_one_thing(text: str) -> None:
    agree(text)


def test_parts_and_weights_are_found_from_outside() -> None:
    agree(
        "import std.nn { Embedding, Linear }\n\nmodel Tied[V, D](ids: i64[B]) -> f32[B, V] {\n"
        "  sub ⟦wte⟧ = Embedding[V, D]\n  return ⟦wte⟧(ids) @ transpose(⟦wte⟧.weight)\n}\n"
    )
    text = (
        "model Scale[D](x: f32[B, D]) -> f32[B, D] {\n  param ⟦scale⟧: f32[D]\n  return x * ⟦scale⟧\n}\n\n"
        "model Twice[D](x: f32[B, D]) -> f32[B, D] {\n  sub a = Scale[D]\n  return a(x) * a.⟦scale⟧\n}\n"
    )
    agree(text)
    agree("model Scale[D](x: f32[⟦B⟧, D]) -> f32[⟦B⟧, D] = x\n\ndeploy a = Scale[4] {\n  dims: { ⟦B⟧: 1 .. 8 },\n}\n")


def test_names_across_files() -> None:
    db = loaded("fn twice(x: f32[N]) -> f32[N] = x + x\n", "/w/library.ten")
    main = "import library { twice as ⟦two⟧ }\n\nfn f(x: f32[N]) -> f32[N] = ⟦two⟧(x)\n"
    plain, spans = marked(main)
    loaded(plain, FILE, db)
    mention = questions.mention_at(db, FILE, spans[1].start)
    assert mention is not None
    place = questions.place_of(db, mention.entity)
    assert place is not None
    assert (place.file, place.span) == ("/w/library.ten", Span(3, 8))
    found = [(item.file, item.span) for item in questions.references(db, ["/w/library.ten", FILE], mention.entity)]
    name = Span(plain.index("twice"), plain.index("twice") + 5)
    assert found == [("/w/library.ten", Span(3, 8)), (FILE, name), *((FILE, span) for span in spans)]


def _identifiers(node: syntax.Node) -> Iterator[syntax.Identifier | syntax.Name]:
    for child in syntax.children(node):
        if isinstance(child, syntax.Identifier | syntax.Name) and child.text not in ("", "_"):
            yield child
        yield from _identifiers(child)


@pytest.mark.parametrize("path", [*EXAMPLES, *LIBRARY], ids=lambda path: path.stem)
def test_every_name_has_a_meaning(path: Path) -> None:
    """All names of correct programs but the tensors' in a `rename`, which are text of another file."""
    file = str(path)
    db = Database()
    if path in EXAMPLES:
        db.set(modules.file_text, file, path.read_text(encoding="utf-8"))
    for key, keyword in modules.keys(db, file):
        node = modules.declaration(db, file, key)
        if node is None:
            continue
        found = [item.span for item in names(db, file, key).occurrences]
        for name in _identifiers(node):
            if keyword == "deploy" and ("." in name.text or name.text in ("token_embd", "output_norm")):
                continue
            if name.text == "per_channel":  # A choice of a policy, with the others of precision.
                continue
            assert any(span.start <= name.span.start and name.span.end <= span.end for span in found), (key, name.text)


@pytest.mark.parametrize("path", [*EXAMPLES, *LIBRARY], ids=lambda path: path.stem)
def test_the_walk_binds_what_the_checker_binds(path: Path) -> None:
    file = str(path)
    db = Database()
    if path in EXAMPLES:
        db.set(modules.file_text, file, path.read_text(encoding="utf-8"))
    for key, _ in modules.keys(db, file):
        head = {(name, span) for name, _, span in queries.interface(db, file, key).bindings}
        defined = {
            (item.entity.name, item.span) for item in names(db, file, key).occurrences if item.role is Role.DEFINITION
        }
        assert head <= defined


def test_what_is_inferred_and_known_at_a_place() -> None:
    text = (
        "fn f(x: f32[N, 6]) -> f32[N // 2, 12] where N % 2 == 0 {\n  let y = reshape(x, (N // 2, 12))\n  return y\n}\n"
    )
    db = loaded(text)
    at = text.index("reshape(") + len("reshape")
    typed = questions.expression_at(db, FILE, text.index("x, (N"))
    assert typed is not None
    assert str(typed.value) == "f32[N, 6]"
    call = questions.expression_at(db, FILE, at + len("(x, (N // 2, 12))"))
    assert call is not None
    assert str(call.value) == "f32[N // 2, 12]"
    mention = questions.mention_at(db, FILE, text.index("y =") + 1)
    assert mention is not None
    assert mention.entity.kind is EntityKind.LOCAL
    value = questions.value_of(db, mention.entity)
    assert isinstance(value, Tensor)
    known = questions.known_at(db, FILE, at)
    assert known is not None
    sizes = [leaf for item in value.shape if isinstance(item, Dim) for leaf in leaves(item)]
    assert [render(fact) for fact in questions.facts_about(known, sizes)] == ["N % 2 == 0"]


def test_names_that_can_be_used_at_a_place() -> None:
    text = (
        "fn f[K](x: f32[N]) -> f32[N] {\n  let a = x\n  for i in range(3) {\n    let b = a\n  }\n"
        "  let c = a\n  return c\n}\n"
    )
    db = loaded(text)
    assert set(questions.visible_at(db, FILE, text.index("  }\n"))) == {"K", "x", "N", "a", "i", "b"}
    assert set(questions.visible_at(db, FILE, text.index("  return"))) == {"K", "x", "N", "a", "c"}
    assert questions.visible_at(db, FILE, len(text)) == {}


def test_a_survey_changes_no_finding_and_is_made_again_for_one_body_only() -> None:
    text = "fn f(x: f32[N]) -> f32[N] = x + x\n\nfn g(x: f32[N]) -> f32[N] = f(x)\n"
    db = loaded(text)
    before = model.findings(db, FILE)
    for key in ("f", "g"):
        questions.surveyed(db, FILE, key)
    assert model.findings(db, FILE) == before
    db.executed.clear()
    loaded(text.replace("x + x", "x - x"), FILE, db)
    for key in ("f", "g"):
        questions.surveyed(db, FILE, key)
    assert [call for call in db.executed_names() if call.startswith("survey")] == [f"survey({FILE}, f)"]
