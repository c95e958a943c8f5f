"""Documents that know where they may break, and their printer, after Wadler: a group is on one line if it fits there.

Comments are part of a document, and the printer alone knows what they ask for: the line ends after one. A group with a
comment in it is broken.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct, field

WIDTH = 120


class Text(Struct, frozen=True):
    text: str


class Space(Struct, frozen=True):
    """A space, where the line goes on."""


class Line(Struct, frozen=True):
    """The end of the line in a broken group; else a space, or nothing."""

    space: bool


class HardLine(Struct, frozen=True):
    """The end of the line in any case; with `blank`, an empty line as well."""

    blank: bool = False


class IfBroken(Struct, frozen=True):
    """A text that stands in a broken group alone."""

    text: str


class Remark(Struct, frozen=True):
    """A comment: `trailing` what stands before it on its line, or alone on a line."""

    text: str
    trailing: bool


class Several(Struct, frozen=True):
    parts: tuple[Document, ...]
    shape: Shape


class Indent(Struct, frozen=True):
    inner: Document
    shape: Shape


class Group(Struct, frozen=True):
    inner: Document
    shape: Shape


class Shape(NamedTuple):
    """What a document asks of the groups around it: where comments stand at its edges, these have no say inside."""

    written: bool  # more than comments above it
    broken: bool  # a line ends in it in any case
    above: bool  # it begins with a comment on its own line, so a line ends before it if something precedes
    behind: bool  # it ends with a comment, so a line ends behind it if something follows


Document = Text | Space | Line | HardLine | IfBroken | Remark | Several | Indent | Group

SPACE = Space()
LINE = Line(True)
SOFT_LINE = Line(False)
HARD_LINE = HardLine()
BLANK_LINE = HardLine(blank=True)


NOTHING = Several((), Shape(False, False, False, False))


def several(*parts: Document) -> Document:
    written = broken = above = behind = False
    plain = True
    for part in parts:
        shape = _shape(part)
        if shape is not _PLAIN:
            plain = False
            broken = broken or shape.broken or (behind and (shape.written or shape.above)) or (written and shape.above)
            above = above or (shape.above and not written)
            behind = shape.behind or (behind and not shape.written)
            written = written or shape.written
        else:
            broken = broken or behind
            written, behind = True, False
    if not parts:
        return NOTHING
    shape = Shape(written, broken, above, behind)
    return Several(parts, _PLAIN if plain or shape == _PLAIN else shape)


def indent(*parts: Document) -> Document:
    inner = several(*parts)
    return Indent(inner, _shape(inner))


def group(*parts: Document) -> Document:
    inner = several(*parts)
    return Group(inner, _shape(inner))


# Without comments and line ends: the shape of nearly everything.
_PLAIN = Shape(True, False, False, False)
_LINE_END = Shape(True, True, False, False)
_ABOVE = Shape(False, False, True, False)
_BEHIND = Shape(True, False, False, True)


def _shape(document: Document) -> Shape:
    match document:
        case Several(shape=shape) | Indent(shape=shape) | Group(shape=shape):
            return shape
        case HardLine():
            return _LINE_END
        case Remark(trailing=trailing):
            return _BEHIND if trailing else _ABOVE
        case Text() | Space() | Line() | IfBroken():
            return _PLAIN


def render(document: Document) -> str:
    """The text of a document; it ends where the document does, with its last comments written out."""
    printer = _Printer()
    waiting: list[_Entry] = [(0, True, document)]
    while waiting:
        level, broken, document = waiting.pop()
        match document:
            case Text(text):
                printer.text(text, level)
            case Space():
                printer.space()
            case Line(space):
                if broken:
                    printer.end_line()
                elif space:
                    printer.space()
            case HardLine(blank):
                printer.end_line()
                if blank:
                    printer.blank_line()
            case IfBroken(text):
                if broken:
                    printer.text(text, level)
            case Remark(text, trailing):
                printer.remark(text, trailing, level)
            case Several(parts):
                waiting.extend((level, broken, part) for part in reversed(parts))
            case Indent(inner):
                waiting.append((level + 2, broken, inner))
            case Group(inner, shape):
                flat = not shape.broken and _fits(printer.left(level), (level, False, inner), waiting)
                waiting.append((level, not flat, inner))
    printer.end_line()
    return "".join(printer.pieces)


# Indentation, whether the group around is broken, and the document.
_Entry = tuple[int, bool, Document]


def _fits(left: int, first: _Entry, rest: list[_Entry]) -> bool:
    """Whether `first` on one line, and what follows up to where the line may end, takes `left` columns at most."""
    waiting = [first]
    following = len(rest)
    while left >= 0:
        if not waiting:
            if following == 0:
                return True
            following -= 1
            waiting.append(rest[following])
        _, broken, document = waiting.pop()
        match document:
            case Text(text):
                left -= len(text)
            case Space():
                left -= 1
            case Line(space):
                if broken:
                    return True
                left -= space
            case HardLine():
                return True
            case Remark(trailing=trailing):
                if trailing:
                    return True
                left = WIDTH - first[0]  # the line begins anew below the comment
            case IfBroken(text):
                left -= len(text) if broken else 0
            case Several(parts):
                waiting.extend((0, broken, part) for part in reversed(parts))
            case Indent(inner):
                waiting.append((0, broken, inner))
            case Group(inner, shape):
                waiting.append((0, broken or shape.broken, inner))
    return False


class _Printer(Struct):
    pieces: list[str] = field(default_factory=list)
    column: int = 0
    space_asked: bool = False
    # Comments that trail the line so far; they are written when it ends.
    trailing: list[tuple[str, int]] = field(default_factory=list)

    def text(self, text: str, level: int) -> None:
        if self.trailing and text != ",":
            self.end_line()
        if self.column == 0:
            self.pieces.append(" " * level)
            self.column = level
        elif self.space_asked:
            self.pieces.append(" ")
            self.column += 1
        self.space_asked = False
        self.pieces.append(text)
        self.column += len(text)

    def left(self, level: int) -> int:
        """The columns that this line still has, where it would begin at `level`."""
        return WIDTH - (self.column or level) - self.space_asked

    def space(self) -> None:
        self.space_asked = True

    def remark(self, text: str, trailing: bool, level: int) -> None:
        if trailing and self.column:
            self.trailing.append((text, level))
            return
        self.end_line()
        self.text(text, level)
        self.end_line()

    def end_line(self) -> None:
        if self.column == 0:
            self.space_asked = False
            return
        comments, self.trailing = self.trailing, []
        if comments:
            self.pieces.append(f"  {comments[0][0]}")
        self.pieces.append("\n")
        self.pieces.extend(f"{' ' * level}{comment}\n" for comment, level in comments[1:])
        self.column = 0
        self.space_asked = False

    def blank_line(self) -> None:
        if self.pieces and self.pieces[-1] != "\n" * 2:
            self.pieces.append("\n")
