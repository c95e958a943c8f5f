"""Writes a laid-out scene as SVG: rectangles, text and lines at given positions, in colours for light and dark.

Text is escaped; a name of the source can be anything and stays text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from tenuto_analysis.diagnostics.base import Place
from tenuto_backend.picture.layout import PADDING, Layout, Point, Rectangle, label_room
from tenuto_backend.picture.lettering import FONT, LABEL_SIZE, LEADING, LINE_SIZE, TITLE_SIZE, visible, width
from tenuto_backend.picture.scene import Arrow, Box, Kind, Scene

MARGIN = 16.0
CORNER = 4.0

# What is drawn, as fill, edge and text, first on white, then on dark ground; text has a contrast of 7 at least.
_COLORS: dict[Kind, tuple[tuple[str, str, str], tuple[str, str, str]]] = {
    Kind.INPUT: (("#e3f1e4", "#3d7a44", "#12361a"), ("#173a1e", "#6fb878", "#dff3e1")),
    Kind.WEIGHT: (("#fbf0d9", "#93701f", "#3f2e06"), ("#3b2f10", "#cda653", "#f8ecd0")),
    Kind.NUMBER: (("#f1f1f3", "#85858f", "#2a2a30"), ("#2b2c31", "#8d8e98", "#ececf0")),
    Kind.PRIMITIVE: (("#ffffff", "#5c6370", "#1c2028"), ("#20242c", "#9aa3b2", "#eef1f6")),
    Kind.CALL: (("#dfeafb", "#2f5fa8", "#10284d"), ("#16294a", "#7ba7e8", "#e2edfd")),
    Kind.RESULT: (("#f3e4f5", "#8a3f96", "#3f1246"), ("#3a1a40", "#c98ad4", "#f6e4f9")),
    Kind.BLOCK: (("none", "#9aa1ad", "#3a404b"), ("none", "#6d7584", "#d5dae3")),
}
_GROUND, _LINE, _LABEL = ("#ffffff", "#14161a"), ("#6b7280", "#8a93a3"), ("#4b5260", "#c3c9d4")


class Located(NamedTuple):
    """Where something stands: a file, and from which of its characters to which."""

    file: str
    start: int
    end: int


Locate = Callable[[Place], Located]


def style() -> str:
    """The style sheet of every picture."""
    rules = [
        f"text {{ font-family: {FONT}; }}",
        f".title {{ font-size: {TITLE_SIZE:g}px; font-weight: bold; }}",
        f".line {{ font-size: {LINE_SIZE:g}px; }}",
        f".label {{ font-size: {LABEL_SIZE:g}px; }}",
        ".arrow { fill: none; stroke-width: 1.2px; }",
        "a { cursor: pointer; } a:hover rect, a:focus rect { stroke-width: 2.5px; }",
        *_scheme(0),
    ]
    dark = "\n  ".join(_scheme(1))
    return "\n".join(rules) + f"\n@media (prefers-color-scheme: dark) {{\n  {dark}\n}}"


def picture(scene: Scene, layout: Layout) -> str:
    """A whole SVG file."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing(scene, layout, style(), links=False)}'


def drawing(scene: Scene, layout: Layout, style_sheet: str, links: bool, locate: Locate | None = None) -> str:
    """An `svg` element; with `links`, a call leads to the place of its function in the page.

    With `locate`, every node tells where the source says what it does.
    """
    room = layout.bounds
    left, top = room.left - MARGIN, room.top - MARGIN
    wide, high = room.width + 2 * MARGIN, room.height + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}"'
        f' viewBox="{left:.1f} {top:.1f} {wide:.1f} {high:.1f}">',
    ]
    if style_sheet:
        lines.append(f"<style>\n{escape(style_sheet)}\n</style>")
    lines.append(_ground(Rectangle(left, top, wide, high)))
    boxes = list(zip(scene.boxes, layout.boxes, strict=True))
    lines += (_frame(box, at) for box, at in boxes if box.kind is Kind.BLOCK)
    lines += (_line(arrow, at) for arrow, at in zip(scene.arrows, layout.lines, strict=True))
    lines += (_heading(box, at, locate) for box, at in boxes if box.kind is Kind.BLOCK)
    lines += (_box(box, at, links, locate) for box, at in boxes if box.kind is not Kind.BLOCK)
    lines += (_label(arrow, at) for arrow, at in zip(scene.arrows, layout.labels, strict=True) if at is not None)
    return "\n".join((*lines, "</svg>\n"))


