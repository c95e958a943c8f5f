"""What an edit checks again: the body that it changes, and whoever uses a signature that it changes.

Whatever the edits, the findings are those of a check from scratch.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import pytest

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Finding
from tenuto_grammar.chunks import split
from tenuto_grammar.lexer import tokenize

EXAMPLES = Path(__file__).parent.parent / "examples"

MAIN = "/w/main.ten"
LIBRARY = "/w/library.ten"

LIBRARY_TEXT = """\
fn double(x: f32[N]) -> f32[N] {
  let y = x + x
  return y
}

fn halve(x: f32[N]) -> f32[N] = x / 2.0
"""

MAIN_TEXT = """\
import library { double }

fn first(x: f32[N]) -> f32[N] {
  let y = double(x)
  return y
}

fn second(x: f32[N]) -> f32[N] = first(x)

fn third(x: f32[N, M]) -> f32[M, N] = transpose(x)

fn told(x: f32[N]) = double(x)

fn user(x: f32[N]) -> f32[N] = told(x)
"""


def workspace(**texts: str) -> Database:
    """A database that has checked the given files once, without the graphs of their deploys."""
    db = Database()
    for name, text in texts.items():
        db.set(modules.file_text, f"/w/{name}.ten", text)
    for name in texts:
        model.quick_findings(db, f"/w/{name}.ten")
    return db


def two_files() -> Database:
    return workspace(library=LIBRARY_TEXT, main=MAIN_TEXT)


def ran_by(db: Database, texts: Mapping[str, str], file: str = MAIN) -> list[str]:
    """What the check of a file ran after these edits."""
    for name, text in texts.items():
        db.set(modules.file_text, name, text)
    db.executed.clear()
    model.quick_findings(db, file)
    return db.executed_names()


def of_declarations(ran: list[str], query: str) -> list[str]:
    """The declarations of the user's files for which a query ran."""
    found = (re.fullmatch(rf"{query}\(/w/\w+\.ten, (.+)\)", call) for call in ran)
    return sorted(match[1] for match in found if match)


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


def test_the_programs_of_these_tests_are_clean() -> None:
    assert model.findings(two_files(), MAIN) == ()


# --------------------------------------------------------------------------------------------------------- one edit


def test_nothing_runs_where_nothing_changed() -> None:
    assert ran_by(two_files(), {MAIN: MAIN_TEXT, LIBRARY: LIBRARY_TEXT}) == []


def test_an_edit_in_a_body_checks_that_body_alone() -> None:
    ran = ran_by(two_files(), {MAIN: edited(MAIN_TEXT, "let y = double(x)", "let y = double(x) + 1.0")})
    for query in ("parsed", "interface", "body", "checked"):
        assert of_declarations(ran, query) == ["first"]
    assert ran[-1] == f"quick_findings({MAIN})"
    assert all(call.startswith(("quick_findings(", "needs(")) or call.endswith(f"({MAIN}, first)") for call in ran)


def test_white_space_above_moves_findings_without_a_check() -> None:
    text = edited(MAIN_TEXT, "transpose(x)", "transpose(y)")
    db = workspace(library=LIBRARY_TEXT, main=text)
    (before,) = model.findings(db, MAIN)
    moved = text.replace("fn first", "\n\n\nfn first")
    ran = ran_by(db, {MAIN: moved})
    (after,) = model.findings(db, MAIN)
    assert after.span == before.span.shifted(3)
    assert (after.rule, after.message) == (before.rule, before.message)
    assert of_declarations(ran, "body") == of_declarations(ran, "interface") == []


def test_an_edit_of_a_signature_checks_it_and_its_users() -> None:
    ran = ran_by(
        two_files(), {MAIN: edited(MAIN_TEXT, "fn first(x: f32[N])", "fn first(x: f32[N], again: bool = true)")}
    )
    assert of_declarations(ran, "body") == ["first", "second"]


def test_an_edit_of_a_parameters_name_is_one_of_the_signature() -> None:
    changed = edited(
        MAIN_TEXT, "fn third(x: f32[N, M]) -> f32[M, N] = transpose(x)", "fn third(y: f32[N, M]) = transpose(y)"
    )
    assert of_declarations(ran_by(two_files(), {MAIN: changed}), "body") == ["third"]


