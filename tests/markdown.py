"""Markdown that is a test: the manual under tests/spec and the pages of the diagnostics.

A heading that owns fenced blocks is one test. A block tagged `tenuto` is a program; what is found in it stands below
the line in question, as `^^^ error[rule-name]: message`. A line "`blocks/mlp.ten`:" before a block names it, and the
named blocks of a section are one workspace; a block without a name is a program of its own, which may import the named
ones. Every other known tag is an output of the program before it. A caret line that begins with a question (`^^^ type:
...`) is answered; `^^^ here:` marks the place that the outputs after the program are asked about. A block tagged
`weights` is a file of weights, told by its header: a line `name: f32[3, 4]` for each tensor, which may go on with its
extremes, `within -0.5 .. 0.5, 2 NaN`; it needs a name. A `json` with a name is such a file. Blocks with other
tags are left alone.

`rerun` strips the caret lines, asks what is true now and writes the section anew; the test compares the two texts, so
that a missing and a surplus finding both show, and `pytest --update` keeps the new text. This module handles text only;
what answers is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

FENCE = re.compile(r"(?:^`(?P<name>[\w./-]+)`:\n\n?)?^```(?P<tag>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
CARETS = re.compile(r"^ *(?P<carets>\^+) (?:(?P<found>(?:error|warning)\[)|(?P<question>[a-z]+):)")
UNNAMED = "main.ten"
HERE = "here"


class Note(NamedTuple):
    """What is said about a range of one line of a program; lines and columns count from 0."""

    line: int
    start: int
    end: int
    text: str


class Section(NamedTuple):
    """A stretch of a document that is one test."""

    name: str
    start: int
    end: int


class Program(NamedTuple):
    """One block, named `file`, and the texts of all files that it can see, itself among them.

    `here` is the line and the columns that `^^^ here:` spans, where the program has such a line.
    """

    file: str
    files: Mapping[str, str]
    here: tuple[int, int, int] | None = None

    @property
    def text(self) -> str:
        return self.files[self.file]


Findings = Callable[[Program], list[Note]]
Answer = Callable[[Program, int, int, int], str]  # From the program, the line and the columns that the carets span.
Output = Callable[[Program], str]


class Voice(NamedTuple):
    """Who speaks: what is found in a program, the answers to questions by name, the outputs by tag."""

    findings: Findings
    answers: Mapping[str, Answer]
    outputs: Mapping[str, Output]


def sections(document: str) -> Iterator[Section]:
    """The sections that own a block, named by the path of their headings."""
    headings = [*HEADING.finditer(_without_blocks(document))]
    path: list[str] = []
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        path[len(heading[1]) - 1 :] = [heading[2]]
        end = following.start() if following else len(document)
        if FENCE.search(document, heading.end(), end):
            yield Section(" / ".join(path), heading.end(), end)


def rerun(section: str, voice: Voice) -> str:
    """The section's text with the findings, answers and outputs that are true now."""
    named = {
        fence["name"]: without_carets(fence["body"])
        for fence in FENCE.finditer(section)
        if fence["tag"] in ("tenuto", "weights", "json") and fence["name"]
    }
    latest = Program(UNNAMED, {UNNAMED: ""})

    def rewrite(fence: re.Match[str]) -> str:
        nonlocal latest
        if fence["tag"] == "tenuto":
            file = fence["name"] or UNNAMED
            latest = Program(file, {**named, file: without_carets(fence["body"])}, _here(fence["body"]))
            body = _annotated(latest, fence["body"], voice)
        elif fence["tag"] in voice.outputs:
            body = voice.outputs[fence["tag"]](latest).rstrip("\n") + "\n"
        else:
            return fence[0]
        start = fence.start("body") - fence.start()
        return fence[0][:start] + body + "```"

    return FENCE.sub(rewrite, section)


def rerun_document(document: str, voice: Voice) -> str:
    """A whole document, section by section."""
    for section in reversed([*sections(document)]):
        document = (
            document[: section.start] + rerun(document[section.start : section.end], voice) + document[section.end :]
        )
    return document


def programs(document: str) -> list[str]:
    """The texts of all programs in a document, without caret lines."""
    return [without_carets(fence["body"]) for fence in FENCE.finditer(document) if fence["tag"] == "tenuto"]


def weights(document: str) -> dict[str, str]:
    """The files of weights in a document, by name."""
    return {fence["name"]: fence["body"] for fence in FENCE.finditer(document) if fence["tag"] == "weights"}


def without_carets(body: str) -> str:
    return "".join(f"{line}\n" for line in body.split("\n")[:-1] if not CARETS.match(line))


def _annotated(program: Program, body: str, voice: Voice) -> str:
    notes = [*voice.findings(program), *_answered(program, body, voice)]
    lines = program.text.split("\n")
    for note in sorted(notes, key=lambda note: note[:3], reverse=True):
        carets = " " * note.start + "^" * max(1, note.end - note.start)
        lines.insert(note.line + 1, f"{carets} {note.text}")
    return "\n".join(lines)


def _answered(program: Program, body: str, voice: Voice) -> Iterator[Note]:
    for line, start, end, question in _questions(body):
        if question == HERE:
            yield Note(line, start, end, f"{HERE}:")
        else:
            yield Note(line, start, end, f"{question}: {voice.answers[question](program, line, start, end)}")


def _here(body: str) -> tuple[int, int, int] | None:
    return next(((line, start, end) for line, start, end, question in _questions(body) if question == HERE), None)


def _questions(body: str) -> Iterator[tuple[int, int, int, str]]:
    """The questions in a program: the line and the columns that their carets span."""
    line = -1
    for text in body.split("\n"):
        match = CARETS.match(text)
        if match is None:
            line += 1
        elif match["question"]:
            yield line, *match.span("carets"), match["question"]


def _without_blocks(document: str) -> str:
    return FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), document)
