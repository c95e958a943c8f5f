"""Documents that know where they may break, and their printer, after Wadler: a group is on one line if it fits there.

Comments are part of a document, and the printer alone knows what they ask for: the line ends after one. A group with a
comment in it is broken.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WIDTH = 120


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Space:
    """A space, where the line goes on."""


@dataclass(frozen=True, slots=True)
class Line:
    """The end of the line in a broken group; else a space, or nothing."""

    space: bool


@dataclass(frozen=True, slots=True)
class HardLine:
    """The end of the line in any case; with `blank`, an empty line as well."""

    blank: bool = False


@dataclass(frozen=True, slots=True)
class IfBroken:
    """A text that stands in a broken group alone."""

    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment: `trailing` what stands before it on its line, or alone on a line."""

    text: str
    trailing: bool


@dataclass(frozen=True, slots=True)
class Several:
    parts: tuple[Document, ...]
    broken: bool


@dataclass(frozen=True, slots=True)
class Indent:
    inner: Document
    broken: bool


@dataclass(frozen=True, slots=True)
class Group:
    inner: Document
    broken: bool


Document = Text | Space | Line | HardLine | IfBroken | Remark | Several | Indent | Group

SPACE = Space()
LINE = Line(True)
SOFT_LINE = Line(False)
HARD_LINE = HardLine()
BLANK_LINE = HardLine(blank=True)


def several(*parts: Document) -> Document:
    return Several(parts, any(map(_is_broken, parts)))


def indent(*parts: Document) -> Document:
    inner = several(*parts)
    return Indent(inner, _is_broken(inner))


def group(*parts: Document) -> Document:
    inner = several(*parts)
    return Group(inner, _is_broken(inner))


def _is_broken(document: Document) -> bool:
    match document:
        case Several(broken=broken) | Indent(broken=broken) | Group(broken=broken):
            return broken
        case HardLine() | Remark():
            return True
        case Text() | Space() | Line() | IfBroken():
            return False


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
                    printer.end_line(level)
                elif space:
                    printer.space()
            case HardLine(blank):
                printer.end_line(level)
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
            case Group(inner, must_break):
                flat = not must_break and _fits(printer.left(level), (level, False, inner), waiting)
                waiting.append((level, not flat, inner))
    printer.end_line(0)
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
            case HardLine() | Remark():
                return True
            case IfBroken(text):
                left -= len(text) if broken else 0
            case Several(parts):
                waiting.extend((0, broken, part) for part in reversed(parts))
            case Indent(inner):
                waiting.append((0, broken, inner))
            case Group(inner, must_break):
                waiting.append((0, broken or must_break, inner))
    return False


@dataclass(slots=True)
class _Printer:
    pieces: list[str] = field(default_factory=list)
    column: int = 0
    space_asked: bool = False
    # Comments that trail the line so far; they are written when it ends.
    trailing: list[str] = field(default_factory=list)

    def text(self, text: str, level: int) -> None:
        if self.trailing and text != ",":
            self.end_line(level)
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
            self.trailing.append(text)
            return
        self.end_line(level)
        self.text(text, level)
        self.end_line(level)

    def end_line(self, level: int) -> None:
        if self.column == 0:
            self.space_asked = False
            return
        comments, self.trailing = self.trailing, []
        if comments:
            self.pieces.append(f"  {comments[0]}")
        self.pieces.append("\n")
        self.pieces.extend(f"{' ' * level}{comment}\n" for comment in comments[1:])
        self.column = 0
        self.space_asked = False

    def blank_line(self) -> None:
        if self.pieces and self.pieces[-1] != "\n" * 2:
            self.pieces.append("\n")
