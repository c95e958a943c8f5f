"""A client that edits and asks at random, and knows what every document must be."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tenuto_grammar.text import Encoding, code_units
from tests.client import Connection, Json

# What is no fault of the server: outdated, cancelled, to be asked again, refused.
EXPECTED_ERRORS = frozenset({-32801, -32800, -32802, -32803})
CANCELLED = -32800

LINE_END = re.compile(r"\r\n|\n|\r")
ODD = (
    "é",
    "😀",
    "\U0010ffff",
    "\u2028",
    "\u2029",
    "\x0b",
    "\x0c",
    "\x85",
    "\x1c",
    "\r",
    "\r\n",
    "\ud800",
    "\x00",
    "\ufeff",
    "\t",
)
TYPED = (
    "x",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    ":",
    " = ",
    "\n",
    "  ",
    "->",
    "@",
    '"',
    "#",
    "N",
    "where ",
    "let ",
)
FOREIGN = (
    "def forward(self, x):\n    return self.fc2(F.relu(self.fc1(x)))\n",
    "#include <stdio.h>\nint main(void) { return 0; }\n",
    "<html>\u2028<p>Straße 😀😀</p>\r\n</html>\r",
    "fn broken(x: f32[N, M], y: f32[M]) -> f32[N] = x @ y\n",
    "model Inner(width: int) {\n  weight w: f32[width, width]\n",
    "import std.nn { Linear, LayerNorm }\n",
    "((((((((((((((((((((((((((((((((",
    "deploy here = Model(x) { target: onnx }\n",
)


class Place(NamedTuple):
    line: int
    character: int

    def json(self) -> Json:
        return {"line": self.line, "character": self.character}


class Text:
    """A document as the client has it: lines and columns in units of an encoding."""

    def __init__(self, text: str, encoding: Encoding) -> None:
        self.text = text
        self._encoding = encoding
        self._starts = [0, *(match.end() for match in LINE_END.finditer(text))]

    def place(self, offset: int) -> Place:
        line = max(index for index, start in enumerate(self._starts) if start <= offset)
        before = self.text[self._starts[line] : offset]
        if self._encoding is Encoding.UTF32 or before.isascii():
            return Place(line, len(before))
        return Place(line, sum(code_units(character, self._encoding) for character in before))

    def range(self, start: int, end: int) -> Json:
        return {"start": self.place(start).json(), "end": self.place(end).json()}

    def offset(self, chance: random.Random) -> int:
        """Anywhere that a cursor may be: never within a line end."""
        offset = chance.randint(0, len(self.text))
        return offset - 1 if self.text[offset - 1 : offset + 1] == "\r\n" else offset


class Document:
    """An open document, and how it began."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.first = text
        self.text = text
        self.version = 1