def test_a_result_that_is_left_out_reaches_its_users_only_where_it_changes() -> None:
    same = edited(MAIN_TEXT, "fn told(x: f32[N]) = double(x)", "fn told(x: f32[N]) = double(double(x))")
    assert of_declarations(ran_by(two_files(), {MAIN: same}), "body") == ["told"]
    other = edited(MAIN_TEXT, "fn told(x: f32[N]) = double(x)", "fn told(x: f32[N]) = concat([x, x], axis = 0)")
    db = two_files()
    assert of_declarations(ran_by(db, {MAIN: other}), "body") == ["told", "user"]
    assert [finding.rule for finding in model.findings(db, MAIN)] == ["dimension-mismatch"]


def test_an_edit_in_a_body_of_another_file_checks_nothing_here() -> None:
    db = two_files()
    ran = ran_by(db, {LIBRARY: edited(LIBRARY_TEXT, "x + x", "x + x + x")})
    assert of_declarations(ran, "body") == of_declarations(ran, "checked") == []
    assert of_declarations(ran_by(db, {}, LIBRARY), "body") == ["double"]


def test_an_edit_of_a_signature_in_another_file_checks_its_users_here() -> None:
    db = two_files()
    ran = ran_by(db, {LIBRARY: edited(LIBRARY_TEXT, "fn double(x: f32[N])", "fn double(x: f32[N], n: int = 2)")})
    assert of_declarations(ran, "body") == ["first", "told"]


def test_an_edit_of_what_nobody_here_uses_checks_nothing_here() -> None:
    db = two_files()
    ran = ran_by(db, {LIBRARY: edited(LIBRARY_TEXT, "fn halve(x: f32[N])", "fn halve(x: f32[N, 2])")})
    assert of_declarations(ran, "body") == []


def test_a_new_import_checks_only_what_may_use_it() -> None:
    db = two_files()
    ran = ran_by(db, {MAIN: "import std.nn { Linear }\n" + MAIN_TEXT})
    assert of_declarations(ran, "body") in ([], ["import #1"], ["import #2"], ["import #1", "import #2"])
    assert [finding.rule for finding in model.findings(db, MAIN)] == ["unused-import"]


def test_an_import_gives_a_meaning_to_a_name_that_had_none() -> None:
    without = MAIN_TEXT.replace("import library { double }\n", "")
    db = workspace(library=LIBRARY_TEXT, main=without)
    assert {finding.rule for finding in model.findings(db, MAIN)} == {"unknown-name"}
    assert of_declarations(ran_by(db, {MAIN: MAIN_TEXT}), "body") == ["first", "import #1", "told", "user"]
    assert model.findings(db, MAIN) == ()


def test_a_new_declaration_checks_itself_alone() -> None:
    ran = ran_by(two_files(), {MAIN: MAIN_TEXT + "\nfn fourth(x: f32[N]) -> f32[N] = third(x[none])[:, 0]\n"})
    assert of_declarations(ran, "body") == ["fourth"]


def test_declarations_that_change_places_are_not_checked_again() -> None:
    db = two_files()
    chunks = [chunk.text for chunk in split(MAIN_TEXT + "\n")]
    chunks[2], chunks[3] = chunks[3], chunks[2]
    assert of_declarations(ran_by(db, {MAIN: "".join(chunks)}), "body") == []


def test_a_file_that_appears_and_goes_is_noticed() -> None:
    db = workspace(main=MAIN_TEXT)
    assert {finding.rule for finding in model.findings(db, MAIN)} == {"unknown-module"}
    db.set(modules.file_text, LIBRARY, LIBRARY_TEXT)
    assert model.findings(db, MAIN) == ()
    db.set(modules.file_text, LIBRARY, None)
    assert {finding.rule for finding in model.findings(db, MAIN)} == {"unknown-module"}


# ------------------------------------------------------------------------------------------------- depth of a model


GPT2 = (EXAMPLES / "gpt2.ten").read_text(encoding="utf-8")


def executed(text: str) -> int:
    return len(workspace(main=text).executed)


def python_calls(text: str) -> int:
    """How many functions the check of a text calls, std and what is remembered of sizes set aside."""
    workspace(main=text)
    db = workspace(main=GPT2)
    db.set(modules.file_text, MAIN, text)
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        found = model.quick_findings(db, MAIN)
    finally:
        sys.setprofile(None)
    assert found == ()
    return calls


