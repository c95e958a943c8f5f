"""The smallest client of a language server: JSON over pipes, one thread that reads."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Any

from tests.command import TENUTO, clean_environment

Json = Any  # What a message may hold is the protocol's business; tests compare it with what they expect.

PATIENCE = 200.0  # Seconds: what answers at all has answered by then on the slowest machine.


class Client:
    """A server process and what it said."""

    def __init__(self, folder: Path, command: list[str] | None = None) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            command or [*TENUTO, "lsp"],
            cwd=folder,
            env=clean_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.asked: list[str] = []  # The methods of the requests that the server made.
        self._id = 0
        self._answers: Queue[Json] = Queue()
        self._notifications: Queue[Json] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    def initialize(self, capabilities: Mapping[str, Json] | None = None) -> Json:
        result = self.request(
            "initialize",
            {"processId": os.getpid(), "rootUri": self.folder.as_uri(), "capabilities": capabilities or {}},
        )["result"]
        self.notify("initialized", {})
        return result

    def request(self, method: str, params: Json) -> Json:
        """Asks, and waits for the answer: the message with `result` or `error`."""
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        answer = self._answers.get(timeout=PATIENCE)
        assert answer["id"] == self._id
        return answer

    def notify(self, method: str, params: Json) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def heard(self, method: str) -> Json:
        """The parameters of the next notification of this kind; others before it are dropped."""
        while True:
            message = self._notifications.get(timeout=PATIENCE)
            if message["method"] == method:
                return message["params"]

    def silent(self) -> bool:
        """Whether the server has said nothing that was not heard; call it after an answer."""
        return self._notifications.empty()

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> None:
        document = {"uri": self.uri(name), "languageId": "tenuto", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, name: str, text: str, version: int = 2) -> None:
        document = {"uri": self.uri(name), "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def leave(self) -> int:
        """Says good-bye as the protocol asks, and returns the server's exit code."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.process.wait(PATIENCE)

    def _send(self, message: Json) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                header = stream.readline()
            message = json.loads(stream.read(length))
            if "method" not in message:
                self._answers.put(message)
            elif "id" not in message:
                self._notifications.put(message)
            else:
                self.asked.append(message["method"])
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": None})