class Fuzzer:
    """Edits documents and asks whatever the server offers; what was answered wrongly stands in `faults`."""

    def __init__(
        self, client: Connection, offered: Mapping[str, Json], encoding: Encoding, texts: Mapping[str, str], seed: int
    ) -> None:
        self.faults: list[str] = []
        self.edits = 0
        self.asked: dict[str, int] = {}
        self._client = client
        self._encoding = encoding
        self._chance = random.Random(seed)
        self._documents = [Document(name, text) for name, text in texts.items()]
        self._questions = [*questions(offered)]
        self._waiting: list[tuple[int, str, bool]] = []
        for document in self._documents:
            client.open(document.name, document.text)

    def step(self) -> None:
        """One edit, and perhaps questions."""
        document = self._chance.choice(self._documents)
        self._edit(document)
        for _ in range(self._chance.choice((0, 0, 1, 1, 2))):
            self._ask(self._chance.choice(self._documents))
        if len(self._waiting) > self._chance.randint(0, 12):
            self.settle()

    def settle(self) -> None:
        """Waits for all answers."""
        for number, method, cancelled in self._waiting:
            answer = self._client.answer(number)
            error = answer.get("error")
            if error is not None and (
                error["code"] not in EXPECTED_ERRORS or (error["code"] == CANCELLED and not cancelled)
            ):
                self.faults.append(f"{method}: {error}")
        self._waiting.clear()
        self._client.forget_notifications()

    def restore(self) -> None:
        """Every document is again what it was at first."""
        for document in self._documents:
            self._change(document, document.first, [{"text": document.first}])

    def texts(self) -> dict[str, str]:
        return {document.name: document.text for document in self._documents}

    # ------------------------------------------------------------------------------------------------------------ edits

    def _edit(self, document: Document) -> None:
        self.edits += 1
        if len(document.text) > 2 * len(document.first) or self._chance.random() < 0.01:
            self._change(document, document.first, [{"text": document.first}])
            return
        text = document.text
        changes: list[Json] = []
        # Of several cursors the last comes first, as in most editors, so that no edit moves the next.
        cursors = 1 if self._chance.random() < 0.8 else self._chance.randint(2, 6)
        ends = sorted((Text(text, self._encoding).offset(self._chance) for _ in range(cursors)), reverse=True)
        lowest = len(text) + 1
        for end in ends:
            start, new = self._replacement(text, end)
            if end >= lowest:
                continue
            counted = Text(text, self._encoding)
            changes.append({"range": counted.range(start, end), "text": new})
            text = text[:start] + new + text[end:]
            lowest = start
        self._change(document, text, changes)

    def _replacement(self, text: str, end: int) -> tuple[int, str]:
        """Where what is replaced begins, and by what."""
        chance = self._chance
        kind = chance.random()
        start = end
        if kind < 0.35:
            start = max(0, end - chance.choice((1, 1, 1, 2, 5, 40)))
            if text[start - 1 : start + 1] == "\r\n":
                start -= 1
        new = (
            ""
            if kind < 0.25
            else chance.choice(TYPED)
            if kind < 0.8
            else chance.choice(ODD)
            if kind < 0.92
            else chance.choice(FOREIGN)
            if kind < 0.97
            else self._piece()
        )
        return max(start, 0), new

    def _piece(self) -> str:
        """A part of some document."""
        text = self._chance.choice(self._documents).first
        start = self._chance.randint(0, len(text))
        return text[start : start + self._chance.randint(1, 400)]

    def _change(self, document: Document, text: str, changes: list[Json]) -> None:
        document.text = text
        document.version += 1
        self._client.edit(document.name, changes, document.version)

    # -------------------------------------------------------------------------------------------------------- questions

    def _ask(self, document: Document) -> None:
        question = self._chance.choice(self._questions)
        self.asked[question.method] = self.asked.get(question.method, 0) + 1
        counted = Text(document.text, self._encoding)
        start = counted.offset(self._chance)
        end = min(len(counted.text), start + self._chance.randint(0, 200))
        here = Here(
            {"uri": self._client.uri(document.name)},
            counted.place(start).json(),
            counted.range(start, end),
            self._chance,
        )
        if question.then is not None and self._chance.random() < 0.3:
            # What an answer holds is asked about in turn: a completion is resolved, a call is followed.
            answer = self._client.request(question.method, question.params(here))
            items = answer.get("result") or []
            items = items.get("items", []) if isinstance(items, dict) else items
            items = [item for item in items if not isinstance(item.get("command"), str)]  # A command is not resolved.
            if items:
                follow, wrap = question.then
                self._start(follow, wrap(self._chance.choice(items)))
            return
        self._start(question.method, question.params(here))

    def _start(self, method: str, params: Json) -> None:
        number = self._client.start(method, params)
        cancelled = self._chance.random() < 0.1
        if cancelled:
            self._client.notify("$/cancelRequest", {"id": number})
        self._waiting.append((number, method, cancelled))


class Here(NamedTuple):
    """What a question is about."""

    document: Json
    position: Json
    range: Json
    chance: random.Random


class Question(NamedTuple):
    """A request with its parameters, and the request to make of an item of the answer."""

    method: str
    params: Callable[[Here], Json]
    then: tuple[str, Callable[[Json], Json]] | None = None


def questions(offered: Mapping[str, Json]) -> Iterator[Question]:
    """Everything that a server says it answers. What stands in no table here fails, so that nothing is left out."""
    for name, says in offered.items():
        if name in SILENT or (not says and says != {}):
            continue
        assert name in OFFERED, f"a server offers `{name}`: say in tests/fuzz.py how it is asked"
        details = says if isinstance(says, dict) else {}
        yield from OFFERED[name](details)


SILENT = frozenset({"positionEncoding", "textDocumentSync", "workspace", "experimental"})


def _document(here: Here) -> Json:
    return {"textDocument": here.document}


def _position(here: Here) -> Json:
    return {**_document(here), "position": here.position}


def _range(here: Here) -> Json:
    return {**_document(here), "range": here.range}


def _same(item: Json) -> Json:
    return item