def test_a_model_of_192_layers_costs_what_one_of_12_costs() -> None:
    deeper = edited(GPT2, "width = 768, layers = 12", "width = 768, layers = 192")
    assert executed(deeper) == executed(GPT2)
    assert python_calls(deeper) <= 1.02 * python_calls(
        edited(GPT2, "width = 768, layers = 12", "width = 768, layers = 13")
    )


def written_depth(layers: int) -> str:
    """BERT, with the number of layers written where the layers are made."""
    text = (EXAMPLES / "bert.ten").read_text(encoding="utf-8")
    return edited(text, "range(c.layers)", f"range({layers})")


def test_a_depth_that_is_written_in_the_model_costs_next_to_nothing() -> None:
    twelve, many = written_depth(12), written_depth(192)
    assert executed(many) == executed(twelve)
    assert python_calls(many) <= 2 * python_calls(twelve)


# --------------------------------------------------------------------------------------------------- random edits


def pieces(example: Path) -> dict[str, str]:
    """An example as two files: its deploys import what they name from the rest."""
    chunks = split(example.read_text(encoding="utf-8"))
    rest = "".join(chunk.text for chunk in chunks if chunk.keyword != "deploy")
    deploys = "".join(chunk.text for chunk in chunks if chunk.keyword == "deploy")
    names = [chunk.name for chunk in chunks if chunk.keyword in ("model", "const") and chunk.name]
    used = [name for name in names if re.search(rf"\b{name}\b", deploys)]
    return {LIBRARY: rest, MAIN: f"import library {{ {', '.join(used)} }}\n\n{deploys}"}


def random_edit(text: str, choice: random.Random) -> str:
    """A text as it might be after one more edit."""
    kind = choice.choice(("token", "token", "line", "double", "number", "swap", "blank", "name"))
    lines = text.split("\n")
    place = choice.randrange(len(lines))
    match kind:
        case "line":
            del lines[place]
        case "double":
            lines.insert(place, choice.choice(lines))
        case "blank":
            lines.insert(place, choice.choice(("", "  # why", "## what")))
        case "swap":
            chunks = [chunk.text for chunk in split(text)]
            choice.shuffle(chunks)
            return "".join(chunks)
        case _:
            return edited_token(text, kind, choice)
    return "\n".join(lines)


def edited_token(text: str, kind: str, choice: random.Random) -> str:
    """A token left out, a number changed, or a name put in the place of another."""
    spans = tokenize(text).spans
    if kind != "token":
        pattern = r"\d+" if kind == "number" else r"[A-Za-z_]\w*"
        spans = [span for span in spans if re.fullmatch(pattern, text[span[0] : span[1]])] or spans
    start, end = choice.choice(spans)
    other = choice.choice(spans)
    new = {"token": "", "number": str(choice.randrange(20)), "name": text[other[0] : other[1]]}[kind]
    return text[:start] + new + text[end:]


def findings_of(db: Database, texts: Mapping[str, str], graphs: bool) -> dict[str, tuple[Finding, ...]]:
    find = model.findings if graphs else model.quick_findings
    return {file: find(db, file) for file in texts}


def follow_edits(example: Path, seed: int, edits: int) -> None:
    """Edit an example again and again; now and then take back all, so that there is something left to edit.

    Each time the findings of declarations are compared, and every tenth time those of graphs, which take long.
    """
    choice = random.Random(f"{example.name} {seed}")
    db, start = Database(), pieces(example)
    texts = dict(start)
    for number in range(edits):
        if choice.random() < 0.15:
            texts = dict(start)
        else:
            file = choice.choice((LIBRARY, LIBRARY, MAIN))
            texts[file] = random_edit(texts[file], choice)
        fresh = Database()
        for database in (db, fresh):
            for file, text in texts.items():
                database.set(modules.file_text, file, text)
        graphs = number % 10 == 0
        assert findings_of(db, texts, graphs) == findings_of(fresh, texts, graphs)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.ten")), ids=lambda path: path.stem)
def test_after_random_edits_the_findings_are_those_of_a_fresh_check(example: Path) -> None:
    follow_edits(example, 0, 20)


@pytest.mark.heavy
@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.ten")), ids=lambda path: path.stem)
def test_after_many_random_edits_the_findings_are_those_of_a_fresh_check(example: Path) -> None:
    for seed in range(1, 4):
        follow_edits(example, seed, 100)
