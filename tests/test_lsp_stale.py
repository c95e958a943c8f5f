"""What is stale is not waited for: cancelled requests, edits and urgent requests while something is computed.

The server runs in this process with features of the tests, which hold still until they are let go.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from lsprotocol import types

from tenuto_analysis.modules import keys
from tenuto_server.protocol.feature import Context, Feature, Refused
from tenuto_server.worker import Urgency
from tests.client import PATIENCE, Connection, Json, served
from tests.command import CLEAN, FAULTY

CANCELLED, MODIFIED, SERVER_CANCELLED, FAILED, INTERNAL = -32800, -32801, -32802, -32803, -32603


class Held:
    """A feature that stands still in its first run, then asks the database, and tells the text that it saw."""

    def __init__(self) -> None:
        self.started = Event()
        self.released = Event()
        self.runs = 0

    def __call__(self, context: Context, params: Any) -> list[types.Moniker]:
        self.runs += 1
        self.started.set()
        assert self.released.wait(PATIENCE)
        seen = []
        for uri in (params.text_document.uri, params.text_document.uri.replace("a.ten", "b.ten")):
            page = context.page(uri)
            context.workspace.reports(page.file)
            names = "+".join(key for key, _ in keys(context.workspace.database, page.file))
            seen.append(types.Moniker(uri[-5:], names, types.UniquenessLevel.Document))
        return seen


def failing(context: Context, params: Any) -> None:
    raise ValueError("this was to be expected")


def unwritable(context: Context, params: Any) -> object:
    return [object()]


def refusing(context: Context, params: Any) -> None:
    raise Refused("not today")


# Any methods will do that the server does not have in life, with parameters that name a document.
HELD = "textDocument/moniker"
SOON = "textDocument/documentColor"
FAILING = "textDocument/inlineValue"
REFUSING = "textDocument/willSaveWaitUntil"
UNWRITABLE = "textDocument/inlineCompletion"


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def connection(tmp_path: Path, held: Held) -> Iterator[Connection]:
    (tmp_path / "tenuto.toml").touch()
    features = (
        Feature(HELD, held, urgency=Urgency.SOON),
        Feature(SOON, held, urgency=Urgency.LATER, asks_again=True),
        Feature(FAILING, failing),
        Feature(REFUSING, refusing),
        Feature(UNWRITABLE, unwritable),
    )
    with served(tmp_path, features) as made:
        made.initialize({"textDocument": {"diagnostic": {}}})
        made.open("a.ten", CLEAN)
        yield made


def held_request(connection: Connection, held: Held, method: str = HELD) -> int:
    """A request that has begun and stands still."""
    params = {**connection.document("a.ten"), "position": {"line": 0, "character": 0}}
    number = connection.start(method, params)
    assert held.started.wait(PATIENCE)
    return number


def seen(answer: Json) -> dict[str, str]:
    """What each document declared when the held feature saw it."""
    return {item["scheme"]: item["identifier"] for item in answer["result"]}


def code(answer: Json) -> Json:
    return answer["error"]["code"]


def test_a_cancelled_request_is_answered_while_it_is_computed(connection: Connection, held: Held) -> None:
    number = held_request(connection, held)
    connection.notify("$/cancelRequest", {"id": number})
    assert code(connection.answer(number)) == CANCELLED
    held.released.set()
    assert connection.request("textDocument/documentSymbol", connection.document("a.ten"))["result"]
    connection.notify("$/cancelRequest", {"id": number})
    assert connection.text("a.ten") == CLEAN


def test_a_request_that_waits_can_be_cancelled(connection: Connection, held: Held) -> None:
    first = held_request(connection, held)
    second = connection.start("textDocument/foldingRange", connection.document("a.ten"))
    connection.notify("$/cancelRequest", {"id": second})
    assert code(connection.answer(second)) == CANCELLED
    held.released.set()
    assert seen(connection.answer(first)) == {"a.ten": "double", "b.ten": ""}


def test_an_edit_outdates_what_is_asked_about_its_document(connection: Connection, held: Held) -> None:
    number = held_request(connection, held)
    waiting = connection.start("textDocument/foldingRange", connection.document("a.ten"))
    connection.change("a.ten", FAULTY)
    assert code(connection.answer(number)) == MODIFIED
    assert code(connection.answer(waiting)) == MODIFIED
    held.released.set()
    answer = connection.request("textDocument/diagnostic", connection.document("a.ten"))
    assert len(answer["result"]["items"]) == 1


def test_who_pulls_is_told_to_pull_again(connection: Connection, held: Held) -> None:
    number = held_request(connection, held, SOON)
    connection.change("a.ten", FAULTY)
    answer = connection.answer(number)
    assert code(answer) == SERVER_CANCELLED
    assert answer["error"]["data"] == {"retriggerRequest": True}
    held.released.set()


def test_an_edit_elsewhere_starts_a_request_again_with_the_new_text(connection: Connection, held: Held) -> None:
    number = held_request(connection, held)
    connection.open("b.ten", CLEAN.replace("double", "twice"))
    assert connection.text("b.ten") is not None, "edits wait for nothing"
    held.released.set()
    assert seen(connection.answer(number)) == {"a.ten": "double", "b.ten": "twice"}
    assert held.runs == 2


def test_what_is_urgent_does_not_wait_for_what_runs(connection: Connection, held: Held) -> None:
    background = held_request(connection, held)
    urgent = connection.start(
        "textDocument/formatting", {**connection.document("a.ten"), "options": {"tabSize": 2, "insertSpaces": True}}
    )
    held.started.clear()
    connection.text("a.ten")
    held.released.set()
    assert connection.answer(urgent)["result"] == []
    assert connection.answer(background)["result"]
    assert held.runs == 2, "it was stopped for the urgent one"


def test_a_workspace_is_checked_file_by_file_and_can_be_stopped(connection: Connection, held: Held) -> None:
    for name in "bcde":
        (connection.folder / f"{name}.ten").write_text(FAULTY, encoding="utf-8")
    held_request(connection, held)
    number = connection.start("workspace/diagnostic", {"previousResultIds": [], "workDoneToken": "w"})
    assert connection.text("a.ten") is not None
    connection.notify("window/workDoneProgress/cancel", {"token": "w"})
    assert code(connection.answer(number)) == CANCELLED
    held.released.set()
    answer = connection.request("workspace/diagnostic", {"previousResultIds": []})
    assert [len(item["items"]) for item in answer["result"]["items"]] == [1, 1, 1, 1]


def test_a_mistake_of_ours_is_told_and_survived(connection: Connection) -> None:
    place = {"line": 0, "character": 0}
    nothing = {"start": place, "end": place}
    context = {"frameId": 1, "stoppedLocation": nothing, "triggerKind": 1}
    where = {"position": place, "range": nothing, "reason": 1, "context": context}
    params = {**connection.document("a.ten"), **where}
    answer = connection.request(FAILING, params)
    assert code(answer) == INTERNAL
    assert "this was to be expected" in answer["error"]["message"]
    logged = connection.heard("window/logMessage")
    assert logged["type"] == 1
    assert "ValueError: this was to be expected" in logged["message"]
    refused = connection.request(REFUSING, params)["error"]
    assert refused == {"code": FAILED, "message": "not today"}
    assert code(connection.request(UNWRITABLE, params)) == INTERNAL
    assert connection.heard("window/logMessage")
    assert connection.silent()
    assert connection.text("a.ten") == CLEAN


def test_what_is_in_flight_at_the_end_is_cancelled(connection: Connection, held: Held) -> None:
    number = held_request(connection, held)
    down = connection.start("shutdown", None)
    assert code(connection.answer(number)) == CANCELLED
    assert connection.answer(down)["result"] is None
    held.released.set()
