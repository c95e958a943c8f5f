"""pygls with an answer for everything that a client may send.

What pygls leaves open is settled here: malformed messages and parameters, requests at the wrong time, a reply to a
request that nobody waits for any more. Requests of our own table are handed on at once, in the order of the messages,
so that each meets the documents as they were when it was made.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol

from tenuto_analysis.compat import override
from tenuto_server.protocol.transport import Writer

# pygls logs what it tells the client anyway, and all messages: the client's log is the place for what matters.
logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)

Json = Any  # What a message may hold is checked step by step.
Number = int | str

PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED = -32002


class Handlers(Protocol):
    """What the server does with messages of its own table; each is called in the event loop's thread."""

    requests: Mapping[str, Callable[[Number, Any], None]]
    notifications: Mapping[str, Callable[[Any], None]]

    def exit(self, code: int) -> None: ...

    def failed(self, error: BaseException) -> None: ...


class Rpc(LanguageServerProtocol):
    """The protocol of one connection; `handlers` and `sink` are set by the server before the first message."""

    handlers: Handlers
    sink: Writer
    _initialized = False

    def receive(self, body: bytes) -> None:
        """Handles a message; whatever it is, the server lives, and a request gets a reply."""
        try:
            message: Json = json.loads(body)
        except (ValueError, RecursionError):
            self.refuse(None, PARSE_ERROR, "this is not JSON")
            return
        if not isinstance(message, dict):
            self.refuse(None, INVALID_REQUEST, "a message is an object")
            return
        number, method = message.get("id"), message.get("method")
        if message.get("jsonrpc") != self.VERSION:
            self.refuse(number, INVALID_REQUEST, "a message is one of JSON-RPC 2.0")
        elif "method" not in message:
            self._receive_reply(message)
        elif not isinstance(method, str):
            self.refuse(number, INVALID_REQUEST, "a method is named by a string")
        elif "id" not in message:
            self._receive_notification(method, message)
        elif isinstance(number, bool) or not isinstance(number, int | str):
            self.refuse(None, INVALID_REQUEST, "a request is numbered by an integer or a string")
        else:
            self._receive_request(number, method, message)

    def refuse(self, number: Json, code: int, reason: str, data: object = None) -> None:
        """Replies with an error; to None where a request cannot be told from anything else."""
        known = number if isinstance(number, int | str) and not isinstance(number, bool) else None
        self._send_data(types.ResponseErrorMessage(known, types.ResponseError(code, reason, data), self.VERSION))

    def reply(self, number: Number, method: str, result: object) -> None:
        """Replies with a result."""
        if method in types.METHOD_TO_TYPES:
            self._result_types[number] = types.METHOD_TO_TYPES[method][1]
        try:
            self._send_response(number, result)
        except Exception as error:
            self.handlers.failed(error)
            self.refuse(number, types.ErrorCodes.InternalError, "a mistake in Tenuto: the answer cannot be written")

    def shut_down(self) -> None:
        """From now on only `exit` is welcome."""
        self._shutdown = True

    def _receive_request(self, number: Number, method: str, message: Json) -> None:
        if self._shutdown:
            self.refuse(number, INVALID_REQUEST, "the server was told to shut down")
        elif not self._initialized and method != types.INITIALIZE:
            self.refuse(number, NOT_INITIALIZED, "the first request is `initialize`")
        elif self._initialized and method == types.INITIALIZE:
            self.refuse(number, INVALID_REQUEST, "the server is initialized")
        elif not self._knows(method):
            self.refuse(number, UNKNOWN_METHOD, f"there is no method `{method}` here")
        else:
            structured = self._structured(message)
            if structured is None:
                self.refuse(number, INVALID_PARAMS, f"these are no parameters of `{method}`")
                return
            self._initialized = True
            own = self.handlers.requests.get(method)
            if own is None:
                self.handle_message(structured)
                return
            try:
                own(number, structured.params)
            except Exception as error:
                self.handlers.failed(error)
                self.refuse(number, types.ErrorCodes.InternalError, f"a mistake in Tenuto: {error!r}")

    def _receive_notification(self, method: str, message: Json) -> None:
        if method == types.EXIT:
            self.handlers.exit(0 if self._shutdown else 1)
            return
        if not self._initialized or self._shutdown or not (self._knows(method) or method == types.CANCEL_REQUEST):
            return
        structured = self._structured(message)
        if structured is None:
            return
        own = self.handlers.notifications.get(method)
        if own is None:
            self.handle_message(structured)
            return
        try:
            own(structured.params)
        except Exception as error:
            self.handlers.failed(error)

    def _receive_reply(self, message: Json) -> None:
        number = message.get("id")
        future = self._request_futures.get(number) if isinstance(number, int | str) else None
        if future is None or future.done():
            self._request_futures.pop(number, None)
            return
        structured = self._structured(message)
        if structured is not None:
            self.handle_message(structured)
        else:
            self._request_futures.pop(number).cancel()

    def _knows(self, method: str) -> bool:
        own = method in self.handlers.requests or method in self.handlers.notifications
        return own or method in self.fm.features or method in self.fm.builtin_features

    def _structured(self, message: Json) -> Any:
        """A message with the types of its method, None where it does not fit them."""
        try:
            return self.structure_message(message)
        except JsonRpcException:
            return None

    @override
    def _send_data(self, data: Any) -> None:
        """Writes a message; unlike that of pygls it raises where a message cannot be written as JSON."""
        body = json.dumps(data, default=self._serialize_message, separators=(",", ":")).encode()
        self.sink.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