def _at(method: str, params: Callable[[Here], Json], resolve: str | None = None) -> Callable[[Json], list[Question]]:
    """One request; where the server resolves items, also that."""

    def made(details: Json) -> list[Question]:
        follow = (resolve, _same) if resolve is not None and details.get("resolveProvider") else None
        return [Question(f"textDocument/{method}", params, follow)]

    return made


def _rename(details: Json) -> list[Question]:
    def renamed(here: Here) -> Json:
        return {**_position(here), "newName": here.chance.choice(("renamed", "N", "x", "let", "", "é"))}

    found = [Question("textDocument/rename", renamed)]
    if details.get("prepareProvider"):
        found.append(Question("textDocument/prepareRename", _position))
    return found


def _tokens(details: Json) -> list[Question]:
    found = [Question("textDocument/semanticTokens/full", _document)]
    if details.get("range"):
        found.append(Question("textDocument/semanticTokens/range", _range))
    full = details.get("full")
    if isinstance(full, dict) and full.get("delta"):

        def delta(here: Here) -> Json:
            return {**_document(here), "previousResultId": str(here.chance.randint(0, 50))}

        found.append(Question("textDocument/semanticTokens/full/delta", delta))
    return found


def _calls(details: Json) -> list[Question]:
    def item(found: Json) -> Json:
        return {"item": found}

    return [
        Question("textDocument/prepareCallHierarchy", _position, (f"callHierarchy/{way}", item))
        for way in ("incomingCalls", "outgoingCalls")
    ]


def _diagnostics(details: Json) -> list[Question]:
    found = [Question("textDocument/diagnostic", _document)]
    if details.get("workspaceDiagnostics"):
        found.append(Question("workspace/diagnostic", lambda here: {"previousResultIds": []}))
    return found


def _commands(details: Json) -> list[Question]:
    def command(name: str) -> Question:
        return Question("workspace/executeCommand", lambda here: {"command": name, "arguments": _arguments(here)})

    return [command(name) for name in details["commands"]]


def _arguments(here: Here) -> list[Json]:
    return here.chance.choice(([], [3], [here.document["uri"]], [here.document["uri"], here.position], [{}, None]))


def _symbols(details: Json) -> list[Question]:
    query = Question("workspace/symbol", lambda here: {"query": here.chance.choice(("", "a", "Linear", "é"))})
    return [query._replace(then=("workspaceSymbol/resolve", _same)) if details.get("resolveProvider") else query]


OFFERED: Mapping[str, Callable[[Json], list[Question]]] = {
    "hoverProvider": _at("hover", _position),
    "completionProvider": _at("completion", _position, "completionItem/resolve"),
    "signatureHelpProvider": _at("signatureHelp", _position),
    "definitionProvider": _at("definition", _position),
    "declarationProvider": _at("declaration", _position),
    "typeDefinitionProvider": _at("typeDefinition", _position),
    "implementationProvider": _at("implementation", _position),
    "referencesProvider": _at("references", lambda here: {**_position(here), "context": {"includeDeclaration": True}}),
    "documentHighlightProvider": _at("documentHighlight", _position),
    "linkedEditingRangeProvider": _at("linkedEditingRange", _position),
    "documentSymbolProvider": _at("documentSymbol", _document),
    "foldingRangeProvider": _at("foldingRange", _document),
    "codeLensProvider": _at("codeLens", _document, "codeLens/resolve"),
    "documentLinkProvider": _at("documentLink", _document, "documentLink/resolve"),
    "selectionRangeProvider": _at("selectionRange", lambda here: {**_document(here), "positions": [here.position]}),
    "inlayHintProvider": _at("inlayHint", _range, "inlayHint/resolve"),
    "codeActionProvider": _at(
        "codeAction", lambda here: {**_range(here), "context": {"diagnostics": []}}, "codeAction/resolve"
    ),
    "documentFormattingProvider": _at("formatting", lambda here: {**_document(here), **OPTIONS}),
    "documentRangeFormattingProvider": _at("rangeFormatting", lambda here: {**_range(here), **OPTIONS}),
    "documentOnTypeFormattingProvider": _at(
        "onTypeFormatting", lambda here: {**_position(here), "ch": "\n", **OPTIONS}
    ),
    "renameProvider": _rename,
    "semanticTokensProvider": _tokens,
    "callHierarchyProvider": _calls,
    "diagnosticProvider": _diagnostics,
    "executeCommandProvider": _commands,
    "workspaceSymbolProvider": _symbols,
}

OPTIONS: dict[str, Json] = {"options": {"tabSize": 2, "insertSpaces": True}}
