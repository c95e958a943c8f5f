"""`tenuto lsp` beside `ty server`, `pyrefly lsp` and `pyright-langserver`, on files of 1,000 and 5,000 lines.

Run by `./dev bench lsp`. The peers get PyTorch modules of the same length, Pyrefly with the shapes. All servers run at
the same time and take turns, so that a slow moment of the machine touches all alike. An edit is a statement with a name
that nothing has, put into a body; what counts is the time until the server, asked for findings, names it. Pyright comes
from npm and is left out where there is none.
"""

from __future__ import annotations

import math
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import programs, torch_modules
from tests.benchmarks.bench_check import HOME, installed
from tests.benchmarks.processes import TENUTO, verdict
from tests.client import Client, Json

PYRIGHT = "pyright@1.1.414"
TENUTO_LSP, TY, PYREFLY, PYRIGHT_LSP = "tenuto", "ty", "pyrefly", "pyright"
LINES = (1_000, 5_000)
EDITS, HOVERS, COMPLETIONS, STARTS = 30, 40, 10, 3
PATIENCE = 30.0

# Against ty, and in milliseconds where the machine is quiet.
RATIO = {1_000: 0.3, 5_000: 0.12}
QUIET = {1_000: 12.0, 5_000: 20.0}


class Server(NamedTuple):
    """How a server is started, and where in its language an edit, a hover and a completion are asked for."""

    command: list[str]
    suffix: str
    edit: str  # Before lines that match this, a statement may stand.
    statement: str  # `$` is a name that nothing has.
    hover: str
    unfinished: str  # A statement that waits for a name.


class Measured(NamedTuple):
    """Milliseconds, but for the start in seconds and the memory in megabytes; empty where a server offers nothing."""

    start: list[float]
    edits: list[float]
    hovers: list[float]
    completions: list[float]
    memory: list[float]


def main() -> int:
    servers = dict(found_servers())
    found = {lines: measured(servers, lines) for lines in LINES}
    for lines, costs in found.items():
        print(f"  {lines} lines   start s   an edit, ms (p95)   hover, ms (p95)   completion, ms (p95)   MB")
        for name, cost in costs.items():
            print(
                f"  {name:10} {median(cost.start):9.2f} {shown(cost.edits):>20} {shown(cost.hovers):>17}"
                f" {shown(cost.completions):>22} {median(cost.memory):6.0f}"
            )
    met = []
    for lines, costs in found.items():
        own, ty = costs[TENUTO_LSP], costs[TY]
        met += [
            verdict(f"{lines} lines, an edit, against ty", median(own.edits) / median(ty.edits), RATIO[lines]),
            verdict(f"{lines} lines, an edit, ms", median(own.edits), QUIET[lines]),
            verdict(f"{lines} lines, an edit, p95 against p50", p95(own.edits) / median(own.edits), 2.5),
            verdict(f"{lines} lines, hover, ms", median(own.hovers), 1.2),
            verdict(f"{lines} lines, completion after an edit, ms", median(own.completions), 15.0),
        ]
    short, long = (costs[TENUTO_LSP] for costs in found.values())
    met += [
        verdict("an edit in 5,000 lines against one in 1,000", median(long.edits) / median(short.edits), 1.7),
        verdict("5,000 lines, start to the first findings, s", median(long.start), 0.9),
        verdict("memory against Pyrefly", median(long.memory) / median(found[5_000][PYREFLY].memory), 0.25),
    ]
    return 0 if all(met) else 1


def found_servers() -> Iterator[tuple[str, Server]]:
    peers = installed()
    python = (".py", r" {8}return ", "        $\n", r" {8}h\d? = (\w+)", "        typed = torch.")
    yield (
        TENUTO_LSP,
        Server([TENUTO, "lsp"], ".ten", r"  let ", "  let typed = $\n", r"  let \w+ = (\w+)", "  let typed = rel"),
    )
    yield TY, Server([str(peers / "ty"), "server"], *python)
    yield PYREFLY, Server([str(peers / "pyrefly"), "lsp"], *python)
    npm = shutil.which("npm")
    if npm is not None:
        folder = HOME / "pyright"
        subprocess.run([npm, "install", "--silent", "--no-save", "--prefix", str(folder), PYRIGHT], check=True)
        yield PYRIGHT_LSP, Server([str(folder / "node_modules/.bin/pyright-langserver"), "--stdio"], *python)


def measured(servers: Mapping[str, Server], lines: int) -> dict[str, Measured]:
    """What each server took for a file of so many lines."""
    found = {name: Measured([], [], [], [], []) for name in servers}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        editors: dict[str, Editor] = {}
        for name, server in servers.items():
            folder = Path(temporary) / name
            folder.mkdir()
            text = write_program(folder, server, lines, shapes=name == PYREFLY)
            for _ in range(STARTS if name == TENUTO_LSP else 1):
                with Client(folder, server.command) as client:
                    found[name].start.append(Editor(client, server, text).started)
            editors[name] = Editor(stack.enter_context(Client(folder, server.command)), server, text)
        for number in range(EDITS + 3):
            for name, editor in editors.items():
                took = editor.edit(number)
                if number >= 3:  # The first ones find nothing warm.
                    found[name].edits.append(took)
        for _ in range(HOVERS):
            for name, editor in editors.items():
                found[name].hovers.extend(editor.hover())
        for _ in range(COMPLETIONS):
            for name, editor in editors.items():
                found[name].completions.extend(editor.complete())
        for name, editor in editors.items():
            found[name].memory.append(memory(editor.client.process.pid))
    return found


