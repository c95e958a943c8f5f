"""Pictures of deploys: every node is one box, nothing lies on anything else, and text fits where it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as xml
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.graph import Apply, Call, Function, Graph, walk
from tenuto_backend.picture.layout import PADDING, Layout, Rectangle, label_room, laid_out
from tenuto_backend.picture.lettering import LINE_SIZE, TITLE_SIZE, shortened, width
from tenuto_backend.picture.page import page
from tenuto_backend.picture.scene import Kind, Scene, scene
from tenuto_backend.picture.svg import _COLORS, Located, picture
from tests.command import Command
from tests.test_elaborate import CONTROL, FILES, deploys, graph_of
from tests.test_examples_torch import EXAMPLES
from tests.voice import keep_or_fail

SVG = "{http://www.w3.org/2000/svg}"
NODES = {Kind.PRIMITIVE, Kind.NUMBER, Kind.CALL, Kind.BLOCK}


@cache
def graphs() -> tuple[Graph, ...]:
    """The smallest deploy of each example, and one with loops and branches."""
    made = [graph_of(CONTROL, "small")]
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        try:
            made.append(graph_of(text, deploys(path)[-1], path.stem))
        except Refusal:
            assert path.stem == "blog"
    return tuple(made)


@cache
def drawn() -> tuple[tuple[Function, Scene, Layout], ...]:
    found = ((function, scene(graph, function)) for graph in graphs() for function in graph.functions)
    return tuple((function, what, laid_out(what)) for function, what in found)


def overlap(a: Rectangle, b: Rectangle) -> bool:
    across = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    down = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    return across > 0.5 and down > 0.5


def inside(a: Rectangle, b: Rectangle) -> bool:
    right, below = b.left + b.width - a.left - a.width, b.top + b.height - a.top - a.height
    return min(a.left - b.left, a.top - b.top, right, below) > -0.5


def above(what: Scene, place: int) -> Iterator[int]:
    """The blocks that hold a box, from the inside."""
    parent = what.boxes[place].parent
    while parent is not None:
        yield parent
        parent = what.boxes[parent].parent


# --------------------------------------------------------------------------------------------------------- the scene


def test_every_node_is_one_box_and_every_input_and_result_too() -> None:
    for function, what, _ in drawn():
        kinds = Counter(box.kind for box in what.boxes)
        nodes = list(walk(function.body))
        assert kinds[Kind.CALL] == sum(isinstance(node, Call) for node in nodes)
        assert kinds[Kind.PRIMITIVE] == sum(isinstance(node, Apply) for node in nodes)
        outside = [box for box in what.boxes if box.parent is None]
        assert sum(box.kind in NODES for box in outside) == len(function.body.nodes)
        assert sum(box.kind is Kind.INPUT for box in outside) == len(function.inputs) + len(function.size_inputs)
        assert sum(box.kind is Kind.RESULT for box in outside) == len(function.results)


def test_nodes_are_named_as_in_the_source_and_weights_stand_beside_their_calls() -> None:
    graph = graph_of((EXAMPLES / "minilm.ten").read_text(encoding="utf-8"), "small_encoder")
    what = scene(graph, graph.entry)
    titles = [box.lines[0] for box in what.boxes]
    assert {"h = embeddings", "h = layer.0", "h = layer.1", "m = unsqueeze", "result"} <= set(titles)
    layers = [box for box in what.boxes if box.lines[0].startswith("h = layer.")]
    assert [graph.functions[box.function].name for box in layers if box.function is not None] == ["Layer", "Layer"]
    (call,) = (place for place, title in enumerate(titles) if title == "h = layer.0")
    weights = [
        what.boxes[a.source] for a in what.arrows if a.target == call and what.boxes[a.source].kind is Kind.WEIGHT
    ]
    (told,) = weights
    assert told.lines[:2] == ("16 weights", "layer.0.attention.query.weight f32[24, 24]")
    assert len(told.tip.splitlines()) == 16
    labels = {arrow.label for arrow in what.arrows if arrow.target == call}
    assert labels == {"f32[B, S, 24]", "bool[B, S]", ""}


def test_branches_and_loops_hold_what_runs_in_them() -> None:
    graph = graph_of(CONTROL, "small")
    what = scene(graph, graph.entry)
    held = {
        box.lines[0]: sorted(inner.lines[0] for inner in what.boxes if inner.parent == place)
        for place, box in enumerate(what.boxes)
        if box.kind is Kind.BLOCK
    }
    assert held["if keep"] == ["else", "then"]
    assert held["else"] == ["h"]
    assert "h = multiply" in held["then"]
    assert {"total", "total = add", "row"} <= set(held["for t in range(B)"])
    assert {"goes on while", "less", "y = multiply"} <= set(held["while"])


# -------------------------------------------------------------------------------------------------------- the layout


def test_no_two_boxes_overlap_but_a_block_and_what_it_holds() -> None:
    for function, what, where in drawn():
        for place, box in enumerate(where.boxes):
            holders = set(above(what, place))
            for other in range(place):
                if other in holders:
                    assert inside(box, where.boxes[other]), (function.name, what.boxes[place], what.boxes[other])
                else:
                    assert not overlap(box, where.boxes[other]), (function.name, what.boxes[place], what.boxes[other])


def test_text_fits_its_box() -> None:
    for _, what, where in drawn():
        for box, room in zip(what.boxes, where.boxes, strict=True):
            widest = [width(box.lines[0], TITLE_SIZE), *(width(line, LINE_SIZE) for line in box.lines[1:])]
            assert max(widest) + 2 * PADDING <= room.width + 0.5
            assert box.kind is Kind.BLOCK or TITLE_SIZE + LINE_SIZE * 1.4 * len(box.lines[1:]) <= room.height - PADDING


def test_arrows_lead_around_boxes_from_border_to_border() -> None:
    for function, what, where in drawn():
        solid = [
            (place, Rectangle(room.left + 1, room.top + 1, room.width - 2, room.height - 2))
            for place, room in enumerate(where.boxes)
            if what.boxes[place].kind is not Kind.BLOCK
        ]
        for arrow, line in zip(what.arrows, where.lines, strict=True):
            for start, end in pairwise(line):
                left, top = min(start.x, end.x), min(start.y, end.y)
                piece = Rectangle(left, top, abs(start.x - end.x) + 0.6, abs(start.y - end.y) + 0.6)
                hit = [what.boxes[place].lines for place, room in solid if overlap(piece, room)]
                assert not hit, (function.name, arrow, hit)


def test_every_type_is_told_at_an_arrow_from_the_box_that_makes_it() -> None:
    for _, what, where in drawn():
        told = {(a.source, a.label) for a, at in zip(what.arrows, where.labels, strict=True) if at is not None}
        assert {(arrow.source, arrow.label) for arrow in what.arrows if arrow.label} == told


def test_everything_lies_within_the_picture() -> None:
    for _, what, where in drawn():
        labels = zip(what.arrows, where.labels, strict=True)
        for room in (*where.boxes, *(label_room(arrow, at) for arrow, at in labels if at is not None)):
            assert inside(room, where.bounds)


# ----------------------------------------------------------------------------------------------------------- the SVG


def test_the_svg_is_xml_and_holds_the_words_of_each_box_once() -> None:
    for _, what, where in drawn():
        root = xml.fromstring(picture(what, where))
        words = Counter(
            element.text for element in root.iter(f"{SVG}text") if element.get("class") in ("title", "line")
        )
        assert words == Counter(line for box in what.boxes for line in box.lines)
        assert len(list(root.iter(f"{SVG}rect"))) == len(what.boxes)


def test_what_the_source_says_stays_text() -> None:
    name = "<b>&\u0007\u202e"
    graph = graph_of(CONTROL, "small")
    graph.entry.inputs[0].name = name
    what = scene(graph, graph.entry)
    found = picture(what, laid_out(what))
    assert "<b>&" in {element.text for element in xml.fromstring(found).iter(f"{SVG}text")}
    assert "<b>" not in found and "<b>&" not in page(graph)
    assert "\u202e" not in found


def test_long_words_lose_their_middle_and_wide_letters_take_two_cells() -> None:
    assert shortened("a" * 50, 20) == "a" * 13 + "…" + "a" * 6
    assert shortened("a\n b", 20) == "a b"
    assert width("漢字", 10) == 2 * width("ab", 10)


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("scheme", "ground"), [(0, "#ffffff"), (1, "#14161a")])
def test_words_can_be_read_in_light_and_in_dark(scheme: int, ground: str) -> None:
    for kind, schemes in _COLORS.items():
        fill, edge, words = schemes[scheme]
        behind = ground if fill == "none" else fill
        light, dark = sorted((luminance(words), luminance(behind)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 7, kind
        light, dark = sorted((luminance(edge), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 2.5, kind


# ---------------------------------------------------------------------------------------------------------- the page


class Page(HTMLParser):
    """Which functions a page has, which of them are open, where its links lead, what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.functions: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "details":
            self.functions.append(given["id"] or "")
            if "open" in given:
                self.open.append(given["id"] or "")
        if tag == "a":
            self.links.append((given["href"] or "").removeprefix("#"))
        self.loads += [name for name in ("src", "srcset") if name in given] + (["link"] if tag == "link" else [])


