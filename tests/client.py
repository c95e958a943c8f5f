"""The smallest client of a language server: JSON over pipes, one thread that reads."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Condition, Thread
from types import TracebackType
from typing import IO, Any

from tenuto_server.protocol.feature import Feature
from tenuto_server.protocol.server import FEATURES, converse
from tests.command import TENUTO, clean_environment

Json = Any  # What a message may hold is the protocol's business; tests compare it with what they expect.

PATIENCE = 60.0  # seconds


class Connection:
    """The client's end of two streams, and what the server said."""

    def __init__(self, folder: Path, source: IO[bytes], sink: IO[bytes]) -> None:
        self.folder = folder
        self.asked: list[str] = []  # The methods of the requests that the server made.
        self.configuration: Json = None  # What it is told where it asks for settings.
        self._source = source
        self._sink = sink
        self._id = 0
        self._answers: dict[Json, Json] = {}
        self._news = Condition()
        self._notifications: Queue[Json] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def initialize(self, capabilities: Mapping[str, Json] | None = None, **others: Json) -> Json:
        params = {"processId": os.getpid(), "rootUri": self.folder.as_uri(), "capabilities": capabilities or {}}
        result = self.request("initialize", {**params, **others})["result"]
        self.notify("initialized", {})
        return result

    def request(self, method: str, params: Json) -> Json:
        """Asks, and waits for the answer: the message with `result` or `error`."""
        return self.answer(self.start(method, params))

    def start(self, method: str, params: Json) -> int:
        """Asks, and returns the number of the request."""
        self._id += 1
        self.send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        return self._id

    def answer(self, number: Json) -> Json:
        """Waits for the answer to a request."""
        with self._news:
            assert self._news.wait_for(lambda: number in self._answers, PATIENCE), f"no answer to {number}"
            return self._answers.pop(number)

    def notify(self, method: str, params: Json) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def heard(self, method: str) -> Json:
        """The parameters of the next notification of this kind; others before it are dropped."""
        while True:
            message = self._notifications.get(timeout=PATIENCE)
            if message["method"] == method:
                return message["params"]

    def was_asked(self, method: str) -> None:
        """Waits until the server asks for this."""
        with self._news:
            assert self._news.wait_for(lambda: method in self.asked, PATIENCE), f"{method} was not asked"

    def silent(self) -> bool:
        """Whether the server has said nothing that was not heard; call it after an answer."""
        return self._notifications.empty()

    def forget_notifications(self) -> None:
        """Drops what the server said on its own."""
        while not self._notifications.empty():
            self._notifications.get()

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def document(self, name: str) -> Json:
        return {"textDocument": {"uri": self.uri(name)}}

    def open(self, name: str, text: str) -> None:
        document = {"uri": self.uri(name), "languageId": "tenuto", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, name: str, text: str, version: int = 2) -> None:
        self.edit(name, [{"text": text}], version)

    def edit(self, name: str, changes: Sequence[Json], version: int = 2) -> None:
        document = {"uri": self.uri(name), "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [*changes]})

    def text(self, name: str) -> Json:
        """What the server takes the text of an open document to be."""
        return self.request("tenuto/text", {"uri": self.uri(name)})["result"]

    def send(self, message: Json) -> None:
        self.send_bytes(json.dumps(message).encode())

    def send_bytes(self, body: bytes) -> None:
        self._sink.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._sink.flush()

    def _read(self) -> None:
        while header := self._source.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                header = self._source.readline()
            message = json.loads(self._source.read(length))
            if "method" not in message:
                with self._news:
                    self._answers[message.get("id")] = message
                    self._news.notify_all()
            elif "id" not in message:
                self._notifications.put(message)
            else:
                with self._news:
                    self.asked.append(message["method"])
                    self._news.notify_all()
                items = message["params"]["items"] if message["method"] == "workspace/configuration" else None
                reply = [self.configuration for _ in items] if items is not None else None
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": reply})


class Client(Connection):
    """A server process."""

    def __init__(self, folder: Path, command: list[str] | None = None) -> None:
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            command or [*TENUTO, "lsp"],
            cwd=folder,
            env=clean_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        super().__init__(folder, self.process.stdout, self.process.stdin)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self._source, self._sink):
            stream.close()

    def leave(self) -> int:
        """Says good-bye as the protocol asks, and returns the server's exit code."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.process.wait(PATIENCE)


@contextmanager
def served(folder: Path, features: tuple[Feature, ...] = ()) -> Iterator[Connection]:
    """A server in a thread of this process, with more features than it has in life."""
    (theirs, to_them), (ours, to_us) = os.pipe(), os.pipe()
    with open(theirs, "rb") as source, open(to_us, "wb") as sink, open(ours, "rb") as heard:
        server = Thread(target=lambda: asyncio.run(converse(source, sink, (*FEATURES, *features))), daemon=True)
        server.start()
        try:
            with open(to_them, "wb") as told:
                connection = Connection(folder, heard, told)
                yield connection
        finally:
            server.join(PATIENCE)
            assert not server.is_alive()
            sink.close()
            connection._reader.join(PATIENCE)