def write_program(folder: Path, server: Server, lines: int, shapes: bool) -> str:
    """Write the file, and what its checker must know."""
    if server.suffix == ".ten":
        (folder / "tenuto.toml").touch()
        return programs.program(lines)
    torch_modules.write_modules(folder, 1, lines, shapes)
    interpreter = installed() / "python"
    (folder / "pyrefly.toml").write_text(
        f'python-version = "3.13"\npython-interpreter-path = "{interpreter}"\n', encoding="utf-8"
    )
    return (folder / "module00.py").read_text(encoding="utf-8")


class Editor:
    """A client with one open file."""

    def __init__(self, client: Client, server: Server, text: str) -> None:
        self.client = client
        self._name = f"main{server.suffix}"
        self._server = server
        self._lines = text.split("\n")
        self._version = 1
        self._chance = random.Random(len(self._lines))
        self._places = [n for n, line in enumerate(self._lines) if re.match(server.edit, line)]
        (client.folder / self._name).write_text(text, encoding="utf-8")
        self._offered = client.initialize(
            {"textDocument": {"diagnostic": {}}, "workspace": {"configuration": True}},
            workspaceFolders=[{"uri": client.folder.as_uri(), "name": "w"}],
        )["capabilities"]
        language = "tenuto" if server.suffix == ".ten" else "python"
        document = {"uri": client.uri(self._name), "languageId": language, "version": 1, "text": text}
        client.notify("textDocument/didOpen", {"textDocument": document})
        self._findings(lambda items: True)
        self.started = time.perf_counter() - client.begun
        if "semanticTokensProvider" in self._offered:  # As every editor asks that shows them.
            client.request("textDocument/semanticTokens/full", client.document(self._name))

    def edit(self, number: int) -> float:
        """How long it takes until a new mistake is found; it is mended again afterwards."""
        name = f"nothing_like_{number}"
        line = self._chance.choice(self._places)
        begun = time.perf_counter()
        self._insert(line, self._server.statement.replace("$", name))
        self._findings(lambda items: any(name in item["message"] for item in items))
        took = time.perf_counter() - begun
        self._remove(line)
        self._findings(lambda items: not any(name in item["message"] for item in items))
        return 1000 * took

    def hover(self) -> list[float]:
        """How long a hover takes on some name of a body; nothing where there is none to be had."""
        if not self._offered.get("hoverProvider"):
            return []
        matches = ((number, re.match(self._server.hover, line)) for number, line in enumerate(self._lines))
        places = [(number, found.start(1)) for number, found in matches if found is not None]
        line, column = self._chance.choice(places)
        begun = time.perf_counter()
        self._ask("hover", line, column)
        return [1000 * (time.perf_counter() - begun)]

    def complete(self) -> list[float]:
        """How long it takes from an edit to the completions behind it."""
        if not self._offered.get("completionProvider"):
            return []
        line = self._chance.choice(self._places)
        begun = time.perf_counter()
        self._insert(line, self._server.unfinished + "\n")
        self._ask("completion", line, len(self._server.unfinished))
        took = time.perf_counter() - begun
        self._remove(line)
        self._findings(lambda items: True)
        return [1000 * took]

    def _ask(self, what: str, line: int, column: int) -> None:
        place = {"line": line, "character": column}
        answer = self.client.request(f"textDocument/{what}", {**self.client.document(self._name), "position": place})
        if "error" in answer:
            raise RuntimeError(f"{self._server.command[0]}: {what}: {answer['error']}")

    def _insert(self, line: int, text: str) -> None:
        self._change(line, line, text)

    def _remove(self, line: int) -> None:
        self._change(line, line + 1, "")

    def _change(self, first: int, last: int, text: str) -> None:
        self._version += 1
        start, end = {"line": first, "character": 0}, {"line": last, "character": 0}
        self.client.edit(self._name, [{"range": {"start": start, "end": end}, "text": text}], self._version)

    def _findings(self, expected: Callable[[list[Json]], bool]) -> None:
        """Waits until the findings are as expected."""
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end:
            answer = self.client.request("textDocument/diagnostic", self.client.document(self._name))
            items = answer.get("result", {}).get("items")
            if items is not None and expected(items):
                return
        raise RuntimeError(f"{self._server.command[0]}: no findings as expected")


def memory(process: int) -> float:
    """The megabytes that a process and its children held at most."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = status.read_text(encoding="utf-8").rpartition(")")
            children.setdefault(int(rest.split()[1]), []).append(int(name.split()[0]))
    kilobytes = 0
    waiting = [process]
    while waiting:
        current = waiting.pop()
        waiting += children.get(current, [])
        found = re.search(r"^VmHWM:\s+(\d+)", Path(f"/proc/{current}/status").read_text(encoding="utf-8"), re.MULTILINE)
        kilobytes += int(found[1]) if found is not None else 0
    return kilobytes / 1024


def median(values: list[float]) -> float:
    return statistics.median(values) if values else math.nan


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))] if values else math.nan


def shown(values: list[float]) -> str:
    return f"{median(values):.1f} ({p95(values):.1f})" if values else "-"


if __name__ == "__main__":
    sys.exit(main())