def test_a_page_has_each_function_once_and_calls_lead_to_them() -> None:
    for graph in graphs():
        found = Page(page(graph))
        assert sorted(found.functions) == sorted(f"function-{place}" for place in range(len(graph.functions)))
        assert found.open == [f"function-{len(graph.functions) - 1}"] == found.functions[:1]
        assert set(found.links) <= set(found.functions)
        calls = sum(isinstance(node, Call) for function in graph.functions for node in walk(function.body))
        assert len(found.links) == calls
        assert not found.loads


def test_a_page_for_an_editor_tells_where_each_node_comes_from() -> None:
    graph = graph_of((EXAMPLES / "minilm.ten").read_text(encoding="utf-8"), "small_encoder")
    asked: list[Place] = []

    def locate(place: Place) -> Located:
        asked.append(place)
        return Located('a "b".ten', len(asked), len(asked) + 1)

    found = re.findall(r'<g class="\w+" data-file=(.*?) data-start="(\d+)" data-end="(\d+)">', page(graph, locate))
    assert found == [("'a \"b\".ten'", str(i + 1), str(i + 2)) for i in range(len(asked))]
    assert len(asked) == sum(1 for function in graph.functions for _ in walk(function.body))
    assert "data-file" not in page(graph)


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.heavy
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_call_opens_its_function_and_a_button_closes_all(tmp_path: Path) -> None:
    graph = graph_of((EXAMPLES / "minilm.ten").read_text(encoding="utf-8"), "small_encoder")
    acts = """
<script>
const states = () => functions.filter(item => item.open).map(item => item.id).join(" ");
const told = [states()];
document.querySelector("a").dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
setTimeout(() => {
  told.push(states());
  document.getElementById("close").click(); told.push(states());
  document.getElementById("open").click(); told.push(functions.every(item => item.open));
  document.title = told.join("|");
}, 100);
</script></body>"""
    text = page(graph)
    (tmp_path / "page.html").write_text(text.replace("</body>", acts), encoding="utf-8")
    command = [
        CHROMIUM or "",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=3000",
        "--dump-dom",
    ]
    ran = subprocess.run([*command, (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=120)
    title = re.search(r"<title>(.*?)</title>", ran.stdout)
    assert title is not None, ran.stderr
    entry, called = f"function-{len(graph.functions) - 1}", Page(text).links[0]
    before, after, closed, opened = title[1].split("|")
    assert before == entry
    assert set(after.split()) == {entry, called}
    assert closed == ""
    assert opened == "true"


# ------------------------------------------------------------------------------------------------------- the command

MODEL = """
import std.nn { Linear }
model Head(x: float[B, 4]) -> float[B, 3] {
  sub first = Linear[4, 3]
  let hidden = first(x)
  return relu(hidden)
}
deploy head = Head { weights: init(seed = 0), dims: { B: 1 .. 8 } }
"""
SECOND = "deploy other = Head { weights: init(seed = 1), dims: { B: 2 } }\n"


def test_a_deploy_is_drawn_under_its_name(tenuto: Command) -> None:
    tenuto.write({"a.ten": MODEL})
    code, out, err = tenuto("graph", "a.ten")
    assert (code, out, err) == (0, "", "wrote head.svg\n")
    assert xml.fromstring(tenuto.read("head.svg")).tag == f"{SVG}svg"
    assert "hidden = first" in tenuto.read("head.svg")
    assert sorted(path.name for path in tenuto.folder.iterdir() if path.is_file()) == ["a.ten", "head.svg"]


def test_the_name_of_the_output_says_the_format(tenuto: Command) -> None:
    tenuto.write({"a.ten": MODEL + SECOND, "page.html": "old"})
    assert tenuto("graph", "a.ten:other", "-o", "page.html", "--quiet") == (0, "", "")
    assert tenuto.read("page.html").startswith("<!DOCTYPE html>")
    assert tenuto("graph", "a.ten", "--format", "html").code == 0
    assert (tenuto.folder / "head.html").exists() and (tenuto.folder / "other.html").exists()
    code, _, err = tenuto("graph", "a.ten", "-o", "x.pdf")
    assert (code, err) == (2, "tenuto: `x.pdf` says no format: it ends in .svg or .html, or --format says it\n")
    code, _, err = tenuto("graph", "a.ten", "-o", "x.svg")
    assert (code, err) == (
        2,
        "tenuto: `a.ten` has several deploys, `head`, `other`: say which, as FILE:DEPLOY\n",
    )


def test_another_function_may_be_drawn(tenuto: Command) -> None:
    tenuto.write({"a.ten": MODEL})
    assert tenuto("graph", "a.ten", "--function", "Linear", "-o", "linear.svg").code == 0
    assert "weight" in tenuto.read("linear.svg") and "hidden" not in tenuto.read("linear.svg")
    code, _, err = tenuto("graph", "a.ten", "--function", "Liner")
    assert (code, err) == (2, "tenuto: `head` has no function `Liner`; did you mean `Linear`?\n")
    assert tenuto("graph", "a.ten", "--function", "Linear", "-o", "x.html").code == 2


def test_misuse_and_mistakes_are_told_apart(tenuto: Command) -> None:
    tenuto.write({"a.ten": MODEL, "wrong.ten": MODEL.replace("first(x)", "frist(x)")})
    code, _, err = tenuto("graph", "a.ten:haed")
    assert (code, err) == (2, "tenuto: `a.ten` has no deploy `haed`; did you mean `head`?\n")
    assert tenuto("graph", "missing.ten").code == 2
    code, out, err = tenuto("graph", "wrong.ten")
    assert (code, err) == (1, "not drawn: 1 error\n")
    assert "unknown-name" in out
    code, _, err = tenuto("graph", "a.ten", "-o", "no/such/folder.svg")
    assert (code, err) == (2, "tenuto: cannot write `no/such/folder.svg`: No such file or directory\n")
    assert not list(tenuto.folder.glob("*.svg"))


def test_the_picture_in_the_documentation_is_that_of_the_example(tenuto: Command, pytestconfig: pytest.Config) -> None:
    path = EXAMPLES.parent / "docs/graph.svg"
    drawn = tenuto("graph", str(EXAMPLES / "minilm.ten:small_encoder"), "-o", "picture.svg")
    assert drawn.code == 0
    keep_or_fail(path, path.read_text(encoding="utf-8"), tenuto.read("picture.svg"), pytestconfig)