def _scheme(dark: int) -> Iterator[str]:
    """The rules about colour; `dark` is 0 or 1."""
    yield f".ground {{ fill: {_GROUND[dark]}; }}"
    yield f".arrow {{ stroke: {_LINE[dark]}; }} .head {{ fill: {_LINE[dark]}; }}"
    yield f".label {{ fill: {_LABEL[dark]}; }}"
    for kind, schemes in _COLORS.items():
        fill, edge, text = schemes[dark]
        yield f".{kind.value} rect {{ fill: {fill}; stroke: {edge}; }} .{kind.value} text {{ fill: {text}; }}"


def _box(box: Box, at: Rectangle, links: bool, locate: Locate | None) -> str:
    first, *others = box.lines
    base = at.top + PADDING + TITLE_SIZE
    anchor, x = ("start", at.left + PADDING) if len(others) > 1 else ("middle", at.left + at.width / 2)
    parts = [
        _tip(box.tip),
        _rectangle(at),
        _text("title", first, x, base, anchor),
        *(_text("line", line, x, base + LINE_SIZE * LEADING * (i + 1), anchor) for i, line in enumerate(others)),
    ]
    inside = f'<g class="{box.kind.value}"{_source(box, locate)}>{"".join(parts)}</g>'
    return f'<a href="#function-{box.function}">{inside}</a>' if links and box.function is not None else inside


def _frame(box: Box, at: Rectangle) -> str:
    return f'<g class="{box.kind.value}">{_tip(box.tip)}{_rectangle(at)}</g>'


def _heading(box: Box, at: Rectangle, locate: Locate | None) -> str:
    """What a block is, on ground of its own: arrows may pass below."""
    (words,) = box.lines
    height = TITLE_SIZE * LEADING
    room = Rectangle(at.left + PADDING - 2, at.top + PADDING / 2, width(words, TITLE_SIZE) + 4, height)
    text = _text("title", words, at.left + PADDING, at.top + PADDING / 2 + TITLE_SIZE, "start")
    return f'<g class="{box.kind.value}"{_source(box, locate)}>{_ground(room)}{text}</g>'


def _source(box: Box, locate: Locate | None) -> str:
    """The attributes that tell an editor where a node comes from."""
    if locate is None or box.origin is None:
        return ""
    file, start, end = locate(box.origin)
    return f' data-file={quoteattr(file)} data-start="{start}" data-end="{end}"'


def _tip(text: str) -> str:
    return f"<title>{escape(visible(text))}</title>" if text else ""


def _rectangle(at: Rectangle) -> str:
    return f'<rect x="{at.left:.1f}" y="{at.top:.1f}" width="{at.width:.1f}" height="{at.height:.1f}" rx="{CORNER:g}"/>'


def _ground(at: Rectangle) -> str:
    return f'<path class="ground" d="M{at.left:.1f} {at.top:.1f} h{at.width:.1f} v{at.height:.1f} h{-at.width:.1f} z"/>'


def _text(name: str, text: str, x: float, y: float, anchor: str) -> str:
    return f'<text class={quoteattr(name)} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(arrow: Arrow, points: tuple[Point, ...]) -> str:
    path = " L".join(f"{point.x:.1f} {point.y:.1f}" for point in points)
    before, end = points[-2], points[-1]
    length = max(1e-9, ((end.x - before.x) ** 2 + (end.y - before.y) ** 2) ** 0.5)
    along, across = (end.x - before.x) / length, (end.y - before.y) / length
    corners = (
        (end.x, end.y),
        (end.x - 7 * along - 3.5 * across, end.y - 7 * across + 3.5 * along),
        (end.x - 7 * along + 3.5 * across, end.y - 7 * across - 3.5 * along),
    )
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<g>{_tip(arrow.tip)}<path class="arrow" d="M{path}"/><polygon class="head" points="{head}"/></g>'


def _label(arrow: Arrow, middle: Point) -> str:
    text = _text("label", arrow.label, middle.x, middle.y + LABEL_SIZE * 0.35, "middle")
    return f"<g>{_tip(arrow.tip)}{_ground(label_room(arrow, middle))}{text}</g>"
