"""Where boxes and arrows go: the layered layout of the library `graphlay`, which also leads arrows around boxes.

Nothing is placed by Tenuto itself; it says how large a box is, from its text.
"""

from __future__ import annotations

from itertools import pairwise

import graphlay
from msgspec import Struct

from tenuto_backend.picture.lettering import LABEL_SIZE, LEADING, LINE_SIZE, TITLE_SIZE, width
from tenuto_backend.picture.scene import Arrow, Box, Kind, Scene

PADDING = 8.0
BESIDE = 16.0
HEADER = TITLE_SIZE * LEADING + PADDING
OPTIONS = {
    "direction": "topbottom",
    "spacing": {
        "layer_gap": 60.0,
        "node_gap": 28.0,
        "compound_padding": 16.0,
        "compound_header": HEADER,
    },
}


class Point(Struct, frozen=True):
    x: float
    y: float


class Rectangle(Struct, frozen=True):
    left: float
    top: float
    width: float
    height: float


class Layout(Struct, frozen=True):
    """A rectangle for each box, a line and the middle of its label for each arrow, and the room that all take."""

    boxes: tuple[Rectangle, ...]
    lines: tuple[tuple[Point, ...], ...]
    labels: tuple[Point | None, ...]
    bounds: Rectangle


def laid_out(scene: Scene) -> Layout:
    graph = graphlay.Graph()
    for box in scene.boxes:
        size = size_of(box)
        if box.parent is None:
            graph.node(width=size.x, height=size.y)
        else:
            graph.node(width=size.x, height=size.y, parent=box.parent)
    for arrow in scene.arrows:
        if arrow.label:
            room = {"width": width(arrow.label, LABEL_SIZE) + 4, "height": LABEL_SIZE * LEADING}
            graph.edge(arrow.source, arrow.target, label_size=room)
        else:
            graph.edge(arrow.source, arrow.target)
    found = graphlay.layout(graph, options=OPTIONS)
    boxes = tuple(
        Rectangle(
            node["center"]["x"] - node["size"]["width"] / 2,
            node["center"]["y"] - node["size"]["height"] / 2,
            node["size"]["width"],
            node["size"]["height"],
        )
        for node in found.nodes
    )
    lines = tuple(
        _outside(
            tuple(Point(point["x"], point["y"]) for point in edge["points"]),
            scene.boxes[arrow.target],
            boxes[arrow.target],
        )
        for arrow, edge in zip(scene.arrows, found.edges, strict=True)
    )
    anchors = (edge["label_anchor"] for edge in found.edges)
    middles = tuple(Point(anchor["x"], anchor["y"]) if anchor is not None else None for anchor in anchors)
    labels = _telling(scene, lines, middles)
    return Layout(boxes, lines, labels, _bounds(scene, boxes, lines, labels))


def label_room(arrow: Arrow, middle: Point) -> Rectangle:
    """The room that the label of an arrow takes."""
    wide, high = width(arrow.label, LABEL_SIZE), LABEL_SIZE * 1.2
    return Rectangle(middle.x - wide / 2, middle.y - high / 2, wide, high)


def size_of(box: Box) -> Point:
    """The room that a box needs for its words."""
    first, *others = box.lines
    widest = max([width(first, TITLE_SIZE), *(width(line, LINE_SIZE) for line in others)])
    if box.kind is Kind.BLOCK:
        return Point(widest + 2 * PADDING, HEADER)
    return Point(widest + 2 * PADDING, LEADING * (TITLE_SIZE + LINE_SIZE * len(others)) + 2 * PADDING)


def _outside(line: tuple[Point, ...], box: Box, at: Rectangle) -> tuple[Point, ...]:
    """The library leads an arrow to what a block holds, past its heading; it ends where the block begins."""
    if box.kind is Kind.BLOCK and line[-1].y > at.top > line[-2].y:
        return (*line[:-1], Point(line[-1].x, at.top))
    return line


def _telling(
    scene: Scene, lines: tuple[tuple[Point, ...], ...], labels: tuple[Point | None, ...]
) -> tuple[Point | None, ...]:
    """The labels but those that found no room at their line, where another arrow from the box says the same."""
    near = [
        label is not None and any(_touches(label_room(arrow, label), a, b) for a, b in pairwise(line))
        for arrow, label, line in zip(scene.arrows, labels, lines, strict=True)
    ]
    said = {(arrow.source, arrow.label) for arrow, is_near in zip(scene.arrows, near, strict=True) if is_near}
    return tuple(
        label if is_near or (arrow.source, arrow.label) not in said else None
        for arrow, label, is_near in zip(scene.arrows, labels, near, strict=True)
    )


def _touches(room: Rectangle, start: Point, end: Point) -> bool:
    """Whether a label stands at a piece of a line, which runs along an axis, or just beside it."""
    left, right = sorted((start.x, end.x))
    top, bottom = sorted((start.y, end.y))
    across = max(left - room.left - room.width, room.left - right)
    down = max(top - room.top - room.height, room.top - bottom)
    return max(across, down) <= BESIDE


def _bounds(
    scene: Scene,
    boxes: tuple[Rectangle, ...],
    lines: tuple[tuple[Point, ...], ...],
    labels: tuple[Point | None, ...],
) -> Rectangle:
    """What everything takes; the library leaves labels out."""
    named = zip(scene.arrows, labels, strict=True)
    rooms = (*boxes, *(label_room(arrow, middle) for arrow, middle in named if middle is not None))
    corners = [point for line in lines for point in line]
    for room in rooms:
        corners += (Point(room.left, room.top), Point(room.left + room.width, room.top + room.height))
    left, top = min((point.x for point in corners), default=0.0), min((point.y for point in corners), default=0.0)
    right, bottom = max((point.x for point in corners), default=0.0), max((point.y for point in corners), default=0.0)
    return Rectangle(left, top, right - left, bottom - top)
